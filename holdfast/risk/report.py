"""Report: everything the risk engine says of one portfolio at one moment, no part in the way of another.

Rules:

1. Every part is computed if it can be; where it cannot, a `Missing` stands in its place, and the rest goes on.
2. VaR, forecasts, odds of a call and reverse stress need a history: without one they are missing, not guessed. Value,
   margin, scenarios and venues need none.
3. Profits and losses are in the portfolio's base currency.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.clock import DAY_NS, MINUTE_NS, SECOND_NS
from holdfast.risk.capital.reserve import Reserve, measure_reserve
from holdfast.risk.credit.venue_default import VenueRisk, VenueTerms, venue_default
from holdfast.risk.forecast.base import VolatilityForecast
from holdfast.risk.forecast.choose import forecast
from holdfast.risk.legs import Legs, compile_legs
from holdfast.risk.liquidity.unwind import Turnover, Unwind, unwind
from holdfast.risk.margin.base import MarginModel, MarginResult
from holdfast.risk.margin.call import CallOdds, Forecast, call_odds
from holdfast.risk.margin.liquidation import LiquidationPrices, liquidation_prices
from holdfast.risk.margin.moves import MovedAccount
from holdfast.risk.market import RiskMarket
from holdfast.risk.missing import Missing
from holdfast.risk.portfolio import Account, Portfolio
from holdfast.risk.scenarios.grid import Grid, grid, underlyings
from holdfast.risk.scenarios.historical import Event, historical
from holdfast.risk.scenarios.hypothetical import depeg, funding_blow_out, weekend_gap, worst_venue_default
from holdfast.risk.scenarios.reverse import ReverseStress, reverse_stress
from holdfast.risk.scenarios.scenario import Outcome, Scenario, outcome
from holdfast.risk.valuation import Valuation, value
from holdfast.risk.var.assess import Assessment, assess
from holdfast.risk.var.filtered import filtered
from holdfast.risk.var.historical import historical as historical_sample
from holdfast.risk.var.returns import Panel, Series, panel_of
from holdfast.risk.var.sample import Sample

STEPS_NS: Final = (
    60 * MINUTE_NS,
    5 * MINUTE_NS,
    MINUTE_NS,
)  # the coarsest that leaves enough returns is taken
RETURNS_MIN: Final = 250
PATHS: Final = 10_000
SEED: Final = 1
DAY_S: Final = 86_400.0
LOSS_SHARE: Final = 0.25  # of equity: the limit that reverse stress breaks unless told otherwise
STABLES: Final = ("USDT", "USDC", "USDE", "DAI")
DEPEG_PRICE: Final = 0.9

History = Mapping[str, tuple[NDArray[np.int64], NDArray[np.float64]]]


class AccountRisk(msgspec.Struct, frozen=True, kw_only=True):
    """One account: its margin, where it would be liquidated (by asset, others still), and the odds of a call by then."""

    account: Account
    margin: MarginResult | Missing
    liquidation: tuple[LiquidationPrices, ...] = ()
    odds: dict[str, CallOdds] = {}


class RiskReport(msgspec.Struct, frozen=True, kw_only=True):
    """The whole answer. Where `Missing` stands, the part could not be computed; `missing` has the gaps of all of it."""

    portfolio: Portfolio
    market: RiskMarket
    valuation: Valuation
    accounts: tuple[AccountRisk, ...]
    forecasts: dict[str, VolatilityForecast | Missing]
    assessments: tuple[Assessment | Missing, ...]
    scenarios: tuple[Outcome, ...]
    grid: Grid
    reverse: ReverseStress | Missing
    unwind: Unwind
    venues: VenueRisk
    reserve: Reserve
    missing: tuple[Missing, ...]


def assess_portfolio(
    portfolio: Portfolio,
    market: RiskMarket,
    history: History,
    models: Mapping[str, MarginModel],
    events: Sequence[Event],
    *,
    pegged: frozenset[str] = frozenset(),
    turnovers: Mapping[str, Turnover] | None = None,
    terms: Sequence[VenueTerms] = (),
) -> RiskReport:
    """Return everything that can be said. `models` by name, `events` the historical scenarios to replay.

    Cost: half a second for 50 positions; `History` as in `refresh.py`.
    """
    legs = compile_legs(portfolio, market)
    valuation = value(legs)
    panel = _panel(legs, history)
    forecasts = _forecasts(panel)
    samples = _samples(panel)
    assessments = tuple(
        one if isinstance(one, Missing) else assess(legs, one, by="account") for one in samples
    )
    outcomes = _outcomes(legs, events, pegged)
    cost = unwind(portfolio, market, turnovers or {})
    venues = venue_default(legs, terms)
    gaps = [*legs.missing]
    if isinstance(panel, Missing):
        gaps.append(panel)
    else:
        gaps += panel.missing
    return RiskReport(
        portfolio=portfolio,
        market=market,
        valuation=valuation,
        accounts=tuple(_account(portfolio, market, one, models, forecasts) for one in portfolio.accounts),
        forecasts=forecasts,
        assessments=assessments,
        scenarios=outcomes,
        grid=grid(legs),
        reverse=_reverse(legs, valuation, samples),
        unwind=cost,
        venues=venues,
        reserve=_reserve(valuation, assessments, outcomes, cost, venues),
        missing=tuple(dict.fromkeys(gaps)),
    )


def _account(
    portfolio: Portfolio,
    market: RiskMarket,
    account: Account,
    models: Mapping[str, MarginModel],
    forecasts: Mapping[str, VolatilityForecast | Missing],
) -> AccountRisk:
    where = f"{account.venue}/{account.name}"
    model = models.get(account.margin_model)
    if model is None:
        gap = Missing(where, "margin.no_model", "no margin model is named for it", "name one in margin_model")
        return AccountRisk(account=account, margin=gap)
    held = portfolio.of_account(account.key)
    result = model.measure(held, market)
    if result.missing:
        return AccountRisk(account=account, margin=result)
    moved = MovedAccount(model, held, market)
    assets = sorted({position.contract.asset for position in held.positions})
    prices = tuple(liquidation_prices(moved, asset) for asset in assets)
    odds = {
        one.asset: call_odds(one, Forecast(volatility=known.volatility))
        for one in prices
        if isinstance(known := forecasts.get(one.asset), VolatilityForecast)
    }
    return AccountRisk(account=account, margin=result, liquidation=prices, odds=odds)


def _panel(legs: Legs, history: History) -> Panel | Missing:
    """Return joint returns at the coarsest step that leaves enough of them."""
    series = [
        Series(asset=asset, times_ns=history[asset][0], values=history[asset][1])
        for asset in legs.assets[1:]
        if asset in history and len(history[asset][0]) > 1
    ]
    if not series:
        return Missing(
            "history",
            "history.absent",
            "no price history came with the market",
            "give a recording that spans time",
        )
    panels = [panel_of(series, step_ns) for step_ns in STEPS_NS]
    return next((panel for panel in panels if len(panel.ends_ns) >= RETURNS_MIN), panels[-1])


def _forecasts(panel: Panel | Missing) -> dict[str, VolatilityForecast | Missing]:
    """Return a day's volatility forecast by asset."""
    if isinstance(panel, Missing):
        return {}
    interval_s = panel.step_ns / SECOND_NS
    columns = zip(panel.assets, panel.log_returns.T, strict=True)
    return {asset: forecast(np.ascontiguousarray(returns), interval_s, DAY_S) for asset, returns in columns}


