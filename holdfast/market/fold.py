"""Fold rows into the market: the one loop that every row of every instrument passes, live and in replay.

Rules:

1. Nothing here depends on where a batch begins or ends; time is the row's `received_ns`, never a clock.
2. A price is taken only from a row whose latency beyond the clock's skew is under `PRICE_AGE_MAX_NS`: an old price is no
   price. Everything else about such a row still counts.
3. Books are judged on the LAST row of a message, never between.

Cost: 40 to 120 ns a row, see benchmarks/bench_fold.py.
"""

import math
from typing import Final

import numpy as np
from numba import njit

from holdfast import tape
from holdfast.market import state as st
from holdfast.market.book import EMPTY, LIVE, NO_HORIZON, REBUILDING, STALE, set_level
from holdfast.market.chain_rows import Table

PRICE_AGE_MAX_NS: Final = 10_000_000_000
FIRST_MESSAGES: Final = 10  # what a venue repeats on subscribing is old by nature and says nothing of latency
TRIP_HELD_NS: Final = 250_000_000
CROSSED_MAX: Final = 64.0
GHOST_MAX: Final = 40.0
GHOST_LEAK: Final = 0.25  # a ghost comes and goes: one sane look does not undo what one odd look told
_MINUTE_DECAY: Final = math.log(2.0) / 60e9
_LATENCY_PER_OCTAVE: Final = 12

# a logarithm to a twelfth of an octave without computing one: the exponent's bits are the octave, the five leading bits of
# the mantissa the step in it, or the one before
_MANTISSA: Final = (1 << 52) - 1
_ONE: Final = 1023 << 52
_STEP_ENDS: Final = np.array([2.0 ** ((step + 1) / 12) for step in range(12)])
_STEP_OF_LEADING: Final = np.array([int(12.0 * math.log2(1.0 + leading / 32)) for leading in range(32)])

_LEVEL, _TOP, _TRADE = tape.LEVEL, tape.TOP, tape.TRADE
_MARK, _INDEX, _FUNDING, _INTEREST = tape.MARK, tape.INDEX, tape.FUNDING, tape.OPEN_INTEREST
_LIQUIDATION, _BAR_CLOSE, _BAND, _VOL = tape.LIQUIDATION, tape.BAR_CLOSE, tape.BAND, tape.IMPLIED_VOL
_FORWARD, _DELTA, _RESET, _GAP = tape.FORWARD, tape.DELTA, tape.BOOK_RESET, tape.BOOK_GAP
_TIME_BAD, _PULLED = tape.TIME_BAD, tape.QUOTE_PULLED
_LAST, _SNAPSHOT, _HORIZON = tape.LAST, tape.SNAPSHOT, tape.HORIZON


@njit(cache=True)
def latency_bin(latency_ns: int) -> int:
    """Return the histogram bin of a latency that may be negative: octaves of a microsecond on both sides of zero."""
    half = st.LATENCY_BINS // 2
    bits = np.float64(1.0 + abs(latency_ns) * 1e-3).view(np.int64)
    octave = (bits >> 52) - 1023
    within = np.int64((bits & _MANTISSA) | _ONE).view(np.float64)
    step = _STEP_OF_LEADING[(bits >> 47) & 31]
    if within >= _STEP_ENDS[step]:
        step += 1
    steps = min(octave * _LATENCY_PER_OCTAVE + step, half - 1)
    return half + steps if latency_ns >= 0 else half - 1 - steps


@njit(cache=True)
def latency_of_bin(position: float) -> float:
    """Return the latency in nanoseconds at a (fractional) bin position."""
    half = st.LATENCY_BINS // 2
    if position >= half:
        return (2.0 ** ((position - half) / _LATENCY_PER_OCTAVE) - 1.0) * 1e3
    return -(2.0 ** ((half - position) / _LATENCY_PER_OCTAVE) - 1.0) * 1e3


