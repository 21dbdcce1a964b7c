"""Features: once a sweep, what the last seconds of an instrument looked like, and against which of its own past.

A sweep happens at the end of every second of tape time in which any row arrived. See `feature_rows` for units.

Cost: about 1.5 us an instrument.
"""

import math
from typing import Final

import numpy as np
from numba import njit

from holdfast.clock import SECOND_NS
from holdfast.market import state as st
from holdfast.market.book import LIVE, depth_within
from holdfast.market.fold import CROSSED_MAX
from holdfast.market.past import add_to_past, counted, quantile_of_past, tail_of_past

SAMPLE_NS: Final = 15 * SECOND_NS
MOVE_MIN: Final = 1e-7  # stands for no move at all in the past, which is on a log scale
MOVE_LAG: Final = 60  # samples: a move is judged against the past that ended a quarter of an hour ago
SHORT_LAG: Final = 8  # samples: two minutes, for what is not judged by its extremes
YEAR_S: Final = 365.25 * 86_400.0
MOVE_WINDOWS_S: Final = (60, 300, 900)
TRIP_LINES: Final = (
    6.0,
    10.5,
    15.5,
    30.0,
)  # shocks at which the engine does not wait for the end of the second
BANDS_BPS: Final = (5.0, 10.0, 25.0, 100.0)

# A desk that has seen nothing of an instrument yet assumes a coin that moves 4 % a day; own past takes over with weight
# `past / (past + PRIOR_SAMPLES)`. 1.6 is the 75 % quantile of the largest excursion within a minute over its sigma
# (Brownian motion: the larger of drawdown and run-up against the last price).
PRIOR_DAILY_VOLATILITY: Final = 0.04
PRIOR_SAMPLES: Final = 120.0
PRIOR_MOVE_1M: Final = PRIOR_DAILY_VOLATILITY * math.sqrt(60.0 / 86_400.0) * 1.6
SCALE_MIN: Final = 0.1 * PRIOR_MOVE_1M  # hours without a trade do not make the next one a shock

# A feed that is silent longer than this many times its own usual silence is stale (never sooner than the floor).
SILENCE_TIMES_MAX: Final = 8.0
SILENCE_FLOOR_S: Final = 10.0
SILENCES_MIN: Final = 30.0  # silences seen before their usual length is known


@njit(cache=True)
def sweep_features(
    now_ns: int,
    count: int,
    state: np.ndarray,
    board: np.ndarray,
    keys: np.ndarray,
    sizes: np.ndarray,
    ring: np.ndarray,
    pasts: np.ndarray,
    steps: np.ndarray,
    features: np.ndarray,
) -> int:
    """Measure every instrument at the end of a second and start the next one.

    Writes `features`; returns how many instruments count: one more than the last that ever had a row.
    """
    bands = np.empty(4, dtype=np.int64)
    known = 0
    for i in range(count):
        s = state[i]
        if s.rows == 0:
            features[i].active = False
            continue
        known = i + 1
        b = board[i]
        f = features[i]
        f.time_ns = now_ns
        f.instrument = i
        f.is_option = s.is_option
        f.active = s.rows_second > 0
        _measure_clocks(now_ns, s, b, f, pasts[i])
        elapsed_s = (now_ns - s.swept_ns) * 1e-9 if s.swept_ns > 0 else 1.0
        sample = now_ns - s.sampled_ns >= SAMPLE_NS
        if sample:
            if not s.is_option:
                _sample_silence(now_ns, s, f, pasts[i])
            s.sampled_ns = now_ns
        f.price = b.price
        if not s.is_option:
            _measure_moves(now_ns, elapsed_s, s, f, ring[i], pasts[i], sample)
            _measure_trading(elapsed_s, s, b, f, pasts[i], sample)
        _measure_touch(s, b, f, pasts[i], sample)
        _measure_depth(s, f, keys[s.slot], sizes[s.slot], steps[i, 0], steps[i, 1], pasts[i], sample, bands)
        if not s.is_option:  # an option's quote may rightly stand still at one tick
            _measure_frozen(now_ns, s, f)
        s.swept_ns = now_ns
        s.rows_second = 0
    return known


