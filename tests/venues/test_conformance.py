"""Every feed keeps the four rules of `holdfast.venues.base`, whatever the venue."""

import json
import random
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from captures import read_capture
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from samples import CASES, FRAME, REST, Case, Step
from taped import LIVE, STALE, TapedBooks

from holdfast import tape
from holdfast.error import OutsideError
from holdfast.event import ResyncRequested
from holdfast.instrument import Instruments
from holdfast.tape import RowBuffer, Rows
from holdfast.venues.registry import FEEDS

VENUES = sorted(FEEDS)
NOW_NS = 1_700_000_000_200_000_000


class Bench:
    """A feed on the bench: give it something, see the rows, the requests and the books they make."""

    def __init__(self, venue: str, *, listed: bool = True) -> None:
        self.case: Case = CASES[venue]
        self.instruments = Instruments()
        self.feed = FEEDS[venue](self.instruments, RowBuffer())
        self.taped = TapedBooks(self.instruments)
        self.now_ns = NOW_NS
        if listed:
            self.give(self.case.listing)
            assert self.instruments.find(venue, self.case.symbol) >= 0

    def give(self, what: Step | bytes) -> Rows:
        """Give a step or frame and return its rows, judged; what it raises goes through."""
        step = Step(FRAME, what) if isinstance(what, bytes) else what
        self.now_ns += 1_000_000
        try:
            if step.role == REST:
                self.feed.on_rest(self.now_ns, step.url, step.body)
            else:
                self.feed.on_frame(self.now_ns, step.body)
        finally:
            rows = self.feed.rows.take()
            self.rows = rows
            self.taped.take(rows)
        return rows

    def refuse(self, what: Step | bytes) -> OutsideError:
        """Give something that must be refused and return how."""
        with pytest.raises(OutsideError) as refusal:
            self.give(what)
        return refusal.value

    def open(self) -> None:
        """Bring the book to life."""
        for step in self.case.opening:
            self.give(step)

    def reopen(self) -> None:
        """Bring the book back to life."""
        for step in self.case.reopening:
            self.give(step)

    def wishes(self) -> list[ResyncRequested]:
        """Return and clear what the feed asks for."""
        requests = list(self.feed.requests)
        self.feed.requests.clear()
        return requests

    @property
    def state(self) -> str:
        """Return where the book stands."""
        return self.taped.state(self.instruments.find(self.feed.venue, self.case.symbol))


def kinds(rows: Rows) -> list[str]:
    """Return the names of the kinds of rows."""
    return [tape.KIND_NAMES[kind] for kind in rows["kind"].tolist()]


def frames_of(case: Case) -> list[bytes]:
    """Return every frame of a case that a venue may send in good order."""
    steps = [step.body for step in (*case.opening, *case.reopening) if step.role == FRAME]
    return [*steps, case.update, case.gap, case.after_gap, *case.others, *case.quiet]


def test_every_feed_has_a_case() -> None:
    assert set(FEEDS) <= set(CASES)


@pytest.mark.parametrize("venue", VENUES)
def test_a_book_begins_with_a_reset_and_takes_changes(venue: str) -> None:
    bench = Bench(venue)
    bench.open()
    assert bench.state == LIVE
    assert not bench.wishes()
    changed = kinds(bench.give(bench.case.update))
    assert changed
    assert set(changed) == {"level"}


@pytest.mark.parametrize("venue", VENUES)
def test_every_kind_of_message_makes_rows_that_end_with_last(venue: str) -> None:
    bench = Bench(venue)
    bench.open()
    for message in bench.case.others:
        rows = bench.give(message)
        assert len(rows), message
        assert rows["flags"][-1] & tape.LAST
        assert (rows["received_ns"] == bench.now_ns).all()


@pytest.mark.parametrize("venue", VENUES)
def test_what_carries_nothing_for_the_tape_makes_no_rows(venue: str) -> None:
    bench = Bench(venue)
    bench.open()
    for message in bench.case.quiet:
        assert not len(bench.give(message)), message
    assert bench.state == LIVE


@pytest.mark.parametrize("venue", VENUES)
def test_an_unknown_type_is_refused_by_name_and_costs_nothing(venue: str) -> None:
    bench = Bench(venue)
    bench.open()
    assert bench.refuse(bench.case.unknown).code == "frame.unknown"
    assert not len(bench.rows)
    assert bench.state == LIVE


