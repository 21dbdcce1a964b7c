"""Pegs: what one stablecoin is worth in dollars, on each venue and overall.

Rules:

1. A coin's dollar price is the median over venues of its own dollar pairs, else of its synthetics against the
   dollar (`BTC/USD` over `BTC/USDT` on one venue). Such a price is anchored.
2. Without those it follows from its pairs with coins whose price is known. A coin that only pays for others
   is the numeraire: when three or more coins are quoted in it, their median is at one dollar (all of them
   leaving together is less likely than the one leaving), else the numeraire is taken at one dollar.
3. A numeraire is slow: a coin's overall price is the median of five minutes, so that one odd print of one
   pair does not move everything that is quoted in it.
4. A member tells a coin's price here and now only while its own price is fresh; the last known price counts
   for the overall one for `SEEN_NS_MAX`.
"""

import math
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.clock import MINUTE_NS, SECOND_NS
from holdfast.market.member import COINS, INVERSE, MEMBERS_MAX, NONE, SYNTHETIC, USD, Members

SEEN_NS_MAX: Final = 15 * MINUTE_NS  # a thin dollar pair skips up to a quarter of an hour in calm markets
SLOT_NS: Final = 15 * SECOND_NS
SLOTS: Final = 20
NEW_NS_MAX: Final = 75 * SECOND_NS  # a price older than a minute bar adds nothing to the median
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
        self.coin_past: NDArray[np.float64] = np.full((COINS, SLOTS), np.nan)
        self.coin_slot: NDArray[np.int64] = np.zeros(COINS, dtype=np.int64)
        self.coin_known: NDArray[np.int8] = np.zeros(COINS, dtype=np.int8)
        self._scratch = np.zeros(MEMBERS_MAX)

    def arrays(self) -> tuple[NDArray[np.generic], ...]:
        """Return every array of the memory, in a fixed order."""
        past = (self.coin_past, self.coin_slot)
        return (self.held, self.held_ns, self.told, self.coin_price, self.coin_known, *past)

    def sweep(self, now_ns: int, board: NDArray[np.void], members: Members) -> None:
        """Price every coin as of now."""
        tellers = members.tellers[: members.sizes[3]]
        hold(board, members.table, members.count, self.held, self.held_ns, self.told)
        if len(tellers) > 0:
            price_coins(
                now_ns, members.table, tellers, self.held, self.held_ns, self.coin_price, self.coin_known,
                self.coin_past, self.coin_slot, self._scratch,
            )  # fmt: skip
            tell(board, members.table, tellers, self.coin_price, self.coin_known, self.told)


@njit(cache=True)
def hold(board, table, count, held, held_ns, told):
    """Keep every member's last trusted price, and forget what was told."""
    for k in range(count):
        told[k, 0] = math.nan
        told[k, 1] = math.nan
        b = board[table[k].instrument]
        if b.trusted and b.price > 0.0:
            held[k] = b.price
            held_ns[k] = b.price_ns


@njit(cache=True)
def price_coins(now_ns, table, tellers, held, held_ns, coin_price, coin_known, past, slot, scratch):
    """Price every coin in dollars, best evidence first; see the rules above."""
    oldest_ns = now_ns - SEEN_NS_MAX
    for coin in range(COINS):
        coin_price[coin] = math.nan
        coin_known[coin] = UNKNOWN
        found, newest_ns = _dollar_pairs(coin, table, tellers, held, held_ns, oldest_ns, scratch)
        if found == 0:
            found, newest_ns = _synthetics(
                coin, table, tellers, held, held_ns, oldest_ns, coin_price, coin_known, True, scratch
            )
        if found > 0:
            coin_price[coin] = middle_near(scratch, found, 1.0)
            coin_known[coin] = ANCHORED
            _slow_down(now_ns, newest_ns, coin, coin_price, past, slot, scratch)
    for coin in range(COINS):
        if coin_known[coin] == UNKNOWN:
            newest_ns = _derive(
                now_ns, coin, table, tellers, held, held_ns, oldest_ns, coin_price, coin_known, scratch
            )
            if coin_known[coin] == DERIVED:
                _slow_down(now_ns, newest_ns, coin, coin_price, past, slot, scratch)


