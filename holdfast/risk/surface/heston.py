"""Heston and Bates: stochastic volatility, and the same with jumps, priced by Fourier and fitted by JAX gradients.

dS/S = sqrt(v) dW + jumps, dv = reversion (long_variance - v) dt + vol_of_variance sqrt(v) dZ, dW dZ = correlation dt; Bates
adds jumps of log-size normal (jump_mean, jump_deviation), `jump_rate` a year, compensated. Heston is Bates without jumps.

Needs the extra `risk`.
Source: Heston (1993); Bates (1996); characteristic function in the form without branch cuts of Albrecher, Mayer, Schoutens,
Tistaert (2007), The little Heston trap.
Limits: one smile dynamics for all expiries: the shortest crypto expiries are steeper than Heston can be; Bates does better.
"""

from functools import partial
from typing import Any, Final, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.error import CallerError
from holdfast.risk.jax_setup import jax, jnp
from holdfast.risk.missing import Missing
from holdfast.risk.surface.fourier import NODES, Grid, call_over_forward, grid_of

Model = Literal["heston", "bates"]
PARAMETERS: Final[dict[Model, int]] = {"heston": 5, "bates": 8}
ITERATIONS_MAX: Final = 60
QUOTES_STEP: Final = (
    5  # quotes of an expiry, and expiries, are padded to these, so that few shapes are compiled
)
EXPIRIES_STEP: Final = 2
STEP_MIN: Final = 1e-9  # of a free number, below which a step that failed ends the search
GAIN_MIN: Final = 1e-9  # of the squared error, below which a step that succeeded does
DAMPING_MAX: Final = 1e8
ERROR_VOLS_MIN: Final = 1e-10  # root mean square, below which a fit is exact
NODES_SEARCH: Final = 96
MARGIN_SEARCH: Final = 1.5  # the search keeps the grid of its start
VEGA_MIN: Final = 1e-4  # of the forward: below, a price says nothing about volatility
CORRELATION_MAX: Final = 0.999
# of the parameters as they are searched for, see `_bounded`
LOW: Final = (1e-4, 1e-2, 1e-4, 1e-2, -CORRELATION_MAX, 1e-4, -1.0, 1e-3)
HIGH: Final = (9.0, 60.0, 9.0, 30.0, CORRELATION_MAX, 60.0, 1.0, 1.0)

Array = Any


class StochasticVolatility(msgspec.Struct, frozen=True, kw_only=True):
    """Parameters of Heston, of Bates where `jump_rate` is above zero.

    Units: variances fractions squared a year; reversion, jump_rate one over years; vol_of_variance fractions a
    year; jump_mean and jump_deviation of the log-size of a jump.
    Raises: CallerError `heston.parameters` for values outside their domain.
    """

    variance: float
    reversion: float
    long_variance: float
    vol_of_variance: float
    correlation: float
    jump_rate: float = 0.0
    jump_mean: float = 0.0
    jump_deviation: float = 0.0

    def __post_init__(self) -> None:
        positive = (self.variance, self.reversion, self.long_variance, self.vol_of_variance)
        jumps = (self.jump_rate, self.jump_deviation)
        if not (
            min(positive) > 0.0
            and min(jumps) >= 0.0
            and abs(self.correlation) < 1.0
            and np.isfinite(self.vector()).all()
        ):
            raise CallerError("heston.parameters", f"{self} is outside the model's domain")

    def vector(self) -> NDArray[np.float64]:
        """Return the parameters in order. Shape: (8,)."""
        return np.array(msgspec.structs.astuple(self))

    @property
    def is_feller(self) -> bool:
        """Tell whether variance never touches zero: 2 x reversion x long_variance above vol_of_variance squared."""
        return 2.0 * self.reversion * self.long_variance > self.vol_of_variance**2


class StochasticVolatilityFit(msgspec.Struct, frozen=True, kw_only=True):
    """A fit. Units: errors in volatility. Shape: residual_vols (quotes,), model less market."""

    model: Model
    parameters: StochasticVolatility
    error_vols: float
    error_vols_max: float
    residual_vols: NDArray[np.float64]
    iterations: int


