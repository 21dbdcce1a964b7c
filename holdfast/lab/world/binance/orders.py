"""Binance's order endpoints: place, change, cancel, and the questions about orders and executions.

1. An open order's `newClientOrderId` may not be used again; it names the order in every question.
2. `timestamp` and `recvWindow` bound when a request may still be carried out, also at the matching engine.
"""

import re
from decimal import Decimal
from typing import Any, Final

from holdfast.lab.world.binance import account_shapes as shapes
from holdfast.lab.world.binance import reply
from holdfast.lab.world.binance.request import Endpoint, Endpoints, Request, by_symbol, weighing
from holdfast.lab.world.exchange import Listing, Order, OrderRequest, Refused
from holdfast.order import Side, TimeInForce

NOTIONAL_MIN: Final = 5
COUNT_MAX: Final = 1000
COUNTDOWN_MS_MIN: Final = 1
_COUNT_DEFAULT: Final = 500
_CLIENT_ID: Final = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")
_SIDES: Final[dict[str, Side]] = {"BUY": "buy", "SELL": "sell"}
_TIMES: Final[dict[str, TimeInForce]] = {"GTC": "gtc", "IOC": "ioc", "FOK": "fok", "GTX": "gtc"}

Json = Any


def _place(request: Request) -> Json:
    params, listing = request.params, request.listing()
    side = _SIDES.get(reply.needed(params, "side").upper())
    if side is None:
        raise reply.Refusal(-1117, "Invalid side.")
    kind = reply.needed(params, "type").upper()
    if kind not in ("LIMIT", "MARKET"):
        raise reply.Refusal(reply.BAD_TYPE, "Invalid orderType.")
    if params.get("positionSide", "BOTH") != "BOTH":
        raise reply.Refusal(-4061, "Order's position side does not match user's setting.")
    reply.needed(params, "quantity")
    quantity = reply.number(params, "quantity") or Decimal(0)
    if quantity <= 0:
        raise reply.Refusal(-4003, "Quantity less than or equal to zero.")
    price: Decimal | None = None
    time_in_force = "GTC"
    if kind == "LIMIT":
        time_in_force = reply.needed(params, "timeInForce").upper()
        if time_in_force not in _TIMES:
            raise reply.Refusal(-1115, "Invalid timeInForce.")
        reply.needed(params, "price")
        price = reply.number(params, "price")
    client_id = params.get("newClientOrderId") or request.server.next_client_id()
    if not _CLIENT_ID.fullmatch(client_id):
        raise reply.Refusal(-4015, "Client order id is not valid.")
    reduce_only = reply.flag(params, "reduceOnly")
    worth = quantity * (price if price is not None else Decimal(request.exchange.mark(listing.symbol)))
    if worth < NOTIONAL_MIN and not reduce_only:
        raise reply.Refusal(
            -4164, f"Order's notional must be no smaller than {NOTIONAL_MIN} (unless you choose reduce only)."
        )
    placed = request.exchange.place(
        request.account,
        OrderRequest(
            instrument=listing.symbol,
            side=side,
            quantity=quantity,
            price=price,
            kind="limit" if kind == "LIMIT" else "market",
            time_in_force=_TIMES[time_in_force],
            post_only=time_in_force == "GTX",
            reduce_only=reduce_only,
            client_id=client_id,
            valid_until_ns=request.valid_until_ns,
        ),
    )
    if isinstance(placed, Refused):
        raise reply.refuse(placed)
    return _shown(request, listing, placed)


def _change(request: Request) -> Json:
    params, listing = request.params, request.listing()
    before = _find(request, listing)
    if before.side.upper() != reply.needed(params, "side").upper():
        raise reply.bad("side")
    reply.needed(params, "quantity")
    reply.needed(params, "price")
    quantity, price = reply.number(params, "quantity"), reply.number(params, "price")
    if before.state == "open" and (quantity, price) == (before.quantity, before.price):
        raise reply.Refusal(-5027, "No need to modify the order.")
    changed = request.exchange.edit(
        request.account, before.order_id, quantity, price, valid_until_ns=request.valid_until_ns
    )
    if isinstance(changed, Refused):
        raise reply.refuse(changed)
    return _shown(request, listing, changed)


def _ask(request: Request) -> Json:
    listing = request.listing()
    return _shown(request, listing, _find(request, listing))


def _ask_open(request: Request) -> Json:
    listing = request.listing()
    found = _find(request, listing)
    if found.state != "open":
        raise reply.Refusal(reply.NO_SUCH_ORDER, "Order does not exist.")
    return _shown(request, listing, found)


