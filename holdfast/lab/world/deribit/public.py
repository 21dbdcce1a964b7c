"""Deribit's public methods: time, listings, books, tickers, trades and funding.

Limits: no charts, no announcements; the history is what the exchange keeps.
"""

from typing import Any, Final

from holdfast.lab.world.deribit import market_shapes as shapes
from holdfast.lab.world.deribit import rpc
from holdfast.lab.world.deribit.account_shapes import CURRENCIES
from holdfast.lab.world.deribit.visit import Method, Visit
from holdfast.lab.world.exchange import Listing, Trade

VERSION: Final = "1.2.26"
TRADES_MAX: Final = 1000
DEPTHS: Final = frozenset((1, 5, 10, 20, 50, 100, 1000, 10000))
_DEPTH_DEFAULT: Final = 5
_TRADES_DEFAULT: Final = 10

Json = Any


def _get_time(visit: Visit) -> Json:
    return shapes.ms(visit.venue_ns)


def _test(_visit: Visit) -> Json:
    return {"version": VERSION}


def _hello(visit: Visit) -> Json:
    if visit.session is None:
        raise rpc.Rejection(rpc.MUST_BE_WEBSOCKET, "must_be_websocket_request")
    visit.text("client_name")
    return {"version": VERSION}


def _status(_visit: Visit) -> Json:
    return {"locked": "false", "locked_indices": []}


def _get_currencies(visit: Visit) -> Json:
    listings = visit.exchange.listings.values()
    names = sorted({listing.settle for listing in listings} | {listing.base for listing in listings})
    return [
        {
            "withdrawal_priorities": [],
            "withdrawal_fee": 0.0,
            "min_withdrawal_fee": 0.0,
            "min_confirmations": 1,
            "in_cross_collateral_pool": False,
            "fee_precision": 4,
            "decimals": 8,
            "currency_long": CURRENCIES.get(name, name),
            "currency": name,
            "coin_type": name,
            "apr": 0.0,
        }
        for name in names
    ]


def _get_instruments(visit: Visit) -> Json:
    if rpc.flag_of(visit.params, "expired"):
        return []
    return [shapes.instrument(visit.exchange, listing) for listing in visit.wanted()]


def _get_instrument(visit: Visit) -> Json:
    return shapes.instrument(visit.exchange, visit.listing())


def _get_order_book(visit: Visit) -> Json:
    listing = visit.listing()
    depth = rpc.whole_of(visit.params, "depth", _DEPTH_DEFAULT)
    if depth not in DEPTHS:
        raise rpc.invalid("depth", f"must be one of {sorted(DEPTHS)}")
    book = visit.exchange.book(listing.symbol, depth)
    assert book is not None
    return shapes.ticker(visit.exchange, listing, visit.venue_ns) | {
        "change_id": book.change_id,
        "bids": shapes.levels(book.bids),
        "asks": shapes.levels(book.asks),
    }


def _ticker(visit: Visit) -> Json:
    return shapes.ticker(visit.exchange, visit.listing(), visit.venue_ns)


def _listing_of_index(visit: Visit) -> Listing:
    name = visit.text("index_name")
    for listing in visit.exchange.listings.values():
        if shapes.index_name(listing) == name.lower():
            return listing
    raise rpc.invalid("index_name", "index not found")


def _get_index_price(visit: Visit) -> Json:
    price = round(visit.exchange.index(_listing_of_index(visit).base), 2)
    return {"index_price": price, "estimated_delivery_price": price}


def _get_index_price_names(visit: Visit) -> Json:
    return sorted({shapes.index_name(listing) for listing in visit.exchange.listings.values()})


def _public_trades(visit: Visit, trades: list[Trade]) -> Json:
    start = rpc.whole_of(visit.params, "start_timestamp", 0)
    end = rpc.whole_of(visit.params, "end_timestamp", shapes.NEVER_MS)
    count = min(rpc.whole_of(visit.params, "count", _TRADES_DEFAULT), TRADES_MAX)
    found = [it for it in trades if start <= shapes.ms(it.time_ns + visit.offset_ns) <= end]
    last = found[-count:]
    if visit.text("sorting", "default") != "asc":
        last = last[::-1]
    return {
        "trades": [shapes.trade(visit.exchange, it, visit.server.direction_of(it)) for it in last],
        "has_more": len(found) > count,
    }


def _get_last_trades_by_instrument(visit: Visit) -> Json:
    return _public_trades(visit, visit.exchange.trades(visit.listing().symbol, TRADES_MAX))


def _get_last_trades_by_currency(visit: Visit) -> Json:
    trades = [it for listing in visit.wanted() for it in visit.exchange.trades(listing.symbol, TRADES_MAX)]
    return _public_trades(visit, sorted(trades, key=lambda it: it.trade_id))


def _get_funding_rate_value(visit: Visit) -> Json:
    listing = visit.listing()
    if listing.kind != "perpetual":
        raise rpc.invalid("instrument_name", "not a perpetual")
    return shapes.tidy(shapes.known(visit.exchange, listing).funding_rate)


def _get_book_summary_by_currency(visit: Visit) -> Json:
    return [shapes.summary(visit.exchange, listing, visit.venue_ns) for listing in visit.wanted()]


def _get_book_summary_by_instrument(visit: Visit) -> Json:
    return [shapes.summary(visit.exchange, visit.listing(), visit.venue_ns)]


def _get_contract_size(visit: Visit) -> Json:
    return {"contract_size": float(visit.listing().contract_size)}


PUBLIC: Final[dict[str, Method]] = {
    "public/get_time": _get_time,
    "public/test": _test,
    "public/hello": _hello,
    "public/status": _status,
    "public/get_currencies": _get_currencies,
    "public/get_instruments": _get_instruments,
    "public/get_instrument": _get_instrument,
    "public/get_order_book": _get_order_book,
    "public/ticker": _ticker,
    "public/get_index_price": _get_index_price,
    "public/get_index_price_names": _get_index_price_names,
    "public/get_last_trades_by_instrument": _get_last_trades_by_instrument,
    "public/get_last_trades_by_instrument_and_time": _get_last_trades_by_instrument,
    "public/get_last_trades_by_currency": _get_last_trades_by_currency,
    "public/get_last_trades_by_currency_and_time": _get_last_trades_by_currency,
    "public/get_funding_rate_value": _get_funding_rate_value,
    "public/get_book_summary_by_currency": _get_book_summary_by_currency,
    "public/get_book_summary_by_instrument": _get_book_summary_by_instrument,
    "public/get_contract_size": _get_contract_size,
}
