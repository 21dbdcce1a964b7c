"""Binance: hand-made messages in the venue's current shapes."""

from typing import Any

from sample import Case, Step, answered, frame, sent


def binance_case(market: str, symbol: str, other: str) -> Case:
    """Return the case of Binance."""
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