@pytest.mark.parametrize("venue", VENUES)
def test_an_instrument_that_the_listing_does_not_name_is_held_back(venue: str) -> None:
    bench = Bench(venue)
    bench.open()
    known = len(bench.instruments)
    assert bench.refuse(bench.case.unlisted).code == "instrument.unlisted"
    assert not len(bench.rows)
    assert len(bench.instruments) == known
    assert bench.state == LIVE


@pytest.mark.parametrize("venue", VENUES)
def test_without_a_listing_the_recording_describes_its_own_instruments(venue: str) -> None:
    bench = Bench(venue, listed=False)
    bench.open()
    assert bench.state == LIVE
    assert not bench.instruments[bench.instruments.find(venue, bench.case.symbol)].listed
    assert len(bench.give(bench.case.unlisted))


@pytest.mark.parametrize("venue", VENUES)
def test_a_gap_is_one_row_and_one_request_and_nothing_is_served_until_a_reset(venue: str) -> None:
    bench = Bench(venue)
    bench.open()
    rows = bench.give(bench.case.gap)
    assert kinds(rows) == ["book_gap"]
    assert rows["value"][0] == tape.GAP_SEQUENCE
    assert bench.state == STALE
    wishes = bench.wishes()
    assert [(wish.venue, wish.instrument, wish.time_ns) for wish in wishes] == [
        (venue, bench.case.symbol, bench.now_ns)
    ]
    assert not len(bench.give(bench.case.after_gap))
    assert not bench.wishes()
    bench.reopen()
    assert bench.state == LIVE


@pytest.mark.parametrize("venue", VENUES)
def test_a_disconnect_makes_every_live_book_stale_once(venue: str) -> None:
    bench = Bench(venue)
    bench.open()
    bench.feed.on_disconnect(bench.now_ns)
    rows = bench.feed.rows.take()
    bench.taped.take(rows)
    assert kinds(rows) == ["book_gap"]
    assert rows["value"][0] == tape.GAP_DISCONNECT
    assert len(bench.wishes()) == 1
    bench.feed.on_disconnect(bench.now_ns)
    assert not len(bench.feed.rows.take())
    assert "level" not in kinds(bench.give(bench.case.update))
    assert bench.state == STALE


@pytest.mark.parametrize("venue", VENUES)
def test_a_disconnect_before_anything_was_heard_is_no_gap(venue: str) -> None:
    bench = Bench(venue)
    bench.feed.on_disconnect(bench.now_ns)
    assert not len(bench.feed.rows.take())
    assert not bench.wishes()


@pytest.mark.parametrize("venue", VENUES)
def test_a_truncated_book_message_makes_the_book_stale_and_a_fresh_snapshot_heals_it(venue: str) -> None:
    bench = Bench(venue)
    bench.open()
    assert isinstance(bench.refuse(bench.case.update[:-7]), OutsideError)
    assert kinds(bench.rows) == ["book_gap"]
    assert bench.rows["value"][0] == tape.GAP_MALFORMED
    assert len(bench.wishes()) == 1
    assert bench.state == STALE


@pytest.mark.parametrize("venue", VENUES)
def test_a_truncated_message_of_another_kind_leaves_the_book_alone(venue: str) -> None:
    bench = Bench(venue)
    bench.open()
    for message in bench.case.others:
        if b"book" in message.lower() or b"depth" in message:
            continue
        bench.refuse(message[:-5])
        assert not len(bench.rows), message
    assert bench.state == LIVE
    assert not bench.wishes()


@pytest.mark.parametrize("venue", VENUES)
def test_a_listing_cut_short_adds_nothing(venue: str) -> None:
    bench = Bench(venue, listed=False)
    listing = bench.case.listing
    bench.refuse(Step(REST, listing.body[:-9], listing.url))
    assert not len(bench.instruments)


@pytest.mark.parametrize("venue", VENUES)
def test_the_same_messages_make_the_same_rows(venue: str) -> None:
    def tell() -> tuple[bytes, list[ResyncRequested]]:
        bench = Bench(venue)
        told = [bench.give(step).tobytes() for step in bench.case.opening]
        told += [
            bench.give(message).tobytes()
            for message in (*bench.case.others, bench.case.update, bench.case.gap)
        ]
        return b"".join(told), bench.wishes()

    assert tell() == tell()


