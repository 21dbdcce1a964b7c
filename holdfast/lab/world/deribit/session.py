"""A websocket session of Deribit: who it is, what it listens to, and what waits to be sent to it.

1. Bytes leave in the order in which they were posted, each not before its time (a venue that is slow).
2. A heartbeat that was set sends a test request each interval; a client that sends nothing until the next is cut off.
3. When the session ends, orders that it placed while cancel-on-disconnect was on are cancelled.
"""

from typing import TYPE_CHECKING

from holdfast.clock import SECOND_NS
from holdfast.lab.world.answer import Credential
from holdfast.lab.world.deribit import rpc
from holdfast.lab.world.line import Line

if TYPE_CHECKING:
    from holdfast.lab.world.deribit.server import DeribitServer


class DeribitSession(Line):
    """One connection; made by `DeribitServer.session`."""

    def __init__(self, server: "DeribitServer") -> None:
        super().__init__()
        self._server = server
        self.credential: Credential | None = None
        self.channels: set[str] = set()
        self.topics: dict[str, str] = {}
        self.cancels_on_disconnect = False
        self.placed: set[str] = set()
        self.is_gone = False
        self._heartbeat_ns = 0
        self._heartbeat_due_ns = 0
        self._tested = False

    def on_frame(self, now_ns: int, data: bytes) -> list[bytes]:
        """Take a frame from the client; return what is to be sent to it now."""
        self._tested = False
        return self._server.on_frame(now_ns, self, data)

    def on_close(self, now_ns: int) -> None:
        """The connection ended."""
        self._server.on_close(now_ns, self)

    def set_heartbeat(self, now_ns: int, interval_s: int) -> None:
        """Beat each `interval_s`; 0 is no heartbeat."""
        self._heartbeat_ns = interval_s * SECOND_NS
        self._heartbeat_due_ns = now_ns + self._heartbeat_ns
        self._tested = False

    def beat(self, now_ns: int) -> None:
        """Send what the heartbeat wants sent, or cut off a client that does not answer."""
        if not self._heartbeat_ns or now_ns < self._heartbeat_due_ns:
            return
        if self._tested:
            self.is_closed = True
            return
        self._tested = True
        self._heartbeat_due_ns = now_ns + self._heartbeat_ns
        self.post(now_ns, rpc.heartbeat("test_request"))
