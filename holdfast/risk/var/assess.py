"""Assess: one sample against one portfolio: revalued in full, measured, split into parts, its tail fitted.

Rules:

1. What the sample does not move is told and left out; everything else is in the numbers.
2. A part that is refused (too few scenarios for a level, no tail) is a `Missing` in its place; the rest stands.
"""

from collections.abc import Collection, Sequence
from typing import Final, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.risk.legs import Legs
from holdfast.risk.missing import Missing
from holdfast.risk.revalue import profits_by
from holdfast.risk.var.contribution import Contributions, contributions
from holdfast.risk.var.measure import RiskMeasure, measures
from holdfast.risk.var.sample import Sample, covered, shocks_of
from holdfast.risk.var.tail import Tail, tail_of

LEVELS: Final = (0.95, 0.99)

Part = Literal["position", "asset", "account"]


class Assessment(msgspec.Struct, frozen=True, kw_only=True):
    """What a model says of a portfolio. Shape: profits (scenarios,) in base currency; measures one a level.

    `tail` is fitted where scenarios are equally likely and do not overlap, else refused.
    """

    model: str
    horizon_years: float
    profits: NDArray[np.float64]
    measures: tuple[RiskMeasure | Missing, ...]
    parts: Contributions | Missing
    tail: Tail | Missing
    missing: tuple[Missing, ...]
    notes: tuple[str, ...]


def assess(
    legs: Legs,
    sample: Sample,
    *,
    levels: Sequence[float] = LEVELS,
    by: Part = "position",
    part_level: float = 0.99,
    constant: Collection[str] = (),
) -> Assessment:
    """Revalue the legs under a sample and measure what comes out.

    `by` names what the parts are: a position, all of one asset, all of one account; `constant` assets that do not move.
    Raises: CallerError `measure.level` for a level outside (0, 1).
    Cost: one revaluation of every leg in every scenario, 8 bytes a part and scenario, two sorts a part.
    """
    held = covered(legs, sample, constant=constant)
    numbers, groups = np.unique(held.legs[by], return_inverse=True)
    parts = profits_by(
        held, shocks_of(sample, held, constant=constant), groups.astype(np.int64), len(numbers)
    )
    profits = parts.sum(axis=0) if len(numbers) else np.zeros(len(sample.weights))
    even = bool((sample.weights == sample.weights[0]).all())
    weights = None if even else sample.weights
    split = contributions(
        parts,
        [_name(held, by, int(number)) for number in numbers],
        part_level,
        model=sample.model,
        horizon_years=sample.horizon_years,
        weights=weights,
    )
    if not even or sample.overlap > 1:
        reason = "its scenarios are not independent and equally likely"
        tail = Missing(sample.model, "tail.dependent", reason, "fit the tail of another model's sample")
    else:
        tail = tail_of(profits, model=sample.model)
    return Assessment(
        model=sample.model,
        horizon_years=sample.horizon_years,
        profits=profits,
        measures=measures(
            profits,
            levels,
            model=sample.model,
            horizon_years=sample.horizon_years,
            weights=weights,
            overlap=sample.overlap,
        ),
        parts=split,
        tail=tail,
        missing=held.missing,
        notes=sample.notes,
    )


def _name(legs: Legs, by: Part, number: int) -> str:
    if by == "asset":
        return legs.assets[number]
    if by == "account":
        return "/".join(legs.accounts[number])
    return legs.names[int(np.argmax(legs.legs["position"] == number))]
