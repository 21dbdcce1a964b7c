"""Revaluation: what a VaR costs by full revaluation and by the proxy, and how soon a desk knows after a tick.

Defends: numba kernels over blocks of scenarios, and no materialised cube, rather than JAX or arrays of numpy; a proxy as a
choice and not the default.

Rules: wall seconds, best of several rounds, as our kernels and JAX use every core; peers compute the same sums from the same
formulas, and must agree with ours. numpy and QuantLib run on a part, scaled by the number of option values. The hardware's
limit is what a matrix product of numpy reaches a core, in CPU seconds of all threads, which a busy machine disturbs least;
an option value is counted as OPERATIONS additions and multiplications.
"""

import time
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import QuantLib
from jax.scipy.special import ndtr as jax_ndtr
from numpy.typing import NDArray
from scipy.special import ndtr

from benchmarks.measure import Bench
from holdfast.clock import DAY_NS
from holdfast.risk import revalue, valuation
from holdfast.risk.contract import Contract
from holdfast.risk.draws import generator
from holdfast.risk.jax_setup import jax, jnp
from holdfast.risk.legs import LEG, OPTION, OPTION_INVERSE, Legs, compile_legs
from holdfast.risk.market import Curve, Mark, Price, RiskMarket
from holdfast.risk.portfolio import Balance, Portfolio, Position
from holdfast.risk.proxy import ProxyProfits, proxy_profits
from holdfast.risk.scenarios.grid import grid
from holdfast.risk.shock import REFERENCE_YEARS, Shocks, no_shocks
from holdfast.risk.surface.base import Surface

OPTIONS: Final = 1_000
SCENARIOS: Final = 100_000
PART_OF_NUMPY: Final = 2_000
PART_OF_QUANTLIB: Final = 50
POSITIONS: Final = 2_000
ROUNDS: Final = 7
OPERATIONS: Final = (
    125  # two Mills ratios 38 each, exponential 26, the rest 23; three divisions count as one each
)
NOW_NS: Final = 1_770_000_000 * 10**9
COINS: Final = {"BTC": 70_000.0, "ETH": 2_100.0, "SOL": 90.0}


def measure(bench: Bench) -> None:
    """Measure full revaluation and the proxy beside the peers, then a desk of 2,000 positions."""
    legs, shocks = _options(OPTIONS), _daily(SCENARIOS, 1 + len(COINS))
    ours_s, ours = _best(lambda: revalue.profits(legs, shocks))
    name = f"revaluation: {OPTIONS:,} options x {SCENARIOS // 1000}k scenarios"
    jax_s = _jax_s(legs, shocks, ours)
    bench.add(
        name, ours_s, "s", jax_s, f"JAX {jax.__version__} float64, jit", jax_s / ours_s,
        "<= 0.6 s and >= 6 times the peer", ours_s <= 0.6 and jax_s >= 6.0 * ours_s,
    )  # fmt: skip
    numpy_s = _numpy_s(legs, shocks, ours)
    bench.add(name, ours_s, "s", numpy_s, f"numpy {np.__version__} and scipy's ndtr", numpy_s / ours_s)
    quantlib_s = _quantlib_s(legs, shocks, ours)
    bench.add(
        name, ours_s, "s", quantlib_s, f"QuantLib {QuantLib.__version__} blackFormula loop", quantlib_s / ours_s,
        ">= 100 times the peer", quantlib_s >= 100.0 * ours_s,
    )  # fmt: skip
    ours_cpu_s = _best_cpu_s(lambda: revalue.profits(legs, shocks))
    bench.add("revaluation: one value, CPU", 1e9 * ours_cpu_s / OPTIONS / SCENARIOS, "ns")
    rate = OPTIONS * SCENARIOS * OPERATIONS / ours_cpu_s
    block = np.ones((1_500, 1_500))
    peak = 2.0 * 1_500**3 / _best_cpu_s(lambda: block @ block)
    bench.add(
        "limit: its arithmetic a core", rate / 1e9, "GFLOP/s", peak / 1e9, "a matrix product", rate / peak
    )
    proxy_s, proxied = _best(lambda: proxy_profits(legs, shocks))
    assert isinstance(proxied, ProxyProfits), str(proxied)
    bench.add(
        "revaluation: the same by proxy, checked", proxy_s, "s", ours_s, "full revaluation", ours_s / proxy_s,
        "<= 0.15 s", proxy_s <= 0.15,
    )  # fmt: skip
    bench.add("revaluation: the proxy's error of the 1 % tail", proxied.error, "of ES")
    var = [float(np.quantile(profits, 0.01)) for profits in (proxied.profits, ours)]
    bench.add("revaluation: the proxy's error of VaR 99 %", abs(var[0] / var[1] - 1.0), "of VaR")
    _measure_desk(bench)


