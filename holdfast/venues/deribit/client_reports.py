"""What Deribit says of an account, as account events.

Limits: a position's sign is its `direction`; a trigger order that waits counts as open, one that fired as cancelled (the
order it made is reported by itself).
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from holdfast.error import OutsideError
from holdfast.event import BalanceReported, Filled, OrderReported, PositionReported
from holdfast.order import OrderState, Side
from holdfast.venues.deribit.client_messages import Order, Portfolio, Position, UserTrade
from holdfast.venues.sequence import malformed

_SIDES: Final[dict[str, Side]] = {"buy": "buy", "sell": "sell"}
_STATES: Final[dict[str, OrderState]] = {
    "open": "open",
    "untriggered": "open",
    "filled": "filled",
    "cancelled": "cancelled",
    "triggered": "cancelled",
    "rejected": "rejected",
}


class Reports:
    """Turns the venue's records into events of one account."""

    __slots__ = ("account", "venue")

    def __init__(self, venue: str, account: str) -> None:
        self.venue = venue
        self.account = account

    def order(self, time_ns: int, order: Order) -> OrderReported:
        """Return where an order stands. Raises: OutsideError `frame.malformed`."""
        side, state = _SIDES.get(order.direction), _STATES.get(order.order_state)
        if side is None or state is None:
            raise malformed(f"an order that is {order.direction!r} and {order.order_state!r}")
        return OrderReported(
            time_ns=time_ns,
            venue=self.venue,
            account=self.account,
            instrument=order.instrument_name,
            order_id=order.order_id,
            client_id=order.label,
            side=side,
            quantity=order.amount,
            filled=order.filled_amount,
            state=state,
            price=_price(bytes(order.price)),
            average_price=order.average_price or None,
            reduce_only=order.reduce_only,
            reason="liquidation"
            if order.is_liquidation
            else order.reject_reason or order.cancel_reason or "",
        )

    def orders(self, time_ns: int, orders: Iterable[Order]) -> list[OrderReported]:
        """Return where several orders stand."""
        return [self.order(time_ns, order) for order in orders]

    def trade(self, time_ns: int, trade: UserTrade) -> Filled:
        """Return an execution; it was forced if our side of it was. Raises: OutsideError `frame.malformed`."""
        side = _SIDES.get(trade.direction)
        if side is None:
            raise malformed(f"a trade that is {trade.direction!r}")
        return Filled(
            time_ns=time_ns,
            venue=self.venue,
            account=self.account,
            instrument=trade.instrument_name,
            trade_id=trade.trade_id,
            order_id=trade.order_id,
            client_id=trade.label,
            side=side,
            price=trade.price,
            quantity=trade.amount,
            fee=trade.fee,
            fee_asset=trade.fee_currency,
            maker=trade.liquidity == "M",
            liquidation=bool(trade.liquidity) and trade.liquidity in (trade.liquidation or ""),
        )

    def position(self, time_ns: int, position: Position) -> PositionReported:
        """Return what the account holds of an instrument."""
        size = position.size
        if position.direction in _SIDES:
            size = abs(size) if position.direction == "buy" else -abs(size)
        return PositionReported(
            time_ns=time_ns,
            venue=self.venue,
            account=self.account,
            instrument=position.instrument_name,
            quantity=size if size else Decimal(0),
            entry_price=position.average_price or None,
        )

    def balance(self, time_ns: int, portfolio: Portfolio) -> BalanceReported:
        """Return what lies in the account of one currency."""
        return BalanceReported(
            time_ns=time_ns,
            venue=self.venue,
            account=self.account,
            asset=portfolio.currency.upper(),
            amount=portfolio.balance,
            available=portfolio.available_funds,
            equity=portfolio.equity,
            initial_margin=portfolio.initial_margin,
            maintenance_margin=portfolio.maintenance_margin,
        )


def _price(text: bytes) -> Decimal | None:
    if not text or text[:1] in b'"n':  # "market_price", or null
        return None
    try:
        return Decimal(text.decode())
    except ArithmeticError as error:
        raise OutsideError("quantity.malformed", f"not a price: {text[:40]!r}") from error
