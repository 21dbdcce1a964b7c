"""Almgren-Chriss: the schedule that trades off expected cost against risk while a position is sold.

Rules:

1. Price moves by volatility x sqrt(time); permanent impact is linear in quantity, temporary impact linear in the
   rate of trading plus a fixed cost a unit (half the spread). All in quote units a unit of the asset.
2. The schedule minimises expected cost + risk_aversion x variance; closed form in sinh. Aversion 0 sells evenly.
3. Costs are against the price at the start, expected, and positive.

Source: Almgren, Chriss (2000), Optimal execution of portfolio transactions, equations 4, 5, 17 to 20.
Limits: linear impact and no drift; square-root impact is in `impact.py`; the schedule does not react to the price.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.error import CallerError


class Execution(msgspec.Struct, frozen=True, kw_only=True):
    """The market that a position is sold into.

    Units: volatility quote units a root of a day, fixed_cost quote units a unit, permanent quote units a unit
    squared (gamma), temporary quote units a unit for a unit a day (eta). Raises: CallerError `execution.market`.
    """

    volatility: float
    fixed_cost: float
    permanent: float
    temporary: float

    def __post_init__(self) -> None:
        terms = (self.volatility, self.fixed_cost, self.permanent)
        if not all(0.0 <= term < math.inf for term in terms) or not 0.0 < self.temporary < math.inf:
            raise CallerError(
                "execution.market", "volatility and costs are at least 0, temporary impact above 0"
            )


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """What is held at each time. Shape: times, holdings (steps + 1,), sales (steps,). Units: days, asset units,
    quote units.

    `half_life_days` is the time in which the position falls by a factor e where time is no limit; infinite without
    aversion.
    """

    risk_aversion: float
    times: NDArray[np.float64]
    holdings: NDArray[np.float64]
    sales: NDArray[np.float64]
    cost: float
    deviation: float
    half_life_days: float

    def shortfall(self, confidence: float) -> float:
        """Return the cost not exceeded with this confidence: the liquidity-adjusted value at risk of the schedule."""
        return self.cost + NormalDist().inv_cdf(confidence) * self.deviation


def schedule(market: Execution, quantity: float, days: float, steps: int, risk_aversion: float) -> Schedule:
    """Return the optimal schedule of selling (or buying back, negative) a quantity in equal time steps.

    Units: risk_aversion one over quote units.
    Raises: CallerError `execution.order`, or `execution.step` where a step is so long that permanent impact
    outweighs temporary.
    """
    if (
        not math.isfinite(quantity)
        or not 0.0 < days < math.inf
        or steps < 1
        or not 0.0 <= risk_aversion < math.inf
    ):
        raise CallerError(
            "execution.order", "a schedule needs a quantity, days, steps and an aversion of at least 0"
        )
    step = days / steps
    eta = market.temporary - 0.5 * market.permanent * step
    if not eta > 0.0:
        raise CallerError(
            "execution.step",
            "permanent impact outweighs temporary within one step",
            remedy="take shorter steps",
        )
    squared = risk_aversion * market.volatility**2 / eta
    kappa = math.acosh(1.0 + 0.5 * squared * step**2) / step
    times = np.linspace(0.0, days, steps + 1)
    holdings = quantity * _remaining(kappa, times, days)
    sales = -np.diff(holdings)
    cost = (
        0.5 * market.permanent * quantity**2
        + market.fixed_cost * float(np.abs(sales).sum())
        + eta / step * float(sales @ sales)
    )
    variance = market.volatility**2 * step * float(holdings[1:] @ holdings[1:])
    return Schedule(
        risk_aversion=risk_aversion,
        times=times,
        holdings=holdings,
        sales=sales,
        cost=cost,
        deviation=math.sqrt(variance),
        half_life_days=1.0 / kappa if kappa > 0.0 else math.inf,
    )


def frontier(
    market: Execution, quantity: float, days: float, steps: int, risk_aversions: Sequence[float]
) -> tuple[Schedule, ...]:
    """Return the efficient frontier: the schedules of rising aversion, cost up and deviation down."""
    return tuple(schedule(market, quantity, days, steps, aversion) for aversion in sorted(risk_aversions))


def _remaining(kappa: float, times: NDArray[np.float64], days: float) -> NDArray[np.float64]:
    """Return sinh(kappa (days - t)) / sinh(kappa days), without overflow; a straight line as kappa vanishes."""
    left = days - times
    if kappa * days < 1e-8:
        return np.maximum(left / days, 0.0)
    out = np.exp(-kappa * times) * np.expm1(-2.0 * kappa * left) / math.expm1(-2.0 * kappa * days)
    out[0], out[-1] = 1.0, 0.0  # exactly, whatever the functions round to
    return out
