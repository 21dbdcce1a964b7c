"""The risk page is safe to open, stands alone, and shows the worst first; what it lacks it says."""

import re
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import numpy as np
import pytest

from holdfast.app.risk.desk import DeskAnswer, assess_files
from holdfast.app.risk.drawing import bars, histogram
from holdfast.app.risk.page import render
from holdfast.risk.draws import generator
from holdfast.risk.missing import Missing
from holdfast.risk.portfolio import Account

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "risk"
EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)>'
SECTIONS = (
    "At a glance", "Not in these numbers", "Margin", "What could be lost", "Scenarios", "Hedge", "Surfaces",
    "Exposure profile", "Where it lies", "Value and greeks", "Liquidity and reserve",
)  # fmt: skip


class _Elements(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in {"meta", "br", "rect", "path", "line"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in {"rect", "path", "line"}:
            assert self.open.pop() == tag


def _text(page: str) -> str:
    return re.sub(r"<[^>]+>", " ", page.split("</style>")[1])


@pytest.fixture(scope="module")
def example() -> DeskAnswer:
    return assess_files(EXAMPLES / "desk.csv", [EXAMPLES / "market.json"])


@pytest.fixture(scope="module")
def with_history(tmp_path_factory: pytest.TempPathFactory) -> DeskAnswer:
    folder = tmp_path_factory.mktemp("history")
    walk = 60_000.0 * np.exp(np.cumsum(1e-3 * generator(3).standard_normal(4_000)))
    start = np.datetime64("2026-01-01T00:00:00")
    rows = [
        f"{start + np.timedelta64(k, 'm')},{p:.1f},{p:.1f},{p:.1f},{p:.1f},10"
        for k, p in enumerate(walk.tolist())
    ]
    minutes = folder / "deribit_btc-perpetual_1m.csv"
    minutes.write_text("\n".join(("timestamp,open,high,low,close,volume", *rows)) + "\n")
    desk = folder / "desk.csv"
    desk.write_text(
        "venue,account,instrument,quantity,unit\n"
        "deribit,main,BTC-PERPETUAL,600000,quote\nderibit,main,BTC,5,cash\n"
        "deribit,thin,BTC-PERPETUAL,-6000000,quote\nderibit,thin,BTC,1,cash\n"
    )
    return assess_files(desk, [minutes])


def test_every_section_is_there_the_worst_first(example: DeskAnswer) -> None:
    page = render(example)
    places = [page.index(f"<h2>{name}") for name in SECTIONS]
    assert places == sorted(places)


def test_the_page_asks_the_network_nothing_and_runs_no_script(
    example: DeskAnswer, with_history: DeskAnswer
) -> None:
    for answer in (example, with_history):
        page = render(answer)
        elements = _Elements(page)
        assert not {"script", "img", "link", "iframe", "object", "a"} & set(elements.tags)
        assert not [
            name for name, _ in elements.attributes if name in {"src", "href"} or name.startswith("on")
        ]
        assert not re.search(r"https?:|url\(|@import", page)
        assert "default-src 'none'" in page.replace("&#x27;", "'")
        assert elements.open == []


def test_names_that_somebody_chose_stay_text(example: DeskAnswer) -> None:
    report = example.report
    gap = Missing(EVIL, EVIL, EVIL, EVIL)
    accounts = tuple(
        msgspec.structs.replace(one, account=Account(venue=EVIL, name=EVIL, margin_model=EVIL))
        for one in report.accounts
    )
    hostile = msgspec.structs.replace(
        report,
        portfolio=msgspec.structs.replace(report.portfolio, name=EVIL),
        accounts=(*accounts, msgspec.structs.replace(accounts[0], margin=gap)),
        scenarios=tuple(msgspec.structs.replace(one, name=EVIL, notes=(gap,)) for one in report.scenarios),
        assessments=(gap,),
        backtests=(gap,),
        profiles=(*(msgspec.structs.replace(one, key=(EVIL, EVIL)) for one in report.profiles), gap),
        reverse=gap,
        hedge=gap,
    )
    page = render(DeskAnswer(hostile, {}, (gap,), (gap,)))
    elements = _Elements(page)
    assert not {"script", "img"} & set(elements.tags)
    assert not [name for name, _ in elements.attributes if name.startswith("on")]
    assert page.count("&lt;script&gt;alert(1)") > 20


def test_a_whole_answer_does_not_call_itself_partial(example: DeskAnswer) -> None:
    assert "partial" not in _text(render(example))


def test_a_partial_answer_says_so_wherever_a_sum_stands(tmp_path: Path) -> None:
    desk = tmp_path / "desk.csv"
    desk.write_text((EXAMPLES / "desk.csv").read_text() + "deribit,main,BTC-26JUN26-90000-C,5,base,,,\n")
    answer = assess_files(desk, [EXAMPLES / "market.json"])
    text = _text(render(answer))
    for told in (
        "This answer is partial", "worth (partial)", "BTC (partial)", "deribit/main (partial)",
        "Scenarios of what is priced", "Hedge of what is priced", "deribit:BTC-26JUN26-90000-C: neither a surface",
    ):  # fmt: skip
        assert told in text
    assert "binance-usdm/trend (partial)" not in text
    margin = text[text.index(" Margin ") : text.index("What could be lost")]
    assert margin.count("unknown") >= 6


def test_losses_their_draws_and_the_backtest_are_shown(with_history: DeskAnswer) -> None:
    page = render(with_history)
    text = _text(page)
    for told in ("filtered", "historical", "monte carlo", "VaR 99%", "p count", "desk, 5 min"):
        assert told in text
    assert page.count("mark-line") >= 6
    assert re.search(r"green|yellow|red", text)


def test_a_call_is_first_and_comes_with_its_cures(with_history: DeskAnswer) -> None:
    text = _text(render(with_history))
    assert "1 called" in text[: text.index("Margin ")]
    assert "called now" in text
    assert "close BTC-PERPETUAL" in text


@pytest.mark.parametrize("profits", [[0.0] * 50, [3.0], [-1e12, 0.0, 1e12]], ids=["flat", "one", "huge"])
def test_any_draws_can_be_drawn(profits: list[float]) -> None:
    picture = histogram(np.array(profits), "model", [("VaR", 0.0)])
    assert "nan" not in picture
    assert "inf" not in picture


def test_bars_of_nothing_and_of_zeros_can_be_drawn() -> None:
    assert "None." in bars([])
    assert "width:0.00%" in bars([("a", 0.0)])
