"""A report is safe to open, stands alone, and says first what a reader must know."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from holdfast.app.report import ReportData, Series, render, write_report
from holdfast.error import BrokenInvariant
from holdfast.event import Alert, Decided, LevelMoved, Quarantined, Scope

S = 10**9
START = 1_760_130_000 * S
BTC = Scope("binance", "BTCUSDT")
EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)>'


def _series(scope: Scope, n: int = 900, peak: float = 90.0) -> Series:
    score = np.linspace(0.0, peak, n)
    return Series(
        scope=scope,
        time_ns=START + np.arange(n, dtype=np.int64) * S,
        price=np.linspace(60_000.0, 50_000.0, n) if scope.instrument else np.empty(0),
        score=score,
        parts=np.column_stack([score * 0.4, score * 0.3, score * 0.15, score * 0.1, score * 0.05]),
        level=np.digitize(score, [25, 45, 65, 85]),
    )


def _run(scope: Scope = BTC, text: str = "fell", **changes: Any) -> ReportData:
    fields: dict[str, Any] = {
        "command": f"holdfast replay {text}",
        "version": "0.1.0",
        "ledger": f"out/{text}/ledger",
        "checkpoint": f"{text}\n12\n",
        "summary": {"messages": 3, "digest": text, "feeds": {text: {"gaps": 1, "latency_ms": {"p50": 1.5}}}},
        "series": [_series(scope), _series(Scope())],
        "alerts": [Alert(START + 60 * S, text, scope, "high", 9.0, 6.0, {text: text}, text)],
        "levels": [
            LevelMoved(START + 70 * S, scope, "normal", "watch", text),
            LevelMoved(START + 80 * S, scope, "watch", "halt", text),
            LevelMoved(START + 90 * S, Scope(), "normal", "halt", "later"),
        ],
        "decisions": [Decided(START + 80 * S, scope, text, "3", text, text, "halt", {text: text})],
        "quarantined": [Quarantined(text, 7, text, text, text)],
        "thresholds": {"watch": 25.0, "halt": 85.0},
        **changes,
    }
    return ReportData(**fields)


class _Elements(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs


def test_text_that_a_venue_chose_stays_text_wherever_it_appears() -> None:
    page = render(_run(Scope("binance", EVIL), EVIL))
    elements = _Elements(page)
    assert elements.tags.count("script") == 1
    assert "img" not in elements.tags
    assert not [name for name, _ in elements.attributes if name.startswith("on")]
    assert page.count("&lt;script&gt;alert(1)") > 10


def test_the_page_asks_the_network_nothing_and_runs_only_its_own_script() -> None:
    page = render(_run())
    references = [
        v for name, v in _Elements(page).attributes if name in {"src", "href"} and v and v[0] != "#"
    ]
    assert references == []
    assert not re.search(r"https?:|url\(|@import", page)
    script = page.split("<script>")[1].split("</script>")[0]
    allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert "default-src 'none'" in page.replace("&#x27;", "'")
    assert f"script-src 'sha256-{allowed}'" in page.replace("&#x27;", "'")


def _verdict(page: str) -> str:
    section = re.search(r'id="verdict".*?</section>', page, re.DOTALL)
    assert section
    return re.sub(r"<[^>]+>", " ", section[0])


def test_the_verdict_is_the_first_move_to_the_highest_level() -> None:
    verdict = _verdict(render(_run(text="because of the fall")))
    assert verdict.index("halt") < verdict.index("binance:BTCUSDT") < verdict.index("because of the fall")
    assert "21:01:20.000" in verdict
    assert "later" not in verdict


def test_a_calm_run_says_so() -> None:
    verdict = _verdict(render(_run(levels=[], decisions=[], series=[_series(BTC, peak=3.0)])))
    assert "No scope left normal" in verdict
    assert "halt" not in verdict


def test_a_run_that_saw_nothing_still_has_a_report() -> None:
    page = render(_run(series=[], alerts=[], levels=[], decisions=[], quarantined=[], summary={}))
    assert "None." in page


@pytest.mark.parametrize("price", [[], [np.nan] * 3, [5.0] * 3, [np.nan, 0.0, np.nan], [1e-9, 2e12, -4.0]])
def test_prices_that_are_absent_flat_broken_or_wild_can_be_drawn(price: list[float]) -> None:
    series = Series(
        scope=BTC,
        time_ns=START + np.arange(3, dtype=np.int64),
        price=np.array(price),
        score=np.array([np.nan, 50.0, 130.0]),
        parts=np.full((3, 5), np.nan),
        level=np.zeros(3, dtype=np.int8),
    )
    page = render(_run(series=[series]))
    assert ("plot price" in page) == bool(np.isfinite(np.array(price)).any())
    assert not re.search(r'd="[^"]*nan', page)


def test_series_whose_lengths_differ_are_refused() -> None:
    good = _series(BTC)
    with pytest.raises(BrokenInvariant, match=r"report\.shape"):
        Series(scope=BTC, time_ns=good.time_ns[1:], score=good.score, parts=good.parts, level=good.level)


def test_a_long_table_shows_its_beginning_and_says_where_the_rest_is() -> None:
    many = [Quarantined("a.gz", line, "frame.malformed", "not JSON", "{") for line in range(300)]
    page = render(_run(quarantined=many, summary={"quarantined": 4_711}))
    assert "4,461 more in <code>quarantine.jsonl</code>" in page
    assert "a.gz:249" in page
    assert "a.gz:250" not in page


def test_only_the_worst_instruments_are_drawn_and_all_are_listed() -> None:
    series = [_series(Scope("v", f"I{i:02}"), n=30, peak=float(i)) for i in range(50)]
    page = render(_run(series=series, alerts=[], levels=[]))
    assert page.count('id="chart-') == 12
    assert "<h3>v:I49</h3>" in page
    assert "<h3>v:I00</h3>" not in page
    assert "v:I00" in page


def test_many_alerts_share_markers_and_the_worst_gives_the_colour() -> None:
    alerts = [Alert(START + 100 * S, "d", BTC, "low", 1.0, 1.0, {}, f"m{i}") for i in range(40)]
    alerts.append(Alert(START + 100 * S, "d", BTC, "critical", 1.0, 1.0, {}, "worst"))
    page = render(_run(alerts=alerts))
    assert len(re.findall(r'class="marker', page)) == 1
    assert 'class="marker s-critical"' in page
    assert "and 35 more" in page


def test_the_file_is_small_and_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    run = _run(series=[_series(Scope("v", f"I{i}"), n=86_400) for i in range(12)])
    for name in ("a.html", "b.html"):
        write_report(tmp_path / name, run)
    page = (tmp_path / "a.html").read_bytes()
    assert page == (tmp_path / "b.html").read_bytes()
    assert len(page) < 2_000_000