def _leaves(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(node, dict):
        return [path, *(leaf for key in node for leaf in _leaves(node[key], (*path, key)))]
    if isinstance(node, list):
        return [path, *(leaf for i, item in enumerate(node) for leaf in _leaves(item, (*path, i)))]
    return [path]


STRANGE: list[Any] = [
    None, True, False, 0, -1, 1, 2**63, 2**70, -(2**63), 1e300, 1e-300, 0.1234567890123456789, "", " ",
    "x", "-1", "1e999", "NaN", "Infinity", "9" * 400, "0." + "9" * 60, "1_0", "\u0661",
    "99999999999999999999", "2023-13-45T99:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", [], {},
    [[]], [["1"]], [1, 2], {"a": 1}, "snapshot", "update",
]  # fmt: skip


def mutate(source: random.Random, message: bytes) -> bytes:
    """Return a frame with something wrong: cut, a byte or a value changed, a key gone, an item doubled."""
    how = source.randrange(5)
    if how == 0:
        return message[: source.randrange(len(message) + 1)]
    if how == 1:
        at = source.randrange(len(message))
        return message[:at] + bytes([source.randrange(256)]) + message[at + 1 :]
    try:
        tree = json.loads(message)
    except ValueError:
        return message[::-1]
    path = source.choice(_leaves(tree))
    if not path:
        return json.dumps(source.choice(STRANGE)).encode()
    node = tree
    for key in path[:-1]:
        node = node[key]
    if how == 2 and isinstance(node, dict):
        del node[path[-1]]
    elif how == 3 and isinstance(node, list):
        node.extend(node[: source.randrange(3)])
    else:
        node[path[-1]] = source.choice(STRANGE)
    return json.dumps(tree, separators=(",", ":")).encode()


def survive(bench: Bench, message: bytes) -> None:
    """Give a frame that may be wrong: it is taken or refused as a whole."""
    try:
        bench.give(message)
    except OutsideError:
        assert set(kinds(bench.rows)) <= {"book_gap"}, "a refused message left rows"


@pytest.mark.parametrize("venue", VENUES)
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_whatever_a_venue_sends_is_taken_or_refused_as_a_whole(venue: str, seed: int) -> None:
    source = random.Random(seed)
    bench = Bench(venue, listed=source.random() < 0.7)
    bench.open()
    choices = frames_of(bench.case)
    for _ in range(6):
        message = source.choice(choices)
        survive(bench, mutate(source, message) if source.random() < 0.7 else message)


@pytest.mark.parametrize("venue", VENUES)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_whatever_a_rest_answer_holds_is_taken_or_refused(venue: str, seed: int) -> None:
    source = random.Random(seed)
    bench = Bench(venue, listed=False)
    steps = [bench.case.listing, *(step for step in bench.case.opening if step.role == REST)]
    for step in steps:
        try:
            bench.give(Step(REST, mutate(source, step.body), step.url))
        except OutsideError:
            assert set(kinds(bench.rows)) <= {"book_gap"}


CAPTURES = {"okx": "OKX", "bitmex": "BITMEX", "kraken-futures": "KRAKEN_FUTURES"}
SAMPLE_EVERY = 7


@pytest.mark.parametrize("venue", sorted(CAPTURES))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_a_recorded_connection_with_broken_frames_never_serves_a_broken_tape(
    venue: str, shared_data: Path, seed: int
) -> None:
    source = random.Random(seed)
    bench = Bench(venue, listed=False)
    for received_ns, step in recorded(shared_data, CAPTURES[venue]):
        bench.now_ns = received_ns
        if step.role == REST:
            bench.give(step)
        elif step.role == FRAME:
            survive(bench, mutate(source, step.body) if source.random() < 0.05 else step.body)


@cache
def recorded(folder: Path, name: str) -> list[tuple[int, Step]]:
    """Return a capture thinned out: the answers, the beginning with its snapshots, then every few frames."""
    lines = list(read_capture(folder / "raw_ws", name))
    rest = {step.url: (at, step) for at, step in lines if step.role == REST}
    frames = [(at, step) for at, step in lines if step.role == FRAME]
    return [*rest.values(), *frames[:150], *frames[150::SAMPLE_EVERY][:150]]
