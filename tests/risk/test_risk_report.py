"""The report has every part or says why not; what is not priced makes sums partial; its parts agree with one another."""

import sys
from typing import Any

import msgspec
import numpy as np
import pytest

from holdfast.clock import MINUTE_NS
from holdfast.risk.contract import Contract
from holdfast.risk.credit.exposure import Profile
from holdfast.risk.draws import generator
from holdfast.risk.legs import compile_legs
from holdfast.risk.margin.base import MarginResult
from holdfast.risk.market import Mark, Price, RiskMarket
from holdfast.risk.missing import Missing
from holdfast.risk.outlook import CORRELATION_ELSE, Moves, moves_of
from holdfast.risk.portfolio import Account, Balance, Portfolio, Position
from holdfast.risk.remedies import choose_instruments
from holdfast.risk.report import RiskReport, assess_portfolio
from holdfast.risk.revalue import profits
from holdfast.risk.shock import no_shocks
from holdfast.risk.var.assess import Assessment
from holdfast.risk.var.backtest.table import Row

NOW = 1_770_000_000 * 10**9
DAY = 24 * 60 * MINUTE_NS
COUNT = 4_000


def _perpetual(asset: str = "BTC") -> Contract:
    return Contract(
        venue="v", symbol=f"{asset}-PERP", kind="perpetual", asset=asset, quote="USD", settle="USD"
    )


def _put(strike: float = 95.0, days: int = 40, asset: str = "BTC") -> Contract:
    return Contract(
        venue="v", symbol=f"{asset}-{days}-{strike:g}-P", kind="option", asset=asset, quote="USD", settle="USD",
        expiry_ns=NOW + days * DAY, strike=strike, option_type="put",
    )  # fmt: skip


class _Flat:
    """A margin model that asks for a tenth of each position's size in money."""

    name = "flat"

    def measure(self, portfolio: Portfolio, market: RiskMarket) -> MarginResult:
        legs = compile_legs(portfolio, market)
        known = [p for p in portfolio.positions if p.contract.asset in market.prices]
        size = sum(abs(p.quantity) * market.prices[p.contract.asset].value for p in known)
        equity = sum(b.amount * market.prices[b.asset].value for b in portfolio.balances)
        return MarginResult(
            model="flat", currency="USD", im=0.1 * size, mm=0.05 * size, equity=equity, missing=legs.missing
        )


def _portfolio(*positions: Position, cash: float = 10_000.0, **more: float) -> Portfolio:
    return Portfolio(
        name="desk",
        positions=positions,
        balances=(
            Balance(venue="v", account="a", asset="USD", amount=cash),
            *(Balance(venue="v", account="rich", asset=name, amount=value) for name, value in more.items()),
        ),
        accounts=(Account(venue="v", name="a", margin_model="flat"),),
    )


def _market(*contracts: Contract, **prices: float) -> RiskMarket:
    known = {"BTC": 100.0, "ETH": 10.0, "USD": 1.0, **prices}
    marks = {
        one.name: Mark(price=5.0, time_ns=NOW, bid=4.9, ask=5.1, volatility=0.6)
        if one.kind == "option"
        else Mark(
            price=known[one.asset], time_ns=NOW, bid=known[one.asset] * 0.9999, ask=known[one.asset] * 1.0001
        )
        for one in contracts
    }
    return RiskMarket(
        time_ns=NOW, prices={name: Price(value, NOW, "test") for name, value in known.items()}, marks=marks
    )


def _history(*assets: str) -> dict[str, Any]:
    draws = generator(5)
    times = NOW - MINUTE_NS * np.arange(COUNT, 0, -1)
    return {
        asset: (times, 100.0 * np.exp(np.cumsum(1e-3 * draws.standard_normal(COUNT)))) for asset in assets
    }


def _report(portfolio: Portfolio, market: RiskMarket, history: Any = None, **more: Any) -> RiskReport:
    return assess_portfolio(portfolio, market, history or {}, {"flat": _Flat()}, (), **more)


LONG = Position(account="a", contract=_perpetual(), quantity=100.0)
SHORT_PUT = Position(account="a", contract=_put(), quantity=-50.0)


