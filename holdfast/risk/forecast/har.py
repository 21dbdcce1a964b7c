"""HAR: realised variance of the next horizon from that of the last one, five and twenty-two of them (Corsi)."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.risk.forecast.base import VolatilityForecast, annualised, refused, spread, steps_of
from holdfast.risk.missing import Missing

MODEL: Final = "har"
SPANS: Final = (1, 5, 22)  # horizons: a day, a week and a month of trading where the horizon is a day
RETURNS_SPAN_MIN: Final = 5  # returns in the shortest span: fewer are no measure of variance
TARGETS_MIN: Final = 30  # horizons to fit by, not overlapping
STRIDE: Final = 4  # origins a horizon in the fit
FLOOR: Final = 1e-4  # of the mean variance, under a level forecast's weight


class _Fit(NamedTuple):
    forecast: float  # variance over the horizon to come
    fitted: NDArray[np.float64]
    beta: NDArray[np.float64]
    in_logs: bool


def har(returns: NDArray[np.float64], interval_s: float, horizon_s: float) -> VolatilityForecast | Missing:
    """Forecast by Corsi's regression, in logs where no span stood still, else in levels.

    In logs the mean is got back by Duan's smearing (the mean of the exponentials of the residuals) instead of taking them
    as normal. In levels the regression is weighted by the inverse of the long variance, since large variances err more.
    No slope is negative: more variance in the past never means less to come. The forecast stays within what was realised
    before, and a last span without precedent is refused.
    Cost: linear in the returns, some 10 us for a thousand horizons.
    Source: Corsi 2009, Journal of Financial Econometrics 7(2); Duan 1983, Smearing estimate; Patton and Sheppard 2015 for
    the weights; Bollerslev, Patton and Quaedvlieg 2016 for staying within the past.
    Limits: fitted to a calm past it is slow to believe in a crash; it sees neither sign nor calendar.
    """
    steps = steps_of(returns, interval_s, horizon_s)
    spans = np.array(SPANS) * max(steps, RETURNS_SPAN_MIN)
    missing = refused(MODEL, returns, int(spans[-1]) + TARGETS_MIN * steps)
    if missing is not None:
        return missing
    total = np.concatenate(([0.0], np.cumsum(returns * returns)))
    last = returns.size - steps
    stride = max(steps // STRIDE, 1)
    origins = np.arange(last, int(spans[-1]) - 1, -stride)[::-1]
    targets = total[origins + steps] - total[origins]
    known = _spans(total, np.append(origins, returns.size), spans)
    if known[-1, 0] > known[:-1, 0].max():
        return Missing(
            where=MODEL,
            code="har.unprecedented",
            reason="the last span moved more than any before: a regression has nothing to say about it",
            remedy="ewma, or a history with such a span",
        )
    found = _fit(known[:-1], targets, known[-1], steps)
    apart = np.arange(origins.size - 1, -1, -((steps + stride - 1) // stride))[
        ::-1
    ]  # horizons that do not overlap
    low, high, interval = spread(targets[apart] / found.fitted[apart], returns, steps)
    volatility = annualised(found.forecast, steps * interval_s)
    return VolatilityForecast(
        volatility=volatility,
        low=volatility * low,
        high=volatility * high,
        model=MODEL,
        interval=interval,
        interval_s=interval_s,
        horizon_s=horizon_s,
        observations=returns.size,
        parameters={
            "logs": float(found.in_logs),
            **dict(zip(("constant", "short", "middle", "long"), map(float, found.beta), strict=True)),
        },
    )


def _spans(
    total: NDArray[np.float64], origins: NDArray[np.int64], spans: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the mean squared return of each span that ends at each origin. Shape: (origins, spans)."""
    return np.column_stack([(total[origins] - total[origins - span]) / span for span in spans])


def _fit(
    known: NDArray[np.float64], targets: NDArray[np.float64], now: NDArray[np.float64], steps: int
) -> _Fit:
    in_logs = steps >= RETURNS_SPAN_MIN and bool(
        (known > 0.0).all() and (targets > 0.0).all() and (now > 0.0).all()
    )
    if in_logs:
        beta = _solve(np.log(known), np.log(targets), np.ones(targets.size))
        logs = _predict(np.log(known), beta)
        smear = float(np.exp(np.log(targets) - logs).mean())
        fitted = smear * np.exp(logs)
        forecast = smear * float(np.exp(_predict(np.log(now[None, :]), beta)[0]))
    else:
        floor = FLOOR * float(targets.mean())
        beta = _solve(known, targets, 1.0 / np.maximum(known[:, -1] * steps, floor))
        fitted = _predict(known, beta)
        forecast = float(_predict(now[None, :], beta)[0])
    moved = targets[targets > 0.0]
    least, most = (float(moved.min()), float(moved.max())) if moved.size else (0.0, 0.0)
    return _Fit(min(max(forecast, least), most), np.clip(fitted, least, most), beta, in_logs)


def _solve(
    known: NDArray[np.float64], targets: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return constant and slopes; a slope below zero is left out and the rest fitted anew, the worst one first."""
    design = np.column_stack([np.ones(len(known)), known]) * weights[:, None]
    beta = np.zeros(design.shape[1])
    kept = list(range(design.shape[1]))
    while True:
        found = np.asarray(
            np.linalg.lstsq(design[:, kept], targets * weights, rcond=None)[0], dtype=np.float64
        )
        if len(kept) == 1 or found[1:].min() >= 0.0:
            beta[kept] = found
            return beta
        kept.pop(1 + int(found[1:].argmin()))


def _predict(known: NDArray[np.float64], beta: NDArray[np.float64]) -> NDArray[np.float64]:
    return beta[0] + known @ beta[1:]
