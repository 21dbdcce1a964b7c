"""Every detector passes the same suite; a new one is found by itself."""

import importlib
import pkgutil
import re

import numpy as np
import pytest

import holdfast.detectors
from holdfast.detectors.base import EVIDENCE_MAX, Detector, new_findings
from holdfast.detectors.silent_detector import SilentDetector
from holdfast.detectors.watch import DETECTOR_NAMES
from holdfast.instrument import Instruments
from holdfast.market.feature_rows import new_features
from holdfast.market.underlying import Underlyings

MODULES = [
    importlib.import_module(f"holdfast.detectors.{m.name}")
    for m in pkgutil.iter_modules(holdfast.detectors.__path__)
]
KINDS = [
    kind
    for module in MODULES
    for kind in vars(module).values()
    if isinstance(kind, type)
    and issubclass(kind, Detector)
    and kind is not Detector
    and kind.__module__ == module.__name__
]
IDS = [kind.name for kind in KINDS]
SIMPLE = [kind for kind in KINDS if kind.name in (
    "sequence_gap", "crossed_book", "frozen_side", "stale_feed", "latency", "clock_skew", "malformed_time", "discontinuity",
    "price_shock", "volatility_regime", "liquidity_evaporation", "liquidation_cascade",
)]  # fmt: skip


def made(kind: type[Detector]) -> Detector:
    if kind is SilentDetector:
        return kind(("sequence_gap",))  # type: ignore[call-arg]
    if kind.name in ("dislocation", "depeg", "correlation_break"):
        return kind(Underlyings(Instruments()))  # type: ignore[call-arg]
    return kind()


def test_every_detector_is_watched_and_every_watched_one_exists() -> None:
    assert sorted(IDS) == sorted(DETECTOR_NAMES)


@pytest.mark.parametrize("kind", KINDS, ids=IDS)
def test_a_detector_lives_in_the_file_of_its_name(kind: type[Detector]) -> None:
    assert kind.__module__.rsplit(".", 1)[1] == kind.name


@pytest.mark.parametrize("kind", KINDS, ids=IDS)
def test_a_detector_says_what_it_sees_and_when_it_fails(kind: type[Detector]) -> None:
    told = f"{importlib.import_module(kind.__module__).__doc__}\n{kind.__doc__}"
    for word in ("sees", "fails", "cost"):
        assert re.search(rf"\b{word}", told, re.IGNORECASE), f"{kind.name} does not say what it {word}"


@pytest.mark.parametrize("kind", KINDS, ids=IDS)
def test_evidence_is_named_and_fits_and_severities_rise(kind: type[Detector]) -> None:
    assert 1 <= len(kind.evidence) <= EVIDENCE_MAX
    assert len(set(kind.evidence)) == len(kind.evidence)
    assert 1.0 < kind.severities[0] < kind.severities[1] < kind.severities[2]
    assert kind.clear_after_s >= 0.0


@pytest.mark.parametrize("kind", KINDS, ids=IDS)
def test_memory_is_arrays(kind: type[Detector]) -> None:
    assert all(isinstance(array, np.ndarray) for array in made(kind).arrays())


@pytest.mark.parametrize("kind", SIMPLE, ids=[kind.name for kind in SIMPLE])
def test_what_is_unknown_raises_nothing(kind: type[Detector]) -> None:
    features, findings = new_features(3), new_findings(3)
    made(kind).judge(3, features, findings)  # type: ignore[attr-defined]
    assert not (findings["ratio"] >= 1.0).any()


@pytest.mark.parametrize("kind", SIMPLE, ids=[kind.name for kind in SIMPLE])
def test_a_finding_is_described_in_one_line(kind: type[Detector]) -> None:
    findings = new_findings(1)
    for name in ("value", "threshold", "ratio", "evidence"):
        findings[name] = 2.5
    told = made(kind).describe(findings[0])
    assert told
    assert "\n" not in told
    assert "nan" not in told


@pytest.mark.parametrize(
    ("name", "fields", "quiet"),
    [
        ("sequence_gap", {"gap_s": 3.0}, {"gap_s": 0.0}),
        ("crossed_book", {"crossed": 0.5}, {"crossed": 1 / 64}),
        ("frozen_side", {"frozen": 1.5}, {"frozen": 0.5}),
        (
            "stale_feed",
            {"silence_s": 90.0, "silence_max_s": 30.0},
            {"silence_s": 20.0, "silence_max_s": 30.0},
        ),
        ("latency", {"latency_s": 4.0, "latency_usual_s": 0.05}, {"latency_s": 0.4, "latency_usual_s": 0.05}),
        ("clock_skew", {"skew_s": -1.27}, {"skew_s": 0.02}),
        ("malformed_time", {"times_bad": 1.0}, {"times_bad": 0.0}),
        ("discontinuity", {"jump": 2.0, "move_scale": 0.002}, {"jump": 0.05, "move_scale": 0.002}),
        ("price_shock", {"shock": 9.0, "move_scale": 0.002}, {"shock": 3.0, "move_scale": 0.002}),
        (
            "volatility_regime",
            {"volatility_5m": 3.0, "volatility_usual": 0.4},
            {"volatility_5m": 0.5, "volatility_usual": 0.4},
        ),
    ],
)
def test_a_detector_tells_trouble_from_calm(name: str, fields: dict, quiet: dict) -> None:
    detector = made(next(kind for kind in KINDS if kind.name == name))
    for values, raised in ((fields, True), (quiet, False)):
        features, findings = new_features(1), new_findings(1)
        features["active"] = True
        for field, value in values.items():
            features[field] = value
        detector.judge(1, features, findings)  # type: ignore[attr-defined]
        assert bool(findings["ratio"][0] >= 1.0) is raised


def test_an_unusual_past_raises_the_line_for_shocks() -> None:
    kind = next(kind for kind in KINDS if kind.name == "price_shock")
    features, findings = new_features(2), new_findings(2)
    features["shock"], features["move_scale"] = 9.0, 0.002
    features["move_rare"][1] = 0.002 * 11.0
    made(kind).judge(2, features, findings)  # type: ignore[attr-defined]
    assert findings["ratio"][0] == 1.5
    assert findings["ratio"][1] == pytest.approx(9.0 / 11.0)
