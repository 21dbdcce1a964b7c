"""Orders: what a desk asks of a venue, and where such an order stands, in the venue's own symbols and units.

Units: quantity is in the unit the venue counts an instrument's amounts in (coins; dollars for Deribit's inverse futures),
price in quote units (coins for Deribit's inverse options). Both are exact decimals, because they go to a venue and into
the ledger as they are.
"""

from decimal import Decimal
from typing import Final, Literal

import msgspec

Side = Literal["buy", "sell"]
SIDES: Final[tuple[Side, ...]] = ("buy", "sell")

TimeInForce = Literal["gtc", "ioc", "fok"]

OrderState = Literal["open", "filled", "cancelled", "rejected", "expired"]
"""`open` rests or may still fill; every other state is final."""


class NewOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order as it is sent. `price` None: a market order. `client_id` names it before the venue does."""

    instrument: str
    side: Side
    quantity: Decimal
    client_id: str
    price: Decimal | None = None
    time_in_force: TimeInForce = "gtc"
    post_only: bool = False
    reduce_only: bool = False


def sign_of(side: Side) -> int:
    """Return +1 for a buy and -1 for a sell."""
    return 1 if side == "buy" else -1


def opposite(side: Side) -> Side:
    """Return the other side."""
    return "sell" if side == "buy" else "buy"
