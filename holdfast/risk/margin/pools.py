"""Pools: margin that is separate by settlement currency, and the account's whole in base currency.

Rules:

1. A pool is one settlement currency: its equity, its requirements, in its own units. One pool's surplus does not stand
   for another's shortage.
2. The account's requirements are the pools' sums in base currency. Its equity is the requirement (maintenance) plus the
   smallest headroom of any pool that has a requirement or a debt: at zero the venue begins to liquidate, wherever that
   is. Without any, it is the pools' sum.
"""

from collections.abc import Iterable

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.risk.legs import CASH, Legs
from holdfast.risk.margin.base import MarginResult, ScenarioLoss
from holdfast.risk.missing import Missing
from holdfast.risk.revalue import values


class Pool(msgspec.Struct, frozen=True, kw_only=True):
    """One settlement currency's margin. Units: im, mm, equity, parts in `currency`; price: its price in base currency."""

    currency: str
    price: float
    im: float
    mm: float
    equity: float
    parts: dict[str, float] = {}


def settled_values(legs: Legs) -> NDArray[np.float64]:
    """Return each leg's value in units of what it settles in. Shape: (legs,)."""
    return values(legs) / legs.prices[legs.legs["settle"]]


def haircuts(legs: Legs, by_position: dict[int, float]) -> NDArray[np.float64]:
    """Return the share of each leg's value that counts: a balance's after its haircut, a debt's whole. Shape: (legs,)."""
    shares = np.ones(len(legs.legs))
    for row, leg in enumerate(legs.legs):
        if leg["kind"] == CASH and leg["quantity"] > 0.0:
            shares[row] -= by_position.get(int(leg["position"]), 0.0)
    return shares


def pooled(
    model: str,
    base_currency: str,
    pools: Iterable[Pool],
    parameters_from: str,
    missing: Iterable[Missing],
    scenarios: tuple[ScenarioLoss, ...] = (),
) -> MarginResult:
    """Return the account's margin of its pools, in base currency; each pool's parts are named `CURRENCY.part`."""
    known = tuple(pools)
    im = sum(pool.im * pool.price for pool in known)
    mm = sum(pool.mm * pool.price for pool in known)
    bound = [pool for pool in known if pool.mm > 0.0 or pool.equity < 0.0]
    if bound:
        headroom = min((pool.equity - pool.mm) * pool.price for pool in bound)
    else:
        headroom = sum(pool.equity * pool.price for pool in known)
    parts: dict[str, float] = {}
    for pool in known:
        own = {"im": pool.im, "mm": pool.mm, "equity": pool.equity, **pool.parts}
        parts |= {f"{pool.currency}.{name}": float(value) for name, value in own.items()}
    return MarginResult(
        model=model,
        currency=base_currency,
        im=float(im),
        mm=float(mm),
        equity=float(mm + headroom),
        scenarios=scenarios,
        parts=parts,
        parameters_from=parameters_from,
        missing=tuple(missing),
    )
