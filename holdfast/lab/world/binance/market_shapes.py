"""What Binance shows of its market, as JSON: prices and sizes as text on the instrument's grid."""

from decimal import Decimal
from typing import Any, Final

from holdfast.clock import DAY_NS
from holdfast.lab.world.binance.reply import money, ms, on_grid
from holdfast.lab.world.exchange import Exchange, Listing, Ticker, Trade

NEVER_MS: Final = 4133404800000
_PRECISION: Final = 8
_IDS: Final = 10

Json = dict[str, Any]


def update_id(change_id: int) -> int:
    """Return the venue's id of an update. Ids leave room between a book's updates: the venue counts all books together."""
    return change_id * _IDS


def snapshot_id(change_id: int) -> int:
    """Return the id of a snapshot: after the last update that is in it, and within the next one.

    >>> update_id(7) < snapshot_id(7) < update_id(8)
    True
    """
    return change_id * _IDS + _IDS // 2


def symbol(listing: Listing) -> Json:
    """Return one entry of `exchangeInfo`."""
    tick, lot = listing.tick, listing.lot
    perpetual = listing.kind == "perpetual"
    return {
        "symbol": listing.symbol,
        "pair": f"{listing.base}{listing.quote}",
        "contractType": "PERPETUAL" if perpetual else "CURRENT_QUARTER",
        "deliveryDate": NEVER_MS if perpetual else ms(listing.expiry_ns),
        "onboardDate": ms(listing.created_ns),
        "status": "TRADING",
        "maintMarginPercent": money(listing.maintenance_margin * 100, 4),
        "requiredMarginPercent": money(listing.initial_margin * 100, 4),
        "baseAsset": listing.base,
        "quoteAsset": listing.quote,
        "marginAsset": listing.settle,
        "pricePrecision": decimals(tick),
        "quantityPrecision": decimals(lot),
        "baseAssetPrecision": _PRECISION,
        "quotePrecision": _PRECISION,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "settlePlan": 0,
        "triggerProtect": "0.0500",
        "liquidationFee": "0.005000",
        "marketTakeBound": "0.05",
        "maxMoveOrderLimit": 10000,
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": on_grid(tick, tick),
                "maxPrice": on_grid(Decimal(10_000_000), tick),
                "tickSize": on_grid(tick, tick),
            },
            {
                "filterType": "LOT_SIZE",
                "minQty": on_grid(lot, lot),
                "maxQty": on_grid(Decimal(100_000), lot),
                "stepSize": on_grid(lot, lot),
            },
            {
                "filterType": "MARKET_LOT_SIZE",
                "minQty": on_grid(lot, lot),
                "maxQty": on_grid(Decimal(10_000), lot),
                "stepSize": on_grid(lot, lot),
            },
            {"filterType": "MAX_NUM_ORDERS", "limit": 200},
            {"filterType": "MIN_NOTIONAL", "notional": "5"},
            {
                "filterType": "PERCENT_PRICE",
                "multiplierUp": "1.0500",
                "multiplierDown": "0.9500",
                "multiplierDecimal": "4",
            },
        ],
        "orderTypes": ["LIMIT", "MARKET"],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
    }


def levels(listing: Listing, side: list[tuple[Decimal, Decimal]]) -> list[tuple[str, str]]:
    """Return levels as pairs of text."""
    return [(on_grid(price, listing.tick), on_grid(size, listing.lot)) for price, size in side]


def known(exchange: Exchange, listing: Listing) -> Ticker:
    """Return the ticker of a listed instrument."""
    found = exchange.ticker(listing.symbol)
    assert found is not None
    return found


def trade(listing: Listing, it: Trade, offset_ns: int) -> Json:
    """Return a trade as `trades` lists it."""
    return {
        "id": it.trade_sequence,
        "price": on_grid(it.price, listing.tick),
        "qty": on_grid(it.quantity, listing.lot),
        "quoteQty": money(it.price * it.quantity, 2),
        "time": ms(it.time_ns + offset_ns),
        "isBuyerMaker": it.side == "sell",
    }


