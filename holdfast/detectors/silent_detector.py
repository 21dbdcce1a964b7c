"""Silent detector: something that watched an instrument no longer can, while the instrument goes on.

Sees: for every detector that judged an instrument for five minutes or more, how long data has arrived without it being able
to judge; five minutes of that is an alert. A watchdog that sleeps is worse than none, because people rely on it.
Fails: for a detector that never could judge (a tape of bars has no book to watch). Cost: 5 ns a detector and instrument.
"""

from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.detectors.base import Detector, Findings

SILENT_MAX_S: Final = 300.0
WATCHED_MIN_S: Final = 300.0
STEP_MAX_S: Final = 15.0  # one sweep counts for no more, however long nothing arrived before it


class SilentDetector(Detector):
    """See the module: what it sees, when it fails, what it costs."""

    name = "silent_detector"
    about = "trust"
    evidence = ("silent_s", "detector")
    severities = (3.0, 12.0, 288.0)

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self._swept_ns: NDArray[np.int64] = np.zeros(1, dtype=np.int64)
        self._watched_s: NDArray[np.float64] = np.zeros((len(names), 0))
        self._silent_s: NDArray[np.float64] = np.zeros((len(names), 0))

    def judge(
        self, now_ns: int, count: int, features: NDArray[np.void], of_all: Findings, findings: Findings
    ) -> None:
        """Judge the first `count` instruments. Shape: of_all (detectors or more, capacity), findings (capacity,)."""
        missing = of_all.shape[1] - self._watched_s.shape[1]
        if missing > 0:
            self._watched_s = np.pad(self._watched_s, ((0, 0), (0, missing)))
            self._silent_s = np.pad(self._silent_s, ((0, 0), (0, missing)))
        _judge(now_ns, count, features, of_all, self._swept_ns, self._watched_s, self._silent_s, findings)

    def arrays(self) -> tuple[NDArray[np.generic], ...]:
        """Return how long each detector watched and has been silent."""
        return self._swept_ns, self._watched_s, self._silent_s

    def evidence_of(self, finding: np.void) -> dict[str, float | str]:
        """Return the silence and the name of the detector that is silent."""
        return {
            "silent_s": float(finding["evidence"][0]),
            "detector": self.names[int(finding["evidence"][1])],
        }

    def describe(self, finding: np.void) -> str:
        """Say what was found, with units."""
        name = self.names[int(finding["evidence"][1])]
        return f"detector {name} has had nothing to judge for {finding['value']:.0f} s although data arrives"


@njit(cache=True)
def _judge(now_ns, count, features, of_all, swept_ns, watched_s, silent_s, findings):
    step_s = min((now_ns - swept_ns[0]) * 1e-9, STEP_MAX_S) if swept_ns[0] > 0 else 0.0
    swept_ns[0] = now_ns
    for i in range(count):
        worst = 0.0
        who = 0
        active = features[i].active
        for d in range(watched_s.shape[0]):
            if active and np.isnan(of_all[d, i].ratio):
                silent_s[d, i] += step_s
            elif active:
                silent_s[d, i] = 0.0
                watched_s[d, i] += step_s
            if watched_s[d, i] >= WATCHED_MIN_S and silent_s[d, i] > worst:
                worst = silent_s[d, i]
                who = d
        findings[i].value = worst
        findings[i].threshold = SILENT_MAX_S
        findings[i].ratio = worst / SILENT_MAX_S if active else np.nan
        findings[i].evidence[0] = worst
        findings[i].evidence[1] = who
