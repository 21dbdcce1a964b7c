"""Hand-made messages of every venue, one case a feed: what the conformance suite drives them with.

Each case lists one instrument, brings its book to life, changes it, breaks it and brings it back, in the
venue's own current message shapes. `others` are all further kinds of messages that make rows, `quiet` those
that make none.
"""

import json
from dataclasses import dataclass
from typing import Any

REST = "rest"
FRAME = "frame"


@dataclass(frozen=True)
class Step:
    """One thing that a feed is given."""

    role: str
    body: bytes
    url: str = ""


@dataclass(frozen=True)
class Case:
    """What a feed of one venue is put through."""

    symbol: str
    listing: Step
    opening: tuple[Step, ...]
    update: bytes
    gap: bytes
    after_gap: bytes
    reopening: tuple[Step, ...]
    unlisted: bytes
    others: tuple[bytes, ...]
    quiet: tuple[bytes, ...]
    unknown: bytes


def frame(message: Any) -> bytes:
    """Return a message as the venue writes it."""
    return json.dumps(message, separators=(",", ":")).encode()


def sent(message: Any) -> Step:
    """Return a websocket message as a step."""
    return Step(FRAME, frame(message))


def answered(url: str, message: Any) -> Step:
    """Return a REST answer as a step."""
    return Step(REST, frame(message), url)


def _okx() -> Case:
    symbol = "BTC-USDT-SWAP"
    listed = {
        "instType": "SWAP", "instId": symbol, "uly": "BTC-USDT", "baseCcy": "", "quoteCcy": "",
        "settleCcy": "USDT", "ctVal": "0.01", "ctMult": "1", "ctValCcy": "BTC", "ctType": "linear",
        "tickSz": "0.1", "lotSz": "0.01", "expTime": "", "stk": "", "optType": "", "state": "live",
    }  # fmt: skip
    option = {
        **listed, "instType": "OPTION", "instId": "BTC-USD-261225-100000-C", "uly": "BTC-USD",
        "settleCcy": "BTC", "ctVal": "1", "ctMult": "0.01", "ctType": "", "tickSz": "0.0001", "lotSz": "1",
        "expTime": "1798185600000", "stk": "100000", "optType": "C",
    }  # fmt: skip

    def book(action: str, sequence: int, before: int, bids: list[list[str]], asks: list[list[str]]) -> Any:
        data = {
            "asks": asks,
            "bids": bids,
            "ts": "1700000000100",
            "checksum": 0,
            "seqId": sequence,
            "prevSeqId": before,
        }
        return {"arg": {"channel": "books", "instId": symbol}, "action": action, "data": [data]}

    def push(channel: str, instrument: str, **data: Any) -> bytes:
        entry = {"instId": instrument, "ts": "1700000000100", **data}
        return frame({"arg": {"channel": channel, "instId": instrument}, "data": [entry]})

    whole = sent(
        book(
            "snapshot", 10, -1, [["100.1", "5", "0", "1"], ["100", "2", "0", "1"]], [["100.3", "1", "0", "1"]]
        )
    )
    levels = {"bids": [["100.1", "5", "0", "1"]], "asks": [], "seqId": 11}
    detail = {
        "side": "sell",
        "posSide": "long",
        "bkPx": "99.123",
        "bkLoss": "0",
        "sz": "3",
        "ccy": "",
        "ts": "1700000000090",
    }
    five = {"bids": [["100.1", "5", "0", "1"]], "asks": [["100.3", "1", "0", "2"]], "seqId": 11}
    greeks = {
        "uly": "BTC-USD", "delta": "0.4", "deltaBS": "0.45", "vega": "0.001", "vegaBS": "110.5",
        "markVol": "0.52", "bidVol": "0", "askVol": "0.55", "fwdPx": "61000.5",
    }  # fmt: skip
    return Case(
        symbol=symbol,
        listing=answered(
            "https://www.okx.com/api/v5/public/instruments?instType=SWAP",
            {"code": "0", "msg": "", "data": [listed, option]},
        ),
        opening=(whole,),
        update=frame(book("update", 12, 10, [["100.1", "0", "0", "0"]], [["100.2", "7", "0", "1"]])),
        gap=frame(book("update", 20, 15, [["99.9", "1", "0", "1"]], [])),
        after_gap=frame(book("update", 21, 20, [["99.8", "1", "0", "1"]], [])),
        reopening=(whole,),
        unlisted=push("trades", "DOGE-USDT-SWAP", tradeId="1", px="1", sz="1", side="buy"),
        others=(
            push("tickers", symbol, bidPx="100.1", bidSz="5", askPx="", askSz=""),
            push("bbo-tbt", symbol, **levels),
            push("trades", symbol, tradeId="1", px="100.2", sz="0.5", side="buy", count="1"),
            push("mark-price", symbol, instType="SWAP", markPx="100.15"),
            push("index-tickers", "BTC-USDT", idxPx="100.12"),
            push(
                "funding-rate", symbol, fundingRate="0.0001", nextFundingRate="", fundingTime="1700006400000"
            ),
            push("open-interest", symbol, oi="1000", oiCcy="10"),
            frame(
                {
                    "arg": {"channel": "liquidation-orders", "instType": "SWAP"},
                    "data": [{"instId": symbol, "instType": "SWAP", "details": [detail], "uly": "BTC-USDT"}],
                }
            ),
            push("opt-summary", "BTC-USD-261225-100000-C", **greeks),
            frame(
                {
                    "arg": {"channel": "books5", "instId": "BTC-USD-261225-100000-C"},
                    "data": [
                        {**five, "bids": [["0.0101", "5", "0", "1"]], "asks": [], "ts": "1700000000100"}
                    ],
                }
            ),
        ),
        quiet=(
            b"pong",
            frame({"event": "subscribe", "arg": {"channel": "books", "instId": symbol}, "connId": "a"}),
            frame({"event": "error", "code": "60012", "msg": "Invalid request", "connId": "a"}),
            frame({"event": "notice", "code": "64008", "msg": "closing soon", "connId": "a"}),
            push("price-limit", symbol, buyLmt="110", sellLmt="90"),
            push("estimated-price", symbol, settlePx="100"),
        ),
        unknown=push("weather", symbol),
    )


