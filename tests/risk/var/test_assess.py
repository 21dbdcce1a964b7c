"""A sample against a portfolio: full revaluation, what is not covered is told, volatility lent by a regression."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from holdfast.clock import DAY_NS
from holdfast.error import CallerError
from holdfast.risk.contract import Contract
from holdfast.risk.draws import generator
from holdfast.risk.legs import Legs, compile_legs
from holdfast.risk.market import Mark, Price, RiskMarket
from holdfast.risk.missing import Missing
from holdfast.risk.portfolio import Balance, Portfolio, Position
from holdfast.risk.revalue import leg_values, values
from holdfast.risk.var.assess import assess
from holdfast.risk.var.contribution import Contributions
from holdfast.risk.var.filtered import filtered
from holdfast.risk.var.historical import age_weighted, historical
from holdfast.risk.var.measure import RiskMeasure, measure
from holdfast.risk.var.returns import Panel
from holdfast.risk.var.sample import Sample, covered, shocks_of
from holdfast.risk.var.spot_volatility import SpotVolatility, spot_volatility, with_volatility
from holdfast.risk.var.tail import Tail

NOW = 1_760_000_000 * 10**9
HOUR_NS = DAY_NS // 24


def perpetual(asset: str, quantity: float, account: str = "main") -> Position:
    contract = Contract(
        venue="v", symbol=f"{asset}-PERP", kind="perpetual", asset=asset, quote="USDT", settle="USDT"
    )
    return Position(account=account, contract=contract, quantity=quantity)


def option(quantity: float, option_type: str = "call", days: int = 30) -> Position:
    contract = Contract(
        venue="v", symbol=f"BTC-{option_type}", kind="option", asset="BTC", quote="USD", settle="BTC", inverse=True,
        strike=80_000.0, option_type="call" if option_type == "call" else "put", expiry_ns=NOW + days * DAY_NS,
    )  # fmt: skip
    return Position(account="main", contract=contract, quantity=quantity)


def legs_of(*positions: Position, balances: tuple[Balance, ...] = ()) -> Legs:
    prices = {"BTC": 80_000.0, "ETH": 3_000.0, "USDT": 1.0}
    market = RiskMarket(
        time_ns=NOW,
        prices={name: Price(value, NOW) for name, value in prices.items()},
        marks={
            "v:BTC-PERP": Mark(price=80_000.0, time_ns=NOW),
            "v:ETH-PERP": Mark(price=3_000.0, time_ns=NOW),
            "v:BTC-call": Mark(price=0.05, time_ns=NOW, volatility=0.5),
            "v:BTC-put": Mark(price=0.05, time_ns=NOW, volatility=0.5),
        },
    )
    return compile_legs(Portfolio(name="desk", positions=positions, balances=balances), market)


def sample_of(
    spot: NDArray[np.float64], assets: tuple[str, ...], shift: NDArray[np.float64] | None = None
) -> Sample:
    return Sample(
        model="given",
        horizon_years=1.0 / 365.0,
        assets=assets,
        spot_log=spot,
        volatility_shift=np.zeros_like(spot) if shift is None else shift,
        weights=np.full(len(spot), 1.0 / len(spot)),
        moves_volatility=(shift is not None,) * len(assets),
    )


def codes(missing: tuple[Missing, ...]) -> list[tuple[str, str]]:
    return [(one.where, one.code) for one in missing]


def panel(*columns: NDArray[np.float64], assets: tuple[str, ...], volatile: int = 0) -> Panel:
    rows = len(columns[0])
    return Panel(
        step_ns=HOUR_NS,
        ends_ns=np.arange(1, rows + 1) * HOUR_NS,
        assets=assets,
        of=("spot",) * (len(assets) - volatile) + ("volatility",) * volatile,
        log_returns=np.column_stack(columns),
    )


def test_a_linear_book_of_lognormal_moves_has_the_var_of_its_quantile() -> None:
    spot = 0.03 * generator(1).standard_normal((200_000, 1))
    found = assess(legs_of(perpetual("BTC", 2.0)), sample_of(spot, ("BTC",)), constant=("USDT",))
    measured = found.measures[1]
    assert isinstance(measured, RiskMeasure)
    exact = 2.0 * 80_000.0 * -np.expm1(-0.03 * norm.ppf(0.99))
    assert measured.var == pytest.approx(exact, abs=4.0 * measured.var_error)
    assert isinstance(found.tail, Tail)
    assert found.missing == ()


def test_options_are_revalued_in_full_with_their_volatility_and_their_time() -> None:
    draws = generator(2)
    spot, shift = 0.05 * draws.standard_normal((500, 1)), 0.1 * draws.standard_normal((500, 1))
    legs = legs_of(option(-1.0), option(-1.0, "put"))
    sample = sample_of(spot, ("BTC",), shift)
    shocks = shocks_of(sample, legs)
    assert shocks.horizon_years == sample.horizon_years
    assert (shocks.volatility_shift[:, 1] == shift[:, 0]).all()
    found = assess(legs, sample)
    assert found.profits == pytest.approx(leg_values(legs, shocks).sum(axis=1) - values(legs).sum())
    worst = int(found.profits.argmin())
    assert abs(spot[worst, 0]) > 0.05  # short a straddle: the worst is a large move either way


def test_parts_are_positions_assets_or_accounts_and_add_up() -> None:
    spot = 0.03 * generator(3).standard_normal((5_000, 2))
    legs = legs_of(
        perpetual("BTC", 1.0),
        perpetual("ETH", 30.0),
        perpetual("ETH", -10.0, "second"),
        balances=(Balance(venue="v", account="second", asset="BTC", amount=0.5),),
    )
    sample = sample_of(spot, ("BTC", "ETH"))
    names = {
        "position": {"v:BTC-PERP", "v:ETH-PERP", "v/second BTC"},
        "asset": {"BTC", "ETH"},
        "account": {"v/main", "v/second"},
    }
    for by, expected in names.items():
        found = assess(legs, sample, by=by, constant=("USDT",))  # type: ignore[arg-type]
        assert isinstance(found.parts, Contributions)
        assert {part.name for part in found.parts.parts} == expected
        assert sum(part.component_es for part in found.parts.parts) == pytest.approx(found.parts.es)
        assert found.parts.es == pytest.approx(1.0 * found.measures[1].es)  # type: ignore[union-attr]


def test_an_asset_without_history_leaves_the_number_and_is_told() -> None:
    spot = 0.03 * generator(4).standard_normal((2_000, 1))
    both = legs_of(perpetual("BTC", 1.0), perpetual("ETH", 30.0))
    found = assess(both, sample_of(spot, ("BTC",)), constant=("USDT",))
    alone = assess(legs_of(perpetual("BTC", 1.0)), sample_of(spot, ("BTC",)), constant=("USDT",))
    assert codes(found.missing) == [("ETH", "returns.absent")]
    assert found.profits == pytest.approx(alone.profits)


def test_a_settlement_currency_without_history_must_be_named_constant() -> None:
    spot = 0.03 * generator(4).standard_normal((2_000, 1))
    legs = legs_of(perpetual("BTC", 1.0))
    found = assess(legs, sample_of(spot, ("BTC",)))
    assert codes(found.missing) == [("USDT", "returns.absent")]
    assert not found.profits.any()
    with pytest.raises(CallerError, match=r"sample\.uncovered"):
        shocks_of(sample_of(spot, ("BTC",)), legs)


def test_an_option_whose_volatility_nobody_moves_is_told_and_still_counted() -> None:
    spot = 0.03 * generator(5).standard_normal((2_000, 1))
    found = assess(legs_of(option(-1.0)), sample_of(spot, ("BTC",)))
    assert codes(found.missing) == [("BTC volatility", "volatility.unshocked")]
    assert found.profits.std() > 0.0
    assert codes(covered(legs_of(option(-1.0)), sample_of(spot, ("BTC",), spot)).missing) == []
    assert (
        codes(covered(legs_of(perpetual("BTC", 1.0)), sample_of(spot, ("BTC",)), constant=("USDT",)).missing)
        == []
    )


def test_a_refused_level_leaves_the_rest() -> None:
    spot = 0.03 * generator(6).standard_normal((200, 1))
    found = assess(legs_of(perpetual("BTC", 1.0)), sample_of(spot, ("BTC",)), constant=("USDT",))
    assert [type(one) for one in found.measures] == [RiskMeasure, Missing]
    assert isinstance(found.parts, Missing)
    assert isinstance(found.tail, Missing)
    assert found.tail.code == "tail.short"


def test_an_empty_portfolio_loses_nothing() -> None:
    spot = 0.03 * generator(6).standard_normal((2_000, 1))
    found = assess(legs_of(), sample_of(spot, ("BTC",)))
    measured = found.measures[1]
    assert isinstance(measured, RiskMeasure)
    assert (measured.var, measured.es) == (0.0, 0.0)


def test_tails_are_not_fitted_to_scenarios_that_overlap_or_age() -> None:
    history = panel(0.01 * generator(7).standard_normal(2_000), assets=("BTC",))
    legs = legs_of(perpetual("BTC", 1.0))
    for sample in (historical(history, steps=5), age_weighted(history, decay=0.999)):
        assert isinstance(sample, Sample)
        found = assess(legs, sample, constant=("USDT",))
        assert isinstance(found.tail, Missing)
        assert found.tail.code == "tail.dependent"
        expected = measure(
            found.profits, 0.95, model=sample.model, horizon_years=sample.horizon_years,
            weights=sample.weights, overlap=sample.overlap,
        )  # fmt: skip
        assert isinstance(expected, RiskMeasure)
        assert isinstance(found.measures[0], RiskMeasure)
        assert found.measures[0].es == pytest.approx(expected.es)
        assert found.measures[0].scenarios == pytest.approx(expected.scenarios)


def test_the_same_seed_gives_the_same_assessment() -> None:
    history = panel(
        0.01 * generator(8).standard_normal(500),
        0.02 * generator(9).standard_normal(500),
        assets=("BTC", "ETH"),
    )
    legs = legs_of(perpetual("BTC", 1.0), perpetual("ETH", 20.0), option(-2.0))
    first, again, other = (
        assess(legs, sample, constant=("USDT",)).measures
        for sample in (filtered(history, steps=24, paths=3_000, seed=seed) for seed in (1, 1, 2))
        if isinstance(sample, Sample)
    )
    assert first == again
    assert first != other


def test_slopes_of_volatility_on_spot_are_found_for_falls_and_rises_apart() -> None:
    draws = generator(10)
    moves = 0.02 * draws.standard_normal(4_000)
    changes = (
        -3.0 * np.minimum(moves, 0.0) + 1.0 * np.maximum(moves, 0.0) + 0.02 * draws.standard_normal(4_000)
    )
    found = spot_volatility(panel(moves, changes, assets=("BTC", "BTC"), volatile=1), "BTC")
    assert isinstance(found, SpotVolatility)
    assert found.down == pytest.approx(-3.0, abs=4.0 * found.down_error)
    assert found.up == pytest.approx(1.0, abs=4.0 * found.up_error)
    assert found.down_error < 0.06
    assert found.explained == pytest.approx(1.0 - 0.02**2 / changes.var(), abs=0.03)


def test_a_lent_volatility_moves_with_its_own_price_keeps_the_residuals_and_says_whose_it_is() -> None:
    draws = generator(11)
    moves, other = 0.02 * draws.standard_normal((2, 4_000))
    changes = -3.0 * np.minimum(moves, 0.0) + np.maximum(moves, 0.0) + 0.03 * draws.standard_normal(4_000)
    known = spot_volatility(panel(moves, changes, assets=("BTC", "BTC"), volatile=1), "BTC")
    assert isinstance(known, SpotVolatility)
    lent = with_volatility(panel(other, assets=("ETH",)), "ETH", known, seed=1)
    assert isinstance(lent, Panel)
    column = lent.log_returns[:, lent.column("ETH", "volatility")]
    for side, slope in ((other < 0.0, -3.0), (other > 0.0, 1.0)):
        assert np.polyfit(other[side], column[side], 1)[0] == pytest.approx(slope, abs=0.3)
    assert column.std() == pytest.approx(changes.std(), rel=0.05)
    assert "volatility of ETH regressed as BTC's" in lent.notes[0]
    sample = filtered(lent, steps=1, paths=1, seed=1)
    assert isinstance(sample, Sample)
    assert sample.moves_volatility == (True,)
    assert sample.notes[0] == lent.notes[0]
    assert with_volatility(lent, "ETH", known, seed=1) is lent  # its own history is not replaced


def test_a_regression_without_histories_or_of_another_step_is_refused() -> None:
    draws = generator(12)
    both = panel(draws.random(100), draws.random(100), assets=("BTC", "BTC"), volatile=1)
    known = spot_volatility(
        panel(draws.standard_normal(100), draws.random(100), assets=("BTC", "BTC"), volatile=1), "BTC"
    )
    assert isinstance(known, SpotVolatility)
    daily = Panel(
        step_ns=DAY_NS,
        ends_ns=np.arange(100),
        assets=("ETH",),
        of=("spot",),
        log_returns=draws.random((100, 1)),
    )
    refusals = {
        "volatility.absent": spot_volatility(daily, "ETH"),
        "history.short": spot_volatility(both.last(59), "BTC"),
        "history.still": spot_volatility(both, "BTC"),  # only rises
        "volatility.step": with_volatility(daily, "ETH", known, seed=1),
        "returns.absent": with_volatility(daily, "SOL", known, seed=1),
    }
    for code, refused in refusals.items():
        assert isinstance(refused, Missing), code
        assert refused.code == code