def _measure_desk(bench: Bench) -> None:
    portfolio, market = _desk()
    legs = compile_legs(portfolio, market)
    assert not legs.missing, legs.missing[:3]
    before = valuation.value(legs)
    prices = iter(np.linspace(69_000.0, 71_000.0, 10_000).tolist())
    btc = legs.assets.index("BTC")

    def tick() -> float:
        return valuation.moved(before, btc, next(prices)).total().delta_dollars

    tick_s, _ = _best(tick, rounds=200)
    bench.add(
        "desk of 2,000 positions: a tick, values and greeks",
        1e3 * tick_s,
        "ms",
        target="<= 5 ms",
        met=tick_s <= 5e-3,
    )
    shocks = _daily(10_000, len(legs.assets))
    compile_s, _ = _best(lambda: compile_legs(portfolio, market), rounds=3)
    bench.add("desk of 2,000 positions: compiled from the market", compile_s, "s")

    def refresh() -> float:
        fresh = compile_legs(portfolio, market)
        valued = valuation.value(fresh)
        parts = valued.by_asset(), valued.by_account(), valued.by_venue(), valued.by_expiry(), grid(fresh)
        assert parts
        return float(np.quantile(revalue.profits(fresh, shocks), 0.01))

    refresh_s, _ = _best(refresh, rounds=3)
    bench.add(
        "desk of 2,000 positions: everything, VaR of 10k",
        refresh_s,
        "s",
        target="<= 1 s",
        met=refresh_s <= 1.0,
    )


def _options(count: int) -> Legs:
    draw = generator(11)
    prices = np.array([1.0, *COINS.values()])
    rows = np.zeros(count, dtype=LEG)
    rows["asset"] = draw.integers(1, len(prices), count)
    rows["kind"] = draw.choice([OPTION, OPTION_INVERSE], count)
    rows["settle"] = np.where(rows["kind"] == OPTION_INVERSE, rows["asset"], 0)
    rows["years"] = draw.uniform(0.01, 1.5, count)
    rows["ratio"] = np.exp(0.05 * rows["years"])
    rows["strike"] = prices[rows["asset"]] * np.exp(draw.normal(0.0, 0.25, count))
    rows["quantity"] = draw.normal(0.0, 1.0, count) * 1e5 / prices[rows["asset"]]
    rows["volatility"] = draw.uniform(0.35, 1.2, count)
    rows["sign"] = draw.choice([-1.0, 1.0], count)
    rows["discount"] = np.where(rows["kind"] == OPTION, np.exp(-0.03 * rows["years"]), 1.0)
    return Legs(
        legs=rows, assets=("USD", *COINS), prices=prices, accounts=(("deribit", "main"),),
        names=tuple(str(number) for number in range(count)), missing=(),
    )  # fmt: skip


def _daily(count: int, assets: int) -> Shocks:
    """Draw a day's moves with fat tails: spot 3 % times a t of 4 degrees, volatility against it."""
    draw = generator(12)
    shocks = no_shocks(count, assets)
    shocks.spot_log[:, 1:] = 0.03 * draw.standard_t(4, (count, assets - 1))
    shocks.volatility_shift[:, 1:] = 0.06 * draw.standard_normal((count, assets - 1)) - shocks.spot_log[:, 1:]
    return shocks


