"""Derive PMRM2 terms: the venue's parameters and one account, in the shape that the rules take them.

Rules:

1. Every number of the venue is here or in a parameter file; `derive_pmrm2_rules.py` has none of its own but the settlement
   window and the reference term, which are no parameters of the venue.
2. Shocks are factors as the venue writes them: spot 1.18 is eighteen per cent up.

Source: Derive documentation, Portfolio Manager parameters; derivexyz/v2-core, IPMRMLib_2 (names).
"""

from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

Direction = Literal["up", "none", "down", "linear", "abs"]


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Spot times `spot`, volatility moved by `direction`, profit times `damping`. Linear and abs tilt the smile instead."""

    spot: float
    direction: Direction
    damping: float = 1.0

    @property
    def tilts(self) -> bool:
        """Tell whether the smile is tilted and forwards stay."""
        return self.direction in ("linear", "abs")


class VolatilityShock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Volatility times 1 + range_up x (30 days / term)^power, or 1 - range_down x the same; up to no less than `up_min`."""

    range_up: float
    range_down: float
    short_power: float
    long_power: float
    floor_days: float
    up_min: float


class SkewShock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The tilt grows with log-moneyness up to cap + slope x sqrt(years), reached where the smile is taken to be flat."""

    linear_cap: float
    linear_slope: float
    abs_cap: float
    abs_slope: float
    width_min: float
    width_scale: float
    volatility_static: float
    volatility_scale: float


class LossFactors(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the worst loss is multiplied by, and how an expiry's shocked value is discounted while long or short."""

    im: float
    mm: float
    short_rate_scale: float
    short_rate_add: float
    long_rate_scale: float
    long_rate_add: float
    long_discount: float
    short_discount: float


class BasisShock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Each expiry loses the worse of two spot moves, times add + by_years x years, as if no two forwards moved alike."""

    spot_up: float
    spot_down: float
    add: float
    by_years: float


class Contingency(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Shares of notional on top; `im_*` come on top of `mm_*`, not in their place."""

    peg_threshold: float
    peg_factor: float
    confidence_threshold: float
    confidence_factor: float
    mm_perp: float
    im_perp: float
    mm_option: float
    im_option: float


class Pmrm2Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything that Derive sets for the accounts of one underlying asset."""

    scenarios: tuple[Scenario, ...]
    volatility: VolatilityShock
    skew: SkewShock
    factors: LossFactors
    basis: BasisShock
    contingency: Contingency


class Collateral(msgspec.Struct, frozen=True, kw_only=True):
    """A coin other than the cash. Units: price in dollars; haircuts of its value, `im_haircut` on top of `mm_haircut`.

    `cancels_risk`: it moves one for one with the underlying asset in the scenarios.
    """

    name: str
    amount: float
    price: float
    mm_haircut: float
    im_haircut: float
    confidence: float = 1.0
    cancels_risk: bool = False


class Expiry(msgspec.Struct, frozen=True, kw_only=True):
    """The options of one expiry. Shape: strikes, volatilities, quantities, signs (n,); signs +1 call, -1 put.

    Units: seconds to expiry, zero or less once expired; rate continuous; confidence the least of its feeds.
    """

    seconds: float
    forward: float
    rate: float
    strikes: NDArray[np.float64]
    volatilities: NDArray[np.float64]
    quantities: NDArray[np.float64]
    signs: NDArray[np.float64]
    confidence: float = 1.0


class Pmrm2Account(msgspec.Struct, frozen=True, kw_only=True):
    """One account. Units: cash, perp_profit (with funding) in the stable coin; prices in dollars; perps in asset units."""

    spot: float
    cash: float = 0.0
    spot_confidence: float = 1.0
    stable_price: float = 1.0
    perps: float = 0.0
    perp_price: float = 0.0
    perp_confidence: float = 1.0
    perp_profit: float = 0.0
    collaterals: tuple[Collateral, ...] = ()
    expiries: tuple[Expiry, ...] = ()


class Pmrm2Margin(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules say. `im` and `mm` as Derive states them: value left after the requirement, below zero a call.

    Shape: profits (scenarios,), in the order of the parameters, losses negative. `worst` is the number of the scenario that
    counts, -1 for the basis contingency.
    """

    im: float
    mm: float
    value: float
    profits: tuple[float, ...]
    worst: int
    basis_contingency: float
    im_contingency: float
    mm_contingency: float
    im_factor: float
    options_value: float
    collateral_value: float
