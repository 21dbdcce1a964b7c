"""Implied volatility: the volatility at which Black-76 gives a price, to machine precision.

Rules:

1. A price becomes an out-of-the-money one by put-call parity, then the normalised price b of Jaeckel: b(x, s) for
   x = -|log(forward / strike)| and total deviation s. With h = x / s and t = s / 2, b is its vega times
   Y(h + t) - Y(h - t), where Y is probability over density; so b needs no difference of near numbers and no underflow.
2. The first guess is Jaeckel's: rational cubics through the price of most vega and the points its tangent hits. Steps are
   Householder's of third order on his three objectives, kept in a bracket: 2 or 3 of them.
3. A price that no volatility gives is a code of `refusal.py` and a volatility of 0.

Units: prices in quote units, forward and strike too, years of 365 days, the volatility a fraction a year.
Accuracy: 1e-13 relative for out-of-the-money prices within 6 deviations; what a price in the money loses in the subtraction
of its intrinsic value, and what a price near the maximum no longer says, is lost before we begin.
Source: Jaeckel (2015), Let's be rational; Delbourgo, Gregory (1985), Shape preserving piecewise rational interpolation;
Abramowitz, Stegun (1964), 26.2.23 for the normal quantile of the guess.
"""

import math
from typing import Final

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from holdfast.risk.missing import Missing
from holdfast.risk.pricing.black76 import input_code
from holdfast.risk.pricing.normal import DENSITY_AT_ZERO, FLAGS, fast_exp, log_ratio, mills, mills_slope
from holdfast.risk.pricing.refusal import (
    ABOVE_MAXIMUM,
    BELOW_INTRINSIC,
    EXPIRED,
    NOT_A_NUMBER,
    PRICED,
    refusal,
)

STEPS_MAX: Final = 24
STEP_LAST: Final = 1e-4  # a relative step this small leaves an error of its fourth power
THIN: Final = 0.03  # half a deviation below which the difference of Y is integrated, not subtracted
FLAT: Final = 1e-6  # root of half the log-moneyness, below which the option is at the money for a first guess
_LOWER_SCALE: Final = 2.0 * math.pi / math.sqrt(27.0)  # of Jaeckel's map of the lower branch
_SQRT_HALF_PI: Final = math.sqrt(0.5 * math.pi)
_SQRT_TWO_PI: Final = math.sqrt(2.0 * math.pi)
_LOG_SQRT_TWO_PI: Final = 0.5 * math.log(2.0 * math.pi)
_NEAR, _FAR = 0.3399810435848563, 0.8611363115940526  # Gauss-Legendre, four nodes
_NEAR_WEIGHT, _FAR_WEIGHT = 0.6521451548625461, 0.34785484513745385


def implied_volatility(
    price: float, forward: float, strike: float, years: float, sign: float, discount: float = 1.0
) -> float | Missing:
    """Return the volatility of one price, or why there is none.

    >>> round(implied_volatility(7.965567455405804, 100.0, 100.0, 1.0, 1.0), 14)
    0.2
    >>> implied_volatility(4.0, 105.0, 100.0, 1.0, 1.0).code
    'price.below-intrinsic'
    """
    volatility, code = solve(price, forward, strike, years, sign, discount)
    return volatility if code == PRICED else refusal(code)


