"""The outbox in a world that does its worst, as a Hypothesis state machine; `make_outbox` is what a mutant replaces."""

from collections.abc import Callable
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from outbox_world import SECOND, World, cancel_all, order, tell, transfer

from holdfast.response.outbox import Outbox

HEALED_S_MAX = 90
ACTIONS = (order, order, order, transfer, cancel_all, tell, lambda: order(2, rests=True))
SKEWS_S = (0, 0, 0, -90, 90)


class OutboxMachine(RuleBasedStateMachine):
    """Do anything in any order; then heal, and everything must have ended as it happened."""

    make_outbox: ClassVar[Callable[[], Outbox]] = Outbox

    def __init__(self) -> None:
        super().__init__()
        self.world = World(type(self).make_outbox)
        self.wants = 0

    @rule(action=st.sampled_from(ACTIONS))
    def want(self, action: Callable[[], object]) -> None:
        if self.wants < 4:
            self.wants += 1
            self.world.want(f"run/step/{self.wants}", action())  # type: ignore[arg-type]

    @precondition(lambda self: self.wants)
    @rule()
    def want_again(self) -> None:
        self.world.want("run/step/1", order())

    @precondition(lambda self: self.world.live())
    @rule()
    def write_and_send(self) -> None:
        for node in self.world.live():
            node.finish_write()
            node.send()

    @precondition(lambda self: self.world.live())
    @rule()
    def write_only(self) -> None:
        for node in self.world.live():
            node.finish_write()

    @precondition(lambda self: self.world.live())
    @rule()
    def send_only(self) -> None:
        for node in self.world.live():
            node.send()

    @precondition(lambda self: self.world.wire)
    @rule(data=st.data(), outcome=st.sampled_from(("fill", "fill", "part", "none", "refuse")))
    def deliver(self, data: st.DataObject, outcome: str) -> None:
        self.world.outcomes = lambda: outcome
        self.world.deliver(data.draw(st.integers(0, len(self.world.wire) - 1)))

    @precondition(lambda self: self.world.wire)
    @rule(data=st.data())
    def deliver_a_copy(self, data: st.DataObject) -> None:
        at = data.draw(st.integers(0, len(self.world.wire) - 1))
        if self.world.wire[at].answer is not None:
            self.world.deliver(at, keep=True)

    @precondition(lambda self: self.world.wire)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        self.world.lose(data.draw(st.integers(0, len(self.world.wire) - 1)))

    @precondition(lambda self: self.world.wire)
    @rule(data=st.data())
    def time_out(self, data: st.DataObject) -> None:
        self.world.time_out(data.draw(st.integers(0, len(self.world.wire) - 1)))

    @rule(elapsed_ms=st.sampled_from((10, 300, 1000, 2100, 5000)))
    def advance(self, elapsed_ms: int) -> None:
        self.world.advance(elapsed_ms * SECOND // 1000)

    @rule(error_ms=st.sampled_from((-400, 0, 400)))
    def venue_clock_errs(self, error_ms: int) -> None:
        self.world.clock_error_ns = error_ms * SECOND // 1000

    @rule(trouble=st.sampled_from(("", "", "full", "lost", "kept")))
    def journal_trouble(self, trouble: str) -> None:
        self.world.journal.trouble = trouble  # type: ignore[assignment]

    @rule(kept=st.booleans(), skew_s=st.sampled_from(SKEWS_S))
    def crash_and_restart(self, kept: bool, skew_s: int) -> None:
        self.world.crash(kept=kept)
        self.world.start(skew_s * SECOND)

    @rule(skew_s=st.sampled_from(SKEWS_S))
    def another_takes_over(self, skew_s: int) -> None:
        self.world.start(skew_s * SECOND)

    @precondition(lambda self: self.world.stopped)
    @rule()
    def the_stopped_one_goes_on(self) -> None:
        node = self.world.stopped.pop()
        node.send()
        node.finish_write()
        node.send()

    @invariant()
    def nothing_is_done_twice(self) -> None:
        self.world.check()

    def teardown(self) -> None:
        self.world.heal(HEALED_S_MAX)
