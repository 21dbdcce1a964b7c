"""The outbox survives a world that does its worst, and each rule that is broken on purpose is found."""

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from outbox_machine import OutboxMachine


def test_nothing_is_doubled_or_lost_whatever_the_world_does() -> None:
    run_state_machine_as_test(
        OutboxMachine, settings=settings(max_examples=60, stateful_step_count=50, deadline=None)
    )