@njit(cache=True)
def least_patience(count: int, features: np.ndarray) -> float:
    """Return the shortest silence, in seconds, after which any instrument's feed counts as stale; inf if none can."""
    least = math.inf
    for i in range(count):
        if features[i].silence_max_s < least:
            least = features[i].silence_max_s
    return least


@njit(cache=True)
def _measure_clocks(now_ns, s, b, f, pasts):
    f.silence_s = (now_ns - b.row_ns) * 1e-9
    if f.active and s.active_ns > 0:
        add_to_past(pasts[st.PAST_SILENCE], max((now_ns - s.active_ns) * 1e-9, 1e-3), SHORT_LAG)
    if f.active:
        s.active_ns = now_ns
    if counted(pasts[st.PAST_SILENCE], SHORT_LAG) >= SILENCES_MIN:
        usual = quantile_of_past(pasts[st.PAST_SILENCE], 0.95)
        f.silence_max_s = max(SILENCE_FLOOR_S, SILENCE_TIMES_MAX * usual)
    else:
        f.silence_max_s = math.nan
    f.price_age_s = (now_ns - b.price_ns) * 1e-9 if b.price_ns > 0 else math.nan
    if s.is_option:
        f.silence_max_s = math.nan
    if f.silence_s > f.silence_max_s or f.price_age_s > f.silence_max_s:
        b.price = math.nan  # a stale price is no price
        s.log_price = math.nan
    skew_ns = s.latency_min_ns if s.latency_min_ns < 2**61 else 0
    f.skew_s = skew_ns * 1e-9
    if f.active and s.latency_second_ns > 0 - 2**61:
        f.latency_s = (
            (s.latency_second_ns - min(skew_ns, s.latency_second_ns)) * 1e-9
            if b.exchange_ns > 0
            else math.nan
        )
        if f.latency_s > 0.0:
            add_to_past(pasts[st.PAST_LATENCY], f.latency_s, SHORT_LAG)
    f.latency_usual_s = quantile_of_past(pasts[st.PAST_LATENCY], 0.90)
    s.latency_second_ns = -(2**62)
    f.crossed = s.crossed / CROSSED_MAX
    f.gap_s = (now_ns - s.gap_ns) * 1e-9 if s.gap_ns > 0 else 0.0
    f.gap_reason = s.gap_reason
    f.times_bad = s.times_bad - s.times_bad_seen
    s.times_bad_seen = s.times_bad
    f.jump = s.jump
    s.jump = 0.0


@njit(cache=True)
def _measure_moves(now_ns, elapsed_s, s, f, ring, pasts, sample):
    second = now_ns // SECOND_NS
    size = ring.shape[0]
    log_price = s.log_price
    if s.ring_first == 0:
        if not math.isfinite(log_price):
            return
        s.ring_first = second
        s.ring_second = second
        ring[second % size] = log_price
        f.move_1m = 0.0
        f.move_5m = 0.0
        f.move_15m = 0.0
        return
    before = ring[s.ring_second % size]
    start = max(s.ring_second + 1, second - size + 1)
    for t in range(start, second):
        ring[t % size] = before
    ring[second % size] = log_price
    s.ring_second = second
    if not math.isfinite(log_price):
        f.move_1m = math.nan
        f.move_5m = math.nan
        f.move_15m = math.nan
        f.shock = math.nan
        return
    _measure_windows(second, s, f, ring, log_price)
    _measure_volatility(elapsed_s, second, s, f, ring, log_price)
    move = abs(f.move_1m)
    if sample:
        add_to_past(pasts[st.PAST_MOVE_1M], max(move, MOVE_MIN), MOVE_LAG)
        if f.volatility_5m > 0.0:
            add_to_past(pasts[st.PAST_VOLATILITY], f.volatility_5m, SHORT_LAG)
    usual = quantile_of_past(pasts[st.PAST_MOVE_1M], 0.75)
    seen = counted(pasts[st.PAST_MOVE_1M], MOVE_LAG)
    if usual > 0.0:
        weight = seen / (seen + PRIOR_SAMPLES)
        mixed = math.exp(weight * math.log(usual) + (1.0 - weight) * math.log(PRIOR_MOVE_1M))
        f.move_scale = max(mixed, SCALE_MIN)
    else:
        f.move_scale = PRIOR_MOVE_1M
    f.shock = move / f.move_scale
    _set_trips(s, f)
    if sample:
        f.move_rare = (
            tail_of_past(pasts[st.PAST_MOVE_1M], 0.95, 15.0 / 86_400.0) if seen >= 240.0 else math.nan
        )
        f.volatility_usual = quantile_of_past(pasts[st.PAST_VOLATILITY], 0.5) if seen >= 120.0 else math.nan


