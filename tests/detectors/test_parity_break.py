"""Parity break: prices that could be traded against the forward, and prices that could not."""

import math

import pytest

from holdfast.detectors.base import new_findings
from holdfast.detectors.parity_break import ParityBreak
from tests.market.synthetic_chain import SECOND_NS, START_NS, SyntheticChain, flat

FORWARD = 100_000.0


class _Watched:
    """A chain looked at each second, its marks and quotes around a forward, its index beside it."""

    def __init__(self, *, inverse: bool = True, whole: bool = False) -> None:
        self.chain = SyntheticChain(
            strikes=range(60_000, 140_001, 5_000) if whole else (80_000,), days=(20.0,), inverse=inverse
        )
        self.detector = ParityBreak()
        self.second = 0
        self.unit = FORWARD if not inverse else 1.0

    def see(
        self, forward: float = FORWARD, index: float = 99_800.0, *, seconds: int = 1, **change: float
    ) -> float:
        """Put a moment on the board `seconds` later and return the ratio; add `change` to fields of a leg."""
        self.second += seconds
        now_ns = START_NS + self.second * SECOND_NS
        self.chain.put(now_ns, flat(0.5), forward, tells_forward=False, index=index)
        for name, amount in change.items():
            right, field = name.split("_", 1)
            number = next(n for n, *_, is_call in self.chain.options if is_call == (right == "call"))
            self.chain.board[number][field] += amount * self.unit
        self.chain.look(now_ns)
        return self.judge()

    def judge(self) -> float:
        self.findings = new_findings(1)
        self.detector.judge(self.chain.chains, self.findings)
        return float(self.findings["ratio"][0])

    def warm_up(self) -> None:
        for _ in range(15):
            self.see(seconds=60)


@pytest.mark.parametrize("inverse", [True, False])
def test_an_index_that_always_stands_beside_the_forward_breaks_nothing(inverse: bool) -> None:
    watched = _Watched(inverse=inverse)
    watched.warm_up()
    assert watched.see() == 0.0
    assert watched.see(FORWARD * 0.9, 99_800.0 * 0.9) == 0.0


def test_one_pair_cannot_tell_before_it_was_seen_for_ten_minutes() -> None:
    watched = _Watched()
    assert math.isnan(watched.see())
    assert math.isnan(watched.see(seconds=300))


@pytest.mark.parametrize("inverse", [True, False])
@pytest.mark.parametrize("side", [1.0, -1.0])
def test_quotes_that_leave_the_forward_are_a_break(inverse: bool, side: float) -> None:
    watched = _Watched(inverse=inverse)
    watched.warm_up()
    assert watched.see(FORWARD * (1 + 0.02 * side)) > 2.0
    off = float(watched.findings["evidence"][0][2])
    assert off * side > 0.0
    assert "parity" in watched.detector.describe(watched.findings[0])


def test_quotes_that_widen_around_the_forward_are_no_break() -> None:
    watched = _Watched()
    watched.warm_up()
    assert watched.see(call_bid=-0.19, call_ask=0.1) == 0.0


def test_a_mid_off_parity_inside_its_spread_is_no_break() -> None:
    watched = _Watched()
    watched.warm_up()
    assert watched.see(call_bid=-0.19) == 0.0


def test_a_single_side_that_can_be_traded_against_is_a_break() -> None:
    watched = _Watched()
    watched.warm_up()
    watched.see()
    watched.chain.withdraw("ask", [n for n, *_, is_call in watched.chain.options if is_call])
    call = next(n for n, *_, is_call in watched.chain.options if is_call)
    watched.chain.board[call]["bid"] += 0.02
    watched.chain.board["row_ns"] += SECOND_NS
    watched.chain.look(START_NS + (watched.second + 1) * SECOND_NS)
    assert watched.judge() > 2.0


def _see_marks_alone(watched: _Watched, forward: float, seconds: int) -> float:
    ratio = math.nan
    for _ in range(seconds):
        watched.second += 1
        now_ns = START_NS + watched.second * SECOND_NS
        watched.chain.put(now_ns, flat(0.5), forward, tells_forward=False, index=99_800.0)
        watched.chain.withdraw("ask", [0, 1])
        watched.chain.look(now_ns)
        ratio = watched.judge()
    return ratio


def test_marks_speak_when_quotes_are_gone_but_not_at_the_first_second() -> None:
    watched = _Watched()
    watched.warm_up()
    assert _see_marks_alone(watched, FORWARD, 30) == 0.0
    assert _see_marks_alone(watched, FORWARD * 0.98, 1) < 1.0
    assert _see_marks_alone(watched, FORWARD * 0.98, 60) > 2.0


def test_a_moved_basis_is_learned_slowly() -> None:
    watched = _Watched()
    watched.warm_up()
    assert watched.see(FORWARD * 1.003) > 0.0
    for _ in range(8 * 60):
        watched.see(FORWARD * 1.003, seconds=60)
    assert watched.see(FORWARD * 1.003) == 0.0


def test_a_break_is_not_learned_away_within_minutes() -> None:
    watched = _Watched()
    watched.warm_up()
    first = watched.see(FORWARD * 0.96)
    for _ in range(600):
        last = watched.see(FORWARD * 0.96)
    assert last > 0.6 * first > 1.0


def test_a_whole_expiry_is_judged_at_its_first_look() -> None:
    watched = _Watched(whole=True)
    assert watched.see() == 0.0


def test_one_stale_leg_among_many_is_no_break_and_many_are() -> None:
    chain = SyntheticChain(strikes=range(60_000, 140_001, 2_000), days=(20.0,))
    detector = ParityBreak()

    def ratio_with(broken: int, second: int) -> float:
        now_ns = START_NS + second * SECOND_NS
        chain.put(now_ns, flat(0.5), index=FORWARD)
        calls = [n for n, *_, is_call in chain.options if is_call][18 : 18 + broken]
        chain.board["bid"][calls] += 0.03
        chain.board["ask"][calls] += 0.03
        chain.look(now_ns)
        findings = new_findings(1)
        detector.judge(chain.chains, findings)
        return float(findings["ratio"][0])

    assert ratio_with(0, 1) == 0.0
    assert ratio_with(1, 2) == 0.0
    assert ratio_with(6, 3) > 1.0


def test_without_any_reference_price_it_cannot_tell() -> None:
    watched = _Watched()
    for _ in range(15):
        ratio = watched.see(index=math.nan, seconds=60)
    assert math.isnan(ratio)


def test_an_untrusted_look_is_neither_judged_nor_learned() -> None:
    watched = _Watched()
    watched.warm_up()
    watched.chain.put(
        START_NS + 2_000 * SECOND_NS, flat(0.5), FORWARD * 0.9, tells_forward=False, index=99_800.0
    )
    watched.chain.look(START_NS + 2_000 * SECOND_NS)
    watched.chain.chains.looks["trusted"] = False
    before = [array.tobytes() for array in watched.detector.arrays()]
    assert math.isnan(watched.judge())
    assert [array.tobytes() for array in watched.detector.arrays()] == before


def test_what_comes_later_changes_nothing_said_before() -> None:
    def said(shift: float) -> list[bytes]:
        watched = _Watched()
        out: list[bytes] = []
        for look in range(40):
            watched.see(FORWARD * (1.0 if look < 20 else 1.0 + shift), seconds=60)
            out.append(watched.findings.tobytes())
        return out

    assert said(0.0)[:20] == said(0.05)[:20]
    assert said(0.0)[20:] != said(0.05)[20:]
