"""Black-76: European options on a forward.

Units: forward and strike in quote units, years of 365 days, volatility a fraction a year, sign +1 call, -1 put.
Source: Black (1976), The pricing of commodity contracts.
"""

import math

from numba import njit

from holdfast.risk.pricing.normal import normal_cdf


@njit(cache=True)
def black76_price(
    forward: float, strike: float, years: float, volatility: float, sign: float, discount: float
) -> float:
    """Return the value in quote units of one option on one unit; at expiry or without volatility its payoff, discounted."""
    deviation = volatility * math.sqrt(max(years, 0.0))
    if not deviation > 0.0:
        return discount * max(sign * (forward - strike), 0.0)
    d1 = math.log(forward / strike) / deviation + 0.5 * deviation
    d2 = d1 - deviation
    return discount * sign * (forward * normal_cdf(sign * d1) - strike * normal_cdf(sign * d2))
