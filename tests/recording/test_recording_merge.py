"""The merge is one fixed order, whatever the sizes of the chunks and the moment that sources are opened."""

from collections.abc import Iterator

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.app.recording.chunk import Chunk, Note
from holdfast.app.recording.merge import Source, merge
from holdfast.event import Quarantined
from holdfast.tape import ROW

NAN_TIME = st.integers(0, 12)
BAD = None  # an item that is quarantined instead of making a row
item = st.one_of(st.integers(0, 12), st.just(BAD))


def _chunks(source: int, items: list[int | None], cuts: list[int]) -> Iterator[Chunk]:
    start = 0
    for stop in [*sorted(cut % (len(items) + 1) for cut in cuts), len(items)]:
        part = items[start:stop]
        times = [t for t in part if t is not BAD]
        rows = np.zeros(len(times), dtype=ROW)
        rows["received_ns"], rows["instrument"] = times, source
        rows["price"] = [start + i for i, t in enumerate(part) if t is not BAD]
        notes = [
            Note(sum(t is not BAD for t in part[:i]), Quarantined(str(source), start + i, "bad", "", ""))
            for i, t in enumerate(part)
            if t is BAD
        ]
        yield Chunk(rows, notes)
        start = stop


def _expected(sources: list[list[int | None]]) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    rows, notes = [], []
    for number, items in enumerate(sources):
        top = next((t for t in items if t is not BAD), -1)
        for position, time in enumerate(items):
            top = top if time is BAD else max(top, time)
            (notes if time is BAD else rows).append((top, number, position))
    return [r[1:] for r in sorted(rows)], [n[1:] for n in sorted(notes)]


@settings(max_examples=400, deadline=None)
@given(
    sources=st.lists(st.lists(item, max_size=12), min_size=1, max_size=5),
    cuts=st.lists(st.lists(st.integers(0, 99), max_size=5), min_size=5, max_size=5),
    peeked=st.booleans(),
)
def test_the_order_is_receive_time_then_source_then_position(
    sources: list[list[int | None]], cuts: list[list[int]], peeked: bool
) -> None:
    rows: list[tuple[int, int]] = []
    notes: list[tuple[int, int]] = []
    inputs = [
        Source(
            lambda n=number, i=items: _chunks(n, i, cuts[n]),
            next((t for t in items if t is not BAD), None) if peeked or len(sources) > 1 else None,
        )
        for number, items in enumerate(sources)
    ]
    for due in merge(inputs):
        for chunk, number in due.notes():
            event = chunk.notes[number].event
            assert isinstance(event, Quarantined)
            notes.append((int(event.file), event.line))
        parts = [s.chunk.rows[s.first : s.last] for s in due.slices if s.last > s.first]
        if parts:
            joined = np.concatenate(parts)
            joined = joined if due.order is None else joined[due.order]
            rows += list(zip(joined["instrument"].tolist(), joined["price"].tolist(), strict=True))
    assert (rows, notes) == _expected(sources)


def test_a_source_is_opened_only_when_it_is_due_and_closed_after() -> None:
    open_now: set[int] = set()
    most = 0

    def chunks(number: int) -> Iterator[Chunk]:
        nonlocal most
        open_now.add(number)
        most = max(most, len(open_now))
        yield from _chunks(number, [10 * number + i for i in range(5)], [1, 2, 3])
        open_now.discard(number)

    total = sum(
        s.last - s.first
        for due in merge([Source(lambda n=n: chunks(n), 10 * n) for n in range(50)])
        for s in due.slices
    )
    assert (total, most) == (250, 1)
