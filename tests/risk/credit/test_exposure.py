"""Exposure: against closed forms, QuantLib along the paths, and what no agreement can do."""

import math
from statistics import NormalDist

import numpy as np
import pytest
import QuantLib
from credit_desk import correlation, desk, future, option, volatilities
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.error import CallerError
from holdfast.risk.credit import aged as module
from holdfast.risk.credit.csa import Csa, claims, split
from holdfast.risk.credit.exposure import Exposure, expose, path_values, profile
from holdfast.risk.credit.paths import Paths, simulate
from holdfast.risk.draws import generator
from holdfast.risk.legs import Legs
from holdfast.risk.portfolio import Balance
from holdfast.risk.pricing.black76 import black76_price
from holdfast.risk.revalue import values

PHI = NormalDist()
KEY = ("bank", "main")
TIMES = np.linspace(0.1, 1.0, 10)


def walk(
    legs: Legs,
    *,
    paths: int = 20_000,
    times: np.ndarray = TIMES,
    seed: int = 7,
    margin: tuple[float, ...] = (),
) -> Paths:
    return simulate(
        times=times,
        volatilities=volatilities(legs),
        correlation=correlation(legs),
        paths=paths,
        seed=seed,
        margin_periods=margin,
    )


def test_a_bought_call_is_exposed_to_its_price_on_every_date_until_it_expires() -> None:
    legs = desk(option(110_000.0, 0.75, 2.0))
    result = profile(expose(legs, walk(legs), KEY))
    alive = result.times <= 0.75
    price = 2.0 * black76_price(100_000.0, 110_000.0, 0.75, 0.6, 1.0, 1.0)
    assert result.ee[0] == pytest.approx(price, rel=1e-12)
    assert (np.abs(result.ee[alive] - price) < 4.0 * result.ee_error[alive] + 1e-9 * price).all()
    assert (result.ee[~alive] == 0.0).all()
    assert (result.ene == 0.0).all()


def test_a_sold_call_exposes_only_the_other_side() -> None:
    legs = desk(option(110_000.0, 0.75, -2.0))
    result = profile(expose(legs, walk(legs, paths=100), KEY))
    assert (result.ee == 0.0).all()
    assert result.ene[0] > 0.0


def test_a_perpetual_is_exposed_to_a_call_struck_at_its_entry() -> None:
    legs = desk(future(3.0, entry=105_000.0))
    result = profile(expose(legs, walk(legs), KEY), (0.95, 0.99))
    for date in range(1, len(TIMES) + 1):
        years = result.times[date]
        wanted = 3.0 * black76_price(100_000.0, 105_000.0, years, 0.6, 1.0, 1.0)
        assert abs(result.ee[date] - wanted) < 4.0 * result.ee_error[date]
        for number, quantile in enumerate(result.quantiles):
            deviation = 0.6 * math.sqrt(years)
            price = 100_000.0 * math.exp(deviation * PHI.inv_cdf(quantile) - 0.5 * deviation**2)
            assert result.pfe[number, date] == pytest.approx(3.0 * (price - 105_000.0), rel=0.06)


def test_the_first_date_is_what_the_account_is_worth_today_without_its_balances() -> None:
    both = (future(1.0, entry=90_000.0), option(3_000.0, 0.5, -10.0, asset="ETH", sign="put", inverse=True))
    legs = desk(*both, balances=(Balance(venue="bank", account="main", asset="BTC", amount=50.0),))
    exposure = expose(legs, walk(legs, paths=10), KEY)
    worth = values(legs)[:2].sum()
    assert np.allclose(exposure.loss[0] - exposure.debt[0], worth, rtol=1e-12)


