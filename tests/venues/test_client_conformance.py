"""Every native client keeps the six rules of `holdfast.venues.client`, whatever the venue."""

import random
from itertools import pairwise
from typing import Any

import pytest
from client_benches import BENCHES, BRAKES, CANCEL_ALL, EFFECTS, MOVES, PLACE, Bench
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.event import (
    BalanceReported,
    ClockMeasured,
    EffectAnswered,
    LineMoved,
    OrderAbsent,
    OrderReported,
    OrdersListed,
    PositionsListed,
    Quarantined,
    ResyncRequested,
)
from holdfast.venues.client import RECONNECT_S_FIRST, RECONNECT_S_MAX, Close, Frame, Open, Request
from holdfast.venues.clients import CLIENTS

VENUES = sorted(BENCHES)


@pytest.fixture(params=VENUES)
def bench(request: pytest.FixtureRequest) -> Bench:
    return BENCHES[request.param]()


def the_answer(bench: Bench, key: str = "k") -> EffectAnswered:
    (answer,) = bench.answers(key)
    return answer


def test_every_registered_client_is_on_the_bench() -> None:
    assert sorted(CLIENTS) == VENUES


# coming up


def test_it_comes_up_and_tells_what_the_account_holds(bench: Bench) -> None:
    bench.ready()
    assert sorted(bench.lines()) == [("private", True), ("public", True)]
    for kind in (ClockMeasured, OrdersListed, PositionsListed, BalanceReported):
        assert bench.told(kind), kind
    assert bench.told(PositionsListed)[0].positions[0].quantity < 0
    assert not bench.told(Quarantined)
    assert len(bench.client.feed.rows.take()) == 3


def test_it_is_not_ready_before_it_is_connected_or_after_it_has_ended(bench: Bench) -> None:
    assert not bench.client.is_ready
    bench.ready()
    bench.client.disconnect(bench.now_ns)
    bench.pump()
    assert not bench.client.is_ready
    assert ("private", False) in bench.lines()
    before = len(bench.wishes)
    bench.run(300)
    assert len(bench.wishes) == before


def test_nothing_goes_on_a_line_that_nobody_opened(bench: Bench) -> None:
    bench.silent = True
    bench.client.connect(bench.now_ns)
    bench.pump()
    bench.run(20)
    assert not [wish for wish in bench.wishes if isinstance(wish, Frame)]


# rule 3: one answer


@pytest.mark.parametrize("effect", EFFECTS)
def test_an_effect_is_accepted_once(bench: Bench, effect: str) -> None:
    bench.ready().effect(effect)
    assert bench.held
    assert not bench.answers()
    for wish in list(bench.held):
        bench.accept(wish)
        bench.accept(wish)
    assert the_answer(bench).outcome == "accepted"
    bench.run(120)
    assert len(bench.answers()) == 1


@pytest.mark.parametrize("effect", EFFECTS)
@pytest.mark.parametrize(
    ("kind", "outcome", "code"),
    [("limit", "refused", "rate_limited"), ("inside", "unknown", None), ("busy", "refused", "busy")],
)
def test_an_effect_that_the_venue_turns_down_says_whether_it_was_done(
    bench: Bench, effect: str, kind: str, outcome: str, code: str | None
) -> None:
    bench.ready().effect(effect)
    for wish in list(bench.held):
        bench.refuse(wish, kind)
    answer = the_answer(bench)
    assert answer.outcome == outcome
    assert code is None or answer.code == code
    assert answer.detail


@pytest.mark.parametrize(("kind", "outcome"), [("margin", "refused"), ("late", "expired")])
def test_an_order_that_is_refused_or_late_was_not_done(bench: Bench, kind: str, outcome: str) -> None:
    bench.ready().effect(PLACE)
    bench.refuse(bench.held[0], kind)
    assert the_answer(bench).outcome == outcome


@pytest.mark.parametrize("effect", EFFECTS)
def test_an_effect_without_an_answer_is_unknown_after_its_time(bench: Bench, effect: str) -> None:
    bench.ready().effect(effect)
    bench.run(1)
    assert not bench.answers()
    bench.run(6)
    assert the_answer(bench).outcome == "unknown"


def test_a_late_answer_still_tells_where_the_order_stands(bench: Bench) -> None:
    bench.ready().effect(PLACE)
    bench.run(7)
    assert the_answer(bench).outcome == "unknown"
    bench.events.clear()
    bench.accept(bench.held[0])
    assert [report.client_id for report in bench.told(OrderReported)] == ["hf-abc"]
    assert not bench.told(EffectAnswered)


