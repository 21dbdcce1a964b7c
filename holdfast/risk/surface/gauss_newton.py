"""Gauss-Newton: a few parameters moved to the least robust error of many quotes, damped, with derivatives by differences.

For models with a handful of parameters that are fitted now and then; what runs on every tick has its own kernel
(`svi_descent.py`).
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

STEPS_MAX: Final = 60
GAIN_MIN: Final = 1e-8  # relative
STEP: Final = 1e-6

Vector = NDArray[np.float64]


def least_errors(errors: Callable[[Vector], Vector], start: Vector) -> Vector:
    """Return the parameters of the least Huber error: squares up to 1, linear beyond.

    Shape: errors maps (p,) to (n,), in half-spreads of the quotes. Limits: a local minimum; start near it.
    Cost: 2 p + 1 calls of errors a step, some ten steps.

    >>> x = np.arange(5.0)
    >>> least_errors(lambda line: line[0] + line[1] * x - (1.0 + 2.0 * x), np.zeros(2)).round(6).tolist()
    [1.0, 2.0]
    """
    point, now = start.copy(), errors(start)
    cost = _huber(now)
    damping = 1e-3
    for _ in range(STEPS_MAX):
        weight = 1.0 / np.maximum(np.abs(now), 1.0)
        jacobian = np.stack(
            [(errors(point + shift) - errors(point - shift)) / (2.0 * STEP) for shift in STEP * np.eye(len(point))], 1
        )  # fmt: skip
        normal = jacobian.T @ (weight[:, None] * jacobian)
        slope = jacobian.T @ (weight * now)
        scale = np.diag(np.diag(normal) + 1e-12)
        while damping < 1e8:
            trial = point - np.linalg.solve(normal + damping * scale, slope)
            then = errors(trial)
            new_cost = _huber(then)
            if new_cost < cost:
                break
            damping *= 8.0
        else:
            return point
        gain = cost - new_cost
        point, now, cost = trial, then, new_cost
        damping = max(0.1 * damping, 1e-9)
        if gain < GAIN_MIN * (cost + 1e-12):
            return point
    return point


def _huber(errors: Vector) -> float:
    size = np.abs(errors)
    cost = float(np.sum(np.where(size <= 1.0, size * size, 2.0 * size - 1.0)))
    return cost if np.isfinite(cost) else float("inf")
