"""Bybit v5: hand-made messages in the venue's current shapes."""

from typing import Any

from sample import Case, answered, frame, sent


def bybit_case(category: str, symbol: str, other: str, *, extra: tuple[bytes, ...] = ()) -> Case:
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


def bybit_linear_case(category: str, symbol: str, other: str) -> Case:
    """Return the case of Bybit v5."""

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
    return bybit_case(
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


def bybit_option_case() -> Case:
    """Return the case of Bybit v5."""
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
    return bybit_case("option", symbol, "BTC-25DEC26-90000-P", extra=(frame(message),))
