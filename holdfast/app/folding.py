"""Folding: everything that goes into a live node's fold, in order; what keeps it has all that a replay needs.

Rules:

1. Rows of all clients go in in the order in which they were received.
2. What goes in besides rows is marked among them: rows and marks on a tape, with the journal beside it, are all that the
   fold was given. `app/refolding.py` gives it again.
"""

from collections.abc import Callable, Sequence

import numpy as np

from holdfast import tape
from holdfast.app.node_parts import NodeParts
from holdfast.app.recording.moving import join, pick
from holdfast.event import Alert, AlertCleared, Event
from holdfast.tape import RowBuffer, Rows


class Folding:
    """The way into the fold. `keep` gets what went in, and may hold on to it."""

    def __init__(self, parts: NodeParts) -> None:
        self.keep: Callable[[Rows], None] = lambda _: None
        self._state = parts.state
        self._outbox = parts.outbox
        self._clients = parts.clients
        self._own = RowBuffer(4)
        self._last_ns = 0

    def begin(self, now_ns: int, started_ns: int) -> None:
        """Mark the beginning: the journal is folded up to the `NodeStarted` of that time, and levels stand as it says."""
        self._mark(tape.NODE_STARTED, now_ns, started_ns)

    def fold(self) -> list[Event]:
        """Take in the rows that wait; return what follows from them."""
        waiting = [one.feed.rows.take() for one in self._clients if one.feed.rows.count]
        if self._own.count:
            waiting.append(self._own.take())
        if not waiting:
            return []
        rows = join(waiting)
        if len(waiting) > 1:
            rows = pick(rows, np.argsort(rows["received_ns"], kind="stable"))
        events = self._state.step(rows)
        self._last_ns = int(rows["received_ns"][-1])
        self.keep(rows)
        return events

    def tick(self, now_ns: int) -> list[Event]:
        """Take in that time has passed."""
        self._own.append(tape.TIMER, -1, 0, now_ns, flags=tape.LAST)
        return self.fold()

    def hear(self, now_ns: int, alerts: Sequence[Alert | AlertCleared]) -> list[Event]:
        """Take in what detectors outside the fold say."""
        self._mark(tape.ALERTS_HEARD, now_ns, len(alerts))
        return self._state.hear(now_ns, alerts)

    def judge(self) -> list[Event]:
        """Let policy judge what was heard."""
        self._mark(tape.JUDGED, self._last_ns)
        return self._state.judge()

    def released(self) -> None:
        """Mark that a person lowered a level."""
        self._mark(tape.RELEASED, self._last_ns)

    def _mark(self, kind: int, now_ns: int, size: int = 0) -> None:
        self._last_ns = now_ns
        mark = np.zeros(1, dtype=tape.ROW)
        mark[0] = (0, now_ns, self._outbox.sequence, size, np.nan, -1, kind, 0, tape.LAST)
        self.keep(mark)
