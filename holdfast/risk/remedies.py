"""Remedies: trades that would take risk away, and ways out of a margin call, from what the market offers now.

Rules:

1. Instruments are perpetuals and the options nearest to the money that have a mark and, for options, a bid and an ask;
   each costs half its spread and the fee. Margin is what one unit alone would post under its account's own model.
2. Exposures are by finite differences of the same revaluation as everything else, so a hedge and a scenario agree.
3. Nothing is sent: a proposal is a value.

The proposal needs the extra `risk`; without it a `Missing` says so.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.clock import DAY_NS
from holdfast.risk.contract import Contract
from holdfast.risk.legs import Legs, compile_legs
from holdfast.risk.margin.base import MarginModel, MarginResult
from holdfast.risk.margin.cure import Costs, Cures, Source, cures
from holdfast.risk.market import RiskMarket
from holdfast.risk.missing import Missing
from holdfast.risk.outlook import Moves
from holdfast.risk.portfolio import Key, Portfolio, Position
from holdfast.risk.revalue import leg_values
from holdfast.risk.shock import Shocks, no_shocks

if TYPE_CHECKING:
    from holdfast.risk.capital.hedge import Exposure, HedgeProposal, Instrument

EXPIRY_MIN_NS: Final = 7 * DAY_NS  # an option nearer to its end is a bet on gamma, not a hedge of vega
EXPIRIES_MAX: Final = 2  # of options an asset
PERPETUALS_MAX: Final = 2  # an asset
HELD_DAYS: Final = 10.0  # a hedge is paid for once, and takes risk away for about so long
STEP: Final = 1e-3
SIZE_SHARE: Final = 2.0  # of what is held of an asset, in money: no hedge needs more


def choose_instruments(
    portfolio: Portfolio, market: RiskMarket, offered: Iterable[Contract]
) -> tuple[Contract, ...]:
    """Return what may be traded as a hedge: perpetuals, and options at the money of two expiries after a week.

    Only on venues where the desk has an account, and on assets that it has positions in.
    """
    venues = {account.venue for account in portfolio.accounts}
    assets = {position.contract.asset for position in portfolio.positions}
    usable = [
        one for one in offered if one.venue in venues and one.asset in assets and _is_quoted(one, market)
    ]
    chosen: list[Contract] = []
    for asset in sorted(assets):
        of = sorted((one for one in usable if one.asset == asset), key=lambda one: one.name)
        chosen += [one for one in of if one.kind == "perpetual"][:PERPETUALS_MAX]
        options = [
            one for one in of if one.kind == "option" and one.expiry_ns - market.time_ns >= EXPIRY_MIN_NS
        ]
        for expiry in sorted({one.expiry_ns for one in options})[:EXPIRIES_MAX]:
            chosen += _at_the_money([one for one in options if one.expiry_ns == expiry], market)
    return tuple(chosen)


def _is_quoted(contract: Contract, market: RiskMarket) -> bool:
    mark = market.marks.get(contract.name)
    if mark is None or not mark.price > 0.0:
        return False
    return contract.kind == "perpetual" or (contract.payoff == "european" and 0.0 < mark.bid < mark.ask)


def _at_the_money(options: Sequence[Contract], market: RiskMarket) -> list[Contract]:
    price = market.prices.get(options[0].asset)
    if price is None:
        return []
    curve = market.curves.get(options[0].asset)
    forward = curve.forward(options[0].expiry_ns) if curve else price.value
    found: list[Contract] = []
    for side in ("call", "put"):
        of = [one for one in options if one.option_type == side]
        if of:
            found.append(min(of, key=lambda one: abs(np.log(one.strike / forward))))
    return found


def propose(
    portfolio: Portfolio,
    market: RiskMarket,
    contracts: Sequence[Contract],
    moves: Moves | Missing,
    models: Mapping[str, MarginModel],
    margin_free: float,
    equity: float,
) -> "HedgeProposal | Missing":
    """Return the trades that take most variance of delta, gamma and vega away for their cost.

    Units: `margin_free`, what accounts have above their initial margin, in base currency; deviations over HELD_DAYS.
    """
    try:
        from holdfast.risk.capital.hedge import propose_hedge  # noqa: PLC0415 - the extra is optional
    except ImportError:
        return Missing(
            "hedge", "extra.absent", "proposals need the extra `risk`", "pip install 'holdfast[risk]'"
        )
    if isinstance(moves, Missing):
        return moves
    if not equity > 0.0:
        return Missing("hedge", "equity.none", "there is no equity left to protect")
    if not contracts:
        return Missing(
            "hedge",
            "hedge.no_instrument",
            "the market has no perpetual and no quoted option on what is held",
            "give a market file with their marks",
        )
    if not margin_free > 0.0:
        return Missing(
            "hedge", "hedge.no_margin", "no margin is left for another trade", "cure the accounts first"
        )
    held, instruments = _exposures(portfolio, market, contracts, moves, models)
    return propose_hedge(held, instruments, margin_max=margin_free, risk_aversion=1.0 / equity)


def _exposures(
    portfolio: Portfolio,
    market: RiskMarket,
    contracts: Sequence[Contract],
    moves: Moves,
    models: Mapping[str, MarginModel],
) -> "tuple[Exposure, list[Instrument]]":
    """Return what is held and one unit of each contract, by factor."""
    from holdfast.risk.capital.hedge import Exposure, Instrument  # noqa: PLC0415

    count = len(portfolio.positions)
    account_of = {account.venue: account for account in reversed(portfolio.accounts)}
    units = [
        Position(account=account_of[contract.venue].name, contract=contract, quantity=1.0)
        for contract in contracts
    ]
    legs = compile_legs(msgspec.structs.replace(portfolio, positions=(*portfolio.positions, *units)), market)
    exposure, gamma = _differences(legs, moves.assets)
    place = legs.legs["position"]
    is_unit = (place >= count) & (place < count + len(units))
    gross = np.abs(exposure[: len(moves.assets), ~is_unit]).sum()
    instruments: list[Instrument] = []
    for number, (contract, unit) in enumerate(zip(contracts, units, strict=True), start=count):
        of = np.flatnonzero(place == number)
        cost = _unit_cost(contract, market)
        if not len(of) or cost is None:
            continue
        worth = _unit_notional(contract, market)
        instruments.append(
            Instrument(
                name=contract.name,
                exposure=exposure[:, of[0]],
                gamma=gamma[:, of[0]],
                cost=cost,
                margin=_unit_margin(unit, market, models, account_of[contract.venue].margin_model),
                size_max=max(SIZE_SHARE * float(gross), 1.0) / worth,
            )
        )
    factors = (*moves.assets, *(f"{asset} volatility" for asset in moves.assets))
    held = Exposure(
        factors=factors,
        exposure=exposure[:, ~is_unit].sum(axis=1),
        gamma=gamma[:, ~is_unit].sum(axis=1),
        covariance=HELD_DAYS * moves.covariance,
    )
    return held, instruments


def _differences(legs: Legs, assets: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each leg's profit for one unit of each factor, and how the first of them change. Shape: (factors, legs)."""
    size = len(assets)
    shocks: Shocks = no_shocks(1 + 4 * size, len(legs.assets))
    for number, asset in enumerate(assets):
        column = legs.assets.index(asset)
        shocks.spot_log[1 + 2 * number, column] = STEP
        shocks.spot_log[2 + 2 * number, column] = -STEP
        shocks.volatility_shift[1 + 2 * (size + number), column] = STEP
        shocks.volatility_shift[2 + 2 * (size + number), column] = -STEP
    values = leg_values(legs, shocks)
    up, down = values[1::2], values[2::2]
    curved = (up[:size] - 2.0 * values[0] + down[:size]) / STEP**2
    return (up - down) / (2.0 * STEP), curved


