"""Following: the provable ledger is kept in step with the journal, come what may, and never in the way of the node.

Rules:

1. A ledger that another node still holds (one that was stopped, and taken over) is waited for; so is a disk with room.
2. After an error the ledger is opened anew, which repairs what a torn write left behind.
3. A ledger that disagrees with the journal is never written to.
"""

from collections.abc import Callable
from typing import Final

from holdfast.error import HoldfastError
from holdfast.ledger.journal.base import Journal
from holdfast.ledger.journal.follower import Follower

BUSY: Final = "ledger.busy"


class Following:
    """One ledger and the journal that it follows. `follow` of it: one thread at a time."""

    def __init__(
        self, open_journal: Callable[[], Journal], open_follower: Callable[[Journal], Follower]
    ) -> None:
        self._open_journal = open_journal
        self._open_follower = open_follower
        self._journal: Journal | None = None
        self._follower: Follower | None = None

    def begin(self) -> None:
        """Open the ledger, unless another node holds it still. Raises: as `Follower.open`, but for `ledger.busy`."""
        try:
            self._open()
        except HoldfastError as error:
            if error.code != BUSY:
                raise

    def follow(self) -> None:
        """Copy what is new. Raises: HoldfastError, OSError; the next call begins anew."""
        try:
            self._open().catch_up()
        except (HoldfastError, OSError):
            self.close()
            raise

    def close(self) -> None:
        """Let the ledger and its journal go."""
        if self._follower is not None:
            self._follower.close()
        if self._journal is not None:
            self._journal.close()
        self._follower = self._journal = None

    def _open(self) -> Follower:
        if self._follower is None:
            if self._journal is None:
                self._journal = self._open_journal()
            self._follower = self._open_follower(self._journal)
        return self._follower
