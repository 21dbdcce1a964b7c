"""Tail: the generalised Pareto law of the worst losses (peaks over threshold), for levels that few scenarios reach.

Rules:

1. Losses beyond a threshold u: P(loss - u > y) = (1 + shape y / scale)^(-1 / shape). Fitted by maximum likelihood; the
   probability-weighted moments are there to be compared with.
2. The threshold is the one, of a dozen, whose law lies nearest to what was seen beyond it (Kolmogorov's distance).
3. Too few losses beyond it, losses that are all alike, a level inside the body, a mean that is infinite: a refusal.

Source: Pickands (1975); Hosking, Wallis (1987); Grimshaw (1993); McNeil, Frey, Embrechts (2015), chapter 5;
Clauset, Shalizi, Newman (2009) for the threshold.
"""

import math
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.error import CallerError
from holdfast.risk.missing import Missing
from holdfast.risk.var.measure import RiskMeasure

EXCEEDANCES_MIN: Final = 50
EXCEEDANCES_MAX: Final = 2_000  # beyond, more of the body is fitted and no less noise is left that matters
SHARE_MAX: Final = 0.15  # of all losses
CANDIDATES: Final = 12
SHAPE_MIN: Final = -0.5  # below, likelihood has no regular maximum (Smith 1985)
TIES_MAX: Final = 0.1  # of the exceedances, that equal another
DROP_95: Final = 1.9207  # of the log-likelihood, half the chi-squared quantile of one degree


class Tail(msgspec.Struct, frozen=True, kw_only=True):
    """A fitted tail of losses. Units: threshold and scale in base currency; errors are one standard deviation.

    `distance` is the largest difference of the fitted and the seen distribution beyond the threshold.
    """

    threshold: float
    shape: float
    scale: float
    shape_error: float
    scale_error: float
    distance: float
    exceedances: NDArray[np.float64]
    count: int

    def measure(self, level: float, *, model: str, horizon_years: float) -> RiskMeasure | Missing:
        """Return VaR and ES beyond the threshold, errors by the delta method, the interval by profile likelihood.

        Limits: errors take losses as independent and the threshold as given.
        """
        share = len(self.exceedances) / self.count
        if not 1.0 - level <= share:
            reason = f"{level:g} lies within the body: the tail begins at {1.0 - share:.4g}"
            return Missing(model, "tail.level", reason, "measure that level from the scenarios themselves")
        if self.shape >= 1.0:
            reason = f"the tail's shape is {self.shape:.2f}: the mean beyond VaR is infinite"
            return Missing(
                model, "tail.infinite", reason, "cap the loss (a limit, a liquidation) before measuring it"
            )
        ratio = share / (1.0 - level)
        value, shortfall = _measures(self.threshold, self.shape, self.scale, ratio)
        errors = self._errors(ratio)
        low, high = self._interval(ratio)
        return RiskMeasure(
            model=model,
            level=level,
            horizon_years=horizon_years,
            var=float(value),
            es=float(shortfall),
            var_error=errors[0],
            es_error=errors[1],
            var_low=low,
            var_high=high,
            scenarios=float(self.count),
        )

    def _errors(self, ratio: float) -> tuple[float, float]:
        """Return standard errors by the delta method: of shape and scale, and of how many lie beyond the threshold."""
        k, shape, scale = len(self.exceedances), self.shape, self.scale
        spread = (1.0 + shape) / k * np.array([[1.0 + shape, -scale], [-scale, 2.0 * scale * scale]])
        step = 1e-5
        slopes = [
            (
                np.array(
                    _measures(
                        self.threshold, shape + step * a, scale * (1.0 + step * b), ratio * (1.0 + step * c)
                    )
                )
                - np.array(
                    _measures(
                        self.threshold, shape - step * a, scale * (1.0 - step * b), ratio * (1.0 - step * c)
                    )
                )
            )
            / (2.0 * step)
            for a, b, c in ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
        ]
        by_law = np.array([slopes[0], slopes[1] / scale])
        variance = np.einsum("im,ij,jm->m", by_law, spread, by_law) + slopes[2] ** 2 * (
            1.0 / k - 1.0 / self.count
        )
        return float(np.sqrt(variance[0])), float(np.sqrt(variance[1]))

    def _interval(self, ratio: float) -> tuple[float, float]:
        """Return the 95 % profile-likelihood interval of VaR: its range over all laws that are nearly as likely."""
        away = np.linspace(-4.5, 4.5, 91)
        shapes = self.shape + away * self.shape_error
        scales = self.scale * np.exp(away * self.scale_error / self.scale)
        best = _likelihood(self.exceedances, np.array([self.shape]), np.array([self.scale]))[0, 0]
        likely = _likelihood(self.exceedances, shapes, scales) >= best - DROP_95
        values = _measures(self.threshold, shapes[:, None], scales[None, :], ratio)[0][likely]
        return float(values.min()), float(values.max())


