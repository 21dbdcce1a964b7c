"""Report: everything the risk engine says of one portfolio at one moment, no part in the way of another.

Rules:

1. Every part is computed if it can be; where it cannot, a `Missing` stands in its place, and the rest goes on.
2. VaR, forecasts, odds of a call and reverse stress need a history: without one they are missing, not guessed. Value,
   margin, scenarios and venues need none.
3. Profits and losses are in the portfolio's base currency.
4. What is not priced is in no sum: `is_partial` tells it of an account, an asset or the whole.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec
import numpy as np

from holdfast.clock import DAY_NS, MINUTE_NS, SECOND_NS
from holdfast.error import CallerError
from holdfast.risk.capital.reserve import Reserve, measure_reserve
from holdfast.risk.contract import Contract
from holdfast.risk.credit.exposure import Profile
from holdfast.risk.credit.venue_default import VenueRisk, VenueTerms, venue_default
from holdfast.risk.forecast.base import VolatilityForecast
from holdfast.risk.forecast.choose import forecast
from holdfast.risk.legs import Legs, compile_legs
from holdfast.risk.liquidity.unwind import Turnover, Unwind, unwind
from holdfast.risk.margin.base import MarginModel, MarginResult
from holdfast.risk.margin.call import CallOdds, Forecast, call_odds
from holdfast.risk.margin.cure import Cures
from holdfast.risk.margin.liquidation import LiquidationPrices, liquidation_prices
from holdfast.risk.margin.moves import MovedAccount
from holdfast.risk.market import YEAR_NS, RiskMarket
from holdfast.risk.missing import Missing
from holdfast.risk.outlook import Moves, backtests, moves_of, profiles
from holdfast.risk.portfolio import Account, Key, Portfolio
from holdfast.risk.refresh import History
from holdfast.risk.remedies import choose_instruments, cures_of, propose
from holdfast.risk.scenarios.grid import Grid, grid, underlyings
from holdfast.risk.scenarios.historical import Event, historical
from holdfast.risk.scenarios.hypothetical import depeg, funding_blow_out, weekend_gap, worst_venue_default
from holdfast.risk.scenarios.reverse import ReverseStress, reverse_stress
from holdfast.risk.scenarios.scenario import Outcome, Scenario, outcome
from holdfast.risk.valuation import Valuation, value
from holdfast.risk.var.assess import Assessment, assess
from holdfast.risk.var.backtest.table import Row
from holdfast.risk.var.filtered import filtered
from holdfast.risk.var.historical import historical as historical_sample
from holdfast.risk.var.monte_carlo import joint_model, monte_carlo
from holdfast.risk.var.returns import Panel, Series, panel_of
from holdfast.risk.var.sample import Sample

if TYPE_CHECKING:
    from holdfast.risk.capital.hedge import HedgeProposal

STEPS_NS: Final = (60 * MINUTE_NS, 5 * MINUTE_NS, MINUTE_NS)  # the coarsest with enough returns is taken
RETURNS_MIN: Final = 250
PATHS: Final = 10_000
SEED: Final = 1
DAY_S: Final = 86_400.0
LOSS_SHARE: Final = 0.25  # of equity: the limit that reverse stress breaks unless told otherwise
STABLES: Final = ("USDT", "USDC", "USDE", "DAI")
DEPEG_PRICE: Final = 0.9

Part = TypeVar("Part")


class AccountRisk(msgspec.Struct, frozen=True, kw_only=True):
    """One account: its margin, where it would be liquidated (by asset, others still), the odds of a call, ways out of one.

    `cures` is None where the account is not called.
    """

    account: Account
    margin: MarginResult | Missing
    liquidation: tuple[LiquidationPrices, ...] = ()
    odds: dict[str, CallOdds] = {}
    cures: Cures | None = None


class Unpriced(msgspec.Struct, frozen=True):
    """A position or balance that could not be priced."""

    name: str
    key: Key
    asset: str


class RiskReport(msgspec.Struct, frozen=True, kw_only=True):
    """The whole answer. Where `Missing` stands, the part could not be computed; `missing` has the gaps of all of it."""

    portfolio: Portfolio
    market: RiskMarket
    valuation: Valuation
    accounts: tuple[AccountRisk, ...]
    forecasts: dict[str, VolatilityForecast | Missing]
    assessments: tuple[Assessment | Missing, ...]
    backtests: tuple[Row | Missing, ...]
    scenarios: tuple[Outcome, ...]
    grid: Grid
    reverse: ReverseStress | Missing
    hedge: "HedgeProposal | Missing"
    profiles: tuple[Profile | Missing, ...]
    unwind: Unwind
    venues: VenueRisk
    reserve: Reserve
    unpriced: tuple[Unpriced, ...]
    missing: tuple[Missing, ...]

    def is_partial(self, *, key: Key | None = None, asset: str = "", venue: str = "") -> bool:
        """Tell whether something held is in no number: of an account, an asset, a venue, or of everything."""
        return any(
            (key is None or one.key == key)
            and (not asset or one.asset == asset)
            and (not venue or one.key[0] == venue)
            for one in self.unpriced
        )


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
    offered: Sequence[Contract] = (),
    still: frozenset[str] = frozenset(STABLES),
) -> RiskReport:
    """Return everything that can be said. `models` by name, `events` the historical scenarios to replay.

    `offered` are contracts that may be traded as hedges; `still` assets that keep their price where no history moves them
    (scenarios break their pegs).
    Cost: a second for 50 positions; `History` as in `refresh.py`.
    """
    legs = compile_legs(portfolio, market)
    valuation = value(legs)
    panel = _panel(legs, history)
    forecasts = _forecasts(panel)
    samples = _samples(panel)
    moves = moves_of(legs, market, samples, forecasts, still)
    instruments = choose_instruments(portfolio, market, offered)
    accounts = tuple(
        _account(portfolio, market, one, models, forecasts, instruments) for one in portfolio.accounts
    )
    free = _margin_free(accounts)
    pegs = _pegs(legs, panel, still)
    assessments = tuple(_assessed(legs, one, pegs) for one in samples)
    outcomes = _outcomes(legs, events, pegged)
    cost = unwind(portfolio, market, turnovers or {})
    venues = venue_default(legs, terms)
    gaps = [*legs.missing, *((panel,) if isinstance(panel, Missing) else panel.missing)]
    held_still = "no history of its price: VaR and backtest hold it where it is"
    gaps += [Missing(asset, "peg.assumed", held_still) for asset in sorted(pegs)]
    if isinstance(moves, Moves):
        gaps += moves.notes
    return RiskReport(
        portfolio=portfolio,
        market=market,
        valuation=valuation,
        accounts=accounts,
        forecasts=forecasts,
        assessments=assessments,
        backtests=_several("backtest", lambda: backtests(legs, panel, pegs)),
        scenarios=outcomes,
        grid=grid(legs),
        reverse=_several("reverse stress", lambda: (_reverse(legs, valuation, samples, moves),))[0],
        hedge=_several(
            "hedge", lambda: (propose(portfolio, market, instruments, moves, models, free, valuation.value),)
        )[0],
        profiles=_several("exposure profile", lambda: profiles(legs, moves, seed=SEED)),
        unwind=cost,
        venues=venues,
        reserve=_reserve(valuation, assessments, outcomes, cost, venues),
        unpriced=_unpriced(portfolio, legs),
        missing=tuple(dict.fromkeys(gaps)),
    )


def _several(where: str, part: Callable[[], tuple[Part | Missing, ...]]) -> tuple[Part | Missing, ...]:
    """Return a part, or what stands in its place where its input is none that it can be computed from (rule 1)."""
    try:
        return part()
    except CallerError as error:
        return (Missing(where, error.code, error.message, error.remedy),)


def _unpriced(portfolio: Portfolio, legs: Legs) -> tuple[Unpriced, ...]:
    """Return what is held and no leg: by the number that every leg has of it, positions first."""
    priced = set(legs.legs["position"].tolist())
    held = [Unpriced(one.contract.name, one.key, one.contract.asset) for one in portfolio.positions]
    held += [
        Unpriced(f"{one.venue}/{one.account} {one.asset}", one.key, one.asset) for one in portfolio.balances
    ]
    return tuple(one for number, one in enumerate(held) if number not in priced)


def _margin_free(accounts: Sequence[AccountRisk]) -> float:
    """Return what accounts have above their initial margin, those that have less left out."""
    known = [
        one.margin for one in accounts if isinstance(one.margin, MarginResult) and not one.margin.missing
    ]
    return sum(max(one.equity - one.im, 0.0) for one in known)


def _account(
    portfolio: Portfolio,
    market: RiskMarket,
    account: Account,
    models: Mapping[str, MarginModel],
    forecasts: Mapping[str, VolatilityForecast | Missing],
    instruments: Sequence[Contract],
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
    cures = cures_of(portfolio, market, account.key, model, result, instruments)
    return AccountRisk(account=account, margin=result, liquidation=prices, odds=odds, cures=cures)


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
    joint = joint_model(panel)
    found: list[Sample | Missing] = [
        filtered(panel, steps=steps, paths=PATHS, seed=SEED),
        historical_sample(panel, steps=min(steps, max(len(panel.ends_ns) // 10, 1))),
        joint
        if isinstance(joint, Missing)
        else monte_carlo(joint, horizon_years=steps * panel.step_ns / YEAR_NS, paths=PATHS, seed=SEED),
    ]
    return tuple(found)


def _pegs(legs: Legs, panel: Panel | Missing, still: frozenset[str]) -> frozenset[str]:
    """Return the assets held at their price because they have no history and are said to keep it."""
    if isinstance(panel, Missing):
        return frozenset()
    return frozenset(asset for asset in legs.assets if asset in still and asset not in panel.assets)


def _assessed(legs: Legs, sample: Sample | Missing, pegs: frozenset[str]) -> Assessment | Missing:
    """Return what a sample says of the legs, or that it moves none of them: a VaR of nothing is no VaR."""
    if isinstance(sample, Missing):
        return sample
    moved = [number for number, asset in enumerate(legs.assets) if asset in sample.assets]
    if not any(np.isin(legs.legs[role], moved).any() for role in ("asset", "quote", "settle")):
        return Missing(sample.model, "returns.absent", "nothing priced moves with the history")
    return assess(legs, sample, by="account", constant=pegs)


def _outcomes(legs: Legs, events: Sequence[Event], pegged: frozenset[str]) -> tuple[Outcome, ...]:
    scenarios: list[Scenario | None] = [historical(legs, event, pegged=pegged) for event in events]
    if underlyings(legs):
        scenarios += [weekend_gap(legs), weekend_gap(legs, 0.25)]
        scenarios += [funding_blow_out(legs)]
    scenarios += [depeg(legs, asset, DEPEG_PRICE) for asset in STABLES if asset in legs.assets]
    scenarios.append(worst_venue_default(legs))
    return tuple(outcome(one) for one in scenarios if one is not None)


def _reverse(
    legs: Legs, valuation: Valuation, samples: Sequence[Sample | Missing], moves: Moves | Missing
) -> ReverseStress | Missing:
    """Return the nearest move of spots and volatilities that loses a quarter of equity, near by the draws' covariance."""
    if not any(isinstance(one, Sample) for one in samples) or isinstance(moves, Missing):
        return Missing("reverse stress", "history.absent", "no history says which moves are near")
    if valuation.value <= 0.0:
        return Missing("reverse stress", "equity.none", "there is no equity left to lose")
    return reverse_stress(legs, LOSS_SHARE * valuation.value, moves.covariance, moves.assets, seed=SEED)


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
