"""Members: which instruments may be compared, as plain tables that the kernels read.

Rules:

1. Comparable are instruments of one base asset that are quoted in the dollar or in a stablecoin of it.
   Options and other quotes are left out.
2. An instrument joins when it first shows a price, in the order of its number, and keeps its slot for good.
   So a venue's listing of thousands costs nothing until it trades, and the order depends on the board alone.
3. A stablecoin is compared with its peg (`peg`), never as an underlying.
4. A member tells a stablecoin's price directly (`USDC/USDT` tells USDC), else by its inverse (`USDC/USDT`
   tells USDT), else as a synthetic (`BTC/USDC` beside `BTC/USDT` tells USDC): the first of these that its
   venue has, never two of them.
"""

import math
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.instrument import Instrument, Instruments

MEMBERS_MAX: Final = 512
UNDERLYINGS_MAX: Final = 64
VENUES_MAX: Final = 64

# Dollar stablecoins, the deepest numeraire first: where nothing else decides, the earlier one is the measure.
STABLECOINS: Final = (
    "USDT", "USDC", "BUSD", "FDUSD", "DAI", "TUSD", "USDE", "PYUSD", "USDP", "PAX", "GUSD", "FRAX", "LUSD",
    "USDD", "UST", "USTC", "SUSD", "CRVUSD", "GHO", "RLUSD", "USD1", "USDS", "MIM", "USDN", "HUSD", "USD0",
    "USDG", "USDB",
)  # fmt: skip
COINS: Final = len(STABLECOINS)
USD: Final = -1
NONE: Final = -1
_COIN_OF: Final = {name: number for number, name in enumerate(STABLECOINS)}
_SAME_ASSET: Final = {"XBT": "BTC"}

# how a member tells a stablecoin's price, best first
TELLS_NOTHING: Final = 0
DIRECT: Final = 1
INVERSE: Final = 2
SYNTHETIC: Final = 3

MEMBER: Final = np.dtype(
    [
        ("instrument", "i4"),
        ("group", "i4"),  # underlying, NONE for a stablecoin
        ("venue", "i4"),
        ("base_coin", "i4"),  # stablecoin that is bought, or NONE
        ("quote_coin", "i4"),  # stablecoin that pays, or USD
        ("anchor", "i4"),  # slot of the same base on the same venue in a better numeraire, or NONE
        ("tells_base", "i4"),
        ("tells_quote", "i4"),
        ("spot", "?"),
    ]
)


