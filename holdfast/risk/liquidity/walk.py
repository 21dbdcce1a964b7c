"""Walk: what it costs to take a size from the resting orders of a book, level by level.

Rules:

1. Cost is against the mid: half the spread is in it. What does not fit is said, never priced.
2. A book that is empty, one-sided or crossed has no mid; it is a refusal with a reason.

Limits: resting orders only; hidden size, and makers who flee or refill while the order runs, are not in it.
"""

import math
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.error import CallerError
from holdfast.risk.market import Depth
from holdfast.risk.missing import Missing


class Walk(msgspec.Struct, frozen=True, kw_only=True):
    """One order walked through one side.

    Units: sizes in asset units, positive; prices in quote units; cost in quote units against the mid; slippage a
    fraction of the mid. `vwap` and `worst` are of what filled; `unfilled` is what no resting order was there for.
    """

    side: Literal["buy", "sell"]
    asked: float
    filled: float
    unfilled: float
    mid: float
    vwap: float
    worst: float
    cost: float
    slippage: float
    levels: int


def walk(depth: Depth, quantity: float, *, where: str = "") -> Walk | Missing:
    """Take a signed quantity from the book: positive buys from asks, negative sells into bids.

    Raises: CallerError `walk.quantity`, or `walk.depth` where levels are not prices and sizes, best first.

    >>> book = Depth(0, np.array([[99.0, 1.0], [98.0, 2.0]]), np.array([[101.0, 1.0]]))
    >>> walk(book, -2.0).vwap
    98.5
    >>> walk(book, 5.0).unfilled
    4.0
    """
    if not math.isfinite(quantity) or quantity == 0.0:
        raise CallerError("walk.quantity", f"{quantity!r} is no quantity to trade", where=where)
    middle = mid(depth, where=where)
    if isinstance(middle, Missing):
        return middle
    levels = depth.asks if quantity > 0.0 else depth.bids
    wanted = abs(quantity)
    before = np.concatenate(([0.0], np.cumsum(levels[:, 1])[:-1]))
    taken = np.clip(wanted - before, 0.0, levels[:, 1])
    used = int(np.count_nonzero(taken))
    filled = float(taken.sum())
    paid = float(taken @ levels[:, 0])
    vwap = paid / filled
    sign = 1.0 if quantity > 0.0 else -1.0
    return Walk(
        side="buy" if quantity > 0.0 else "sell",
        asked=wanted,
        filled=filled,
        unfilled=max(wanted - filled, 0.0),
        mid=middle,
        vwap=vwap,
        worst=float(levels[used - 1, 0]),
        cost=sign * (paid - filled * middle),
        slippage=sign * (vwap / middle - 1.0),
        levels=used,
    )


def mid(depth: Depth, *, where: str = "") -> float | Missing:
    """Return the middle of the best prices, or why there is none.

    Raises: CallerError `walk.depth`.
    """
    check_levels(depth.bids, falling=True, where=where)
    check_levels(depth.asks, falling=False, where=where)
    if not len(depth.bids) or not len(depth.asks):
        side = "bids" if not len(depth.bids) else "asks"
        return Missing(where, "depth.empty", f"the book has no {side}", "give a book with both sides")
    bid, ask = float(depth.bids[0, 0]), float(depth.asks[0, 0])
    if bid >= ask:
        return Missing(
            where, "depth.crossed", f"the bid {bid:g} is not below the ask {ask:g}", "give a consistent book"
        )
    return 0.5 * (bid + ask)


def check_levels(levels: NDArray[np.float64], *, falling: bool, where: str = "") -> None:
    """Refuse what is no side of a book: (n, 2) of positive prices and sizes, best price first."""
    if levels.ndim != 2 or levels.shape[1] != 2:
        raise CallerError("walk.depth", f"a side has the shape {levels.shape}, not (levels, 2)", where=where)
    steps = np.diff(levels[:, 0])
    if (
        not np.isfinite(levels).all()
        or not (levels > 0.0).all()
        or not ((steps < 0.0) if falling else (steps > 0.0)).all()
    ):
        raise CallerError(
            "walk.depth", "levels are not positive prices and sizes, best first", where=where,
            remedy="drop empty levels and sort the side",
        )  # fmt: skip
