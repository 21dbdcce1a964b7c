"""Refolding: a fold is given what a recorded run gave its own: rows, and at the marks of a guard's tape what its ledger has.

Rules:

1. A mark is no row of the market: what it stands for is done in its place, as `app/folding.py` did it.
2. Without the ledger marks are passed over: then the market alone is replayed.
3. What a guard had not written when it was killed or taken over is in no ledger; marks that speak of that are passed over.
   Its records end where the next guard's begin.
"""

from bisect import bisect_left, bisect_right
from operator import itemgetter
from pathlib import Path
from typing import TypeVar

import numpy as np

from holdfast import tape
from holdfast.detectors.live_watch import LIVE_DETECTOR_NAMES
from holdfast.engine import State
from holdfast.error import CallerError
from holdfast.event import Alert, AlertCleared, Event, LevelMoved
from holdfast.ledger.reader import LedgerReader
from holdfast.ledger.record import decode
from holdfast.policy.escalation import RELEASED_BY
from holdfast.receipt import NodeStarted
from holdfast.tape import Rows

Said = TypeVar("Said")


class Refolding:
    """Steps a state through the rows of a recording. `ledger` is that of the guard which kept them as a tape.

    Raises: CallerError `replay.other_ledger` when tape and ledger are not of one guard.
    """

    def __init__(self, state: State, ledger: Path | None) -> None:
        self._state = state
        self._where = str(ledger)
        self._entries = 0
        self._starts: list[tuple[int, int]] = []
        self._alerts: list[tuple[int, Alert | AlertCleared]] = []
        self._levels: list[tuple[int, LevelMoved]] = []
        for entry in LedgerReader(ledger).entries() if ledger is not None else ():
            record = decode(entry)
            if isinstance(record, Alert | AlertCleared) and record.detector in LIVE_DETECTOR_NAMES:
                self._alerts.append((self._entries, record))
            elif isinstance(record, LevelMoved):
                self._levels.append((self._entries, record))
            elif isinstance(record, NodeStarted):
                self._starts.append((self._entries, record.time_ns))
            self._entries += 1

    def step(self, rows: Rows) -> list[Event]:
        """Fold rows, and do what marks among them stand for; return what follows."""
        events: list[Event] = []
        first = 0
        for at in np.flatnonzero(rows["kind"] >= tape.NODE_STARTED).tolist():
            events += self._plain(rows[first:at])
            events += self._repeat(rows[at])
            self._state.rows += 1
            first = at + 1
        return events + self._plain(rows[first:])

    def _plain(self, rows: Rows) -> list[Event]:
        return self._state.step(rows) if len(rows) else []

    def _repeat(self, mark: np.void) -> list[Event]:
        if not self._entries:
            return []
        kind, before, count = (int(mark[name]) for name in ("kind", "price", "size"))
        if kind == tape.NODE_STARTED:
            return self._begin(before, count)
        later = bisect_right(self._starts, before, key=itemgetter(0))
        end = self._starts[later][0] if later < len(self._starts) else self._entries
        if kind == tape.ALERTS_HEARD:
            alerts = _between(self._alerts, before, end)[:count]
            return self._state.hear(int(mark["received_ns"]), alerts) if alerts else []
        if kind == tape.JUDGED:
            return self._state.judge() if before < end else []
        return self._release(_between(self._levels, before, end))

    def _begin(self, before: int, started_ns: int) -> list[Event]:
        if (before, started_ns) not in self._starts:
            raise CallerError(
                "replay.other_ledger", f"the guard of this tape began at record {before}, and that of the ledger did not",
                where=self._where, remedy="give the ledger of the guard that kept the tape",
            )  # fmt: skip
        for moved in _between(self._levels, -1, before):
            self._state.desk.restore(moved)
        return []

    def _release(self, levels: list[LevelMoved]) -> list[Event]:
        if not levels or not levels[0].because.startswith(RELEASED_BY):
            return []
        moved = levels[0]
        operator = moved.because.removeprefix(RELEASED_BY)
        released = self._state.desk.release(moved.time_ns, moved.scope, operator)
        return [released] if isinstance(released, LevelMoved) else []


def _between(records: list[tuple[int, Said]], before: int, end: int) -> list[Said]:
    """Return the records after one place in the ledger and before another."""
    place = itemgetter(0)
    return [
        one
        for _, one in records[bisect_right(records, before, key=place) : bisect_left(records, end, key=place)]
    ]
