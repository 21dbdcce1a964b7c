"""Writing: what a node has to be kept goes to the journal, in a thread, all that has gathered at once.

Rules:

1. `begin` hands over at once, in the call, so that the disk works while the node goes on with its turn.
2. A move is waited for in the call, `WAIT_S` at most: the loop would only fight the journal's thread for the interpreter. A
   disk that is slower than that holds up nobody.
3. A journal that fails, in whatever way, is tried again and again with the same records.
4. A node that was fenced off writes nothing more. It learns of it at the next append, and `check` is one of nothing.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import Final

from holdfast.app.node import Node
from holdfast.error import HoldfastError
from holdfast.ledger.journal.base import Fenced, Journal
from holdfast.ledger.record import encode

BATCH_RECORDS_MAX: Final = 2_000
JOURNAL_RETRY_S: Final = 0.2
WAIT_S: Final = 0.0015

LOG: Final = logging.getLogger("holdfast.node")


class Writing:
    """The way from one node to its journal. `on_written` and `on_fenced` are called in the loop's thread."""

    def __init__(
        self,
        node: Node,
        journal: Journal,
        on_written: Callable[[int], None],
        on_fenced: Callable[[Fenced], None],
    ) -> None:
        self.written = 0
        self.is_ok = True
        self.is_busy = False
        """Whether something is being written, looked after, or to be tried again."""
        self._node = node
        self._journal = journal
        self._on_written = on_written
        self._on_fenced = on_fenced
        self._told = ""
        self._batch: list[bytes] = []
        self._appending: Future[int] | None = None
        self._unawaited: Future[int] | None = None
        self._thread = ThreadPoolExecutor(1, "journal")

    def begin(self) -> None:
        """Hand over what has gathered, unless something is being written: then it follows behind that."""
        if self._node.unwritten:
            self.check()

    def check(self) -> None:
        """See that this node may write still, where nothing is being written: one that was taken over must not live on."""
        if not self.is_busy:
            self._batch = [encode(record) for record in islice(self._node.unwritten, BATCH_RECORDS_MAX)]
            self._hand_over()

    def wait(self) -> None:
        """Wait a little for what is being written, once, if a move waits too; then it leaves before anything else."""
        appending, self._unawaited = self._unawaited, None
        if appending is None or not (self.is_ok and self._node.memory.moves_unwritten):
            return
        try:
            appending.exception(WAIT_S)
        except TimeoutError:
            return
        self._appended(appending)

    def close(self) -> None:
        """Let the thread go, once it has written what it holds."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _hand_over(self) -> None:
        self.is_busy = not self._node.is_fenced
        if self.is_busy:
            appending = self._thread.submit(self._journal.append, self._node.epoch, self._batch)
            self._appending = self._unawaited = appending
            appending.add_done_callback(partial(self._hear, asyncio.get_running_loop()))

    def _hear(self, loop: asyncio.AbstractEventLoop, appending: Future[int]) -> None:
        """Have the loop hear that a batch is done with: this is in the journal's thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits for this any more
            loop.call_soon_threadsafe(self._appended, appending)

    def _appended(self, appending: Future[int]) -> None:
        """Hear what became of a batch, and go on with what has gathered meanwhile."""
        if appending is not self._appending:
            return  # it was waited for, and is done with
        self.is_busy, self._appending = False, None
        error = appending.exception()
        if isinstance(error, Fenced):
            self._node.fence()
            self._on_fenced(error)
        elif error is not None:
            self._fail(error)
        else:
            self.is_ok, self._told = True, ""
            if self._batch and not self._node.is_fenced:
                self.written += len(self._batch)
                self._on_written(len(self._batch))
            self.begin()

    def _fail(self, error: BaseException) -> None:
        """Say once why nothing is written, and try again."""
        if str(error) != self._told:
            self._told = str(error)
            LOG.error("%s", error, exc_info=None if isinstance(error, HoldfastError) else error)
        self.is_ok, self.is_busy = False, True
        asyncio.get_running_loop().call_later(JOURNAL_RETRY_S, self._hand_over)
