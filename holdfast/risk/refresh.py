"""Refresh: what a desk must know of its portfolio at every tick that matters, by venue and for the whole, in one quick call.

Rules:

1. Value, profit and greeks are of the market as it stands; margin is by the model of each account; the worst account speaks
   for its venue, the worst venue for the desk.
2. What could come is drawn from the last minutes by filtered historical simulation: an hour in 60 steps, a day as 24
   hours drawn from those. Volatility of options goes with spot by `VOLATILITY_ON_SPOT`. One history gives one answer.
3. An account is called when its equity falls to its maintenance margin at any time: twice the chance that it is there at the
   end, by reflection. The margin is taken as it is now.
4. What cannot be computed is absent from the values, and `missing` says why. Where a position or balance of a scope could
   not be priced, its sums are absent too: a sum of what is left would be a wrong number.

Limits: rule 3 errs to the safe side for options sold (their margin grows in a fall less than their loss) and is exact for a
driftless walk; a day of 24 like hours knows no calm after the storm.
"""

from collections.abc import Mapping
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.clock import HOUR_NS, MINUTE_NS
from holdfast.risk.draws import generator
from holdfast.risk.legs import Legs, compile_legs
from holdfast.risk.liquidity.unwind import Turnover, unwind
from holdfast.risk.margin.base import MarginModel, MarginResult
from holdfast.risk.market import YEAR_NS, RiskMarket
from holdfast.risk.missing import Missing
from holdfast.risk.portfolio import Key, Portfolio
from holdfast.risk.revalue import profits_by
from holdfast.risk.valuation import Report, Valuation, value
from holdfast.risk.var.filtered import filtered
from holdfast.risk.var.returns import Series, panel_of
from holdfast.risk.var.sample import Sample, covered, shocks_of

PATHS: Final = 4_096
SEED: Final = 1
HOURS: Final = 24
ES_LEVEL: Final = 0.975
RATIO_MAX: Final = 1_000.0
PEG_WIDTH: Final = (
    0.05  # of base currency: what is priced so and has no history is taken for a peg that holds
)
# change of log volatility for one unit of log spot, falls and rises: BTC's 30-day volatility over six hours on Deribit,
# 2026-01-24 to 02-28: regression with standard errors of 0.21 and 0.30, R2 0.57 (ETH: -1.12 and -0.43)
VOLATILITY_ON_SPOT: Final = (-2.45, -0.85)
VOLATILITY_LOG_MAX: Final = 1.6  # a fivefold volatility, beyond what any recording here shows
MOVE_LOG_MAX: Final = 3.0  # a coin that lost 95 % in a day has lost what there is to lose

History = Mapping[str, tuple[NDArray[np.int64], NDArray[np.float64]]]
"""By asset: times in UTC nanoseconds, one a minute, and prices in base currency."""


