"""The fold: the same rows give the same events and the same state, however they come."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast import tape
from holdfast.app.rule_files import load_rules
from holdfast.engine import State
from holdfast.event import Alert, Event
from holdfast.policy.desk import Desk
from holdfast.policy.escalation import Escalation
from tests.market.rows import instruments, row, rows


def fresh(count: int = 2) -> State:
    return State(instruments(count), Desk(load_rules(None), Escalation()))


def story(seed: int, seconds: int = 900) -> tape.Rows:
    """Two venues, quiet for ten minutes, then a fall on one of them; a gap and a frozen side besides."""
    rng = np.random.default_rng(seed)
    price = 10_000.0 + np.cumsum(rng.normal(0.0, 1.5, seconds))
    price[600:] -= np.linspace(0.0, 900.0, seconds - 600)
    told = []
    for second in range(seconds):
        for number in (0, 1):
            mid = int(price[second] if number == 0 or second < 600 else price[600])
            at = second + 0.1 + 0.3 * number
            size = rng.integers(1, 50, 3).tolist()
            told += [
                row(tape.BOOK_RESET, at=at, instrument=number),
                row(tape.LEVEL, at=at, instrument=number, side=1, price=mid - 2, size=size[0]),
                row(
                    tape.LEVEL,
                    at=at,
                    instrument=number,
                    side=-1,
                    price=mid + 2,
                    size=size[1],
                    flags=tape.LAST,
                ),
                row(
                    tape.TRADE,
                    at=at + 0.05,
                    instrument=number,
                    side=-1,
                    price=mid - 2,
                    size=size[2],
                    flags=tape.LAST,
                ),
            ]
        if second == 700:
            told.append(row(tape.BOOK_GAP, at=second + 0.9, value=tape.GAP_SEQUENCE, flags=tape.LAST))
    return rows(*told)


def folded(parts: list[tape.Rows]) -> tuple[list[Event], str]:
    state = fresh()
    events = [event for part in parts for event in state.step(part)] + state.finish()
    return events, state.digest()


STORY = story(1)
WHOLE = folded([STORY])


def test_the_story_is_noticed() -> None:
    detectors = {event.detector for event in WHOLE[0] if isinstance(event, Alert)}
    assert {"price_shock", "dislocation", "sequence_gap"} <= detectors


@given(st.lists(st.integers(1, len(STORY) - 1), max_size=30))
@settings(max_examples=10)
def test_splitting_the_rows_changes_nothing(cuts: list[int]) -> None:
    assert folded(np.split(STORY, sorted(cuts))) == WHOLE


def test_one_row_at_a_time_changes_nothing() -> None:
    part = STORY[:4_000]
    assert folded([part]) == folded(np.split(part, len(part)))


def test_another_story_has_another_digest() -> None:
    assert folded([story(2)])[1] != WHOLE[1]


def test_one_changed_size_changes_the_digest() -> None:
    changed = STORY.copy()
    changed["size"][np.flatnonzero(changed["kind"] == tape.TRADE)[900]] += 1
    assert folded([changed])[1] != WHOLE[1]


@pytest.mark.parametrize("seed", ["0", "12345"])
def test_the_order_of_hashes_changes_nothing(seed: str) -> None:
    code = "from tests.engine.test_step import WHOLE; print(WHOLE[1])"
    env = {**os.environ, "PYTHONHASHSEED": seed}
    root = Path(__file__).resolve().parents[2]
    found = subprocess.run(
        [sys.executable, "-c", code], env=env, cwd=root, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == WHOLE[1]


def test_an_untrusted_instrument_raises_no_market_alarm() -> None:
    """The same fall, once with a bid side that stays crossed above the asks from before it begins."""
    crossed = STORY.copy()
    falling = (crossed["received_ns"] > crossed["received_ns"][0] + 590 * 10**9) & (
        crossed["instrument"] == 0
    )
    bids = falling & (crossed["kind"] == tape.LEVEL) & (crossed["side"] == 1)
    crossed["price"][bids] += 10
    events, _ = folded([crossed])
    late = [e for e in events if isinstance(e, Alert) and e.scope.venue == "v0"]
    assert "crossed_book" in {e.detector for e in late}
    assert not [
        e for e in late if e.detector in ("price_shock", "liquidity_evaporation", "liquidation_cascade")
    ]


def test_a_timer_row_lets_time_pass() -> None:
    state = fresh(1)
    state.step(
        rows(
            *(row(tape.TRADE, at=second, price=100, size=1, side=1, flags=tape.LAST) for second in range(60))
        )
    )
    silent = [row(tape.TIMER, at=60 + second, instrument=-1) for second in range(60)]
    events = state.step(rows(*silent))
    assert "stale_feed" in {event.detector for event in events if isinstance(event, Alert)}
