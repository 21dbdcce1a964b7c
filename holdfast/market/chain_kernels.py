"""Kernels that look at one option chain: quotes, forwards, smiles, pairs. Plain loops over the board, nothing
remembered.

An option is alive until it expires and seen once any row of it arrived; only such options count. It is
worth quoting when its mark is at least `WORTH_MIN` of the forward (nobody bids for less). A volatility is
the venue's mark, else the middle of its bid and ask. The forward of an expiry is the median of the venue's
own, else the median over strikes of what call-put parity implies from mids, else from marks.

Limits: parity takes no discounting (coin and stablecoin options are margined, and carry no known rate);
volatilities are not solved from prices, so a venue that sends none has no smile.
Cost: about 0.15 us an option.
"""

import math
from typing import Final

import numpy as np
from numba import njit

from holdfast.market.smile import call_delta, measure_smile, relative_vega, value_at, volatility_at

SECOND_NS: Final = 1_000_000_000
YEAR_NS: Final = 365 * 86_400 * SECOND_NS
DAY_YEARS: Final = 1.0 / 365.0
WORTH_MIN: Final = 5e-4
STALE_S: Final = 600.0
VOLATILITY_MIN: Final = 0.01
VOLATILITY_MAX: Final = 20.0
# Within half a day of expiry a volatility is a jump bet on the last fixing, not a point of the term structure.
TERM_YEARS_MIN: Final = 0.5 * DAY_YEARS
NEAR_DELTA: Final = 0.25
PAIRS_MIN: Final = 3


@njit(cache=True)
def is_alive(now_ns: int, option: np.void, expiry_ns: int) -> bool:
    """Tell whether an option is seen and not expired."""
    return option.row_ns > 0 and expiry_ns > now_ns


@njit(cache=True)
def has_quote(option: np.void, side: int) -> bool:
    """Tell whether an option has a bid (side +1) or an ask (side -1)."""
    if side > 0:
        return option.has_bid and option.bid > 0.0
    return option.has_ask and option.ask > 0.0


@njit(cache=True)
def volatility_of(option: np.void) -> float:
    """Return the venue's mark volatility, else the middle of bid and ask, else NaN."""
    volatility = option.mark_vol
    if not VOLATILITY_MIN < volatility < VOLATILITY_MAX:
        volatility = 0.5 * (option.bid_vol + option.ask_vol)
    return volatility if VOLATILITY_MIN < volatility < VOLATILITY_MAX else math.nan


@njit(cache=True)
def measure_pairs(
    now_ns: int, board: np.ndarray, expiry_ns: np.ndarray, inverse: bool, pairs: np.ndarray
) -> None:
    """Write each pair's synthetic prices and reference. Shape: expiry_ns (expiries,)."""
    for p in range(len(pairs)):
        pair = pairs[p]
        call, put = board[pair.call], board[pair.put]
        pair.bid = pair.ask = pair.mark = pair.reference = math.nan
        expires = expiry_ns[pair.expiry]
        if not (is_alive(now_ns, call, expires) and is_alive(now_ns, put, expires)):
            continue
        if abs(call.row_ns - put.row_ns) > 60 * SECOND_NS:
            continue  # two legs of different minutes are not one price
        if has_quote(call, 1) and has_quote(put, -1):
            pair.bid = call.bid - put.ask
        if has_quote(call, -1) and has_quote(put, 1):
            pair.ask = call.ask - put.bid
        pair.mark = call.mark - put.mark
        pair.reference = 0.5 * (call.forward + put.forward)
        if math.isnan(pair.reference):
            pair.reference = 0.5 * (call.index + put.index)


@njit(cache=True)
def implied_forward(synthetic: float, strike: float, inverse: bool) -> float:
    """Return the forward at which call minus put is worth `synthetic`.

    >>> round(implied_forward(0.2, 80_000.0, True))
    100000
    """
    return strike / (1.0 - synthetic) if inverse else strike + synthetic


@njit(cache=True)
def fair_synthetic(forward: float, strike: float, inverse: bool) -> float:
    """Return what call minus put is worth at a forward: 1 - K/F in coin, F - K in quote units."""
    return 1.0 - strike / forward if inverse else forward - strike