class Members:
    """The tables of who is compared with whom; `admit` lets instruments in as they get a price.

    Shape: `table` (MEMBERS_MAX,) of MEMBER; `order` holds the slots of underlyings sorted by group and venue,
    group g at `offset[g]:offset[g + 1]`; `tellers` the slots that tell a stablecoin's price. `sizes` counts
    members, groups, venues and tellers. Cost: 1 us a sweep for 1000 that wait, 1 ms for one that joins.
    """

    def __init__(self, instruments: Instruments) -> None:
        self.instruments = instruments
        self.table: NDArray[np.void] = np.zeros(MEMBERS_MAX, dtype=MEMBER)
        self.order: NDArray[np.int32] = np.zeros(MEMBERS_MAX, dtype=np.int32)
        self.offset: NDArray[np.int32] = np.zeros(UNDERLYINGS_MAX + 1, dtype=np.int32)
        self.tellers: NDArray[np.int32] = np.zeros(MEMBERS_MAX, dtype=np.int32)
        self.sizes: NDArray[np.int64] = np.zeros(4, dtype=np.int64)
        self.comparable: NDArray[np.bool_] = np.zeros(0, dtype=np.bool_)
        self.waiting: NDArray[np.bool_] = np.zeros(0, dtype=np.bool_)

    @property
    def count(self) -> int:
        """Return how many instruments are members."""
        return int(self.sizes[0])

    @property
    def groups(self) -> int:
        """Return how many underlyings there are."""
        return int(self.sizes[1])

    @property
    def venues(self) -> int:
        """Return how many venues there are."""
        return int(self.sizes[2])

    @property
    def left_out(self) -> int:
        """Return how many instruments found no room (MEMBERS_MAX, UNDERLYINGS_MAX, VENUES_MAX)."""
        return int(np.count_nonzero(self.comparable & ~self.waiting)) - self.count

    def slot_of(self, instrument: int) -> int:
        """Return the slot of an instrument, or NONE."""
        found = np.flatnonzero(self.table["instrument"][: self.count] == instrument)
        return int(found[0]) if len(found) else NONE

    def arrays(self) -> tuple[NDArray[np.generic], ...]:
        """Return every array, in a fixed order (for snapshots and digests).

        Who is waiting follows from these and from the instruments; it is left out, since it also shows how
        far ahead a reader has numbered instruments that have not spoken yet.
        """
        return (self.table, self.order, self.offset, self.tellers, self.sizes)

    def admit(self, board: NDArray[np.void]) -> None:
        """Let in every waiting instrument that shows a price now."""
        known = len(self.waiting)
        if len(self.instruments) > known:
            more = np.array([_is_comparable(i) for i in self.instruments.all[known:]], dtype=np.bool_)
            self.comparable = np.concatenate([self.comparable, more])
            self.waiting = np.concatenate([self.waiting, more])
            members = self.table["instrument"][: self.count]
            self.waiting[members[members >= known]] = False
        number = first_priced(self.waiting, board, 0)
        if number < 0:
            return
        while number >= 0:
            self.waiting[number] = False
            self._admit(number)
            number = first_priced(self.waiting, board, number + 1)
        self._relate()

    def _admit(self, number: int) -> None:
        instrument = self.instruments[number]
        base = _asset(instrument)
        coin = _COIN_OF.get(base, NONE)
        group = NONE if coin >= 0 else self._group_of(base)
        venue = self._venue_of(instrument.venue)
        if self.count == MEMBERS_MAX or group == UNDERLYINGS_MAX or venue == VENUES_MAX:
            return
        self.sizes[1] = max(self.groups, group + 1)
        self.sizes[2] = max(self.venues, venue + 1)
        quote = USD if instrument.quote == "USD" else _COIN_OF[instrument.quote]
        spot = instrument.kind == "spot"
        self.table[self.count] = (number, group, venue, coin, quote, NONE, TELLS_NOTHING, TELLS_NOTHING, spot)
        self.sizes[0] += 1

    def _group_of(self, base: str) -> int:
        for member in self.table[: self.count]:
            if member["group"] != NONE and _asset(self.instruments[int(member["instrument"])]) == base:
                return int(member["group"])
        return self.groups

    def _venue_of(self, venue: str) -> int:
        for member in self.table[: self.count]:
            if self.instruments[int(member["instrument"])].venue == venue:
                return int(member["venue"])
        return self.venues

    def _relate(self) -> None:
        """Work out order, anchors and who tells what, anew from the table."""
        table = self.table[: self.count]
        slots = [slot for slot in range(self.count) if table["group"][slot] != NONE]
        slots.sort(key=lambda slot: (int(table["group"][slot]), int(table["venue"][slot]), slot))
        self.order[: len(slots)] = slots
        self.offset[:] = [sum(1 for s in slots if table["group"][s] < g) for g in range(UNDERLYINGS_MAX + 1)]
        spot = table["spot"]
        for slot in range(self.count):
            better = np.flatnonzero(
                spot
                & (table["group"] == table["group"][slot])
                & (table["venue"] == table["venue"][slot])
                & (table["quote_coin"] < table["quote_coin"][slot])
            )
            is_priced_twice = spot[slot] and table["group"][slot] != NONE and len(better) > 0
            best = min(better, key=lambda s: int(table["quote_coin"][s])) if is_priced_twice else NONE
            table["anchor"][slot] = best
        table["tells_base"] = np.where(spot & (table["base_coin"] != NONE), DIRECT, TELLS_NOTHING)
        for slot in range(self.count):
            table["tells_quote"][slot] = self._how_quote_is_told(table, slot)
        tellers = np.flatnonzero((table["tells_base"] > 0) | (table["tells_quote"] > 0))
        self.tellers[: len(tellers)] = tellers
        self.sizes[3] = len(tellers)

    def _how_quote_is_told(self, table: NDArray[np.void], slot: int) -> int:
        coin, venue = table["quote_coin"][slot], table["venue"][slot]
        if coin == USD or not table["spot"][slot]:
            return TELLS_NOTHING
        here = table["spot"] & (table["venue"] == venue)
        if np.any(here & (table["base_coin"] == coin)):
            return TELLS_NOTHING
        if table["base_coin"][slot] != NONE:
            return INVERSE
        has_inverse = np.any(here & (table["quote_coin"] == coin) & (table["base_coin"] != NONE))
        return SYNTHETIC if table["anchor"][slot] != NONE and not has_inverse else TELLS_NOTHING


@njit(cache=True)
def first_priced(waiting: np.ndarray, board: np.ndarray, first: int) -> int:
    """Return the first waiting instrument from `first` on that shows a trusted price, or -1."""
    for number in range(first, min(len(waiting), len(board))):
        if waiting[number] and board[number].trusted and not math.isnan(board[number].price):
            return number
    return -1


def _asset(instrument: Instrument) -> str:
    return _SAME_ASSET.get(instrument.base, instrument.base)


def _is_comparable(instrument: Instrument) -> bool:
    is_dollar = instrument.quote == "USD" or instrument.quote in _COIN_OF
    return is_dollar and instrument.kind != "option" and bool(instrument.base) and instrument.base != "USD"
