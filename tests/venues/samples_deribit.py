"""Deribit: hand-made messages in the venue's current shapes."""

from typing import Any

from sample import FRAME, Case, Step, answered, frame


def deribit_case() -> Case:
    """Return the case of Deribit."""
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
