"""Grids hold what single revaluations say; reverse stress finds answers that are known."""

import math
from itertools import product

import numpy as np
import pytest
from scipy.optimize import minimize

from holdfast.error import CallerError
from holdfast.risk import revalue
from holdfast.risk.legs import Legs
from holdfast.risk.scenarios.grid import GridAxes, grid
from holdfast.risk.scenarios.reverse import Bounds, reverse_stress
from holdfast.risk.shock import no_shocks
from tests.risk.scenarios.small_desk import AAVE, BINANCE, BTC, DERIBIT, USDT, cash, desk, option, perpetual

COVARIANCE = np.diag([0.04, 0.06, 0.1, 0.12]) ** 2
COVARIANCE[0, 1] = COVARIANCE[1, 0] = 0.7 * 0.04 * 0.06
COVARIANCE[0, 2] = COVARIANCE[2, 0] = -0.5 * 0.04 * 0.1


def mixed() -> Legs:
    return desk(
        cash(BTC, 1.0, DERIBIT),
        option(BTC, -3.0, DERIBIT, strike=90_000.0, years=0.1, sign=-1.0),
        option(AAVE, 500.0, DERIBIT, strike=210.0, years=0.3),
        perpetual(AAVE, -800.0, BINANCE, entry=190.0),
        cash(USDT, 1e5, BINANCE),
    )


def test_every_point_of_a_grid_is_its_own_revaluation() -> None:
    legs = mixed()
    axes = GridAxes(
        spot=(-0.3, 0.0, 0.2), volatility=(-0.2, 0.5), term=(0.0, 0.5), skew=(0.0, -0.1), rate=(0.0, 0.02),
        horizon_years=0.01, sticky_moneyness=True,
    )  # fmt: skip
    result = grid(legs, axes, betas={"AAVE": 1.5})
    assert result.profits.shape == (3, 2, 2, 2, 2)
    for i, j, k, m, n in product(range(3), range(2), range(2), range(2), range(2)):
        shocks = no_shocks(1, 4, term_power=axes.term[k], horizon_years=0.01, sticky_moneyness=True)
        shocks.spot_log[0, BTC] = math.log1p(axes.spot[i])
        shocks.spot_log[0, AAVE] = 1.5 * math.log1p(axes.spot[i])
        shocks.volatility_shift[0, 1:3] = axes.volatility[j]
        shocks.skew_shift[0, 1:3] = axes.skew[m]
        shocks.rate_shift[0, 1:3] = axes.rate[n]
        assert result.profits[i, j, k, m, n] == pytest.approx(revalue.profits(legs, shocks)[0], abs=1e-7)
    assert result.table(1, 0, 1).shape == (3, 2)
    worst, where = result.worst()
    assert worst == result.profits.min()
    i, j = axes.spot.index(where["spot"]), axes.volatility.index(where["volatility"])
    assert worst in result.profits[i, j]


def test_a_grid_of_one_asset_leaves_the_others() -> None:
    legs = desk(cash(BTC, 1.0, DERIBIT), cash(AAVE, 1.0, DERIBIT))
    result = grid(legs, GridAxes(spot=(-0.5,), volatility=(0.0,)), assets=("AAVE",))
    assert result.profits.item() == pytest.approx(-100.0)
    with pytest.raises(CallerError, match=r"scenario\.asset"):
        grid(legs, assets=("DOGE",))


def test_a_single_coin_breaks_its_limit_where_algebra_says() -> None:
    legs = desk(cash(BTC, 2.0, DERIBIT))
    found = reverse_stress(legs, 30_000.0, np.diag([0.05, 0.2]) ** 2, ("BTC",))
    assert found.found
    move = math.log(1.0 - 30_000.0 / 200_000.0)
    assert found.spot_log["BTC"] == pytest.approx(move, rel=1e-7)
    assert found.volatility_shift["BTC"] == pytest.approx(0.0, abs=1e-9)
    assert found.distance == pytest.approx(-move / 0.05, rel=1e-7)
    assert found.profit <= -30_000.0