@njit(cache=True)
def fold_rows(
    rows: Table,
    start: int,
    until_ns: int,
    state: Table,
    board: Table,
    keys: np.ndarray,
    sizes: np.ndarray,
    latency: np.ndarray,
    steps: np.ndarray,
    stopped: np.ndarray,
) -> int:
    """Fold rows from `start` while they were received before `until_ns`; return the position of the first one left.

    Stops before a BOOK_RESET row of an instrument that has no room for levels yet, and writes its number to `stopped[1]`
    (else -1). Stops early once a price has been beyond its instrument's tripwire for `TRIP_HELD_NS` (one wild print is no
    crash), and writes that instrument's number to `stopped[0]` (else -1).
    """
    stopped[0] = -1
    stopped[1] = -1
    position = start
    while position < rows.shape[0]:
        row = rows[position]
        if row.received_ns >= until_ns:
            break
        i = row.instrument
        if i < 0:
            position += 1
            continue
        s = state[i]
        if row.kind == _RESET and s.slot < 0:
            stopped[1] = i
            break
        position += 1
        _fold_row(row, s, board[i], keys, sizes, latency, steps[i, 0], steps[i, 1])
        if s.log_price < s.trip_low or s.log_price > s.trip_high:
            if s.trip_ns == 0:
                s.trip_ns = row.received_ns
            elif row.received_ns - s.trip_ns >= TRIP_HELD_NS:
                s.trip_ns = 0
                s.trip_low = -math.inf
                s.trip_high = math.inf
                stopped[0] = i
                break
        else:
            s.trip_ns = 0
    return position


@njit(cache=True)
def _fold_row(row, s, b, keys, sizes, latency, price_step, size_step):
    kind = row.kind
    s.rows += 1
    s.rows_second += 1
    if row.received_ns > b.row_ns:
        b.row_ns = row.received_ns
    if kind == _LEVEL:
        _fold_level(row, s, keys, sizes)
    elif kind == _TRADE:
        if not row.flags & _SNAPSHOT:
            _fold_trade(row, s, b, price_step, size_step)
    elif kind == _TOP:
        _fold_top(row, s, b, price_step, size_step)
    elif kind == _RESET:
        s.book = REBUILDING
        s.bids = 0
        s.asks = 0
        s.horizon_bid = NO_HORIZON
        s.horizon_ask = NO_HORIZON
        s.source |= st.SOURCE_BOOK
    elif kind == _GAP:
        s.book = STALE
        s.gaps += 1
        s.gap_reason = row.value
        s.gap_ns = row.received_ns
        if s.source & st.SOURCE_TOP == 0:
            b.bid = math.nan
            b.ask = math.nan
    else:
        _fold_other(row, s, b, price_step, size_step)
    if row.flags & _LAST:
        _fold_clock(row, s, b, latency)
        if kind == _LEVEL or kind == _RESET:
            _judge_book(row, s, b, keys, sizes, price_step, size_step)
        elif kind == _TOP:
            _judge_top(row, s, b)
        elif kind == _BAND:
            _judge_bands(s)


@njit(cache=True)
def _fold_level(row, s, keys, sizes):
    if s.book == EMPTY or s.book == STALE:
        s.unserved += 1
        return
    if row.side > 0:
        count = set_level(keys[s.slot, 0], sizes[s.slot, 0], s.bids, row.price, row.size)
        if count < 0:
            count = -1 - count
            s.horizon_bid = max(s.horizon_bid, keys[s.slot, 0, 0])
        s.bids = count
        if row.flags & _HORIZON:
            s.horizon_bid = row.price
    else:
        count = set_level(keys[s.slot, 1], sizes[s.slot, 1], s.asks, -row.price, row.size)
        if count < 0:
            count = -1 - count
            s.horizon_ask = max(s.horizon_ask, keys[s.slot, 1, 0])
        s.asks = count
        if row.flags & _HORIZON:
            s.horizon_ask = -row.price


@njit(cache=True)
def _fold_trade(row, s, b, price_step, size_step):
    s.source |= st.SOURCE_TRADE
    price = row.price * price_step
    notional = row.size * size_step * (1.0 if s.is_inverse else price)
    s.trades += 1
    s.turnover += notional
    s.signed_turnover += row.side * notional
    if _is_old(row, s) or not price > 0.0:
        return
    b.last = price
    b.last_ns = row.received_ns
    if not (b.bid > 0.0 and b.ask > 0.0):
        _set_price(s, b, price, row.received_ns)


@njit(cache=True)
def _fold_top(row, s, b, price_step, size_step):
    s.source |= st.SOURCE_TOP
    if _is_old(row, s):
        return
    price = row.price * price_step
    size = row.size * size_step
    if row.side > 0:
        if b.bid != price or b.bid_size != size:
            if b.bid == price:
                s.flow += size - b.bid_size
            elif b.bid > 0.0:
                s.flow += size if price > b.bid else -b.bid_size
            _note_change(s, row.received_ns, 1)
        b.bid = price
        b.bid_size = size
        b.has_bid = True
    else:
        if b.ask != price or b.ask_size != size:
            if b.ask == price:
                s.flow -= size - b.ask_size
            elif b.ask > 0.0:
                s.flow -= size if price < b.ask else -b.ask_size
            _note_change(s, row.received_ns, -1)
        b.ask = price
        b.ask_size = size
        b.has_ask = True
    b.quote_ns = row.received_ns


