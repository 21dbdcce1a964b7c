"""Monte Carlo in JAX: the model of `monte_carlo.py` on a GPU where one is at hand, on the CPU otherwise (extra `risk`).

Rules:

1. The same equations, other random numbers: it agrees with the numpy one within Monte Carlo error, not draw by draw.
2. 64-bit floats. The same seed gives the same numbers on one kind of device; another kind may differ in the last bits.

Source: `bates.py`, `copula.py`, `volatility_walk.py`.
"""

import math
from functools import partial
from typing import Any

import numpy as np

from holdfast.risk.jax_setup import jax, jnp
from holdfast.risk.shock import REFERENCE_YEARS
from holdfast.risk.var.bates import QE_SWITCH, STEP_YEARS
from holdfast.risk.var.monte_carlo import MODEL, JointModel
from holdfast.risk.var.sample import Sample


def monte_carlo_jax(
    model: JointModel, *, horizon_years: float, paths: int, seed: int, step_years: float = STEP_YEARS
) -> Sample:
    """Draw joint moves at the horizon, as `monte_carlo` does; the whole of it is one compiled program.

    Cost: a compilation of a second or two for each number of paths, steps, assets and factors.
    """
    steps = max(math.ceil(horizon_years / step_years - 1e-9), 1)
    column = {factor: number for number, factor in enumerate(model.factors)}
    spots = tuple(column[asset, "spot"] for asset in model.assets)
    walked = tuple(number for number, walk in enumerate(model.walks) if walk is not None)
    walks = [walk for walk in model.walks if walk is not None]
    volatile = tuple(column[model.assets[number], "volatility"] for number in walked)
    margins = np.array(
        [
            (
                one.variance, one.mean_variance, one.reversion, one.volatility_of_variance, one.correlation,
                one.jumps.a_year, one.jumps.mean, one.jumps.deviation, one.compensator,
            )
            for one in model.margins
        ]
    ).T  # fmt: skip
    walking = np.array(
        [
            (one.deviation, one.reversion, one.jumps.a_year, one.jumps.mean, one.jumps.deviation)
            for one in walks
        ]
    ).T.reshape(5, len(walks))
    spot, shift = _draw(
        jax.random.key(seed), margins, walking, np.linalg.cholesky(model.copula.correlation), model.copula.freedom,
        horizon_years, paths=paths, steps=steps, spots=spots, walked=walked, volatile=volatile,
    )  # fmt: skip
    return Sample(
        model=f"{MODEL}, {jax.devices()[0].platform}",
        horizon_years=horizon_years,
        assets=model.assets,
        spot_log=np.ascontiguousarray(np.asarray(spot).T),
        volatility_shift=np.ascontiguousarray(np.asarray(shift).T),
        weights=np.full(paths, 1.0 / paths),
        moves_volatility=(True,) * len(model.assets),
        notes=model.notes,
    )


@partial(jax.jit, static_argnames=("paths", "steps", "spots", "walked", "volatile"))
def _draw(
    key: Any, margins: Any, walking: Any, root: Any, freedom: Any, horizon: Any, *, paths: int, steps: int,
    spots: tuple[int, ...], walked: tuple[int, ...], volatile: tuple[int, ...],
) -> tuple[Any, Any]:  # fmt: skip
    """Return spot moves and volatility shifts. Shape: (assets, paths) each."""
    for_order, for_mixing, for_paths, for_jumps, for_walks = jax.random.split(key, 5)
    normals = jax.random.normal(for_order, (paths, root.shape[0])) @ root.T
    mixing = 2.0 * jax.random.gamma(for_mixing, 0.5 * freedom, (paths,))
    order = (normals / jnp.sqrt(mixing / freedom)[:, None]).T
    moves, shifts = _margins(for_paths, for_jumps, margins, horizon, paths, steps)
    by_size = jnp.argsort(moves, axis=1)
    place = jnp.argsort(order[jnp.array(spots)], axis=1)
    rows = jnp.arange(len(spots))[:, None]
    spot = jnp.zeros_like(moves).at[rows, place].set(jnp.take_along_axis(moves, by_size, axis=1))
    shift = jnp.zeros_like(moves).at[rows, place].set(jnp.take_along_axis(shifts, by_size, axis=1))
    if walked:
        ordered = jnp.sort(_walks(for_walks, walking, horizon, paths), axis=1)
        place = jnp.argsort(order[jnp.array(volatile)], axis=1)
        shift = shift.at[jnp.array(walked)[:, None], place].set(ordered)
    return spot, shift


