"""Universes: the real node in virtual time, with everything going wrong; and broken nodes, which must be found out."""

import os
import sys
from pathlib import Path

import pytest

from holdfast.app.warm_up import warm_up, warm_up_feeds
from holdfast.lab.universe.universe import Universe
from holdfast.lab.world.listings import VENUES
from holdfast.response.outbox import Outbox

sys.path.append(str(Path(__file__).resolve().parents[2] / "response"))
from outbox_mutants import BrakesOnce, ForgetsWhatWasUnderWay, LeavesBeforeDurable, RetriesOnUnknown

SEEDS = 10_000 if os.environ.get("HOLDFAST_NIGHTLY") else 200
CHUNKS = 10
MUTANT_SEEDS_MAX = 120


@pytest.fixture(scope="module", autouse=True)
def _warm() -> None:
    warm_up()
    warm_up_feeds(VENUES)


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_no_universe_doubles_or_loses_an_effect_and_every_one_comes_to_rest(chunk: int) -> None:
    wrong: dict[int, list[str]] = {}
    for seed in range(chunk, SEEDS, CHUNKS):
        universe = Universe(seed)
        verdict = universe.run()
        if verdict.wrong:
            wrong[seed] = [*verdict.wrong, *universe.events]
    assert wrong == {}


def test_one_seed_is_one_universe() -> None:
    first, second = Universe(5), Universe(5)
    first.run()
    second.run()
    assert first.journal.durable == second.journal.durable
    assert len(first.journal.durable) > 50


def test_in_a_calm_universe_nothing_is_done() -> None:
    universe = Universe(1, is_stormy=False)
    verdict = universe.run()
    assert verdict.wrong == []
    assert verdict.effects == 0


@pytest.mark.parametrize(
    "mutant",
    [LeavesBeforeDurable, RetriesOnUnknown, ForgetsWhatWasUnderWay, BrakesOnce],
    ids=lambda one: one.__name__,
)
def test_a_node_whose_outbox_breaks_one_rule_is_found_out(
    mutant: type[Outbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holdfast.app.assemble.Outbox", mutant)
    found = next((wrong for seed in range(MUTANT_SEEDS_MAX) if (wrong := Universe(seed).run().wrong)), [])
    assert found