def _jax_s(legs: Legs, shocks: Shocks, ours: NDArray[np.float64]) -> float:
    """Time the same sums as one compiled JAX function: a scan over options of vectors of scenarios, nothing kept."""
    rows = legs.legs
    weight = np.minimum((REFERENCE_YEARS / rows["years"]) ** 0.5, 3.0)
    forward = rows["ratio"] * legs.prices[rows["asset"]]
    in_coin = rows["kind"] == OPTION_INVERSE
    scale = rows["quantity"] * rows["discount"] / np.where(in_coin, rows["ratio"], 1.0)
    terms = (
        rows["asset"], forward, rows["strike"], np.log(forward / rows["strike"]), np.sqrt(rows["years"]),
        rows["volatility"], weight, rows["sign"], scale,
    )  # fmt: skip
    option = tuple(jnp.asarray(term) for term in terms)
    spot, shift = jnp.asarray(shocks.spot_log.T.copy()), jnp.asarray(shocks.volatility_shift.T.copy())

    @jax.jit
    def total(spot: jax.Array, shift: jax.Array) -> jax.Array:
        def one(sums: jax.Array, term: tuple[jax.Array, ...]) -> tuple[jax.Array, None]:
            asset, forward, strike, x, root, volatility, weight, sign, scale = term
            move = spot[asset]
            deviation = jnp.maximum(volatility * (1.0 + shift[asset] * weight), 0.01) * root
            d1 = (x + move) / deviation + 0.5 * deviation
            moved = forward * jnp.exp(move)
            price = sign * (moved * jax_ndtr(sign * d1) - strike * jax_ndtr(sign * (d1 - deviation)))
            return sums + scale * price, None

        return jax.lax.scan(one, jnp.zeros(spot.shape[1]), option)[0]

    seconds, sums = _best(lambda: np.asarray(total(spot, shift).block_until_ready()), rounds=3)
    _agree(sums - revalue.values(legs).sum(), ours, "JAX")
    return seconds


def _numpy_s(legs: Legs, shocks: Shocks, ours: NDArray[np.float64]) -> float:
    spot, shift = shocks.spot_log[:PART_OF_NUMPY], shocks.volatility_shift[:PART_OF_NUMPY]

    def total() -> NDArray[np.float64]:
        sums = np.zeros(PART_OF_NUMPY)
        for leg in legs.legs:
            a = leg["asset"]
            moved = leg["ratio"] * legs.prices[a] * np.exp(spot[:, a])
            weight = min((REFERENCE_YEARS / leg["years"]) ** 0.5, 3.0)
            deviation = (
                np.maximum(leg["volatility"] * (1.0 + shift[:, a] * weight), 0.01) * leg["years"] ** 0.5
            )
            d1 = np.log(moved / leg["strike"]) / deviation + 0.5 * deviation
            price = moved * ndtr(leg["sign"] * d1) - leg["strike"] * ndtr(leg["sign"] * (d1 - deviation))
            coins = leg["ratio"] if leg["kind"] == OPTION_INVERSE else 1.0
            sums += leg["quantity"] * leg["discount"] / coins * leg["sign"] * price
        return sums

    seconds, sums = _best(total, rounds=3)
    _agree(sums - revalue.values(legs).sum(), ours[:PART_OF_NUMPY], "numpy")
    return seconds * SCENARIOS / PART_OF_NUMPY


def _quantlib_s(legs: Legs, shocks: Shocks, ours: NDArray[np.float64]) -> float:
    spot, shift = shocks.spot_log[:PART_OF_QUANTLIB], shocks.volatility_shift[:PART_OF_QUANTLIB]
    rows = legs.legs
    side = [QuantLib.Option.Call if sign > 0 else QuantLib.Option.Put for sign in rows["sign"]]
    weight = np.minimum((REFERENCE_YEARS / rows["years"]) ** 0.5, 3.0)
    coins = np.where(rows["kind"] == OPTION_INVERSE, rows["ratio"], 1.0)
    strikes, scale = rows["strike"].tolist(), (rows["quantity"] / coins).tolist()
    discounts = rows["discount"].tolist()
    formula = QuantLib.blackFormula

    def total() -> NDArray[np.float64]:
        sums = np.zeros(PART_OF_QUANTLIB)
        for s in range(PART_OF_QUANTLIB):
            # what is fast in numpy is left to it: the loop is of the formula alone
            forwards = (rows["ratio"] * legs.prices[rows["asset"]] * np.exp(spot[s, rows["asset"]])).tolist()
            moved = np.maximum(rows["volatility"] * (1.0 + shift[s, rows["asset"]] * weight), 0.01)
            deviations = (moved * np.sqrt(rows["years"])).tolist()
            sums[s] = sum(
                q * formula(*option)
                for q, *option in zip(scale, side, strikes, forwards, deviations, discounts, strict=True)
            )
        return sums

    seconds, sums = _best(total, rounds=3)
    _agree(sums - revalue.values(legs).sum(), ours[:PART_OF_QUANTLIB], "QuantLib")
    return seconds * SCENARIOS / PART_OF_QUANTLIB


