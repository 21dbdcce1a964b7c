"""Feeds: what the summary says of every feed: gaps, resyncs, clock skew, latency."""

from collections import Counter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from holdfast.engine import State
from holdfast.event import ResyncRequested
from holdfast.market.fold import latency_of_bin

# What a network explains; beyond it, the smallest latency is the clocks' disagreement.
NETWORK_MS_MAX: Final = 500.0


def feeds(state: State, resyncs: list[ResyncRequested]) -> dict[str, dict[str, Any]]:
    """Return the facts of every instrument that had a row, by `venue:instrument`. Units: ms; None where unknown."""
    asked = Counter((request.venue, request.instrument) for request in resyncs)
    named: dict[str, dict[str, Any]] = {}
    for number in np.flatnonzero(state.market.state["rows"]).tolist():
        memory = state.market.state[number]
        scope = state.scopes[number]
        timed = int(memory["latency_min_ns"]) < 2**61
        least_ms = int(memory["latency_min_ns"]) / 1e6
        named[str(scope)] = {
            "venue": scope.venue,
            "instrument": scope.instrument,
            "rows": int(memory["rows"]),
            "messages": int(memory["messages"]),
            "gaps": int(memory["gaps"]),
            "resyncs": asked[scope.venue, scope.instrument],
            "book": ("empty", "live", "stale", "empty")[int(memory["book"])],
            "clock_skew_ms": round(least_ms if not 0.0 <= least_ms <= NETWORK_MS_MAX else 0.0, 3)
            if timed
            else None,
            "latency_ms": _latency(state.market.latency[number], memory) if timed else None,
        }
    return named


def _latency(histogram: NDArray[np.int64], memory: np.void) -> dict[str, float]:
    """Return p50 and p99 from the histogram (right to 6 %) and the exact maximum."""
    return {
        "p50": round(_quantile(histogram, 0.50), 3),
        "p99": round(_quantile(histogram, 0.99), 3),
        "max": round(int(memory["latency_max_ns"]) / 1e6, 3),
    }


def _quantile(histogram: NDArray[np.int64], share: float) -> float:
    below = np.cumsum(histogram)
    target = share * below[-1]
    position = int(np.searchsorted(below, target))
    inside = (target - (below[position] - histogram[position])) / max(int(histogram[position]), 1)
    return float(latency_of_bin(position + inside)) / 1e6
