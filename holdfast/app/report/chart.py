"""One scope over time: price with level bands and alerts, and the score as a stack of its parts.

Curves are SVG in user units (`thin.WIDTH` by `thin.HEIGHT`) that stretch with the page; text and markers
are HTML above them, so they never stretch. A chart can be read without its script, which adds zoom, read-
out and hints.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from holdfast.app.report.data import PARTS, Series
from holdfast.app.report.markup import Child, Markup, tag
from holdfast.app.report.thin import HEIGHT, WIDTH, across, columns, down, stairs, thin
from holdfast.app.report.words import clock, figure, moment, time_ticks, value_ticks
from holdfast.event import LEVELS, SEVERITIES, Alert, Level

BUCKETS: Final = 120  # alerts this close together share a marker
HINT_LINES_MAX: Final = 6
SCORE_MAX: Final = 100.0

Span = tuple[int, int]


def chart(
    series: Series, span: Span, alerts: Sequence[Alert], thresholds: Mapping[Level, float], anchor: str
) -> Markup:
    """Return the card of one scope. `alerts` are those of this scope, in time order."""
    top = max(range(len(series.level)), key=lambda i: int(series.level[i]), default=-1)
    highest = LEVELS[int(series.level[top])] if top >= 0 else LEVELS[0]
    head = tag(
        "header",
        tag("h3", str(series.scope) if series.scope.venue else "Desk"),
        tag("span", highest, class_=f"chip l-{highest}"),
        tag("span", f"peak {series.peak:.0f}", class_="muted"),
        tag("span", f"{len(alerts):,} alert{'s' * (len(alerts) != 1)}" if alerts else None, class_="muted"),
        tag("output", class_="readout"),
    )
    plots = [_price_plot(series, span, alerts)] if series.has_price else []
    plots += [
        ribbon(series, span),
        _score_plot(series, span, thresholds, () if plots else alerts),
        time_axis(span),
    ]
    return tag("section", head, plots, class_="card chart", id=anchor)


def ribbon(series: Series, span: Span) -> Markup:
    """Return the strip of levels of one scope, a coloured piece for every stay above normal."""
    return tag("div", _svg(_level_pieces(series, span)), class_="plot ribbon")


def time_axis(span: Span) -> Markup:
    """Return the labels of the time axis."""
    ticks = [
        tag("span", label, class_="tick", style=f"left:{_percent(at, span)}%")
        for at, label in time_ticks(span)
    ]
    return tag("div", ticks, class_="axis")


def _price_plot(series: Series, span: Span, alerts: Sequence[Alert]) -> Markup:
    kept = thin(series.price, columns(series.time_ns, span))
    price, times = series.price[kept], series.time_ns[kept]
    low, high = float(np.nanmin(price)), float(np.nanmax(price))
    margin = 0.06 * (high - low) or abs(high) * 1e-3 or 1.0
    low, high = low - margin, high + margin
    y = down(price, low, high)
    path = stairs(across(times, span), y, across(series.time_ns[-1:], span)[0], is_area=False)
    ticks = [(value, figure(value)) for value in value_ticks(low, high)]
    lines, labels = value_axis(ticks, low, high)
    body = (_level_pieces(series, span), lines, curve(path, "price", low, high))
    return plot("price", span, body, labels, _markers(alerts, span, times, y))


def _score_plot(
    series: Series, span: Span, thresholds: Mapping[Level, float], alerts: Sequence[Alert]
) -> Markup:
    kept = thin(series.score, columns(series.time_ns, span))
    x = across(series.time_ns[kept], span)
    end = across(series.time_ns[-1:], span)[0] if len(kept) else 0
    stack = np.cumsum(np.nan_to_num(series.parts[kept]), axis=1)
    areas = [
        curve(
            stairs(x, down(stack[:, i], 0.0, SCORE_MAX), int(end), is_area=True),
            f"part p-{part}",
            0.0,
            SCORE_MAX,
        )
        for i, part in reversed(list(enumerate(PARTS)))
    ]
    score = down(series.score[kept], 0.0, SCORE_MAX)
    outline = curve(stairs(x, score, int(end), is_area=False), "score", 0.0, SCORE_MAX)
    lines, labels = value_axis([(0.0, "0"), (50.0, "50"), (100.0, "100")], 0.0, SCORE_MAX)
    marks = [_threshold(level, at) for level, at in thresholds.items() if 0 < at <= SCORE_MAX]
    body = (lines, areas, outline, marks)
    return plot("score", span, body, labels, _markers(alerts, span, series.time_ns[kept], score))


def plot(kind: str, span: Span, body: Child, labels: list[Markup], markers: list[Markup]) -> Markup:
    """Return one plot: the stretching curves, then the labels and markers that stand above them."""
    grid = [
        tag("line", x1=x, x2=x, y1=0, y2=HEIGHT, class_="grid")
        for x in (round(_percent(at, span) * WIDTH / 100) for at, _ in time_ticks(span))
    ]
    return tag("div", _svg([grid, body]), labels, markers, class_=f"plot {kind}")


def _svg(body: Child) -> Markup:
    group = tag("g", body, class_="x")
    return tag("svg", group, viewBox=f"0 0 {WIDTH} {HEIGHT}", preserveAspectRatio="none", aria_hidden="true")


def curve(d: str, class_: str, low: float, high: float, name: str = "") -> Markup:
    """Return a curve whose read-out the page's script finds by its range, and its name where the class is not enough."""
    named = {"data_name": name} if name else {}
    return tag("path", d=d, class_=class_, data_low=f"{low:.10g}", data_high=f"{high:.10g}", **named)