def aggregate(listing: Listing, it: Trade, offset_ns: int) -> Json:
    """Return a trade as `aggTrades` lists it: one of its own."""
    return {
        "a": it.trade_sequence,
        "p": on_grid(it.price, listing.tick),
        "q": on_grid(it.quantity, listing.lot),
        "f": it.trade_sequence,
        "l": it.trade_sequence,
        "T": ms(it.time_ns + offset_ns),
        "m": it.side == "sell",
    }


def premium(exchange: Exchange, listing: Listing, time_ns: int) -> Json:
    """Return mark, index and funding, as `premiumIndex` has them."""
    now = known(exchange, listing)
    perpetual = listing.kind == "perpetual"
    return {
        "symbol": listing.symbol,
        "markPrice": money(now.mark),
        "indexPrice": money(now.index),
        "estimatedSettlePrice": money(now.settlement_price),
        "lastFundingRate": money(now.funding_rate) if perpetual else "",
        "interestRate": "0.00010000" if perpetual else "",
        "nextFundingTime": ms(now.next_funding_ns) if perpetual else 0,
        "time": ms(time_ns),
    }


def day(exchange: Exchange, listing: Listing, time_ns: int) -> Json:
    """Return the last 24 hours, as `ticker/24hr` has them."""
    now = known(exchange, listing)
    last, first = _or_mark(now.last, now, listing), _or_mark(now.first, now, listing)
    volume = now.volume
    average = Decimal(now.volume_quote) / volume if volume else Decimal(0)
    return {
        "symbol": listing.symbol,
        "priceChange": on_grid(last - first, listing.tick),
        "priceChangePercent": money((last / first - 1) * 100 if first else 0, 3),
        "weightedAvgPrice": money(average, 2),
        "lastPrice": on_grid(last, listing.tick),
        "lastQty": on_grid(
            exchange.trades(listing.symbol, 1)[-1].quantity if now.last else Decimal(0), listing.lot
        ),
        "openPrice": on_grid(first, listing.tick),
        "highPrice": on_grid(_or_mark(now.high, now, listing), listing.tick),
        "lowPrice": on_grid(_or_mark(now.low, now, listing), listing.tick),
        "volume": on_grid(volume, listing.lot),
        "quoteVolume": money(now.volume_quote, 2),
        "openTime": ms(time_ns - DAY_NS),
        "closeTime": ms(time_ns),
        "firstId": 1 if now.trades_count else -1,
        "lastId": now.trades_count or -1,
        "count": now.trades_count,
    }


def touch(exchange: Exchange, listing: Listing) -> tuple[str, str, str, str]:
    """Return best bid and its size, best ask and its size, as text."""
    bid, bid_lots, ask, ask_lots = exchange.touch(listing.symbol)
    tick, lot = listing.tick, listing.lot
    return (
        on_grid(bid * tick if bid_lots else Decimal(0), tick),
        on_grid(bid_lots * lot, lot),
        on_grid(ask * tick if ask_lots else Decimal(0), tick),
        on_grid(ask_lots * lot, lot),
    )


def bars(trades: list[Trade], interval_ns: int, listing: Listing) -> list[list[Any]]:
    """Return candles of trades, as `klines` has them; an interval without trades has none."""
    groups: dict[int, list[Trade]] = {}
    for it in trades:
        groups.setdefault(it.time_ns // interval_ns * interval_ns, []).append(it)
    return [
        [
            ms(start),
            on_grid(group[0].price, listing.tick),
            on_grid(max(it.price for it in group), listing.tick),
            on_grid(min(it.price for it in group), listing.tick),
            on_grid(group[-1].price, listing.tick),
            on_grid(sum((it.quantity for it in group), Decimal(0)), listing.lot),
            ms(start + interval_ns) - 1,
            money(sum((it.quantity * it.price for it in group), Decimal(0)), 2),
            len(group),
            on_grid(sum((it.quantity for it in group if it.side == "buy"), Decimal(0)), listing.lot),
            money(sum((it.quantity * it.price for it in group if it.side == "buy"), Decimal(0)), 2),
            "0",
        ]
        for start, group in sorted(groups.items())
    ]


def decimals(grid: Decimal) -> int:
    """Return how many decimals a grid has."""
    return max(-int(grid.normalize().as_tuple().exponent), 0)


def _or_mark(price: Decimal | None, now: Ticker, listing: Listing) -> Decimal:
    return price if price is not None else round(Decimal(now.mark) / listing.tick) * listing.tick