def _unit_notional(contract: Contract, market: RiskMarket) -> float:
    """Return what one unit is a claim on, in base currency."""
    if contract.inverse and contract.kind != "option":
        quote = market.prices.get(contract.quote)
        return quote.value if quote else 1.0
    return market.prices[contract.asset].value


def _unit_cost(contract: Contract, market: RiskMarket) -> float | None:
    """Return half the spread and the fee of one unit, in base currency; None where its currency has no price."""
    mark, costs = market.marks[contract.name], Costs()
    notional = _unit_notional(contract, market)
    if contract.kind == "option":
        paid_in = market.prices.get(contract.settle)
        if paid_in is None:
            return None
        return 0.5 * (mark.ask - mark.bid) * paid_in.value + costs.fee * notional
    spread = costs.spread
    if 0.0 < mark.bid < mark.ask:
        spread = (mark.ask - mark.bid) / (0.5 * (mark.ask + mark.bid))
    return (0.5 * spread + costs.fee) * notional


def _unit_margin(unit: Position, market: RiskMarket, models: Mapping[str, MarginModel], name: str) -> float:
    """Return the initial margin of one unit alone, the larger of bought and sold; 0 where no model says one."""
    model = models.get(name)
    if model is None:
        return 0.0
    worst = 0.0
    for sign in (1.0, -1.0):
        alone = Portfolio(
            name="one unit",
            base_currency=market.base_currency,
            positions=(msgspec.structs.replace(unit, quantity=sign),),
        )
        result = model.measure(alone, market)
        if not result.missing and 0.0 < result.im < float("inf"):
            worst = max(worst, result.im)
    return worst


def cures_of(
    portfolio: Portfolio,
    market: RiskMarket,
    key: Key,
    model: MarginModel,
    margin: MarginResult,
    contracts: Sequence[Contract],
) -> Cures | None:
    """Return the ways out of a margin call; None where the account is not called.

    Coins at hand are the balances of the desk's other accounts.
    """
    if margin.headroom >= 0.0:
        return None
    at_hand: dict[str, float] = {}
    for balance in portfolio.balances:
        if balance.key != key and balance.amount > 0.0:
            at_hand[balance.asset] = at_hand.get(balance.asset, 0.0) + balance.amount
    held = portfolio.of_account(key)
    assets = {position.contract.asset for position in held.positions}
    perpetuals = [
        one for one in contracts if one.kind == "perpetual" and one.venue == key[0] and one.asset in assets
    ]
    return cures(
        model,
        held,
        market,
        sources=[Source(asset=asset, available=amount) for asset, amount in sorted(at_hand.items())],
        perpetuals=perpetuals,
    )
