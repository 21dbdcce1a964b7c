"""What Binance USD-M says of an account, as account events.

Limits: an instrument's position is the sum of its sides; orders in hedge mode are not placed.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from holdfast.event import BalanceReported, Filled, OrderReported, PositionReported
from holdfast.order import OrderState, Side
from holdfast.venues.binance.client_messages import (
    Asset,
    Order,
    Position,
    StreamBalance,
    StreamOrder,
    StreamPosition,
)
from holdfast.venues.sequence import malformed

_SIDES: Final[dict[str, Side]] = {"BUY": "buy", "SELL": "sell"}
_STATES: Final[dict[str, OrderState]] = {
    "NEW": "open",
    "PARTIALLY_FILLED": "open",
    "FILLED": "filled",
    "CANCELED": "cancelled",
    "EXPIRED": "expired",
    "EXPIRED_IN_MATCH": "expired",
    "REJECTED": "rejected",
    "NEW_INSURANCE": "open",
    "NEW_ADL": "open",
}
# the client id says who made an order that we did not
_FORCED: Final = {"autoclose-": "liquidation", "adl_autoclose": "adl", "settlement_autoclose-": "settlement"}
_EXECUTIONS: Final = frozenset(("TRADE", "CALCULATED"))


class Reports:
    """Turns the venue's records into events of one account."""

    __slots__ = ("_sides", "account", "venue")

    def __init__(self, venue: str, account: str) -> None:
        self.venue = venue
        self.account = account
        self._sides: dict[tuple[str, str], Decimal] = {}  # the last known quantity by instrument and side

    def order(self, time_ns: int, order: Order) -> OrderReported:
        """Return where an order stands, as REST says. Raises: OutsideError `frame.malformed`."""
        return self._order(
            time_ns,
            instrument=order.symbol,
            order_id=order.orderId,
            client_id=order.clientOrderId,
            side=order.side,
            status=order.status,
            quantities=(order.origQty, order.executedQty, order.price, order.avgPrice),
            reduce_only=order.reduceOnly,
        )

    def stream_order(self, time_ns: int, order: StreamOrder) -> OrderReported:
        """Return where an order stands, as the stream says. Raises: OutsideError `frame.malformed`."""
        return self._order(
            time_ns,
            instrument=order.s,
            order_id=order.i,
            client_id=order.c,
            side=order.S,
            status=order.X,
            quantities=(order.q, order.z, order.p, order.ap),
            reduce_only=order.R,
        )

    def fill(self, time_ns: int, order: StreamOrder) -> Filled | None:
        """Return the execution that an event of the stream tells, None if it tells none."""
        side = _SIDES.get(order.S)
        if order.x not in _EXECUTIONS or side is None or not _finite(order.l, order.L) or order.l <= 0:
            return None
        return Filled(
            time_ns=time_ns,
            venue=self.venue,
            account=self.account,
            instrument=order.s,
            trade_id=str(order.t) if order.t > 0 else f"{order.i}-{order.z}",
            order_id=str(order.i),
            client_id=order.c,
            side=side,
            price=order.L,
            quantity=order.l,
            fee=order.n if order.n is not None and order.n.is_finite() else Decimal(0),
            fee_asset=order.N or "",
            maker=order.m,
            liquidation=bool(forced_by(order.c)),
        )

    def positions(self, time_ns: int, positions: Iterable[Position]) -> list[PositionReported]:
        """Return all positions as one answer lists them: what is not in it is flat."""
        listed = list(positions)
        for position in listed:
            _must_be_finite(position.positionAmt, position.entryPrice)
        self._sides = {(each.symbol, each.positionSide): each.positionAmt for each in listed}
        entries = {each.symbol: each.entryPrice for each in listed if each.positionAmt}
        return [self._position(time_ns, symbol, entries[symbol]) for symbol in entries]

    def stream_position(self, time_ns: int, position: StreamPosition) -> PositionReported:
        """Return what the account holds of an instrument after a change of one of its sides."""
        _must_be_finite(position.pa, position.ep)
        self._sides[position.s, position.ps] = position.pa
        return self._position(time_ns, position.s, position.ep)

    def balance(self, time_ns: int, asset: Asset) -> BalanceReported:
        """Return what lies in the account of one asset."""
        known = (
            asset.availableBalance, asset.marginBalance, asset.initialMargin, asset.maintMargin,
        )  # fmt: skip
        _must_be_finite(asset.walletBalance, *(value for value in known if value is not None))
        return BalanceReported(
            time_ns=time_ns,
            venue=self.venue,
            account=self.account,
            asset=asset.asset,
            amount=asset.walletBalance,
            available=asset.availableBalance,
            equity=asset.marginBalance,
            initial_margin=asset.initialMargin,
            maintenance_margin=asset.maintMargin,
        )

    def stream_balance(self, time_ns: int, balance: StreamBalance) -> BalanceReported:
        """Return a balance that changed; margins are only told when asked for."""
        _must_be_finite(balance.wb)
        return BalanceReported(
            time_ns=time_ns, venue=self.venue, account=self.account, asset=balance.a, amount=balance.wb
        )

    def _position(self, time_ns: int, symbol: str, entry_price: Decimal) -> PositionReported:
        quantity = sum((held for (name, _), held in self._sides.items() if name == symbol), Decimal(0))
        return PositionReported(
            time_ns=time_ns,
            venue=self.venue,
            account=self.account,
            instrument=symbol,
            quantity=quantity if quantity else Decimal(0),
            entry_price=float(entry_price) or None,
        )

    def _order(
        self,
        time_ns: int,
        *,
        instrument: str,
        order_id: int,
        client_id: str,
        side: str,
        status: str,
        quantities: tuple[Decimal, Decimal, Decimal, Decimal],
        reduce_only: bool,
    ) -> OrderReported:
        _must_be_finite(*quantities)
        quantity, filled, price, average_price = quantities
        if side not in _SIDES or status not in _STATES:
            raise malformed(f"an order that is {side[:20]!r} and {status[:20]!r}")
        return OrderReported(
            time_ns=time_ns,
            venue=self.venue,
            account=self.account,
            instrument=instrument,
            order_id=str(order_id),
            client_id=client_id,
            side=_SIDES[side],
            quantity=quantity,
            filled=filled,
            state=_STATES[status],
            price=price or None,
            average_price=average_price or None,
            reduce_only=reduce_only,
            reason=forced_by(client_id),
        )


def forced_by(client_id: str) -> str:
    """Return why the venue itself made an order: liquidation, adl or settlement; "" if it did not.

    >>> forced_by("autoclose-1763001234"), forced_by("hf-abc")
    ('liquidation', '')
    """
    return next((why for prefix, why in _FORCED.items() if client_id.startswith(prefix)), "")


def _finite(*quantities: Decimal) -> bool:
    return all(quantity.is_finite() for quantity in quantities)


def _must_be_finite(*quantities: Decimal) -> None:
    if not _finite(*quantities):
        raise malformed("a quantity that is no number")
