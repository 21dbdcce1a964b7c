"""Binance's public endpoints: time, listing, books, trades, candles, marks, funding, tickers."""

from typing import Any, Final

from holdfast.clock import DAY_NS, HOUR_NS, MINUTE_NS
from holdfast.lab.world.binance import market_shapes as shapes
from holdfast.lab.world.binance import reply
from holdfast.lab.world.binance.request import Endpoint, Endpoints, Request, by_symbol, weighing

DEPTHS: Final = {5: 2, 10: 2, 20: 2, 50: 2, 100: 5, 500: 10, 1000: 20}
TRADES_MAX: Final = 1000
_DEPTH_DEFAULT: Final = 500
_INTERVALS_NS: Final = {
    **{f"{n}m": n * MINUTE_NS for n in (1, 3, 5, 15, 30)},
    **{f"{n}h": n * HOUR_NS for n in (1, 2, 4, 6, 8, 12)},
    "1d": DAY_NS,
}

Json = Any


def _ping(_request: Request) -> Json:
    return {}


def _time(request: Request) -> Json:
    return {"serverTime": reply.ms(request.venue_ns)}


def _exchange_info(request: Request) -> Json:
    limits = request.server.limits
    settles = sorted({listing.settle for listing in request.exchange.listings.values()})
    return {
        "timezone": "UTC",
        "serverTime": reply.ms(request.venue_ns),
        "futuresType": "U_MARGINED",
        "rateLimits": [
            _limit("REQUEST_WEIGHT", "MINUTE", 1, limits.weight_1m_max),
            _limit("ORDERS", "MINUTE", 1, limits.orders_1m_max),
            _limit("ORDERS", "SECOND", 10, limits.orders_10s_max),
        ],
        "exchangeFilters": [],
        "assets": [{"asset": it, "marginAvailable": True, "autoAssetExchange": "0"} for it in settles],
        "symbols": [shapes.symbol(listing) for listing in request.exchange.listings.values()],
    }


def _limit(kind: str, interval: str, count: int, most: int) -> Json:
    return {"rateLimitType": kind, "interval": interval, "intervalNum": count, "limit": most}


def _depth_of(request: Request) -> int:
    depth = reply.whole(request.params, "limit", _DEPTH_DEFAULT)
    if depth not in DEPTHS:
        raise reply.Refusal(-4021, f"'{depth}' is not valid depth limit.")
    return depth


def _depth(request: Request) -> Json:
    listing = request.listing()
    book = request.exchange.book(listing.symbol, _depth_of(request))
    assert book is not None
    return {
        "lastUpdateId": shapes.snapshot_id(book.change_id),
        "E": reply.ms(request.venue_ns),
        "T": reply.ms(book.time_ns + request.offset_ns),
        "bids": shapes.levels(listing, book.bids),
        "asks": shapes.levels(listing, book.asks),
    }


def _count(request: Request, default: int) -> int:
    count = reply.whole(request.params, "limit", default)
    if not 0 < count <= TRADES_MAX:
        raise reply.bad("limit")
    return count


def _trades(request: Request) -> Json:
    listing = request.listing()
    trades = request.exchange.trades(listing.symbol, _count(request, 500))
    return [shapes.trade(listing, it, request.offset_ns) for it in trades]


def _aggregates(request: Request) -> Json:
    listing, count = request.listing(), _count(request, 500)
    start = reply.whole(request.params, "startTime", 0)
    end = reply.whole(request.params, "endTime", shapes.NEVER_MS)
    first = reply.whole(request.params, "fromId", 0)
    found = [
        shapes.aggregate(listing, it, request.offset_ns)
        for it in request.exchange.trades(listing.symbol, TRADES_MAX)
        if it.trade_sequence >= first
    ]
    within = [it for it in found if start <= it["T"] <= end]
    return within[:count] if start or first else within[-count:]


