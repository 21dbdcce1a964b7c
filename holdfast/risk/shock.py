"""Shock: what a scenario does to the market, as arrays: one row a scenario, one column an asset.

Rules:

1. Spot moves by exp(spot_log); forwards move with it, times exp(rate_shift x years); a perpetual's or future's
   mark moves by exp(basis_log) more.
2. Volatility becomes volatility x (1 + volatility_shift x weight), weight (30 days / years)^term_power up to WEIGHT_MAX;
   then skew_shift x log(strike / forward) / sqrt(years) is added. It never falls below VOLATILITY_MIN.
3. Options keep the volatility of their strike (`sticky` strike), or of their moneyness: by the slope of the smile times the
   log move of their forward.
4. `horizon_years` pass for every option before it is revalued: its forward stays, its discount factor keeps its rate.
5. rate_shift is a move of the rate of the quote currency: what is paid in quote currency is discounted by exp(-rate_shift x
   years) more; what is paid in coin is not, its forward having moved already.
"""

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

VOLATILITY_MIN: Final = 0.01
WEIGHT_MAX: Final = 3.0
REFERENCE_YEARS: Final = 30.0 / 365.0


class Shocks(msgspec.Struct, frozen=True, kw_only=True):
    """Scenarios. Shape: every array (scenarios, assets), assets as in `Legs.assets`; base currency's column is zero.

    Units: spot_log, basis_log natural logs; volatility_shift relative (0.2: a fifth higher); skew_shift volatility for one
    unit of log-moneyness over the root of years; rate_shift fractions a year.
    """

    spot_log: NDArray[np.float64]
    volatility_shift: NDArray[np.float64]
    basis_log: NDArray[np.float64]
    skew_shift: NDArray[np.float64]
    rate_shift: NDArray[np.float64]
    term_power: float = 0.5
    horizon_years: float = 0.0
    sticky_moneyness: bool = False

    @property
    def count(self) -> int:
        """Return the number of scenarios."""
        return self.spot_log.shape[0]


def no_shocks(scenarios: int, assets: int, **named: float | bool) -> Shocks:
    """Return scenarios in which nothing happens, each array of its own to be written into."""
    arrays = {
        name: np.zeros((scenarios, assets))
        for name in ("spot_log", "volatility_shift", "basis_log", "skew_shift", "rate_shift")
    }
    return Shocks(**arrays, **named)  # pyright: ignore[reportArgumentType]