def _bybit(category: str, symbol: str, other: str, *, extra: tuple[bytes, ...] = ()) -> Case:
    entry = {
        "symbol": symbol, "contractType": {"linear": "LinearPerpetual",
        "inverse": "InversePerpetual"}.get(category, ""), "status": "Trading", "baseCoin": "BTC",
        "quoteCoin": "USDT", "settleCoin": "USDT", "deliveryTime": "0",
        "optionsType": "Call" if category == "option" else "", "priceFilter": {"tickSize": "0.1"},
        "lotSizeFilter": {"qtyStep": "0.01", "basePrecision": "0.01"},
    }  # fmt: skip

    def book(kind: str, u: int, bids: list[list[str]], asks: list[list[str]], depth: int = 50) -> Any:
        data = {"s": symbol, "b": bids, "a": asks, "u": u, "seq": 7961638724}
        topic = f"orderbook.{depth}.{symbol}"
        return {"topic": topic, "type": kind, "ts": 1700000000100, "data": data, "cts": 1700000000090}

    def push(topic: str, data: Any, name: str = symbol, kind: str = "snapshot") -> bytes:
        return frame({"topic": f"{topic}.{name}", "type": kind, "ts": 1700000000100, "data": data})

    def trade(name: str) -> list[Any]:
        return [
            {
                "T": 1700000000080,
                "s": name,
                "S": "Buy",
                "v": "0.5",
                "p": "100.2",
                "L": "PlusTick",
                "i": "x",
                "BT": False,
            }
        ]

    whole = sent(book("snapshot", 10, [["100.1", "5"], ["100.0", "2"]], [["100.3", "1"]]))
    return Case(
        symbol=symbol,
        listing=answered(
            f"https://api.bybit.com/v5/market/instruments-info?category={category}",
            {
                "retCode": 0,
                "retMsg": "OK",
                "result": {"category": category, "list": [entry], "nextPageCursor": ""},
            },
        ),
        opening=(whole,),
        update=frame(book("delta", 11, [["100.1", "0"]], [["100.2", "7"]])),
        gap=frame(book("delta", 15, [["99.9", "1"]], [])),
        after_gap=frame(book("delta", 16, [["99.8", "1"]], [])),
        reopening=(sent(book("delta", 1, [["100.1", "5"]], [["100.3", "1"]])),),
        unlisted=push("publicTrade", trade(other), other),
        others=(
            frame(book("snapshot", 3, [["100.1", "5"]], [["100.3", "1"]], depth=1)),
            frame(book("delta", 4, [["100.1", "0"], ["100.0", "4"]], [], depth=1)),
            push("publicTrade", trade(symbol)),
            *extra,
        ),
        quiet=(
            frame({"success": True, "ret_msg": "", "conn_id": "a", "req_id": "", "op": "subscribe"}),
            frame({"success": True, "ret_msg": "pong", "conn_id": "a", "op": "ping"}),
            push("publicTrade", [{**trade(symbol)[0], "BT": True}]),
            push("insurance", {}),
        ),
        unknown=push("weather", {}),
    )


