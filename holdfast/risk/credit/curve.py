"""Hazard curve: the probability that a counterparty survives, piecewise constant in hazard, from its spreads.

Rules:

1. survival(t) = exp(-sum of hazard x time); beyond the last tenor the last hazard goes on.
2. A curve from spreads reprices every quoted default swap to zero: premium paid quarterly with accrual to default,
   protection pays 1 - recovery, both discounted at one flat rate, integrated exactly inside each period.
3. Spreads that no survival curve can have (a later tenor so low that its hazard would be negative) are refused.

Source: O'Kane, Turnbull (2003), Valuation of credit default swaps; Hull, White (2000).
Limits: no holiday calendar or IMM dates. Crypto venues have no quoted swaps: spreads then come from their bonds or
loans, or a hazard is assumed (`flat`), and the result is as good as that assumption.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.error import CallerError
from holdfast.risk.missing import Missing

PERIOD_YEARS: Final = 0.25
HAZARD_MAX: Final = 100.0
_STEPS: Final = 200


class HazardCurve(msgspec.Struct, frozen=True):
    """Hazards up to each tenor. Units: tenors years ascending, hazards a year, recovery 0 to 1 of the claim.

    Raises: CallerError `hazard.curve`.
    """

    tenors: tuple[float, ...]
    hazards: tuple[float, ...]
    recovery: float = 0.4

    def __post_init__(self) -> None:
        wrong = ""
        if not self.tenors or len(self.tenors) != len(self.hazards):
            wrong = "a curve needs one hazard a tenor"
        elif not self.tenors[0] > 0.0 or not all(a < b for a, b in pairwise(self.tenors)):
            wrong = "tenors must ascend above 0"
        elif not all(0.0 <= hazard < math.inf for hazard in self.hazards):
            wrong = "a hazard is negative or no number"
        elif not 0.0 <= self.recovery < 1.0:
            wrong = f"recovery {self.recovery:g} is not in [0, 1)"
        if wrong:
            raise CallerError("hazard.curve", wrong)

    def survival(self, years: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Return the probability of no default by a time. Shape: as `years`.

        >>> float(HazardCurve((1.0,), (0.1,)).survival(2.0)) == math.exp(-0.2)
        True
        """
        edges = np.concatenate(([0.0], self.tenors[:-1]))
        hazards = np.array(self.hazards)
        before = np.concatenate(
            ([0.0], np.cumsum(hazards[:-1] * np.diff(np.array(self.tenors), prepend=0.0)[:-1]))
        )
        time = np.asarray(years, dtype=np.float64)
        part = np.clip(np.searchsorted(edges, time, side="right") - 1, 0, len(edges) - 1)
        return np.exp(-(before[part] + hazards[part] * (time - edges[part])))

    def default_probabilities(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probability of default between each time and the next. Shape: (dates - 1,)."""
        return -np.diff(self.survival(times))


def flat(hazard: float, recovery: float = 0.4) -> HazardCurve:
    """Return a curve of one hazard: an assumption, not a quote."""
    return HazardCurve((1.0,), (hazard,), recovery)


def from_spreads(
    tenors: Sequence[float], spreads: Sequence[float], *, recovery: float = 0.4, rate: float = 0.0
) -> HazardCurve | Missing:
    """Return the curve that reprices default swaps of these tenors, or what makes it impossible.

    Units: tenors whole quarters in years, spreads fractions a year (0.01: 100 basis points), rate continuous a year.
    Raises: CallerError `hazard.spreads` where inputs are not spreads at all.
    """
    quarters = [round(tenor / PERIOD_YEARS) for tenor in tenors]
    if (
        not tenors
        or len(tenors) != len(spreads)
        or any(abs(q * PERIOD_YEARS - t) > 1e-9 or q < 1 for q, t in zip(quarters, tenors, strict=True))
        or any(b <= a for a, b in pairwise(quarters))
        or not all(0.0 <= spread < math.inf for spread in spreads)
    ):
        raise CallerError(
            "hazard.spreads", "tenors must be ascending whole quarters, each with a spread of at least 0"
        )
    hazards: list[float] = []
    for number, spread in enumerate(spreads):
        lowest = _swap_value(quarters, [*hazards, 0.0], spread, recovery, rate)
        highest = _swap_value(quarters, [*hazards, HAZARD_MAX], spread, recovery, rate)
        if lowest > 0.0 or highest < 0.0:
            side = "below 0" if lowest > 0.0 else f"above {HAZARD_MAX:g} a year"
            return Missing(
                f"tenor {tenors[number]:g} years", "hazard.arbitrage", f"its spread needs a hazard {side}",
                "check the quotes: they are not of one issuer at one time",
            )  # fmt: skip
        hazards.append(_root(quarters, hazards, spread, recovery, rate))
    return HazardCurve(tuple(float(t) for t in tenors), tuple(hazards), recovery)


def _root(quarters: list[int], known: list[float], spread: float, recovery: float, rate: float) -> float:
    """Bisect the last hazard: the value of protection rises with it."""
    low, high = 0.0, HAZARD_MAX
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        if _swap_value(quarters, [*known, middle], spread, recovery, rate) < 0.0:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def _swap_value(
    quarters: list[int], hazards: list[float], spread: float, recovery: float, rate: float
) -> float:
    """Return protection less premium, for one unit, of the swap to the last tenor that has a hazard."""
    value, survival = 0.0, 1.0
    first = 0
    for last, hazard in zip(quarters, hazards, strict=False):
        for quarter in range(first, last):
            discount = math.exp(-rate * quarter * PERIOD_YEARS)
            both = hazard + rate
            decay = math.exp(-both * PERIOD_YEARS)
            # integrals over the quarter of e^(-both u) and of u e^(-both u)
            if both * PERIOD_YEARS > 1e-6:
                whole = (1.0 - decay) / both
                first_moment = (whole - PERIOD_YEARS * decay) / both
            else:
                whole = PERIOD_YEARS * (1.0 - 0.5 * both * PERIOD_YEARS)
                first_moment = 0.5 * PERIOD_YEARS**2
            protection = (1.0 - recovery) * hazard * whole
            premium = spread * (PERIOD_YEARS * decay + hazard * first_moment)
            value += discount * survival * (protection - premium)
            survival *= math.exp(-hazard * PERIOD_YEARS)
        first = last
    return value