def test_without_history_what_needs_one_is_missing_and_the_rest_stands() -> None:
    report = _report(_portfolio(LONG), _market(_perpetual()))
    assert report.valuation.value == pytest.approx(10_000.0)
    parts = (*report.assessments, *report.backtests, report.reverse)
    assert all(isinstance(one, Missing) and one.code == "history.absent" for one in parts)
    assert isinstance(report.hedge, Missing)  # neither history nor options say how far the price moves
    assert report.hedge.code == "volatility.absent"
    assert not report.is_partial()


def test_with_history_every_part_is_there() -> None:
    contracts = (_perpetual(), _put())
    report = _report(_portfolio(LONG, SHORT_PUT), _market(*contracts), _history("BTC"), offered=contracts)
    assert [one.model for one in report.assessments if isinstance(one, Assessment)] == [
        "filtered", "historical", "monte carlo",
    ]  # fmt: skip
    assert len([one for one in report.backtests if isinstance(one, Row)]) == 4
    assert [one.key for one in report.profiles if isinstance(one, Profile)] == [("v", "a")]
    assert not isinstance(report.hedge, Missing)
    assert not isinstance(report.reverse, Missing)


def test_var_of_random_steps_is_right_in_its_backtest_and_by_arithmetic() -> None:
    report = _report(_portfolio(LONG), _market(_perpetual()), _history("BTC"))
    day = 1e-3 * np.sqrt(1_440.0) * 100.0 * 100.0  # a day's deviation of a hundred coins at 100
    for one in report.assessments:
        assert isinstance(one, Assessment)
        if one.model != "historical":  # its horizon is what the history holds
            measure = one.measures[0]
            assert not isinstance(measure, Missing)
            assert measure.var == pytest.approx(1.645 * day, rel=0.25)
    for row in report.backtests:
        assert isinstance(row, Row)
        assert abs(row.seen - row.expected) < 3.0 * row.expected**0.5 + 1.0


def test_a_book_that_the_history_does_not_move_has_no_var_and_no_backtest() -> None:
    eth = Position(account="a", contract=_perpetual("ETH"), quantity=5.0)
    other = _report(_portfolio(eth, BTC=0.0), _market(_perpetual("ETH")), {"SOL": _history("SOL")["SOL"]})
    assert all(isinstance(one, Missing) for one in (*other.assessments, *other.backtests))
    short = Position(account="b", contract=_perpetual(), quantity=-100.0)
    flat = _report(_portfolio(LONG, short), _market(_perpetual()), _history("BTC"))
    assert [one.code for one in flat.backtests if isinstance(one, Missing)] == ["history.still"]


def test_what_is_not_priced_makes_its_account_asset_and_the_whole_partial_and_nothing_else() -> None:
    lost = Position(account="a", contract=_put(asset="XRP"), quantity=1.0)
    report = _report(_portfolio(LONG, lost, BTC=1.0), _market(_perpetual()))
    assert report.is_partial()
    assert report.is_partial(key=("v", "a"))
    assert report.is_partial(asset="XRP")
    assert report.is_partial(venue="v")
    assert not report.is_partial(key=("v", "rich"))
    assert not report.is_partial(asset="BTC")
    assert [one.name for one in report.unpriced] == ["v:XRP-40-95-P"]


def test_a_hedge_takes_the_risk_away_that_revaluation_sees() -> None:
    contracts = (_perpetual(), _put())
    market = _market(*contracts)
    held = _portfolio(SHORT_PUT)
    report = _report(held, market, _history("BTC"), offered=(_perpetual(),))
    hedge = report.hedge
    assert not isinstance(hedge, Missing)
    (trade,) = hedge.trades
    assert trade.instrument == "v:BTC-PERP"
    assert trade.size < 0.0  # a short put is long delta
    assert (
        hedge.exposure_after["BTC volatility"] < 0.0
    )  # and short volatility, which a perpetual leaves alone
    hedged = _portfolio(SHORT_PUT, Position(account="a", contract=_perpetual(), quantity=trade.size))
    losses: list[float] = []
    for one in (held, hedged):
        legs = compile_legs(one, market)
        shocks = no_shocks(2, len(legs.assets))
        shocks.spot_log[:, legs.assets.index("BTC")] = (-0.03, 0.03)
        losses.append(float(np.abs(profits(legs, shocks)).max()))
    assert losses[1] < 0.5 * losses[0]


