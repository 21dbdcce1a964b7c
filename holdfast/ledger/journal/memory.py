"""A journal in memory, for virtual time: what is durable and what is not yet is plain to see, and it fails on purpose.

1. `append` is `begin` and `finish` in one. A world in virtual time calls them apart, so that a write takes as long as it
   likes; the writes of one epoch become durable in the order in which they began.
2. `crash` loses what a node had pending, but for as many writes as the world says had reached the disk unheard.
3. Nodes of one desk share one object, as they would share a server; each speaks with its own epoch.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Literal

from holdfast.error import OutsideError
from holdfast.ledger.journal.base import Journal, check_lengths, fenced, rest_of, started

Trouble = Literal["", "full", "lost", "kept"]


class MemoryJournal(Journal):
    """Keep records in lists. `durable` is what a crash leaves; `pending` is, by epoch, what has begun and not ended.

    `trouble` makes every write fail until it is taken away: `full` has no room; `lost` and `kept` cannot be reached, and
    the records are not written, or are, though nobody is told.
    """

    def __init__(self) -> None:
        self.durable: list[bytes] = []
        self.pending: dict[int, deque[tuple[bytes, ...]]] = {}
        self.epoch = 0
        self.trouble: Trouble = ""
        self._known = 0  # what the newest epoch knows to be written

    def take_over(self, node: str, now_ns: int) -> int:
        """Take the next epoch. What another epoch has pending is fenced off."""
        self._meet_trouble()
        self.epoch += 1
        self.durable.append(started(node, now_ns, self.epoch))
        self._known = len(self.durable)
        return self.epoch

    def append(self, epoch: int, records: Sequence[bytes]) -> int:
        """Write records, durable at once, after whatever is pending."""
        while self.pending.get(epoch):
            self.finish(epoch)
        self.begin(epoch, records)
        return self.finish(epoch)

    def begin(self, epoch: int, records: Sequence[bytes]) -> None:
        """Begin to write: the records are pending."""
        check_lengths(records)
        self.pending.setdefault(epoch, deque()).append(tuple(records))

    def finish(self, epoch: int) -> int:
        """Make an epoch's oldest pending write durable and return its last sequence number; one that fails is dropped."""
        records = self.pending[epoch].popleft()
        if epoch != self.epoch:
            raise fenced(epoch, self.epoch)
        if self.trouble != "kept":
            self._meet_trouble()
        self.durable.extend(rest_of(records, self.durable[self._known :]))
        self._meet_trouble()
        self._known = len(self.durable)
        return self._known

    def crash(self, epoch: int, kept: int = 0) -> None:
        """Lose what an epoch has pending, but for its first `kept` writes, which had become durable though nobody heard."""
        for records in list(self.pending.pop(epoch, ()))[: kept if epoch == self.epoch else 0]:
            self.durable.extend(rest_of(records, self.durable[self._known :]))
            self._known = len(self.durable)

    def read(self, after: int = 0) -> Iterator[tuple[int, bytes]]:
        """Yield what is durable after `after`."""
        for sequence in range(after + 1, len(self.durable) + 1):
            yield sequence, self.durable[sequence - 1]

    def close(self) -> None:
        """Do nothing: the memory is the world's."""

    def _meet_trouble(self) -> None:
        if self.trouble == "full":
            raise OutsideError("journal.full", "no room is left", remedy="make room; nothing was written")
        if self.trouble:
            raise OutsideError(
                "journal.unreachable", "no answer", remedy="append the same records again when it is back"
            )
