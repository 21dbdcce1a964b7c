"""Hedge: the trades that take most risk away for their cost, within margin and size, as a small convex programme.

Rules:

1. Risk is the variance of the portfolio's profit to second order in its factors over a horizon, by delta and vega with their
   covariance, plus a penalty on gamma: what a hedge leaves behind.
2. The programme minimises risk_aversion / 2 x variance + cost of trading, over signed trades, each within its own bound, the
   added margin within a budget. Cost is linear in size (half the spread and fees): small exposures are left alone.
3. A proposal is a value: what to trade, what it costs, what it leaves. Who sends it is not our business.

Needs the extra `risk`.
Limits: linear cost; the size that moves a market is kept out by the bounds, not by the cost.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.error import CallerError
from holdfast.risk.capital.programme import solve
from holdfast.risk.missing import Missing

TRADE_SHARE_MIN: Final = 1e-5  # of its natural size, below which a trade is the solver's noise
SHARES_MAX: Final = 100.0  # natural sizes: no optimum is further away
MONEY_MIN: Final = 1e-12  # base currency, below which nothing is worth a hedge


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """Something that may be traded as a hedge. All figures are for one unit bought.

    Shape: exposure (factors,): profit in base currency for one unit of each factor; gamma (assets,) as in `Exposure`.
    Units: cost and margin in base currency a unit traded, either way; size_max units.
    """

    name: str
    exposure: NDArray[np.float64]
    gamma: NDArray[np.float64]
    cost: float
    margin: float
    size_max: float


class Exposure(msgspec.Struct, frozen=True, kw_only=True):
    """What is held, by factor (log-moves of assets, then changes of volatilities) and its gamma by asset.

    Shape: exposure (factors,), covariance (factors, factors) over the horizon, gamma (assets,): change of the first
    exposures for a log-move of one; assets are the first factors.
    """

    factors: tuple[str, ...]
    exposure: NDArray[np.float64]
    gamma: NDArray[np.float64]
    covariance: NDArray[np.float64]


class HedgeTrade(msgspec.Struct, frozen=True):
    """One trade of a proposal. Units: signed size in units of the instrument; cost and margin in base currency."""

    instrument: str
    size: float
    cost: float
    margin: float


class HedgeProposal(msgspec.Struct, frozen=True, kw_only=True):
    """What to trade and what it leaves. Units: deviations, cost and margin in base currency; exposure by factor, after."""

    trades: tuple[HedgeTrade, ...]
    deviation_before: float
    deviation_after: float
    exposure_after: dict[str, float]
    gamma_after: tuple[float, ...]
    cost: float
    margin: float


def propose_hedge(
    held: Exposure,
    instruments: Sequence[Instrument],
    *,
    margin_max: float,
    risk_aversion: float,
) -> HedgeProposal | Missing:
    """Return the trades that minimise variance and cost, or why none can be found.

    Units: risk_aversion in one over base currency; 1 / equity is a usual choice. margin_max in base currency.
    Raises: CallerError `hedge.shape`, `hedge.value`.
    Cost: under 2 ms for 20 instruments.
    """
    _check(held, instruments, risk_aversion)
    if not instruments:
        return Missing("hedge", "hedge.no_instrument", "nothing is given to hedge with")
    count = len(instruments)
    exposures = np.column_stack([one.exposure for one in instruments])
    gammas = np.column_stack([one.gamma for one in instruments])
    assets = len(held.gamma)
    # half the variance of a quadratic term is its gamma squared times the fourth moment: 2 x (variance)^2 for a normal move
    gamma_weight = 0.5 * np.diag(held.covariance)[:assets] ** 2
    inner = exposures.T @ held.covariance @ exposures + gammas.T @ (gamma_weight[:, None] * gammas)
    pull = exposures.T @ held.covariance @ held.exposure + gammas.T @ (gamma_weight * held.gamma)
    size_max = np.array([one.size_max for one in instruments])
    scale = _natural_sizes(inner, pull, size_max)
    inner = risk_aversion * inner * np.outer(scale, scale)
    pull = risk_aversion * pull * scale
    cost = np.array([one.cost for one in instruments]) * scale
    margin = np.array([one.margin for one in instruments]) * scale
    # bought and sold shares are variables of their own, so that cost and margin are linear
    quadratic = np.block([[inner, -inner], [-inner, inner]])
    linear = np.concatenate([pull + cost, -pull + cost])
    rows = np.vstack([-np.eye(2 * count), np.eye(2 * count), np.concatenate([margin, margin])[None, :]])
    reach = np.minimum(size_max / scale, SHARES_MAX)
    bounds = np.concatenate([np.zeros(2 * count), reach, reach, [margin_max]])
    if margin.max() > 0.0:
        rows[-1], bounds[-1] = rows[-1] / margin.max(), bounds[-1] / margin.max()
    bounds[-1] = min(bounds[-1], SHARES_MAX * count)
    money = max(float(np.abs(linear).max()), float(np.abs(inner).max()), MONEY_MIN)
    answer = solve("hedge", quadratic / money, linear / money, rows, bounds)
    if isinstance(answer, Missing):
        return answer
    shares = answer[:count] - answer[count:]
    shares[np.abs(shares) < TRADE_SHARE_MIN] = 0.0
    return _proposal(held, instruments, shares * scale, exposures, gammas, gamma_weight)


def _natural_sizes(
    inner: NDArray[np.float64], pull: NDArray[np.float64], size_max: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the size at which each instrument alone would hedge best: the unit that trades are solved for in."""
    own = np.diag(inner)
    largest = float(np.sqrt(own.max())) if len(own) else 0.0
    alone = np.abs(pull) / np.maximum(own, 1e-12 * largest**2 + 1e-300)
    return np.clip(np.where(alone > 0.0, alone, size_max), 1e-9 * size_max, size_max)