@njit(cache=True)
def _fold_other(row, s, b, price_step, size_step):
    kind = row.kind
    if kind == _MARK:
        b.mark = row.value
    elif kind == _INDEX:
        b.index = row.value
    elif kind == _FUNDING:
        b.funding = row.value
    elif kind == _INTEREST:
        b.open_interest = row.value
    elif kind == _LIQUIDATION:
        s.source |= st.SOURCE_LIQUIDATION
        s.liquidated += row.side * row.size * size_step * (1.0 if s.is_inverse else row.price * price_step)
    elif kind == _BAR_CLOSE:
        s.source |= st.SOURCE_BAR
        price = row.price * price_step
        if price > 0.0:
            if row.value > 0.0:
                s.turnover += row.value * (1.0 if s.is_inverse else price)
            b.last = price
            b.last_ns = row.received_ns
            if not (b.bid > 0.0 and b.ask > 0.0):
                _set_price(s, b, price, row.received_ns)
    elif kind == _BAND:
        _fold_band(row, s, size_step)
    elif kind == _VOL:
        s.source |= st.SOURCE_OPTION
        if row.side > 0:
            b.bid_vol = row.value
        elif row.side < 0:
            b.ask_vol = row.value
        else:
            b.mark_vol = row.value
    elif kind == _FORWARD:
        b.forward = row.value
    elif kind == _DELTA:
        b.delta = row.value
    elif kind == _PULLED:
        if row.side > 0:
            b.has_bid = False
            b.bid = math.nan
            b.bid_size = math.nan
        else:
            b.has_ask = False
            b.ask = math.nan
            b.ask_size = math.nan
        b.quote_ns = row.received_ns
    elif kind == _TIME_BAD:
        s.times_bad += 1


@njit(cache=True)
def _fold_band(row, s, size_step):
    s.source |= st.SOURCE_BAND
    side = 0 if row.side > 0 else 1
    width = abs(float(row.price))
    if not s.band_bps[side] <= width:
        s.band_bps[side] = width
    if width > s.band_bps[side]:
        return
    depth = row.size * size_step
    if depth == s.band_depth[side] and row.value == s.band_price[side]:
        s.band_same[side] += 1.0
    else:
        s.band_same[side] = 0.0
    s.band_depth[side] = depth
    s.band_price[side] = row.value
    s.band_ns = row.received_ns


@njit(cache=True)
def _fold_clock(row, s, b, latency):
    s.messages += 1
    if row.exchange_ns <= 0 or row.flags & _SNAPSHOT:
        return
    b.exchange_ns = max(b.exchange_ns, row.exchange_ns)
    late = row.received_ns - row.exchange_ns
    s.latency_min_ns = min(s.latency_min_ns, late)
    if s.messages <= FIRST_MESSAGES:
        return
    s.latency_max_ns = max(s.latency_max_ns, late)
    s.latency_second_ns = max(s.latency_second_ns, late)
    latency[row.instrument, latency_bin(late)] += 1


@njit(cache=True)
def _is_old(row, s):
    """Tell whether a row's price is too old to use; the smallest latency seen stands for the skew of the clocks."""
    if row.exchange_ns <= 0:
        return False
    late = row.received_ns - row.exchange_ns
    return late - min(late, s.latency_min_ns) > PRICE_AGE_MAX_NS


