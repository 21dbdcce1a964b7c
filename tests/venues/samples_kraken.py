"""Kraken Futures: hand-made messages in the venue's current shapes."""

from typing import Any

from sample import Case, answered, frame, sent


def kraken_case() -> Case:
    """Return the case of Kraken Futures."""
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