def _bybit_linear(category: str, symbol: str, other: str) -> Case:
    def push(topic: str, data: Any, kind: str = "snapshot") -> bytes:
        return frame({"topic": f"{topic}.{symbol}", "type": kind, "ts": 1700000000100, "data": data})

    ticker = {
        "symbol": symbol, "markPrice": "100.15", "indexPrice": "100.12", "openInterest": "1000.5",
        "fundingRate": "0.0001", "bid1Price": "100.1", "bid1Size": "5", "ask1Price": "100.3", "ask1Size": "1",
    }  # fmt: skip
    bar = {
        "start": 1700000000000, "end": 1700000059999, "interval": "1", "open": "100", "close": "100.2",
        "high": "101", "low": "99.9", "volume": "12.5", "turnover": "1250", "confirm": True,
        "timestamp": 1700000060000,
    }  # fmt: skip
    old = {"updatedTime": 1700000000090, "symbol": symbol, "side": "Buy", "size": "0.5", "price": "98.777"}
    return _bybit(
        category,
        symbol,
        other,
        extra=(
            push("tickers", ticker),
            push("tickers", {"symbol": symbol, "bid1Size": "6"}, "delta"),
            push("liquidation", old),
            push(
                "allLiquidation", [{"T": 1700000000090, "s": symbol, "S": "Sell", "v": "0.5", "p": "105.0"}]
            ),
            push("kline.1", [bar]),
        ),
    )


def _bybit_option() -> Case:
    symbol = "BTC-25DEC26-100000-C"
    ticker = {
        "symbol": symbol, "bidPrice": "0", "bidSize": "0", "bidIv": "0", "askPrice": "120.5",
        "askSize": "0.5", "askIv": "0.6", "lastPrice": "1", "markPrice": "118", "indexPrice": "61000",
        "markPriceIv": "0.58", "underlyingPrice": "61100.5", "openInterest": "12.3", "delta": "0.3",
        "gamma": "0", "vega": "40", "theta": "-3",
    }  # fmt: skip
    message = {
        "topic": f"tickers.{symbol}",
        "type": "snapshot",
        "ts": 1700000000100,
        "id": "a",
        "data": ticker,
    }
    return _bybit("option", symbol, "BTC-25DEC26-90000-P", extra=(frame(message),))