class ScopeRisk(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the desk (venue empty) or of one venue. `values`: names and units of `policy/fields.py`."""

    venue: str
    values: dict[str, float]
    missing: tuple[Missing, ...]


class DeskRisk(msgspec.Struct, frozen=True, kw_only=True):
    """One refresh: the desk first, then every venue."""

    time_ns: int
    parts: tuple[ScopeRisk, ...]


class _Account(msgspec.Struct, frozen=True, kw_only=True):
    """An account with its margin in base currency, and its chances of a call. NaN where unknown."""

    key: Key
    equity: float
    ratio: float
    distance: float
    call_1h: float = float("nan")
    call_24h: float = float("nan")


def measure_desk(
    portfolio: Portfolio,
    market: RiskMarket,
    history: History,
    models: Mapping[str, MarginModel],
    turnovers: Mapping[str, Turnover],
) -> DeskRisk:
    """Return one refresh. `models` by name, as accounts name them; `turnovers` by `venue:symbol`.

    Cost: 20 to 60 ms for ten positions, most of it drawing; 4,096 revaluations a position.
    """
    legs = compile_legs(portfolio, market)
    valuation = value(legs)
    hour = _hour(legs, history)
    gaps = list(legs.missing)
    if isinstance(hour, Missing):
        gaps.append(hour)
        moves = None
    else:
        held = covered(legs, hour, constant=_constant(legs, hour))
        gaps += [one for one in held.missing if one not in legs.missing]
        moves = (_by_account(held, legs, hour), _by_account(held, legs, _day(hour)))
    accounts, refused = _accounts(portfolio, market, models, legs, moves)
    gaps += refused
    venues = sorted({venue for venue, _ in legs.accounts})
    return DeskRisk(
        time_ns=market.time_ns,
        parts=tuple(
            _scope(venue, portfolio, market, valuation, moves, accounts, gaps, turnovers)
            for venue in ("", *venues)
        ),
    )


def _scope(
    venue: str,
    portfolio: Portfolio,
    market: RiskMarket,
    valuation: Valuation,
    moves: tuple[NDArray[np.float64], NDArray[np.float64]] | None,
    accounts: list[_Account],
    gaps: list[Missing],
    turnovers: Mapping[str, Turnover],
) -> ScopeRisk:
    keys = valuation.legs.accounts
    mine = np.array([not venue or key[0] == venue for key in keys], dtype=bool)
    held = portfolio if not venue else _at_venue(portfolio, venue)
    chosen = mine[valuation.legs.legs["account"]]
    is_whole = int(chosen.sum()) == len(held.positions) + len(held.balances)
    values = _greeks(valuation.of(chosen)) if is_whole else {}
    if moves is not None and is_whole:
        losses = np.sort(-moves[1][mine].sum(axis=0))
        if not np.isnan(losses).any():
            values["expected_shortfall_1d"] = max(float(losses[int(ES_LEVEL * len(losses)) :].mean()), 0.0)
    here = [account for account in accounts if not venue or account.key[0] == venue]
    for name, pick, worst in (
        ("margin_ratio", "ratio", max),
        ("margin_distance", "distance", min),
        ("call_probability_1h", "call_1h", max),
        ("call_probability_24h", "call_24h", max),
    ):
        known = [float(getattr(account, pick)) for account in here if not np.isnan(getattr(account, pick))]
        if known:
            values[name] = worst(known)
    cost = unwind(held, market, turnovers)
    if len(cost.lines) == len(held.positions):
        values["unwind_cost"] = cost.cost
    plain = {name: float(one) for name, one in values.items()}
    return ScopeRisk(venue=venue, values=plain, missing=(*gaps, *cost.missing) if not venue else ())


def _greeks(report: Report) -> dict[str, float]:
    return {
        "equity": report.value,
        "delta": report.delta_dollars,
        "gamma_1pct": report.gamma,
        "vega_1pt": report.vega,
        "theta_1d": report.theta,
    }


def _hour(legs: Legs, history: History) -> Sample | Missing:
    """Draw what the next hour could bring to every asset that has a history."""
    series = [
        Series(asset=asset, times_ns=history[asset][0], values=history[asset][1])
        for asset in legs.assets
        if asset in history and len(history[asset][0])
    ]
    if not series:
        return Missing(
            "history", "returns.none", "no minute of prices of any asset", "carry a recording that has them"
        )
    panel = panel_of(series, MINUTE_NS)
    sample = filtered(panel, steps=HOUR_NS // MINUTE_NS, paths=PATHS, seed=SEED)
    return sample if isinstance(sample, Missing) else _with_volatility(_bounded(sample))


def _with_volatility(sample: Sample) -> Sample:
    """Let volatility go with spot (rule 2) where the history does not say."""
    down, up = VOLATILITY_ON_SPOT
    spot = sample.spot_log
    log_shift = down * np.minimum(spot, 0.0) + up * np.maximum(spot, 0.0)
    shift = np.exp(np.clip(log_shift, -VOLATILITY_LOG_MAX, VOLATILITY_LOG_MAX)) - 1.0
    return msgspec.structs.replace(
        sample, volatility_shift=shift, moves_volatility=(True,) * len(sample.assets)
    )


def _day(hour: Sample) -> Sample:
    """Draw a day as 24 hours, whole dates at once so that assets stay together."""
    rows = generator(SEED).integers(0, len(hour.spot_log), size=(HOURS, len(hour.spot_log)))
    spot = hour.spot_log[rows].sum(axis=0)
    day = msgspec.structs.replace(hour, horizon_years=HOURS * HOUR_NS / YEAR_NS, spot_log=spot)
    return _with_volatility(_bounded(day))


def _bounded(sample: Sample) -> Sample:
    """Return a sample whose moves are no larger than what there is to lose: a filter can explode in a crash."""
    return msgspec.structs.replace(sample, spot_log=np.clip(sample.spot_log, -MOVE_LOG_MAX, MOVE_LOG_MAX))


def _constant(legs: Legs, sample: Sample) -> tuple[str, ...]:
    """Return the currencies that stand still for want of a history: those near one unit of base currency; coins never do."""
    return tuple(
        name
        for name, price in zip(legs.assets, legs.prices.tolist(), strict=True)
        if name not in sample.assets and abs(price - 1.0) <= PEG_WIDTH
    )


def _by_account(legs: Legs, whole: Legs, sample: Sample) -> NDArray[np.float64]:
    """Return profits (accounts, scenarios); NaN for an account of which a leg has no history."""
    shocks = shocks_of(sample, legs, constant=_constant(legs, sample))
    profits = profits_by(legs, shocks, legs.legs["account"].astype(np.int64), len(legs.accounts))
    counts = [np.bincount(one.legs["account"], minlength=len(legs.accounts)) for one in (legs, whole)]
    profits[counts[0] < counts[1]] = np.nan
    return profits


def _accounts(
    portfolio: Portfolio,
    market: RiskMarket,
    models: Mapping[str, MarginModel],
    legs: Legs,
    moves: tuple[NDArray[np.float64], NDArray[np.float64]] | None,
) -> tuple[list[_Account], list[Missing]]:
    found: list[_Account] = []
    missing: list[Missing] = []
    for account in portfolio.accounts:
        where = f"{account.venue}/{account.name}"
        model = models.get(account.margin_model)
        if model is None:
            missing.append(
                Missing(where, "margin.no_model", "no margin model is named", "name one in margin_model")
            )
            continue
        result = model.measure(portfolio.of_account(account.key), market)
        missing += [one for one in result.missing if one not in legs.missing]
        if result.missing:
            continue
        rate = 1.0 if result.currency == portfolio.base_currency else market.prices[result.currency].value
        number = legs.accounts.index(account.key)
        found.append(
            _account(account.key, result, rate, None if moves is None else [one[number] for one in moves])
        )
    return found, missing


def _account(
    key: Key, result: MarginResult, rate: float, moves: list[NDArray[np.float64]] | None
) -> _Account:
    equity, mm = result.equity * rate, result.mm * rate
    known = _Account(
        key=key,
        equity=equity,
        ratio=min(result.ratio, RATIO_MAX),
        distance=max((equity - mm) / equity, -RATIO_MAX) if equity > 0.0 else -RATIO_MAX,
    )
    if moves is None or np.isnan(moves[1]).any():
        return known
    if equity <= mm:
        return msgspec.structs.replace(known, call_1h=1.0, call_24h=1.0)
    hour, day = (min(2.0 * float((equity + move <= mm).mean()), 1.0) for move in moves)
    return msgspec.structs.replace(known, call_1h=hour, call_24h=max(hour, day))


def _at_venue(portfolio: Portfolio, venue: str) -> Portfolio:
    positions = tuple(position for position in portfolio.positions if position.contract.venue == venue)
    balances = tuple(balance for balance in portfolio.balances if balance.venue == venue)
    return msgspec.structs.replace(portfolio, positions=positions, balances=balances)
