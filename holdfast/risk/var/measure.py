"""Measure: value at risk and expected shortfall of a list of profits, each with its standard error.

Rules:

1. A loss is positive. VaR at a level is the smallest loss x with at least that much probability of losing x or less.
2. ES is the mean of the worst 1 - level of probability, with the part of the VaR scenario that fills it up (Acerbi and
   Tasche), so that it is coherent for every number of scenarios.
3. Errors are those of drawing scenarios, not of choosing the model: they say how many digits to read, no more.

Source: Acerbi, Tasche (2002), On the coherence of expected shortfall; intervals by order statistics (David, Nagaraja).
"""

import math
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.error import CallerError
from holdfast.risk.missing import Missing

TAIL_MIN: Final = 5.0  # scenarios beyond the level, below which its VaR is a guess
NORMAL_TAIL_MIN: Final = 500.0  # from here on the binomial is taken as normal
Z_95: Final = 1.959963984540054


class RiskMeasure(msgspec.Struct, frozen=True, kw_only=True):
    """What a model says of one level and horizon.

    Units: var, es and their errors in base currency, losses positive; horizon_years of 365 days; var_low to var_high covers
    95 % of the draws of scenarios. `scenarios` is what the errors count with: fewer where weights differ or histories
    overlap.
    """

    model: str
    level: float
    horizon_years: float
    var: float
    es: float
    var_error: float
    es_error: float
    var_low: float
    var_high: float
    scenarios: float


def measure(
    profits: NDArray[np.float64],
    level: float,
    *,
    model: str,
    horizon_years: float,
    weights: NDArray[np.float64] | None = None,
    overlap: int = 1,
) -> RiskMeasure | Missing:
    """Return VaR and ES at one level, or why there is none: too few scenarios beyond it, a profit that is no number.

    Shape: profits and weights (scenarios,); weights add up to one (None: all alike). `overlap` scenarios count as one in
    the errors.
    Raises: CallerError `measure.level` for a level outside (0, 1).
    Cost: one sort.
    Limits: errors take scenarios as independent, but for `overlap`, and know nothing of the history behind them.

    >>> found = measure(np.array([-4.0, -3.0, -2.0, -1.0, *np.arange(16.0)]), 0.75, model="example", horizon_years=1 / 365)
    >>> found.var, round(found.es, 9)
    (-1.0, 2.0)
    """
    if not 0.0 < level < 1.0:
        raise CallerError(
            "measure.level", f"{level!r} is not a level", remedy="0.99 leaves one in a hundred worse"
        )
    refused = _refused(profits, level, model, weights)
    if refused is not None:
        return refused
    losses = np.sort(-profits) if weights is None else -profits
    if weights is None:
        count = float(len(losses))
        mass = np.full(len(losses), 1.0 / count)
    else:
        order = np.argsort(losses, kind="stable")
        losses, mass = losses[order], weights[order]
        count = 1.0 / float(mass @ mass)
    count /= overlap
    below = np.cumsum(mass)
    at = _rank(below, level)
    value = float(losses[at])
    tail = tail_weights(mass, level)
    shortfall = float(tail @ losses)
    low_share, high_share = _shares(count, level)
    low, high = (float(losses[_rank(below, share)]) for share in (low_share, high_share))
    spread = float(tail @ (losses - shortfall) ** 2)
    return RiskMeasure(
        model=model,
        level=level,
        horizon_years=horizon_years,
        var=value,
        es=shortfall,
        var_error=(high - low) / (2.0 * Z_95),
        es_error=math.sqrt((spread + level * (shortfall - value) ** 2) / (count * (1.0 - level))),
        var_low=low,
        var_high=high,
        scenarios=count,
    )


def measures(
    profits: NDArray[np.float64],
    levels: Sequence[float],
    *,
    model: str,
    horizon_years: float,
    weights: NDArray[np.float64] | None = None,
    overlap: int = 1,
) -> tuple[RiskMeasure | Missing, ...]:
    """Return one measure a level."""
    return tuple(
        measure(profits, level, model=model, horizon_years=horizon_years, weights=weights, overlap=overlap)
        for level in levels
    )


def tail_weights(mass: NDArray[np.float64], level: float) -> NDArray[np.float64]:
    """Return what each scenario counts in ES, adding up to one: all of the worse ones, a part of the one at VaR.

    Shape: mass (scenarios,) by ascending loss, adding up to one.
    """
    above = np.clip(np.cumsum(mass) - level, 0.0, mass)
    return above / above.sum()


def _rank(below: NDArray[np.float64], share: float) -> int:
    """Return the number of the first scenario with at least this share of mass up to it, but for rounding."""
    return min(int(np.searchsorted(below, share - 1e-12)), len(below) - 1)


def _refused(
    profits: NDArray[np.float64], level: float, model: str, weights: NDArray[np.float64] | None
) -> Missing | None:
    if profits.ndim != 1 or (weights is not None and weights.shape != profits.shape):
        raise CallerError("measure.shape", "profits are one list, weights another of its length")
    unknown = int((~np.isfinite(profits)).sum())
    if unknown:
        reason = f"{unknown:,} of {len(profits):,} profits are no numbers"
        return Missing(model, "profits.unusable", reason, "find the scenario that breaks the revaluation")
    count = float(len(profits)) if weights is None else 1.0 / float(weights @ weights)
    if count * (1.0 - level) < TAIL_MIN * (1.0 - 1e-9):
        reason = f"{count:,.0f} scenarios leave {count * (1.0 - level):.1f} beyond {level:g}, fewer than {TAIL_MIN:g}"
        return Missing(
            model, "scenarios.few", reason, "draw more, give a longer history, or ask a lower level"
        )
    return None


def _shares(count: float, level: float) -> tuple[float, float]:
    """Return the shares of mass whose scenarios hold VaR between them in 95 % of draws: binomial, exact for a thin tail."""
    beyond = count * (1.0 - level)
    if min(beyond, count * level) >= NORMAL_TAIL_MIN:
        half = Z_95 * math.sqrt(level * (1.0 - level) / count)
        return max(level - half, 0.0), min(level + half, 1.0)
    few, many = _binomial_95(max(round(count), 1), min(level, 1.0 - level))
    if level > 0.5:
        return max(1.0 - many / count, 0.0), min(1.0 - (few - 1) / count, 1.0)
    return few / count, min((many + 1) / count, 1.0)


def _binomial_95(count: int, share: float) -> tuple[int, int]:
    """Return the 2.5 % and 97.5 % quantiles of how many of `count` fall into `share`."""
    chance = math.exp(count * math.log1p(-share))
    total, number, few = 0.0, 0, -1
    while True:
        total += chance
        if few < 0 and total >= 0.025:
            few = number
        if total >= 0.975 or number >= count:
            return max(few, 0), number
        chance *= (count - number) / (number + 1.0) * share / (1.0 - share)
        number += 1