@pytest.mark.parametrize("effect", EFFECTS)
def test_an_answer_that_cannot_be_read_leaves_an_order_unknown(bench: Bench, effect: str) -> None:
    bench.ready().effect(effect)
    for wish in list(bench.held):
        bench.garble(wish)
    if effect == PLACE:
        assert the_answer(bench).outcome == "unknown"
        assert bench.told(Quarantined)
    assert len(bench.answers()) == 1


@pytest.mark.parametrize("effect", EFFECTS)
def test_an_effect_is_answered_when_its_way_ends(bench: Bench, effect: str) -> None:
    bench.ready().effect(effect)
    for wish in bench.held:
        if isinstance(wish, Request):
            bench.client.on_failure(bench.now_ns, wish.id, "unknown", "connection reset")
    bench.client.on_close(bench.now_ns, "private", "connection reset")
    bench.take()
    assert the_answer(bench).outcome == "unknown"
    bench.run(60)
    assert len(bench.answers()) == 1


@pytest.mark.parametrize("effect", MOVES)
def test_a_move_is_unsent_while_the_account_is_not_connected(bench: Bench, effect: str) -> None:
    bench.effect(effect)
    assert not bench.held
    assert (the_answer(bench).outcome, the_answer(bench).code) == ("unsent", "not_connected")


@pytest.mark.parametrize("effect", MOVES)
def test_a_move_whose_validity_is_over_does_not_leave(bench: Bench, effect: str) -> None:
    bench.ready().effect(effect, valid_s=0.0)
    assert not bench.held
    assert (the_answer(bench).outcome, the_answer(bench).code) == ("unsent", "too_late")


def test_a_request_by_http_that_never_left_is_unsent(bench: Bench) -> None:
    bench.ready()
    bench.client.on_close(bench.now_ns, "private", "gone")
    bench.effect(CANCEL_ALL)
    for wish in bench.held:
        assert isinstance(wish, Request)
        bench.client.on_failure(bench.now_ns, wish.id, "unsent", "no route")
    bench.take()
    assert the_answer(bench).outcome == "unsent"


# rule 4: lines


def test_it_reconnects_with_a_delay_that_doubles_up_to_its_most(bench: Bench) -> None:
    bench.ready()
    bench.silent = True
    for line in dict.fromkeys(bench.opened):
        bench.client.on_close(bench.now_ns, line, "gone")
    bench.take()
    assert not bench.client.is_ready
    assert ("private", False) in bench.lines()
    bench.wishes.clear()
    times: list[int] = []
    for _ in range(4000):
        bench.now_ns = max(bench.now_ns, bench.client.wake_ns)
        bench.client.on_wake(bench.now_ns)
        for wish in bench.client.wishes:
            if isinstance(wish, Open):
                if wish.line == "public":
                    times.append(bench.now_ns)
                bench.client.on_close(bench.now_ns, wish.line, "refused")
            elif isinstance(wish, Request):
                bench.client.on_failure(bench.now_ns, wish.id, "unsent", "no route")
        bench.client.wishes.clear()
        if len(times) > 12:
            break
    gaps = [(after - before) / 1e9 for before, after in pairwise(times)]
    assert gaps[0] == pytest.approx(2 * RECONNECT_S_FIRST)
    assert gaps == sorted(gaps)
    assert gaps[-1] == pytest.approx(RECONNECT_S_MAX)


def test_it_comes_up_again_after_its_lines_were_lost(bench: Bench) -> None:
    bench.ready()
    bench.events.clear()
    for line in dict.fromkeys(bench.opened):
        bench.client.on_close(bench.now_ns, line, "gone")
    bench.take()
    assert {False} == {up for _, up in bench.lines()}
    assert bench.told(ResyncRequested)  # the book is stale until a fresh snapshot
    bench.run(5)
    assert bench.client.is_ready
    assert sorted(bench.lines()[-2:]) == [("private", True), ("public", True)]
    assert len(bench.told(OrdersListed)) == 1  # and it asks what is open


def test_a_line_that_is_never_opened_is_given_up(bench: Bench) -> None:
    bench.silent = True
    bench.client.connect(bench.now_ns)
    bench.pump()
    bench.run(100)
    assert len([wish for wish in bench.wishes if isinstance(wish, Open | Request)]) > 3
    assert not bench.client.is_ready


def test_a_line_that_falls_silent_is_opened_again(bench: Bench) -> None:
    bench.ready()
    bench.opened.clear()
    bench.silent = True
    bench.run(31)
    assert ("public", False) in bench.lines()
    assert ("private", False) in bench.lines()
    bench.silent = False
    bench.run(40)
    assert {"public", "private"} <= set(bench.opened)
    assert bench.client.is_ready


def test_a_line_on_which_nothing_happens_is_asked_whether_it_lives_and_stays(bench: Bench) -> None:
    bench.ready()
    bench.opened.clear()
    bench.wishes.clear()
    bench.run(600)
    assert bench.opened == []
    assert [wish for wish in bench.wishes if isinstance(wish, Frame)]
    assert not bench.told(Quarantined)