def _bitmex() -> Case:
    symbol = "XBTUSD"
    listed = {
        "symbol": symbol, "rootSymbol": "XBT", "state": "Open", "typ": "FFWCSX", "expiry": None,
        "underlying": "XBT", "quoteCurrency": "USD", "settlCurrency": "XBt", "tickSize": 0.1,
        "lotSize": 100, "multiplier": -100000000, "underlyingToPositionMultiplier": None,
        "underlyingToSettleMultiplier": -100000000, "quoteToSettleMultiplier": None, "isQuanto": False,
        "isInverse": True,
    }  # fmt: skip
    at = {"timestamp": "2023-11-14T22:13:20.100Z"}

    def row(number: int, side: str, price: float, size: int | None, name: str = symbol) -> Any:
        level = {"symbol": name, "id": number, "side": side, "price": price, **at}
        return level if size is None else {**level, "size": size}

    def push(table: str, action: str, *rows: Any) -> Any:
        head = {"keys": [], "types": {}, "filter": {"symbol": symbol}} if action == "partial" else {}
        return {"table": table, "action": action, **head, "data": list(rows)}

    whole = sent(
        push(
            "orderBookL2",
            "partial",
            row(1, "Buy", 100.1, 500),
            row(2, "Buy", 100, 200),
            row(3, "Sell", 100.3, 100),
        )
    )
    trade = {"side": "Buy", "size": 100, "price": 100.2, "trdType": "Regular", **at}
    ten = {"symbol": "XBTUSD", "bids": [[100.1, 500], [100, 200]], "asks": [[100.3, 100]], **at}
    return Case(
        symbol=symbol,
        listing=answered("https://www.bitmex.com/api/v1/instrument/active", [listed]),
        opening=(whole,),
        update=frame(push("orderBookL2", "update", row(1, "Buy", 100.1, 600))),
        gap=frame(push("orderBookL2", "update", row(9, "Buy", 99.9, 600))),
        after_gap=frame(push("orderBookL2", "insert", row(10, "Buy", 99.8, 100))),
        reopening=(whole,),
        unlisted=frame(push("trade", "insert", {"symbol": "DOGEUSD", **trade})),
        others=(
            frame(push("orderBookL2", "insert", row(4, "Sell", 100.4, 900))),
            frame(push("orderBookL2", "delete", row(4, "Sell", 100.4, None))),
            frame(
                push(
                    "quote",
                    "insert",
                    {"symbol": symbol, "bidPrice": 100.1, "bidSize": 500, "askPrice": None, **at},
                )
            ),
            frame(push("trade", "partial", {"symbol": symbol, **trade})),
            frame(push("trade", "insert", {"symbol": symbol, **trade})),
            frame(
                push(
                    "instrument",
                    "update",
                    {"symbol": symbol, "markPrice": 100.15, "openInterest": 1000, **at},
                )
            ),
            frame(
                push(
                    "instrument",
                    "update",
                    {"symbol": symbol, "fundingRate": 1e-4, "indicativeSettlePrice": 1e2},
                )
            ),
            frame(push("funding", "insert", {"symbol": symbol, "fundingRate": 0.0001, **at})),
            frame(
                push(
                    "liquidation",
                    "insert",
                    {"orderID": "a", "symbol": symbol, "side": "Sell", "price": 99.9, "leavesQty": 300},
                )
            ),
        ),
        quiet=(
            b"pong",
            frame(
                {"info": "Welcome to the BitMEX Realtime API.", "version": "1", "limit": {"remaining": 39}}
            ),
            frame({"success": True, "subscribe": "trade:XBTUSD", "request": {"op": "subscribe", "args": []}}),
            frame({"status": 400, "error": "Unknown table", "meta": {}, "request": {}}),
            frame(push("orderBook10", "update", ten)),
            frame(push("liquidation", "delete", {"orderID": "a", "symbol": symbol})),
            frame(push("trade", "insert", {"symbol": ".BXBT", **trade})),
        ),
        unknown=frame(push("weather", "insert")),
    )


