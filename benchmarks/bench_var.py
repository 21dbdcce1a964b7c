"""VaR: drawing scenarios, the step before they are revalued: filtered paths, and the Monte Carlo on every device at hand.

Defends: a numba loop a step for paths, and that the same model in JAX is worth having where there is a GPU. Best of
rounds; CPU time of one core where both sides use one, wall time beside JAX, which has threads or a GPU. Peers: the
filtered paths in plain numpy, one array operation a step; the Monte Carlo in JAX on its default device (named in the
line) and by QuantLib's own path generator, whose paths are scaled to ours.
"""

import time
from collections.abc import Callable
from typing import Final

import jax
import numpy as np
import QuantLib

from benchmarks.measure import Bench
from holdfast.risk.draws import generator
from holdfast.risk.missing import Missing
from holdfast.risk.var.bates import Bates, simulate
from holdfast.risk.var.copula import TailCopula
from holdfast.risk.var.filtered import filtered
from holdfast.risk.var.jumps import Jumps
from holdfast.risk.var.measure import measure as measure_var
from holdfast.risk.var.monte_carlo import JointModel, monte_carlo
from holdfast.risk.var.monte_carlo_jax import monte_carlo_jax
from holdfast.risk.var.returns import Panel
from holdfast.risk.var.volatility_filter import VolatilityFilter, ewma

ASSETS: Final = 10
ROWS: Final = 750
STEPS: Final = 24
PATHS: Final = 20_000
MONTE_CARLO_PATHS: Final = 100_000
QUANTLIB_PATHS: Final = 2_000
DAYS: Final = 10
ROUNDS: Final = 5
DECAY: Final = 0.97


def measure(bench: Bench) -> None:
    """Measure both kinds of drawing and the measuring itself."""
    _filtered(bench)
    _monte_carlo(bench)
    profits = generator(1).standard_normal(100_000)
    seconds = _best(lambda: measure_var(profits, 0.99, model="bench", horizon_years=1.0 / 365.0))
    bench.add("VaR and ES of 100k profits", 1e3 * seconds, "ms CPU")


def _filtered(bench: Bench) -> None:
    panel = Panel(
        step_ns=3_600 * 10**9,
        ends_ns=np.arange(ROWS),
        assets=tuple(f"A{number}" for number in range(ASSETS)),
        of=("spot",) * ASSETS,
        log_returns=0.01 * generator(1).standard_normal((ROWS, ASSETS)),
    )
    volatility = ewma(panel, decay=DECAY)
    if isinstance(volatility, Missing):
        raise SystemExit(str(volatility))
    ours = _best(lambda: filtered(panel, steps=STEPS, paths=PATHS, seed=1, volatility=volatility))
    theirs = _best(lambda: _numpy_paths(panel, volatility))
    bench.add(
        f"filtered paths, {PATHS} x {STEPS} steps x {ASSETS}", 1e3 * ours, "ms CPU", 1e3 * theirs,
        f"numpy {np.__version__}", theirs / ours,
    )  # fmt: skip


def _numpy_paths(panel: Panel, volatility: VolatilityFilter) -> np.ndarray:
    known = ~np.isnan(volatility.history).any(axis=1)
    residuals = panel.log_returns[known] / volatility.history[known]
    residuals -= residuals.mean(axis=0)
    draws = generator(1)
    variance = np.tile(volatility.today**2, (PATHS, 1))
    moves = np.zeros_like(variance)
    for _ in range(STEPS):
        move = residuals[draws.integers(0, len(residuals), size=PATHS)] * np.sqrt(variance)
        variance = volatility.alpha * move**2 + volatility.beta * variance
        moves += move
    return moves


def _monte_carlo(bench: Bench) -> None:
    coin = Bates(
        variance=0.5, mean_variance=0.4, reversion=8.0, volatility_of_variance=2.0, correlation=-0.4,
        jumps=Jumps(5.0, -0.05, 0.08),
    )  # fmt: skip
    model = JointModel(
        assets=tuple(f"A{number}" for number in range(ASSETS)),
        margins=(coin,) * ASSETS,
        walks=(None,) * ASSETS,
        factors=tuple((f"A{number}", "spot") for number in range(ASSETS)),
        copula=TailCopula(correlation=0.3 * np.eye(ASSETS) + 0.7, freedom=5.0),
    )
    horizon = DAYS / 365.0
    ours = _best(
        lambda: monte_carlo(model, horizon_years=horizon, paths=MONTE_CARLO_PATHS, seed=1), time.perf_counter
    )
    device = jax.devices()[0]
    in_jax = _best(
        lambda: monte_carlo_jax(model, horizon_years=horizon, paths=MONTE_CARLO_PATHS, seed=1),
        time.perf_counter,
    )
    name = f"Monte Carlo, {MONTE_CARLO_PATHS} x {DAYS} days x {ASSETS}"
    bench.add(
        name,
        1e3 * ours,
        "ms wall",
        1e3 * in_jax,
        f"JAX {jax.__version__} on {device.device_kind}",
        in_jax / ours,
    )
    margin = _best(lambda: simulate(coin, horizon, MONTE_CARLO_PATHS, generator(1)))
    theirs = _best(lambda: _quantlib_paths(coin)) * MONTE_CARLO_PATHS / QUANTLIB_PATHS
    bench.add(
        f"  one asset's paths, {MONTE_CARLO_PATHS} x {DAYS}", 1e3 * margin, "ms CPU", 1e3 * theirs,
        f"QuantLib {QuantLib.__version__} ({QUANTLIB_PATHS}, scaled)", theirs / margin,
    )  # fmt: skip


def _quantlib_paths(coin: Bates) -> float:
    """Draw paths by QuantLib's quadratic-exponential Heston process (it has no jumps in its generator)."""
    rate = QuantLib.YieldTermStructureHandle(
        QuantLib.FlatForward(0, QuantLib.NullCalendar(), 0.0, QuantLib.Actual365Fixed())
    )
    process = QuantLib.HestonProcess(
        rate, rate, QuantLib.QuoteHandle(QuantLib.SimpleQuote(1.0)), coin.variance, coin.reversion, coin.mean_variance,
        coin.volatility_of_variance, coin.correlation, QuantLib.HestonProcess.QuadraticExponentialMartingale,
    )  # fmt: skip
    uniform = QuantLib.UniformRandomSequenceGenerator(2 * DAYS, QuantLib.UniformRandomGenerator(1))
    normals = QuantLib.GaussianRandomSequenceGenerator(uniform)
    times = QuantLib.TimeGrid(DAYS / 365.0, DAYS)
    paths = QuantLib.GaussianMultiPathGenerator(process, list(times), normals, False)
    return sum(paths.next().value()[0].back() for _ in range(QUANTLIB_PATHS)) / QUANTLIB_PATHS


def _best(body: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    body()
    seconds: list[float] = []
    for _ in range(ROUNDS):
        begun = clock()
        body()
        seconds.append(clock() - begun)
    return min(seconds)
