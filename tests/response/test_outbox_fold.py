"""What no journal of ours can hold is refused, what venues say of others is passed over, and what is over costs nothing."""

from decimal import Decimal
from typing import Any

import pytest
from outbox_desk import KEY, Desk
from outbox_world import ACCOUNT, INSTRUMENT, VENUE, cancel_all, order

from holdfast.error import BrokenInvariant
from holdfast.event import (
    OrderReported,
)
from holdfast.receipt import Attempted, Intended, NodeStarted, Settled
from holdfast.response.schedule import NEVER_NS


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([Intended(1, KEY, cancel_all(), "again")], "is intended twice"),
        ([Attempted(1, "run/step/9", 1)], "is attempted, and is not open"),
        ([Attempted(1, KEY, 3)], "attempt 3 at run/step/0 comes after attempt 1"),
        ([Attempted(1, KEY, 2)], "is attempted while it is in_flight"),
        ([Settled(1, "run/step/9", "done")], "is settled, and is not open"),
        ([Settled(1, KEY, "expired")], "is settled as expired while it is in_flight"),
        ([Settled(1, KEY, "refused")], "is settled as refused while it is in_flight"),
        ([Settled(1, KEY, "abandoned"), Settled(1, KEY, "done")], "is settled, and is not open"),
        ([NodeStarted(1, "node", 1)], "epoch 1 begins after epoch 1"),
    ],
)
def test_a_journal_that_no_node_of_ours_wrote_is_refused_with_the_record(
    records: list[Any], said: str
) -> None:
    desk = Desk()
    desk.submit(order())
    *before, last = records
    for record in before:
        desk.outbox.fold(record)
    with pytest.raises(BrokenInvariant, match=said) as told:
        desk.outbox.fold(last)
    assert told.value.code == "outbox.impossible"
    assert told.value.where == f"record {3 + len(records)}"


def test_what_the_venue_says_of_others_is_passed_over() -> None:
    desk = Desk()
    desk.submit(order())
    event = OrderReported(
        time_ns=1,
        venue=VENUE,
        account=ACCOUNT,
        instrument=INSTRUMENT,
        order_id="7",
        client_id="by-hand",
        side="buy",
        quantity=Decimal(1),
        filled=Decimal(1),
        state="filled",
    )
    assert not desk.outbox.concerns(event)
    assert desk.hear(event) == []


def test_settled_keys_cost_a_wake_nothing() -> None:
    desk = Desk()
    for number in range(300):
        desk.submit(cancel_all(), f"run/step/{number}")
        desk.answer("accepted", key=f"run/step/{number}")
    assert desk.outbox.open_keys() == ()
    assert desk.outbox.wake_ns == NEVER_NS
    assert not desk.outbox._schedule._heap
    assert not desk.outbox._intents.touched
