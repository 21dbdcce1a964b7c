"""Pegs: what one stablecoin is worth in dollars, on each venue and overall.

Rules:

1. A coin's dollar price is the median over venues of its own dollar pairs, else of its synthetics against the
   dollar (`BTC/USD` over `BTC/USDT` on one venue). Such a price is anchored.
2. Without those it follows from its pairs with coins whose price is known. A coin that only pays for others
   is the numeraire: when three or more coins are quoted in it, their median is at one dollar (all of them
   leaving together is less likely than the one leaving), else the numeraire is taken at one dollar.
3. A member tells a coin's price here and now only while its own price is fresh; the last known price counts
   for the overall one for `SEEN_NS_MAX`.
"""

import math
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.clock import MINUTE_NS
from holdfast.market.member import COINS, INVERSE, MEMBERS_MAX, NONE, SYNTHETIC, USD, Members

SEEN_NS_MAX: Final = 15 * MINUTE_NS  # a thin dollar pair skips up to a quarter of an hour in calm markets
NUMERAIRE_CROSSES_MIN: Final = 3
# an inverse speaks about the quote only while its base, here and overall, is this close to a dollar
AT_PEG_MAX: Final = 0.005

UNKNOWN: Final = 0
DERIVED: Final = 1
ANCHORED: Final = 2


class Pegs:
    """Dollar prices of stablecoins.

    Units: dollars. Shape: `told` (MEMBERS_MAX, 2) by member and side, 0 the base coin and 1 the quote coin,
    NaN where it tells nothing now; `coin_price` (COINS,), NaN if unknown; `coin_known` UNKNOWN, DERIVED or
    ANCHORED.
    Cost: 3 us for 40 telling members. Limits: where only one numeraire is on the tape and fewer than three
    coins are quoted in it, a premium of the numeraire looks like a discount of the coin.
    """

    def __init__(self) -> None:
        self.held: NDArray[np.float64] = np.full(MEMBERS_MAX, np.nan)
        self.held_ns: NDArray[np.int64] = np.zeros(MEMBERS_MAX, dtype=np.int64)
        self.told: NDArray[np.float64] = np.full((MEMBERS_MAX, 2), np.nan)
        self.coin_price: NDArray[np.float64] = np.full(COINS, np.nan)
        self.coin_known: NDArray[np.int8] = np.zeros(COINS, dtype=np.int8)
        self._scratch = np.zeros(MEMBERS_MAX)

    def arrays(self) -> tuple[NDArray[np.generic], ...]:
        """Return every array of the memory, in a fixed order."""
        return (self.held, self.held_ns, self.told, self.coin_price, self.coin_known)

    def sweep(self, now_ns: int, board: NDArray[np.void], members: Members) -> None:
        """Price every coin as of now."""
        price_coins(
            now_ns, board, members.table, members.count, members.tellers[: members.sizes[3]],
            self.held, self.held_ns, self.told, self.coin_price, self.coin_known, self._scratch,
        )  # fmt: skip


@njit(cache=True)
def price_coins(now_ns, board, table, count, tellers, held, held_ns, told, coin_price, coin_known, scratch):
    """Fill `told`, `coin_price` and `coin_known` as of now; see Pegs."""
    for k in range(count):
        told[k, 0] = math.nan
        told[k, 1] = math.nan
        b = board[table[k].instrument]
        if b.trusted and b.price > 0.0:
            held[k] = b.price
            held_ns[k] = b.price_ns
    if len(tellers) == 0:
        return
    oldest_ns = now_ns - SEEN_NS_MAX
    for coin in range(COINS):
        coin_price[coin] = math.nan
        coin_known[coin] = UNKNOWN
        found = _dollar_pairs(coin, table, tellers, held, held_ns, oldest_ns, scratch)
        if found == 0:
            found = _synthetics(
                coin, table, tellers, held, held_ns, oldest_ns, coin_price, coin_known, True, scratch
            )
        if found > 0:
            coin_price[coin] = middle_near(scratch, found, 1.0)
            coin_known[coin] = ANCHORED
    for coin in range(COINS):
        if coin_known[coin] == UNKNOWN:
            _derive(coin, table, tellers, held, held_ns, oldest_ns, coin_price, coin_known, scratch)
    for k in tellers:
        m = table[k]
        b = board[m.instrument]
        if not (b.trusted and b.price > 0.0):
            continue
        paid_in = 1.0 if m.quote_coin == USD else coin_price[m.quote_coin]
        if m.tells_base > 0:
            told[k, 0] = b.price * paid_in
        if m.tells_quote == INVERSE:
            base_price = coin_price[m.base_coin]
            is_at_peg = abs(base_price - 1.0) <= AT_PEG_MAX and abs(told[k, 0] - 1.0) <= AT_PEG_MAX
            if coin_known[m.base_coin] == ANCHORED and is_at_peg:
                told[k, 1] = base_price / b.price
        elif m.tells_quote == SYNTHETIC:
            a = table[m.anchor]
            other = board[a.instrument]
            if other.trusted and other.price > 0.0:
                told[k, 1] = (
                    other.price * (1.0 if a.quote_coin == USD else coin_price[a.quote_coin]) / b.price
                )


