"""Surface shock: what is a jump for the time that passed, and what is not."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from holdfast.detectors.base import new_findings
from holdfast.detectors.surface_shock import SurfaceShock
from tests.market.synthetic_chain import SECOND_NS, START_NS, Smile, SyntheticChain, flat

HOUR_NS = 3_600 * SECOND_NS


class _Watched:
    """A chain that lives for half a year, looked at whenever it is told a smile."""

    def __init__(self) -> None:
        self.chain = SyntheticChain(
            strikes=range(50_000, 200_001, 5_000), days=(*range(10, 60, 10), 90.0, 180.0, 365.0)
        )
        self.detector = SurfaceShock()

    def see(self, hours: float, smile: Smile) -> np.void:
        now_ns = START_NS + int(hours * HOUR_NS)
        self.chain.put(now_ns, smile)
        self.chain.look(now_ns)
        findings = new_findings(1)
        self.detector.judge(self.chain.chains, findings)
        return findings[0].copy()


def _level(value: float) -> Smile:
    return flat(value)


def _wobble(hours: float) -> Smile:
    return flat(0.5 * math.exp(0.01 * math.sin(hours * 1.7)))


def test_the_first_look_cannot_tell() -> None:
    assert math.isnan(_Watched().see(0, _level(0.5))["ratio"])


def test_a_jump_of_the_level_is_a_shock() -> None:
    watched = _Watched()
    for hours in range(0, 48, 6):
        assert not watched.see(hours, _wobble(hours))["ratio"] >= 0.5
    finding = watched.see(48, _level(0.75))
    assert finding["ratio"] > 2.0
    assert finding["evidence"][2] == pytest.approx(math.log(1.5), abs=0.02)
    assert "30 days" in watched.detector.describe(finding)


def test_the_way_back_is_no_shock() -> None:
    watched = _Watched()
    watched.see(0, _level(0.75))
    assert watched.see(6, _level(0.5))["ratio"] < 0.5


def test_the_same_rise_over_a_month_is_no_shock() -> None:
    watched = _Watched()
    watched.see(0, _level(0.5))
    assert watched.see(6, _level(0.62))["ratio"] > 1.0
    patient = _Watched()
    patient.see(0, _level(0.5))
    assert patient.see(30 * 24, _level(0.62))["ratio"] < 0.8


@pytest.mark.parametrize(
    "smile",
    [
        lambda _moneyness, years: 0.5 + (0.3 if years < 30 / 365 else 0.0),
        lambda moneyness, years: 0.5 - 0.35 * moneyness * math.sqrt(30 / 365 / years),
    ],
    ids=["inversion", "skew"],
)
def test_a_change_of_shape_is_a_shock(smile: Smile) -> None:
    watched = _Watched()
    for hours in range(0, 48, 6):
        watched.see(hours, _wobble(hours))
    assert watched.see(48, smile)["ratio"] > 1.0


def test_a_restless_chain_needs_a_larger_jump() -> None:
    ratios: list[float] = []
    for size in (0.005, 0.06):
        watched = _Watched()
        for look in range(120):
            watched.see(look * 6, _level(0.5 * math.exp(size * math.sin(look * look))))
        ratios.append(float(watched.see(120 * 6, _level(0.7))["ratio"]))
    assert ratios[0] > 2.0 * ratios[1]


def test_each_second_and_each_six_hours_are_judged_alike() -> None:
    slow, fast = _Watched(), _Watched()
    slow.see(0, _level(0.5))
    fast.see(0, _level(0.5))
    for second in range(0, 6 * 3_600, 600):
        fast.see(second / 3_600, _level(0.5))
    assert fast.see(6, _level(0.7))["ratio"] >= slow.see(6, _level(0.7))["ratio"]


def test_an_untrusted_look_is_neither_judged_nor_remembered() -> None:
    watched = _Watched()
    watched.see(0, _level(0.5))
    now_ns = START_NS + 6 * HOUR_NS
    watched.chain.put(now_ns, _level(0.9))
    watched.chain.look(now_ns)
    watched.chain.chains.looks["trusted"] = False
    before = [array.tobytes() for array in watched.detector.arrays()]
    findings = new_findings(1)
    watched.detector.judge(watched.chain.chains, findings)
    assert math.isnan(findings["ratio"][0])
    assert [array.tobytes() for array in watched.detector.arrays()] == before


def test_a_chain_without_volatilities_cannot_tell() -> None:
    watched = _Watched()
    for hours in (0, 6):
        watched.chain.put(START_NS + hours * HOUR_NS, _level(0.5))
        watched.chain.board["mark_vol"] = math.nan
        watched.chain.look(START_NS + hours * HOUR_NS)
        findings = new_findings(1)
        watched.detector.judge(watched.chain.chains, findings)
    assert math.isnan(findings["ratio"][0])


def test_what_comes_later_changes_nothing_said_before() -> None:
    def said(tail: Callable[[int], float]) -> list[bytes]:
        watched = _Watched()
        levels = [0.5 + 0.02 * math.sin(look) if look < 12 else tail(look) for look in range(24)]
        return [watched.see(6 * look, _level(level)).tobytes() for look, level in enumerate(levels)]

    calm, wild = said(lambda _: 0.5), said(lambda look: 0.5 + 0.1 * (look % 3))
    assert calm[:12] == wild[:12]
    assert calm[12:] != wild[12:]


def test_memory_stays_bounded() -> None:
    watched = _Watched()
    watched.see(0, _level(0.5))
    size = sum(array.nbytes for array in watched.detector.arrays())
    for look in range(1, 400):
        watched.see(look, _wobble(look))
    assert sum(array.nbytes for array in watched.detector.arrays()) == size < 50_000
