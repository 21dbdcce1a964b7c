"""Rows about an option chain: its contract terms, and what a look at it leaves behind.

Whatever is unknown is NaN, never zero. Prices are as quoted: in coin for inverse options, in quote units for
linear ones.
"""

from typing import Any, Final, TypeAlias

import numpy as np

# A row or a table of rows inside a kernel: numba knows the fields, a type checker cannot.
Row: TypeAlias = Any
Table: TypeAlias = Any

OPTION: Final = np.dtype(
    [
        ("instrument", "i4"),
        ("expiry", "i4"),  # which row of the chain's expiries
        ("expiry_ns", "i8"),
        ("strike", "f8"),
        ("is_call", "?"),
        ("inverse", "?"),  # priced and settled in coin
    ]
)

LOOK: Final = np.dtype(
    [
        ("time_ns", "i8"),  # when the chain was last looked at
        ("fresh", "?"),  # this sweep looked at it; if False all else is from time_ns
        ("trusted", "?"),  # chain_quality has no objection; it sets this, stress detectors obey it
        ("options", "i4"),  # alive and seen
        ("expiries", "i4"),  # with a volatility
        ("volatility_7d", "f8"),  # at the money, constant maturity
        ("volatility_30d", "f8"),
        ("volatility_90d", "f8"),
        ("slope", "f8"),  # log(volatility_7d / volatility_90d); positive is inverted
        ("skew_30d", "f8"),  # 25-delta put minus call
        ("butterfly_30d", "f8"),
        ("width_volatility", "f8"),  # mean bid-ask of options with delta 0.25 to 0.75
        ("bid_share", "f8"),  # of the options worth quoting
        ("ask_share", "f8"),
        ("both_share", "f8"),
        ("incomplete", "f8"),  # share of those worth quoting that lack bid, ask, forward or volatility
        ("otm_missing", "f8"),  # of those worth quoting and out of the money, the share without bid or ask
        ("no_forward", "f8"),  # share without forward, 0 where the whole chain has none
        ("stale", "f8"),  # share not heard of for STALE_S while the chain speaks
        ("crossed", "f8"),  # share with bid above ask
        ("age_s", "f8"),  # mean age of the options' last rows
        ("parity", "f8"),  # median distance of pairs from parity, in synthetic spreads; 0.5 is the edge
    ]
)

EXPIRY: Final = np.dtype(
    [
        ("expiry_ns", "i8"),
        ("years", "f8"),
        ("forward", "f8"),  # the venue's, else from parity across strikes
        ("from_parity", "?"),
        ("strikes", "i4"),  # with a volatility
        ("volatility", "f8"),  # at the money
        ("skew", "f8"),
        ("butterfly", "f8"),
    ]
)

PAIR: Final = np.dtype(
    [
        ("call_id", "i4"),  # instrument numbers
        ("put_id", "i4"),
        ("expiry", "i4"),  # which row of the chain's expiries
        ("strike", "f8"),
        ("inverse", "?"),
        ("bid", "f8"),  # what one gets for call minus put, NaN unless both legs are quoted
        ("ask", "f8"),
        ("mark", "f8"),  # call minus put at the venue's marks
        ("reference", "f8"),  # the legs' own forward, else index: a price that moves with the forward
    ]
)


def new_rows(dtype: np.dtype[np.void], count: int) -> np.ndarray:
    """Return rows in which nothing is known. Shape: (count,)."""
    rows = np.zeros(count, dtype=dtype)
    for name in dtype.names or ():
        if dtype[name] == np.dtype("f8"):
            rows[name] = np.nan
    return rows


def with_room(memory: np.ndarray, count: int) -> np.ndarray:
    """Return a memory with at least `count` rows along its first axis, new ones zero."""
    missing = count - len(memory)
    if missing <= 0:
        return memory
    return np.concatenate([memory, np.zeros((missing, *memory.shape[1:]), dtype=memory.dtype)])
