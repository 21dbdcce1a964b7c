"""The escalation table: up at once, down slowly, never without a cause."""

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from holdfast.clock import SECOND_NS
from holdfast.error import BrokenInvariant, CallerError
from holdfast.event import LEVELS, LevelMoved, Scope
from holdfast.policy.escalation import Escalation, ReleaseRefused
from holdfast.settings import EscalationTable, Step

BTC = Scope(venue="okx", instrument="BTC-USDT")
DESK = Scope()
NAN = float("nan")
TABLE = EscalationTable()


def climb(escalation: Escalation, *steps: tuple[float, ...], scope: Scope = BTC) -> list[str]:
    """Update at each (second, score[, floor rank]) and return the level after each."""
    levels = []
    for second, score, *floor in steps:
        rank = int(floor[0]) if floor else 0
        escalation.update(round(second * SECOND_NS), scope, score, LEVELS[rank])
        levels.append(escalation.level(scope))
    return levels


def test_every_scope_begins_at_normal() -> None:
    assert Escalation().level(BTC) == "normal"
    assert climb(Escalation(), (0, 24.9)) == ["normal"]


def test_the_way_up_is_immediate_and_may_pass_levels() -> None:
    assert climb(Escalation(), (0, 25.0), (1, 50.0), (2, 95.0)) == ["watch", "restrict", "halt"]
    (move,) = Escalation().update(7, BTC, 72.25)
    assert move == LevelMoved(7, BTC, "normal", "reduce", "score 72.2 reached 70")


def test_the_way_down_is_one_level_at_a_time_each_after_its_dwell() -> None:
    escalation = Escalation()
    seconds = [0, 1, 900, 901, 1200, 1201, 1260, 1261]
    levels = climb(escalation, (seconds[0], 75.0), *((second, 5.0) for second in seconds[1:]))
    assert levels == ["reduce", "reduce", "reduce", "restrict", "restrict", "watch", "watch", "normal"]


def test_a_score_between_down_and_up_keeps_the_level() -> None:
    assert set(climb(Escalation(), (0, 50.0), *((second, 45.0) for second in range(1, 5_000, 100)))) == {
        "restrict"
    }


def test_calm_must_be_unbroken() -> None:
    levels = climb(
        Escalation(), (0, 30.0), (1, 10.0), (59, 10.0), (60, 15.0), (61, 10.0), (120, 10.0), (121, 10.0)
    )
    assert levels == ["watch"] * 6 + ["normal"]


def test_an_unknown_score_raises_nothing_and_calms_nothing() -> None:
    assert climb(Escalation(), (0, NAN)) == ["normal"]
    assert climb(Escalation(), (0, 30.0), (1, 10.0), (60, NAN), (62, 10.0), (121, 10.0), (122, 10.0)) == [
        *["watch"] * 5,
        "normal",
    ]


def test_a_floor_lifts_and_holds_and_its_end_begins_the_dwell() -> None:
    levels = climb(Escalation(), (0, 5.0, 2), (1_000, 5.0, 2), (1_001, 5.0), (1_300, 5.0), (1_301, 5.0))
    assert levels == ["restrict", "restrict", "restrict", "restrict", "watch"]
    (move,) = Escalation().update(0, BTC, 5.0, "restrict", "rule `x` holds")
    assert move.because == "rule `x` holds"


def test_a_floor_below_the_level_does_not_hold_it() -> None:
    assert climb(Escalation(), (0, 75.0, 0), (1, 5.0, 1), (901, 5.0, 1), (1201, 5.0, 1), (9999, 5.0, 1)) == [
        "reduce",
        "reduce",
        "restrict",
        "watch",
        "watch",
    ]


def test_halt_stays_for_ever_without_a_person() -> None:
    assert climb(Escalation(), (0, 95.0), (10, 0.0), (10_000_000, 0.0)) == ["halt", "halt", "halt"]


