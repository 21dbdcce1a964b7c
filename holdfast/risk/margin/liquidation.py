"""Liquidation price: how far one asset may move before equity is down to the maintenance margin, on the model itself.

Rules:

1. The nearest price at which headroom is zero, each way. Other assets move by their betas (a factor to the power of beta)
   or stay; volatilities stay.
2. The search walks outward in growing steps and then closes in on the crossing. A dip below zero that begins and ends
   within one step is not seen: steps are `STEP` at first, each `GROWTH` times the last, `STEP_MAX` at most.
3. No crossing within the bounds, or an account already below, is a value with a reason.
"""

import math
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from holdfast.risk.margin.moves import MovedAccount
from holdfast.risk.missing import Missing

STEP: Final = 0.01  # in the log of the price
GROWTH: Final = 1.5
STEP_MAX: Final = 0.15
FACTOR_MIN: Final = 0.2
FACTOR_MAX: Final = 4.0
TOLERANCE: Final = 1e-12
ITERATIONS_MAX: Final = 60


class Liquidation(msgspec.Struct, frozen=True, kw_only=True):
    """A price at which the venue begins to liquidate. Units: price in base currency; move its fraction of today's."""

    asset: str
    price: float
    move: float

    @property
    def distance(self) -> float:
        """Return the log of the price over today's: below zero for a fall."""
        return math.log1p(self.move)


class LiquidationPrices(msgspec.Struct, frozen=True, kw_only=True):
    """The nearest liquidation price each way, or why there is none."""

    asset: str
    headroom: float
    down: Liquidation | Missing
    up: Liquidation | Missing


def liquidation_prices(
    account: MovedAccount,
    asset: str,
    betas: Mapping[str, float] | None = None,
    *,
    factor_min: float = FACTOR_MIN,
    factor_max: float = FACTOR_MAX,
) -> LiquidationPrices:
    """Return the liquidation prices of one asset, below and above.

    Cost: 15 to 30 measurements each way.
    """
    price = account.market.prices.get(asset)
    now = account.headroom({})
    if price is None:
        none = Missing(asset, "price.absent", f"no price of {asset} in {account.portfolio.base_currency}")
        return LiquidationPrices(asset=asset, headroom=now, down=none, up=none)
    if now <= 0.0:
        already = Missing(
            asset, "liquidation.already", "equity is below the maintenance margin now", "cure the margin call"
        )
        return LiquidationPrices(asset=asset, headroom=now, down=already, up=already)

    def headroom(move: float) -> float:
        return account.headroom(factors_of(asset, move, betas))

    sides: list[Liquidation | Missing] = []
    for bound in (math.log(factor_min), math.log(factor_max)):
        crossing = nearest_crossing(headroom, now, bound)
        if crossing is None:
            reason = f"no price from {price.value:,.6g} to {price.value * math.exp(bound):,.6g} would call the account"
            sides.append(Missing(asset, "liquidation.none", reason))
        else:
            factor = math.exp(crossing)
            sides.append(Liquidation(asset=asset, price=price.value * factor, move=factor - 1.0))
    return LiquidationPrices(asset=asset, headroom=now, down=sides[0], up=sides[1])


def factors_of(asset: str, move: float, betas: Mapping[str, float] | None = None) -> dict[str, float]:
    """Return price factors by asset for a move of one in logs, the others by beta.

    >>> factors_of("BTC", 0.0, {"ETH": 1.3})
    {'ETH': 1.0, 'BTC': 1.0}
    """
    factors = {other: math.exp(beta * move) for other, beta in (betas or {}).items()}
    factors[asset] = math.exp(move)
    return factors


def nearest_crossing(headroom: Callable[[float], float], now: float, bound: float) -> float | None:
    """Return where a function that is `now` > 0 at 0 first falls to 0 on the way to a bound, None if it does not."""
    direction = 1.0 if bound > 0.0 else -1.0
    step, inner, inner_value = STEP, 0.0, now
    while inner != bound:
        outer = inner + direction * step
        outer = min(outer, bound) if direction > 0.0 else max(outer, bound)
        value = headroom(outer)
        if value <= 0.0:
            return _root(headroom, inner, inner_value, outer, value)
        inner, inner_value, step = outer, value, min(step * GROWTH, STEP_MAX)
    return None


def _root(f: Callable[[float], float], a: float, fa: float, b: float, fb: float) -> float:
    """Return a zero between a and b, where f has opposite signs. Source: Chandrupatla (1997), a bracketed quadratic step."""
    t = fa / (fa - fb)
    for _ in range(ITERATIONS_MAX):
        x = a + t * (b - a)
        fx = f(x)
        if (fx > 0.0) == (fa > 0.0):
            c, fc = a, fa
        else:
            c, fc, b, fb = b, fb, a, fa
        a, fa = x, fx
        best = a if abs(fa) < abs(fb) else b
        width = abs(b - a)
        if width <= TOLERANCE or fa == 0.0:
            return best
        xi, phi = (a - b) / (c - b), (fa - fb) / (fc - fb)
        if phi * phi < xi and (1.0 - phi) * (1.0 - phi) < 1.0 - xi:
            t = fa / (fb - fa) * fc / (fb - fc) + (c - a) / (b - a) * fa / (fc - fa) * fb / (fc - fb)
        else:
            t = 0.5
        least = min(0.5, TOLERANCE / width)
        t = min(max(t, least), 1.0 - least)
    return 0.5 * (a + b)