def _kraken() -> Case:
    symbol = "PF_XBTUSD"
    listed = {
        "symbol": symbol, "type": "flexible_futures", "tickSize": 0.5, "contractSize": 1, "tradeable": True,
        "contractValueTradePrecision": 4, "base": "BTC", "quote": "USD", "pair": "BTC:USD",
        "impactMidSize": 1,
    }  # fmt: skip
    index = {"symbol": "in_xbtusd", "type": "spot index", "tradeable": False}

    def level(sequence: int, side: str, price: float, qty: float) -> Any:
        place = {"feed": "book", "product_id": symbol, "side": side, "seq": sequence}
        return {**place, "price": price, "qty": qty, "timestamp": 1700000000100}

    def trade(name: str = symbol, kind: str = "fill") -> Any:
        body = {
            "uid": "a",
            "side": "sell",
            "type": kind,
            "seq": 9,
            "time": 1700000000090,
            "qty": 0.05,
            "price": 100.5,
        }
        return {"feed": "trade", "product_id": name, **body}

    whole = sent(
        {
            "feed": "book_snapshot", "product_id": symbol, "timestamp": 1700000000100, "seq": 10,
            "tickSize": None, "bids": [{"price": 100.5, "qty": 5.0}, {"price": 100, "qty": 0.0002}],
            "asks": [{"price": 101.5, "qty": 1e-3}],
        }
    )  # fmt: skip
    ticker = {
        "time": 1700000000100, "product_id": symbol, "funding_rate": 0.5, "relative_funding_rate": 1.5e-05,
        "feed": "ticker", "bid": 100.5, "ask": 101.5, "bid_size": 5.0, "ask_size": 0.001, "index": 100.9,
        "openInterest": 1234.5, "markPrice": 101.01, "last": 101, "pair": "XBT:USD", "leverage": "50x",
        "tag": "perpetual",
    }  # fmt: skip
    lite = {
        "feed": "ticker_lite",
        "product_id": symbol,
        "bid": 100.5,
        "ask": 101.5,
        "premium": 0.1,
        "pair": "XBT:USD",
    }
    return Case(
        symbol=symbol,
        listing=answered(
            "https://futures.kraken.com/derivatives/api/v3/instruments",
            {"result": "success", "instruments": [listed, index], "serverTime": "2023-11-14T22:13:20.100Z"},
        ),
        opening=(whole,),
        update=frame(level(11, "buy", 100.5, 0)),
        gap=frame(level(15, "buy", 99.5, 1)),
        after_gap=frame(level(16, "buy", 99, 1)),
        reopening=(whole,),
        unlisted=frame(trade("PF_DOGEUSD")),
        others=(
            frame(trade()),
            frame(trade(kind="liquidation")),
            frame(trade(kind="termination")),
            frame({"feed": "trade_snapshot", "product_id": symbol, "trades": [trade(), trade()]}),
            frame(ticker),
            frame({**ticker, "bid": None, "bid_size": None}),
            frame(lite),
        ),
        quiet=(
            frame({"event": "info", "version": 1}),
            frame({"event": "subscribed", "feed": "book", "product_ids": [symbol]}),
            frame({"event": "alert", "message": "Rate limit"}),
            frame({"feed": "heartbeat", "time": 1700000000100}),
            frame(trade(kind="block")),
        ),
        unknown=frame({"feed": "weather", "product_id": symbol}),
    )


