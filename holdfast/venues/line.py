"""A line: one web socket of a client, through its life.

    idle -> waiting -> opening -> open -> up
              ^           |        |      |
              |           v        v      v
              +-------- (ended) <- closing

`waiting` for its time to be opened, `open` but not yet subscribed, `up` when all of that is done. The delay before it is
opened again doubles with every end and starts over once it was up. A line that we close ourselves is `closing` until its
end is heard of, or for `CLOSING_S_MAX`.
"""

from typing import Final, Literal

from holdfast.clock import SECOND_NS
from holdfast.quantity import INT64_MAX
from holdfast.venues.client import RECONNECT_S_FIRST, RECONNECT_S_MAX

CLOSING_S_MAX: Final = 1
HANDSHAKE_S_MAX: Final = 15

State = Literal["idle", "waiting", "opening", "open", "up", "closing"]
Side = Literal["public", "private"]


class Line:
    """One line: its state and its times. One that is up may be silent for `quiet_s`; it is probed at half of that."""

    __slots__ = (
        "delay_s",
        "due_ns",
        "frames",
        "heard_ns",
        "is_probed",
        "name",
        "quiet_s",
        "side",
        "state",
        "url",
    )

    def __init__(self, name: str, side: Side, url: str, quiet_s: float) -> None:
        self.name = name
        self.side: Side = side
        self.url = url
        self.quiet_s = quiet_s
        self.state: State = "idle"
        self.delay_s = RECONNECT_S_FIRST
        self.due_ns = (
            0  # waiting: when to open; opening, open: when it took too long; closing: when it is given up
        )
        self.heard_ns = 0
        self.frames = 0
        self.is_probed = False

    def hear(self, now_ns: int) -> None:
        """Note that a frame came."""
        self.heard_ns = now_ns
        self.is_probed = False
        self.frames += 1

    def wait(self, now_ns: int, delay_s: float = 0.0) -> None:
        """Be opened again after a while."""
        self.state = "waiting"
        self.due_ns = now_ns + int(delay_s * SECOND_NS)

    def end(self, now_ns: int) -> None:
        """Note that it ended: wait, twice as long the next time."""
        self.wait(now_ns, self.delay_s)
        self.delay_s = min(self.delay_s * 2.0, RECONNECT_S_MAX)

    def enter(self, now_ns: int, state: State) -> None:
        """Go on to a state of its life."""
        self.state = state
        self.heard_ns = now_ns
        self.is_probed = False
        self.due_ns = now_ns + (CLOSING_S_MAX if state == "closing" else HANDSHAKE_S_MAX) * SECOND_NS
        if state == "up":
            self.delay_s = RECONNECT_S_FIRST

    def shift(self, by_ns: int) -> None:
        """Move its times along with a clock that was set."""
        self.due_ns += by_ns
        self.heard_ns += by_ns

    @property
    def is_open(self) -> bool:
        """Tell whether frames can be sent on it."""
        return self.state in ("open", "up")

    @property
    def wake_ns(self) -> int:
        """Return when its time comes."""
        if self.state == "idle":
            return INT64_MAX
        if self.state != "up":
            return self.due_ns
        return self.heard_ns + int(self.quiet_s * SECOND_NS / (1 if self.is_probed else 2))
