"""cryptofeed's own message path, offline: text -> message_handler -> its order book. The venue is the option.

It has no handler for USD-M's bookTicker and trade events; such frames cost it a parse and a silenced warning.
"""

import asyncio
import logging
from collections.abc import Callable
from decimal import Decimal

from cryptofeed.defines import BINANCE_FUTURES, DERIBIT, L2_BOOK
from cryptofeed.exchanges import BinanceFutures, Deribit
from cryptofeed.symbols import Symbols
from cryptofeed.types import OrderBook
from stream_lines import read_stream
from yapic import json

PACKAGE = "cryptofeed"


async def ignore(book: OrderBook, received_s: float) -> None:
    """Take a book as a user's callback would."""
    del book, received_s


def prepare(case: str, venue: str) -> Callable[[], Callable[[], list[float]]]:
    """Return what makes one round."""
    logging.disable(logging.CRITICAL)
    snapshot, frames = read_stream(case)
    timed_frames = [(received_ns * 1e-9, frame) for received_ns, frame in frames]
    symbol = "BTC-USD-PERP" if venue == "deribit" else "BTC-USDT-PERP"
    exchange_symbol = "BTC-PERPETUAL" if venue == "deribit" else "BTCUSDT"
    kind = Deribit if venue == "deribit" else BinanceFutures
    Symbols.set(
        DERIBIT if venue == "deribit" else BINANCE_FUTURES,
        {symbol: exchange_symbol},
        {"instrument_type": {symbol: "perpetual"}, "tick_size": {symbol: 0.1}},
    )

    kind.is_authenticated_channel = classmethod(
        lambda *_: False
    )  # it wants keys for a public book; nothing is sent

    def fresh() -> Callable[[], list[float]]:
        feed = kind(symbols=[symbol], channels=[L2_BOOK], callbacks={L2_BOOK: ignore})
        if venue == "deribit":
            feed.seq_no = {}  # as its connection does on subscribing
            asyncio.run(feed.message_handler(snapshot.decode(), None, 0.0))
        else:
            parsed = json.loads(snapshot.decode(), parse_float=Decimal)
            book = OrderBook(feed.id, symbol)
            book.book.bids = {Decimal(price): Decimal(size) for price, size in parsed["bids"]}
            book.book.asks = {Decimal(price): Decimal(size) for price, size in parsed["asks"]}
            feed._l2_book[symbol] = book
            feed.last_update_id[symbol] = parsed["lastUpdateId"]

        async def handle_all() -> None:
            handle = feed.message_handler
            for received_s, text in timed_frames:
                await handle(text, None, received_s)

        def play() -> list[float]:
            asyncio.run(handle_all())
            sides = feed._l2_book[symbol].book
            return [float(sides.bids.index(0)[0]), float(sides.asks.index(0)[0])]

        return play

    return fresh