@njit(cache=True)
def measure_expiries(
    now_ns: int,
    board: np.ndarray,
    instrument: np.ndarray,
    strike: np.ndarray,
    is_call: np.ndarray,
    start: np.ndarray,
    inverse: bool,
    pairs: np.ndarray,
    expiries: np.ndarray,
) -> None:
    """Write forward and smile of every expiry. Shape: options sorted by expiry and strike; start (expiries + 1,)."""
    total = len(instrument)
    scratch = np.empty(total)
    moneyness, volatility, deltas = np.empty(total), np.empty(total), np.empty(total)
    first_pair = 0
    for e in range(len(expiries)):
        row = expiries[e]
        row.years = (row.expiry_ns - now_ns) / YEAR_NS
        row.forward = row.volatility = row.skew = row.butterfly = math.nan
        row.from_parity = False
        row.strikes = 0
        last_pair = first_pair
        while last_pair < len(pairs) and pairs[last_pair].expiry == e:
            last_pair += 1
        here = pairs[first_pair:last_pair]
        first_pair = last_pair
        if row.years <= 0.0:
            continue
        count = 0
        for i in range(start[e], start[e + 1]):
            option = board[instrument[i]]
            if is_alive(now_ns, option, row.expiry_ns) and option.forward > 0.0:
                scratch[count] = option.forward
                count += 1
        if count == 0:
            count = _forwards_by_parity(here, inverse, scratch)
            row.from_parity = count > 0
        if count == 0:
            continue
        row.forward = np.median(scratch[:count])
        count = 0
        i = start[e]
        while i < start[e + 1]:
            level = strike[i]
            chosen = math.nan
            while i < start[e + 1] and strike[i] == level:
                option = board[instrument[i]]
                if is_alive(now_ns, option, row.expiry_ns):
                    out_of_the_money = is_call[i] == (level >= row.forward)
                    found = volatility_of(option)
                    if out_of_the_money or math.isnan(chosen):
                        chosen = chosen if math.isnan(found) else found
                i += 1
            if math.isnan(chosen):
                continue
            moneyness[count] = math.log(level / row.forward)
            volatility[count] = chosen
            deltas[count] = call_delta(moneyness[count], chosen, row.years)
            count += 1
        row.strikes = count
        row.volatility, row.skew, row.butterfly = measure_smile(count, moneyness, volatility, deltas)


@njit(cache=True)
def _forwards_by_parity(pairs: np.ndarray, inverse: bool, out: np.ndarray) -> int:
    """Write the forwards that an expiry's pairs imply, from quotes if any pair has them, else from marks."""
    count = 0
    for by_marks in (False, True):
        for p in range(len(pairs)):
            synthetic = pairs[p].mark if by_marks else 0.5 * (pairs[p].bid + pairs[p].ask)
            forward = implied_forward(synthetic, pairs[p].strike, inverse)
            if forward > 0.0:
                out[count] = forward
                count += 1
        if count > 0:
            break
    return count


@njit(cache=True)
def measure_terms(expiries: np.ndarray, look: np.void) -> None:
    """Write the constant maturities of a chain from its expiries."""
    count = skews = alive = 0
    years, volatility = np.empty(len(expiries)), np.empty(len(expiries))
    skew_years, skew, butterfly = np.empty(len(expiries)), np.empty(len(expiries)), np.empty(len(expiries))
    for e in range(len(expiries)):
        row = expiries[e]
        alive += row.strikes > 0
        if row.years < TERM_YEARS_MIN or math.isnan(row.volatility):
            continue
        years[count], volatility[count] = row.years, row.volatility
        count += 1
        if not math.isnan(row.skew):
            skew_years[skews], skew[skews], butterfly[skews] = row.years, row.skew, row.butterfly
            skews += 1
    look.expiries = alive
    look.volatility_7d = volatility_at(7.0 * DAY_YEARS, count, years, volatility)
    look.volatility_30d = volatility_at(30.0 * DAY_YEARS, count, years, volatility)
    look.volatility_90d = volatility_at(90.0 * DAY_YEARS, count, years, volatility)
    look.slope = math.log(look.volatility_7d / look.volatility_90d)
    look.skew_30d = value_at(30.0 * DAY_YEARS, skews, skew_years, skew)
    look.butterfly_30d = value_at(30.0 * DAY_YEARS, skews, skew_years, butterfly)


