"""Client: one account at one venue, sans-IO. Frames and answers in, wishes and events out; no socket, clock or randomness.

Rules that every client keeps (the conformance suite checks them):

1. A call never blocks and never raises for what a venue sent: a bad piece becomes a `Quarantined` event and the rest goes
   on. What is to be sent stands in `wishes`, in order; what was learned in `events`; market rows in `feed.rows`. Whoever
   drives the client takes them after each call.
2. `place` and `transfer` carry a `valid_until_ns` that the venue itself enforces, on its own clock: bytes that arrive later
   are refused there, so a process that was stopped and goes on cannot do late what another node has done since.
3. Every effect is answered by exactly one `EffectAnswered` with its key: by the venue's answer, or by `unknown` after
   the request's time-out or the end of its line. `unsent` is said only of bytes that surely never left.
4. `connect` opens lines, authenticates and subscribes; after `on_close` it does so again, with a delay that doubles up to
   `RECONNECT_S_MAX`. A private line is `up` (`LineMoved`) only when authenticated and subscribed.
5. Requests respect the venue's rate limits. Brakes (`cancel_all`, `cancel`, `arm_dead_man`) have a reserve of their own and
   are never queued behind anything else.
6. What the venue says of orders it forced (liquidation, auto-deleveraging) is told like any other order and fill.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final, Literal

import msgspec

from holdfast.event import AccountEvent, Quarantined, ResyncRequested
from holdfast.order import NewOrder
from holdfast.venues.base import Feed

RECONNECT_S_MAX: Final = 30.0
RECONNECT_S_FIRST: Final = 0.2

Headers = Mapping[str, str]
NO_HEADERS: Final[Headers] = MappingProxyType({})

Failure = Literal["unsent", "unknown"]
"""How a request ended without an answer: surely never sent (no connection), or sent and nothing heard."""


class Open(msgspec.Struct, frozen=True, tag=True):
    """Open a web socket to `url` and call it `line`."""

    line: str
    url: str


class Close(msgspec.Struct, frozen=True, tag=True):
    """Close a line."""

    line: str


class Frame(msgspec.Struct, frozen=True, tag=True):
    """Send one text frame on a line."""

    line: str
    data: bytes


class Request(msgspec.Struct, frozen=True, tag=True):
    """Make an HTTP request and bring its answer (`on_answer`) or its failure (`on_failure`) back under `id`."""

    id: int
    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    timeout_s: float = 5.0
    urgent: bool = False


Wish = Open | Close | Frame | Request


class Client(ABC):
    """One account at one venue. `feed` decodes the public side; its rows are the market."""

    venue: str
    account: str
    feed: Feed

    def __init__(self) -> None:
        self.wishes: list[Wish] = []
        self.events: list[AccountEvent | Quarantined | ResyncRequested] = []

    # the driver's side

    @abstractmethod
    def connect(self, now_ns: int) -> None:
        """Begin: wish for lines, listings and the first questions."""

    @abstractmethod
    def disconnect(self, now_ns: int) -> None:
        """End in order: close the lines, ask for nothing more. Dead-man switches stay as they are."""

    @abstractmethod
    def on_open(self, now_ns: int, line: str) -> None:
        """A line is open."""

    @abstractmethod
    def on_close(self, now_ns: int, line: str, reason: str) -> None:
        """A line could not be opened, or ended."""

    @abstractmethod
    def on_frame(self, now_ns: int, line: str, data: bytes) -> None:
        """A frame came."""

    @abstractmethod
    def on_answer(self, now_ns: int, id: int, status: int, body: bytes) -> None:
        """A request was answered."""

    def on_headers(self, now_ns: int, headers: Headers) -> None:
        """Hear the headers of an answer, their names in lower case, before the answer."""
        del now_ns, headers

    @abstractmethod
    def on_failure(self, now_ns: int, id: int, failure: Failure, reason: str) -> None:
        """A request ended without an answer."""

    @abstractmethod
    def on_wake(self, now_ns: int) -> None:
        """Time has come to `wake_ns`: time-outs, keep-alives, reconnects, queued requests."""

    @property
    @abstractmethod
    def wake_ns(self) -> int:
        """Return when `on_wake` is next wanted."""

    @property
    @abstractmethod
    def is_ready(self) -> bool:
        """Tell whether orders can be sent now: the private side is authenticated and listings are known."""

    # effects

    @abstractmethod
    def place(self, now_ns: int, key: str, order: NewOrder, valid_until_ns: int) -> None:
        """Send an order. `valid_until_ns` is our clock; the client turns it into the venue's."""

    @abstractmethod
    def cancel(self, now_ns: int, key: str, instrument: str, order_id: str) -> None:
        """Cancel one order by the venue's id."""

    @abstractmethod
    def cancel_all(self, now_ns: int, key: str, instrument: str = "") -> None:
        """Cancel every open order of an instrument, or (empty) of the account. A brake: it may be repeated."""

    @abstractmethod
    def arm_dead_man(self, now_ns: int, key: str, timeout_s: float) -> None:
        """Have the venue cancel everything if it does not hear from us for `timeout_s`; 0 disarms. A brake."""

    @abstractmethod
    def transfer(
        self, now_ns: int, key: str, to_account: str, asset: str, amount: Decimal, valid_until_ns: int
    ) -> None:
        """Move collateral from this account to another one at the same venue."""

    # questions; each is answered by the event named

    @abstractmethod
    def ask_order(self, now_ns: int, instrument: str, client_id: str) -> None:
        """Ask what became of an order: `OrderReported`, or `OrderAbsent`. No answer: nothing is told; ask again."""

    @abstractmethod
    def ask_orders(self, now_ns: int) -> None:
        """Ask for all open orders: `OrdersListed`."""

    @abstractmethod
    def ask_positions(self, now_ns: int) -> None:
        """Ask for all positions: `PositionsListed`."""

    @abstractmethod
    def ask_balances(self, now_ns: int) -> None:
        """Ask for all balances: `BalanceReported`, one an asset."""

    @abstractmethod
    def ask_clock(self, now_ns: int) -> None:
        """Ask for the venue's time: `ClockMeasured`."""

    def resync(self, now_ns: int, instrument: str) -> None:
        """Fetch a fresh snapshot of a book, as the feed asked for by `ResyncRequested`. Clients hear of it themselves."""
        raise NotImplementedError
