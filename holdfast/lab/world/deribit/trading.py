"""Deribit's trading methods: buy, sell, edit, cancel, and the questions about orders and executions.

1. A label is the client's own name of an order; it need not be unique.
2. `valid_until` (milliseconds of the venue's clock): processed later than that, an order is refused with `timed_out`.
3. `post_only` alone moves an order to where it does not take; with `reject_post_only` it is refused instead.
"""

from typing import Any, Final

from holdfast.clock import MILLISECOND_NS
from holdfast.lab.world.deribit import account_shapes as shapes
from holdfast.lab.world.deribit import rpc
from holdfast.lab.world.deribit.market_shapes import NEVER_MS, ms
from holdfast.lab.world.deribit.visit import Method, Visit, refuse
from holdfast.lab.world.exchange import Fill, Order, OrderRequest, Refused
from holdfast.order import Side, TimeInForce

LABEL_CHARS_MAX: Final = 64
COUNT_MAX: Final = 1000
_COUNT_DEFAULT: Final = 20
_TRADES_DEFAULT: Final = 10
_TIMES: Final[dict[str, TimeInForce]] = {
    "good_til_cancelled": "gtc",
    "good_til_day": "gtc",
    "immediate_or_cancel": "ioc",
    "fill_or_kill": "fok",
}

Json = Any


def _buy(visit: Visit) -> Json:
    return _place(visit, "buy")


def _sell(visit: Visit) -> Json:
    return _place(visit, "sell")


def _place(visit: Visit, side: Side) -> Json:
    account, listing = visit.account, visit.listing()
    params = visit.params
    amount = rpc.number_of(params, "amount")
    if amount is None:
        contracts = rpc.number_of(params, "contracts")
        if contracts is None:
            raise rpc.invalid("amount", "value required")
        amount = contracts * listing.contract_size
    kind = visit.text("type", "limit")
    if kind not in ("limit", "market"):
        raise rpc.invalid("type", "only limit and market orders are supported")
    price = rpc.number_of(params, "price")
    if kind == "limit" and price is None:
        raise rpc.invalid("price", "value required")
    time_in_force = _TIMES.get(visit.text("time_in_force", "good_til_cancelled"))
    if time_in_force is None:
        raise rpc.invalid("time_in_force", "unknown time in force")
    label = visit.text("label", "")
    if len(label) > LABEL_CHARS_MAX:
        raise rpc.invalid("label", "too long")
    post_only = rpc.flag_of(params, "post_only")
    placed = visit.exchange.place(
        account,
        OrderRequest(
            instrument=listing.symbol,
            side=side,
            quantity=amount,
            price=price if kind == "limit" else None,
            kind="limit" if kind == "limit" else "market",
            time_in_force=time_in_force,
            post_only=post_only,
            post_only_slide=post_only and not rpc.flag_of(params, "reject_post_only"),
            reduce_only=rpc.flag_of(params, "reduce_only"),
            client_id=label,
            valid_until_ns=_validity(visit),
        ),
    )
    if isinstance(placed, Refused):
        raise refuse(placed)
    if visit.session is not None and visit.session.cancels_on_disconnect:
        visit.session.placed.add(placed.order_id)
    return _with_trades(visit, placed, 0)


def _edit(visit: Visit) -> Json:
    return _change(visit, _own(visit, visit.text("order_id")))


def _edit_by_label(visit: Visit) -> Json:
    label, instrument = visit.text("label"), visit.listing().symbol
    found = [it for it in visit.exchange.open_orders(visit.account, instrument) if it.client_id == label]
    if len(found) != 1:
        raise rpc.Rejection(rpc.ORDER_NOT_FOUND, "order_not_found")
    return _change(visit, found[0])


