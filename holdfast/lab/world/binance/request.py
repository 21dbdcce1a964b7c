"""A request to Binance on its way through the server, and the table by which requests are known."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from holdfast.clock import MILLISECOND_NS
from holdfast.lab.world.answer import Credential
from holdfast.lab.world.binance import reply
from holdfast.lab.world.exchange import Exchange, Listing

if TYPE_CHECKING:
    from holdfast.lab.world.binance.server import BinanceServer

Security = Literal["none", "key", "signed"]


class Request(msgspec.Struct):
    """One request: its parameters, who asks, and until when (`valid_until_ms`, the venue's clock) it is valid."""

    server: "BinanceServer"
    params: dict[str, str]
    now_ns: int
    credential: Credential | None = None
    valid_until_ms: int = 0

    @property
    def exchange(self) -> Exchange:
        """Return the exchange behind the venue."""
        return self.server.exchange

    @property
    def offset_ns(self) -> int:
        """Return the venue's clock less the world's."""
        return self.server.faults.clock_offset_ns

    @property
    def venue_ns(self) -> int:
        """Return the time on the venue's clock."""
        return self.now_ns + self.offset_ns

    @property
    def account(self) -> str:
        """Return the account that asks. Raises: Refusal."""
        if self.credential is None:
            raise reply.Refusal(reply.BAD_KEY_FORMAT, "API-key format invalid.", 401)
        return self.credential.account

    @property
    def valid_until_ns(self) -> int:
        """Return until when the request is valid on the world's clock."""
        return self.valid_until_ms * MILLISECOND_NS - self.offset_ns

    def listing(self) -> Listing:
        """Return the instrument that `symbol` names. Raises: Refusal."""
        listing = self.exchange.listings.get(reply.needed(self.params, "symbol").upper())
        if listing is None:
            raise reply.Refusal(reply.BAD_SYMBOL, "Invalid symbol.")
        return listing

    def listings(self) -> list[Listing]:
        """Return the instrument that `symbol` names, or all of them where it is absent."""
        return [self.listing()] if self.params.get("symbol") else list(self.exchange.listings.values())


class Endpoint(msgspec.Struct, frozen=True):
    """What an address does: who may, what it weighs, and whether it counts as an order or changes anything."""

    carry_out: Callable[[Request], Any]
    weigh: Callable[[Request], int]
    security: Security = "none"
    orders: int = 0
    is_effect: bool = False


Endpoints = dict[tuple[str, str], Endpoint]


def weighing(weight: int) -> Callable[[Request], int]:
    """Return a weight that is always the same."""
    return lambda _request: weight


def by_symbol(one: int, every: int) -> Callable[[Request], int]:
    """Return a weight for one instrument and another for all."""
    return lambda request: one if request.params.get("symbol") else every