def _level_pieces(series: Series, span: Span) -> list[Markup]:
    """Return a rectangle for every unbroken stay at a level above normal."""
    level: NDArray[np.int64] = np.asarray(series.level, dtype=np.int64)
    if not len(level):
        return []
    starts = np.flatnonzero(np.append(True, level[1:] != level[:-1]))
    x = across(series.time_ns[np.append(starts, len(level) - 1)], span)
    return [
        tag(
            "rect",
            x=int(x[i]),
            y=0,
            width=max(int(x[i + 1] - x[i]), 8),
            height=HEIGHT,
            class_=f"l-{LEVELS[here]}",
        )
        for i, here in enumerate(level[starts].tolist())
        if here > 0
    ]


def _threshold(level: Level, score: float) -> Markup:
    y = round((1 - score / SCORE_MAX) * HEIGHT)
    return tag("line", x1=0, x2=WIDTH, y1=y, y2=y, class_=f"threshold l-{level}")


def value_axis(ticks: list[tuple[float, str]], low: float, high: float) -> tuple[list[Markup], list[Markup]]:
    """Return the lines and the labels of a value axis."""
    lines: list[Markup] = []
    labels: list[Markup] = []
    for value, label in ticks:
        part = (high - value) / (high - low)
        y = round(part * HEIGHT)
        lines.append(tag("line", x1=0, x2=WIDTH, y1=y, y2=y, class_="grid"))
        labels.append(tag("span", label, class_="value", style=f"top:{part * 100:.2f}%"))
    return lines, labels


def _markers(
    alerts: Sequence[Alert], span: Span, times: NDArray[np.int64], y: NDArray[np.int64]
) -> list[Markup]:
    """Return a marker for each bunch of alerts, at the height of the curve at that time."""
    bunches: dict[int, list[Alert]] = {}
    for alert in alerts:
        bunches.setdefault(int(_percent(alert.time_ns, span) * BUCKETS / 100), []).append(alert)
    return [_marker(bunch, span, times, y) for bunch in bunches.values()]


def _marker(bunch: list[Alert], span: Span, times: NDArray[np.int64], y: NDArray[np.int64]) -> Markup:
    worst = max(bunch, key=lambda alert: SEVERITIES.index(alert.severity))
    at = int(np.searchsorted(times, worst.time_ns, side="right")) - 1
    height = float(y[at]) / HEIGHT * 100 if 0 <= at < len(y) and y[at] >= 0 else 50.0
    shown = sorted(bunch, key=lambda alert: -SEVERITIES.index(alert.severity))[:HINT_LINES_MAX]
    lines = [f"{clock(a.time_ns)}  {a.severity}  {a.detector}\n{a.message}" for a in shown]
    if len(bunch) > len(shown):
        lines.append(f"and {len(bunch) - len(shown):,} more")
    left = _percent(worst.time_ns, span)
    return tag(
        "button",
        str(len(bunch)) if len(bunch) > 1 else None,
        class_=f"marker s-{worst.severity}",
        style=f"left:{left}%;top:{height:.1f}%",
        data_at=left,
        data_hint="\n\n".join(lines),
        aria_label=f"{worst.severity} alert at {moment(worst.time_ns)}",
    )


def _percent(at: int, span: Span) -> float:
    return round((at - span[0]) * 100 / (span[1] - span[0]), 3)