def _change(visit: Visit, before: Order) -> Json:
    amount = rpc.number_of(visit.params, "amount")
    if amount is None:
        contracts = rpc.number_of(visit.params, "contracts")
        if contracts is not None:
            amount = contracts * visit.exchange.listings[before.instrument].contract_size
    given = visit.params
    known = len(visit.exchange.fills(visit.account, order_id=before.order_id))
    edited = visit.exchange.edit(
        visit.account,
        before.order_id,
        quantity=amount,
        price=rpc.number_of(given, "price"),
        valid_until_ns=_validity(visit),
        post_only=rpc.flag_of(given, "post_only") if "post_only" in given else None,
        reduce_only=rpc.flag_of(given, "reduce_only") if "reduce_only" in given else None,
    )
    if isinstance(edited, Refused):
        raise refuse(edited)
    return _with_trades(visit, edited, known)


def _validity(visit: Visit) -> int:
    until = rpc.whole_of(visit.params, "valid_until", 0)
    return until * MILLISECOND_NS - visit.offset_ns if until else 0


def _with_trades(visit: Visit, it: Order, known: int) -> Json:
    """Return an order with its executions after the first `known` ones."""
    fills = visit.exchange.fills(visit.account, order_id=it.order_id)[known:] if it.filled_lots else []
    return {"order": _shown(visit, it), "trades": [_fill_shown(visit, fill) for fill in fills]}


def _cancel(visit: Visit) -> Json:
    cancelled = visit.exchange.cancel(visit.account, _own(visit, visit.text("order_id")).order_id)
    if isinstance(cancelled, Refused):
        raise refuse(cancelled)
    return _shown(visit, cancelled)


def _cancel_all(visit: Visit) -> Json:
    return visit.exchange.cancel_all(visit.account)


def _cancel_all_by_instrument(visit: Visit) -> Json:
    return visit.exchange.cancel_all(visit.account, visit.listing().symbol)


def _cancel_all_by_currency(visit: Visit) -> Json:
    account = visit.account
    visit.text("currency")
    return sum(visit.exchange.cancel_all(account, listing.symbol) for listing in visit.wanted())


def _cancel_by_label(visit: Visit) -> Json:
    account, label = visit.account, visit.text("label")
    return sum(
        len(visit.exchange.cancel_by_client_id(account, listing.symbol, label)) for listing in visit.wanted()
    )


def _close_position(visit: Visit) -> Json:
    held = visit.exchange.position(visit.account, visit.listing().symbol)
    if held is None or not held.quantity:
        raise rpc.Rejection(rpc.ALREADY_CLOSED, "already_closed")
    visit.params |= {"amount": abs(held.quantity), "reduce_only": True}
    return _place(visit, "sell" if held.quantity > 0 else "buy")


def _get_open_orders(visit: Visit) -> Json:
    orders = visit.exchange.open_orders(visit.account)
    return [_shown(visit, it) for it in orders if visit.is_wanted(visit.exchange.listings[it.instrument])]


def _get_open_orders_by_instrument(visit: Visit) -> Json:
    orders = visit.exchange.open_orders(visit.account, visit.listing().symbol)
    return [_shown(visit, it) for it in orders]


def _get_open_orders_by_label(visit: Visit) -> Json:
    label = visit.text("label", "")
    orders = visit.exchange.open_orders(visit.account)
    wanted = [it for it in orders if visit.is_wanted(visit.exchange.listings[it.instrument])]
    return [_shown(visit, it) for it in wanted if not label or it.client_id == label]


def _get_order_state(visit: Visit) -> Json:
    return _shown(visit, _own(visit, visit.text("order_id")))


def _get_order_state_by_label(visit: Visit) -> Json:
    account, label = visit.account, visit.text("label", "")
    visit.text("currency")
    both = [*visit.exchange.order_history(account), *visit.exchange.open_orders(account)]
    wanted = [it for it in both if visit.is_wanted(visit.exchange.listings[it.instrument])]
    return [_shown(visit, it) for it in wanted if it.client_id == label]


