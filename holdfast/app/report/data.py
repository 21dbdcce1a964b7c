"""What a report is made of: the run's summary, its time series, and everything that was said and decided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.error import BrokenInvariant
from holdfast.event import Alert, Decided, Level, LevelMoved, Quarantined, RiskMeasured, Scope
from holdfast.policy.score import PARTS


def _no_price() -> NDArray[np.float64]:
    return np.empty(0, dtype=np.float64)


@dataclass(frozen=True, kw_only=True)
class Series:
    """One scope over time: each value holds from its time until the next one.

    Units: time_ns UTC nanoseconds, ascending; score 0 to 100; level an index into `event.LEVELS`; price in
    quote units, NaN where it is unknown, empty for a scope that has none.
    Shape: time_ns, score, level and price (n,), parts (n, len(PARTS)) in the order of `PARTS`.
    """

    scope: Scope
    time_ns: NDArray[np.int64]
    score: NDArray[np.float64]
    parts: NDArray[np.float64]
    level: NDArray[np.integer[Any]]
    price: NDArray[np.float64] = field(default_factory=_no_price)

    def __post_init__(self) -> None:
        """Refuse shapes that do not belong together."""
        n = len(self.time_ns)
        shapes_agree = len(self.score) == n == len(self.level) and self.parts.shape == (n, len(PARTS))
        if not shapes_agree or len(self.price) not in (0, n):
            raise BrokenInvariant("report.shape", f"the series of {self.scope} differ in length")

    @property
    def has_price(self) -> bool:
        """Tell whether any price is known."""
        return bool(np.isfinite(self.price).any())

    @property
    def peak(self) -> float:
        """Return the highest score, 0 when there is none."""
        return float(np.nanmax(self.score)) if np.isfinite(self.score).any() else 0.0


@dataclass(frozen=True, kw_only=True)
class ReportData:
    """Everything that one report shows.

    `summary` is the run's `summary.json`; the keys used are messages, rows, quarantined, wall_s,
    rows_per_s, digest and feeds (by name: gaps, resyncs, clock_skew_ms, latency_ms with p50, p99 and max).
    What is absent is not shown.
    `thresholds` are the scores at which the escalation table goes up to each level.
    `measured` is what was measured of the portfolio, in time order, empty without one.
    `quarantined` may be the beginning of a longer list: `summary["quarantined"]` is the count.
    """

    command: str
    version: str
    ledger: str
    checkpoint: str
    summary: Mapping[str, Any]
    series: Sequence[Series]
    alerts: Sequence[Alert]
    levels: Sequence[LevelMoved]
    decisions: Sequence[Decided]
    quarantined: Sequence[Quarantined]
    measured: Sequence[RiskMeasured] = ()
    thresholds: Mapping[Level, float] = field(default_factory=dict[Level, float])

    def span(self) -> tuple[int, int]:
        """Return the first and last moment that anything here speaks of, in nanoseconds."""
        times = [int(s.time_ns[i]) for s in self.series if len(s.time_ns) for i in (0, -1)]
        times += [event.time_ns for event in (*self.alerts, *self.levels, *self.decisions)]
        start, end = (min(times), max(times)) if times else (0, 0)
        return start, max(end, start + 1)
