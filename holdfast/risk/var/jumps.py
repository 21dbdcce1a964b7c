"""Jumps: which returns were jumps and not the market's usual wandering, and what such jumps are like.

Source: Lee, Mykland (2008), Jumps in financial markets: a new nonparametric test and jump dynamics.
"""

import math
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.risk.draws import Generator

WINDOW: Final = 60  # returns whose bipower variation is the local variance that a jump stands out from
GUMBEL_99: Final = 4.600149  # one false jump in a hundred histories of that length
FLOOR: Final = 0.1  # of the history's own deviation: a market at rest is not one where everything is a jump
JUMPS_MIN: Final = 3  # below, they are drawn to either side with the size seen


class Jumps(msgspec.Struct, frozen=True):
    """A compound Poisson law. Units: number a year; mean and deviation of the size in natural logs."""

    a_year: float = 0.0
    mean: float = 0.0
    deviation: float = 0.0

    @property
    def mean_square(self) -> float:
        """Return what jumps add to a year's variance."""
        return self.a_year * (self.mean**2 + self.deviation**2)

    def draw(self, years: float, paths: int, draws: Generator) -> NDArray[np.float64]:
        """Return sums of the jumps within so many years. Shape: (paths,)."""
        number = draws.poisson(self.a_year * years, paths)
        return number * self.mean + np.sqrt(number) * self.deviation * draws.standard_normal(paths)


def jumped(returns: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which returns exceed what the bipower variation of the 60 before makes likely in a hundred such histories.

    The first 60 are judged by their own. Shape: (n,), n at least 62.
    Limits: several jumps in a row raise the bound for one another.
    """
    size = np.abs(returns)
    bipower = np.concatenate(([0.0], np.cumsum(size[1:] * size[:-1]))) * math.pi / 2.0
    ends = np.maximum(np.arange(len(returns)) - 1, WINDOW)  # a window that ends before the return it judges
    local = (bipower[ends] - bipower[ends - WINDOW]) / WINDOW
    root = math.sqrt(2.0 * math.log(len(returns)))
    bound = root - (math.log(math.pi) + math.log(math.log(len(returns)))) / (2.0 * root) + GUMBEL_99 / root
    return size > bound * np.sqrt(np.maximum(local, (FLOOR * returns.std()) ** 2))


def jumps_of(sizes: NDArray[np.float64], years: float, name: str) -> tuple[Jumps, tuple[str, ...]]:
    """Return the law of jumps of these sizes within so many years, and what it could not be told from."""
    if len(sizes) == 0:
        return Jumps(), (f"no jump of {name} in its history: none is drawn",)
    if len(sizes) < JUMPS_MIN:
        even = Jumps(len(sizes) / years, 0.0, float(np.sqrt((sizes**2).mean())))
        return even, (f"only {len(sizes)} of {name}'s returns jumped: drawn to either side",)
    return Jumps(len(sizes) / years, float(sizes.mean()), float(sizes.std(ddof=1))), ()