def _cancel(request: Request) -> Json:
    listing = request.listing()
    try:
        found = _find(request, listing)
    except reply.Refusal as refusal:
        raise _unknown() if refusal.code == reply.NO_SUCH_ORDER else refusal from refusal
    cancelled = request.exchange.cancel(request.account, found.order_id)
    if isinstance(cancelled, Refused):
        raise _unknown()
    return _shown(request, listing, cancelled)


def _cancel_all(request: Request) -> Json:
    request.exchange.cancel_all(request.account, request.listing().symbol)
    return {"code": 200, "msg": "The operation of cancel all open order is done."}


def _count_down(request: Request) -> Json:
    listing = request.listing()
    reply.needed(request.params, "countdownTime")
    countdown_ms = reply.whole(request.params, "countdownTime", 0)
    if countdown_ms < 0:
        raise reply.bad("countdownTime")
    request.exchange.set_dead_man(request.account, countdown_ms, listing.symbol)
    return {"symbol": listing.symbol, "countdownTime": str(countdown_ms)}


def _open_orders(request: Request) -> Json:
    symbol = request.listing().symbol if request.params.get("symbol") else ""
    orders = request.exchange.open_orders(request.account, symbol)
    return [_shown(request, request.exchange.listings[it.instrument], it) for it in orders]


def _all_orders(request: Request) -> Json:
    listing, account = request.listing(), request.account
    ended = request.exchange.order_history(account, listing.symbol)
    orders = sorted(
        [*ended, *request.exchange.open_orders(account, listing.symbol)], key=lambda it: it.sequence
    )
    first = reply.whole(request.params, "orderId", 0)
    shown = [_shown(request, listing, it) for it in orders if it.sequence >= first]
    return _within(request, shown)


def _user_trades(request: Request) -> Json:
    listing = request.listing()
    first = reply.whole(request.params, "fromId", 0)
    order_id = request.params.get("orderId", "")
    fills = request.exchange.fills(request.account, listing.symbol, order_id)
    shown = [shapes.fill(listing, it, request.offset_ns) for it in fills if it.trade_sequence >= first]
    return _within(request, shown)


def _within(request: Request, shown: list[Json]) -> list[Json]:
    """Keep what lies within `startTime` and `endTime`, and the last (with a start, the first) `limit` of it."""
    count = reply.whole(request.params, "limit", _COUNT_DEFAULT)
    if not 0 < count <= COUNT_MAX:
        raise reply.bad("limit")
    start = reply.whole(request.params, "startTime", 0)
    end = reply.whole(request.params, "endTime", 1 << 62)
    kept = [it for it in shown if start <= it["time"] <= end]
    return kept[:count] if start else kept[-count:]


def _find(request: Request, listing: Listing) -> Order:
    """Return the order that `orderId` or `origClientOrderId` names. Raises: Refusal."""
    params, account = request.params, request.account
    if params.get("orderId"):
        found = request.exchange.order(account, params["orderId"])
    elif params.get("origClientOrderId"):
        found = request.exchange.order_by_client_id(account, listing.symbol, params["origClientOrderId"])
    else:
        raise reply.Refusal(
            reply.MANDATORY_MISSING,
            "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!",
        )
    if found is None or found.instrument != listing.symbol:
        raise reply.Refusal(reply.NO_SUCH_ORDER, "Order does not exist.")
    return found


def _unknown() -> reply.Refusal:
    return reply.Refusal(reply.CANCEL_REJECTED, "Unknown order sent.")


def _shown(request: Request, listing: Listing, it: Order) -> Json:
    return shapes.order(listing, it, request.offset_ns)


_V1: Final = "/fapi/v1/"

ORDERS: Final[Endpoints] = {
    ("POST", _V1 + "order"): Endpoint(_place, weighing(0), "signed", 1, True),
    ("PUT", _V1 + "order"): Endpoint(_change, weighing(0), "signed", 1, True),
    ("GET", _V1 + "order"): Endpoint(_ask, weighing(1), "signed"),
    ("DELETE", _V1 + "order"): Endpoint(_cancel, weighing(1), "signed", 0, True),
    ("DELETE", _V1 + "allOpenOrders"): Endpoint(_cancel_all, weighing(1), "signed", 0, True),
    ("POST", _V1 + "countdownCancelAll"): Endpoint(_count_down, weighing(10), "signed", 0, True),
    ("GET", _V1 + "openOrder"): Endpoint(_ask_open, weighing(1), "signed"),
    ("GET", _V1 + "openOrders"): Endpoint(_open_orders, by_symbol(1, 40), "signed"),
    ("GET", _V1 + "allOrders"): Endpoint(_all_orders, weighing(5), "signed"),
    ("GET", _V1 + "userTrades"): Endpoint(_user_trades, weighing(5), "signed"),
}
