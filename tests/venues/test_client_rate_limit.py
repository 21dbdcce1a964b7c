"""Token buckets keep a reserve for brakes; the venue's clock is known to half a round trip; effects end once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.clock import SECOND_NS
from holdfast.venues.asked import Asked, Effect, Outcome
from holdfast.venues.client import Frame
from holdfast.venues.rate_limit import TokenBucket
from holdfast.venues.turn import Queued, Turns
from holdfast.venues.venue_clock import VenueClock


def test_a_bucket_keeps_its_reserve_for_brakes() -> None:
    bucket = TokenBucket(rate_per_s=1.0, burst=10.0, reserve=3.0)
    taken = sum(bucket.take(0) for _ in range(20))
    assert taken == 7
    for _ in range(20):
        bucket.brake(0)
    assert not bucket.take(10 * SECOND_NS)
    assert (
        bucket.ready_ns(10 * SECOND_NS) == 14 * SECOND_NS
    )  # the debt of a burst, the reserve and the request itself
    assert bucket.take(14 * SECOND_NS)


def test_a_bucket_that_is_held_lets_only_brakes_pass() -> None:
    bucket = TokenBucket(rate_per_s=1.0, burst=10.0)
    bucket.hold(60 * SECOND_NS)
    assert not bucket.take(59 * SECOND_NS)
    bucket.brake(59 * SECOND_NS)
    assert bucket.take(60 * SECOND_NS)


def test_a_bucket_believes_a_venue_that_says_less_is_left_and_no_other() -> None:
    bucket = TokenBucket(rate_per_s=1.0, burst=10.0, reserve=3.0)
    bucket.learn(0, 2_000.0)
    assert bucket.take(0, 7.0)
    bucket.learn(10 * SECOND_NS, 1.0)
    assert not bucket.take(12 * SECOND_NS)
    assert bucket.take(13 * SECOND_NS)


def test_a_bucket_goes_on_when_the_clock_is_set_back() -> None:
    bucket = TokenBucket(rate_per_s=1.0, burst=2.0)
    now_ns = 1_000_000 * SECOND_NS
    assert bucket.take(now_ns)
    assert bucket.take(now_ns)
    bucket.hold(now_ns + 5 * SECOND_NS)
    assert not bucket.take(0)
    assert bucket.ready_ns(0) == 5 * SECOND_NS
    assert bucket.take(5 * SECOND_NS)


@given(st.lists(st.tuples(st.integers(0, 3 * SECOND_NS), st.booleans()), max_size=60))
def test_what_passes_never_exceeds_the_limit(steps: list[tuple[int, bool]]) -> None:
    bucket = TokenBucket(rate_per_s=2.0, burst=5.0, reserve=1.0)
    now_ns, passed = 0, 0
    for step_ns, brake in steps:
        now_ns += step_ns
        if brake:
            bucket.brake(now_ns)
        elif bucket.ready_ns(now_ns) == now_ns:
            assert bucket.take(now_ns)
            passed += 1
        else:
            assert not bucket.take(now_ns)
            assert bucket.ready_ns(now_ns) > now_ns
    assert passed <= 4 + 2 * now_ns / SECOND_NS


@given(st.integers(-(10**12), 10**12), st.integers(0, 2 * SECOND_NS), st.floats(0, 1))
def test_the_venues_clock_is_right_to_half_the_round_trip(offset_ns: int, trip_ns: int, share: float) -> None:
    clock = VenueClock()
    sent_ns = 10**18
    there_ns = sent_ns + int(trip_ns * share)
    measured = clock.measure(sent_ns, sent_ns + trip_ns, (there_ns + offset_ns) // 1_000_000)
    assert abs(measured.offset_ns - offset_ns) <= measured.round_trip_ns // 2 + 1
    until_ns = sent_ns + 5 * SECOND_NS
    assert clock.until_ms(until_ns) * 1_000_000 <= until_ns + offset_ns + 1


def test_the_shortest_round_trip_holds_until_a_newer_one_contradicts_it() -> None:
    clock = VenueClock()
    clock.measure(0, 10_000_000, 105)
    best = clock.measure(10**9, 10**9 + 2_000_000, 1101)
    clock.measure(2 * 10**9, 2 * 10**9 + 50_000_000, 2125)
    assert clock.best == best
    jumped = clock.measure(3 * 10**9, 3 * 10**9 + 40_000_000, 9020)
    assert clock.best == jumped


@pytest.mark.parametrize(
    ("ends", "outcome"),
    [
        (("accepted", "accepted"), "accepted"),
        (("accepted", "refused"), "refused"),
        (("refused", "unknown", "accepted"), "unknown"),
        (("unsent", "unsent"), "unsent"),
        (("accepted", "unsent"), "unknown"),
        (("expired", "accepted"), "unknown"),
        (("expired", "expired"), "expired"),
    ],
)
def test_an_effect_of_several_requests_ends_with_the_last_as_the_worst_of_them(
    ends: tuple[Outcome, ...], outcome: Outcome
) -> None:
    effect = Effect("k", len(ends))
    assert [effect.end_part(end, "", "") for end in ends] == [False] * (len(ends) - 1) + [True]
    assert effect.outcome == outcome


def test_a_cheap_request_behind_a_dear_one_wakes_nobody_before_its_turn() -> None:
    bucket = TokenBucket(rate_per_s=1.0, burst=10.0)
    bucket.take(0, 8.0)
    turns = Turns()
    for cost in (5.0, 1.0):
        turns.add(Queued(Asked(1, "ask"), bucket, lambda _: Frame("private", b""), cost))
    assert turns.wake_ns(0) == 3 * SECOND_NS
    assert turns.release(0) == ([], [])
    assert len(turns.release(turns.wake_ns(0))[0]) == 1
