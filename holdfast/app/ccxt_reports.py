"""What ccxt says of an account, as account events. Its structures are the same for every venue; its numbers are floats.

Limits: a number is as exact as ccxt's float prints it; a fill carries no client id.
"""

from decimal import Decimal
from typing import Final

import msgspec

from holdfast.event import BalanceReported, Filled, OrderReported, PositionReported
from holdfast.order import OrderState, Side
from holdfast.venues.sequence import malformed

_SIDES: Final[dict[str, Side]] = {"buy": "buy", "sell": "sell"}
_STATES: Final[dict[str, OrderState]] = {
    "open": "open",
    "closed": "filled",
    "canceled": "cancelled",
    "canceling": "open",
    "expired": "expired",
    "rejected": "rejected",
}
_NONE: Final = Decimal(0)


class _Order(msgspec.Struct, rename="camel"):
    id: str
    client_order_id: str | None = None
    symbol: str | None = None
    side: str | None = None
    status: str | None = None
    amount: Decimal | None = None
    filled: Decimal | None = None
    price: Decimal | None = None
    average: Decimal | None = None
    reduce_only: bool | None = None


class _Fee(msgspec.Struct):
    cost: Decimal | None = None
    currency: str | None = None


class _Fill(msgspec.Struct, rename="camel"):
    id: str | None
    symbol: str
    side: str
    price: Decimal
    amount: Decimal
    order: str | None = None
    taker_or_maker: str | None = None
    fee: _Fee | None = None


class _Position(msgspec.Struct, rename="camel"):
    symbol: str
    contracts: Decimal | None = None
    side: str | None = None
    entry_price: float | None = None


class _Balance(msgspec.Struct):
    total: dict[str, Decimal | None] = {}
    free: dict[str, Decimal | None] = {}


_order: Final = msgspec.json.Decoder(_Order).decode
_orders: Final = msgspec.json.Decoder(list[_Order]).decode
_fills: Final = msgspec.json.Decoder(list[_Fill]).decode
_positions: Final = msgspec.json.Decoder(list[_Position]).decode
_balance: Final = msgspec.json.Decoder(_Balance).decode


class CcxtReports:
    """Turns ccxt's structures into events of one account."""

    def __init__(self, venue: str, account: str) -> None:
        self.venue = venue
        self.account = account

    def placed(self, time_ns: int, body: bytes, client_id: str) -> list[OrderReported]:
        """Return what an answer says of an order; venues that answer with its id alone say nothing of where it stands."""
        order = _order(body)
        order.client_order_id = order.client_order_id or client_id
        told = self._order(time_ns, order)
        return [told] if told else []

    def orders(self, time_ns: int, body: bytes) -> list[OrderReported]:
        """Return where orders stand."""
        told = [self._order(time_ns, order) for order in _orders(body)]
        return [report for report in told if report]

    def fills(self, time_ns: int, body: bytes) -> list[Filled]:
        """Return executions."""
        return [
            Filled(
                time_ns=time_ns,
                venue=self.venue,
                account=self.account,
                instrument=fill.symbol,
                trade_id=fill.id or "",
                order_id=fill.order or "",
                client_id="",
                side=_side(fill.side),
                price=fill.price,
                quantity=fill.amount,
                fee=(fill.fee.cost if fill.fee else None) or _NONE,
                fee_asset=(fill.fee.currency if fill.fee else None) or "",
                maker=fill.taker_or_maker == "maker",
            )
            for fill in _fills(body)
        ]

    def positions(self, time_ns: int, body: bytes) -> list[PositionReported]:
        """Return what is held; a position that is flat is not."""
        return [
            PositionReported(
                time_ns=time_ns,
                venue=self.venue,
                account=self.account,
                instrument=position.symbol,
                quantity=-abs(position.contracts) if position.side == "short" else position.contracts,
                entry_price=position.entry_price,
            )
            for position in _positions(body)
            if position.contracts
        ]

    def balances(self, time_ns: int, body: bytes) -> list[BalanceReported]:
        """Return what lies in the account, one an asset."""
        balance = _balance(body)
        return [
            BalanceReported(
                time_ns=time_ns,
                venue=self.venue,
                account=self.account,
                asset=asset,
                amount=amount,
                available=balance.free.get(asset),
            )
            for asset, amount in balance.total.items()
            if amount is not None
        ]

    def _order(self, time_ns: int, order: _Order) -> OrderReported | None:
        if order.symbol is None or order.side is None or order.amount is None or order.status is None:
            return None
        state = _STATES.get(order.status)
        if state is None:
            raise malformed(f"an order that is {order.status[:20]!r}")
        filled = order.filled or _NONE
        if state == "filled" and filled < order.amount:
            state = "cancelled"  # closed with a rest, as an immediate-or-cancel order is
        return OrderReported(
            time_ns=time_ns,
            venue=self.venue,
            account=self.account,
            instrument=order.symbol,
            order_id=order.id,
            client_id=order.client_order_id or "",
            side=_side(order.side),
            quantity=order.amount,
            filled=filled,
            state=state,
            price=order.price or None,
            average_price=order.average or None,
            reduce_only=bool(order.reduce_only),
        )


def _side(text: str) -> Side:
    side = _SIDES.get(text)
    if side is None:
        raise malformed(f"a side {text[:20]!r}")
    return side
