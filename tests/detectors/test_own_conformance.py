"""Every detector of the desk's own flow and of the guard itself passes the same suite; a new one is found by itself."""

import importlib
import pickle
import pkgutil
import re
from collections.abc import Iterator

import desk_flow as flow
import msgspec
import pytest

import holdfast.detectors.own
import holdfast.detectors.system
from holdfast.detectors import live_watch
from holdfast.detectors.base import EVIDENCE_MAX
from holdfast.detectors.live import LiveDetector
from holdfast.detectors.live_watch import LIVE_DETECTOR_NAMES, LiveSettings, LiveWatch
from holdfast.detectors.system.base import SystemDetector
from holdfast.detectors.watch import DETECTOR_NAMES
from holdfast.event import Alert, AlertCleared
from holdfast.ledger.record import encode, record_fault

MODULES = [
    importlib.import_module(f"{package.__name__}.{module.name}")
    for package in (holdfast.detectors.own, holdfast.detectors.system)
    for module in pkgutil.iter_modules(package.__path__)
]
KINDS: list[type[LiveDetector]] = [
    kind
    for module in MODULES
    for kind in vars(module).values()
    if isinstance(kind, type)
    and issubclass(kind, LiveDetector)
    and kind not in (LiveDetector, SystemDetector)
    and kind.__module__ == module.__name__
]
every_detector = pytest.mark.parametrize("kind", KINDS, ids=[kind.name for kind in KINDS])


def planted(kind: type[LiveDetector]) -> tuple[list[flow.Timed], float, float]:
    """Return calm with the case planted in it, within how many seconds it must be told, and when it is over."""
    case, told_within_s, over_s = flow.PLANTED[kind.name]
    over = int(over_s + kind.clear_after_s)
    events = [*flow.calm(flow.START_S, flow.CALM_S + over + 120), *case()]
    return events, told_within_s, flow.P + over_s


def last(events: list[flow.Timed]) -> float:
    return max(at for at, _ in events) + 1.0


def test_every_live_detector_is_watched_and_has_a_case_and_a_name_of_its_own() -> None:
    names = [kind.name for kind in KINDS]
    assert sorted(names) == sorted(LIVE_DETECTOR_NAMES) == sorted(flow.PLANTED)
    assert [one.name for one in LiveWatch().detectors] == list(LIVE_DETECTOR_NAMES)
    assert not set(names) & set(DETECTOR_NAMES)


@every_detector
def test_it_lives_in_the_file_of_its_name_and_says_what_it_sees_and_when_it_fails(
    kind: type[LiveDetector],
) -> None:
    assert kind.__module__.rsplit(".", 1)[1] == kind.name
    told = f"{importlib.import_module(kind.__module__).__doc__}"
    for word in ("Sees:", "Fails:", "Cost:"):
        assert word in told, f"{kind.name} does not say what it {word}"


@every_detector
def test_severities_rise_and_evidence_fits(kind: type[LiveDetector]) -> None:
    assert 1.0 < kind.severities[0] < kind.severities[1] < kind.severities[2]
    assert 1 <= len(kind.evidence) <= EVIDENCE_MAX
    assert kind.clear_after_s > 0.0


@every_detector
def test_calm_flow_raises_nothing(kind: type[LiveDetector]) -> None:
    for seed in (1, 2):
        assert flow.play(kind(), flow.calm(flow.START_S, 900, seed), flow.START_S + 900) == []


@every_detector
def test_its_case_is_told_in_time_with_its_evidence_and_cleared_after_it_ended(
    kind: type[LiveDetector],
) -> None:
    events, told_within_s, over_s = planted(kind)
    told = flow.play(kind(), events, last(events))
    first = told[0]
    assert isinstance(first, Alert)
    assert flow.ns(flow.P) <= first.time_ns <= flow.ns(flow.P + told_within_s)
    assert first.detector == kind.name
    assert set(first.evidence) <= set(kind.evidence)
    assert re.match(rf"{first.scope}: \S", first.message)
    assert "\n" not in first.message
    assert not re.search(r"\bnan\b", first.message)
    assert all(record_fault(encode(one)) == "" for one in told)
    end = told[-1]
    assert isinstance(end, AlertCleared)
    assert flow.ns(over_s) <= end.time_ns <= flow.ns(over_s + kind.clear_after_s + 12.0)
    assert len([one for one in told if isinstance(one, AlertCleared)]) == len({one.scope for one in told})


@every_detector
def test_it_says_the_same_again_and_however_its_time_is_split(kind: type[LiveDetector]) -> None:
    events, _, _ = planted(kind)
    first, second, often = kind(), kind(), kind()
    told = flow.play(first, events, last(events))
    assert flow.play(second, events, last(events)) == told
    assert msgspec.json.encode(first.memory()) == msgspec.json.encode(second.memory())
    more = flow.play(often, events, last(events), ticks_per_s=4)
    assert [(type(one), one.scope) for one in more] == [(type(one), one.scope) for one in told]
    assert pickle.loads(pickle.dumps(first)).memory() == first.memory()


def flood(count: int) -> Iterator[flow.Timed]:
    """Everything with a name of its own: orders, trades, instruments, accounts, lines, folders, parts."""
    for number in range(count):
        at = flow.START_S + 0.01 * number
        name, venue = f"n{number}", f"v{number % 100}"
        where = {"venue": venue, "account": "a", "instrument": name}
        yield at, flow.order(at, name, client_id=f"{('mm-', 'tk-', 'web-')[number % 3]}{number}", **where)
        yield at, flow.fill(at, name, client_id="", **where)
        yield at, flow.fill(at, f"orphan{number}", client_id="", **where)
        yield at, flow.line(at, False)
        yield at, msgspec.structs.replace(flow.line(at, False), venue=name)
        yield at, msgspec.structs.replace(flow.clock(at, 9.0), venue=name)
        yield at, msgspec.structs.replace(flow.balance(at, 99), asset=name)
        for measured in (
            "loop_lag_s",
            "frames_dropped",
            "heartbeat",
            "disk_free_bytes",
            "memory_bytes",
            "line_silent_s",
        ):
            yield at, flow.measured(at, measured, 5.0, name)


@every_detector
def test_its_memory_is_bounded(kind: type[LiveDetector], monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (*MODULES, importlib.import_module("holdfast.detectors.live")):
        for name, value in vars(module).items():
            if name.endswith("_MAX") and isinstance(value, int) and value > 16:
                monkeypatch.setattr(module, name, 16)
    sizes: list[int] = []
    for count in (300, 600):
        detector = kind()
        flow.play(detector, flood(count), flow.START_S + 0.01 * count)
        sizes.append(len(pickle.dumps(vars(detector))))
    assert sizes[1] <= 1.1 * sizes[0] + 200


def test_settings_reach_their_detector() -> None:
    settings = msgspec.convert({"loop_lag": {"lag_s_max": 0.001}}, LiveSettings)
    watch = LiveWatch(settings)
    context = flow.context_of(flow.blotter())
    (alert,) = watch.on_event(flow.measured(flow.START_S, "loop_lag_s", 0.002), context)
    assert (alert.detector, watch.on_tick(flow.ns(flow.START_S + 1))) == ("loop_lag", [])
    assert watch.memory() != LiveWatch().memory()
    with pytest.raises(msgspec.ValidationError, match="lag_s"):
        msgspec.convert({"loop_lag": {"lag_s": 1.0}}, LiveSettings)
    named = [field for field in LiveSettings.__struct_fields__ if field not in LIVE_DETECTOR_NAMES]
    assert named == []
    assert live_watch.OWN