def tail_of(profits: NDArray[np.float64], *, model: str, exceedances: int = 0) -> Tail | Missing:
    """Fit the tail of the losses among equally likely profits; `exceedances` 0 chooses the threshold.

    Shape: profits (scenarios,).
    Raises: CallerError `tail.exceedances` for a number of exceedances outside 50 to a half of the scenarios.
    Cost: about 1 ms a threshold for 1,000 exceedances.
    Limits: scenarios of one model have that model's tail: fit histories, or the scenarios of `filtered` and the like,
    whose own tail ends at what was seen.
    """
    unknown = int((~np.isfinite(profits)).sum())
    if unknown:
        return Missing(model, "profits.unusable", f"{unknown:,} of {len(profits):,} profits are no numbers")
    losses = np.sort(-profits)[::-1]
    if exceedances and not EXCEEDANCES_MIN <= exceedances <= len(losses) / 2:
        raise CallerError(
            "tail.exceedances", f"{exceedances:,} of {len(losses):,}", remedy="50 to a half of them"
        )
    most = exceedances or min(int(SHARE_MAX * len(losses)), EXCEEDANCES_MAX)
    if most < EXCEEDANCES_MIN:
        reason = f"{len(losses):,} scenarios have {most} in their tail, fewer than {EXCEEDANCES_MIN}"
        return Missing(model, "tail.short", reason, f"give {math.ceil(EXCEEDANCES_MIN / SHARE_MAX)} at least")
    counts = [most] if exceedances else np.geomspace(EXCEEDANCES_MIN, most, CANDIDATES).astype(int).tolist()
    fits = [fit for count in sorted(set(counts)) if (fit := _fit(losses, count)) is not None]
    if not fits:
        return Missing(
            model,
            "tail.ties",
            "the worst losses are alike: there is no tail to fit",
            "a capped book has none",
        )
    return min(fits, key=lambda fit: fit.distance)


def by_likelihood(beyond: NDArray[np.float64]) -> tuple[float, float]:
    """Return shape and scale by maximum likelihood: one-dimensional after Grimshaw, on grids that narrow.

    Shape: beyond (k,) positive excesses.
    """
    mean, most = float(beyond.mean()), float(beyond.max())
    slope = np.concatenate([-np.linspace(0.999, 1e-3, 60) / most, np.geomspace(1e-4, 1e3, 140) / mean])
    found = (0.0, mean)
    for _ in range(4):
        shape = np.log1p(slope[:, None] * beyond).mean(axis=1)
        score = np.where(shape > SHAPE_MIN, -(np.log(shape / slope) + shape), -np.inf)
        best = int(score.argmax())
        low, high = slope[max(best - 1, 0)], slope[min(best + 1, len(slope) - 1)]
        found = float(shape[best]), float(shape[best] / slope[best])
        slope = np.linspace(low, high, 42)
        slope = slope[np.abs(slope) > 1e-12 / mean]
    return found


def by_moments(beyond: NDArray[np.float64]) -> tuple[float, float]:
    """Return shape and scale by probability-weighted moments: closed, for shapes below 0.5 (Hosking, Wallis)."""
    ordered = np.sort(beyond)
    first = float(ordered.mean())
    plotting = (np.arange(1, len(ordered) + 1) - 0.35) / len(ordered)
    second = float(((1.0 - plotting) * ordered).mean())
    return 2.0 - first / (first - 2.0 * second), 2.0 * first * second / (first - 2.0 * second)


def _fit(losses: NDArray[np.float64], count: int) -> Tail | None:
    threshold = float(losses[count])
    beyond = losses[:count] - threshold
    if np.unique(beyond).size < (1.0 - TIES_MAX) * count or beyond[-1] < 0.0 or beyond.mean() <= 0.0:
        return None
    shape, scale = by_likelihood(beyond)
    below = 1.0 - np.maximum(1.0 + shape * beyond[::-1] / scale, 0.0) ** (-1.0 / shape)
    seen = np.arange(1, count + 1) / count
    return Tail(
        threshold=threshold,
        shape=shape,
        scale=scale,
        shape_error=(1.0 + shape) / math.sqrt(count),
        scale_error=scale * math.sqrt(2.0 * (1.0 + shape) / count),
        distance=float(np.maximum(seen - below, below - seen + 1.0 / count).max()),
        exceedances=beyond,
        count=len(losses),
    )


def _measures(
    threshold: float, shape: object, scale: object, ratio: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return VaR and ES; ratio is the share beyond the threshold over the share beyond the level."""
    shapes, scales = np.asarray(shape, float), np.asarray(scale, float)
    near = np.abs(shapes) < 1e-8
    safe = np.where(near, 1.0, shapes)
    beyond = np.where(near, math.log(ratio), np.expm1(safe * math.log(ratio)) / safe)
    value = threshold + scales * beyond
    return value, value + (scales + shapes * (value - threshold)) / (1.0 - shapes)


def _likelihood(
    beyond: NDArray[np.float64], shapes: NDArray[np.float64], scales: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the log-likelihood of every pair. Shape: (shapes, scales)."""
    out = np.empty((len(shapes), len(scales)))
    for number, shape in enumerate(shapes):
        if abs(shape) < 1e-8:
            out[number] = -len(beyond) * np.log(scales) - beyond.sum() / scales
            continue
        inside = 1.0 + shape * beyond[None, :] / scales[:, None]
        logs = np.log(np.maximum(inside, 1e-300)).sum(axis=1)
        out[number] = -len(beyond) * np.log(scales) - (1.0 + 1.0 / shape) * logs
        out[number][(inside <= 0.0).any(axis=1)] = -np.inf
    return out