def _agree(theirs: NDArray[np.float64], ours: NDArray[np.float64], name: str) -> None:
    error = float(np.abs(theirs - ours).max() / ours.std())
    if error > 1e-11:
        raise SystemExit(f"revaluation: {name} is {error:.1e} standard deviations from ours")


def _desk() -> tuple[Portfolio, RiskMarket]:
    """Make a desk on three venues: coin-settled options and futures, dollar options and perpetuals, balances."""
    draw = generator(13)
    expiries = [NOW_NS + days * DAY_NS for days in (2, 9, 30, 58, 120, 240)]
    years = np.array([(expiry - NOW_NS) / (365 * DAY_NS) for expiry in expiries])
    slices = np.array([[0.02 * y, 0.3 * y, -0.2, 0.0, 0.5] for y in years])
    curves, surfaces, marks, positions = {}, {}, {}, []
    for coin, price in COINS.items():
        forwards = tuple(price * float(np.exp(0.05 * y)) for y in years)
        curves[coin] = Curve(NOW_NS, price, tuple(expiries), forwards, tuple(np.exp(-0.03 * years).tolist()))
        surfaces[coin] = Surface(time_ns=NOW_NS, years=years, forwards=np.array(forwards), slices=slices)
    for number in range(POSITIONS):
        venue = ("deribit", "okx", "binance")[number % 3]
        coin = list(COINS)[number // 3 % 3]
        terms: dict[str, object] = {"venue": venue, "symbol": f"{coin}-{number}", "asset": coin}
        quantity = float(draw.normal()) * 1e6 / COINS[coin]
        if number % 10 == 0:
            contract = Contract(**terms, kind="perpetual", quote="USD", settle="USDT")  # type: ignore[arg-type]
            marks[contract.name] = Mark(price=COINS[coin] * 1.0005, time_ns=NOW_NS)
        else:
            inverse = venue != "binance"
            strike = round(COINS[coin] * float(np.exp(draw.normal(0.0, 0.2))), 1)
            contract = Contract(
                **terms, kind="option", quote="USD", settle=coin if inverse else "USDT", inverse=inverse, strike=strike,
                option_type="call" if number % 2 else "put", expiry_ns=expiries[number % len(expiries)],
            )  # type: ignore[arg-type]  # fmt: skip
        positions.append(Position(account="main", contract=contract, quantity=quantity))
    balances = tuple(
        Balance(venue=venue, account="main", asset=asset, amount=100.0)
        for venue in ("deribit", "okx", "binance")
        for asset in ("BTC", "USDT")
    )
    prices = {coin: Price(price, NOW_NS) for coin, price in {**COINS, "USDT": 1.0}.items()}
    market = RiskMarket(time_ns=NOW_NS, prices=prices, curves=curves, surfaces=surfaces, marks=marks)
    return Portfolio(name="desk", positions=tuple(positions), balances=balances), market


def _best(body: Callable[[], Any], rounds: int = ROUNDS) -> tuple[float, Any]:
    """Return the least wall seconds of several rounds after a warm one, and what the last round returned."""
    result, best = body(), float("inf")
    for _ in range(rounds):
        begun = time.perf_counter()
        result = body()
        best = min(best, time.perf_counter() - begun)
    return best, result


def _best_cpu_s(body: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Return the least CPU seconds, of all threads, of several rounds after a warm one."""
    body()
    best = float("inf")
    for _ in range(rounds):
        begun = time.process_time()
        body()
        best = min(best, time.process_time() - begun)
    return best
