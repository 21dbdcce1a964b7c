"""Payoff: the value of an option leg of any kind, in one function that a revaluation inlines.

Rules:

1. Kinds are those of `legs.py`: OPTION, OPTION_INVERSE, AMERICAN, DIGITAL, BARRIER. The price is in quote units for one
   unit of the asset, but that of OPTION_INVERSE is in coin.
2. American and barrier options are on an asset of price `spot`, whose carry is what leads from it to the forward; where
   spot is 0 they are on the forward itself (carry 0), as options on futures are. The rate is that of the discount.
3. What is no option, or has inputs that are no numbers, is NaN: legs hold none such, as `compile_legs` refuses them.
"""

import math

from numba import njit

from holdfast.risk.legs import AMERICAN, BARRIER, DIGITAL, OPTION, OPTION_INVERSE
from holdfast.risk.pricing.american import american_price
from holdfast.risk.pricing.barrier import barrier_price
from holdfast.risk.pricing.black76 import black76_price
from holdfast.risk.pricing.digital import cash_or_nothing


@njit(cache=True, error_model="numpy")
def payoff_price(
    kind: int, forward: float, strike: float, years: float, volatility: float, sign: float, discount: float,
    barrier: float, barrier_type: int, rebate: float, spot: float = 0.0,
) -> float:  # fmt: skip
    """Return the price of one option leg, in quote units; in coin for OPTION_INVERSE.

    Cost: 30 ns plain, 0.15 us a barrier, 3 us an American option.

    >>> round(payoff_price(OPTION_INVERSE, 50000.0, 50000.0, 0.25, 0.8, 1.0, 1.0, 0.0, 0, 0.0), 6)
    0.158519
    """
    if kind == OPTION:
        return black76_price(forward, strike, years, volatility, sign, discount)
    if kind == OPTION_INVERSE:
        return black76_price(forward, strike, years, volatility, sign, discount) / forward
    if kind == DIGITAL:
        return cash_or_nothing(forward, strike, years, volatility, sign, discount)
    rate = -math.log(discount) / years if years > 0.0 else 0.0
    underlying = spot if spot > 0.0 else forward
    carry = math.log(forward / underlying) / years if years > 0.0 else 0.0
    if kind == AMERICAN:
        return american_price(underlying, strike, years, volatility, sign, rate, carry)
    if kind == BARRIER:
        return barrier_price(
            underlying, strike, years, volatility, sign, rate, carry, barrier, barrier_type, rebate
        )
    return math.nan
