"""Contribution: what each position brings to VaR and ES, so that the parts add up to the whole.

Rules:

1. Component: the derivative by the position's size times its size (Euler). For ES the mean of its loss over the tail, for
   VaR its mean loss where the whole loses VaR; there a local linear regression on the whole's loss, weighted by a
   kernel, gives parts that add up to VaR exactly.
2. Incremental: the whole less the whole without it, revalued on the same scenarios, so that the draws cancel.
3. A component may be negative: a hedge. Its standard error says whether that is known.

Source: Tasche (2000), Risk contributions and performance measurement; Gourieroux, Laurent, Scaillet (2000).
"""

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.error import CallerError
from holdfast.risk.missing import Missing
from holdfast.risk.var.measure import measure, tail_weights

NEIGHBOURS_MIN: Final = 30  # scenarios with weight around VaR, below which its parts are noise


class Contribution(msgspec.Struct, frozen=True, kw_only=True):
    """What one group of legs brings. Units: base currency, losses positive; errors are one standard deviation."""

    name: str
    component_var: float
    component_es: float
    component_var_error: float
    component_es_error: float
    incremental_var: float
    incremental_es: float


class Contributions(msgspec.Struct, frozen=True, kw_only=True):
    """A whole and its parts. `var` and `es` are the whole's and what the components add up to."""

    model: str
    level: float
    horizon_years: float
    var: float
    es: float
    parts: tuple[Contribution, ...]


def contributions(
    profits_by: NDArray[np.float64],
    names: Sequence[str],
    level: float,
    *,
    model: str,
    horizon_years: float,
    weights: NDArray[np.float64] | None = None,
) -> Contributions | Missing:
    """Split VaR and ES over groups of legs.

    Shape: profits_by (groups, scenarios) as `revalue.profits_by` returns, names (groups,), weights (scenarios,) adding up
    to one.
    Raises: CallerError `contribution.shape` where names and groups differ.
    Cost: one sort a group.
    Limits: component VaR is biased where a part turns sharply near VaR (a digital at its strike): ES is the steadier one.
    """
    if profits_by.ndim != 2 or len(profits_by) != len(names):
        raise CallerError("contribution.shape", f"{len(names)} names for profits of shape {profits_by.shape}")
    profits = profits_by.sum(axis=0)
    whole = measure(profits, level, model=model, horizon_years=horizon_years, weights=weights)
    if isinstance(whole, Missing):
        return whole
    order = np.argsort(-profits, kind="stable")
    losses = -profits_by.T[order]
    total = -profits[order]
    mass = np.full(len(total), 1.0 / len(total)) if weights is None else weights[order]
    tail = tail_weights(mass, level)
    near = _weights_at(total, mass, level, whole.var)
    component_es = tail @ losses
    component_var = near @ losses
    shares_es = np.sqrt(tail**2 @ (losses - component_es) ** 2)
    shares_var = np.sqrt(near**2 @ (losses - component_var) ** 2)
    parts: list[Contribution] = []
    for number, name in enumerate(names):
        rest = measure(
            profits - profits_by[number], level, model=model, horizon_years=horizon_years, weights=weights
        )
        assert not isinstance(rest, Missing)  # the same scenarios, finite as the whole's are
        parts.append(
            Contribution(
                name=name,
                component_var=float(component_var[number]),
                component_es=float(component_es[number]),
                component_var_error=float(shares_var[number]),
                component_es_error=float(shares_es[number]),
                incremental_var=whole.var - rest.var,
                incremental_es=whole.es - rest.es,
            )
        )
    return Contributions(
        model=model,
        level=level,
        horizon_years=horizon_years,
        var=whole.var,
        es=whole.es,
        parts=tuple(parts),
    )


def marginal(parts: Contributions, quantities: Sequence[float]) -> tuple[tuple[float, float], ...]:
    """Return what one more unit of each position adds to VaR and ES: its component over its size (zero for none held)."""
    return tuple(
        (part.component_var / size, part.component_es / size) if size else (0.0, 0.0)
        for part, size in zip(parts.parts, quantities, strict=True)
    )


def _weights_at(
    losses: NDArray[np.float64], mass: NDArray[np.float64], level: float, value: float
) -> NDArray[np.float64]:
    """Return weights on scenarios whose mean loss is VaR exactly: local linear regression, Epanechnikov kernel.

    The bandwidth is in ranks, a third of the tail or what holds enough neighbours, so that it is finer where scenarios
    are dense.
    """
    below = np.cumsum(mass)
    count = 1.0 / float(mass @ mass)
    half = max((1.0 - level) / 3.0, NEIGHBOURS_MIN / count)
    low, high = (int(np.searchsorted(below, share)) for share in (level - half, level + half))
    high = min(high, len(losses) - 1)
    width = max(losses[high] - value, value - losses[max(low, 0)], 1e-12 * max(abs(value), 1.0)) * (
        1.0 + 1e-9
    )
    kernel = mass * np.maximum(1.0 - ((losses - value) / width) ** 2, 0.0)
    away = losses - value
    first, second = float(kernel @ away), float(kernel @ away**2)
    weights = kernel * (second - first * away)
    total = float(weights.sum())
    return weights / total if total > 0.0 else kernel / kernel.sum()
