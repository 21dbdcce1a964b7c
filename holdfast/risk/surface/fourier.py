"""Fourier: call prices from the characteristic function of the log-forward, by Lewis' single integral.

call / forward = 1 - sqrt(K/F) / pi x integral over u of Re[exp(-i u k) phi(u - i/2)] / (u^2 + 1/4), k = log(K / F).

The integral is cut where the integrand is below 1e-16 and done by Gauss-Legendre in the root of u (which keeps the poles at
+-i/2 away), so that its gradient by the parameters is as exact as itself. Needs the extra `risk`.
Source: Lewis (2001), A simple option formula for general jump-diffusion and other exponential Levy processes, eq. 3.11.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np

from holdfast.risk.jax_setup import jax, jnp

NODES: Final = 128
DECAY: Final = 38.0  # exp(-38) is 3e-17

Array = Any
Exponent = Callable[[Array, Array, Array], Array]
"""(u, years, parameters) -> log of the characteristic function at complex u."""


class Grid(NamedTuple):
    """Where the integral is looked at. Shape: u, weight (expiries, nodes); wave_cos, wave_sin (expiries, quotes, nodes)."""

    u: Array
    weight: Array
    wave_cos: Array
    wave_sin: Array


def grid_of(variance: Array, rate: Array, moneyness: Array, nodes: int = NODES, margin: float = 1.0) -> Grid:
    """Return the grid for quotes at log(strike / forward) `moneyness`.

    Shape: moneyness (expiries, quotes); variance and rate (expiries,): total variance and the rate at which the integrand
    falls for large u, which choose where to cut, `margin` times further.
    """
    x, w = np.polynomial.legendre.leggauss(nodes)
    cut = margin * jnp.maximum(jnp.sqrt(2.0 * DECAY / variance), DECAY / rate)
    cut = jax.lax.stop_gradient(cut)[:, None]
    u = cut * (0.5 * (x + 1.0))[None, :] ** 2
    weight = cut * (0.5 * w * (x + 1.0))[None, :] / (u * u + 0.25)
    angle = u[:, None, :] * moneyness[:, :, None]
    lift = (jnp.exp(0.5 * moneyness) / jnp.pi)[:, :, None]
    return Grid(u, weight, lift * jnp.cos(angle), lift * jnp.sin(angle))


def call_over_forward(exponent: Exponent, parameters: Array, expiries: Array, grid: Grid) -> Array:
    """Return undiscounted call prices over the forward. Shape: expiries (expiries,) years, result (expiries, quotes)."""
    transform = jnp.exp(exponent(grid.u - 0.5j, expiries[:, None], parameters)) * grid.weight
    real = jnp.einsum("eqn,en->eq", grid.wave_cos, transform.real)
    return 1.0 - real - jnp.einsum("eqn,en->eq", grid.wave_sin, transform.imag)