def option_prices(
    parameters: StochasticVolatility,
    forward: NDArray[np.float64],
    strike: NDArray[np.float64],
    years: NDArray[np.float64],
    sign: NDArray[np.float64],
    discount: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return values in quote units. Shape: every array (n,); sign +1 call, -1 put. Raises: CallerError `heston.input`.

    Cost: about 10 us an option once compiled (a second for a new number of options).
    """
    arrays = [np.asarray(a, dtype=np.float64) for a in (forward, strike, years, discount)]
    if not all(np.isfinite(a).all() and (a > 0.0).all() for a in arrays):
        raise CallerError("heston.input", "forward, strike, years and discount are finite and above zero")
    moneyness = np.log(arrays[1] / arrays[0])
    layout = _Layout(arrays[2])
    calls = layout.back(_calls(jnp.asarray(parameters.vector()), layout.expiries, layout.lay(moneyness, 0.0)))
    puts = calls - 1.0 + np.exp(moneyness)
    return arrays[0] * arrays[3] * np.where(np.asarray(sign) > 0.0, calls, puts)


def fit_stochastic_volatility(
    model: Model,
    years: NDArray[np.float64],
    moneyness: NDArray[np.float64],
    volatility: NDArray[np.float64],
    weight: NDArray[np.float64],
    start: StochasticVolatility | None = None,
) -> StochasticVolatilityFit | Missing:
    """Fit by Levenberg-Marquardt: least squares of price errors over vega, which is error in volatility.

    Shape: every array (quotes,): years to expiry, log(strike / forward), market volatility, weight (one over its error).
    Raises: CallerError `heston.input`.
    Cost: 10 to 20 ms for 100 quotes once compiled (a few seconds for a new shape).
    """
    count = PARAMETERS[model]
    if len(years) < count:
        return Missing(
            model,
            "heston.few_quotes",
            f"{len(years)} quotes cannot tell {count} parameters",
            "give a whole chain",
        )
    if not all(np.isfinite(a).all() for a in (years, moneyness, volatility, weight)) or not (years > 0).all():
        raise CallerError("heston.input", "quotes are finite numbers, years above zero")
    first = start.vector() if start else _guess(years, volatility)
    layout = _Layout(years)
    price, vega = _black(moneyness, volatility * np.sqrt(years), np.sqrt(years))
    laid = [
        layout.lay(*one)
        for one in ((moneyness, 0.0), (price, 0.0), (np.maximum(vega, VEGA_MIN), 1.0), (weight, 0.0))
    ]
    vector, iterations = _search(jnp.asarray(first[:count]), layout.expiries, *laid, count=count)
    fitted = np.zeros(8)
    fitted[:count] = np.asarray(vector)
    if not np.isfinite(fitted).all():
        return Missing(
            model,
            "heston.diverged",
            "the search left the model's domain",
            "give another start, or fewer wild quotes",
        )
    calls = layout.back(_calls(jnp.asarray(fitted[:count]), layout.expiries, laid[0]))
    residual = (calls - price) / np.maximum(vega, VEGA_MIN)
    return StochasticVolatilityFit(
        model=model,
        parameters=_struct(fitted),
        error_vols=float(np.sqrt(np.average(residual**2, weights=weight**2))),
        error_vols_max=float(np.abs(residual).max()),
        residual_vols=residual,
        iterations=int(iterations),
    )


def _struct(vector: NDArray[np.float64]) -> StochasticVolatility:
    return msgspec.convert(
        dict(zip(StochasticVolatility.__struct_fields__, vector.tolist(), strict=True)), StochasticVolatility
    )


def _exponent(u: Array, years: Array, p: Array) -> Array:
    """Return the log of the characteristic function of log(S / F) at complex u. Shape: p (5,) or (8,)."""
    variance, reversion, long_variance, vol, correlation = p[0], p[1], p[2], p[3], p[4]
    iu = 1j * u
    b = reversion - correlation * vol * iu
    d = jnp.sqrt(b * b + vol * vol * (iu + u * u))
    g = (b - d) / (b + d)
    e = jnp.exp(-d * years)
    c = reversion * long_variance / (vol * vol) * ((b - d) * years - 2.0 * jnp.log((1.0 - g * e) / (1.0 - g)))
    whole = c + (b - d) / (vol * vol) * (1.0 - e) / (1.0 - g * e) * variance
    if p.shape[0] == PARAMETERS["bates"]:
        rate, mean, deviation = p[5], p[6], p[7]
        drift = jnp.exp(mean + 0.5 * deviation**2) - 1.0
        whole += rate * years * (jnp.exp(iu * mean - 0.5 * deviation**2 * u * u) - 1.0 - iu * drift)
    return whole


def _decay(p: Array, years: Array) -> tuple[Array, Array]:
    """Return total expected variance by expiry, and the rate of exponential decay of the characteristic function."""
    reverted = (1.0 - jnp.exp(-p[1] * years)) / p[1]
    total = p[2] * years + (p[0] - p[2]) * reverted
    rate = jnp.sqrt(1.0 - p[4] ** 2) * (p[0] + p[1] * p[2] * years) / p[3]
    return total, rate


def _grid(p: Array, expiries: Array, moneyness: Array, nodes: int = NODES, margin: float = 1.0) -> Grid:
    variance, rate = _decay(p, expiries)
    return grid_of(variance, rate, moneyness, nodes, margin)


@jax.jit
def _calls(p: Array, expiries: Array, moneyness: Array) -> Array:
    return call_over_forward(_exponent, p, expiries, _grid(p, expiries, moneyness))


def _bounded(x: Array, count: int) -> Array:
    """Turn free numbers into parameters within their bounds, by a logistic curve."""
    low, high = jnp.array(LOW[:count]), jnp.array(HIGH[:count])
    return low + (high - low) * jax.nn.sigmoid(x)


def _free(p: Array, count: int) -> Array:
    low, high = jnp.array(LOW[:count]), jnp.array(HIGH[:count])
    share = jnp.clip((p - low) / (high - low), 1e-6, 1.0 - 1e-6)
    return jnp.log(share / (1.0 - share))


@partial(jax.jit, static_argnames=("count",))
def _search(
    start: Array, expiries: Array, moneyness: Array, price: Array, vega: Array, weight: Array, *, count: int
) -> tuple[Array, Array]:
    """Return the parameters that Levenberg-Marquardt ends with, and its iterations."""

    grid = _grid(start, expiries, moneyness, NODES_SEARCH, MARGIN_SEARCH)

    def residual(x: Array) -> Array:
        calls = call_over_forward(_exponent, _bounded(x, count), expiries, grid)
        return (weight * (calls - price) / vega).ravel()

    jacobian = jax.jacfwd(residual)

    def step(state: tuple[Array, ...]) -> tuple[Array, ...]:
        x, error, r, j, damping, iterations, _ = state
        normal = j.T @ j
        lifted = normal + damping * jnp.diag(jnp.diag(normal) + 1e-12)
        trial = x - jnp.linalg.solve(lifted, j.T @ r)
        r_trial = residual(trial)
        error_trial = r_trial @ r_trial
        better = error_trial < error
        moved = jnp.abs(trial - x).max() > STEP_MIN
        gain = jnp.where(better, (error - error_trial) / (error + 1e-300), jnp.where(moved, 1.0, 0.0))
        j_next = jax.lax.cond(better, jacobian, partial(_kept, j), trial)
        return (
            jnp.where(better, trial, x),
            jnp.where(better, error_trial, error),
            jnp.where(better, r_trial, r),
            j_next,
            jnp.where(better, damping * 0.2, damping * 6.0),
            iterations + 1,
            gain,
        )

    def goes_on(state: tuple[Array, ...]) -> Array:
        _, error, _, _, damping, iterations, gain = state
        return (iterations < ITERATIONS_MAX) & (gain > GAIN_MIN) & (damping < DAMPING_MAX) & (error > exact)

    exact = ERROR_VOLS_MIN**2 * (weight * weight).sum()
    x = _free(start, count)
    r = residual(x)
    first = (x, r @ r, r, jacobian(x), jnp.array(1e-2), jnp.array(0), jnp.array(1.0))
    ended = jax.lax.while_loop(goes_on, step, first)
    return _bounded(ended[0], count), ended[5]


def _kept(value: Array, _: Array) -> Array:
    return value


class _Layout:
    """Quotes as a table of expiries by quotes, padded to few shapes. Shape: expiries (e,), place (n,) in the flat table."""

    def __init__(self, years: NDArray[np.float64]) -> None:
        expiries, expiry_of = np.unique(years, return_inverse=True)
        order = np.argsort(expiry_of, kind="stable")
        first = np.searchsorted(expiry_of[order], np.arange(len(expiries)))
        rank = np.empty(len(years), dtype=np.int64)
        rank[order] = np.arange(len(years)) - first[expiry_of[order]]
        rows = -(-len(expiries) // EXPIRIES_STEP) * EXPIRIES_STEP
        columns = -(-(int(rank.max()) + 1) // QUOTES_STEP) * QUOTES_STEP
        self.expiries = np.concatenate([expiries, np.full(rows - len(expiries), expiries[-1])])
        self._shape = (rows, columns)
        self._place = expiry_of * columns + rank

    def lay(self, values: NDArray[np.float64], fill: float) -> NDArray[np.float64]:
        """Return values by expiry and quote, `fill` where there is no quote."""
        table = np.full(self._shape, fill)
        table.reshape(-1)[self._place] = values
        return table

    def back(self, table: Array) -> NDArray[np.float64]:
        """Return the entries of a table in the order of the quotes."""
        return np.asarray(table).reshape(-1)[self._place]


def _black(
    moneyness: NDArray[np.float64], deviation: NDArray[np.float64], root_years: NDArray[np.float64]
) -> tuple[Any, Any]:
    """Return call over forward and its vega, both undiscounted."""
    d1 = -moneyness / deviation + 0.5 * deviation
    cdf = jax.scipy.stats.norm.cdf
    price = np.asarray(cdf(d1) - np.exp(moneyness) * cdf(d1 - deviation))
    return price, np.exp(-0.5 * d1 * d1) / np.sqrt(2.0 * np.pi) * root_years


def _guess(years: NDArray[np.float64], volatility: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a start: today's variance from the shortest expiry, the long one from the longest, a usual smile."""
    short = float(np.median(volatility[years == years.min()])) ** 2
    long = float(np.median(volatility[years == years.max()])) ** 2
    return np.array([short, 3.0, long, 1.5, -0.3, 1.0, -0.05, 0.15])