def _get_order_history(visit: Visit) -> Json:
    account = visit.account
    instrument = visit.listing().symbol if "instrument_name" in visit.params else ""
    count = min(rpc.whole_of(visit.params, "count", _COUNT_DEFAULT), COUNT_MAX)
    offset = rpc.whole_of(visit.params, "offset", 0)
    unfilled = rpc.flag_of(visit.params, "include_unfilled")
    ended = visit.exchange.order_history(account, instrument)
    wanted = [
        it
        for it in reversed(ended)
        if (unfilled or it.filled_lots) and visit.is_wanted(visit.exchange.listings[it.instrument])
    ]
    return [_shown(visit, it) for it in wanted[offset : offset + count]]


def _get_user_trades(visit: Visit) -> Json:
    account = visit.account
    instrument = visit.listing().symbol if "instrument_name" in visit.params else ""
    start = rpc.whole_of(visit.params, "start_timestamp", 0)
    end = rpc.whole_of(visit.params, "end_timestamp", NEVER_MS)
    count = min(rpc.whole_of(visit.params, "count", _TRADES_DEFAULT), COUNT_MAX)
    found = [
        it
        for it in visit.exchange.fills(account, instrument)
        if visit.is_wanted(visit.exchange.listings[it.instrument])
        and start <= ms(it.time_ns + visit.offset_ns) <= end
    ]
    last = found[-count:] if visit.text("sorting", "default") == "asc" else found[-count:][::-1]
    return {"trades": [_fill_shown(visit, it) for it in last], "has_more": len(found) > count}


def _get_user_trades_by_order(visit: Visit) -> Json:
    own = _own(visit, visit.text("order_id"))
    return [_fill_shown(visit, it) for it in visit.exchange.fills(visit.account, order_id=own.order_id)]


def _own(visit: Visit, name: str) -> Order:
    """Return an order of the account by the venue's spelling of its id. Raises: Rejection `order_not_found`."""
    _, _, order_id = name.partition("-")
    found = visit.exchange.order(visit.account, order_id)
    if found is None or shapes.order_name(visit.exchange, order_id, found.instrument) != name:
        raise rpc.Rejection(rpc.ORDER_NOT_FOUND, "order_not_found")
    return found


def _shown(visit: Visit, it: Order) -> Json:
    return shapes.order(visit.exchange, it, visit.offset_ns)


def _fill_shown(visit: Visit, it: Fill) -> Json:
    source = visit.exchange.order(it.account, it.order_id)
    return shapes.fill(visit.exchange, it, source, visit.offset_ns)


EFFECTS: Final[dict[str, Method]] = {
    "private/buy": _buy,
    "private/sell": _sell,
    "private/edit": _edit,
    "private/edit_by_label": _edit_by_label,
    "private/close_position": _close_position,
    "private/cancel": _cancel,
    "private/cancel_all": _cancel_all,
    "private/cancel_all_by_currency": _cancel_all_by_currency,
    "private/cancel_all_by_instrument": _cancel_all_by_instrument,
    "private/cancel_by_label": _cancel_by_label,
}
"""Methods that reach the matching engine."""

QUESTIONS: Final[dict[str, Method]] = {
    "private/get_open_orders": _get_open_orders,
    "private/get_open_orders_by_currency": _get_open_orders,
    "private/get_open_orders_by_instrument": _get_open_orders_by_instrument,
    "private/get_open_orders_by_label": _get_open_orders_by_label,
    "private/get_order_state": _get_order_state,
    "private/get_order_state_by_label": _get_order_state_by_label,
    "private/get_order_history_by_currency": _get_order_history,
    "private/get_order_history_by_instrument": _get_order_history,
    "private/get_user_trades_by_currency": _get_user_trades,
    "private/get_user_trades_by_currency_and_time": _get_user_trades,
    "private/get_user_trades_by_instrument": _get_user_trades,
    "private/get_user_trades_by_instrument_and_time": _get_user_trades,
    "private/get_user_trades_by_order": _get_user_trades_by_order,
}