@njit(cache=True)
def _sample_silence(now_ns, s, f, pasts):
    """Give the past the samples that no sweep took because nothing arrived: the price stood still meanwhile.

    Without them a thin instrument's past would hold its busy moments only, and more so when it is watched alone. A silence
    that counts as stale teaches nothing.
    """
    if s.sampled_ns == 0:
        return
    silent_s = (now_ns - s.sampled_ns) * 1e-9
    limit_s = f.silence_max_s if f.silence_max_s > 0.0 else 900.0
    if silent_s > limit_s:
        return
    last = max(abs(f.move_1m), MOVE_MIN) if math.isfinite(f.move_1m) else MOVE_MIN
    for k in range(1, int((now_ns - s.sampled_ns) // SAMPLE_NS)):
        add_to_past(pasts[st.PAST_MOVE_1M], last if k < 4 else MOVE_MIN, MOVE_LAG)


@njit(cache=True)
def _measure_windows(second, s, f, ring, log_price):
    """Measure the distance from the extremes of each window; the minute's extremes are kept for the tripwires."""
    size = ring.shape[0]
    lowest = log_price
    highest = log_price
    position = second
    for w in range(len(MOVE_WINDOWS_S)):
        oldest = max(second - MOVE_WINDOWS_S[w], s.ring_first)
        while position > oldest:
            position -= 1
            x = ring[position % size]
            if x < lowest:
                lowest = x
            if x > highest:
                highest = x
        fall = highest - log_price
        rise = log_price - lowest
        move = rise if rise >= fall else -fall
        if w == 0:
            f.move_1m = move
            s.low_1m = lowest
            s.high_1m = highest
        elif w == 1:
            f.move_5m = move
        else:
            f.move_15m = move


@njit(cache=True)
def _set_trips(s, f):
    s.trip_low = -math.inf
    s.trip_high = math.inf
    for j in range(len(TRIP_LINES)):
        if f.shock < TRIP_LINES[j]:
            s.trip_low = s.high_1m - TRIP_LINES[j] * f.move_scale
            s.trip_high = s.low_1m + TRIP_LINES[j] * f.move_scale
            break


@njit(cache=True)
def refresh_move(now_ns: int, i: int, state: np.ndarray, board: np.ndarray, features: np.ndarray) -> None:
    """Measure one instrument's shock again between sweeps, because its price crossed a tripwire."""
    s = state[i]
    f = features[i]
    f.time_ns = now_ns
    f.price = board[i].price
    fall = s.high_1m - s.log_price
    rise = s.log_price - s.low_1m
    f.move_1m = rise if rise >= fall else -fall
    if abs(f.move_1m) > abs(f.move_5m):
        f.move_5m = f.move_1m
    if abs(f.move_1m) > abs(f.move_15m):
        f.move_15m = f.move_1m
    f.shock = abs(f.move_1m) / f.move_scale
    _set_trips(s, f)


@njit(cache=True)
def _measure_volatility(elapsed_s, second, s, f, ring, log_price):
    """Decay squared returns over 10 s (which a bouncing last price inflates less than returns over 1 s)."""
    size = ring.shape[0]
    back = second - 10
    if back < s.ring_first:
        return
    then = ring[back % size]
    if not math.isfinite(then):
        return
    variance = (log_price - then) ** 2 / 10.0
    steps_s = min(elapsed_s, 10.0)
    s.var_1m = _decay(s.var_1m, variance, steps_s, 60.0)
    s.var_5m = _decay(s.var_5m, variance, steps_s, 300.0)
    s.var_1h = _decay(s.var_1h, variance, steps_s, 3600.0)
    f.volatility_1m = math.sqrt(s.var_1m * YEAR_S)
    f.volatility_5m = math.sqrt(s.var_5m * YEAR_S)
    f.volatility_1h = math.sqrt(s.var_1h * YEAR_S)
    price_impact = log_price - then
    if s.turnover_1m > 0.0:
        signed = s.signed_1m
        fade = 0.5 ** (steps_s / 300.0)
        s.impact_xx = s.impact_xx * fade + signed * signed
        s.impact_xy = s.impact_xy * fade + signed * price_impact
        s.impact_abs = s.impact_abs * fade + abs(price_impact)
        s.impact_turnover = s.impact_turnover * fade + s.turnover_1m / 6.0
        if s.impact_xx > 0.0 and s.signed_1m != 0.0:
            f.kyle_lambda = s.impact_xy / s.impact_xx
        f.amihud = s.impact_abs / s.impact_turnover


@njit(cache=True)
def _decay(mean, value, elapsed_s, half_life_s):
    if not math.isfinite(mean):
        return value
    keep = 0.5 ** (elapsed_s / half_life_s)
    return keep * mean + (1.0 - keep) * value


@njit(cache=True)
def _measure_trading(elapsed_s, s, b, f, pasts, sample):
    if s.source & (st.SOURCE_TRADE | st.SOURCE_BAR):
        keep = math.exp(-elapsed_s / 60.0)
        s.turnover_1m = s.turnover_1m * keep + s.turnover
        f.turnover_1m = s.turnover_1m
        if s.source & st.SOURCE_TRADE:
            s.signed_1m = s.signed_1m * keep + s.signed_turnover
            s.trades_1m = s.trades_1m * keep + s.trades
            f.signed_1m = s.signed_1m
            f.trades_1m = s.trades_1m
        if sample:
            add_to_past(pasts[st.PAST_TURNOVER], s.turnover_1m, SHORT_LAG)
            if f.amihud > 0.0:
                add_to_past(pasts[st.PAST_IMPACT], f.amihud, SHORT_LAG)
        enough = counted(pasts[st.PAST_TURNOVER], SHORT_LAG) >= 20.0
        f.turnover_usual_1m = quantile_of_past(pasts[st.PAST_TURNOVER], 0.75) if enough else math.nan
        f.amihud_usual = quantile_of_past(pasts[st.PAST_IMPACT], 0.5) if enough else math.nan
        s.turnover = 0.0
        s.signed_turnover = 0.0
        s.trades = 0
    keep = math.exp(-elapsed_s / 60.0)
    s.liquidated_1m = s.liquidated_1m * keep + s.liquidated
    f.liquidated_1m = s.liquidated_1m if s.source & st.SOURCE_LIQUIDATION else math.nan
    s.liquidated = 0.0
    if s.source & (st.SOURCE_BOOK | st.SOURCE_TOP):
        s.flow_1m = s.flow_1m * keep + s.flow
        f.flow_1m = s.flow_1m
        s.flow = 0.0
    if b.open_interest > 0.0:
        s.interest_slow = _decay(s.interest_slow, b.open_interest, elapsed_s, 900.0)
        f.interest_drop = 1.0 - b.open_interest / s.interest_slow
    f.funding = b.funding
    f.basis_bps = (b.price / b.index - 1.0) * 1e4 if b.index > 0.0 else math.nan


@njit(cache=True)
def _measure_touch(s, b, f, pasts, sample):
    if b.bid > 0.0 and b.ask > 0.0 and b.ask >= b.bid:
        f.spread_bps = (b.ask - b.bid) / (0.5 * (b.ask + b.bid)) * 1e4
        f.imbalance = s.imbalance
        f.microprice = s.microprice
        if sample:
            add_to_past(pasts[st.PAST_SPREAD], max(f.spread_bps, 1e-4), SHORT_LAG)
        enough = counted(pasts[st.PAST_SPREAD], SHORT_LAG) >= 12.0
        f.spread_usual_bps = quantile_of_past(pasts[st.PAST_SPREAD], 0.75) if enough else math.nan
    else:
        f.spread_bps = math.nan
        f.imbalance = math.nan
        f.microprice = math.nan


@njit(cache=True)
def _measure_depth(s, f, keys, sizes, price_step, size_step, pasts, sample, bands):
    bid_now = math.nan
    ask_now = math.nan
    if s.book == LIVE and s.bids > 0 and s.asks > 0 and s.crossed < 1.0:
        mid = 0.5 * (keys[0, s.bids - 1] - keys[1, s.asks - 1])
        for j in range(4):
            bands[j] = math.ceil(mid * (1.0 - BANDS_BPS[j] * 1e-4))
        depth_within(keys[0], sizes[0], s.bids, s.horizon_bid, bands, f.depth_bid)
        for j in range(4):
            bands[j] = math.ceil(-mid * (1.0 + BANDS_BPS[j] * 1e-4))
        depth_within(keys[1], sizes[1], s.asks, s.horizon_ask, bands, f.depth_ask)
        # an inverse contract is worth its size in quote units, whatever the price
        unit = size_step / mid if s.is_inverse else price_step * size_step
        for j in range(4):
            f.depth_bid[j] *= unit
            f.depth_ask[j] *= unit
        if not math.isfinite(s.depth_bps):
            s.depth_bps = 10.0 if f.spread_bps < 10.0 else (25.0 if f.spread_bps < 25.0 else 100.0)
        near = 1 if s.depth_bps == 10.0 else (2 if s.depth_bps == 25.0 else 3)
        bid_now = f.depth_bid[near]
        ask_now = f.depth_ask[near]
    else:
        for j in range(4):
            f.depth_bid[j] = math.nan
            f.depth_ask[j] = math.nan
        if s.source & st.SOURCE_BAND and s.frozen_bid + s.frozen_ask == 0.0:
            s.depth_bps = s.band_bps[0]
            bid_now = s.band_depth[0] * s.band_price[0]
            ask_now = s.band_depth[1] * s.band_price[1]
    if not math.isfinite(bid_now) or not math.isfinite(ask_now):
        f.depth_near_bid = math.nan
        f.depth_near_ask = math.nan
        return
    s.depth_bid = _decay(s.depth_bid, bid_now, 1.0, 5.0)
    s.depth_ask = _decay(s.depth_ask, ask_now, 1.0, 5.0)
    f.depth_near_bid = s.depth_bid
    f.depth_near_ask = s.depth_ask
    f.depth_near_bps = s.depth_bps
    if sample:
        add_to_past(pasts[st.PAST_DEPTH_BID], max(bid_now, 1e-6), SHORT_LAG)
        add_to_past(pasts[st.PAST_DEPTH_ASK], max(ask_now, 1e-6), SHORT_LAG)
        if counted(pasts[st.PAST_DEPTH_BID], SHORT_LAG) >= 12.0:
            f.depth_usual_bid = quantile_of_past(pasts[st.PAST_DEPTH_BID], 0.5)
            f.depth_usual_ask = quantile_of_past(pasts[st.PAST_DEPTH_ASK], 0.5)
            f.depth_rare_bid = quantile_of_past(pasts[st.PAST_DEPTH_BID], 0.02)
            f.depth_rare_ask = quantile_of_past(pasts[st.PAST_DEPTH_ASK], 0.02)


@njit(cache=True)
def _measure_frozen(now_ns, s, f):
    """Say how strongly one side looks frozen: bands that ghost, or a touch that stands still while the other side works.

    For a book: the side's own past rate says how many changes its silence should have held; twenty missing is the line,
    and the other side must have changed at least twenty times meanwhile.
    """
    f.frozen = max(s.frozen_bid, s.frozen_ask) / 5.0
    f.frozen_side = 1.0 if s.frozen_bid >= s.frozen_ask else -1.0
    if s.change_bid_ns > 0 and s.change_ask_ns > 0:
        silent_bid_s = (now_ns - s.change_bid_ns) * 1e-9
        silent_ask_s = (now_ns - s.change_ask_ns) * 1e-9
        missing_bid = (
            s.changes_bid / 86.6 * silent_bid_s
        )  # decayed count over its mean life of 86.6 s: a rate
        missing_ask = s.changes_ask / 86.6 * silent_ask_s
        bid = min(missing_bid, s.messages_since_bid) / 20.0 if silent_bid_s > 5.0 else 0.0
        ask = min(missing_ask, s.messages_since_ask) / 20.0 if silent_ask_s > 5.0 else 0.0
        if bid > f.frozen:
            f.frozen = bid
            f.frozen_side = 1.0
        if ask > f.frozen:
            f.frozen = ask
            f.frozen_side = -1.0
