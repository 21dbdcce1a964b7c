"""Limits that change: tighter at once, looser after the delay, and called off by any tightening."""

import hypothesis.strategies as st
import msgspec
from hypothesis import settings as how
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from holdfast.clock import SECOND_NS
from holdfast.policy.governor.governor import Governor
from holdfast.policy.governor.limits import DeskLimits, GovernorSettings, Limits
from holdfast.policy.governor.loosening import Loosening, tighter

START = 1_700_000_000 * SECOND_NS
DELAY_S = 3_600


def limits(count: int = 100, **fields: object) -> GovernorSettings:
    return GovernorSettings(desk=DeskLimits(count_max=count), **fields)  # type: ignore[arg-type]


class Clock:
    """Loosening with a clock: what is proposed is folded at once."""

    def __init__(self, first: GovernorSettings) -> None:
        self.now_ns = START
        self.folded = Loosening()
        self.propose(first)

    def propose(self, asked: GovernorSettings) -> int:
        records = self.folded.propose(self.now_ns, asked, "ann")
        for record in records:
            self.folded.fold(record)
        return len(records)

    def wait(self, seconds: float) -> None:
        self.now_ns += round(seconds * SECOND_NS)

    @property
    def count(self) -> int | None:
        return self.folded.in_force(self.now_ns).desk.count_max


def test_before_anything_is_proposed_the_safe_defaults_hold() -> None:
    assert Governor().limits(START) == GovernorSettings()


def test_the_first_limits_hold_at_once() -> None:
    assert Clock(limits(50_000)).count == 50_000


def test_tighter_limits_hold_at_once() -> None:
    clock = Clock(limits(100))
    clock.propose(limits(10))
    assert clock.count == 10
    assert clock.folded.waiting(clock.now_ns) is None


def test_looser_limits_hold_after_the_delay_and_not_before() -> None:
    clock = Clock(limits(100))
    clock.propose(limits(1_000))
    assert clock.count == 100
    clock.wait(DELAY_S - 1)
    assert clock.count == 100
    assert clock.folded.waiting(clock.now_ns) == (limits(1_000), START + DELAY_S * SECOND_NS)
    clock.wait(1)
    assert clock.count == 1_000
    assert clock.folded.waiting(clock.now_ns) is None


def test_a_tightening_calls_off_what_waits() -> None:
    clock = Clock(limits(100))
    clock.propose(limits(1_000))
    clock.wait(60)
    clock.propose(limits(50))
    clock.wait(2 * DELAY_S)
    assert clock.count == 50


def test_going_back_calls_off_what_waits() -> None:
    clock = Clock(limits(100))
    clock.propose(limits(1_000))
    assert clock.propose(limits(100)) == 1
    clock.wait(2 * DELAY_S)
    assert clock.count == 100


def test_what_is_tighter_in_one_and_looser_in_another_is_split() -> None:
    clock = Clock(limits(100, messages_per_s_max=10))
    clock.propose(limits(1_000, messages_per_s_max=2))
    now = clock.folded.in_force(clock.now_ns)
    assert (now.desk.count_max, now.messages_per_s_max) == (100, 2)
    clock.wait(DELAY_S)
    later = clock.folded.in_force(clock.now_ns)
    assert (later.desk.count_max, later.messages_per_s_max) == (1_000, 2)


def test_a_restart_that_proposes_the_same_again_neither_shortens_nor_begins_the_wait_anew() -> None:
    clock = Clock(limits(100))
    clock.propose(limits(1_000))
    clock.wait(DELAY_S - 1)
    assert clock.propose(limits(1_000)) == 0
    clock.wait(1)
    assert clock.count == 1_000
    assert clock.propose(limits(1_000)) == 0


def test_the_same_record_folded_twice_does_not_begin_the_wait_anew() -> None:
    clock = Clock(limits(100))
    (record,) = clock.folded.propose(clock.now_ns, limits(1_000), "ann")
    clock.folded.fold(record)
    clock.wait(DELAY_S / 2)
    clock.folded.fold(msgspec.structs.replace(record, time_ns=clock.now_ns))  # as a second node writes it
    clock.wait(DELAY_S / 2)
    assert clock.count == 1_000


