"""Feed: turns what one venue sends into rows, without a socket, a clock or a file.

Rules that every feed keeps (the conformance suite checks them):

1. A message becomes all of its rows or none: a malformed one raises `OutsideError`, and the feed takes back its partial
   rows and state first; only a book that it may have changed is marked stale (a BOOK_GAP row and a resync request).
2. The sequence and checksum rules are the venue's own, cited in the feed's docstring. A break writes one BOOK_GAP row
   and one `ResyncRequested`; no LEVEL row follows for that book until a BOOK_RESET row.
3. A venue's listing, once seen, is the law: an instrument that it does not name raises `instrument.unlisted`.
4. A message that carries nothing for the tape (acknowledgement, heartbeat, superseded change) returns without rows.
   A message of a type that the feed does not know raises `OutsideError` `frame.unknown`.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from holdfast.event import ResyncRequested
from holdfast.instrument import Instruments
from holdfast.tape import RowBuffer


class Feed(ABC):
    """One connection's decoder. Frames in by `on_frame` and `on_rest`, rows out in `rows`, wishes out in `requests`."""

    venue: str

    def __init__(self, instruments: Instruments, rows: RowBuffer) -> None:
        self.instruments = instruments
        self.rows = rows
        self.requests: list[ResyncRequested] = []

    @abstractmethod
    def on_frame(self, received_ns: int, frame: bytes) -> None:
        """Decode one websocket message from the venue into rows. Raises: OutsideError."""

    @abstractmethod
    def on_rest(self, received_ns: int, url: str, body: bytes) -> None:
        """Decode one REST answer: a listing, a snapshot. Raises: OutsideError."""

    def on_sent(self, received_ns: int, frame: bytes) -> None:
        """Note a frame that the client itself sent (subscriptions). Most feeds need nothing from it."""

    def on_disconnect(self, received_ns: int) -> None:
        """Mark every live book stale: nothing is known until a fresh snapshot."""
        raise NotImplementedError

    def on_frames(self, received_ns: Sequence[int], frames: Sequence[bytes]) -> int:
        """Decode as many leading frames as the venue's kernel can take at once and return how many it took.

        The caller gives the next one to `on_frame`, which can take or refuse any frame, and so on. 0: no kernel.
        """
        del received_ns, frames
        return 0