def test_a_hedge_is_refused_where_nothing_can_be_traded_or_no_margin_is_free() -> None:
    market = _market(_perpetual(), _put())
    nothing = _report(_portfolio(LONG), market, _history("BTC")).hedge
    assert isinstance(nothing, Missing)
    assert nothing.code == "hedge.no_instrument"
    poor = _report(_portfolio(LONG, cash=900.0), market, _history("BTC"), offered=(_perpetual(),)).hedge
    assert isinstance(poor, Missing)
    assert poor.code == "hedge.no_margin"


def test_without_the_extra_a_proposal_is_missing_and_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "holdfast.risk.capital.hedge", None)
    report = _report(_portfolio(LONG), _market(_perpetual()), _history("BTC"), offered=(_perpetual(),))
    assert isinstance(report.hedge, Missing)
    assert report.hedge.code == "extra.absent"
    assert "holdfast[risk]" in report.hedge.remedy
    assert any(isinstance(one, Assessment) for one in report.assessments)


def test_instruments_are_quoted_on_the_desks_venues_and_near_the_money() -> None:
    soon, far, at, other = _put(days=3), _put(strike=40.0), _put(strike=101.0), _put(asset="ETH", strike=10.0)
    elsewhere = msgspec.structs.replace(_perpetual(), venue="w")
    market = _market(_perpetual(), elsewhere, soon, far, at, other)
    unquoted = _put(strike=100.0)
    offered = (_perpetual(), elsewhere, soon, far, at, other, unquoted)
    assert choose_instruments(_portfolio(LONG), market, offered) == (_perpetual(), at)


def test_a_called_account_has_cures_and_one_that_is_not_has_none() -> None:
    called = _report(
        _portfolio(LONG, cash=300.0, USD=5_000.0), _market(_perpetual()), offered=(_perpetual(),)
    )
    (account,) = called.accounts
    assert account.cures is not None
    assert {one.kind for one in account.cures.cures} >= {"top-up", "close"}
    assert all(one.headroom >= -1e-6 for one in account.cures.cures)
    assert _report(_portfolio(LONG), _market(_perpetual())).accounts[0].cures is None


def test_moves_without_history_are_what_options_imply_and_say_what_they_assume() -> None:
    legs = compile_legs(
        _portfolio(SHORT_PUT, Position(account="a", contract=_put(asset="ETH", strike=10.0), quantity=1.0)),
        market := _market(_put(), _put(asset="ETH", strike=10.0)),
    )
    moves = moves_of(legs, market, (), {}, frozenset())
    assert isinstance(moves, Moves)
    assert moves.volatility("BTC") == pytest.approx(0.6)
    assert moves.correlation("BTC", "ETH") == pytest.approx(CORRELATION_ELSE)
    assert {one.code for one in moves.notes} == {"covariance.assumed", "correlation.assumed"}


def test_an_exposure_profile_grows_with_time_and_matches_the_normal_law() -> None:
    """A long perpetual at par gains |N(0, s)| / 2 on average: s / root(2 pi)."""
    report = _report(_portfolio(LONG, SHORT_PUT), _market(_perpetual(), _put()))
    whole = _report(_portfolio(LONG), _market(_perpetual()), _history("BTC"))
    (profile,) = (one for one in whole.profiles if isinstance(one, Profile))
    legs = compile_legs(_portfolio(LONG), _market(_perpetual()))
    moves = moves_of(legs, _market(_perpetual()), (), whole.forecasts, frozenset())
    assert isinstance(moves, Moves)
    assert (np.diff(profile.pfe[0]) > 0.0).all()
    deviation = 10_000.0 * moves.volatility("BTC") * np.sqrt(30.0 / 365.0)
    assert profile.ee[-1] == pytest.approx(deviation / np.sqrt(2.0 * np.pi), rel=0.25)
    (short,) = (one for one in report.profiles if isinstance(one, Profile))
    assert short.ene[-1] > 0.0