def test_a_linear_book_of_two_coins_agrees_with_the_closed_form() -> None:
    """Small moves: profit = w . z, so the nearest point is -L S w / (w S w), at distance L / sqrt(w S w)."""
    legs = desk(cash(BTC, 1.0, DERIBIT), cash(AAVE, -300.0, DERIBIT))
    weights = np.array([100_000.0, -60_000.0, 0.0, 0.0])
    limit = 1e-3  # a thousandth of a dollar: exp is then linear
    spread = COVARIANCE @ weights
    found = reverse_stress(legs, limit, COVARIANCE, ("BTC", "AAVE"))
    assert found.distance == pytest.approx(limit / math.sqrt(weights @ spread), rel=1e-4)
    assert [found.spot_log["BTC"], found.spot_log["AAVE"]] == pytest.approx(
        (-limit * spread / (weights @ spread))[:2], rel=1e-3
    )


@pytest.mark.parametrize("limit", [5_000.0, 20_000.0])
def test_a_book_of_options_agrees_with_a_general_optimiser(limit: float) -> None:
    legs = mixed()
    found = reverse_stress(legs, limit, COVARIANCE, ("BTC", "AAVE"))
    inverse = np.linalg.inv(COVARIANCE)

    def profit(moves: np.ndarray) -> float:
        shocks = no_shocks(1, 4)
        shocks.spot_log[0, 1:3], shocks.volatility_shift[0, 1:3] = moves[:2], moves[2:]
        return float(revalue.profits(legs, shocks)[0])

    at = np.array([*found.spot_log.values(), *found.volatility_shift.values()])
    assert found.found
    assert found.profit == pytest.approx(profit(at))
    assert -1.0001 * limit <= found.profit <= -limit
    best = min(
        (
            minimize(
                lambda x: x @ inverse @ x, start, method="SLSQP", options={"ftol": 1e-12, "maxiter": 300},
                constraints=[{"type": "ineq", "fun": lambda x: -(profit(x) + limit) / limit}],
            )
            for start in (at * 0.9, np.array([-0.2, -0.2, 0.3, 0.0]), np.array([0.1, 0.3, 0.0, 0.0]))
        ),
        key=lambda result: result.fun if result.success else math.inf,
    )  # fmt: skip
    assert found.distance <= math.sqrt(best.fun) * (1.0 + 1e-4)


def test_a_bound_holds_and_the_answer_moves_along_it() -> None:
    legs = desk(cash(BTC, 1.0, DERIBIT), cash(AAVE, 500.0, DERIBIT))
    bounds = Bounds(spot_log_min=-0.2)
    free = reverse_stress(legs, 30_000.0, COVARIANCE, ("BTC", "AAVE"))
    held = reverse_stress(legs, 30_000.0, COVARIANCE, ("BTC", "AAVE"), bounds=bounds)
    assert free.spot_log["AAVE"] < -0.2
    assert held.spot_log["AAVE"] == pytest.approx(-0.2)
    other = math.log(1.0 - (30_000.0 - 100_000.0 * -math.expm1(-0.2)) / 100_000.0)
    assert held.spot_log["BTC"] == pytest.approx(other, rel=1e-5)
    assert held.distance > free.distance


def test_where_nothing_breaks_the_limit_it_says_so() -> None:
    legs = desk(cash(BTC, 1.0, DERIBIT))
    found = reverse_stress(legs, 90_000.0, np.eye(2), ("BTC",))  # the bound is a fall by 78 %
    assert not found.found
    assert "nothing inside the bounds" in found.reason
    assert found.profit > -90_000.0
    assert found.profit == pytest.approx(100_000.0 * math.expm1(-1.5))


def test_a_limit_or_covariance_that_is_none_is_refused() -> None:
    legs = desk(cash(BTC, 1.0, DERIBIT))
    for limit in (0.0, -5.0, math.nan, math.inf):
        with pytest.raises(CallerError, match=r"reverse\.limit"):
            reverse_stress(legs, limit, np.eye(2), ("BTC",))
    for covariance in (np.eye(3), -np.eye(2), np.zeros((2, 2))):
        with pytest.raises(CallerError, match=r"reverse\.covariance"):
            reverse_stress(legs, 1.0, covariance, ("BTC",))


def test_the_same_seed_finds_the_same_scenario() -> None:
    legs = mixed()
    first, second = (reverse_stress(legs, 20_000.0, COVARIANCE, ("BTC", "AAVE"), seed=3) for _ in range(2))
    assert first == second
