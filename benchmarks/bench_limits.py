"""Limits: what the machine can do at best, and where our time goes.

Defends: what we optimise next. A loop that only reads every row's fields says what no fold can beat; a copy says what the
memory gives; the stages of a replay say which part of us is far from that.
"""

import time
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numba import njit

from benchmarks.folding import RUN, BookReader, new_state, step_all, tape_of
from benchmarks.measure import Bench, timed
from benchmarks.tapes import generated, recorded
from holdfast import engine
from holdfast.engine import State
from holdfast.tape import Rows

ROUNDS: Final = 5
COPY_BYTES: Final = 1 << 28


def measure(bench: Bench) -> None:
    """Measure the machine, then each stage of one replay."""
    stream = recorded() or generated()
    rows, instruments = tape_of(stream)
    block = np.ones(COPY_BYTES, dtype=np.uint8)
    target = np.empty_like(block)
    copy_s = _best(lambda: np.copyto(target, block))
    bench.add("limit: memory copied", COPY_BYTES / copy_s / 1e9, "GB/s")
    _read_rows(rows)
    bench.add("limit: rows read, nothing done", len(rows) / _best(lambda: _read_rows(rows)), "rows/s")
    scan_s = min(_scan_s(stream) for _ in range(ROUNDS))
    bench.add("stage: scan and sequence", 1e9 * scan_s / len(rows), "ns/row")
    best: dict[str, float] = {}
    for _ in range(ROUNDS):
        stages = _stages(rows, instruments)
        if not best or stages["whole"] < best["whole"]:
            best = stages
    for name, seconds in best.items():
        bench.add(f"stage: {name}", 1e9 * seconds / len(rows), "ns/row")


@njit(cache=True)
def _read_rows(rows: np.ndarray) -> float:
    total = 0.0
    for position in range(rows.shape[0]):
        row = rows[position]
        total += row.price * row.side + row.size + row.instrument + row.kind + row.flags
        total += row.received_ns - row.exchange_ns
    return total


def _best(body: Callable[[], object]) -> float:
    return min(timed(lambda: _nothing(body())).cpu_s for _ in range(ROUNDS))


def _nothing(result: object) -> tuple[float, float]:
    del result
    return 0.0, 0.0


def _scan_s(stream: Any) -> float:
    reader = BookReader(stream)
    feed, buffer = reader.feed, reader.feed.rows

    def scan() -> tuple[float, float]:
        position = 0
        while position < len(stream.frames):
            last = min(len(stream.frames), position + RUN)
            position += feed.on_frames(stream.received_ns[position:last], stream.frames[position:last])
            if position < last:
                feed.on_frame(stream.received_ns[position], stream.frames[position])
                position += 1
            buffer.count = 0
        return 0.0, 0.0

    return timed(scan).cpu_s


def _stages(rows: Rows, instruments: Any) -> dict[str, float]:
    """Step a fresh state with a stopwatch around each stage and return seconds by stage."""
    state = new_state(instruments)
    spent: dict[str, float] = {}
    fold, sweep_features = _watched(spent, "fold", state._fold), engine.sweep_features
    parts: tuple[tuple[object, str, Callable[..., Any], str], ...] = (
        (state, "_fold", fold, "fold"),
        (state, "_sweep", state._sweep, "sweep"),
        (state, "_judge", state._judge, "judge"),
        (state, "_judge_scope", state._judge_scope, "policy"),
        (state.watch, "judge_trust", state.watch.judge_trust, "trust detectors"),
        (state.watch, "judge_stress", state.watch.judge_stress, "stress detectors"),
        (state.watch, "judge_chains", state.watch.judge_chains, "chain detectors"),
        (engine, "sweep_features", sweep_features, "features"),
    )
    for owner, name, function, stage in parts:
        setattr(owner, name, function if stage == "fold" else _watched(spent, stage, function))
    try:
        whole = timed(lambda: _stepped(state, rows)).cpu_s
    finally:
        engine.sweep_features = sweep_features
    detectors = ("trust detectors", "stress detectors", "chain detectors")
    known = sum(spent[name] for name in ("features", *detectors, "judge"))
    return {
        "whole": whole,
        "fold": spent["fold"],
        "features": spent["features"],
        **{name: spent[name] for name in detectors},
        "score": spent["judge"] - spent["policy"],
        "policy": spent["policy"],
        "batches, events, the rest": whole - spent["fold"] - spent["sweep"] + (spent["sweep"] - known),
    }


def _watched(spent: dict[str, float], stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
    spent[stage] = 0.0

    def watched(*arguments: Any) -> Any:
        begun = time.process_time()
        result = function(*arguments)
        spent[stage] += time.process_time() - begun
        return result

    return watched


def _stepped(state: State, rows: Rows) -> tuple[float, float]:
    step_all(state, rows)
    return 0.0, 0.0
