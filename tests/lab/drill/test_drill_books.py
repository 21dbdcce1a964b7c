"""The books of a drill: each kind of effect that is doubled or lost is found, and what is right is not."""

from decimal import Decimal

from holdfast.action import CancelAll, PlaceOrder, Tell
from holdfast.event import Scope
from holdfast.lab.drill.books import Books, Finding
from holdfast.lab.drill.world_process import VenueOrder
from holdfast.receipt import Attempted, Intended, PlaybookEnded, PlaybookStarted, Settled, StepEntered

VENUE, INSTRUMENT = "deribit", "BTC-PERPETUAL"
PLAN = {
    f"aim {VENUE}:{INSTRUMENT} (desk)": '{"venue":"deribit","account":"desk","instrument":"BTC-PERPETUAL",'
    '"start":"100","target":"50","budget":"50"}'
}


def books(fate: str = "done", *, attempted: bool = True) -> Books:
    """Return the books of a desk with one order to sell 50."""
    made = Books("hf-")
    order = PlaceOrder(
        venue=VENUE,
        account="desk",
        instrument=INSTRUMENT,
        side="sell",
        quantity=Decimal(50),
        limit_price=Decimal(1),
    )
    made.take([
        PlaybookStarted(1, "unwind-1", "unwind", "v", Scope(VENUE), "act", "operator ann"),
        StepEntered(1, "unwind-1", "sell", PLAN),
        Intended(1, "unwind-1/sell/0", order, "because", "hf-a"),
    ])  # fmt: skip
    if attempted:
        made.take([Attempted(1, "unwind-1/sell/0", 1, 2)])
    if fate:
        made.take([
            Settled(2, "unwind-1/sell/0", fate),  # type: ignore[arg-type]
            PlaybookEnded(2, "unwind-1", "done"),
        ])  # fmt: skip
    return made


def order(number: int = 1, *, filled: int = 50, name: str = "hf-a") -> VenueOrder:
    """Return an order of the venue's books."""
    return VenueOrder(str(number), name, INSTRUMENT, "sell", Decimal(50), Decimal(filled), "filled")


def kinds(found: list[Finding]) -> list[str]:
    return [one.kind for one in found]


def rest(made: Books, held: int, resting: dict[str, list[str]] | None = None) -> list[Finding]:
    return made.judge_rest(set(), ["unwind-1"], {(VENUE, INSTRUMENT): Decimal(held)}, resting or {})


def test_an_order_that_was_meant_once_and_done_once_is_right() -> None:
    made = books()
    assert made.judge({VENUE: [order(), order(2, name="mm-other")]}) == []
    assert rest(made, 50) == []
    assert made.new_orders({VENUE: [order()]}) == {(VENUE, "hf-a")}
    assert made.new_orders({VENUE: [order()]}) == set()


def test_an_order_that_is_there_twice_or_filled_beyond_its_intent_is_doubled() -> None:
    assert kinds(books().judge({VENUE: [order(1), order(2)]})) == ["doubled"]
    assert kinds(books().judge({VENUE: [order(filled=51)]})) == ["doubled"]


def test_an_order_without_a_durable_attempt_is_doubled() -> None:
    assert kinds(books("", attempted=False).judge({VENUE: [order()]})) == ["doubled"]
    assert kinds(books().judge({VENUE: [order(), order(2, name="hf-unheard-of")]})) == ["doubled"]


def test_an_order_whose_fate_the_books_contradict_is_lost() -> None:
    assert kinds(books("done").judge({VENUE: []})) == ["lost"]
    assert kinds(books("expired").judge({VENUE: [order()]})) == ["lost"]
    assert kinds(books("expired").judge({VENUE: []})) == []


def test_what_has_no_fate_in_the_end_is_lost_but_words_are_not_effects() -> None:
    made = books("")
    made.take([Intended(1, "unwind-1/tell/0", Tell("title", "text"), "because")])
    assert rest(made, 100) == [Finding("lost", "unwind-1/sell/0 has no fate")]


def test_a_run_that_is_done_must_have_reached_its_target_and_no_more() -> None:
    assert kinds(rest(books(), 60)) == ["lost"]
    assert kinds(rest(books(), 40)) == ["doubled"]


def test_a_cancel_of_everything_that_is_done_leaves_nothing_that_rested_before() -> None:
    made = books()
    made.take([
        Intended(1, "unwind-1/cancel/0", CancelAll(VENUE, "desk"), "because"),
        Attempted(1, "unwind-1/cancel/0", 1),
        Settled(1, "unwind-1/cancel/0", "done"),
    ])  # fmt: skip
    assert rest(made, 50, {VENUE: []}) == []
    assert kinds(rest(made, 50, {VENUE: ["mm-1"]})) == ["lost"]


def test_each_thing_is_told_once() -> None:
    made = books()
    assert len(made.judge({VENUE: []})) == 1
    assert made.judge({VENUE: []}) == []
