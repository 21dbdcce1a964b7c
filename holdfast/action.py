"""Actions: what can be asked of the outside world, and the key that makes each of them happen once.

Rules:

1. A *brake* reduces risk, may be repeated, and needs nobody: `CancelAll`, `CancelOrder`, `ArmDeadMan`. It may leave while
   its intent is being written.
2. A *move* changes what the desk holds: `PlaceOrder`, `Transfer`. It leaves only after its intent is durable, and once.
3. A *word* changes nothing at a venue: `Tell`. It is sent at least once.
4. The key of an action is made from the run and the step that want it, never from a clock or a random number: the same
   step of the same run after a crash has the same key, and so the same client order id at the venue.
"""

import base64
import hashlib
from decimal import Decimal
from typing import Final, Literal

import msgspec

from holdfast.order import Side

CLIENT_ID_CHARS_MAX: Final = 32  # Binance takes 36, OKX 32, Deribit's label 64
_DIGEST_CHARS: Final = 24

Urgency = Literal["info", "warning", "critical"]


class CancelAll(msgspec.Struct, frozen=True, tag=True):
    """Cancel every open order of an account at a venue, or of one instrument of it."""

    venue: str
    account: str
    instrument: str = ""


class CancelOrder(msgspec.Struct, frozen=True, tag=True):
    """Cancel one order by the venue's id."""

    venue: str
    account: str
    instrument: str
    order_id: str


class ArmDeadMan(msgspec.Struct, frozen=True, tag=True):
    """Have the venue cancel everything when it does not hear from us for `timeout_s`; 0 disarms it."""

    venue: str
    account: str
    timeout_s: float


class PlaceOrder(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """An order at a limit price that is its collar. Units as in `order.NewOrder`; the client id comes from the key."""

    venue: str
    account: str
    instrument: str
    side: Side
    quantity: Decimal
    limit_price: Decimal
    reduce_only: bool = True
    rests: bool = False  # False: immediate or cancel


class Transfer(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Move collateral between two accounts of one venue."""

    venue: str
    from_account: str
    to_account: str
    asset: str
    amount: Decimal


class Tell(msgspec.Struct, frozen=True, tag=True):
    """Tell people: a title, a text, and how urgent it is."""

    title: str
    text: str
    urgency: Urgency = "warning"


Brake = CancelAll | CancelOrder | ArmDeadMan
Move = PlaceOrder | Transfer
Action = Brake | Move | Tell
BRAKES: Final = (CancelAll, CancelOrder, ArmDeadMan)
MOVES: Final = (PlaceOrder, Transfer)


def action_key(run: str, step: str, number: int = 0) -> str:
    """Return the key of a step's `number`-th action.

    >>> action_key("deleverage-17", "sell", 2)
    'deleverage-17/sell/2'
    """
    return f"{run}/{step}/{number}"


def client_id(prefix: str, key: str) -> str:
    """Return the client order id of a key: the desk's prefix and a digest of the key.

    >>> client_id("hf-", "deleverage-17/sell/2")
    'hf-hdafz2yfweazov6s3jq3t3kt'
    """
    digest = base64.b32encode(hashlib.sha256(key.encode()).digest()).decode().lower()
    made = prefix + digest[:_DIGEST_CHARS]
    if len(made) > CLIENT_ID_CHARS_MAX:
        raise ValueError(f"a client id prefix of {len(prefix)} characters is too long")
    return made
