"""Reserve: the capital a desk should hold against what it could lose, by adding up what does not diversify.

Rules:

1. Market: expected shortfall at a level and horizon. Stress: what the worst scenario loses beyond that. Liquidity: the
   cost of unwinding. Credit: loss on venues and counterparties that fail. Operational: a share of gross exposure.
2. Parts are added, not mixed: in a crash they come together. Each is told, so that a desk can see what it pays for.
3. A part that is not known makes the reserve a lower bound, and says so.
"""

from typing import Final

import msgspec

from holdfast.error import CallerError
from holdfast.risk.missing import Missing

OPERATIONAL_SHARE: Final = (
    0.002  # of gross exposure: our assumption, no venue or regulator states one for such desks
)


class Reserve(msgspec.Struct, frozen=True, kw_only=True):
    """What a desk should hold. Units: base currency. `is_lower_bound` where a part is missing."""

    total: float
    market: float
    stress: float
    liquidity: float
    credit: float
    operational: float
    equity: float
    missing: tuple[Missing, ...] = ()

    @property
    def is_lower_bound(self) -> bool:
        """Tell whether a part could not be computed."""
        return bool(self.missing)

    @property
    def surplus(self) -> float:
        """Return equity above the reserve, negative where the desk holds too little."""
        return self.equity - self.total


def measure_reserve(
    *,
    equity: float,
    gross: float,
    expected_shortfall: float | Missing,
    worst_scenario_loss: float | Missing,
    unwind_cost: float | Missing,
    credit_loss: float | Missing,
    operational_share: float = OPERATIONAL_SHARE,
) -> Reserve:
    """Return the reserve and its parts. Units: base currency, losses positive; gross is the sum of absolute exposures.

    Raises: CallerError `reserve.value` for a gross exposure or share below zero.

    >>> measure_reserve(equity=100.0, gross=0.0, expected_shortfall=20.0, worst_scenario_loss=50.0, unwind_cost=5.0,
    ...                 credit_loss=1.0).total
    56.0
    """
    if not (gross >= 0.0 and 0.0 <= operational_share <= 1.0):
        raise CallerError("reserve.value", "gross is at least 0, operational_share from 0 to 1")
    parts = (expected_shortfall, worst_scenario_loss, unwind_cost, credit_loss)
    market, worst, liquidity, credit = (
        0.0 if isinstance(part, Missing) else max(part, 0.0) for part in parts
    )
    stress = max(worst - market, 0.0)
    operational = operational_share * gross
    return Reserve(
        total=market + stress + liquidity + credit + operational,
        market=market,
        stress=stress,
        liquidity=liquidity,
        credit=credit,
        operational=operational,
        equity=equity,
        missing=tuple(part for part in parts if isinstance(part, Missing)),
    )