def _proposal(
    held: Exposure,
    instruments: Sequence[Instrument],
    sizes: NDArray[np.float64],
    exposures: NDArray[np.float64],
    gammas: NDArray[np.float64],
    gamma_weight: NDArray[np.float64],
) -> HedgeProposal:
    trades = tuple(
        HedgeTrade(one.name, float(size), abs(float(size)) * one.cost, abs(float(size)) * one.margin)
        for one, size in zip(instruments, sizes, strict=True)
        if size != 0.0
    )
    after, gamma_after = held.exposure + exposures @ sizes, held.gamma + gammas @ sizes

    def deviation(exposure: NDArray[np.float64], gamma: NDArray[np.float64]) -> float:
        return float(np.sqrt(exposure @ held.covariance @ exposure + gamma @ (gamma_weight * gamma)))

    return HedgeProposal(
        trades=trades,
        deviation_before=deviation(held.exposure, held.gamma),
        deviation_after=deviation(after, gamma_after),
        exposure_after=dict(zip(held.factors, after.tolist(), strict=True)),
        gamma_after=tuple(gamma_after.tolist()),
        cost=sum(trade.cost for trade in trades),
        margin=sum(trade.margin for trade in trades),
    )


def _check(held: Exposure, instruments: Sequence[Instrument], risk_aversion: float) -> None:
    factors = len(held.factors)
    shapes = [(held.exposure.shape, (factors,)), (held.covariance.shape, (factors, factors))]
    shapes += [(one.exposure.shape, (factors,)) for one in instruments]
    shapes += [(one.gamma.shape, held.gamma.shape) for one in instruments]
    if any(given != wanted for given, wanted in shapes) or len(held.gamma) > factors:
        raise CallerError("hedge.shape", f"exposures must be by the {factors} factors, gammas by asset")
    for one in instruments:
        figures = (one.cost, one.margin, one.size_max)
        if not (all(0.0 <= value < float("inf") for value in figures) and one.size_max > 0.0):
            raise CallerError(
                "hedge.value", "cost and margin are not negative, size_max is above 0", where=one.name
            )
    finite = (
        np.isfinite(held.exposure).all()
        and np.isfinite(held.covariance).all()
        and np.isfinite(held.gamma).all()
    )
    if not finite or not 0.0 < risk_aversion < float("inf"):
        raise CallerError(
            "hedge.value", "exposures and risk_aversion are finite numbers, risk_aversion above 0"
        )
