"""The tables of a report. A long list shows its beginning and says where the rest is."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from holdfast.app.report.data import ReportData, Series
from holdfast.app.report.markup import Child, Markup, tag
from holdfast.app.report.words import figure, moment
from holdfast.event import LEVELS, SEVERITIES, Alert, Decided, LevelMoved

ROWS_MAX: Final = 250
EVIDENCE_MAX: Final = 12


def section(title: str, anchor: str, count: int | None, *body: Child) -> Markup:
    """Return a titled card."""
    number = tag("span", f"{count:,}", class_="count") if count is not None else None
    return tag("section", tag("h2", title, " ", number), body, class_="card", id=anchor)


def table(heads: Sequence[str], rows: Iterable[Sequence[Child]], *, numeric: Iterable[int] = ()) -> Markup:
    """Return a table; `numeric` columns are aligned right."""
    right = set(numeric)
    head = tag("tr", [tag("th", h, class_="n" if i in right else None) for i, h in enumerate(heads)])
    body = [
        tag("tr", [tag("td", c, class_="n" if i in right else None) for i, c in enumerate(row)])
        for row in rows
    ]
    return tag("div", tag("table", tag("thead", head), tag("tbody", body)), class_="scroll", tabindex=0)


def rest(total: int, shown: int, file: str) -> Markup | None:
    """Say where the rows that are not shown can be read."""
    return (
        tag("p", f"{total - shown:,} more in ", tag("code", file), class_="muted") if total > shown else None
    )


def alerts_by_detector(alerts: Sequence[Alert]) -> Markup:
    """Return the counts of alerts by detector and severity."""
    counts = Counter((alert.detector, alert.severity) for alert in alerts)
    totals = Counter(alert.detector for alert in alerts)
    rows = [
        (name, *(_count(counts[name, severity], severity) for severity in reversed(SEVERITIES)), f"{total:,}")
        for name, total in totals.most_common()
    ]
    return table(("detector", *reversed(SEVERITIES), "all"), rows, numeric=range(1, 6))


def alerts_table(alerts: Sequence[Alert]) -> Child:
    """Return the alerts in time order, the worst ones where there are too many."""
    worst = sorted(alerts, key=lambda a: (-SEVERITIES.index(a.severity), a.time_ns))[:ROWS_MAX]
    rows = [
        (
            _time(a.time_ns),
            _chip(a.severity, "s"),
            a.detector,
            str(a.scope),
            figure(a.value),
            figure(a.threshold),
            a.message,
        )
        for a in sorted(worst, key=lambda a: a.time_ns)
    ]
    heads = ("time (UTC)", "severity", "detector", "scope", "value", "threshold", "message")
    return table(heads, rows, numeric=(4, 5)), rest(len(alerts), len(rows), "alerts.jsonl")


def levels_table(levels: Sequence[LevelMoved]) -> Child:
    """Return the level moves in time order."""
    rows = [
        (_time(m.time_ns), str(m.scope), _chip(m.from_level, "l"), "→", _chip(m.to_level, "l"), m.because)
        for m in levels[:ROWS_MAX]
    ]
    return table(("time (UTC)", "scope", "from", "", "to", "because"), rows), rest(
        len(levels), len(rows), "summary.json"
    )


def decisions_table(decisions: Sequence[Decided]) -> Child:
    """Return what the rules wanted done, with the evidence."""
    rows = [
        (
            _time(d.time_ns),
            str(d.scope),
            tag("strong", d.action),
            _chip(d.level, "l"),
            (d.rule_title, tag("div", tag("code", d.rule_id), " version ", d.rule_version, class_="muted")),
            _evidence(d.evidence),
        )
        for d in decisions[:ROWS_MAX]
    ]
    heads = ("time (UTC)", "scope", "action", "level", "rule", "evidence")
    return table(heads, rows), rest(len(decisions), len(rows), "decisions.jsonl")


def quarantine_table(data: ReportData) -> Child:
    """Return the input that could not be used: the place, the reason, and how it begins."""
    rows = [
        (tag("code", f"{q.file}:{q.line}"), tag("code", q.code), q.reason, tag("code", q.sample[:120]))
        for q in data.quarantined[:ROWS_MAX]
    ]
    return table(("place", "code", "reason", "begins"), rows), rest(
        quarantined(data), len(rows), "quarantine.jsonl"
    )


def quarantined(data: ReportData) -> int:
    """Return how many pieces of input were set aside."""
    return int(data.summary.get("quarantined", len(data.quarantined)))


def feeds_table(feeds: Mapping[str, Mapping[str, Any]]) -> Markup:
    """Return how each feed behaved."""
    rows: list[Sequence[Child]] = []
    for name, feed in feeds.items():
        latency = feed.get("latency_ms") or {}
        counts = [_count(int(feed.get(key) or 0), "high") for key in ("gaps", "resyncs")]
        rows.append(
            (
                name,
                *counts,
                _cell(feed.get("clock_skew_ms")),
                *(_cell(latency.get(k)) for k in ("p50", "p99", "max")),
            )
        )
    heads = ("feed", "gaps", "resyncs", "clock skew ms", "latency p50 ms", "p99 ms", "max ms")
    return table(heads, rows, numeric=range(1, 7))


def scopes_table(series: Sequence[Series], anchors: Mapping[str, str], alerts: Sequence[Alert]) -> Markup:
    """Return every scope of the run, the highest score first; those with a chart link to it."""
    said = Counter(str(alert.scope) for alert in alerts)
    rows = [_scope_row(s, anchors.get(str(s.scope)), said[str(s.scope)]) for s in series]
    heads = (
        "scope",
        "highest level",
        "peak score",
        "at (UTC)",
        "alerts",
        "first price",
        "low",
        "high",
        "last price",
    )
    return table(heads, rows, numeric=(2, 4, 5, 6, 7, 8))


def _scope_row(series: Series, anchor: str | None, alerts: int) -> Sequence[Child]:
    name = str(series.scope)
    label = tag("a", name, href=f"#{anchor}") if anchor else name
    if not len(series.time_ns):
        return (label, _chip("normal", "l"), "", "", f"{alerts:,}", "", "", "", "")
    peak_at = int(series.time_ns[np.nanargmax(series.score)]) if np.isfinite(series.score).any() else 0
    known = series.price[np.isfinite(series.price)]
    prices = (
        [figure(float(p)) for p in (known[0], known.min(), known.max(), known[-1])]
        if len(known)
        else [""] * 4
    )
    when = _time(peak_at) if peak_at else ""
    return (
        label,
        _chip(LEVELS[int(series.level.max())], "l"),
        f"{series.peak:.0f}",
        when,
        f"{alerts:,}",
        *prices,
    )


def _time(time_ns: int) -> Markup:
    return tag("time", moment(time_ns))


def _chip(word: str, family: str) -> Markup:
    return tag("span", word, class_=f"chip {family}-{word}")


def _count(count: int, severity: str) -> Markup | str:
    return tag("span", f"{count:,}", class_=f"chip s-{severity}") if count else "·"


def _cell(value: object) -> str:
    return "" if value is None else figure(round(value, 3) if isinstance(value, float) else value)


def _evidence(evidence: Mapping[str, float | str | bool]) -> Child:
    pairs = list(evidence.items())[:EVIDENCE_MAX]
    return tag(
        "dl", [(tag("dt", name), tag("dd", figure(value))) for name, value in pairs], class_="evidence"
    )
