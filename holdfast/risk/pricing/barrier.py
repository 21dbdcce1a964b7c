"""Barrier: European options that come to life, or end, when the price of the asset touches a level.

Rules:

1. Types are numbers as in `legs.BARRIER_TYPES`: 1 down-and-out, 2 down-and-in, 3 up-and-out, 4 up-and-in.
2. The rebate of a knock-out is paid when the barrier is touched, that of a knock-in at expiry if it never was.
3. A price at or beyond the barrier has touched it: a knock-out is worth its rebate, a knock-in is the plain option.
4. The barrier is watched without pause; `discrete_barrier` moves it for one that is looked at now and then.

Units: spot, strike, barrier and rebate in quote units, rate and carry continuous a year (carry 0: the option is on a
future; carry = rate: on an asset without yield).
Limits: constant volatility; a smile moves barrier prices by more than plain ones.
Source: Reiner, Rubinstein (1991), Breaking down the barriers, as in Haug (2007), The complete guide to option pricing
formulas, 4.17; Broadie, Glasserman, Kou (1997), A continuity correction for discrete barrier options.
"""

import math
from typing import Final

import numpy as np
from numba import njit

from holdfast.risk.pricing.normal import normal_cdf

DOWN_OUT, DOWN_IN, UP_OUT, UP_IN = range(1, 5)
DISCRETE_SHIFT: Final = 0.5825971579390107  # -zeta(1/2) / sqrt(2 pi)
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(48)


@njit(cache=True, error_model="numpy")
def barrier_price(
    spot: float, strike: float, years: float, volatility: float, sign: float, rate: float, carry: float,
    barrier: float, barrier_type: int, rebate: float,
) -> float:  # fmt: skip
    """Return the value in quote units of one option on one unit of the asset.

    >>> round(barrier_price(100.0, 90.0, 0.5, 0.25, 1.0, 0.08, 0.04, 95.0, DOWN_OUT, 3.0), 4)
    9.0246
    """
    is_down = barrier_type in (DOWN_OUT, DOWN_IN)
    is_in = barrier_type in (DOWN_IN, UP_IN)
    discount = math.exp(-rate * max(years, 0.0))
    growth = math.exp(carry * max(years, 0.0))
    touched = spot <= barrier if is_down else spot >= barrier
    deviation = volatility * math.sqrt(max(years, 0.0))
    if touched and not is_in:
        return rebate
    if not deviation > 0.0:
        paid = touched or not is_in
        return discount * max(sign * (spot * growth - strike), 0.0) if paid else rebate * discount
    drift = carry / (volatility * volatility) - 0.5
    rise = (1.0 + drift) * deviation
    if touched:
        x = math.log(spot / strike) / deviation + rise
        return _plain(sign, spot, strike, discount, growth, x, deviation)
    side = 1.0 if is_down else -1.0
    to_barrier = math.log(barrier / spot)
    x1 = math.log(spot / strike) / deviation + rise
    x2 = -to_barrier / deviation + rise
    y1 = (2.0 * to_barrier + math.log(spot / strike)) / deviation + rise
    y2 = to_barrier / deviation + rise
    mirror_asset = math.exp(2.0 * (drift + 1.0) * to_barrier)
    mirror_cash = math.exp(2.0 * drift * to_barrier)
    plain = _plain(sign, spot, strike, discount, growth, x1, deviation)
    beyond = _plain(sign, spot, strike, discount, growth, x2, deviation)
    image = _image(sign, side, spot, strike, discount, growth, y1, deviation, mirror_asset, mirror_cash)
    image_beyond = _image(
        sign, side, spot, strike, discount, growth, y2, deviation, mirror_asset, mirror_cash
    )
    strike_inside = strike >= barrier if is_down else strike <= barrier  # on the side where the asset is now
    if sign == side:  # call with a barrier below, put with one above
        knocked_in = image if strike_inside else plain - beyond + image_beyond
    elif strike_inside:
        knocked_in = beyond - image + image_beyond
    else:
        knocked_in = plain
    untouched = normal_cdf(side * (x2 - deviation)) - mirror_cash * normal_cdf(side * (y2 - deviation))
    if is_in:
        return max(knocked_in, 0.0) + rebate * discount * untouched
    value = max(plain - knocked_in, 0.0)
    if rebate != 0.0:
        value += rebate * _touch_discount(to_barrier, side, years, volatility, rate, drift)
    return value


@njit(cache=True, error_model="numpy")
def discrete_barrier(barrier: float, barrier_type: int, volatility: float, interval_years: float) -> float:
    """Return the continuous barrier that prices one looked at every `interval_years`: further off, as it is hit less.

    Limits: good to a few thousandths of the price for ten looks or more, and poor within one deviation of an interval.

    >>> round(discrete_barrier(90.0, DOWN_OUT, 0.3, 1 / 365), 4)
    89.1804
    """
    shift = DISCRETE_SHIFT * volatility * math.sqrt(max(interval_years, 0.0))
    return barrier * math.exp(-shift if barrier_type in (DOWN_OUT, DOWN_IN) else shift)


@njit(cache=True, error_model="numpy")
def _plain(
    sign: float, spot: float, strike: float, discount: float, growth: float, x: float, deviation: float
) -> float:
    asset = spot * growth * normal_cdf(sign * x)
    return sign * discount * (asset - strike * normal_cdf(sign * (x - deviation)))


@njit(cache=True, error_model="numpy")
def _image(
    sign: float, side: float, spot: float, strike: float, discount: float, growth: float, y: float,
    deviation: float, mirror_asset: float, mirror_cash: float,
) -> float:  # fmt: skip
    asset = spot * growth * mirror_asset * normal_cdf(side * y)
    return sign * discount * (asset - strike * mirror_cash * normal_cdf(side * (y - deviation)))


@njit(cache=True, error_model="numpy")
def _touch_discount(
    to_barrier: float, side: float, years: float, volatility: float, rate: float, drift: float
) -> float:
    """Return the value of one quote unit paid at the moment the barrier is touched before expiry."""
    deviation = volatility * math.sqrt(years)
    square = drift * drift + 2.0 * rate / (volatility * volatility)
    if square >= 0.0:
        root = math.sqrt(square)
        z = to_barrier / deviation + root * deviation
        near = math.exp((drift + root) * to_barrier) * normal_cdf(side * z)
        return near + math.exp((drift - root) * to_barrier) * normal_cdf(side * (z - 2.0 * root * deviation))
    # A rate so negative has no closed form in reals: integrate the density of the first touch over u = 1 / sqrt(time).
    distance = abs(to_barrier) / volatility
    toward = -side * drift * volatility  # speed towards the barrier, in deviations of a year
    low = 1.0 / math.sqrt(years)
    high = low + 10.0 / distance + 2.0 * math.sqrt(abs(toward) / distance)
    total = 0.0
    for i in range(_NODES.shape[0]):
        u = low + 0.5 * (high - low) * (1.0 + _NODES[i])
        z = distance * u - toward / u
        total += _WEIGHTS[i] * math.exp(-0.5 * z * z - rate / (u * u))
    return total * (high - low) * distance / math.sqrt(2.0 * math.pi)