def _binance(market: str, symbol: str, other: str) -> Case:
    spot = market == "binance-spot"
    root = {
        "binance-usdm": "https://fapi.binance.com/fapi/v1",
        "binance-coinm": "https://dapi.binance.com/dapi/v1",
    }.get(market, "https://api.binance.com/api/v3")
    listed = {
        "symbol": symbol, "pair": symbol.partition("_")[0], "contractType": "PERPETUAL",
        "deliveryDate": 4133404800000, "status": "TRADING", "contractStatus": "TRADING",
        "contractSize": 100, "baseAsset": "BTC", "quoteAsset": "USDT", "marginAsset": "USDT",
        "filters": [
            {"filterType": "PRICE_FILTER", "tickSize": "0.10", "minPrice": "0.1", "maxPrice": "100000"},
            {"filterType": "LOT_SIZE", "stepSize": "0.001", "minQty": "0.001", "maxQty": "1000"},
        ],
    }  # fmt: skip

    def diff(first: int, last: int, before: int, bids: list[list[str]], asks: list[list[str]]) -> Any:
        futures = {} if spot else {"T": 1700000000090, "pu": before}
        event = {
            "e": "depthUpdate",
            "E": 1700000000100,
            **futures,
            "s": symbol,
            "U": first,
            "u": last,
            "b": bids,
            "a": asks,
        }
        return {"stream": f"{symbol.lower()}@depth@100ms", "data": event}

    def snapshot(last: int) -> Step:
        levels = {"bids": [["100.10", "5"], ["100.00", "2"]], "asks": [["100.30", "1"]]}
        return answered(f"{root}/depth?symbol={symbol}&limit=1000", {"lastUpdateId": last, **levels})

    def trade(name: str) -> bytes:
        event = {
            "e": "trade",
            "E": 1700000000100,
            "T": 1700000000090,
            "s": name,
            "t": 1,
            "p": "100.20",
            "q": "0.5",
            "m": True,
        }
        more = {"M": True} if spot else {"X": "MARKET"}
        return frame({"stream": f"{name.lower()}@trade", "data": {**event, **more}})

    quote = {"u": 400, "s": symbol, "b": "100.10", "B": "5", "a": "100.30", "A": "1"}
    futures_quote = {"e": "bookTicker", **quote, "T": 1700000000090, "E": 1700000000100}
    others = [
        trade(symbol),
        frame({"stream": f"{symbol.lower()}@bookTicker", "data": quote if spot else futures_quote}),
    ]
    if not spot:
        mark = {
            "e": "markPriceUpdate", "E": 1700000000100, "s": symbol, "p": "100.15", "i": "100.12",
            "P": "100.1", "r": "0.0001", "T": 1700006400000,
        }  # fmt: skip
        forced = {
            "s": symbol, "S": "SELL", "o": "LIMIT", "f": "IOC", "q": "0.5", "p": "99.9", "ap": "99.95",
            "X": "FILLED", "l": "0.5", "z": "0.5", "T": 1700000000090,
        }  # fmt: skip
        others += [
            frame({"stream": f"{symbol.lower()}@markPrice", "data": mark}),
            frame(
                {"stream": "!forceOrder@arr", "data": {"e": "forceOrder", "E": 1700000000100, "o": forced}}
            ),
        ]
    return Case(
        symbol=symbol,
        listing=answered(f"{root}/exchangeInfo", {"symbols": [listed], "serverTime": 1700000000000}),
        opening=(
            sent(diff(5, 9, 4, [["99.90", "1"]], [])),
            snapshot(10),
            sent(diff(10, 12, 9, [["100.10", "4"]], [])),
        ),
        update=frame(diff(13, 14, 12, [["100.10", "0"]], [["100.20", "7"]])),
        gap=frame(diff(20, 21, 19, [["99.90", "1"]], [])),
        after_gap=frame(diff(22, 23, 21, [["99.80", "1"]], [])),
        reopening=(snapshot(22), sent(diff(24, 25, 23, [["99.70", "1"]], []))),
        unlisted=trade(other),
        others=tuple(others),
        quiet=(frame({"result": None, "id": 1}),),
        unknown=frame({"stream": "weather", "data": {"e": "weather", "E": 1700000000100, "s": symbol}}),
    )


