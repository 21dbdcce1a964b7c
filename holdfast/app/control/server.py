"""Server: the node's end of the control socket, a unix socket in the state folder that only the desk's own user may open.

Rules:

1. A new node takes the place of the old one's socket at once, by a rename: a stopped process must not keep people out.
2. A connection that says nothing for `IDLE_S`, or one too many, is closed. None of them can hold the node up: the answer to
   a command is awaited, never computed here.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from holdfast.app.control.command import Refusal, SignedCommand
from holdfast.app.control.lines import Answer, ServerLines, encode_answer, socket_path

CONNECTIONS_MAX: Final = 32
IDLE_S: Final = 30.0
CHUNK_BYTES: Final = 65_536


class ControlServer:
    """Serve the control socket of a state folder. `answer` is awaited for each command, in the order of a connection.

    Raises: CallerError `control.path_too_long`.
    """

    def __init__(self, folder: Path | str, answer: Callable[[SignedCommand], Awaitable[Answer]]) -> None:
        self.path = socket_path(Path(folder))
        self._answer = answer
        self._server: asyncio.Server | None = None
        self._inode = 0
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen. Whoever listened at this place before is not heard any more."""
        temporary = self.path.with_suffix(f".{os.getpid() % 100_000}")
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listener.bind(str(temporary))
            os.chmod(temporary, 0o600)
            listener.setblocking(False)
            self._server = await asyncio.start_unix_server(self._serve, sock=listener, limit=CHUNK_BYTES)
            self._inode = temporary.stat().st_ino
            os.replace(temporary, self.path)
        except BaseException:
            listener.close()
            raise

    async def stop(self) -> None:
        """Listen no more, and take the socket away unless another node's stands there."""
        if self._server is not None:
            self._server.close()
        talking = list(self._connections)
        for task in talking:
            task.cancel()
        await asyncio.gather(*talking, return_exceptions=True)
        with contextlib.suppress(FileNotFoundError):
            if self.path.stat().st_ino == self._inode:
                self.path.unlink()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._connections) >= CONNECTIONS_MAX:
            writer.close()
            return
        self._connections.add(task)
        try:
            await self._talk(reader, writer)
        except (OSError, TimeoutError, asyncio.CancelledError):
            pass  # the other end is gone or silent, or we stop
        finally:
            self._connections.discard(task)
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = ServerLines()
        while not lines.is_over:
            async with asyncio.timeout(IDLE_S):
                data = await reader.read(CHUNK_BYTES)
            if not data:
                return
            for signed in lines.receive(data):
                said = Answer(refusal=signed) if isinstance(signed, Refusal) else await self._answer(signed)
                writer.write(encode_answer(said))
                async with asyncio.timeout(IDLE_S):
                    await writer.drain()