def test_a_person_lowers_a_calm_halt_by_one_level() -> None:
    escalation = Escalation()
    climb(escalation, (0, 95.0), (10, 0.0))
    move = escalation.release(11 * SECOND_NS, BTC, "ann")
    assert move == LevelMoved(11 * SECOND_NS, BTC, "halt", "reduce", "released by ann")
    assert escalation.level(BTC) == "reduce"
    assert climb(escalation, (12, 0.0), (910, 0.0), (911, 0.0)) == ["reduce", "reduce", "restrict"]


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        ([], "release.not_held"),
        ([(0, 30.0)], "release.not_held"),
        ([(0, 75.0)], "release.not_held"),
        ([(0, 95.0)], "release.score_demands"),
        ([(0, 95.0), (1, 80.0)], "release.score_demands"),
        ([(0, 95.0), (1, NAN)], "release.score_demands"),
        ([(0, 95.0, 4), (1, 0.0, 4)], "release.rule_holds"),
    ],
)
def test_a_release_is_refused_with_a_reason(steps: list[Any], code: str) -> None:
    escalation = Escalation()
    climb(escalation, *steps)
    before = escalation.level(BTC)
    refused = escalation.release(100 * SECOND_NS, BTC, "ann")
    assert isinstance(refused, ReleaseRefused)
    assert refused.code == code
    assert refused.reason
    assert escalation.level(BTC) == before


def test_scopes_do_not_disturb_each_other() -> None:
    escalation = Escalation()
    climb(escalation, (10, 95.0))
    assert climb(escalation, (0, 30.0), scope=DESK) == ["watch"]
    assert escalation.level(BTC) == "halt"


def test_time_that_runs_backwards_is_a_broken_invariant() -> None:
    escalation = Escalation()
    escalation.update(5, BTC, 1.0)
    with pytest.raises(BrokenInvariant, match=r"policy\.time_backwards"):
        escalation.update(4, BTC, 1.0)


@pytest.mark.parametrize(
    ("rows", "place"),
    [
        ({"watch": {"up": 25, "down": 25, "dwell_s": 60}}, "escalation.watch.down"),
        ({"watch": {"up": 25, "down": -1, "dwell_s": 60}}, "escalation.watch.down"),
        ({"watch": {"up": 0, "down": 0, "dwell_s": 60}}, "escalation.watch.up"),
        ({"watch": {"up": NAN, "down": 0, "dwell_s": 60}}, "escalation.watch.up"),
        ({"watch": {"up": 55, "down": 15, "dwell_s": 60}}, "escalation.restrict.up"),
        ({"restrict": {"up": 50, "down": 10, "dwell_s": 60}}, "escalation.restrict.down"),
        ({"reduce": {"up": 70, "down": 60, "dwell_s": -1}}, "escalation.reduce.dwell_s"),
        ({"reduce": {"up": 70, "down": 60, "dwell_s": float("inf")}}, "escalation.reduce.dwell_s"),
        ({"halt": {"up": 101, "down": 80, "dwell_s": 0}}, "escalation.halt.up"),
    ],
)
def test_a_table_that_cannot_work_is_refused_at_its_place(rows: dict[str, Any], place: str) -> None:
    with pytest.raises(CallerError) as refused:
        msgspec.convert(rows, EscalationTable)
    assert refused.value.code == "escalation.invalid"
    assert refused.value.where == place


def test_a_table_may_be_given_row_by_row() -> None:
    table = msgspec.convert({"watch": {"up": 30, "down": 20, "dwell_s": 5}}, EscalationTable)
    assert table.watch == Step(up=30.0, down=20.0, dwell_s=5.0)
    assert table.halt == TABLE.halt
    assert climb(Escalation(table), (0, 29.0), (1, 30.0), (2, 19.0), (7, 19.0)) == [
        "normal", "watch", "watch", "normal",
    ]  # fmt: skip