def implied_volatilities(
    price: NDArray[np.float64],
    forward: NDArray[np.float64],
    strike: NDArray[np.float64],
    years: NDArray[np.float64],
    sign: NDArray[np.float64],
    discount: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """Return the volatility of many prices, and a code of `refusal.py` for each: PRICED, or volatility 0 and why.

    Shape: all (n,). Cost: 0.2 us a price on one core.
    """
    volatilities = np.empty(price.shape[0])
    codes = np.empty(price.shape[0], np.int8)
    _fill(price, forward, strike, years, sign, discount, volatilities, codes)
    return volatilities, codes


@njit(cache=True, parallel=True, error_model="numpy", fastmath=FLAGS)
def _fill(
    prices: np.ndarray, forwards: np.ndarray, strikes: np.ndarray, years: np.ndarray, signs: np.ndarray,
    discounts: np.ndarray, volatilities: np.ndarray, codes: np.ndarray,
) -> None:  # fmt: skip
    for i in prange(prices.shape[0]):
        volatilities[i], codes[i] = solve(
            prices[i], forwards[i], strikes[i], years[i], signs[i], discounts[i]
        )


@njit(cache=True, error_model="numpy", fastmath=FLAGS)
def solve(
    price: float, forward: float, strike: float, years: float, sign: float, discount: float
) -> tuple[float, int]:
    """Return the volatility and its code: the kernel behind the public functions, for other kernels."""
    code = input_code(forward, strike, years, 0.0, sign, discount)
    if code != PRICED:
        return 0.0, code
    if price - price != 0.0:
        return 0.0, NOT_A_NUMBER
    if years == 0.0:
        return 0.0, EXPIRED
    undiscounted = price / discount
    if undiscounted >= (forward if sign > 0.0 else strike):
        return 0.0, ABOVE_MAXIMUM
    time_value = undiscounted - max(sign * (forward - strike), 0.0)
    if not time_value > 0.0:
        return 0.0, BELOW_INTRINSIC
    moneyness = -abs(log_ratio(forward, strike))
    deviation = implied_deviation(moneyness, time_value / (math.sqrt(forward) * math.sqrt(strike)))
    return deviation / math.sqrt(years), PRICED


@njit(cache=True, error_model="numpy", fastmath=FLAGS)
def implied_deviation(x: float, beta: float) -> float:
    """Return the total deviation s at which the normalised price b(x, s) is beta, for x <= 0 and 0 < beta < exp(x / 2).

    >>> round(implied_deviation(0.0, math.erf(0.25 / math.sqrt(2.0))), 12)
    0.5
    """
    s, low, high, region = _guess(x, beta)
    log_beta = math.log(beta)
    log_missing = math.log(fast_exp(0.5 * x) - beta) if region == _UPPER else 0.0
    for _ in range(STEPS_MAX):
        h, t = x / s, 0.5 * s
        curve = (h * h - t * t) / s  # second over first derivative of b
        curve_slope = -3.0 * h * h / (s * s) - 0.25
        if region == _UPPER:
            rest = mills(h + t) + mills(t - h)  # (maximum - b) over vega
            log_rest = log_ratio(rest, _SQRT_TWO_PI) - 0.5 * (h * h + t * t)
            error = log_rest - log_missing
            u = 1.0 / rest
            newton, second = error * rest, curve + u
            third = second * second + curve_slope + u * (curve + u)
        else:
            spread = _spread(h, t)
            log_b = log_ratio(spread, _SQRT_TWO_PI) - 0.5 * (h * h + t * t)
            error = log_beta - log_b
            r = 1.0 / spread
            if region == _LOWER:
                newton = error * log_b / log_beta * spread
                bend = 1.0 + 2.0 / log_b
                second = curve - r * bend
                third = second * second + curve_slope - r * (curve - r) * bend + 2.0 * (r / log_b) ** 2
            else:
                newton, second = error * spread, curve - r
                third = second * second + curve_slope - r * (curve - r)
        if error > 0.0:
            low = s
        else:
            high = s
        step = newton * (1.0 + 0.5 * second * newton) / (1.0 + newton * (second + third * newton / 6.0))
        after = s + step
        if not (low <= after <= high):
            after = 0.5 * (low + high) if high < math.inf else 2.0 * s
        step = after - s
        s = after
        if abs(step) <= STEP_LAST * s:
            break
    return s


_LOWER, _MIDDLE, _UPPER = range(3)


@njit(cache=True, forceinline=True, error_model="numpy", fastmath=FLAGS)
def _spread(h: float, t: float) -> float:
    """Return Y(h + t) - Y(h - t), b over its derivative, for h <= 0 and t > 0."""
    if t < THIN:
        near = mills_slope(-h - _NEAR * t) + mills_slope(-h + _NEAR * t)
        far = mills_slope(-h - _FAR * t) + mills_slope(-h + _FAR * t)
        return t * (_NEAR_WEIGHT * near + _FAR_WEIGHT * far)
    top = h + t
    if top <= 0.0:
        return mills(-top) - mills(t - h)
    return _SQRT_TWO_PI * fast_exp(0.5 * top * top) - mills(top) - mills(t - h)


@njit(cache=True, error_model="numpy", fastmath=FLAGS)
def _guess(x: float, beta: float) -> tuple[float, float, float, int]:
    """Return a first deviation, a bracket around the solution and the objective to use there."""
    a = -x
    half = math.sqrt(0.5 * a)
    centre = 2.0 * half  # the deviation of most vega
    vega = DENSITY_AT_ZERO * fast_exp(-0.5 * a)
    reach = _spread(-half, half)
    b_centre = vega * reach
    if beta < b_centre:
        # where the difference has no digits left, its limit
        s = centre - reach if half > FLAT else _SQRT_HALF_PI * a
        v, b = _vega_and_price(x, s)
        if beta < b:
            y = a / (math.sqrt(3.0) * s)
            tail = y * mills(y)
            outside = DENSITY_AT_ZERO * fast_exp(-0.5 * y * y) * tail / y
            f = _LOWER_SCALE * a * outside**3
            slope = tail * tail * fast_exp(0.125 * s * s)
            curve = slope / v * (0.25 * s - 2.0 * (1.0 + y * y - y * y / tail) / s)
            f = _rational_cubic(beta, 0.0, b, 0.0, f, 1.0, slope, curve, False)
            f = f if f > 0.0 else beta
            z = fast_exp(log_ratio(f, _LOWER_SCALE * a) / 3.0)
            first = a / (math.sqrt(3.0) * _quantile(min(z, 0.499)))
            return min(first, s), 0.0, s, _LOWER
        first = _rational_cubic(beta, b, b_centre, s, centre, 1.0 / v, 1.0 / vega, 0.0, False)
        return min(max(first, s), centre), s, centre, _MIDDLE
    s = centre + 0.5 * _SQRT_TWO_PI + mills(centre)
    v, b = _vega_and_price(x, s)
    if beta <= b:
        first = _rational_cubic(beta, b_centre, b, centre, s, 1.0 / vega, 1.0 / v, 0.0, True)
        return min(max(first, centre), s), centre, s, _MIDDLE
    f = DENSITY_AT_ZERO * fast_exp(-0.125 * s * s) * mills(0.5 * s)
    slope = -0.5 * fast_exp(0.5 * (a / s) ** 2)
    curve = -slope * a * a / (s * s * s * v)
    most = fast_exp(0.5 * x)
    f = _rational_cubic(beta, b, most, f, 0.0, slope, -0.5, curve, True)
    f = f if f > 0.0 else 0.5 * (most - beta)
    return max(2.0 * _quantile(min(f, 0.499)), s), s, math.inf, _UPPER


@njit(cache=True, error_model="numpy", fastmath=FLAGS)
def _vega_and_price(x: float, s: float) -> tuple[float, float]:
    h, t = x / s, 0.5 * s
    vega = DENSITY_AT_ZERO * fast_exp(-0.5 * (h * h + t * t))
    return vega, vega * _spread(h, t)


@njit(cache=True, forceinline=True, error_model="numpy", fastmath=FLAGS)
def _rational_cubic(
    x: float, x0: float, x1: float, y0: float, y1: float, d0: float, d1: float, curve: float, at_left: bool
) -> float:
    """Interpolate between two points with their slopes, and the second derivative at one of them, keeping the shape."""
    width = x1 - x0
    t = (x - x0) / width
    mean = (y1 - y0) / width
    turn = 0.5 * width * curve + (d1 - d0)
    r = turn / (mean - d0) if at_left else turn / (d1 - mean)
    r = max(r, abs((d1 - d0) / (d1 - mean)), abs((d1 - d0) / (mean - d0)), (d0 + d1) / mean)
    if not r < 1e12:
        return y0 + t * (y1 - y0)
    u = 1.0 - t
    inner = (r * y1 - width * d1) * t + (r * y0 + width * d0) * u
    return (y1 * t * t * t + inner * t * u + y0 * u * u * u) / (1.0 + (r - 3.0) * t * u)


@njit(cache=True, error_model="numpy", fastmath=FLAGS)
def _quantile(p: float) -> float:
    """Return how many deviations out a tail of p begins, p < 0.5. Error: 5e-4."""
    r = math.sqrt(2.0 * log_ratio(1.0, p))
    top = 2.515517 + r * (0.802853 + r * 0.010328)
    return r - top / (1.0 + r * (1.432788 + r * (0.189269 + r * 0.001308)))
