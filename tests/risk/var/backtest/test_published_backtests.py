"""Backtests against numbers that others published; each names its source."""

import numpy as np
import pytest

from holdfast.risk.missing import Missing
from holdfast.risk.var.backtest.acerbi_szekely import severity_test, shortfall_test
from holdfast.risk.var.backtest.chance import binomial_below, binomial_from, chi_square_tail
from holdfast.risk.var.backtest.christoffersen import conditional_coverage, independence, markov_ratio
from holdfast.risk.var.backtest.kupiec import kupiec
from holdfast.risk.var.backtest.outcome import Outcome
from holdfast.risk.var.backtest.traffic_light import traffic_light

# Kupiec 1995, table 3 (as in Jorion, Value at Risk, table 6-2): counts strictly between are not rejected at 5 %.
# The table gives no lower bound for 255 days at 1 %.
KUPIEC = {
    (0.99, 255): (None, 7),
    (0.99, 510): (1, 11),
    (0.99, 1000): (4, 17),
    (0.975, 255): (2, 12),
    (0.975, 510): (6, 21),
    (0.975, 1000): (15, 36),
    (0.95, 255): (6, 21),
    (0.95, 510): (16, 36),
    (0.95, 1000): (37, 65),
    (0.925, 255): (11, 28),
    (0.925, 510): (27, 51),
    (0.925, 1000): (59, 92),
    (0.90, 255): (16, 36),
    (0.90, 510): (38, 65),
    (0.90, 1000): (81, 120),
}

# Basel Committee 1996, table 2, 250 days at 99 %: exceedances, cumulative probability in per cent, zone, plus factor.
BASEL = [
    (0, 8.11, "green", 0.0),
    (1, 28.58, "green", 0.0),
    (2, 54.32, "green", 0.0),
    (3, 75.81, "green", 0.0),
    (4, 89.22, "green", 0.0),
    (5, 95.88, "yellow", 0.40),
    (6, 98.63, "yellow", 0.50),
    (7, 99.60, "yellow", 0.65),
    (8, 99.89, "yellow", 0.75),
    (9, 99.97, "yellow", 0.85),
    (10, 99.99, "red", 1.00),
]


def _hits(count: int, size: int) -> np.ndarray:
    return np.arange(size) < count


def _outcome(result: Outcome | Missing) -> Outcome:
    assert isinstance(result, Outcome), result
    return result


def _transitions(n00: int, n01: int, n10: int, n11: int) -> np.ndarray:
    """Return a series that begins and ends without a hit and has these transitions: n01 runs of hits, one of them long."""
    assert n01 == n10
    runs = [[False, True] for _ in range(n01)]
    runs[0] += [True] * n11
    return np.array([hit for run in runs for hit in run] + [False] * (n00 + 1))


