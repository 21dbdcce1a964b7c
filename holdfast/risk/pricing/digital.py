"""Digital: European options that pay a fixed sum, or the asset itself, if they end in the money.

Units: prices in quote units for one contract that pays one quote unit (cash) or one unit of the asset (asset).
Rules: at the strike itself nothing is paid; without time or volatility the price is the discounted payoff.
Source: Reiner, Rubinstein (1991), Unscrambling the binary code.
"""

import math

from numba import njit

from holdfast.risk.pricing.normal import normal_cdf


@njit(cache=True, error_model="numpy")
def cash_or_nothing(
    forward: float, strike: float, years: float, volatility: float, sign: float, discount: float
) -> float:
    """Return the value of one quote unit paid at expiry if the option is in the money.

    >>> round(cash_or_nothing(100.0, 80.0, 0.75, 0.35, -1.0, 0.96), 6)
    0.268223
    """
    deviation = volatility * math.sqrt(max(years, 0.0))
    if not deviation > 0.0:
        return discount if sign * (forward - strike) > 0.0 else 0.0
    d2 = math.log(forward / strike) / deviation - 0.5 * deviation
    return discount * normal_cdf(sign * d2)


@njit(cache=True, error_model="numpy")
def asset_or_nothing(
    forward: float, strike: float, years: float, volatility: float, sign: float, discount: float
) -> float:
    """Return the value in quote units of one unit of the asset delivered at expiry if the option is in the money."""
    deviation = volatility * math.sqrt(max(years, 0.0))
    if not deviation > 0.0:
        return discount * forward if sign * (forward - strike) > 0.0 else 0.0
    d1 = math.log(forward / strike) / deviation + 0.5 * deviation
    return discount * forward * normal_cdf(sign * d1)
