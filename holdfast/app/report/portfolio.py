"""Portfolio: what the desk held through the run, in one picture: profit, margin, chance of a call, what it could lose.

The panels share the page's time axis, zoom and read-out. Ribbons say at which level each venue stood; dots are what rules
decided about a venue or the desk.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from holdfast.app.report.chart import Span, curve, plot, ribbon, time_axis, value_axis
from holdfast.app.report.data import ReportData
from holdfast.app.report.markup import Child, Markup, tag
from holdfast.app.report.thin import HEIGHT, WIDTH, across, columns, down, stairs, thin
from holdfast.app.report.words import clock, figure, moment, value_ticks
from holdfast.event import Decided, RiskMeasured, Scope

VENUES_MAX: Final = 5
MISSING_MAX: Final = 12
# title, fields drawn (one for every scope, or several for the desk), and the range that is always shown
_PANELS: Final = (
    ("profit and loss", ("profit",), (0.0, 0.0)),
    (
        "margin distance: share of equity above maintenance, 0 is liquidation",
        ("margin_distance",),
        (0.0, 1.0),
    ),
    (
        "probability of a margin call within 1 h and 24 h",
        ("call_probability_1h", "call_probability_24h"),
        (0.0, 1.0),
    ),
    ("expected shortfall of a day, cost of unwinding", ("expected_shortfall_1d", "unwind_cost"), (0.0, 0.0)),
)
_DISTANCE_MIN: Final = -1.0  # deeper under water is drawn at the edge
_LEGEND: Final = ("equity", "profit", "delta", "gamma_1pct", "vega_1pt", "theta_1d", "margin_ratio")

Curve = tuple[str, str, NDArray[np.int64], NDArray[np.float64]]


def portfolio_card(run: ReportData, span: Span) -> Markup | None:
    """Return the card of what was measured of the portfolio, nothing where there was none."""
    if not run.measured:
        return None
    by_scope: dict[Scope, list[RiskMeasured]] = {}
    for one in run.measured:
        by_scope.setdefault(one.scope, []).append(one)
    scopes = sorted(by_scope, key=lambda scope: (scope.venue != "", scope.venue))[: VENUES_MAX + 1]
    decided = [one for one in run.decisions if not one.scope.instrument]
    panels = [
        _panel(title, fields, span, _curves(by_scope, scopes, fields), shown, decided)
        for title, fields, shown in _PANELS
    ]
    lanes = [
        tag("div", tag("span", _name(one.scope)), ribbon(one, span), class_="lane")
        for scope in scopes
        for one in run.series
        if one.scope == scope and len(one.time_ns)
    ]
    return tag(
        "section",
        tag("header", tag("h2", "Portfolio"), _keys(scopes), tag("output", class_="readout")),
        panels,
        time_axis(span),
        lanes,
        _last(by_scope, scopes),
        _missing(run),
        class_="card chart portfolio",
        id="portfolio",
    )


def _curves(
    by_scope: dict[Scope, list[RiskMeasured]], scopes: Sequence[Scope], fields: tuple[str, ...]
) -> list[Curve]:
    curves: list[Curve] = []
    for place, field in enumerate(fields):
        for number, scope in enumerate(scopes):
            known = [(one.time_ns, one.values[field]) for one in by_scope[scope] if field in one.values]
            if not known:
                continue
            times, values = zip(*known, strict=True)
            if len(fields) == 1:
                name, style = _name(scope), f"v-{number}"
            else:  # one curve a field: the desk's, else of the first venue that has it
                name, style = _label(field) + (f" ({scope})" if scope.venue else ""), f"v-{place}"
            curves.append((name, style, np.array(times, dtype=np.int64), np.array(values)))
            if len(fields) > 1:
                break
    return curves


def _panel(
    title: str,
    fields: tuple[str, ...],
    span: Span,
    curves: list[Curve],
    shown: tuple[float, float],
    decided: Sequence[Decided],
) -> Child:
    names = (
        [tag("span", tag("i", class_=f"swatch {style}"), name) for name, style, _, _ in curves]
        if len(fields) > 1
        else []
    )
    head = tag("h4", title, names)
    if not curves:
        return (head, tag("p", "Not known: see what is missing below.", class_="muted"))
    low = min(shown[0], *(float(values.min()) for _, _, _, values in curves))
    high = max(shown[1], *(float(values.max()) for _, _, _, values in curves))
    if shown != (0.0, 0.0):
        low = max(low, _DISTANCE_MIN)
    else:
        margin = 0.06 * (high - low) or abs(high) * 1e-3 or 1.0
        low, high = low - margin * (low < 0.0), high + margin
    ticks = [(value, figure(value)) for value in value_ticks(low, high)]
    lines, labels = value_axis(ticks, low, high)
    paths = [_path(one, span, low, high) for one in curves]
    zero = round(high / (high - low) * HEIGHT)
    base = tag("line", x1=0, x2=WIDTH, y1=zero, y2=zero, class_="zero") if low < 0.0 else None
    markers = [_marker(one, span) for one in decided] if "margin_distance" in fields else []
    return (head, plot("panel", span, (lines, base, paths), labels, markers))


def _path(one: Curve, span: Span, low: float, high: float) -> Markup:
    name, style, times, values = one
    kept = thin(values, columns(times, span))
    x = across(times[kept], span)
    place = stairs(x, down(np.clip(values[kept], low, high), low, high), WIDTH, is_area=False)
    return curve(place, f"curve {style}", low, high, name)


def _marker(one: Decided, span: Span) -> Markup:
    left = round((one.time_ns - span[0]) * 100 / (span[1] - span[0]), 3)
    return tag(
        "button",
        class_=f"marker l-{one.level}",
        style=f"left:{left}%;top:8%",
        data_at=left,
        data_hint=f"{clock(one.time_ns)}  {one.scope}\n{one.rule_title}: {one.action}",
        aria_label=f"{one.rule_title} at {moment(one.time_ns)}",
    )


def _last(by_scope: dict[Scope, list[RiskMeasured]], scopes: Sequence[Scope]) -> Markup:
    """Return what was measured last, a row a scope."""
    head = tag("tr", tag("th", "at the end"), [tag("th", _label(field), class_="n") for field in _LEGEND])
    rows = [
        tag(
            "tr",
            tag("td", _name(scope)),
            [tag("td", _rounded(by_scope[scope][-1].values.get(field)), class_="n") for field in _LEGEND],
        )
        for scope in scopes
    ]
    return tag("div", tag("table", tag("thead", head), tag("tbody", rows)), class_="scroll")


def _missing(run: ReportData) -> Markup | None:
    """Return what could not be measured, each gap once with the first time it was told."""
    first: dict[tuple[str, str], tuple[int, str]] = {}
    for text in (run.summary.get("portfolio") or {}).get("unread", ()):
        first[str(text), ""] = (run.span()[0], str(text))
    for one in run.measured:
        for text in one.missing:  # one gap may say more every minute: its place and code make it the same
            first.setdefault((text.partition(": ")[0], text.rpartition("[")[2]), (one.time_ns, text))
    if not first:
        return None
    items = [tag("li", tag("time", clock(at)), " ", text) for at, text in list(first.values())[:MISSING_MAX]]
    more = len(first) - len(items)
    rest = tag("p", f"and {more:,} more in risk.jsonl", class_="muted") if more > 0 else None
    return tag(
        "details",
        tag("summary", f"Missing from these numbers: {len(first):,}"),
        tag("ul", items),
        rest,
        open="",
    )


def _keys(scopes: Sequence[Scope]) -> Markup:
    return tag(
        "span",
        [tag("span", tag("i", class_=f"swatch v-{n}"), _name(s)) for n, s in enumerate(scopes)],
        class_="keys",
    )


def _name(scope: Scope) -> str:
    return scope.venue or "Desk"


def _label(field: str) -> str:
    return field.replace("_", " ")


def _rounded(value: float | None) -> str:
    if value is None:
        return "unknown"
    return figure(round(value)) if abs(value) >= 1000.0 else figure(round(value, 4))
