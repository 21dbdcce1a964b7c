"""Liquidity-adjusted VaR: price risk while a position is sold, the spread at its worst, and the impact of selling.

Rules:

1. Price: sold evenly over n days, the position shrinks: deviation = sigma x sqrt of the sum of the squared shares
   still held at the start of each day; one day is the usual VaR.
2. Exogenous (everybody's): half of price x (mean relative spread + multiplier x its deviation), Bangia et al.
3. Endogenous (one's own size): the average impact of selling that quantity a day, from `impact.py`.
4. The three add up: worst spreads and worst prices come together.

Source: Bangia, Diebold, Schuermann, Stroughair (1999), Modeling liquidity risk: multiplier 2 to 4.5 by the tail of
spreads.
Limits: normal price moves unless the caller hands a quantile of his own; spreads and volumes as of the sample.
"""

import math
from statistics import NormalDist
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.error import CallerError
from holdfast.risk.liquidity.impact import Impact
from holdfast.risk.missing import Missing

SAMPLES_MIN: Final = 20


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """Relative spreads. Units: fractions of the mid. Raises: CallerError `spread.terms`."""

    mean: float
    deviation: float
    multiplier: float = 3.0

    def __post_init__(self) -> None:
        if not all(0.0 <= term < math.inf for term in (self.mean, self.deviation, self.multiplier)):
            raise CallerError("spread.terms", "a spread, its deviation or the multiplier is negative")

    @property
    def worst(self) -> float:
        """Return the spread at its worst."""
        return self.mean + self.multiplier * self.deviation


class LiquidityVar(msgspec.Struct, frozen=True, kw_only=True):
    """Value at risk and its parts. Units: as `value`, positive losses. `var` is the one-day VaR without liquidity."""

    var: float
    price: float
    exogenous: float
    endogenous: float
    days: float

    @property
    def total(self) -> float:
        """Return price risk over the sale plus both costs."""
        return self.price + self.exogenous + self.endogenous


def liquidity_var(
    *,
    value: float,
    daily_volatility: float,
    confidence: float,
    spread: Spread,
    quantity: float,
    daily_volume: float,
    participation: float,
    impact: Impact | None = None,
    quantile: float | None = None,
) -> LiquidityVar:
    """Return the liquidity-adjusted VaR of one position sold at a share of the market's volume.

    Units: value in base currency, signed or not; quantity and daily_volume alike; participation above 0, at most 1;
    `quantile` of the daily move in deviations, in place of the normal one.
    Raises: CallerError `liquidity_var.terms`.
    """
    if (
        not math.isfinite(value)
        or not daily_volatility >= 0.0
        or not 0.5 < confidence < 1.0
        or not daily_volume > 0.0
        or not 0.0 < participation <= 1.0
    ):
        raise CallerError(
            "liquidity_var.terms", "value, volatility, confidence, volume or participation is out of range"
        )
    size = abs(value)
    deviations = quantile if quantile is not None else NormalDist().inv_cdf(confidence)
    daily = participation * daily_volume
    days = abs(quantity) / daily
    law = impact or Impact()
    sold_a_day = min(abs(quantity), daily)
    return LiquidityVar(
        var=size * daily_volatility * deviations,
        price=size * daily_volatility * deviations * math.sqrt(held_days(days)),
        exogenous=0.5 * size * spread.worst,
        endogenous=size * law.average(sold_a_day, daily_volume, daily_volatility),
        days=days,
    )


def held_days(days: float) -> float:
    """Return the sum of squared shares held while a position is sold evenly, at least the first day's 1.

    >>> held_days(1.0), held_days(2.0), held_days(4.0)
    (1.0, 1.25, 1.875)
    """
    if days <= 1.0:
        return 1.0
    shares = 1.0 - np.arange(math.ceil(days)) / days
    # a last day that is not whole is held for its part only
    lengths = np.ones(len(shares))
    lengths[-1] = days - (len(shares) - 1)
    return float((shares**2) @ lengths)


def spread_of(
    bids: NDArray[np.float64], asks: NDArray[np.float64], *, multiplier: float = 3.0, where: str = ""
) -> Spread | Missing:
    """Return the spread's mean and deviation over samples; crossed or empty quotes are left out."""
    usable = (bids > 0.0) & (asks >= bids) & np.isfinite(asks)
    if np.count_nonzero(usable) < SAMPLES_MIN:
        return Missing(where, "spread.samples", f"fewer than {SAMPLES_MIN} usable quotes")
    relative = (asks[usable] - bids[usable]) / (0.5 * (asks[usable] + bids[usable]))
    return Spread(mean=float(relative.mean()), deviation=float(relative.std(ddof=1)), multiplier=multiplier)