def _deribit() -> Case:
    symbol = "BTC-PERPETUAL"
    listed = {
        "tick_size": 0.5, "taker_commission": 0.0005, "settlement_period": "perpetual",
        "settlement_currency": "BTC", "quote_currency": "USD", "counter_currency": "USD",
        "price_index": "btc_usd", "min_trade_amount": 10.0, "kind": "future", "is_active": True,
        "instrument_name": symbol, "instrument_type": "reversed", "instrument_id": 1,
        "expiration_timestamp": 32503708800000, "creation_timestamp": 1534167754000, "contract_size": 10.0,
        "base_currency": "BTC", "tick_size_steps": [], "future_type": "reversed",
    }  # fmt: skip

    def push(channel: str, data: Any) -> bytes:
        return frame(
            {"jsonrpc": "2.0", "method": "subscription", "params": {"channel": channel, "data": data}}
        )

    def book(kind: str, change: int, before: int | None, bids: list[Any], asks: list[Any]) -> bytes:
        data = {"type": kind, "timestamp": 1700000000100, "instrument_name": symbol, "change_id": change}
        follow = {} if before is None else {"prev_change_id": before}
        return push(f"book.{symbol}.100ms", {**data, **follow, "bids": bids, "asks": asks})

    def trade(name: str) -> bytes:
        entry = {
            "trade_seq": 1, "trade_id": "1", "timestamp": 1700000000090, "tick_direction": 0, "price": 100.5,
            "mark_price": 100.6, "instrument_name": name, "index_price": 100.4, "direction": "buy",
            "amount": 50.0,
        }  # fmt: skip
        return push(f"trades.{name}.100ms", [entry])

    whole = Step(
        FRAME,
        book("snapshot", 10, None, [["new", 100.5, 50.0], ["new", 100.0, 20.0]], [["new", 101.0, 10.0]]),
    )
    ticker = {
        "timestamp": 1700000000100, "state": "open", "instrument_name": symbol, "index_price": 100.4,
        "mark_price": 100.6, "best_bid_price": 100.5, "best_bid_amount": 50.0, "best_ask_price": 101.0,
        "best_ask_amount": 10.0, "open_interest": 1000.0, "current_funding": 0.0, "funding_8h": 1e-5,
        "last_price": 100.5, "stats": {},
    }  # fmt: skip
    return Case(
        symbol=symbol,
        listing=answered(
            "https://www.deribit.com/api/v2/public/get_instruments?currency=BTC&expired=false",
            {"jsonrpc": "2.0", "result": [listed], "usIn": 1, "usOut": 2, "usDiff": 1, "testnet": False},
        ),
        opening=(whole,),
        update=book("change", 11, 10, [["delete", 100.5, 0.0]], [["new", 100.5, 70.0]]),
        gap=book("change", 15, 14, [["new", 99.5, 10.0]], []),
        after_gap=book("change", 16, 15, [["new", 99.0, 10.0]], []),
        reopening=(whole,),
        unlisted=trade("DOGE-PERPETUAL"),
        others=(trade(symbol), push(f"ticker.{symbol}.100ms", ticker)),
        quiet=(frame({"jsonrpc": "2.0", "id": 1, "result": ["trades"], "usIn": 1, "usOut": 2, "usDiff": 1}),),
        unknown=push("weather.btc", {"temperature": 1}),
    )


CASES: dict[str, Case] = {
    "okx": _okx(),
    "bybit-linear": _bybit_linear("linear", "BTCUSDT", "DOGEUSDT"),
    "bybit-inverse": _bybit_linear("inverse", "BTCUSD", "DOGEUSD"),
    "bybit-spot": _bybit("spot", "BTCUSDT", "DOGEUSDT"),
    "bybit-option": _bybit_option(),
    "bitmex": _bitmex(),
    "kraken-futures": _kraken(),
    "binance-usdm": _binance("binance-usdm", "BTCUSDT", "DOGEUSDT"),
    "binance-coinm": _binance("binance-coinm", "BTCUSD_PERP", "DOGEUSD_PERP"),
    "binance-spot": _binance("binance-spot", "BTCUSDT", "DOGEUSDT"),
    "deribit": _deribit(),
}
