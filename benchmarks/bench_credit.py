"""Credit: CVA of a whole desk by simulation, every option revalued on every path and date.

Defends: that the exposure of all netting sets is quick enough to be had before each trade, on two cores and in
float64. 100 netting sets of 10 options on 4 coins, 5,000 paths, 50 dates: 250 million revaluations, paths drawn
within the time. The peer is the same in numpy and scipy on a part of the sets, its time scaled to all; both must
agree on the CVA of that part.
"""

import math
import time
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numba import get_num_threads, set_num_threads
from numpy.typing import NDArray
from scipy.special import ndtr

from benchmarks.measure import Bench
from holdfast.clock import DAY_NS
from holdfast.risk.contract import Contract
from holdfast.risk.credit.curve import HazardCurve, flat
from holdfast.risk.credit.cva import cva
from holdfast.risk.credit.exposure import expose, profile
from holdfast.risk.credit.paths import Paths, simulate
from holdfast.risk.draws import generator
from holdfast.risk.legs import Legs, compile_legs
from holdfast.risk.market import Mark, Price, RiskMarket
from holdfast.risk.portfolio import Portfolio, Position

SETS: Final = 100
OPTIONS: Final = 10
PATHS: Final = 5_000
DATES: Final = 50
PEER_SETS: Final = 4
ROUNDS: Final = 5
WALL_S_MAX: Final = 1.5
NOW: Final = 1_760_000_000 * 10**9
SPOTS: Final = {"BTC": 100_000.0, "ETH": 4_000.0, "SOL": 200.0, "XRP": 2.5}


def measure(bench: Bench) -> None:
    """Measure the CVA of all netting sets, wall clock, best of rounds, beside numpy on a part of them."""
    legs = _desk()
    curve = flat(0.05)
    _ours(legs, curve, 2)
    ours, mine = min(
        (_timed(lambda: _ours(legs, curve, SETS)) for _ in range(ROUNDS)), key=lambda pair: pair[0]
    )
    paths = _paths(legs)
    logs = np.log(paths.moves)
    theirs, peers = min(
        (_timed(lambda: _numpy(legs, curve, paths, logs, PEER_SETS)) for _ in range(2)),
        key=lambda pair: pair[0],
    )
    if not np.allclose(mine[:PEER_SETS], peers, rtol=1e-9):
        raise SystemExit(f"credit: numpy's CVA is {peers}, ours {mine[:PEER_SETS]}")
    drawn, _ = min((_timed(lambda: _paths(legs)) for _ in range(ROUNDS)), key=lambda pair: pair[0])
    scaled = drawn + theirs * SETS / PEER_SETS
    name = f"CVA {SETS} sets x {OPTIONS} options x {PATHS} x {DATES}"
    peer_name = f"numpy {np.__version__} ({PEER_SETS} sets, scaled)"
    bench.add(
        name, ours, "s wall", scaled, peer_name, scaled / ours, f"<= {WALL_S_MAX} s", ours <= WALL_S_MAX
    )
    bench.add("  of it: paths drawn", drawn, "s wall")
    bench.add("  all of it on one core", min(_one_core(legs, curve) for _ in range(2)), "s CPU")
    with_pfe, _ = min((_timed(lambda: _profiles(legs, paths)) for _ in range(2)), key=lambda pair: pair[0])
    bench.add("  exposure profiles with PFE 95 and 99 %", with_pfe, "s wall")
    bench.add(
        "  an option, date and path", 1e9 * (ours - drawn) / (SETS * OPTIONS * PATHS * (DATES + 1)), "ns wall"
    )


def _one_core(legs: Legs, curve: HazardCurve) -> float:
    """Return the CPU seconds of the same on one thread: what other work on the machine cannot touch."""
    threads = get_num_threads()
    set_num_threads(1)
    begun = time.process_time()
    _ours(legs, curve, SETS)
    spent = time.process_time() - begun
    set_num_threads(threads)
    return spent


def _timed(body: Callable[[], Any]) -> tuple[float, Any]:
    begun = time.perf_counter()
    result = body()
    return time.perf_counter() - begun, result


def _paths(legs: Legs) -> Paths:
    coins = len(legs.assets)
    return simulate(
        times=np.linspace(0.02, 1.0, DATES),
        volatilities=np.array([0.0 if name == "USD" else 0.7 for name in legs.assets]),
        correlation=np.full((coins, coins), 0.6) + 0.4 * np.eye(coins),
        paths=PATHS,
        seed=1,
    )


def _ours(legs: Legs, curve: HazardCurve, sets: int) -> list[float]:
    paths = _paths(legs)
    return [cva(expose(legs, paths, key), curve).cva for key in legs.accounts[:sets]]


def _profiles(legs: Legs, paths: Paths) -> None:
    for key in legs.accounts:
        profile(expose(legs, paths, key))


def _numpy(legs: Legs, curve: HazardCurve, paths: Paths, logs: NDArray[np.float64], sets: int) -> list[float]:
    """Do the same with whole-array expressions, one option at a time over all dates and paths."""
    chance = curve.default_probabilities(paths.times)
    out: list[float] = []
    for number in range(sets):
        total = np.zeros((len(paths.times), paths.count))
        for leg in legs.legs[legs.legs["account"] == number]:
            left = leg["years"] - paths.times
            alive = left >= 0.0
            deviation = leg["volatility"] * np.sqrt(left[alive])[:, None]
            forward = legs.prices[leg["asset"]] * paths.moves[alive, leg["asset"]]
            moneyness = math.log(legs.prices[leg["asset"]] / leg["strike"]) + logs[alive, leg["asset"]]
            with np.errstate(divide="ignore", invalid="ignore"):
                d1 = moneyness / deviation + 0.5 * deviation
            sign = leg["sign"]
            price = sign * (forward * ndtr(sign * d1) - leg["strike"] * ndtr(sign * (d1 - deviation)))
            total[alive] += leg["quantity"] * price
        ee = np.maximum(total, 0.0).mean(axis=1)
        out.append(float(0.6 * (0.5 * (ee[:-1] + ee[1:]) * chance).sum()))
    return out


def _desk() -> Legs:
    """Return 100 counterparties with 10 options each, expiring from three months to two years, never on a date of
    the grid.
    """
    draw = generator(2)
    positions: list[Position] = []
    marks: dict[str, Mark] = {}
    for number in range(SETS):
        for other in range(OPTIONS):
            asset = tuple(SPOTS)[other % len(SPOTS)]
            expiry_ns = NOW + int(draw.integers(370, 1_100)) * DAY_NS + DAY_NS // 3
            contract = Contract(
                venue="otc", symbol=f"{number}-{other}", kind="option", asset=asset, quote="USD", settle="USD",
                expiry_ns=expiry_ns, strike=SPOTS[asset] * float(draw.uniform(0.6, 1.6)),
                option_type=("call", "put")[other % 2],
            )  # fmt: skip
            quantity = float(draw.normal()) * 1e6 / SPOTS[asset]
            positions.append(Position(account=f"{number:03d}", contract=contract, quantity=quantity))
            marks[contract.name] = Mark(price=0.0, time_ns=NOW, volatility=float(draw.uniform(0.4, 1.0)))
    prices = {name: Price(value, NOW) for name, value in (SPOTS | {"USD": 1.0}).items()}
    market = RiskMarket(time_ns=NOW, prices=prices, marks=marks)
    return compile_legs(Portfolio(name="otc", positions=tuple(positions)), market)
