"""Normal: exponential, logarithm and the normal distribution, written so that a loop over them becomes vector code.

Rules:

1. No call to a library, no branch, no table: LLVM vectorises whatever loop these are inlined in. They are inlined at the
   level of LLVM (`forceinline`), so each keeps its own flags whatever those of the caller.
2. The flags are `contract`, `nsz` and `arcp`. Never `reassoc`: it deletes the rounding by a magic number in `fast_exp`, and
   every value of `risk` is wrong without a sound.
3. Relative precision in both tails: a probability of 1e-300 has as many digits as one of a half.
4. NaN in, NaN out; refusing it is the business of who takes input.

Source: minimax coefficients of our own, by a weighted least-squares exchange in 50 digits; errors beside each.
"""

import math
from typing import Final

import numpy as np
from numba import njit

FLAGS: Final = {"contract", "nsz", "arcp"}
DENSITY_AT_ZERO: Final = 1.0 / math.sqrt(2.0 * math.pi)
EXPONENT_MIN: Final = -708.0
EXPONENT_MAX: Final = 709.7
DEVIATIONS_MAX: Final = 40.0  # beyond, probabilities are below the smallest number
_LOG2_E: Final = math.log2(math.e)
_ROUNDER: Final = 1.5 * 2.0**52  # added and taken off again, it leaves the nearest whole number
_LN2_HIGH: Final = 6.93147180369123816490e-01
_LN2_LOW: Final = 1.90821492927058770002e-10
_HALF_BIT: Final = 1 << 51


@njit(cache=True, forceinline=True, error_model="numpy", fastmath=FLAGS)
def fast_exp(x: float) -> float:
    """Return e to the power x. Error: 1 unit in the last place; 0 below -708, infinite above 709.7.

    >>> fast_exp(0.0), round(fast_exp(1.0), 12)
    (1.0, 2.718281828459)
    """
    shifted = x * _LOG2_E + _ROUNDER
    whole = shifted - _ROUNDER
    r = (x - whole * _LN2_HIGH) - whole * _LN2_LOW
    p = 2.499909339382110184e-8 * r + 2.763022530637058846e-7  # 3.6e-18 relative
    p = p * r + 2.755758930977947375e-6
    p = p * r + 0.00002480149316808643926
    p = p * r + 0.0001984126950343476757
    p = p * r + 0.001388888894355823469
    p = p * r + 0.00833333333349586372
    p = p * r + 0.04166666666653045164
    p = p * r + 0.1666666666666641031
    p = p * r + 0.5000000000000010592
    p = (p * r * r + r) + 1.0
    bits = np.float64(p).view(np.int64) + (np.float64(shifted).view(np.int64) << 52)
    power = np.int64(bits).view(np.float64)
    power = 0.0 if x < EXPONENT_MIN else power
    return math.inf if x > EXPONENT_MAX else power


@njit(cache=True, forceinline=True, error_model="numpy", fastmath=FLAGS)
def log_ratio(a: float, b: float) -> float:
    """Return log(a / b) of two positive normal numbers, exact to 1 unit in the last place also where they are close.

    >>> log_ratio(5.0, 5.0), log_ratio(1.0 + 2.0**-52, 1.0) == 2.0**-52
    (0.0, True)
    """
    bits = np.float64(b).view(np.int64)
    octaves = (np.float64(a).view(np.int64) - bits + _HALF_BIT) >> 52
    scaled = np.int64(bits + (octaves << 52)).view(np.float64)  # b, brought within a factor 1.51 of a
    s = (a - scaled) / (a + scaled)
    u = s * s
    p = 0.1550755042362256674 * u + 0.1523172918419301533  # 2.5e-17 relative
    p = p * u + 0.181873068437541432
    p = p * u + 0.2222211456895774508
    p = p * u + 0.2857142969748644782
    p = p * u + 0.3999999999442392903
    p = p * u + 0.666666666666759992
    whole = float(octaves)
    return whole * _LN2_HIGH + (2.0 * s + (s * u * p + whole * _LN2_LOW))


@njit(cache=True, forceinline=True, error_model="numpy", fastmath=FLAGS)
def mills(x: float) -> float:
    """Return the probability above x over the density at x, for x >= 0. Error: 2e-16 of it, up to 60."""
    p = 3.890940985665522733e-6 * x + 0.00010266758341685426  # 1.03e-16 relative
    p = p * x + 0.001330741891944606721
    p = p * x + 0.0109472532652101594
    p = p * x + 0.06247414256269689735
    p = p * x + 0.2555130657453869498
    p = p * x + 0.7487810057235929799
    p = p * x + 1.521826706300556292
    p = p * x + 1.964808130758591627
    p = p * x + 1.253314137315500121
    q = 3.89094098566787355e-6 * x + 0.0001026675834162443219
    q = q * x + 0.001334632832999820473
    q = q * x + 0.01104992084397822303
    q = q * x + 0.06379710277813388701
    q = q * x + 0.26625497741149841
    q = q * x + 0.8086327232566329621
    q = q * x + 1.756469283012956861
    q = q * x + 2.601697510492384697
    q = q * x + 2.365574633275063155
    return p / (q * x + 1.0)


@njit(cache=True, forceinline=True, error_model="numpy", fastmath=FLAGS)
def mills_slope(x: float) -> float:
    """Return 1 - x mills(x), the decrease of the Mills ratio, without its cancellation, for x >= -0.1. Error: 4e-16."""
    p = 1.109104129900419466e-6 * x + 0.0000309458190058369448  # 2.3e-16 relative
    p = p * x + 0.0004303405238695477426
    p = p * x + 0.003846652150068697135
    p = p * x + 0.02415750819148542628
    p = p * x + 0.1102084904748870513
    p = p * x + 0.3656921962378947699
    p = p * x + 0.8560806076418869163
    p = p * x + 1.29903152296639786
    p = p * x + 1.000000000000000231
    q = 1.109104129902911355e-6 * x + 0.0000309458190051591991
    q = q * x + 0.000433667836340732685
    q = q * x + 0.003939489601312302591
    q = q * x + 0.02544187541006615862
    q = q * x + 0.1215627629215602644
    q = q * x + 0.4356294859411907091
    q = q * x + 1.164921584962217946
    q = q * x + 2.268842583418769914
    q = q * x + 3.054971506989169653
    q = q * x + 2.55234566028189845
    return p / (q * x + 1.0)


@njit(cache=True, forceinline=True, error_model="numpy", fastmath=FLAGS)
def normal_pdf(x: float) -> float:
    """Return the density at x."""
    return DENSITY_AT_ZERO * fast_exp(-0.5 * x * x)


@njit(cache=True, forceinline=True, error_model="numpy", fastmath=FLAGS)
def normal_cdf(x: float) -> float:
    """Return the probability of a value below x. Error: 3e-16 of it near the middle, x^2 times 1e-16 in the tail.

    >>> normal_cdf(0.0), round(normal_cdf(-37.0) * 1e300, 4)
    (0.5, 5.7256)
    """
    distance = min(abs(x), DEVIATIONS_MAX)
    outside = normal_pdf(distance) * mills(distance)
    return outside if x < 0.0 else 1.0 - outside