@pytest.mark.parametrize(("level", "size"), KUPIEC)
def test_kupiec_does_not_reject_exactly_the_counts_of_his_table(level: float, size: int) -> None:
    low, high = KUPIEC[level, size]
    kept = [n for n in range(size // 2) if not _outcome(kupiec(_hits(n, size), level)).failed]
    assert max(kept) + 1 == high
    if low is not None:
        assert min(kept) - 1 == low


def test_kupiec_gives_the_numbers_of_mathworks_and_jorion() -> None:
    # MathWorks, Risk Management Toolbox, varbacktest/pof: EquityIndex against Normal95
    found = _outcome(kupiec(_hits(57, 1043), 0.95))
    assert found.statistic == pytest.approx(0.46147, abs=5e-6)
    assert found.p_value == pytest.approx(0.49694, abs=5e-6)
    # Jorion, Value at Risk, 3rd edition, chapter 6, question 10: 6 exceptions in 252 days at 99 %
    assert _outcome(kupiec(_hits(6, 252), 0.99)).statistic == pytest.approx(3.498, abs=1e-3)


def test_christoffersen_gives_the_numbers_of_mathworks_and_jorion() -> None:
    # MathWorks, varbacktest/cci and /cc: N00 932, N10 53, N01 53, N11 4
    hits = _transitions(932, 53, 53, 4)
    assert (hits.size, int(hits.sum())) == (1043, 57)
    apart = _outcome(independence(hits))
    assert apart.statistic == pytest.approx(0.25866, abs=5e-6)
    assert apart.p_value == pytest.approx(0.61104, abs=5e-6)
    both = _outcome(conditional_coverage(hits, 0.95))
    assert (both.statistic, both.p_value) == pytest.approx((0.72013, 0.69763), abs=1e-5)
    assert both.degrees == 2
    # Jorion, as above: four of six exceptions follow another day of exception
    assert markov_ratio(244, 2, 2, 4) == pytest.approx(25.837, abs=1e-3)


@pytest.mark.parametrize(("count", "cumulative", "zone", "plus"), BASEL)
def test_the_traffic_light_is_basels(count: int, cumulative: float, zone: str, plus: float) -> None:
    light = traffic_light(_hits(count, 250), 0.99)
    assert not isinstance(light, Missing)
    assert 100.0 * light.cumulative == pytest.approx(cumulative, abs=0.0051)
    assert (light.zone, light.plus) == (zone, plus)


def test_the_traffic_light_gives_the_numbers_of_mathworks() -> None:
    # MathWorks, varbacktest/tl: Probability 0.77913, TypeI 0.26396
    light = traffic_light(_hits(57, 1043), 0.95)
    assert not isinstance(light, Missing)
    assert (light.cumulative, light.p_value) == pytest.approx((0.77913, 0.26396), abs=5e-6)
    assert light.plus is None
    # MathWorks, risk.validation.trafficLightVaRTest(0.9, 40, 250): amber
    assert traffic_light(_hits(40, 250), 0.90).zone == "yellow"  # pyright: ignore[reportAttributeAccessIssue]


def test_the_dynamic_quantile_tail_is_the_one_of_archmodels() -> None:
    # ARCHModels.jl, manual, DQTest: statistic 2.5272613188161177 of one lag, p-value 0.4704 (three regressors)
    assert chi_square_tail(2.5272613188161177, 3) == pytest.approx(0.4704, abs=5e-5)


def test_binomial_tails_complete_each_other() -> None:
    for count in range(60):
        below, above = binomial_below(count - 1, 1043, 0.05), binomial_from(count, 1043, 0.05)
        assert below + above == pytest.approx(1.0, abs=1e-12)


def _student_tail(size: int, tail: float, degrees: int | None) -> np.ndarray:
    stats = pytest.importorskip("scipy.stats")
    points = (np.arange(size) + 0.5) / size * tail
    return -(stats.norm.ppf(points) if degrees is None else stats.t(degrees).ppf(points))


# MathWorks, esbacktest/unconditionalNormal and /unconditionalT: 1,966 days at 97.5 %, test level 99 %, critical values
# -0.34639 under a normal tail and -0.42986 under a Student t of 3; their statistic -0.38265 has p-values 0.0054 and 0.0186
# (theirs come from tables interpolated between levels, so the second agrees to 0.003 only).
@pytest.mark.parametrize(
    ("degrees", "critical", "published"), [(None, -0.34639, 0.0054099), (3, -0.42986, 0.018566)]
)
def test_shortfall_p_values_are_those_of_mathworks(
    degrees: int | None, critical: float, published: float
) -> None:
    severity = _student_tail(20_000, 0.025, degrees)
    es = np.full(1966, severity.mean())
    var = np.full(1966, severity.min() * 0.999)

    def p_value(statistic: float) -> float:
        returns = np.zeros(1966)
        returns[:57] = -es[0] * (1.0 - statistic) * 49.15 / 57  # 57 losses that give the statistic
        found = _outcome(shortfall_test(returns, var, es, severity, 0.975, seed=5, simulations=40_000))
        assert found.statistic == pytest.approx(statistic, abs=1e-9)
        return found.p_value

    assert p_value(critical) == pytest.approx(0.01, abs=0.0015)
    assert p_value(-0.38265) == pytest.approx(published, abs=0.003)


# Acerbi and Szekely 2014: critical values of test 2 at 5 % for 250 days and 97.5 %: -0.70 for a normal tail and for a
# Student t of 100, -0.82 for one of 3.
@pytest.mark.parametrize(("degrees", "critical"), [(None, -0.70), (100, -0.70), (3, -0.82)])
def test_shortfall_is_rejected_beyond_the_critical_values_of_the_paper(
    degrees: int | None, critical: float
) -> None:
    severity = _student_tail(20_000, 0.025, degrees)
    es = np.full(250, severity.mean())
    var = np.full(250, severity.min() * 0.999)

    def p_value(statistic: float) -> float:
        returns = np.zeros(250)
        returns[:8] = -es[0] * (1.0 - statistic) * 6.25 / 8
        return _outcome(shortfall_test(returns, var, es, severity, 0.975, seed=6, simulations=40_000)).p_value

    assert p_value(critical - 0.02) < 0.05 < p_value(critical + 0.02)


def test_shortfall_statistic_follows_from_a_published_summary() -> None:
    # MathWorks, esbacktest/summary: 57 of 1,966 (49.15 expected), losses average 1.4221 VaR where ES is 1.1928 VaR
    returns, var, es = np.zeros(1966), np.full(1966, 1.0), np.full(1966, 1.1928)
    returns[:57] = -1.4221
    severity = _student_tail(2_000, 0.025, None)
    direct = _outcome(shortfall_test(returns, var, es, severity, 0.975, seed=1))
    assert direct.statistic == pytest.approx(-0.38265, abs=5e-5)
    after = _outcome(severity_test(returns, var, es, severity, seed=1))
    assert after.statistic == pytest.approx(1.0 - 1.4221 / 1.1928, abs=1e-12)
