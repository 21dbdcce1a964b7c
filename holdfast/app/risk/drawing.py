"""Drawing: the few pictures of a risk report as plain HTML and SVG: a heat table, bars, a histogram, smiles, a fan."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from holdfast.app.report.markup import Markup, tag
from holdfast.app.report.words import figure, value_ticks
from holdfast.risk.credit.exposure import Profile
from holdfast.risk.scenarios.grid import Grid
from holdfast.risk.surface.base import svi_variance
from holdfast.risk.surface.chain import ChainFit

BINS: Final = 60
WIDTH: Final = 480
HEIGHT: Final = 180
POINTS: Final = 61
DAYS_YEAR: Final = 365.0
REACH: Final = 2.5  # deviations of log-moneyness drawn


def heat(grid: Grid) -> Markup:
    """Return the first sheet of a grid as a table whose colour is the profit."""
    table = grid.table()
    largest = float(np.abs(table).max()) or 1.0
    head = tag(
        "tr",
        tag("th", "spot \\ volatility"),
        [tag("th", f"{v:+.0%}", class_="n") for v in grid.axes.volatility],
    )
    rows = [
        tag("tr", tag("th", f"{spot:+.0%}"), [_cell(float(value), largest) for value in row])
        for spot, row in zip(grid.axes.spot, table, strict=True)
    ]
    return tag("div", tag("table", tag("thead", head), tag("tbody", rows), class_="heat"), class_="scroll")


def _cell(value: float, largest: float) -> Markup:
    share = round(60.0 * math.sqrt(abs(value) / largest))
    colour = "var(--halt)" if value < 0.0 else "var(--liquidity)"
    return tag(
        "td",
        f"{round(value) or 0:,}",
        class_="n",
        style=f"background: color-mix(in srgb, {colour} {share}%, transparent)",
    )


def bars(values: Sequence[tuple[str, float]]) -> Markup:
    """Return one horizontal bar a value, to the right of zero or to its left."""
    largest = max((abs(value) for _, value in values), default=0.0) or 1.0
    rows = [
        tag(
            "div",
            tag("span", name),
            tag(
                "div",
                tag(
                    "i",
                    class_="gain" if value >= 0.0 else "loss",
                    style=f"width:{50.0 * abs(value) / largest:.2f}%",
                ),
                class_="bar-right" if value >= 0.0 else "bar-left",
            ),
            tag("b", f"{round(value) or 0:,}"),
            class_="bar-row",
        )
        for name, value in values
    ]
    return tag("div", rows or "None.", class_="bars")


def histogram(profits: NDArray[np.float64], name: str, marks: Sequence[tuple[str, float]] = ()) -> Markup:
    """Return how often each profit was drawn, with lines at the profits marked."""
    counts, edges = np.histogram(profits, BINS)
    highest = int(counts.max()) or 1
    step = WIDTH / BINS
    low, high = float(edges[0]), float(edges[-1])
    rects = [
        tag(
            "rect", x=f"{number * step:.1f}", width=f"{step - 1:.1f}", y=f"{HEIGHT - HEIGHT * count / highest:.1f}",
            height=f"{HEIGHT * count / highest:.1f}", class_="loss" if edges[number] < 0.0 else "gain",
        )
        for number, count in enumerate(counts.tolist())
    ]  # fmt: skip
    lines = [
        _mark(text, _across(at, low, high), number)
        for number, (text, at) in enumerate(marks)
        if low <= at <= high
    ]
    labels = [(figure(edge), _across(edge, low, high)) for edge in value_ticks(low, high, 4)]
    return _figure(f"{name}: profit in {len(profits):,} draws", (rects, lines), labels)


def fan(profile: Profile) -> Markup:
    """Return what an account may come to owe the desk by date: the mean, and what is exceeded once in 20 or 100 times."""
    curves = [("expected", profile.ee, 0)]
    curves += [
        (f"PFE {quantile:.0%}", values, number)
        for number, (quantile, values) in enumerate(zip(profile.quantiles, profile.pfe, strict=True), start=1)
    ]
    curves.append(("owed by the desk", -profile.ene, 5))
    low = min(0.0, *(float(values.min()) for _, values, _ in curves))
    high = max(0.0, *(float(values.max()) for _, values, _ in curves))
    high = high if high > low else low + 1.0
    days = profile.times * DAYS_YEAR
    last = float(days[-1]) or 1.0
    paths = [
        tag("path", d=_points(days * WIDTH / last, values, low, high), class_=f"smile c-{colour}")
        for _, values, colour in curves
    ]
    ticks = [_tick(v, figure(v), low, high) for v in value_ticks(low, high)]
    keys = [tag("span", tag("i", class_=f"swatch c-{colour}"), name) for name, _, colour in curves]
    axis = [(f"{day} d", WIDTH * day / last) for day in (1, 7, 14, 21, 30) if day <= last + 0.5]
    return tag("div", _figure("/".join(profile.key), [ticks, paths], axis), tag("p", keys, class_="legend"))


def smiles(name: str, fit: ChainFit, slices_max: int) -> Markup:
    """Return the fitted volatility of each expiry over log-moneyness in deviations."""
    surface = fit.surface
    grid = np.linspace(-REACH, REACH, POINTS)
    curves: list[tuple[str, NDArray[np.float64]]] = []
    for one in fit.expiries[:slices_max]:
        level = math.sqrt(max(svi_variance(0.0, one.slice), 1e-12))
        total = np.array([svi_variance(float(z) * level, one.slice) for z in grid])
        curves.append((one.name, np.sqrt(np.maximum(total, 0.0) / one.years)))
    if not curves:
        return tag("p", f"{name}: no expiry could be fitted.", class_="muted")
    low = min(float(curve.min()) for _, curve in curves)
    high = max(float(curve.max()) for _, curve in curves)
    high = high if high > low else low + 0.01
    paths = [
        tag(
            "path",
            d=_path(curve, low, high),
            class_=f"smile c-{number % 6}",
            style=f"opacity:{1.0 - 0.6 * number / len(curves):.2f}",
        )
        for number, (_, curve) in enumerate(curves)
    ]
    ticks = [_tick(v, f"{v:.0%}", low, high) for v in value_ticks(low, high)]
    keys = [
        tag("span", tag("i", class_=f"swatch c-{number % 6}"), key) for number, (key, _) in enumerate(curves)
    ]
    quality = fit.quality
    about = (
        f"{name}: {quality.used} quotes fitted, median error {quality.median_error_spreads:.2f} half-spreads, "
        f"{quality.inside_share:.0%} between bid and ask; {', '.join(surface.flags) or 'free of arbitrage'}"
    )
    axis = [
        (f"{z:+.0f} deviations" if z else "at the money", _across(z, -REACH, REACH))
        for z in (-2.0, -1.0, 0.0, 1.0, 2.0)
    ]
    return tag("div", _figure(about, [ticks, paths], axis), tag("p", keys, class_="legend"))


def _figure(title: str, body: object, labels: Sequence[tuple[str, float]]) -> Markup:
    texts = [tag("text", text, x=f"{x:.1f}", y=HEIGHT + 16, class_="middle") for text, x in labels]
    picture = tag("svg", body, texts, viewBox=f"0 0 {WIDTH} {HEIGHT + 22}", role="img", aria_label=title)  # pyright: ignore[reportArgumentType]
    return tag("figure", tag("figcaption", title), picture)


def _tick(value: float, text: str, low: float, high: float) -> tuple[Markup, Markup]:
    y = _down(value, low, high)
    return (
        tag("line", x1=0, x2=WIDTH, y1=f"{y:.1f}", y2=f"{y:.1f}", class_="grid"),
        tag("text", text, x=4, y=f"{y - 3:.1f}"),
    )


def _mark(text: str, x: float, number: int) -> tuple[Markup, Markup]:
    return (
        tag("line", x1=f"{x:.1f}", x2=f"{x:.1f}", y1=0, y2=HEIGHT, class_="mark-line"),
        tag("text", text, x=f"{x - 4:.1f}", y=14 + 18 * number, class_="ends"),
    )


def _path(values: NDArray[np.float64], low: float, high: float) -> str:
    return _points(np.linspace(0.0, WIDTH, len(values)), values, low, high)


def _points(x: NDArray[np.float64], values: NDArray[np.float64], low: float, high: float) -> str:
    return "M" + "L".join(
        f"{a:.1f} {_down(b, low, high):.1f}" for a, b in zip(x.tolist(), values.tolist(), strict=True)
    )


def _across(value: float, low: float, high: float) -> float:
    return WIDTH * (value - low) / (high - low)


def _down(value: float, low: float, high: float) -> float:
    return HEIGHT * (high - value) / (high - low)
