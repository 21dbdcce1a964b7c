"""Detector and Panel: what a detector must say, and the life cycle that turns findings into alerts.

Once a sweep (each second of tape time, and never on the wall clock) every detector judges every subject and writes one
`Finding` a subject. The panel then raises, raises further and clears alerts by the same rules for all:

1. A finding with `ratio >= 1` raises an alert; `ratio` is value over threshold in the detector's own unit, so 1 is the line.
   NaN means "cannot tell": it raises nothing and clears nothing.
2. The severity follows the ratio by the detector's `severities`; an open alert speaks again only when its severity rises.
3. An open alert is cleared when the ratio stayed under `CLEAR_RATIO` for `clear_after_s` of tape time.
"""

from abc import ABC, abstractmethod
from typing import ClassVar, Final, Literal

import numpy as np
from numpy.typing import NDArray

from holdfast.event import SEVERITIES, Alert, Scope

EVIDENCE_MAX: Final = 8
CLEAR_RATIO: Final = 0.8

FINDING: Final = np.dtype(
    [("value", "f8"), ("threshold", "f8"), ("ratio", "f8"), ("evidence", "f8", (EVIDENCE_MAX,))]
)

Findings = NDArray[np.void]


class Detector(ABC):
    """One question asked of every subject at every sweep.

    A concrete detector is final, lives in a file of its own, and keeps its memory in numpy arrays created by `__init__`
    (so that a snapshot is those arrays). Its docstring says what it sees, when it fails, what it costs and its source.
    """

    name: ClassVar[str]
    subject: ClassVar[Literal["instrument", "chain"]] = "instrument"
    about: ClassVar[Literal["trust", "stress"]]
    evidence: ClassVar[tuple[str, ...]]
    severities: ClassVar[tuple[float, float, float]] = (1.5, 2.0, 3.0)  # ratio for medium, high, critical
    clear_after_s: ClassVar[float] = 60.0

    def arrays(self) -> tuple[NDArray[np.generic], ...]:
        """Return every array of the detector's own memory, in a fixed order (for snapshots and digests)."""
        return ()

    def evidence_of(self, finding: np.void) -> dict[str, float | str]:
        """Return the finding's evidence by name; what is unknown (NaN) is left out."""
        values = finding["evidence"]
        named = {name: float(values[j]) for j, name in enumerate(self.evidence)}
        return {name: value for name, value in named.items() if np.isfinite(value)}

    def alert(self, now_ns: int, scope: Scope, finding: np.void, rank: int) -> Alert:
        """Return the alert that a finding of severity rank 1 (low) to 4 (critical) is told as."""
        return Alert(
            time_ns=now_ns,
            detector=self.name,
            scope=scope,
            severity=SEVERITIES[rank - 1],
            value=float(finding["value"]),
            threshold=float(finding["threshold"]),
            evidence=self.evidence_of(finding),
            message=f"{scope}: {self.describe(finding)}",
        )

    @abstractmethod
    def describe(self, finding: np.void) -> str:
        """Say in one sentence what was found, with numbers and units, for the engineer on call."""


def new_findings(count: int) -> Findings:
    """Return findings that cannot tell anything. Shape: (count,)."""
    findings = np.zeros(count, dtype=FINDING)
    findings["value"] = findings["threshold"] = findings["ratio"] = np.nan
    findings["evidence"] = np.nan
    return findings