# rule 5: limits


def test_moves_wait_for_the_venues_limit_and_leave_in_order(bench: Bench) -> None:
    bench.ready()
    for number in range(300):
        bench.effect(PLACE, f"k{number}", valid_s=6.0)
    at_once = len(bench.held)
    assert 10 < at_once < 300
    bench.run(1)
    assert at_once < len(bench.held) < 300
    bench.run(30)
    unsent = [e for e in bench.told(EffectAnswered) if e.outcome == "unsent"]
    assert len(bench.held) + len(unsent) == 300
    assert {answer.code for answer in unsent} == {"rate_limited"}


@pytest.mark.parametrize("brake", BRAKES)
def test_a_brake_leaves_at_once_whatever_waits(bench: Bench, brake: str) -> None:
    bench.ready()
    for number in range(300):
        bench.effect(PLACE, f"k{number}", valid_s=20.0)
    bench.held.clear()
    for number in range(50):
        before = len(bench.held)
        bench.effect(brake, f"b{number}")
        assert len(bench.held) > before


@pytest.mark.parametrize("brake", BRAKES)
def test_a_brake_by_http_is_urgent(bench: Bench, brake: str) -> None:
    bench.ready()
    bench.client.on_close(bench.now_ns, "private", "gone")
    bench.silent = False
    bench.effect(brake)
    if not bench.held:
        assert the_answer(bench).outcome == "unsent"  # a switch that only a connection has
        return
    assert all(isinstance(wish, Request) and wish.urgent for wish in bench.held)
    for wish in list(bench.held):
        bench.accept(wish)
    assert the_answer(bench).outcome == "accepted"


def test_a_venue_that_says_too_many_hears_brakes_only_for_a_while(bench: Bench) -> None:
    bench.ready().effect(PLACE)
    bench.refuse(bench.held[0], "limit")
    assert the_answer(bench).code == "rate_limited"
    bench.held.clear()
    bench.effect(CANCEL_ALL, "b")
    assert bench.held


# questions


def test_an_order_is_found_by_its_client_id_or_said_to_be_absent(bench: Bench) -> None:
    bench.ready()
    bench.client.ask_order(bench.now_ns, bench.symbol, "hf-abc")
    bench.client.ask_order(bench.now_ns, bench.symbol, "hf-other")
    bench.pump()
    assert [report.client_id for report in bench.told(OrderReported)] == ["hf-abc"]
    assert [absent.client_id for absent in bench.told(OrderAbsent)] == ["hf-other"]


def test_a_question_without_an_answer_tells_nothing_and_may_be_asked_again(bench: Bench) -> None:
    bench.ready()
    bench.silent = True
    bench.client.ask_order(bench.now_ns, bench.symbol, "hf-other")
    bench.pump()
    bench.run(7)
    assert not bench.told(OrderAbsent)
    bench.silent = False
    bench.client.ask_order(bench.now_ns, bench.symbol, "hf-other")
    bench.pump()
    if not bench.client.is_ready:
        bench.run(1)
        bench.client.ask_order(bench.now_ns, bench.symbol, "hf-other")
        bench.pump()
    assert len(bench.told(OrderAbsent)) == 1


def test_the_same_question_is_on_its_way_once(bench: Bench) -> None:
    bench.ready()
    bench.silent = True
    bench.wishes.clear()
    for _ in range(5):
        bench.client.ask_positions(bench.now_ns)
    bench.pump()
    assert len(bench.wishes) == 1


def test_the_venues_clock_is_measured(bench: Bench) -> None:
    bench.ready()
    offset_ns = bench.told(ClockMeasured)[0].offset_ns
    assert abs(offset_ns - 250_000_000) <= 1_000_000


def test_a_clock_that_is_set_back_holds_moves_until_the_venue_was_asked(bench: Bench) -> None:
    bench.ready()
    bench.silent = True
    bench.now_ns -= 3_600_000_000_000
    bench.client.on_wake(bench.now_ns)
    bench.pump()
    assert not bench.client.is_ready
    bench.effect(PLACE)
    assert the_answer(bench).outcome == "unsent"
    bench.effect(CANCEL_ALL, "b")
    bench.run(7)
    assert the_answer(bench, "b").outcome == "unknown"  # its time-out went back with the clock


def test_effects_on_their_way_survive_a_clock_that_is_set_back(bench: Bench) -> None:
    bench.ready().effect(PLACE)
    bench.now_ns -= 3_600_000_000_000
    bench.client.on_wake(bench.now_ns)
    bench.run(7)
    assert the_answer(bench).outcome == "unknown"