@njit(cache=True)
def measure_quotes(
    now_ns: int,
    board: np.ndarray,
    instrument: np.ndarray,
    strike: np.ndarray,
    is_call: np.ndarray,
    start: np.ndarray,
    inverse: bool,
    expiries: np.ndarray,
    look: np.void,
) -> None:
    """Write what is quoted, missing, stale or crossed, over the options that are alive."""
    alive = worth = bids = asks = both = lacking = quoted = 0
    otm = otm_no_ask = no_forward = no_volatility = stale = crossed = near = 0
    age_s = width = 0.0
    for e in range(len(expiries)):
        row = expiries[e]
        for i in range(start[e], start[e + 1]):
            option = board[instrument[i]]
            if not is_alive(now_ns, option, row.expiry_ns):
                continue
            no_forward += not option.forward > 0.0
            no_volatility += math.isnan(volatility_of(option))
            alive += 1
    # A field that the whole chain lacks is the source's nature, not a fault of an option.
    wants_forward, wants_volatility = no_forward < alive, no_volatility < alive
    for e in range(len(expiries)):
        row = expiries[e]
        for i in range(start[e], start[e + 1]):
            option = board[instrument[i]]
            if not is_alive(now_ns, option, row.expiry_ns):
                continue
            old_s = (now_ns - option.row_ns) * 1e-9
            age_s += old_s
            stale += old_s > STALE_S
            bid, ask = has_quote(option, 1), has_quote(option, -1)
            quoted += bid or ask
            crossed += bid and ask and option.bid > option.ask
            volatility = volatility_of(option)
            lacks = wants_forward and not option.forward > 0.0
            lacks = lacks or (wants_volatility and math.isnan(volatility))
            if row.forward > 0.0 and is_call[i] == (strike[i] >= row.forward):
                otm += 1
                otm_no_ask += not ask
            unit = 1.0 if inverse else row.forward
            if option.mark < WORTH_MIN * unit:
                continue
            worth += 1
            bids += bid
            asks += ask
            both += bid and ask
            lacking += lacks or not (bid and ask)
            if bid and ask and row.forward > 0.0 and not math.isnan(volatility):
                moneyness = math.log(strike[i] / row.forward)
                delta = call_delta(moneyness, volatility, row.years)
                if NEAR_DELTA < delta < 1.0 - NEAR_DELTA:
                    width += (option.ask - option.bid) / unit / relative_vega(moneyness, volatility, row.years)
                    near += 1
    look.options = alive
    look.age_s = age_s / alive if alive else math.nan
    look.stale = stale / alive if alive else math.nan
    look.crossed = crossed / alive if alive else math.nan
    look.no_forward = math.nan if alive == 0 else no_forward / alive if wants_forward else 0.0
    knows = worth > 0 and quoted > 0
    look.bid_share = bids / worth if knows else math.nan
    look.ask_share = asks / worth if knows else math.nan
    look.both_share = both / worth if knows else math.nan
    look.incomplete = lacking / worth if knows else math.nan
    look.otm_ask_missing = otm_no_ask / otm if otm and quoted > 0 else math.nan
    look.width_volatility = width / near if near else math.nan


@njit(cache=True)
def measure_parity(pairs: np.ndarray, expiries: np.ndarray, inverse: bool, look: np.void) -> None:
    """Write how far from parity the typical pair is, in synthetic spreads, against the forward of its expiry."""
    distance = np.empty(len(pairs))
    count = 0
    for p in range(len(pairs)):
        pair = pairs[p]
        forward = expiries[pair.expiry].forward
        spread = pair.ask - pair.bid
        if expiries[pair.expiry].from_parity:
            continue  # the forward came from these very pairs
        if spread > 0.0 and forward > 0.0:
            middle = 0.5 * (pair.bid + pair.ask)
            distance[count] = abs(middle - fair_synthetic(forward, pair.strike, inverse)) / spread
            count += 1
    look.parity = np.median(distance[:count]) if count >= PAIRS_MIN else math.nan