def test_values_along_the_paths_equal_quantlib() -> None:
    rng = generator(3)
    positions = []
    for number in range(12):
        asset = ("BTC", "ETH")[number % 2]
        spot = {"BTC": 100_000.0, "ETH": 4_000.0}[asset]
        positions.append(
            option(
                round(spot * float(rng.uniform(0.5, 1.6))),
                float(rng.uniform(0.2, 2.0)),
                float(rng.normal()),
                asset=asset,
                sign=("call", "put")[number % 3 == 0],
                inverse=number % 4 == 1,
                volatility=float(rng.uniform(0.3, 1.5)),
            )
        )
    legs = desk(*positions)
    paths = walk(legs, paths=50)
    ours = path_values(legs, paths, np.ones(len(legs.legs), dtype=bool))
    wanted = np.zeros_like(ours)
    for leg in legs.legs:
        for date, time in enumerate(paths.times):
            left = leg["years"] - time
            if left < 0.0:
                continue
            for path in range(paths.count):
                forward = legs.prices[leg["asset"]] * paths.moves[date, leg["asset"], path]
                kind = QuantLib.Option.Call if leg["sign"] > 0 else QuantLib.Option.Put
                price = QuantLib.blackFormula(
                    kind, leg["strike"], forward, leg["volatility"] * math.sqrt(left)
                )
                # a coin-settled one is paid in coin at the then price: worth the same in dollars
                wanted[date, path] += leg["quantity"] * price
    assert np.allclose(ours, wanted, rtol=1e-9, atol=1e-7)


def test_a_digital_is_worth_its_chance_and_an_inverse_perpetual_its_coins() -> None:
    legs = desk(option(100_000.0, 1.0, 5.0, payoff="digital"), future(1_000.0, entry=80_000.0, inverse=True))
    paths = walk(legs, paths=30)
    move = paths.moves[4, legs.assets.index("BTC")]
    digital = path_values(legs, paths, np.array([True, False]))[4]
    deviation = 0.6 * math.sqrt(1.0 - paths.times[4])
    chance = [PHI.cdf(math.log(m) / deviation - 0.5 * deviation) for m in move]
    assert np.allclose(digital, 5.0 * np.array(chance), rtol=1e-12)
    inverse = path_values(legs, paths, np.array([False, True]))[4]
    forward = 100_000.0 * move
    assert np.allclose(inverse, 1_000.0 * (1.0 / 80_000.0 - 1.0 / forward) * forward, rtol=1e-12)


def test_the_kernel_equals_its_plain_twin() -> None:
    legs = desk(
        option(90_000.0, 0.3, 1.0, sign="put"),
        future(2.0),
        option(1.0, 0.5, 2.0, asset="ETH", payoff="digital"),
    )
    paths = walk(legs, paths=20)
    fast = path_values(legs, paths, np.ones(3, dtype=bool))
    plain = np.zeros_like(fast)
    module.fill.py_func(legs.legs.view(np.recarray), legs.prices, paths.times, paths.moves, paths.flat, plain)
    assert np.allclose(fast, plain, rtol=1e-13)


def test_margin_called_without_delay_leaves_nothing_and_a_delay_leaves_the_move_within_it() -> None:
    legs = desk(future(1.0))
    period = 10.0 / 365.0
    paths = walk(legs, margin=(period,))
    at_once = expose(legs, paths, KEY, Csa(threshold=0.0, own_threshold=0.0))
    assert (at_once.loss[1:] == 0.0).all()
    delayed = profile(
        expose(legs, paths, KEY, Csa(threshold=0.0, own_threshold=0.0, margin_period_years=period))
    )
    wanted = 100_000.0 * (2.0 * PHI.cdf(0.5 * 0.6 * math.sqrt(period)) - 1.0)
    assert (np.abs(delayed.ee[1:] - wanted) < 4.0 * delayed.ee_error[1:]).all()
    assert delayed.ee[-1] < 0.3 * profile(expose(legs, paths, KEY)).ee[-1]


