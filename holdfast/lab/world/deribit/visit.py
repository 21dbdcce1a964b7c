"""A visit: one request on its way through the server, and what every method asks of it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from holdfast.lab.world.answer import Credential
from holdfast.lab.world.deribit import rpc
from holdfast.lab.world.deribit.market_shapes import kind_of
from holdfast.lab.world.deribit.session import DeribitSession
from holdfast.lab.world.exchange import Exchange, Listing, RefusalCode, Refused

if TYPE_CHECKING:
    from holdfast.lab.world.deribit.server import DeribitServer

_CODES: dict[RefusalCode, tuple[int, str]] = {
    "unknown_account": (rpc.UNAUTHORIZED, "unauthorized"),
    "unknown_instrument": (rpc.NOT_FOUND, "not_found"),
    "unknown_order": (rpc.ORDER_NOT_FOUND, "order_not_found"),
    "order_closed": (rpc.ALREADY_CLOSED, "already_closed"),
    "bad_price": (rpc.INVALID_PARAMS, "Invalid params"),
    "bad_quantity": (rpc.INVALID_PARAMS, "Invalid params"),
    "bad_leverage": (rpc.INVALID_ARGUMENTS, "invalid_arguments"),
    "bad_amount": (rpc.INVALID_AMOUNT, "invalid_amount"),
    "duplicate_client_id": (rpc.INVALID_ARGUMENTS, "invalid_arguments"),
    "expired": (rpc.TIMED_OUT, "timed_out"),
    "instrument_closed": (rpc.ORDERBOOK_CLOSED, "orderbook_closed"),
    "no_mark": (rpc.RETRY, "retry"),
    "no_liquidity": (rpc.OTHER_REJECT, "other_reject"),
    "would_cross": (rpc.POST_ONLY_REJECT, "post_only_reject"),
    "reduce_only": (rpc.OTHER_REJECT, "other_reject"),
    "insufficient_margin": (rpc.NOT_ENOUGH_FUNDS, "not_enough_funds"),
    "insufficient_funds": (rpc.NOT_ENOUGH_FUNDS, "not_enough_funds"),
    "position_open": (rpc.OTHER_REJECT, "other_reject"),
}


class Visit(msgspec.Struct):
    """One request: its parameters, who asks, and on which session (None: HTTP)."""

    server: "DeribitServer"
    params: dict[str, Any]
    now_ns: int
    session: DeribitSession | None = None
    credential: Credential | None = None

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
        """Return the account that asks. Raises: Rejection `authorization_required`."""
        if self.credential is None:
            raise rpc.Rejection(rpc.AUTHORIZATION_REQUIRED, "authorization_required")
        return self.credential.account

    def text(self, name: str, default: str | None = None) -> str:
        """Return a text parameter."""
        return rpc.text_of(self.params, name, default)

    def listing(self, name: str = "instrument_name") -> Listing:
        """Return the instrument that a parameter names. Raises: Rejection."""
        listing = self.exchange.listings.get(self.text(name))
        if listing is None:
            raise rpc.invalid(name, "instrument not found")
        return listing

    def is_wanted(self, listing: Listing) -> bool:
        """Tell whether an instrument is of the `currency` and `kind` asked for; absent or `any` is every one."""
        currency, kind = self.text("currency", "any"), self.text("kind", "any")
        return is_of(listing, currency, kind)

    def wanted(self) -> list[Listing]:
        """Return the instruments of the `currency` and `kind` asked for."""
        return [listing for listing in self.exchange.listings.values() if self.is_wanted(listing)]


def is_of(listing: Listing, currency: str, kind: str) -> bool:
    """Tell whether an instrument is settled in a currency and of a kind; `any` is every one."""
    return (currency.lower() == "any" or listing.settle == currency.upper()) and (
        kind == "any" or kind_of(listing) == kind
    )


def refuse(refused: Refused) -> rpc.Rejection:
    """Turn a refusal of the exchange into the venue's own."""
    code, message = _CODES[refused.code]
    return rpc.Rejection(code, message, {"reason": refused.message})


Method = Callable[[Visit], Any]
