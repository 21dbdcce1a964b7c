"""Cascade: a shock liquidates leveraged longs, their sale walks the book, which liquidates more: where does it stop?

Rules:

1. The shock takes the price down and with it every bid above; then each round sells what is liquidated at the lowest
   price so far into the bids that are left. It ends at the fixed point: a price at which nobody new is liquidated.
2. Between rounds `refill` of what was taken comes back; `depth_left` is the share of the book that makers did not
   withdraw.
3. A book that runs out is said (`exhausted`): below its last bid no price is known, and the low is only that bid.
4. A liquidation sold below the bankruptcy price leaves a deficit, which the venue's insurance fund pays, or else
   winners do (auto-deleveraging). A desk that is liquidated loses by the price its round was sold at, any other by
   the low.

Source: the mechanism of Brunnermeier, Pedersen (2009), Market liquidity and funding liquidity.
Limits: one market, longs only, no arbitrage with other venues, no buyers who come back at low prices but for
`refill`. How it fits a real cascade is in docs/liquidity.md: with the depth of calm hours it understates a crash
many times over.
"""

import math
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.error import CallerError
from holdfast.risk.liquidity.impact import Impact
from holdfast.risk.liquidity.walk import check_levels
from holdfast.risk.missing import Missing

LEVELS: Final = 2_000


class Holders(msgspec.Struct, frozen=True, kw_only=True):
    """Leveraged longs. Shape: sizes, liquidation_prices (holders,). Units: asset units, quote units; maintenance a
    share of value.

    Raises: CallerError `cascade.holders`.
    """

    sizes: NDArray[np.float64]
    liquidation_prices: NDArray[np.float64]
    maintenance: float = 0.01

    def __post_init__(self) -> None:
        if (
            self.sizes.shape != self.liquidation_prices.shape
            or self.sizes.ndim != 1
            or not ((self.sizes >= 0.0) & (self.liquidation_prices >= 0.0)).all()
            or not 0.0 <= self.maintenance < 1.0
        ):
            raise CallerError(
                "cascade.holders", "holders have sizes and liquidation prices of at least 0, one each"
            )


class Desk(msgspec.Struct, frozen=True):
    """What the desk itself holds here: signed quantity in asset units, and the price at which it is liquidated, 0
    for never.
    """

    quantity: float
    liquidation_price: float = 0.0


class Cascade(msgspec.Struct, frozen=True, kw_only=True):
    """How far it fell. Units: prices and money in quote units, quantities in asset units, fall a fraction of the start.

    `amplification` is the whole fall over the shock's. `lows` are the prices after the shock and after each round.
    """

    start: float
    shocked: float
    low: float
    rounds: int
    liquidated: float
    liquidated_share: float
    deficit: float
    exhausted: bool
    unsold: float
    desk_loss: float
    desk_liquidated: bool
    lows: tuple[float, ...]

    @property
    def fall(self) -> float:
        """Return the whole fall as a fraction of the start."""
        return 1.0 - self.low / self.start

    @property
    def amplification(self) -> float:
        """Return how many times the shock's own fall the whole fall is; 1 where nobody was liquidated."""
        own = 1.0 - self.shocked / self.start
        return self.fall / own if own > 0.0 else 1.0


