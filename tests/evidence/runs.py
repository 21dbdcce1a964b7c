"""Replays for the tests of evidence: run once, kept for the session, read as a user would."""

import json
from pathlib import Path
from typing import Any

from holdfast.app.replay import replay
from holdfast.clock import format_time_ns, parse_time_ns
from holdfast.event import LEVELS
from holdfast.settings import KeySettings, Settings


class Run:
    """The output folder of one replay."""

    def __init__(self, paths: list[Path], out: Path) -> None:
        self.out = out
        settings = Settings(key=KeySettings(path=str(out.parent / "test.key")))
        self.summary: dict[str, Any] = replay(paths, out, settings)
        self.alerts = self._lines("alerts.jsonl")
        self.quarantined = self._lines("quarantine.jsonl")

    def named(self, detector: str, after: str = "", before: str = "") -> list[dict[str, Any]]:
        """Return a detector's alerts from `after` to before `before` (ISO times)."""
        low = parse_time_ns(after) if after else 0
        high = parse_time_ns(before) if before else 2**62
        return [a for a in self.alerts if a["detector"] == detector and low <= a["time_ns"] < high]

    def first_at(self, level: str, instrument: str = "", after: str = "") -> int:
        """Return when a scope first reached a level or higher, 2**62 if never."""
        low = parse_time_ns(after) if after else 0
        times = [
            move["time_ns"]
            for move in self.summary["levels"]
            if LEVELS.index(move["to"]) >= LEVELS.index(level)
            and move["time_ns"] >= low
            and (not instrument or move["scope"].get("instrument") == instrument)
        ]
        return min(times, default=2**62)

    def _lines(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.out / name).read_text().splitlines()]


def day_of(alert: dict[str, Any]) -> str:
    """Return an alert's day, as 2026-02-05."""
    return format_time_ns(alert["time_ns"])[:10]