@njit(cache=True)
def _judge_book(row, s, b, keys, sizes, price_step, size_step):
    if s.book == REBUILDING:
        s.book = LIVE
        s.gap_ns = 0
        s.book_bid = 0
        s.book_ask = 0
    if s.book != LIVE:
        return
    bid = keys[s.slot, 0, s.bids - 1] if s.bids > 0 else 0
    ask = -keys[s.slot, 1, s.asks - 1] if s.asks > 0 else 0
    bid_size = sizes[s.slot, 0, s.bids - 1] if s.bids > 0 else 0
    ask_size = sizes[s.slot, 1, s.asks - 1] if s.asks > 0 else 0
    moved_bid = bid != s.book_bid or bid_size != s.book_bid_size
    moved_ask = ask != s.book_ask or ask_size != s.book_ask_size
    if moved_bid:
        if s.book_bid > 0:
            gained = 0
            if bid >= s.book_bid:
                gained += bid_size
            if bid <= s.book_bid:
                gained -= s.book_bid_size
            s.flow += gained * size_step
        _note_change(s, row.received_ns, 1)
    if moved_ask:
        if s.book_ask > 0:
            gained = 0
            if ask <= s.book_ask:
                gained += ask_size
            if ask >= s.book_ask:
                gained -= s.book_ask_size
            s.flow -= gained * size_step
        _note_change(s, row.received_ns, -1)
    s.book_bid = bid
    s.book_ask = ask
    s.book_bid_size = bid_size
    s.book_ask_size = ask_size
    if bid > 0 and ask > 0 and bid >= ask:
        s.crossed = min(s.crossed + 1.0, CROSSED_MAX)
        return
    s.crossed = max(s.crossed - 1.0, 0.0)
    b.quote_ns = row.received_ns
    b.has_bid = bid > 0
    b.has_ask = ask > 0
    b.bid = bid * price_step if bid > 0 else math.nan
    b.ask = ask * price_step if ask > 0 else math.nan
    b.bid_size = bid_size * size_step
    b.ask_size = ask_size * size_step
    if bid > 0 and ask > 0:
        if moved_bid or moved_ask:
            _measure_touch(row, s, b)
        else:
            b.price_ns = row.received_ns


@njit(cache=True)
def _judge_top(row, s, b):
    if b.bid > 0.0 and b.ask > 0.0:
        if b.bid >= b.ask:
            if s.book != LIVE:
                s.crossed = min(s.crossed + 1.0, CROSSED_MAX)
            return
        if s.book != LIVE:
            s.crossed = max(s.crossed - 1.0, 0.0)
        _measure_touch(row, s, b)


@njit(cache=True)
def _measure_touch(row, s, b):
    total = b.bid_size + b.ask_size
    if total > 0.0:
        s.imbalance = (b.bid_size - b.ask_size) / total
        s.microprice = (b.bid * b.ask_size + b.ask * b.bid_size) / total
    _set_price(s, b, 0.5 * (b.bid + b.ask), row.received_ns)


@njit(cache=True)
def _judge_bands(s):
    """Count looks at which bids near the mid are dearer on average than asks near it: one side is a ghost.

    The ghost is the side whose band repeats itself; the count leaks, so that single odd looks neither raise nor clear it.
    """
    if not (s.band_price[0] > 0.0 and s.band_price[1] > 0.0):
        return
    crossed = s.band_price[0] >= s.band_price[1]
    bid_still = s.band_same[0] >= s.band_same[1]
    if crossed and bid_still:
        s.frozen_bid = min(s.frozen_bid + 1.0, GHOST_MAX)
    else:
        s.frozen_bid = max(s.frozen_bid - GHOST_LEAK, 0.0)
    if crossed and not bid_still:
        s.frozen_ask = min(s.frozen_ask + 1.0, GHOST_MAX)
    else:
        s.frozen_ask = max(s.frozen_ask - GHOST_LEAK, 0.0)


@njit(cache=True)
def _note_change(s, now_ns, side):
    """Remember that one side of the touch moved: how often it does, and what the other side did meanwhile."""
    if side > 0:
        faded = math.exp(-_MINUTE_DECAY * max(now_ns - s.change_bid_ns, 0)) if s.change_bid_ns > 0 else 0.0
        s.changes_bid = s.changes_bid * faded + 1.0
        s.change_bid_ns = now_ns
        s.messages_since_bid = 0.0
        s.messages_since_ask += 1.0
    else:
        faded = math.exp(-_MINUTE_DECAY * max(now_ns - s.change_ask_ns, 0)) if s.change_ask_ns > 0 else 0.0
        s.changes_ask = s.changes_ask * faded + 1.0
        s.change_ask_ns = now_ns
        s.messages_since_ask = 0.0
        s.messages_since_bid += 1.0


@njit(cache=True)
def _set_price(s, b, price, now_ns):
    b.price_ns = now_ns
    if price == b.price:
        return
    log_price = math.log(price)
    step = abs(log_price - s.log_price)
    if step > s.jump:
        s.jump = step
    s.log_price = log_price
    b.price = price
