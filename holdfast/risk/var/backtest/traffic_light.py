"""Basel's traffic light: green, yellow or red, by how unlikely so many exceedances would be under a right model."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from holdfast.risk.missing import Missing
from holdfast.risk.var.backtest.chance import binomial_below, binomial_from
from holdfast.risk.var.backtest.outcome import Outcome, tail_of, too_few

YELLOW: Final = 0.95  # cumulative probability from which the light is yellow
RED: Final = 0.9999
WINDOW: Final = 250

# Basel Committee 1996, table 2: what is added to the multiplier of 3, for 250 days at 99 %, from five exceedances on.
PLUS: Final = (0.40, 0.50, 0.65, 0.75, 0.85, 1.00)


class Light(Outcome, frozen=True, kw_only=True):
    """A traffic light. `cumulative`: probability of so many or fewer; `plus`: Basel's add-on, None off 250 days at 99 %."""

    zone: str
    cumulative: float
    plus: float | None = None


def traffic_light(hits: NDArray[np.bool_], level: float) -> Light | Missing:
    """Return the zone of all steps; the p-value is the probability of so many exceedances or more.

    One-sided: a model that overstates risk is green.
    Source: Basel Committee 1996, Supervisory framework for the use of backtesting.
    Limits: Basel wrote it for 250 days. Over thousands of steps a small excess is red.

    >>> traffic_light(np.arange(250) < 5, 0.99).zone
    'yellow'
    """
    refused = too_few(hits, level, "traffic light")
    if refused is not None:
        return refused
    tail = tail_of(level)
    count, size = int(hits.sum()), hits.size
    cumulative = binomial_below(count, size, tail)
    zone = "green" if cumulative < YELLOW else "yellow" if cumulative < RED else "red"
    p_value = binomial_from(count, size, tail)
    plus = None
    if size == WINDOW and abs(level - 0.99) < 1e-12:
        plus = 0.0 if count < 5 else PLUS[min(count, 10) - 5]
    return Light(
        test="traffic light",
        statistic=float(count),
        p_value=p_value,
        degrees=0,
        verdict=f"{zone}: {count} exceedances, {size * tail:.4g} expected (p {p_value:.3g})",
        zone=zone,
        cumulative=cumulative,
        plus=plus,
    )


def worst_light(hits: NDArray[np.bool_], level: float, window: int = WINDOW) -> tuple[Light, int] | Missing:
    """Return the light of the `window` steps with the most exceedances, and the step at which they begin.

    Says when a model failed; it is the worst of many, so its p-value is none.
    """
    if hits.size < window:
        return Missing(
            where="traffic light",
            code="backtest.too_few_observations",
            reason=f"{hits.size} observations, fewer than a window of {window}",
            remedy="a shorter window",
        )
    total = np.concatenate(([0], np.cumsum(hits)))
    start = int(np.argmax(total[window:] - total[:-window]))
    light = traffic_light(hits[start : start + window], level)
    return light if isinstance(light, Missing) else (light, start)
