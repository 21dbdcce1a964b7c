"""Revalue: the full value of every leg under every shock. The one kernel that scenarios, VaR, margin and capital share."""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.risk.legs import CASH, INVERSE, LINEAR, OPTION_INVERSE, Legs
from holdfast.risk.pricing.black76 import black76_price
from holdfast.risk.shock import REFERENCE_YEARS, VOLATILITY_MIN, WEIGHT_MAX, Shocks, no_shocks


def values(legs: Legs) -> NDArray[np.float64]:
    """Return the value of each leg in base currency as the market stands. Shape: (legs,)."""
    return leg_values(legs, no_shocks(1, len(legs.assets)))[0]


def leg_values(legs: Legs, shocks: Shocks) -> NDArray[np.float64]:
    """Return values in base currency, leg by leg. Shape: (scenarios, legs). Cost: 8 bytes a cell."""
    out = np.empty((shocks.count, len(legs.legs)))
    _fill(
        legs.legs, legs.prices, shocks.spot_log, shocks.volatility_shift, shocks.basis_log, shocks.skew_shift,
        shocks.rate_shift, shocks.term_power, shocks.horizon_years, shocks.sticky_moneyness, out,
    )  # fmt: skip
    return out


def profits(legs: Legs, shocks: Shocks) -> NDArray[np.float64]:
    """Return the profit of the whole in base currency under each shock. Shape: (scenarios,)."""
    return leg_values(legs, shocks).sum(axis=1) - values(legs).sum()


@njit(cache=True)
def _fill(
    legs: np.ndarray, prices: np.ndarray, spot_log: np.ndarray, volatility_shift: np.ndarray, basis_log: np.ndarray,
    skew_shift: np.ndarray, rate_shift: np.ndarray, term_power: float, horizon: float, sticky_moneyness: bool,
    out: np.ndarray,
) -> None:  # fmt: skip
    for s in range(out.shape[0]):
        for j in range(legs.shape[0]):
            leg = legs[j]
            a = leg.asset
            settle_price = prices[leg.settle] * math.exp(spot_log[s, leg.settle])
            if leg.kind == CASH:
                out[s, j] = leg.quantity * prices[a] * math.exp(spot_log[s, a])
                continue
            quote = leg.quote
            forward = leg.ratio * prices[a] / prices[quote] * math.exp(spot_log[s, a] - spot_log[s, quote])
            if leg.kind == LINEAR:
                out[s, j] = leg.quantity * (forward * math.exp(basis_log[s, a]) - leg.entry) * settle_price
                continue
            if leg.kind == INVERSE:
                mark = forward * math.exp(basis_log[s, a])
                out[s, j] = leg.quantity * (1.0 / leg.entry - 1.0 / mark) * settle_price
                continue
            years = max(leg.years - horizon, 0.0)
            forward *= math.exp(rate_shift[s, a] * years)
            weight = min((REFERENCE_YEARS / leg.years) ** term_power, WEIGHT_MAX)
            volatility = leg.volatility * (1.0 + volatility_shift[s, a] * weight)
            volatility += skew_shift[s, a] * math.log(leg.strike / forward) / math.sqrt(leg.years)
            if sticky_moneyness:
                volatility -= leg.slope * spot_log[s, a]
            volatility = max(volatility, VOLATILITY_MIN)
            discount = leg.discount * math.exp(-rate_shift[s, a] * years)
            price = black76_price(forward, leg.strike, years, volatility, leg.sign, discount)
            if leg.kind == OPTION_INVERSE:
                price /= forward
            out[s, j] = leg.quantity * price * settle_price
