"""What the storm rehearses is noticed: each fault by its detector, the crash before its low, the calm not."""

import json
from pathlib import Path
from typing import Any

import pytest

from holdfast.clock import SECOND_NS
from holdfast.lab.storm.weather import FROZEN_S, GAP_S, START_NS

FALLS_S = 600.0
LOW_S = 870.0


def _at(event: dict[str, Any]) -> float:
    return (event["time_ns"] - START_NS) / SECOND_NS


@pytest.fixture(scope="session")
def alerts(summary: dict[str, Any], replayed: Path) -> list[dict[str, Any]]:
    """Return the alerts of the storm."""
    assert summary["messages"] > 100_000
    return [json.loads(line) for line in (replayed / "alerts.jsonl").read_text().splitlines()]


def test_in_the_calm_only_the_lost_changes_are_told(alerts: list[dict[str, Any]]) -> None:
    calm = [alert for alert in alerts if _at(alert) < FALLS_S]
    assert {alert["detector"] for alert in calm} == {"sequence_gap"}
    assert all(GAP_S < _at(alert) < GAP_S + 3 for alert in calm)
    assert {alert["scope"]["instrument"] for alert in calm} == {"ETHUSDT"}


@pytest.mark.parametrize(
    ("detector", "venue", "instrument", "since"),
    [
        ("frozen_side", "binance-usdm", "SOLUSDT", FROZEN_S[0]),
        ("latency", "deribit", "BTC-PERPETUAL", 770.0),
        ("dislocation", "bybit-linear", "BTCUSDT", 760.0),
        ("price_shock", "binance-usdm", "BTCUSDT", FALLS_S),
        ("liquidity_evaporation", "binance-usdm", "BTCUSDT", FALLS_S),
        ("liquidation_cascade", "binance-usdm", "BTCUSDT", FALLS_S),
    ],
)
def test_each_trouble_is_told_by_its_detector(
    alerts: list[dict[str, Any]], detector: str, venue: str, instrument: str, since: float
) -> None:
    scope = {"venue": venue, "instrument": instrument}
    told = [_at(alert) for alert in alerts if alert["detector"] == detector and alert["scope"] == scope]
    assert told
    assert since < min(told) < since + 200


def test_levels_rise_with_the_fall_and_reach_halt_before_its_low(summary: dict[str, Any]) -> None:
    desk = {move["to"]: _at(move) for move in summary["levels"] if not any(move["scope"].values())}
    assert FALLS_S < desk["watch"] < desk["restrict"] < desk["reduce"] < desk["halt"] < LOW_S
    calm = {move["scope"].get("instrument") for move in summary["levels"] if _at(move) < FALLS_S}
    assert calm <= {"ETHUSDT"}, "a book with a gap may be watched, nothing else"


def test_the_broken_line_is_in_quarantine_and_nothing_else(summary: dict[str, Any], replayed: Path) -> None:
    (one,) = [json.loads(line) for line in (replayed / "quarantine.jsonl").read_text().splitlines()]
    assert summary["quarantined"] == 1
    assert one["file"].endswith("BYBIT.ws.1.0.gz")
    assert one["sample"].endswith('"snap')


def test_only_the_feed_with_the_gap_asks_for_a_snapshot(summary: dict[str, Any]) -> None:
    gaps = {name: (feed["gaps"], feed["resyncs"]) for name, feed in summary["feeds"].items() if feed["gaps"]}
    assert gaps == {"binance-usdm:ETHUSDT": (1, 1)}


def test_the_report_shows_every_instrument(summary: dict[str, Any], replayed: Path) -> None:
    assert len(summary["feeds"]) == 6
    page = (replayed / "report.html").read_text()
    assert page.count('class="plot price"') == 6
    assert len(page) < 2_000_000
