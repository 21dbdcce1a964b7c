"""The guard's own health, case by case."""

from typing import Any

import desk_flow as flow
import msgspec
import pytest
from desk_flow import START_S, VENUE, clock, line, measured, ns, play

from holdfast.detectors.live import LiveDetector, Spoken
from holdfast.detectors.system.clock import Clock
from holdfast.detectors.system.disk import Disk
from holdfast.detectors.system.dropped_frames import DroppedFrames
from holdfast.detectors.system.heartbeat_lost import HeartbeatLost
from holdfast.detectors.system.line_down import LineDown
from holdfast.detectors.system.loop_lag import LoopLag
from holdfast.detectors.system.memory import Memory
from holdfast.event import Alert, AlertCleared, Scope

T = float(START_S) + 1.05
MINUTE = 60.0


def told(detector: LiveDetector, *events: Any, until_s: float = T) -> list[Spoken]:
    return play(detector, [(event.time_ns / 1e9, event) for event in events], until_s)


def severities(said: list[Spoken]) -> list[str]:
    return [one.severity if isinstance(one, Alert) else "over" for one in said]


@pytest.mark.parametrize(
    ("lag_s", "severity"), [(0.15, []), (0.3, ["low"]), (0.7, ["medium"]), (6.0, ["critical"])]
)
def test_the_lag_of_the_loop_by_its_length(lag_s: float, severity: list[str]) -> None:
    assert severities(told(LoopLag(), measured(T, "loop_lag_s", lag_s))) == severity


def test_one_lag_is_over_after_ten_seconds_and_the_time_that_clears() -> None:
    said = told(LoopLag(), measured(T, "loop_lag_s", 0.7), until_s=T + 60)
    assert severities(said) == ["medium", "over"]
    assert ns(T + 40) <= said[1].time_ns <= ns(T + 43)


def test_frames_are_counted_by_venue() -> None:
    events = [measured(T + n, "frames_dropped", 4.0, venue) for n in range(3) for venue in ("a", "b")]
    said = told(DroppedFrames(), *events, measured(T, "frames_dropped", 0.0, "c"))
    assert [(one.scope, one.severity) for one in said if isinstance(one, Alert)] == [
        *((Scope("a"), "low"), (Scope("b"), "low"), (Scope("a"), "medium"), (Scope("b"), "medium"))
    ]


def test_a_part_that_went_silent_is_named_and_one_that_ended_in_order_is_not() -> None:
    beats = [measured(T + n, "heartbeat", 1.0, part) for n in range(5) for part in ("ends", "dies")]
    said = told(HeartbeatLost(), *beats, measured(T + 5, "heartbeat", 0.0, "ends"), until_s=T + 20)
    assert severities(said) == ["low", "medium"]
    assert isinstance(said[0], Alert)
    assert said[0].evidence["part"] == "dies"
    assert ns(T + 9) <= said[0].time_ns <= ns(T + 10)


def test_a_part_may_be_silent_for_three_of_its_own_periods() -> None:
    beat = measured(T, "heartbeat", 20.0, "slow")
    assert told(HeartbeatLost(), beat, until_s=T + 59) == []
    assert severities(told(HeartbeatLost(), beat, until_s=T + 62)) == ["low"]


@pytest.mark.parametrize(
    ("free_gb", "severity"),
    [(2.0, []), (0.9, ["low"]), (0.4, ["medium"]), (0.2, ["high"]), (0.0, ["critical"])],
)
def test_a_disk_by_what_is_left(free_gb: float, severity: list[str]) -> None:
    assert severities(told(Disk(), measured(T, "disk_free_bytes", 1e9 * free_gb, "state"))) == severity


def test_a_disk_by_how_soon_it_is_full() -> None:
    events = [measured(T + 10 * n, "disk_free_bytes", 2e10 - 1e8 * n, "state") for n in range(20)]
    said = told(Disk(), *events, measured(T, "disk_free_bytes", 9e10, "elsewhere"))
    assert severities(said)[:1] == ["low"]
    assert isinstance(said[0], Alert)
    assert said[0].evidence["folder"] == "state"
    assert float(said[0].evidence["full_in_s"]) < 3_600.0
    slow = [measured(T + 10 * n, "disk_free_bytes", 2e10 - 1e6 * n, "state") for n in range(20)]
    assert told(Disk(), *slow) == []


def growing(bytes_per_h: float, hours: float, jitter: float = 0.0) -> list[Any]:
    return [
        measured(T + MINUTE * n, "memory_bytes", 5e8 + bytes_per_h * n / 60.0 + jitter * (n % 4))
        for n in range(int(60 * hours))
    ]


def test_memory_that_grows_is_told_before_it_is_gone_and_a_saw_is_not() -> None:
    (alert, *_) = told(Memory(), *growing(6e8, 2.0))
    assert isinstance(alert, Alert)
    assert alert.value < 2e9
    assert float(alert.evidence["growth_bytes_per_h"]) == pytest.approx(6e8, rel=0.2)
    assert told(Memory(), *growing(0.0, 3.0, jitter=2e8)) == []
    assert told(Memory(), *growing(6e8, 0.7)) == []  # caches fill


def test_memory_by_its_limit() -> None:
    assert severities(told(Memory(), measured(T, "memory_bytes", 3.3e9))) == ["low"]
    assert severities(told(Memory(), measured(T, "memory_bytes", 4.1e9))) == ["high"]


def test_an_offset_within_half_the_round_trip_is_nothing() -> None:
    wide = msgspec.structs.replace(clock(T, 1.0), round_trip_ns=ns(1.9))
    assert told(Clock(), wide) == []
    (alert,) = told(Clock(), clock(T, 1.0))
    assert isinstance(alert, Alert)
    assert (alert.scope, alert.severity, alert.evidence["kind"]) == (Scope(VENUE), "medium", "offset")


def test_a_jump_between_two_measurements_and_a_step_of_our_own_clock_are_told() -> None:
    said = told(Clock(), clock(T, -0.2), clock(T + 10, 0.2))
    assert isinstance(said[0], Alert)
    assert said[0].evidence["kind"] == "jump"
    said = told(Clock(), measured(T, "clock_step_s", -3.0), measured(T + 1, "clock_step_s", 0.01))
    assert isinstance(said[0], Alert)
    assert (said[0].scope, said[0].severity, said[0].evidence["offset_s"]) == (Scope(), "critical", -3.0)


def test_a_line_that_comes_back_at_once_is_nothing_and_one_that_does_not_is_told() -> None:
    assert told(LineDown(), line(T, False), line(T + 1.5, True), until_s=T + 60) == []
    said = told(LineDown(), line(T, False), line(T + 3, False), line(T + 40, True), until_s=T + 60)
    assert severities(said) == ["low", "medium", "high", "over"]
    assert isinstance(said[0], Alert)
    assert said[0].evidence["line"] == "private"
    assert isinstance(said[-1], AlertCleared)


def test_a_line_that_is_up_and_says_nothing_is_told() -> None:
    said = told(LineDown(), line(T, True), measured(T, "line_silent_s", 30.0, VENUE), until_s=T + 2)
    assert isinstance(said[0], Alert)
    assert (said[0].scope, said[0].evidence["kind"]) == (Scope(VENUE), "silent")


def test_the_lines_of_other_venues_are_not_concerned() -> None:
    other = msgspec.structs.replace(line(T, False), venue="okx")
    said = told(LineDown(), other, line(T, True), until_s=T + 10)
    assert {one.scope for one in said} == {Scope("okx")}
    assert flow.PLANTED["line_down"]