def test_paths_without_the_dates_that_a_margin_period_needs_are_refused() -> None:
    legs = desk(future(1.0))
    with pytest.raises(CallerError, match=r"csa\.lookback"):
        expose(legs, walk(legs, paths=10), KEY, Csa(threshold=0.0, margin_period_years=0.03))


def test_margin_moves_only_by_the_minimum_transfer_amount_and_above_the_threshold() -> None:
    values = np.array([[0.0], [12.0], [14.0], [16.0], [-3.0], [-30.0]])
    agreement = Csa(threshold=10.0, own_threshold=20.0, minimum_transfer=4.0)
    # required 0, 2, 4, 6, 0, -10; held 0, 0, 4, 4, 0, -10: two is too little, and so is two more
    held = values - claims(values, np.arange(6.0), agreement)
    assert held[:, 0].tolist() == [0.0, 0.0, 4.0, 4.0, 0.0, -10.0]


def test_margin_held_today_stands_until_the_first_call_has_had_its_time() -> None:
    values = np.array([[50.0], [60.0], [70.0]])
    agreement = Csa(threshold=0.0, own_threshold=0.0, margin_period_years=1.0, variation_held=45.0)
    assert claims(values, np.array([0.0, 0.5, 1.0]), agreement)[:, 0].tolist() == [5.0, 15.0, 20.0]


@settings(max_examples=60)
@given(
    threshold=st.floats(0.0, 50.0),
    own=st.floats(0.0, 50.0),
    minimum=st.floats(0.0, 10.0),
    held=st.floats(-20.0, 20.0),
    seed=st.integers(0, 1000),
)
def test_margin_without_delay_bounds_the_claim_by_threshold_and_transfer_amount(
    threshold: float, own: float, minimum: float, held: float, seed: int
) -> None:
    moves = np.cumsum(generator(seed).normal(0.0, 20.0, (8, 30)), axis=0)
    agreement = Csa(threshold=threshold, own_threshold=own, minimum_transfer=minimum, variation_held=held)
    claim = claims(moves, np.arange(8.0), agreement)[1:]
    assert (claim <= threshold + minimum + 1e-9).all()
    assert (-claim <= own + minimum + 1e-9).all()


@settings(max_examples=40)
@given(st.floats(0.0, 30.0), st.floats(0.0, 30.0), st.integers(0, 1000))
def test_more_initial_margin_never_raises_what_can_be_lost(less: float, more: float, seed: int) -> None:
    low, high = sorted((less, more))
    claim = generator(seed).normal(0.0, 20.0, (3, 40))
    assert (split(claim, Csa(initial_received=high))[0] <= split(claim, Csa(initial_received=low))[0]).all()
    assert (split(claim, Csa(initial_posted=high))[1] <= split(claim, Csa(initial_posted=low))[1]).all()
    assert (split(claim, Csa(initial_posted=high))[0] >= split(claim, Csa(initial_posted=low))[0]).all()


def test_posted_margin_is_lost_unless_it_is_segregated() -> None:
    claim = np.array([[-5.0, 0.0, 5.0]])
    assert split(claim, Csa(initial_posted=10.0))[0].tolist() == [[5.0, 10.0, 15.0]]
    assert split(claim, Csa(initial_posted=10.0, posted_segregated=True))[0].tolist() == [[0.0, 0.0, 5.0]]


def test_posted_margin_covers_what_the_desk_owes() -> None:
    claim = np.array([[-15.0, -5.0, 5.0]])
    assert split(claim, Csa(initial_posted=10.0))[1].tolist() == [[5.0, 0.0, 0.0]]
    assert split(claim, Csa(initial_received=10.0))[1].tolist() == [[15.0, 5.0, 0.0]]


@pytest.mark.parametrize(
    "term",
    [
        "threshold",
        "own_threshold",
        "minimum_transfer",
        "margin_period_years",
        "initial_received",
        "initial_posted",
    ],
)
@pytest.mark.parametrize("amount", [-1.0, float("nan")])
def test_a_negative_term_is_refused(term: str, amount: float) -> None:
    with pytest.raises(CallerError, match=r"csa\.terms"):
        Csa(**{term: amount})


