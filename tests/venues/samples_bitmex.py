"""BitMEX: hand-made messages in the venue's current shapes."""

from typing import Any

from sample import Case, answered, frame, sent


def bitmex_case() -> Case:
    """Return the case of BitMEX."""
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
