"""Forward: the price of the asset at an expiry, from its dated future and from calls against puts, with its error.

Rules:

1. Parity holds strike by strike: call - put = discount (forward - strike), and in coin discount (1 - strike / forward).
   Both are straight lines in the strike, so both are one weighted fit; the weight of a strike is its bid-ask.
2. A quote counts if its bid and ask are positive and not crossed, and a strike if both its call and its put do. Strikes
   whose middle misses the line by more than four times what its bid-ask explains are left out.
3. The discount is 1, or what the caller knows; told None, it is fitted too, where three strikes or more say something of it.
4. Each answer has its error (one standard deviation, taking the truth as uniform between bid and ask), what it is from, and
   how many strikes it stands on. What cannot be told is a `Missing`.

Units: strikes and forwards in quote units; prices in quote units, or in coin where `inverse`.
Limits: European options only; the errors of strikes are taken as independent.
Source: Stoll (1969), The relationship between put and call option prices.
"""

import math
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.risk.missing import Missing

STRIKES_MIN: Final = 3  # to fit a discount
ROUNDS_MAX: Final = 8
OUTLIER_DEVIATIONS: Final = 4.0
_UNIFORM: Final = 1.0 / math.sqrt(3.0)  # standard deviation over half the width


class Forward(msgspec.Struct, frozen=True, kw_only=True):
    """A forward and how well it is known.

    Units: forward, error in quote units; discount is what was taken, or fitted with `discount_error` (0 where taken).
    `source` is `future`, `parity`, or both joined by `+`; `strikes` counts those used, `outliers` those left out.
    """

    forward: float
    error: float
    source: str
    discount: float = 1.0
    discount_error: float = 0.0
    strikes: int = 0
    outliers: int = 0

    def rate(self, years: float) -> float | Missing:
        """Return the continuous rate a year that the discount implies, or why it says none.

        >>> round(Forward(forward=1.0, error=0.0, source="parity", discount=0.99).rate(0.25), 4)
        0.0402
        """
        if not (years > 0.0 and self.discount > 0.0):
            return Missing(self.source, "rate.undefined", "no time is left for a rate to work in")
        return -math.log(self.discount) / years


def forward_from_future(bid: float, ask: float) -> Forward | Missing:
    """Return the middle of a dated future's quote.

    >>> forward_from_future(99.0, 101.0).forward
    100.0
    >>> forward_from_future(101.0, 99.0).code
    'quote.crossed'
    """
    if not (0.0 < bid < math.inf and 0.0 < ask < math.inf):
        return Missing("future", "quote.absent", "the future has no bid or no ask")
    if bid > ask:
        return Missing("future", "quote.crossed", f"the future's bid {bid:g} is above its ask {ask:g}")
    return Forward(forward=0.5 * (bid + ask), error=0.5 * (ask - bid) * _UNIFORM, source="future")


def forward_from_parity(
    strikes: NDArray[np.float64],
    call_bids: NDArray[np.float64],
    call_asks: NDArray[np.float64],
    put_bids: NDArray[np.float64],
    put_asks: NDArray[np.float64],
    *,
    inverse: bool,
    discount: float | None = 1.0,
) -> Forward | Missing:
    """Return the forward that calls against puts of one expiry imply, one price a strike; NaN where there is no quote.

    Shape: all (strikes,). Cost: 0.15 ms for 40 strikes.

    >>> k = np.array([90.0, 100.0, 110.0])
    >>> call, put = np.array([12.9, 6.0, 2.0]), np.array([1.9, 5.0, 11.0])
    >>> forward_from_parity(k, call, call + 0.2, put, put + 0.2, inverse=False).forward.__round__(9)
    101.0
    """
    usable = _two_sided(call_bids, call_asks) & _two_sided(put_bids, put_asks) & (strikes > 0.0)
    if not usable.any():
        return Missing("parity", "quotes.absent", "no strike has both a call and a put quoted on both sides")
    k = strikes[usable]
    gap = 0.5 * ((call_bids + call_asks) - (put_bids + put_asks))[usable]
    width = 0.5 * np.hypot(call_asks - call_bids, put_asks - put_bids)[usable]
    least = 1e-9 * float(k.max()) if not inverse else 1e-9
    deviations = np.maximum(width * _UNIFORM, least)
    if discount is None and k.size < STRIKES_MIN:
        return Missing(
            "parity", "quotes.too-few", f"{k.size} strikes cannot tell a discount", "give the discount"
        )
    kept = _without_outliers(k, gap, deviations, inverse, discount)
    line = _fit(k[kept], gap[kept], deviations[kept], inverse, discount)
    level, slope = line.level, line.slope
    forward = level / slope  # of either line, where it crosses zero
    if not (slope > 0.0 and level > 0.0 and math.isfinite(forward)):
        return Missing("parity", "parity.broken", "calls less puts do not fall with the strike")
    # d forward = (d level - forward d slope) / slope
    variance = line.level_variance + forward * forward * line.slope_variance - 2.0 * forward * line.covariance
    implied, implied_variance = (level, line.level_variance) if inverse else (slope, line.slope_variance)
    return Forward(
        forward=forward,
        error=math.sqrt(max(variance, 0.0)) / slope,
        source="parity",
        discount=implied if discount is None else discount,
        discount_error=math.sqrt(implied_variance) if discount is None else 0.0,
        strikes=int(kept.sum()),
        outliers=int(k.size - kept.sum()),
    )


