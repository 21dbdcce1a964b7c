"""Panel: every detector's finding on every subject, and the one life cycle that turns findings into alerts.

See `detectors/base.py` for the rules.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.detectors.base import CLEAR_RATIO, FINDING, Detector, Findings

TURN: Final = np.dtype([("detector", "i4"), ("subject", "i4"), ("before", "i4"), ("after", "i4")])


class Panel:
    """Findings and open alerts of a fixed list of detectors over a growing number of subjects.

    Shape: findings, open_rank and the clocks are (detectors, capacity).
    """

    def __init__(self, detectors: Sequence[Detector], capacity: int) -> None:
        self.detectors = tuple(detectors)
        self.capacity = capacity
        count = len(self.detectors)
        self.severities = np.array([(1.0, *d.severities) for d in self.detectors]).reshape(count, 4)
        self.clear_after_ns = np.array([int(d.clear_after_s * 1e9) for d in self.detectors], dtype=np.int64)
        self.stress = np.array([d.about == "stress" for d in self.detectors], dtype=np.bool_)
        self.findings: Findings = _blank_findings(count, capacity)
        self.open_rank: NDArray[np.int8] = np.zeros((count, capacity), dtype=np.int8)
        self.calm_ns: NDArray[np.int64] = np.zeros((count, capacity), dtype=np.int64)
        self._turns: NDArray[np.void] = np.zeros(count * capacity, dtype=TURN)

    def fit(self, capacity: int) -> None:
        """Make room for more subjects; what is known stays."""
        if capacity <= self.capacity:
            return
        fresh = Panel(self.detectors, capacity)
        for name in ("findings", "open_rank", "calm_ns"):
            getattr(fresh, name)[:, : self.capacity] = getattr(self, name)
            setattr(self, name, getattr(fresh, name))
        self._turns = fresh._turns
        self.capacity = capacity

    def turn(
        self, now_ns: int, first: int, last: int, count: int, trusted: NDArray[np.bool_]
    ) -> NDArray[np.void]:
        """Compare the findings of detectors [first, last) with what is open; return the raised and cleared ones.

        `trusted` mutes stress detectors on subjects that are not trusted: they neither raise nor clear.
        """
        turned = _turn(
            now_ns,
            first,
            last,
            count,
            self.findings,
            self.open_rank,
            self.calm_ns,
            self.severities,
            self.clear_after_ns,
            self.stress,
            trusted,
            self._turns,
        )
        return self._turns[:turned]

    def arrays(self) -> tuple[NDArray[np.generic], ...]:
        """Return every array of the panel's memory and of its detectors, in a fixed order."""
        own = (self.findings, self.open_rank, self.calm_ns)
        return own + tuple(array for detector in self.detectors for array in detector.arrays())


def _blank_findings(count: int, capacity: int) -> Findings:
    findings = np.zeros((count, capacity), dtype=FINDING)
    for name in ("value", "threshold", "ratio", "evidence"):
        findings[name] = np.nan
    return findings


@njit(cache=True)
def rank_of(ratio: float, severities: np.ndarray) -> int:
    """Return 0 (nothing) to 4 (critical) for a ratio."""
    rank = 0
    for j in range(4):
        if ratio >= severities[j]:
            rank = j + 1
    return rank


@njit(cache=True)
def _turn(
    now_ns, first, last, count, findings, open_rank, calm_ns, severities, clear_after_ns, stress,
    trusted, turns,
):  # fmt: skip
    turned = 0
    for d in range(first, last):
        for i in range(count):
            ratio = findings[d, i].ratio
            if np.isnan(ratio):
                continue
            if stress[d] and not trusted[i]:
                continue
            before = open_rank[d, i]
            if ratio < 1.0 and before == 0:
                continue
            rank = rank_of(ratio, severities[d])
            if rank > before:
                after = rank
            elif ratio < CLEAR_RATIO:
                if calm_ns[d, i] == 0:
                    calm_ns[d, i] = now_ns
                if now_ns - calm_ns[d, i] < clear_after_ns[d]:
                    continue
                after = 0
            else:
                calm_ns[d, i] = 0
                continue
            calm_ns[d, i] = 0
            open_rank[d, i] = after
            turns[turned].detector = d
            turns[turned].subject = i
            turns[turned].before = before
            turns[turned].after = after
            turned += 1
    return turned
