"""nautilus_trader's BacktestEngine with a strategy that reads the imbalance at each event. Option: events at most."""

from collections.abc import Callable

import numpy as np
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig
from nautilus_trader.model.currencies import USDT
from nautilus_trader.model.data import BookOrder, OrderBookDelta
from nautilus_trader.model.enums import AccountType, BookAction, BookType, OmsType, OrderSide, RecordFlag
from nautilus_trader.model.identifiers import Venue
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.trading.strategy import Strategy

PACKAGE = "nautilus_trader"


class Imbalance(Strategy):
    """Reads the book at each event and adds up the imbalance."""

    def __init__(self, instrument_id: object) -> None:
        super().__init__()
        self.book_of = instrument_id
        self.total = 0.0
        self.touch = [0.0, 0.0]

    def on_start(self) -> None:
        """Ask for every change, applied to a book that the engine keeps."""
        self.subscribe_order_book_deltas(self.book_of, book_type=BookType.L2_MBP)

    def on_order_book_deltas(self, deltas: object) -> None:
        """Read the imbalance."""
        del deltas
        book = self.cache.order_book(self.book_of)
        bid, ask = book.best_bid_size(), book.best_ask_size()
        if bid is not None and ask is not None:
            bid_size, ask_size = float(bid), float(ask)
            self.total += (bid_size - ask_size) / (bid_size + ask_size)


def prepare(case: str, option: str) -> Callable[[], Callable[[], list[float]]]:
    """Return what makes one round."""
    events = np.load(case)
    levels = events[(events["kind"] == 1) | (events["kind"] == 32)][: int(option)]
    instrument = TestInstrumentProvider.btcusdt_perp_binance()
    deltas = [_delta(instrument, event) for event in levels]

    def fresh() -> Callable[[], list[float]]:
        engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
        engine.add_venue(
            Venue("BINANCE"),
            OmsType.NETTING,
            AccountType.MARGIN,
            [Money(1_000_000, USDT)],
            book_type=BookType.L2_MBP,
        )
        engine.add_instrument(instrument)
        engine.add_data(deltas)
        strategy = Imbalance(instrument.id)
        engine.add_strategy(strategy)

        def play() -> list[float]:
            engine.run()
            book = engine.cache.order_book(instrument.id)
            touch = [float(book.best_bid_price()), float(book.best_ask_price())]
            if strategy.total == 0.0:
                raise RuntimeError("the strategy read nothing")
            engine.dispose()
            return touch

        return play

    return fresh


def _delta(instrument: object, event: np.void) -> OrderBookDelta:
    if event["kind"] == 32:
        action, flags = BookAction.CLEAR, RecordFlag.F_SNAPSHOT
    else:
        action = BookAction.UPDATE if event["size"] > 0.0 else BookAction.DELETE
        flags = RecordFlag.F_LAST
    order = BookOrder(
        OrderSide.BUY if event["side"] > 0 else OrderSide.SELL,
        Price(float(event["price"]), 1),
        Quantity(float(event["size"]), 3),
        0,
    )
    received_ns = int(event["received_ns"])
    return OrderBookDelta(instrument.id, action, order, int(flags), 0, received_ns, received_ns)