def joined_forward(estimates: Sequence[Forward | Missing]) -> Forward | Missing:
    """Return one forward from several: weighted by their errors where they agree, the best known alone where they do not.

    >>> a = Forward(forward=100.0, error=1.0, source="future")
    >>> b = Forward(forward=101.0, error=1.0, source="parity", strikes=3)
    >>> joined_forward([a, b]).forward, joined_forward([a, b]).source
    (100.5, 'future+parity')
    """
    known = sorted((one for one in estimates if isinstance(one, Forward)), key=lambda one: one.error)
    if not known:
        reasons = "; ".join(one.reason for one in estimates if isinstance(one, Missing))
        return Missing(
            "forward", "forward.absent", reasons or "no future and no options", "give one from elsewhere"
        )
    best = known[0]
    agreeing = [
        one
        for one in known
        if abs(one.forward - best.forward) <= OUTLIER_DEVIATIONS * math.hypot(one.error, best.error)
    ]
    if len(agreeing) == 1 or best.error == 0.0:
        return best
    weights = [1.0 / one.error**2 for one in agreeing]
    total = sum(weights)
    return msgspec.structs.replace(
        best,
        forward=sum(weight * one.forward for weight, one in zip(weights, agreeing, strict=True)) / total,
        error=1.0 / math.sqrt(total),
        source="+".join(sorted({one.source for one in agreeing})),
        strikes=max(one.strikes for one in agreeing),
        outliers=max(one.outliers for one in agreeing),
    )


class _Line(msgspec.Struct, frozen=True):
    """gap = level - slope x strike, with the covariance of the two."""

    level: float
    slope: float
    level_variance: float
    slope_variance: float
    covariance: float


def _two_sided(bids: NDArray[np.float64], asks: NDArray[np.float64]) -> NDArray[np.bool_]:
    return (bids > 0.0) & (asks >= bids) & (asks < math.inf)


def _fit(
    k: NDArray[np.float64],
    gap: NDArray[np.float64],
    deviations: NDArray[np.float64],
    inverse: bool,
    discount: float | None,
) -> _Line:
    """Fit the line by weighted least squares, with the end held that the discount says."""
    w = 1.0 / deviations**2
    if discount is None:
        total, centre = float(w.sum()), float(w @ k / w.sum())
        spread = float(w @ (k - centre) ** 2)
        if not spread > 0.0:
            return _Line(0.0, 0.0, 0.0, 0.0, 0.0)
        slope = -float(w @ (gap * (k - centre))) / spread
        level = float(w @ gap) / total + slope * centre
        line = _Line(level, slope, 1.0 / total + centre**2 / spread, 1.0 / spread, centre / spread)
    elif inverse:
        weight = float(w @ k**2)
        line = _Line(discount, float(w @ (k * (discount - gap))) / weight, 0.0, 1.0 / weight, 0.0)
    else:
        line = _Line(
            float(w @ (gap + discount * k)) / float(w.sum()), discount, 1.0 / float(w.sum()), 0.0, 0.0
        )
    freedom = k.size - (2 if discount is None else 1)
    if freedom < 1:
        return line
    misfit = max(1.0, float((w * (gap - line.level + line.slope * k) ** 2).sum()) / freedom)
    return _Line(
        line.level,
        line.slope,
        line.level_variance * misfit,
        line.slope_variance * misfit,
        line.covariance * misfit,
    )


def _without_outliers(
    k: NDArray[np.float64],
    gap: NDArray[np.float64],
    deviations: NDArray[np.float64],
    inverse: bool,
    discount: float | None,
) -> NDArray[np.bool_]:
    """Return which strikes to keep: those near a line on which large misses have little say (Cauchy weights)."""
    trust = np.ones(k.size)
    misses = np.zeros(k.size)
    for _ in range(ROUNDS_MAX):
        line = _fit(k, gap, deviations / np.sqrt(trust), inverse, discount)
        misses = np.abs(gap - line.level + line.slope * k) / deviations
        trust = 1.0 / (1.0 + (misses / 2.0) ** 2)
    typical = max(1.0, 1.4826 * float(np.median(misses)))
    return misses <= OUTLIER_DEVIATIONS * typical