def test_netting_sets_do_not_net_with_each_other() -> None:
    legs = desk(future(1.0), future(-1.0, account="other"))
    paths = walk(legs, paths=200)
    apart = [expose(legs, paths, key).loss for key in legs.accounts]
    one = desk(future(1.0), option(1e-3, 2.0, -1.0))
    together = expose(one, walk(one, paths=200), KEY).loss
    assert (apart[0] + apart[1])[5].mean() > 1_000.0
    assert together[5].mean() < 1.0


def test_a_payoff_that_is_not_revalued_is_told_and_not_in_the_number() -> None:
    legs = desk(option(100_000.0, 1.0, 1.0, payoff="american"), future(1.0))
    exposure = expose(legs, walk(legs, paths=10), KEY)
    assert [gap.code for gap in exposure.missing] == ["exposure.payoff"]
    alone = desk(future(1.0))
    assert np.allclose(exposure.loss, expose(alone, walk(alone, paths=10), KEY).loss)


def test_an_unknown_account_and_paths_of_other_assets_are_refused() -> None:
    legs = desk(future(1.0))
    paths = walk(legs, paths=10)
    with pytest.raises(CallerError, match=r"exposure\.account"):
        expose(legs, paths, ("bank", "none"))
    with pytest.raises(CallerError, match=r"exposure\.assets"):
        expose(desk(future(1.0), future(1.0, asset="ETH")), paths, KEY)


def test_the_averages_over_time_are_trapezoids() -> None:
    loss = np.array([[0.0, 0.0], [3.0, 1.0], [1.0, 1.0]])
    one = Exposure(key=KEY, times=np.array([0.0, 1.0, 3.0]), loss=loss, debt=loss)
    result = profile(one, ())
    assert result.epe == pytest.approx((1.0 + 3.0) / 3.0)
    assert result.effective_epe == pytest.approx((1.0 + 4.0) / 3.0)


def test_paths_are_martingales_and_correlated_as_asked() -> None:
    legs = desk(future(1.0), future(1.0, asset="ETH"))
    paths = walk(legs, paths=40_000)
    btc, eth = legs.assets.index("BTC"), legs.assets.index("ETH")
    for asset, volatility in ((btc, 0.6), (eth, 0.8)):
        error = paths.moves[:, asset].std(axis=1) / math.sqrt(paths.count)
        assert (np.abs(paths.moves[:, asset].mean(axis=1) - 1.0) <= 4.0 * error).all()
        assert np.log(paths.moves[-1, asset]).std() == pytest.approx(volatility, rel=0.02)
    assert np.corrcoef(np.log(paths.moves[-1, btc]), np.log(paths.moves[-1, eth]))[0, 1] == pytest.approx(
        0.7, abs=0.02
    )
    assert (paths.moves[:, legs.assets.index("USD")] == 1.0).all()


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"times": np.array([0.0, 1.0])}, "paths.times"),
        ({"times": np.array([])}, "paths.times"),
        ({"volatilities": np.array([0.0, -0.1])}, "paths.volatility"),
        ({"correlation": np.eye(3)}, "paths.correlation"),
        ({"correlation": np.array([[1.0, 0.0], [0.0, 2.0]])}, "paths.correlation"),
        ({"paths": 1}, "paths.count"),
        ({"paths": 1_000_000_000}, "paths.count"),
    ],
)
def test_paths_that_cannot_be_drawn_are_refused(changed: dict[str, object], code: str) -> None:
    asked = {
        "times": TIMES,
        "volatilities": np.array([0.0, 0.5]),
        "correlation": np.eye(2),
        "paths": 10,
        "seed": 1,
    }
    with pytest.raises(CallerError, match=code.replace(".", r"\.")):
        simulate(**(asked | changed))
