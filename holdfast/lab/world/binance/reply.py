"""What Binance answers with: refusals by code, parameters as text, and numbers as text on a grid.

Source: developers.binance.com, "USDS-M futures, error code" and "general info".
"""

from collections.abc import Mapping
from decimal import ROUND_DOWN, Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from holdfast.clock import MILLISECOND_NS
from holdfast.lab.world.exchange import RefusalCode, Refused

Json = Any

encode: Final = msgspec.json.Encoder().encode

TOO_MANY_REQUESTS: Final = -1003
TOO_MANY_ORDERS: Final = -1015
INVALID_TIMESTAMP: Final = -1021
INVALID_SIGNATURE: Final = -1022
MANDATORY_MISSING: Final = -1102
BAD_PRECISION: Final = -1111
BAD_TYPE: Final = -1116
BAD_SYMBOL: Final = -1121
INVALID_LISTEN_KEY: Final = -1125
BAD_PARAMETER: Final = -1130
CANCEL_REJECTED: Final = -2011
NO_SUCH_ORDER: Final = -2013
BAD_KEY_FORMAT: Final = -2014
REJECTED_KEY: Final = -2015

_REFUSALS: Final[dict[RefusalCode, tuple[int, str]]] = {
    "unknown_account": (REJECTED_KEY, "Invalid API-key, IP, or permissions for action."),
    "unknown_instrument": (BAD_SYMBOL, "Invalid symbol."),
    "unknown_order": (NO_SUCH_ORDER, "Order does not exist."),
    "order_closed": (NO_SUCH_ORDER, "Order does not exist."),
    "bad_price": (-4014, "Price not increased by tick size."),
    "bad_quantity": (BAD_PRECISION, "Precision is over the maximum defined for this asset."),
    "bad_leverage": (-4028, "Leverage is not valid."),
    "bad_amount": (-4051, "Isolated balance insufficient."),
    "duplicate_client_id": (-4116, "ClientOrderId is duplicated."),
    "expired": (-5028, "Timestamp for this request is outside of the ME recvWindow."),
    "instrument_closed": (-4108, "Symbol is closed."),
    "no_mark": (-4131, "The counterparty's best price does not meet the PERCENT_PRICE filter limit."),
    "no_liquidity": (-4131, "The counterparty's best price does not meet the PERCENT_PRICE filter limit."),
    "would_cross": (
        -5022,
        "Due to the order could not be executed as maker, the Post Only order will be rejected. "
        "The order will not be recorded in the order history",
    ),
    "reduce_only": (-2022, "ReduceOnly Order is rejected."),
    "insufficient_margin": (-2019, "Margin is insufficient."),
    "insufficient_funds": (-2018, "Balance is insufficient."),
    "position_open": (-4048, "Margin type cannot be changed if there exists position."),
}


class Refusal(Exception):
    """A request that is refused: status, code, and what is said."""

    def __init__(
        self, code: int, message: str, status: int = 400, headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code
        self.message = message
        self.status = status
        self.headers = headers

    def body(self) -> bytes:
        """Return the body of the answer."""
        return encode({"code": self.code, "msg": self.message})


class Silent(Exception):
    """A request whose answer is never sent."""


def refuse(refused: Refused) -> Refusal:
    """Turn a refusal of the exchange into the venue's own."""
    code, message = _REFUSALS[refused.code]
    return Refusal(code, message)


def needed(params: Mapping[str, str], name: str) -> str:
    """Return a parameter that must be there. Raises: Refusal."""
    value = params.get(name, "")
    if not value:
        raise Refusal(
            MANDATORY_MISSING,
            f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.",
        )
    return value


def number(params: Mapping[str, str], name: str) -> Decimal | None:
    """Return a number, None where it is absent. Raises: Refusal."""
    value = params.get(name, "")
    if not value:
        return None
    try:
        found = Decimal(value)
    except InvalidOperation as error:
        raise bad(name) from error
    if not found.is_finite():
        raise bad(name)
    return found


def whole(params: Mapping[str, str], name: str, default: int) -> int:
    """Return a whole number. Raises: Refusal."""
    value = params.get(name, "")
    if not value:
        return default
    if not value.lstrip("-").isdecimal():
        raise bad(name)
    return int(value)


def flag(params: Mapping[str, str], name: str) -> bool:
    """Return a truth value written as text; absent is False."""
    return params.get(name, "").lower() == "true"


def bad(name: str) -> Refusal:
    """Return the refusal of a parameter's value."""
    return Refusal(BAD_PARAMETER, f"Data sent for parameter '{name}' is not valid.")


def ms(time_ns: int) -> int:
    """Return milliseconds, as the venue counts time."""
    return time_ns // MILLISECOND_NS


def on_grid(value: Decimal, grid: Decimal) -> str:
    """Return a number as text with the decimals of its grid.

    >>> on_grid(Decimal("60000"), Decimal("0.1"))
    '60000.0'
    """
    exponent = min(int(grid.normalize().as_tuple().exponent), 0)
    return f"{value.quantize(Decimal(1).scaleb(exponent), rounding=ROUND_DOWN):f}"


def money(value: Decimal | float, decimals: int = 8) -> str:
    """Return an amount of money as text, rounded half to even.

    >>> money(1.5)
    '1.50000000'
    """
    return f"{value:.{decimals}f}"
