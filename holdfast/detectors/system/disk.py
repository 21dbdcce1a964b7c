"""Disk: the disk that the journal is written to is full, or will be soon.

Sees: `disk_free_bytes` of a folder (the subject): less than `free_bytes_min`, or so fast a fall, measured over the last ten
minutes, that nothing is left within `full_within_s`. A guard that cannot write may not act, so this comes early.
Fails: for quotas and inodes, which the number does not show; for a burst faster than the measurements.
Cost: 2 us an event.
"""

from collections import deque
from typing import Any, Final

import msgspec

from holdfast.clock import MINUTE_NS, SECOND_NS
from holdfast.detectors.live import Heard
from holdfast.detectors.system.base import SystemDetector
from holdfast.event import Scope, SystemMeasured

FOLDERS_MAX: Final = 16
SAMPLES_MAX: Final = 256
WINDOW_NS: Final = 10 * MINUTE_NS
RATE_OVER_NS_MIN: Final = MINUTE_NS


class DiskSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What must be left, and how far ahead a fall is drawn out."""

    free_bytes_min: float = 1e9
    full_within_s: float = 3_600.0


class Disk(SystemDetector):
    """See the module: what it sees, when it fails, what it costs. Value: bytes left."""

    name = "disk"
    evidence = ("folder", "free_bytes", "fall_bytes_per_s", "full_in_s")
    severities = (2.0, 4.0, 10.0)
    clear_after_s = 60.0

    def __init__(self, settings: DiskSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or DiskSettings()
        self._free: dict[str, deque[tuple[int, float]]] = {}

    def measure(self, event: Heard) -> None:
        """Take in a measurement and let the worst folder speak."""
        if not isinstance(event, SystemMeasured) or event.name != "disk_free_bytes":
            return
        if event.subject not in self._free and len(self._free) >= FOLDERS_MAX:
            return
        samples = self._free.setdefault(event.subject, deque(maxlen=SAMPLES_MAX))
        samples.append((self.now_ns, event.value))
        while self.now_ns - samples[0][0] > WINDOW_NS:
            samples.popleft()
        found = [(*self._ratio(one), folder) for folder, one in sorted(self._free.items())]
        ratio, free, fall_per_s, folder = max(found)
        full_in_s = free / fall_per_s if fall_per_s > 0.0 else float("inf")
        evidence: dict[str, float | str] = {
            "folder": folder,
            "free_bytes": free,
            "fall_bytes_per_s": fall_per_s,
        }
        if fall_per_s > 0.0:
            evidence["full_in_s"] = full_in_s
        soon = f", full in {full_in_s / 60.0:.0f} min at this rate" if fall_per_s > 0.0 else ""
        self.judge(
            Scope(),
            ratio=ratio,
            value=free,
            threshold=self.settings.free_bytes_min,
            evidence=evidence,
            message=f"{free / 1e9:.2f} GB are left on the disk of {folder}{soon}",
        )

    def remembered(self) -> list[Any]:
        """Return the measurements of every folder."""
        return [[folder, list(samples)] for folder, samples in sorted(self._free.items())]

    def _ratio(self, samples: deque[tuple[int, float]]) -> tuple[float, float, float]:
        (first_ns, first), (last_ns, free) = samples[0], samples[-1]
        fall_per_s = 0.0
        if last_ns - first_ns >= RATE_OVER_NS_MIN:
            fall_per_s = max(first - free, 0.0) * SECOND_NS / (last_ns - first_ns)
        ratio = self.settings.free_bytes_min / max(free, 1.0)
        return max(ratio, self.settings.full_within_s * fall_per_s / max(free, 1.0)), free, fall_per_s