def _margins(
    for_paths: Any, for_jumps: Any, margins: Any, horizon: Any, paths: int, steps: int
) -> tuple[Any, Any]:
    """Return each asset's own moves and shifts, Andersen's scheme as in `bates.py`. Shape: (assets, paths) each."""
    start, mean, reversion, wander, correlation, a_year, jump, deviation, compensator = (
        one[:, None] for one in margins
    )
    shape = (margins.shape[1], paths)
    step = horizon / steps
    held = jnp.exp(-reversion * step)
    by_start = wander**2 * held / reversion * (1.0 - held)
    by_mean = mean * wander**2 / (2.0 * reversion) * (1.0 - held) ** 2
    ratio = correlation / wander
    half = 0.5 * step * (reversion * ratio - 0.5)
    own = 0.5 * step * (1.0 - correlation**2)

    def one_step(state: tuple[Any, Any], key: Any) -> tuple[tuple[Any, Any], None]:
        move, before = state
        price, volatility, zero_or_not = jax.random.split(key, 3)
        centre = mean + (before - mean) * held
        psi = (before * by_start + by_mean) / centre**2
        inverse = 2.0 / jnp.minimum(psi, QE_SWITCH)
        square = inverse - 1.0 + jnp.sqrt(inverse * (inverse - 1.0))
        near = centre / (1.0 + square) * (jnp.sqrt(square) + jax.random.normal(volatility, shape)) ** 2
        uniform = jax.random.uniform(zero_or_not, shape)
        zero = (psi - 1.0) / (psi + 1.0)
        far = jnp.log(jnp.maximum((1.0 - zero) / (1.0 - uniform), 1.0)) * centre / (1.0 - zero)
        after = jnp.where(psi <= QE_SWITCH, near, far)
        move += (half - ratio) * before + (half + ratio) * after - ratio * reversion * mean * step
        move += jnp.sqrt(own * (before + after)) * jax.random.normal(price, shape)
        return (move, after), None

    begin = jnp.zeros(shape), jnp.broadcast_to(start, shape)
    (move, variance), _ = jax.lax.scan(one_step, begin, jax.random.split(for_paths, steps))
    move += _jumps(for_jumps, a_year * horizon, jump, deviation, shape) - compensator * horizon
    weight = -jnp.expm1(-reversion * REFERENCE_YEARS) / (reversion * REFERENCE_YEARS)
    always = mean * (1.0 - weight) + a_year * (jump**2 + deviation**2)
    return move, jnp.sqrt((variance * weight + always) / (start * weight + always)) - 1.0


def _walks(key: Any, walking: Any, horizon: Any, paths: int) -> Any:
    """Return relative shifts of the volatilities that have a history, as `volatility_walk.py` does."""
    deviation, reversion, a_year, jump, jump_deviation = (one[:, None] for one in walking)
    shape = (walking.shape[1], paths)
    for_moves, for_jumps = jax.random.split(key)
    safe = jnp.where(reversion == 0.0, 1.0, reversion)
    span = jnp.where(reversion == 0.0, horizon, -jnp.expm1(-2.0 * safe * horizon) / (2.0 * safe))
    moves = deviation * jnp.sqrt(span) * jax.random.normal(for_moves, shape)
    moves += _jumps(for_jumps, a_year * horizon, jump, jump_deviation, shape) - a_year * jump * horizon
    return jnp.expm1(moves)


def _jumps(key: Any, number_mean: Any, mean: Any, deviation: Any, shape: tuple[int, int]) -> Any:
    how_many, sizes = jax.random.split(key)
    number = jax.random.poisson(how_many, jnp.broadcast_to(number_mean, shape)).astype(jnp.float64)
    return number * mean + jnp.sqrt(number) * deviation * jax.random.normal(sizes, shape)