def _klines(request: Request) -> Json:
    listing, count = request.listing(), _count(request, 500)
    interval_ns = _INTERVALS_NS.get(reply.needed(request.params, "interval"))
    if interval_ns is None:
        raise reply.Refusal(-1120, "Invalid interval.")
    start = reply.whole(request.params, "startTime", 0)
    end = reply.whole(request.params, "endTime", shapes.NEVER_MS)
    bars = shapes.bars(request.exchange.trades(listing.symbol, TRADES_MAX), interval_ns, listing)
    within = [bar for bar in bars if start <= bar[0] <= end]
    return within[:count] if start else within[-count:]


def _premium_index(request: Request) -> Json:
    shown = [shapes.premium(request.exchange, it, request.venue_ns) for it in request.listings()]
    return _one_or_all(request, shown)


def _funding_rate(request: Request) -> Json:
    rates = request.server.funding_rates
    symbols = {it.symbol for it in request.listings()}
    return [rate for rate in rates if rate["symbol"] in symbols][-_count(request, 100) :]


def _funding_info(_request: Request) -> Json:
    return []


def _day(request: Request) -> Json:
    return _one_or_all(
        request, [shapes.day(request.exchange, it, request.venue_ns) for it in request.listings()]
    )


def _book_ticker(request: Request) -> Json:
    shown: list[Json] = []
    for listing in request.listings():
        bid, bid_size, ask, ask_size = shapes.touch(request.exchange, listing)
        shown.append(
            {
                "symbol": listing.symbol,
                "bidPrice": bid,
                "bidQty": bid_size,
                "askPrice": ask,
                "askQty": ask_size,
                "time": reply.ms(request.venue_ns),
                "lastUpdateId": _update_id(request, listing.symbol),
            }
        )
    return _one_or_all(request, shown)


def _update_id(request: Request, symbol: str) -> int:
    book = request.exchange.book(symbol, 1)
    return shapes.update_id(book.change_id) if book else 0


def _price(request: Request) -> Json:
    shown = [
        {
            "symbol": listing.symbol,
            "price": shapes.day(request.exchange, listing, request.venue_ns)["lastPrice"],
            "time": reply.ms(request.venue_ns),
        }
        for listing in request.listings()
    ]
    return _one_or_all(request, shown)


def _open_interest(request: Request) -> Json:
    listing = request.listing()
    return {
        "symbol": listing.symbol,
        "openInterest": reply.on_grid(shapes.known(request.exchange, listing).open_interest, listing.lot),
        "time": reply.ms(request.venue_ns),
    }


def _one_or_all(request: Request, shown: list[Json]) -> Json:
    return shown[0] if request.params.get("symbol") else shown


_V1: Final = "/fapi/v1/"

PUBLIC: Final[Endpoints] = {
    ("GET", _V1 + "ping"): Endpoint(_ping, weighing(1)),
    ("GET", _V1 + "time"): Endpoint(_time, weighing(1)),
    ("GET", _V1 + "exchangeInfo"): Endpoint(_exchange_info, weighing(1)),
    ("GET", _V1 + "depth"): Endpoint(_depth, lambda request: DEPTHS[_depth_of(request)]),
    ("GET", _V1 + "trades"): Endpoint(_trades, weighing(5)),
    ("GET", _V1 + "aggTrades"): Endpoint(_aggregates, weighing(20)),
    ("GET", _V1 + "klines"): Endpoint(_klines, weighing(5)),
    ("GET", _V1 + "premiumIndex"): Endpoint(_premium_index, by_symbol(1, 10)),
    ("GET", _V1 + "fundingRate"): Endpoint(_funding_rate, weighing(1)),
    ("GET", _V1 + "fundingInfo"): Endpoint(_funding_info, weighing(1)),
    ("GET", _V1 + "ticker/24hr"): Endpoint(_day, by_symbol(1, 40)),
    ("GET", _V1 + "ticker/bookTicker"): Endpoint(_book_ticker, by_symbol(2, 5)),
    ("GET", _V1 + "ticker/price"): Endpoint(_price, by_symbol(1, 2)),
    ("GET", "/fapi/v2/ticker/price"): Endpoint(_price, by_symbol(1, 2)),
    ("GET", _V1 + "openInterest"): Endpoint(_open_interest, weighing(1)),
}
