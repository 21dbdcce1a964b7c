"""Line: the venue's end of a connection, without its socket: bytes that wait to be sent, in order, none before its time."""

from collections import deque


class Line:
    """One connection. `held` are frames that came while the venue was frozen; `is_closed`: the venue wants it ended."""

    def __init__(self) -> None:
        self.held: list[bytes] = []
        self.is_closed = False
        self._waiting: deque[tuple[int, bytes]] = deque()

    def post(self, ready_ns: int, data: bytes) -> None:
        """Have bytes sent at `ready_ns`, after all that was posted before."""
        if self._waiting:
            ready_ns = max(ready_ns, self._waiting[-1][0])
        self._waiting.append((ready_ns, data))

    def take(self, now_ns: int) -> list[bytes]:
        """Return what is due to be sent."""
        taken: list[bytes] = []
        while self._waiting and self._waiting[0][0] <= now_ns:
            taken.append(self._waiting.popleft()[1])
        return taken

    def tell(self, ready_ns: int, channel: str, data: bytes) -> None:  # noqa: ARG002 - for lines that name it
        """Have a channel's message sent."""
        self.post(ready_ns, data)
