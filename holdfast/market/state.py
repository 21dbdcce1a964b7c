"""The memory of the market stage: one structured row an instrument, plus the wide arrays beside it.

All of it is numpy, allocated once for a capacity and grown by doubling, so memory is bounded by the number of instruments,
a snapshot is these arrays, and a digest is a hash over them.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from holdfast.instrument import Instruments
from holdfast.market.board import new_board
from holdfast.market.book import LEVELS_MAX, NO_HORIZON
from holdfast.market.past import new_past

RING_SECONDS: Final = 1024  # log prices kept, one a second: covers the longest move window (900 s)
LATENCY_BINS: Final = 512

# the pasts kept for every instrument, each a histogram of its own history (see `past`)
PAST_MOVE_1M: Final = 0
PAST_SPREAD: Final = 1
PAST_DEPTH_BID: Final = 2
PAST_DEPTH_ASK: Final = 3
PAST_TURNOVER: Final = 4  # notional traded a minute
PAST_VOLATILITY: Final = 5
PAST_LATENCY: Final = 6
PAST_SILENCE: Final = 7  # seconds between rows, as seen at the sweeps
PAST_IMPACT: Final = 8
PASTS: Final = 9

STATE: Final = np.dtype(
    [
        ("is_option", "?"),
        ("is_inverse", "?"),  # its size already is in quote units
        # book
        ("slot", "i4"),  # where its levels lie, -1 while it has none
        ("book", "u1"),
        ("bids", "i4"),
        ("asks", "i4"),
        ("horizon_bid", "i8"),
        ("horizon_ask", "i8"),
        ("book_bid", "i8"),  # best price in units after the last message, 0 none
        ("book_ask", "i8"),
        ("book_bid_size", "i8"),
        ("book_ask_size", "i8"),
        ("imbalance", "f8"),
        ("microprice", "f8"),
        ("crossed", "f8"),  # leaky count of messages after which bid >= ask
        ("unserved", "i8"),  # LEVEL rows that no live book could take
        ("gaps", "i8"),
        ("gap_ns", "i8"),  # when the book went stale, 0 if it is not
        ("gap_reason", "f8"),
        ("changes_bid", "f8"),  # decayed number of changes of the side's best levels, half-life one minute
        ("changes_ask", "f8"),
        ("change_bid_ns", "i8"),
        ("change_ask_ns", "i8"),
        ("messages_since_bid", "f8"),  # changes of the ask since the last one of the bid, and the other way
        ("messages_since_ask", "f8"),
        ("frozen_bid", "f8"),  # leaky counts of evidence that a side no longer moves with the market
        ("frozen_ask", "f8"),
        # depth bands, where a source gives those instead of a book
        ("band_bps", "f8", (2,)),
        ("band_depth", "f8", (2,)),
        ("band_price", "f8", (2,)),
        ("band_same", "f8", (2,)),
        ("band_ns", "i8"),
        # clocks
        ("messages", "i8"),
        ("latency_min_ns", "i8"),
        ("latency_max_ns", "i8"),
        ("latency_second_ns", "i8"),  # largest in the running second
        ("times_bad", "i8"),
        ("times_bad_seen", "i8"),
        ("rows", "i8"),
        ("rows_second", "i8"),
        ("source", "u1"),  # bit set of what was ever seen: see SOURCE_*
        # since the last sweep
        ("turnover", "f8"),
        ("signed_turnover", "f8"),
        ("trades", "i8"),
        ("liquidated", "f8"),  # signed notional of forced orders
        ("flow", "f8"),  # order-flow imbalance at the touch, in size units
        ("jump", "f8"),  # largest log step between two consecutive reference prices
        ("log_price", "f8"),  # at the last change
        # over sweeps
        ("swept_ns", "i8"),
        ("active_ns", "i8"),  # the last sweep before which rows had arrived
        ("ring_second", "i8"),  # the newest second in the ring
        ("ring_first", "i8"),  # the first second ever
        ("sampled_ns", "i8"),
        ("var_1m", "f8"),
        ("var_5m", "f8"),
        ("var_1h", "f8"),
        ("turnover_1m", "f8"),
        ("signed_1m", "f8"),
        ("trades_1m", "f8"),
        ("liquidated_1m", "f8"),
        ("flow_1m", "f8"),
        ("interest_slow", "f8"),
        ("impact_xx", "f8"),  # decayed sums behind Kyle's lambda and Amihud's ratio
        ("impact_xy", "f8"),
        ("impact_abs", "f8"),
        ("impact_turnover", "f8"),
        ("depth_bid", "f8"),  # smoothed depth next to the touch, in notional
        ("depth_ask", "f8"),
        ("depth_bps", "f8"),
        ("low_1m", "f8"),
        ("high_1m", "f8"),
        ("trip_low", "f8"),  # log prices beyond which the engine looks at once instead of at the second's end
        ("trip_high", "f8"),
        ("trip_ns", "i8"),  # since when the price has been beyond, 0 if it is not
    ]
)

SOURCE_BOOK: Final = 1
SOURCE_TOP: Final = 2
SOURCE_TRADE: Final = 4
SOURCE_BAR: Final = 8
SOURCE_BAND: Final = 16
SOURCE_OPTION: Final = 32
SOURCE_LIQUIDATION: Final = 64


_UNKNOWN: Final = (
    *("imbalance", "microprice", "log_price", "depth_bid", "depth_ask", "depth_bps", "interest_slow"),
    *("band_bps", "band_depth", "band_price", "var_1m", "var_5m", "var_1h"),
)
_ARRAYS: Final = ("state", "board", "ring", "pasts", "latency", "steps")


class Market:
    """Everything remembered about every instrument.

    Shape: every array (capacity, ...), but keys and sizes (books, 2, LEVELS_MAX): only instruments with a book have levels.
    """

    def __init__(self, capacity: int = 8) -> None:
        self.capacity = capacity
        self.state: NDArray[np.void] = _new_state(capacity)
        self.board: NDArray[np.void] = new_board(capacity)
        self.books = 0
        self._fitted = 0
        self.keys: NDArray[np.int64] = np.zeros((1, 2, LEVELS_MAX), dtype=np.int64)
        self.sizes: NDArray[np.int64] = np.zeros((1, 2, LEVELS_MAX), dtype=np.int64)
        self.ring: NDArray[np.float64] = np.full((capacity, RING_SECONDS), np.nan)
        self.pasts: NDArray[np.float64] = new_past(capacity, PASTS)
        self.latency: NDArray[np.int64] = np.zeros((capacity, LATENCY_BINS), dtype=np.int64)
        self.steps: NDArray[np.float64] = np.ones((capacity, 2))  # price and size of one unit

    def fit(self, instruments: Instruments) -> None:
        """Make room for every instrument and learn the grids of new ones."""
        count = len(instruments)
        while count > self.capacity:
            self._double()
        for number in range(self._fitted, count):
            instrument = instruments[number]
            self.steps[number, 0] = 10.0**-instrument.price_decimals
            self.steps[number, 1] = 10.0**-instrument.size_decimals
            self.state[number]["is_option"] = instrument.kind == "option"
            self.state[number]["is_inverse"] = instrument.inverse
        self._fitted = count

    def give_book(self, instrument: int) -> None:
        """Give an instrument room for the levels of a book."""
        if self.books == len(self.keys):
            for name in ("keys", "sizes"):
                levels = getattr(self, name)
                setattr(self, name, np.concatenate([levels, np.zeros_like(levels)]))
        self.state[instrument]["slot"] = self.books
        self.books += 1

    def arrays(self) -> tuple[NDArray[np.generic], ...]:
        """Return every array of the memory, in a fixed order."""
        return (*(getattr(self, name) for name in _ARRAYS), self.keys[: self.books], self.sizes[: self.books])

    def _double(self) -> None:
        fresh = Market(2 * self.capacity)
        for name in _ARRAYS:
            array = getattr(fresh, name)
            array[: self.capacity] = getattr(self, name)
            setattr(self, name, array)
        self.capacity *= 2


def _new_state(capacity: int) -> NDArray[np.void]:
    state = np.zeros(capacity, dtype=STATE)
    for name in _UNKNOWN:
        state[name] = np.nan
    state["trip_low"] = -np.inf
    state["trip_high"] = np.inf
    state["slot"] = -1
    state["horizon_bid"] = state["horizon_ask"] = NO_HORIZON
    state["latency_min_ns"] = 2**62
    state["latency_second_ns"] = -(2**62)
    state["latency_max_ns"] = -(2**62)
    return state
