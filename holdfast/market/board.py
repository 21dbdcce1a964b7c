"""The board: what every instrument shows right now, one structured row each; detectors across instruments read it.

Rules:

1. Whatever is unknown is NaN (a time: 0), never zero.
2. `price` is the reference price that everything else uses: the mid of a live book or of a fresh ticker, else the last
   trade, else the last bar's close. It is NaN while nothing fresh is known (a stale price is no price).
3. Prices are in quote units (options of inverse venues: in coin, as quoted). Volatilities are fractions a year.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

BOARD: Final = np.dtype(
    [
        ("price", "f8"),
        ("price_ns", "i8"),  # received_ns of the row that set it
        ("bid", "f8"),
        ("ask", "f8"),
        ("bid_size", "f8"),
        ("ask_size", "f8"),
        ("quote_ns", "i8"),  # received_ns of the last change of bid or ask
        ("last", "f8"),  # last trade
        ("last_ns", "i8"),
        ("mark", "f8"),
        ("index", "f8"),
        ("funding", "f8"),
        ("open_interest", "f8"),
        ("bid_vol", "f8"),
        ("ask_vol", "f8"),
        ("mark_vol", "f8"),
        ("forward", "f8"),
        ("delta", "f8"),
        ("row_ns", "i8"),  # received_ns of the last row of any kind
        ("exchange_ns", "i8"),  # newest venue time seen
        ("trusted", "?"),  # feed trust has no objection
        ("has_bid", "?"),  # False once the venue said there is none (QUOTE_PULLED) until it quotes again
        ("has_ask", "?"),
    ]
)

Board = NDArray[np.void]


def new_board(count: int) -> Board:
    """Return a board on which nothing is known. Shape: (count,)."""
    board = np.zeros(count, dtype=BOARD)
    for name in BOARD.names or ():
        if BOARD[name] == np.float64:
            board[name] = np.nan
    board["trusted"] = True
    return board