_scores = st.floats(0.0, 100.0) | st.sampled_from((15.0, 25.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, NAN))
_updates = st.tuples(st.integers(0, 1_000), st.sampled_from((BTC, DESK)), _scores, st.integers(0, 4))


class EscalationMachine(RuleBasedStateMachine):
    """One scope, any scores, floors and pauses; the slow reading of the rules is in the checks."""

    def __init__(self) -> None:
        super().__init__()
        self.escalation = Escalation()
        self.now_ns = 0
        self.history: list[tuple[int, float, int]] = []  # time, score, floor
        self.rank = 0
        self.entered_ns = 0
        self.released = False

    @rule(pause_s=st.integers(0, 1_000), score=_scores, floor=st.sampled_from((0, 0, 0, 1, 2, 3, 4)))
    def sweep(self, pause_s: int, score: float, floor: int) -> None:
        self.now_ns += pause_s * SECOND_NS
        self.history.append((self.now_ns, score, floor))
        moves = self.escalation.update(self.now_ns, BTC, score, LEVELS[floor], "a rule" if floor else "")
        self._take(moves)

    @precondition(lambda self: self.rank == 4)
    @rule()
    def release(self) -> None:
        move = self.escalation.release(self.now_ns, BTC, "ann")
        _, score, floor = self.history[-1]
        if isinstance(move, ReleaseRefused):
            assert not score < TABLE.halt.down or floor == 4
            return
        assert score < TABLE.halt.down
        assert floor < 4
        self.rank, self.entered_ns = 3, self.now_ns

    @invariant()
    def level_is_what_the_moves_say(self) -> None:
        assert self.escalation.level(BTC) == LEVELS[self.rank]

    @invariant()
    def level_is_never_below_what_is_demanded(self) -> None:
        if self.history:
            _, score, floor = self.history[-1]
            demanded = max((n for n, step in enumerate(TABLE.steps, start=1) if score >= step.up), default=0)
            assert self.rank >= max(demanded, floor)

    def _take(self, moves: list[LevelMoved]) -> None:
        assert len(moves) <= 1
        if not moves and 0 < self.rank < 4:
            step = TABLE.steps[self.rank - 1]
            assert not self._calm_s(step, self.rank) >= step.dwell_s, "stayed longer than its dwell"
        for move in moves:
            assert move.from_level == LEVELS[self.rank]
            assert move.because
            after = LEVELS.index(move.to_level)
            _, score, floor = self.history[-1]
            if after > self.rank:
                assert score >= TABLE.steps[after - 1].up or floor == after, "rose without a cause"
            else:
                assert after == self.rank - 1, "fell by more than one level"
                step = TABLE.steps[self.rank - 1]
                assert not step.needs_person
                assert self._calm_s(step, self.rank) >= step.dwell_s
            self.rank, self.entered_ns = after, self.now_ns

    def _calm_s(self, step: Step, rank: int) -> float:
        """Return for how long the score has been calm at this level, NaN if it is not."""
        calm = list(
            itertools.takewhile(lambda one: one[1] < step.down and one[2] < rank, reversed(self.history))
        )
        return (self.now_ns - max(calm[-1][0], self.entered_ns)) / SECOND_NS if calm else NAN


EscalationMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestEscalationMachine = EscalationMachine.TestCase


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_updates, max_size=60))
def test_how_scopes_interleave_does_not_matter(updates: list[Any]) -> None:
    now_ns, timed = 0, []
    for pause_s, scope, score, floor in updates:
        now_ns += pause_s * SECOND_NS
        timed.append((now_ns, scope, score, floor))
    together = Escalation()
    moves = [m for t, scope, score, floor in timed for m in together.update(t, scope, score, LEVELS[floor])]
    apart = Escalation()
    for only in (BTC, DESK):
        own = [
            m
            for t, scope, score, f in timed
            if scope == only
            for m in apart.update(t, scope, score, LEVELS[f])
        ]
        assert own == [move for move in moves if move.scope == only]
    assert apart.memory() == together.memory()
