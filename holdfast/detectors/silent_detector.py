"""Silent detector: something that watched an instrument no longer can, while the instrument goes on.

Sees: for every detector that judged an instrument for five minutes or more, how long it has not been able to; five minutes
of silence while rows still arrive is an alert. A watchdog that sleeps is worse than none, because people rely on it.
Fails: for a detector that never could judge (a tape of bars has no book to watch). Cost: 5 ns a detector and instrument.
"""

from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.detectors.base import Detector, Findings

SILENT_MAX_S: Final = 300.0
WATCHED_MIN_S: Final = 300.0


class SilentDetector(Detector):
    """See the module: what it sees, when it fails, what it costs."""

    name = "silent_detector"
    about = "trust"
    evidence = ("silent_s", "detector")
    severities = (3.0, 12.0, 288.0)

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names

    def judge(
        self,
        now_ns: int,
        count: int,
        features: NDArray[np.void],
        told_ns: NDArray[np.int64],
        told_since_ns: NDArray[np.int64],
        findings: Findings,
    ) -> None:
        """Judge the first `count` instruments. Shape: told_ns and told_since_ns (detectors, capacity)."""
        _judge(now_ns, count, features, told_ns, told_since_ns, findings)

    def evidence_of(self, finding: np.void) -> dict[str, float | str]:
        """Return the silence and the name of the detector that is silent."""
        return {"silent_s": float(finding["evidence"][0]), "detector": self.names[int(finding["evidence"][1])]}

    def describe(self, finding: np.void) -> str:
        """Say what was found, with units."""
        name = self.names[int(finding["evidence"][1])]
        return f"detector {name} has had nothing to judge for {finding['value']:.0f} s although data arrives"


@njit(cache=True)
def _judge(now_ns, count, features, told_ns, told_since_ns, findings):  # noqa: ANN001, ANN202
    for i in range(count):
        worst = 0.0
        who = 0
        for d in range(told_ns.shape[0]):
            if told_ns[d, i] == 0 or (told_ns[d, i] - told_since_ns[d, i]) * 1e-9 < WATCHED_MIN_S:
                continue
            silent_s = (now_ns - told_ns[d, i]) * 1e-9
            if silent_s > worst:
                worst = silent_s
                who = d
        findings[i].value = worst
        findings[i].threshold = SILENT_MAX_S
        findings[i].ratio = worst / SILENT_MAX_S if features[i].active else np.nan
        findings[i].evidence[0] = worst
        findings[i].evidence[1] = who