@njit(cache=True)
def _slow_down(now_ns, newest_ns, coin, coin_price, past, slot, scratch):
    """Replace a coin's price by the median of its last five minutes; only a new price joins them."""
    now_slot = now_ns // SLOT_NS
    if now_ns - newest_ns <= NEW_NS_MAX:
        is_pause = (now_slot - slot[coin]) * SLOT_NS > NEW_NS_MAX
        before = math.nan if is_pause else past[coin, slot[coin] % SLOTS]
        for back in range(1, min(now_slot - slot[coin], SLOTS)):
            past[coin, (now_slot - back) % SLOTS] = before
        past[coin, now_slot % SLOTS] = coin_price[coin]
        slot[coin] = now_slot
    found = 0
    for i in range(SLOTS):
        if not math.isnan(past[coin, i]):
            scratch[found] = past[coin, i]
            found += 1
    if found > 0:
        coin_price[coin] = middle_near(scratch, found, coin_price[coin])


@njit(cache=True)
def tell(board, table, tellers, coin_price, coin_known, told):
    """Write what each member tells of its base and quote coin, from prices that are fresh now."""
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
                numeraire = 1.0 if a.quote_coin == USD else coin_price[a.quote_coin]
                told[k, 1] = other.price * numeraire / b.price


@njit(cache=True)
def _dollar_pairs(coin, table, tellers, held, held_ns, oldest_ns, out):
    """Collect the coin's dollar pairs; return how many and the time of the newest."""
    found = 0
    newest_ns = oldest_ns
    for k in tellers:
        m = table[k]
        if m.base_coin == coin and m.quote_coin == USD and held_ns[k] >= oldest_ns and held[k] > 0.0:
            out[found] = held[k]
            newest_ns = max(newest_ns, held_ns[k])
            found += 1
    return found, newest_ns


@njit(cache=True)
def _synthetics(coin, table, tellers, held, held_ns, oldest_ns, coin_price, coin_known, in_dollars, out):
    """Collect anchor over member for who pays in the coin; return how many and the time of the newest."""
    found = 0
    newest_ns = oldest_ns
    for k in tellers:
        m = table[k]
        if m.quote_coin != coin or m.tells_quote != SYNTHETIC:
            continue
        a = m.anchor
        numeraire = table[a].quote_coin
        if numeraire != USD and (in_dollars or coin_known[numeraire] == UNKNOWN):
            continue
        older_ns = min(held_ns[k], held_ns[a])
        if older_ns >= oldest_ns and held[k] > 0.0 and held[a] > 0.0:
            out[found] = held[a] * (1.0 if numeraire == USD else coin_price[numeraire]) / held[k]
            newest_ns = max(newest_ns, older_ns)
            found += 1
    return found, newest_ns


@njit(cache=True)
def _derive(now_ns, coin, table, tellers, held, held_ns, oldest_ns, coin_price, coin_known, out):
    """Price a coin by known coins, else as the numeraire of others; return how new that is."""
    found = 0
    newest_ns = oldest_ns
    pays = False
    for k in tellers:
        m = table[k]
        pays = pays or m.quote_coin == coin or (m.anchor != NONE and table[m.anchor].quote_coin == coin)
        is_recent = held_ns[k] >= oldest_ns and held[k] > 0.0
        if m.base_coin == coin and is_recent and coin_known[m.quote_coin] != UNKNOWN:
            out[found] = held[k] * coin_price[m.quote_coin]
            newest_ns = max(newest_ns, held_ns[k])
            found += 1
    if found == 0:
        found, newest_ns = _synthetics(
            coin, table, tellers, held, held_ns, oldest_ns, coin_price, coin_known, False, out
        )
    if found > 0:
        coin_price[coin] = middle_near(out, found, 1.0)
    elif pays:
        coin_price[coin] = _numeraire(coin, table, tellers, held, held_ns, oldest_ns, out)
        newest_ns = now_ns
    coin_known[coin] = DERIVED if found > 0 or pays else UNKNOWN
    return newest_ns


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
