"""A cancel wants an order that is not open: a venue that says so has nothing left to do."""

from outbox_desk import Desk, settled
from outbox_world import ACCOUNT, INSTRUMENT, SECOND, VENUE, cancel_all

from holdfast.action import CancelOrder
from holdfast.response.schedule import NEVER_NS


def test_a_cancel_of_an_order_that_is_not_open_any_more_is_done() -> None:
    desk = Desk()
    desk.submit(CancelOrder(VENUE, ACCOUNT, INSTRUMENT, "17"))
    assert settled(desk.answer("refused", code="not_open")) == [("done", "not_open")]
    assert desk.outbox.wake_ns == NEVER_NS


def test_any_other_refusal_of_a_cancel_is_tried_again() -> None:
    desk = Desk()
    desk.submit(CancelOrder(VENUE, ACCOUNT, INSTRUMENT, "17"))
    assert settled(desk.answer("refused", code="busy")) == []
    assert len([one for one in desk.at(SECOND) if getattr(one, "attempt", 0) == 2]) == 1


def test_a_cancel_of_everything_has_no_order_that_could_be_gone() -> None:
    desk = Desk()
    desk.submit(cancel_all())
    assert settled(desk.answer("refused", code="not_open")) == []
