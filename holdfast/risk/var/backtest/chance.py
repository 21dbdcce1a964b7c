"""Chance: tails of the chi-square and binomial distributions from `math` alone, so that backtests need no extra."""

import math


def chi_square_tail(statistic: float, degrees: int) -> float:
    """Return the probability that a chi-square variable of whole `degrees` exceeds `statistic`.

    Every term is positive, so nothing cancels: relative error below 1e-13.
    Source: Abramowitz and Stegun 26.4.4 and 26.4.5.

    >>> round(chi_square_tail(3.841458820694124, 1), 12)
    0.05
    >>> round(chi_square_tail(9.210340371976184, 2), 12)
    0.01
    """
    if statistic <= 0.0:
        return 1.0
    half = 0.5 * statistic
    odd = degrees % 2
    total = math.erfc(math.sqrt(half)) if odd else 0.0
    for i in range(degrees // 2):
        power = i + 0.5 * odd
        total += math.exp(power * math.log(half) - half - math.lgamma(power + 1.0))
    return min(total, 1.0)


def binomial_below(count: int, trials: int, probability: float) -> float:
    """Return the probability of `count` or fewer successes.

    Sums the smaller side, so that small probabilities keep their digits.

    >>> round(binomial_below(4, 250, 0.01), 4)
    0.8922
    """
    if count < 0:
        return 0.0
    if count >= trials:
        return 1.0
    if count <= trials * probability:
        return _sum(range(count, -1, -1), trials, probability)
    return 1.0 - _sum(range(count + 1, trials + 1), trials, probability)


def binomial_from(count: int, trials: int, probability: float) -> float:
    """Return the probability of `count` or more successes.

    >>> round(binomial_from(10, 250, 0.01), 6)
    0.00025
    """
    if count > trials * probability:
        return _sum(range(count, trials + 1), trials, probability)
    return 1.0 - binomial_below(count - 1, trials, probability)


def _sum(counts: range, trials: int, probability: float) -> float:
    """Sum binomial probabilities from the largest outwards until they no longer count."""
    total = 0.0
    for k in counts:
        choose = math.lgamma(trials + 1) - math.lgamma(k + 1) - math.lgamma(trials - k + 1)
        term = math.exp(choose + k * math.log(probability) + (trials - k) * math.log1p(-probability))
        total += term
        if term < 1e-18 * total:
            break
    return min(total, 1.0)
