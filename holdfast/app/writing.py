"""Writing: what a node has to be kept goes to the journal, in a thread, all that has gathered at once.

Rules:

1. `begin` hands over at once, in the call, so that the disk works while the node goes on with its turn.
2. A journal that fails is tried again and again with the same records.
3. A node that was fenced off writes nothing more. It learns of it at the next append, and `check` is one of nothing.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Final

from holdfast.app.node import Node
from holdfast.error import OutsideError
from holdfast.ledger.journal.base import Fenced, Journal
from holdfast.ledger.record import encode

BATCH_RECORDS_MAX: Final = 2_000
JOURNAL_RETRY_S: Final = 0.2

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
        self._node = node
        self._journal = journal
        self._on_written = on_written
        self._on_fenced = on_fenced
        self._thread = ThreadPoolExecutor(1, "journal")
        self._task: asyncio.Task[None] | None = None

    @property
    def is_busy(self) -> bool:
        """Tell whether something is being written, or looked after."""
        return self._task is not None

    def begin(self) -> None:
        """Hand over what has gathered, unless something is being written: then it follows behind that."""
        if self._node.unwritten and self._task is None:
            data = self._batch()
            self._task = asyncio.get_running_loop().create_task(self._write(data, self._appended(data)))

    def check(self) -> None:
        """See that this node may write still, where nothing is being written: one that was taken over must not live on."""
        if self._task is None:
            data = self._batch()
            self._task = asyncio.get_running_loop().create_task(self._write(data, self._appended(data)))

    def close(self) -> None:
        """Let the thread go, once it has written what it holds."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _batch(self) -> list[bytes]:
        return [encode(record) for record in islice(self._node.unwritten, BATCH_RECORDS_MAX)]

    def _appended(self, data: list[bytes]) -> asyncio.Future[int]:
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self._thread, self._journal.append, self._node.epoch, data)

    async def _write(self, data: list[bytes], appended: asyncio.Future[int]) -> None:
        """Append everything that gathers until nothing is left."""
        try:
            while not self._node.is_fenced:
                await self._append(data, appended)
                if self._node.is_fenced:
                    return
                if data:
                    self.written += len(data)
                    self._on_written(len(data))
                data = self._batch()
                if not data:
                    return
                appended = self._appended(data)
        finally:
            self._task = None

    async def _append(self, data: list[bytes], appended: asyncio.Future[int]) -> None:
        is_told = False
        while True:
            try:
                await appended
                self.is_ok = True
                return
            except Fenced as error:
                self._node.fence()
                self._on_fenced(error)
                return
            except OutsideError as error:
                if not is_told:
                    LOG.error("%s", error)
                    is_told = True
                self.is_ok = False
                await asyncio.sleep(JOURNAL_RETRY_S)
                appended = self._appended(data)