@njit(cache=True)
def _dollar_pairs(coin, table, tellers, held, held_ns, oldest_ns, out):
    found = 0
    for k in tellers:
        if (
            table[k].base_coin == coin
            and table[k].quote_coin == USD
            and held_ns[k] >= oldest_ns
            and held[k] > 0.0
        ):
            out[found] = held[k]
            found += 1
    return found


@njit(cache=True)
def _synthetics(coin, table, tellers, held, held_ns, oldest_ns, coin_price, coin_known, in_dollars, out):
    """Collect anchor over member for each member that pays in the coin; in dollars only, or in any coin known
    so far."""
    found = 0
    for k in tellers:
        m = table[k]
        if m.quote_coin != coin or m.tells_quote != SYNTHETIC or m.anchor == NONE:
            continue
        a = m.anchor
        numeraire = table[a].quote_coin
        if numeraire != USD and (in_dollars or coin_known[numeraire] == UNKNOWN):
            continue
        if held_ns[k] >= oldest_ns and held_ns[a] >= oldest_ns and held[k] > 0.0 and held[a] > 0.0:
            out[found] = held[a] * (1.0 if numeraire == USD else coin_price[numeraire]) / held[k]
            found += 1
    return found


@njit(cache=True)
def _derive(coin, table, tellers, held, held_ns, oldest_ns, coin_price, coin_known, out):
    """Price a coin that has no tie to the dollar: by coins that are known, else as the numeraire of
    others."""
    found = 0
    for k in tellers:
        m = table[k]
        if (
            m.base_coin == coin
            and held_ns[k] >= oldest_ns
            and held[k] > 0.0
            and coin_known[m.quote_coin] != UNKNOWN
        ):
            out[found] = held[k] * coin_price[m.quote_coin]
            found += 1
    if found == 0:
        found = _synthetics(
            coin, table, tellers, held, held_ns, oldest_ns, coin_price, coin_known, False, out
        )
    if found > 0:
        coin_price[coin] = middle_near(out, found, 1.0)
        coin_known[coin] = DERIVED
        return
    pays = False
    for k in tellers:
        m = table[k]
        pays = pays or m.quote_coin == coin or (m.anchor != NONE and table[m.anchor].quote_coin == coin)
    if pays:
        coin_price[coin] = _numeraire(coin, table, tellers, held, held_ns, oldest_ns, out)
        coin_known[coin] = DERIVED


@njit(cache=True)
def _numeraire(coin, table, tellers, held, held_ns, oldest_ns, out):
    """Price a numeraire by the coins quoted in it, each one vote, if they are enough; else call it a
    dollar."""
    votes = 0
    for other in range(COINS):
        found = 0
        for k in tellers:
            m = table[k]
            if m.quote_coin == coin and m.base_coin == other and held_ns[k] >= oldest_ns and held[k] > 0.0:
                out[votes + found] = held[k]
                found += 1
        if found > 0:
            out[votes] = middle_near(out[votes:], found, 1.0)
            votes += 1
    return 1.0 / middle_near(out, votes, 1.0) if votes >= NUMERAIRE_CROSSES_MIN else 1.0


@njit(cache=True)
def middle_near(values, count, near):
    """Return the median of the first `count` values (which it sorts); of two in the middle, the one nearer to
    `near`."""
    sort_first(values, count)
    low, high = values[(count - 1) // 2], values[count // 2]
    return low if abs(low - near) <= abs(high - near) else high


@njit(cache=True)
def sort_first(values, count):
    """Sort the first `count` values in place; insertion, for the few that there are."""
    for i in range(1, count):
        value = values[i]
        j = i - 1
        while j >= 0 and values[j] > value:
            values[j + 1] = values[j]
            j -= 1
        values[j + 1] = value