# rule 1: nothing that a venue sends raises


def mutated(data: bytes, random_: random.Random) -> bytes:
    """Return a frame with some damage."""
    broken = bytearray(data)
    for _ in range(random_.randrange(1, 4)):
        choice = random_.randrange(4)
        at = random_.randrange(len(broken) + 1)
        if choice == 0 and broken:
            broken[min(at, len(broken) - 1)] = random_.randrange(256)
        elif choice == 1:
            del broken[at : at + random_.randrange(1, 20)]
        elif choice == 2:
            broken[at:at] = random_.choice(
                [b"null", b"{", b"]", b'"', b"-1", b"1e400", b"NaN", b"99999999999999999999"]
            )
        else:
            start = random_.randrange(len(broken) + 1)
            broken[at:at] = broken[start : start + 10]
    return bytes(broken)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("venue", VENUES)
def test_damaged_frames_and_answers_never_raise_and_never_answer_twice(venue: str, seed: int) -> None:
    random_ = random.Random(seed)
    bench = BENCHES[venue]()
    said = spy(bench)
    bench.ready()
    for effect in EFFECTS:
        bench.effect(effect, effect)
    for wish in list(bench.held):
        bench.accept(wish)
    for _ in range(20):
        what, arguments = random_.choice(said)
        damaged = mutated(arguments[-1], random_)
        if what == "frame":
            bench.client.on_frame(bench.now_ns, random_.choice(("private", "public")), damaged)
        else:
            for wish in bench.held:
                if isinstance(wish, Request):
                    bench.client.on_answer(bench.now_ns, wish.id, random_.choice((200, 400, 503)), damaged)
        bench.run(random_.random())
    bench.run(40)
    answered = [event.key for event in bench.told(EffectAnswered)]
    assert sorted(answered) == sorted(EFFECTS)


def spy(bench: Bench) -> list[tuple[str, tuple[Any, ...]]]:
    """Return a list that collects what the venue says to the client."""
    said: list[tuple[str, tuple[Any, ...]]] = []
    on_frame, on_answer = bench.client.on_frame, bench.client.on_answer

    def frame(now_ns: int, line: str, data: bytes) -> None:
        said.append(("frame", (line, data)))
        on_frame(now_ns, line, data)

    def answer(now_ns: int, id: int, status: int, body: bytes) -> None:
        said.append(("answer", (id, status, body)))
        on_answer(now_ns, id, status, body)

    bench.client.on_frame = frame  # type: ignore[method-assign]
    bench.client.on_answer = answer  # type: ignore[method-assign]
    return said


@given(data=st.binary(max_size=80))
@settings(max_examples=100, deadline=None)
@pytest.mark.parametrize("venue", VENUES)
def test_noise_becomes_a_quarantined_piece(venue: str, data: bytes) -> None:
    bench = READY[venue]
    bench.events.clear()
    for line in ("private", "public"):
        bench.client.on_frame(bench.now_ns, line, data)
    bench.take()
    assert all(isinstance(event, Quarantined | ResyncRequested) for event in bench.events)


READY = {venue: BENCHES[venue]().ready() for venue in VENUES}


def test_an_answer_to_nothing_is_ignored(bench: Bench) -> None:
    bench.ready()
    bench.events.clear()
    bench.client.on_answer(bench.now_ns, 99_999, 200, b"{}")
    bench.client.on_failure(bench.now_ns, 99_999, "unknown", "?")
    bench.client.on_frame(bench.now_ns, "no such line", b"{}")
    bench.client.on_open(bench.now_ns, "no such line")
    bench.client.on_close(bench.now_ns, "no such line", "?")
    bench.take()
    assert not bench.events


def test_a_line_that_opens_after_nobody_waits_for_it_is_closed(bench: Bench) -> None:
    bench.ready()
    bench.client.on_close(bench.now_ns, "private", "gone")
    bench.client.wishes.clear()
    bench.client.on_open(bench.now_ns, "private")
    assert [type(wish) for wish in bench.client.wishes] == [Close]


def test_a_lost_line_is_told_once(bench: Bench) -> None:
    bench.ready()
    bench.silent = True
    bench.client.on_close(bench.now_ns, "private", "gone")
    bench.client.on_close(bench.now_ns, "private", "gone")
    bench.take()
    assert [event.up for event in bench.told(LineMoved) if event.line == "private"] == [True, False]


def test_a_move_that_waits_when_the_client_ends_never_left(bench: Bench) -> None:
    bench.ready()
    for number in range(300):
        bench.effect(PLACE, f"k{number}", valid_s=60.0)
    bench.client.disconnect(bench.now_ns)
    bench.pump()
    bench.run(10)
    assert len(bench.told(EffectAnswered)) == 300
