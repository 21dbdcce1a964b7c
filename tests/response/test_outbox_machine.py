"""The outbox survives a world that does its worst, and each rule that is broken on purpose is found."""

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from outbox_machine import OutboxMachine
from outbox_mutants import MUTANTS
from outbox_storm import storm

from holdfast.error import BrokenInvariant
from holdfast.response.outbox import Outbox

SEEDS = 150
SEEDS_LONG = 10_000
SEEDS_OF_A_MUTANT_MAX = 4_000


def test_nothing_is_doubled_or_lost_whatever_the_world_does(long_run: bool) -> None:
    examples = 3_000 if long_run else 60
    run_state_machine_as_test(
        OutboxMachine, settings=settings(max_examples=examples, stateful_step_count=50, deadline=None)
    )


def test_nothing_is_doubled_or_lost_in_so_many_stories() -> None:
    for seed in range(SEEDS):
        storm(seed)


@pytest.mark.long
def test_nothing_is_doubled_or_lost_in_many_more_stories() -> None:
    for seed in range(SEEDS, SEEDS_LONG):
        storm(seed)


def test_a_story_is_the_same_each_time() -> None:
    assert storm(3).journal.durable == storm(3).journal.durable


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_a_broken_rule_is_found(mutant: type[Outbox]) -> None:
    for seed in range(SEEDS_OF_A_MUTANT_MAX):
        try:
            storm(seed, mutant)
        except (AssertionError, BrokenInvariant):
            return
    raise AssertionError(f"nobody noticed: {mutant.__doc__}")