def test_something_looser_still_waits_anew() -> None:
    clock = Clock(limits(100))
    clock.propose(limits(1_000))
    clock.wait(DELAY_S - 1)
    clock.propose(limits(2_000))
    clock.wait(1)
    assert clock.count == 100
    clock.wait(DELAY_S)
    assert clock.count == 2_000


def test_the_delay_cannot_be_shortened_to_get_round_itself() -> None:
    clock = Clock(limits(100))
    clock.propose(limits(1_000, loosening_delay_s=0.0))
    assert clock.count == 100
    clock.propose(limits(1_000, loosening_delay_s=1.0))
    clock.wait(2)
    assert clock.count == 100
    clock.wait(DELAY_S)
    assert clock.count == 1_000


def test_rows_that_come_are_tighter_and_rows_that_go_are_looser() -> None:
    row = {"deribit": Limits(count_max=5, window_s=60.0)}
    clock = Clock(limits())
    clock.propose(limits(venues=row))
    assert clock.folded.in_force(clock.now_ns).venues == row
    clock.propose(limits())
    assert clock.folded.in_force(clock.now_ns).venues == row
    clock.wait(DELAY_S)
    assert clock.folded.in_force(clock.now_ns).venues == {}


def test_lists_of_names_are_tighter_when_shorter_and_none_is_no_list() -> None:
    every = GovernorSettings()
    some = GovernorSettings(desk=DeskLimits(instruments=("v:a", "v:b")), transfer_targets=("v:x",))
    none = GovernorSettings(desk=DeskLimits(instruments=()))
    assert tighter(every, some).desk.instruments == ("v:a", "v:b")
    assert tighter(every, some).transfer_targets == ()
    assert tighter(some, every).desk.instruments == ("v:a", "v:b")
    assert tighter(none, every).desk.instruments == ()
    assert tighter(some, GovernorSettings(desk=DeskLimits(instruments=("v:b", "v:c")))).desk.instruments == (
        "v:b",
    )


def test_a_governor_folds_what_it_proposed() -> None:
    governor = Governor()
    for record in governor.propose(START, limits(7), "ann"):
        assert msgspec.json.decode(record.limits, type=GovernorSettings) == limits(7)
        governor.fold(record)
    assert governor.limits(START).desk.count_max == 7
    assert governor.waiting(START) is None


class Changing(RuleBasedStateMachine):
    """No limit ever gets looser sooner than the delay after it was asked for, and a restart agrees."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock(limits(100))
        self.records = self.clock.folded.propose(START, limits(1), "nobody")[:0]
        self.asked: list[tuple[int, int]] = [(START - DELAY_S * SECOND_NS, 100)]
        self.journal = Loosening()
        for record in Loosening().propose(START, limits(100), "config"):
            self.journal.fold(record)

    @rule(count=st.integers(1, 300))
    def propose(self, count: int) -> None:
        for record in self.clock.folded.propose(self.clock.now_ns, limits(count), "ann"):
            self.journal.fold(record)
            self.clock.folded.fold(record)
        self.asked.append((self.clock.now_ns, count))

    @rule(seconds=st.sampled_from([1, 600, 3_599, 3_600, 4_000]))
    def wait(self, seconds: int) -> None:
        self.clock.wait(seconds)

    @invariant()
    def what_holds_was_asked_for_long_enough_ago_or_is_tighter(self) -> None:
        count = self.clock.count
        assert count is not None
        old = [asked for when, asked in self.asked if when <= self.clock.now_ns - DELAY_S * SECOND_NS]
        assert count <= max(old)
        assert count <= self.asked[-1][1] or count in [asked for _, asked in self.asked]

    @invariant()
    def the_last_asked_is_never_exceeded(self) -> None:
        assert self.clock.count is not None
        assert self.clock.count <= self.asked[-1][1]

    @invariant()
    def a_restart_agrees(self) -> None:
        assert self.journal.in_force(self.clock.now_ns) == self.clock.folded.in_force(self.clock.now_ns)


TestChanging = Changing.TestCase
TestChanging.settings = how(max_examples=60, stateful_step_count=25)
