"""Thin a long series to what a screen can show, without losing a peak, and draw it as an SVG path.

A value holds until the next one, so curves are stairs: a score never seems to rise before it did.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

COLUMNS: Final = 700  # each keeps its lowest, highest and last value: about 2,000 points a curve
WIDTH: Final = 10_000  # user units of every chart, whatever its width on the screen
HEIGHT: Final = 1_000

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


def columns(time_ns: NDArray[np.int64], span: tuple[int, int], count: int = COLUMNS) -> NDArray[np.int64]:
    """Return the column of each time in a span. Shape: (n,), values 0 to count - 1."""
    offset = (time_ns - span[0]).astype(np.float64) / (span[1] - span[0])
    return np.clip((offset * count).astype(np.int64), 0, count - 1)


def thin(values: Floats, column: NDArray[np.int64]) -> Indices:
    """Return the indices to keep: each column's lowest, highest and last, and where a silence begins or ends.

    Cost: one sort of the series.
    """
    if len(values) == 0:
        return np.empty(0, dtype=np.intp)
    is_last = np.append(column[1:] != column[:-1], True)
    is_kept = is_last.copy()
    is_kept[0] = True
    finite = np.flatnonzero(np.isfinite(values))
    if len(finite):
        order = finite[np.lexsort((values[finite], column[finite]))]
        ends = np.append(column[order][1:] != column[order][:-1], True)
        is_kept[order[ends]] = True
        is_kept[order[np.append(True, ends[:-1])]] = True
    silent = ~np.isfinite(values)
    turns = np.flatnonzero(silent[1:] != silent[:-1]) + 1
    is_kept[turns[np.unique(column[turns], return_index=True)[1]]] = True
    return np.flatnonzero(is_kept)


def across(time_ns: NDArray[np.int64], span: tuple[int, int]) -> NDArray[np.int64]:
    """Return the horizontal place of each time in a chart, 0 to WIDTH."""
    offset = (time_ns - span[0]).astype(np.float64) / (span[1] - span[0])
    return np.rint(np.clip(offset, 0.0, 1.0) * WIDTH).astype(np.int64)


def down(values: Floats, low: float, high: float) -> NDArray[np.int64]:
    """Return the vertical place of each value, HEIGHT at `low` and 0 at `high`; -1 where there is none."""
    finite = np.isfinite(values)
    place = np.rint((high - np.where(finite, values, low)) / (high - low) * HEIGHT).astype(np.int64)
    return np.where(finite, np.clip(place, 0, HEIGHT), -1)


def stairs(x: NDArray[np.int64], y: NDArray[np.int64], end: int, *, is_area: bool) -> str:
    """Return the path of a curve of stairs, broken where `y` is -1; an area is closed at the base line."""
    pieces: list[str] = []
    at_x = at_y = -1
    for here_x, here_y in zip(x.tolist(), y.tolist(), strict=True):
        if at_y < 0:
            if here_y >= 0:
                pieces.append(f"M{here_x} {HEIGHT}V{here_y}" if is_area else f"M{here_x} {here_y}")
                at_x, at_y = here_x, here_y
            continue
        if here_y == at_y:
            continue
        pieces.append(f"h{here_x - at_x}")
        if here_y >= 0:
            pieces.append(f"v{here_y - at_y}")
        elif is_area:
            pieces.append(f"V{HEIGHT}z")
        at_x, at_y = here_x, here_y
    if at_y >= 0:
        pieces.append(f"H{end}" + (f"V{HEIGHT}z" if is_area else ""))
    return "".join(pieces).replace("h0", "")