def cascade(
    bids: NDArray[np.float64],
    holders: Holders,
    *,
    start: float,
    shock: float,
    depth_left: float = 1.0,
    refill: float = 0.0,
    desk: Desk | None = None,
) -> Cascade | Missing:
    """Let the price fall by a fraction and follow the liquidations to the end; a book without bids is a refusal.

    Shape: bids (levels, 2), best first. Units: shock, depth_left and refill fractions.
    Raises: CallerError `cascade.shock`, or `walk.depth` where the bids are none.
    Cost: one sort of the holders, then microseconds a round.
    """
    check_levels(bids, falling=True)
    if (
        not 0.0 < start < math.inf
        or not 0.0 <= shock < 1.0
        or not 0.0 < depth_left <= 1.0
        or not 0.0 <= refill < 1.0
    ):
        raise CallerError(
            "cascade.shock",
            "a start above 0, a shock and refill in [0, 1) and depth_left in (0, 1] are needed",
        )
    if not len(bids):
        return Missing("", "depth.empty", "the book has no bids", "give a book with bids")
    shocked = start * (1.0 - shock)
    left = bids[bids[:, 0] <= shocked] * np.array([1.0, depth_left])
    sizes, triggers, own = _with_desk(holders, desk)
    order = np.argsort(-triggers, kind="stable")
    triggers, sizes = triggers[order], sizes[order]
    own_place = -1 if own is None else int(np.flatnonzero(order == own)[0])
    sold_until = np.concatenate(([0.0], np.cumsum(sizes)))
    low, pressure, deficit, done = shocked, 0.0, 0.0, 0
    lows = [shocked]
    desk_price = 0.0
    exhausted = False
    while True:
        hit = int(np.searchsorted(-triggers, -low, side="right"))
        if hit == done:
            break
        forced = float(sold_until[hit] - sold_until[done])
        pressure *= 1.0 - refill
        price, average = _sell(left, pressure, forced, low)
        pressure += forced
        bankrupt = triggers[done:hit] * (1.0 - holders.maintenance)
        deficit += float(sizes[done:hit] @ np.maximum(bankrupt - average, 0.0))
        if done <= own_place < hit:
            desk_price = average
        done = hit
        exhausted = exhausted or pressure > float(left[:, 1].sum())
        low = min(low, price)
        lows.append(low)
    liquidated = float(sold_until[done])
    return Cascade(
        start=start,
        shocked=shocked,
        low=low,
        rounds=len(lows) - 1,
        liquidated=liquidated,
        liquidated_share=liquidated / float(sold_until[-1]) if sold_until[-1] > 0.0 else 0.0,
        deficit=deficit,
        exhausted=exhausted,
        unsold=max(pressure - float(left[:, 1].sum()), 0.0),
        desk_loss=desk.quantity * (start - (desk_price if desk_price > 0.0 else low)) if desk else 0.0,
        desk_liquidated=desk_price > 0.0,
        lows=tuple(lows),
    )


def liquidation_prices(
    entries: NDArray[np.float64], leverages: NDArray[np.float64], maintenance: float
) -> NDArray[np.float64]:
    """Return where longs are liquidated: entry x (1 - 1 / leverage) / (1 - maintenance), 0 for one without leverage.

    Raises: CallerError `cascade.leverage` where a leverage is below 1 or the maintenance is no share.

    >>> float(liquidation_prices(np.array([100.0]), np.array([10.0]), 0.1)[0])
    100.0
    """
    if not (leverages >= 1.0).all() or not (entries > 0.0).all() or not 0.0 <= maintenance < 1.0:
        raise CallerError(
            "cascade.leverage", "leverages are at least 1, entries above 0, maintenance in [0, 1)"
        )
    return np.minimum(entries * (1.0 - 1.0 / leverages) / (1.0 - maintenance), entries)


def latent_bids(
    price: float, law: Impact, daily_volume: float, daily_volatility: float, *, deepest: float = 0.95
) -> NDArray[np.float64]:
    """Return the bids that an impact law implies: as much rests within d as moves the price by d.

    Units: daily_volume asset units; deepest a fraction of the price. Shape: (LEVELS, 2), best first.
    Source: the latent order book of Toth et al. (2011).
    """
    scale = law.peak(daily_volume, daily_volume, daily_volatility)
    if not price > 0.0 or not 0.0 < deepest < 1.0 or not scale > 0.0:
        raise CallerError("cascade.book", "a price above 0, a volatility and a depth in (0, 1) are needed")
    distances = deepest * np.arange(1, LEVELS + 1) / LEVELS
    within = daily_volume * (distances / scale) ** (1.0 / law.exponent)
    return np.column_stack((price * (1.0 - distances), np.diff(within, prepend=0.0)))


def _with_desk(
    holders: Holders, desk: Desk | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], int | None]:
    """Return everybody's sizes and triggers, and the desk's number among them if it can be liquidated."""
    if desk is None or desk.quantity <= 0.0 or desk.liquidation_price <= 0.0:
        return holders.sizes, holders.liquidation_prices, None
    sizes = np.append(holders.sizes, desk.quantity)
    return sizes, np.append(holders.liquidation_prices, desk.liquidation_price), len(sizes) - 1


def _sell(bids: NDArray[np.float64], before: float, quantity: float, last: float) -> tuple[float, float]:
    """Sell after so much was sold already; return the last price touched and the average, of what fits.

    Where nothing is left to sell into, both are the last price known.
    """
    if not len(bids):
        return last, last
    until = np.cumsum(bids[:, 1])
    begins = until - bids[:, 1]
    taken = np.clip(np.minimum(until, before + quantity) - np.maximum(begins, before), 0.0, None)
    touched = np.flatnonzero(taken)
    if not len(touched):
        return float(bids[-1, 0]), float(bids[-1, 0])
    return float(bids[touched[-1], 0]), float(taken @ bids[:, 0]) / float(taken.sum())
