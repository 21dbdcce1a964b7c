"""Refolding: a fold is given what a recorded run gave its own: rows, and at the marks of a guard's tape what its ledger has.

Rules:

1. A mark is no row of the market: what it stands for is done in its place, as `app/folding.py` did it.
2. Without the ledger marks are passed over: then the market alone is replayed.
3. Records that a guard lost when it was killed are in no ledger; marks that speak of them are passed over.
"""

from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from holdfast import tape
from holdfast.detectors.live_watch import LIVE_DETECTOR_NAMES
from holdfast.engine import State
from holdfast.error import CallerError
from holdfast.event import Alert, AlertCleared, Event, LevelMoved
from holdfast.ledger.reader import LedgerReader
from holdfast.ledger.record import decode
from holdfast.policy.escalation import RELEASED_BY
from holdfast.tape import Rows


class Refolding:
    """Steps a state through the rows of a recording. `ledger` is that of the guard which kept them as a tape.

    Raises: CallerError `replay.other_ledger` when tape and ledger are not of one guard.
    """

    def __init__(self, state: State, ledger: Path | None) -> None:
        self._state = state
        self._where = str(ledger)
        self._entries = 0
        self._alerts: list[tuple[int, Alert | AlertCleared]] = []
        self._levels: list[tuple[int, LevelMoved]] = []
        for entry in LedgerReader(ledger).entries() if ledger is not None else ():
            record = decode(entry)
            if isinstance(record, Alert | AlertCleared) and record.detector in LIVE_DETECTOR_NAMES:
                self._alerts.append((self._entries, record))
            elif isinstance(record, LevelMoved):
                self._levels.append((self._entries, record))
            self._entries += 1

    def step(self, rows: Rows) -> list[Event]:
        """Fold rows, and do what marks among them stand for; return what follows."""
        events: list[Event] = []
        first = 0
        for at in np.flatnonzero(rows["kind"] >= tape.NODE_STARTED).tolist():
            events += self._plain(rows[first:at])
            events += self._repeat(int(rows["kind"][at]), int(rows["received_ns"][at]), rows[at])
            self._state.rows += 1
            first = at + 1
        return events + self._plain(rows[first:])

    def _plain(self, rows: Rows) -> list[Event]:
        return self._state.step(rows) if len(rows) else []

    def _repeat(self, kind: int, now_ns: int, mark: np.void) -> list[Event]:
        before, count = int(mark["price"]), int(mark["size"])
        if before >= self._entries:
            return []
        if kind == tape.ALERTS_HEARD:
            return self._state.hear(now_ns, list(self._alerts_after(before, count)))
        if kind == tape.JUDGED:
            return self._state.judge()
        if kind == tape.RELEASED:
            return self._release(before)
        for entry, moved in self._levels:
            if entry <= before:
                self._state.desk.restore(moved)
        return []

    def _alerts_after(self, before: int, count: int) -> Iterator[Alert | AlertCleared]:
        first = bisect_right(self._alerts, before, key=lambda one: one[0])
        found = self._alerts[first : first + count]
        if len(found) < count and before + count < self._entries:
            raise self._other(f"{count} alerts after record {before}")
        return (alert for _, alert in found)

    def _release(self, before: int) -> list[Event]:
        first = bisect_right(self._levels, before, key=lambda one: one[0])
        for _, moved in self._levels[first : first + 1]:
            operator = moved.because.removeprefix(RELEASED_BY)
            released = self._state.desk.release(moved.time_ns, moved.scope, operator)
            if released != moved:
                raise self._other(f"a released level after record {before}")
            return [moved]
        return []

    def _other(self, what: str) -> CallerError:
        return CallerError(
            "replay.other_ledger", f"the tape speaks of {what}, and the ledger holds something else",
            where=self._where, remedy="give the ledger of the guard that kept the tape",
        )  # fmt: skip