def _samples(panel: Panel | Missing) -> tuple[Sample | Missing, ...]:
    """Return a day's draws of each model that the history allows."""
    if isinstance(panel, Missing):
        return (panel,)
    steps = DAY_NS // panel.step_ns
    found: list[Sample | Missing] = [
        filtered(panel, steps=steps, paths=PATHS, seed=SEED),
        historical_sample(panel, steps=min(steps, max(len(panel.ends_ns) // 10, 1))),
    ]
    return tuple(found)


def _outcomes(legs: Legs, events: Sequence[Event], pegged: frozenset[str]) -> tuple[Outcome, ...]:
    scenarios: list[Scenario | None] = [historical(legs, event, pegged=pegged) for event in events]
    if underlyings(legs):
        scenarios += [weekend_gap(legs), weekend_gap(legs, 0.25)]
        scenarios += [funding_blow_out(legs)]
    scenarios += [depeg(legs, asset, DEPEG_PRICE) for asset in STABLES if asset in legs.assets]
    scenarios.append(worst_venue_default(legs))
    return tuple(outcome(one) for one in scenarios if one is not None)


def _reverse(
    legs: Legs, valuation: Valuation, samples: Sequence[Sample | Missing]
) -> ReverseStress | Missing:
    """Return the nearest move of spots and volatilities that loses a quarter of equity, near by the draws' covariance."""
    sample = next((one for one in samples if isinstance(one, Sample)), None)
    if sample is None:
        return Missing("reverse stress", "history.absent", "no history says which moves are near")
    if valuation.value <= 0.0:
        return Missing("reverse stress", "equity.none", "there is no equity left to lose")
    spots = np.cov(sample.spot_log.T).reshape(len(sample.assets), len(sample.assets))
    size = len(sample.assets)
    covariance = np.zeros((2 * size, 2 * size))
    covariance[:size, :size] = spots
    deviation = np.sqrt(np.diag(spots))
    covariance[size:, size:] = np.diag(np.maximum(deviation, 1e-4) ** 2)
    return reverse_stress(legs, LOSS_SHARE * valuation.value, covariance, sample.assets, seed=SEED)


def _reserve(
    valuation: Valuation,
    assessments: Sequence[Assessment | Missing],
    outcomes: Sequence[Outcome],
    cost: Unwind,
    venues: VenueRisk,
) -> Reserve:
    shortfall: float | Missing = Missing("expected shortfall", "history.absent", "no model has a history")
    for one in assessments:
        if isinstance(one, Assessment):
            known = one.measures[-1]
            shortfall = known if isinstance(known, Missing) else known.es
            break
    worst: float | Missing = Missing("stress", "scenarios.none", "no scenario could be computed")
    if outcomes:
        worst = -min(one.profit for one in outcomes)
    unwinding: float | Missing = cost.missing[0] if cost.missing else cost.cost
    credit: float | Missing = venues.expected_loss
    if venues.missing:
        credit = venues.missing[-1]
    return measure_reserve(
        equity=valuation.value,
        gross=valuation.total().gross_dollars,
        expected_shortfall=shortfall,
        worst_scenario_loss=worst,
        unwind_cost=unwinding,
        credit_loss=credit,
    )
