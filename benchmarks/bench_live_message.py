"""One live message, bytes to decision: `feed.on_frame` and `State.step` for each message alone, as on a quiet socket.

Defends: Python on the data plane. Most messages end in the fold; the first of each second also pays for the sweep of the
second before, so the tail is the sweep. Garbage collection is as in production: everything alive is frozen before the
first message and collection stays on; what the loop itself makes is collected as usual.
Limits: the clock is read twice a message (about 0.1 us), and CPU time is the thread's; wall time is on this machine, with
whatever else it runs.
"""

import gc
import time
from typing import Final

import numpy as np

from benchmarks.folding import BookReader, new_state
from benchmarks.measure import Bench
from benchmarks.tapes import generated, recorded
from holdfast.engine import State

P50_US_MAX: Final = 10.0
P99_US_MAX: Final = 50.0
WARM_MESSAGES: Final = 5_000
ROUNDS: Final = 3


def measure(bench: Bench) -> None:
    """Measure the recorded stream, or the generated one where there is none."""
    for clock, clock_ns in (("cpu", time.thread_time_ns), ("wall", time.perf_counter_ns)):
        best: tuple[float, float] | None = None
        for _ in range(ROUNDS):
            spent_us = _spent_us(clock_ns)
            p50, p99 = (float(np.percentile(spent_us, share)) for share in (50, 99))
            if best is None or p99 < best[1]:
                best = p50, p99
        assert best is not None
        limits = (P50_US_MAX, P99_US_MAX) if clock == "cpu" else (None, None)
        for share, value, limit in zip(("p50", "p99"), best, limits, strict=True):
            target = f"<= {limit:g} us" if limit else ""
            met = value <= limit if limit else None
            bench.add(f"one live message, {share} {clock}", value, "us", target=target, met=met)


def _spent_us(clock_ns: object) -> np.ndarray:
    assert callable(clock_ns)
    stream = recorded() or generated()
    reader = BookReader(stream)
    state: State = new_state(reader.instruments)
    feed, buffer = reader.feed, reader.feed.rows
    spent = np.zeros(len(stream.frames), dtype=np.int64)
    state.step(buffer.take())
    gc.collect()
    gc.freeze()
    for number, (stamp, frame) in enumerate(zip(stream.received_ns, stream.frames, strict=True)):
        begun = clock_ns()
        feed.on_frame(stamp, frame)
        state.step(buffer.array[: buffer.count])
        buffer.count = 0
        spent[number] = clock_ns() - begun
    gc.unfreeze()
    return spent[WARM_MESSAGES:] * 1e-3
