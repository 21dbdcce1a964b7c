"""Kernels that look at one option chain: quotes, forwards, smiles, pairs. They remember nothing.

1. An option is alive until it expires and seen once any row of it arrived; only such options count.
2. It is worth quoting when its mark is at least `WORTH_MIN` of the forward: nobody bids for less.
3. Its volatility is the venue's mark, else the middle of its bid and ask.
4. The forward of an expiry is the median of the venue's own, else the median over strikes of what call-put
   parity implies from mids, else from marks.

Limits: parity takes no discounting (these options are margined; no rate is known); volatilities are not
solved from prices, so a venue that sends none has no smile.
Cost: about 0.1 us an option.
"""

import math
from typing import Final

import numpy as np
from numba import njit

from holdfast.clock import SECOND_NS
from holdfast.market.chain_rows import Row, Table
from holdfast.market.smile import call_delta, measure_smile, relative_vega, value_at, volatility_at

YEAR_NS: Final = 365 * 86_400 * SECOND_NS
DAY_YEARS: Final = 1.0 / 365.0
WORTH_MIN: Final = 5e-4
STALE_S: Final = 600.0
VOLATILITY_MIN: Final = 0.01
VOLATILITY_MAX: Final = 20.0
# Half a day before expiry a volatility is a bet on the last fixing, no longer a point of the term structure.
TERM_YEARS_MIN: Final = 0.5 * DAY_YEARS
NEAR_DELTA: Final = 0.25
PAIRS_MIN: Final = 3
LEGS_APART_NS_MAX: Final = 60 * SECOND_NS  # two legs of different minutes are not one price


@njit(cache=True)
def measure_chain(
    now_ns: int, board: Table, options: Table, pairs: Table, expiries: Table, looks: Table, number: int
) -> None:
    """Look at one chain as the board shows it: write its pairs, its expiries and its row of `looks`.

    Shape: options and pairs sorted by expiry, then strike.
    """
    look = looks[number]
    measure_pairs(now_ns, board, expiries, pairs)
    measure_expiries(now_ns, board, options, pairs, expiries)
    measure_quotes(now_ns, board, options, expiries, look)
    measure_terms(expiries, look)
    measure_parity(pairs, expiries, look)
    look.time_ns = now_ns


@njit(cache=True)
def is_alive(now_ns: int, quote: Row, expiry_ns: int) -> bool:
    """Tell whether an option is seen and not expired; `quote` is its row of the board."""
    return quote.row_ns > 0 and expiry_ns > now_ns


@njit(cache=True)
def has_quote(quote: Row, side: int) -> bool:
    """Tell whether an option has a bid (side +1) or an ask (side -1)."""
    if side > 0:
        return quote.has_bid and quote.bid > 0.0
    return quote.has_ask and quote.ask > 0.0


@njit(cache=True)
def volatility_of(quote: Row) -> float:
    """Return the venue's mark volatility, else the middle of bid and ask, else NaN."""
    volatility = quote.mark_vol
    if not VOLATILITY_MIN < volatility < VOLATILITY_MAX:
        volatility = 0.5 * (quote.bid_vol + quote.ask_vol)
    return volatility if VOLATILITY_MIN < volatility < VOLATILITY_MAX else math.nan


@njit(cache=True)
def implied_forward(synthetic: float, strike: float, inverse: bool) -> float:
    """Return the forward at which call minus put is worth `synthetic`.

    >>> round(implied_forward(0.2, 80_000.0, True))
    100000
    """
    if inverse:
        return strike / (1.0 - synthetic) if synthetic < 1.0 else math.nan
    return strike + synthetic


@njit(cache=True)
def fair_synthetic(forward: float, strike: float, inverse: bool) -> float:
    """Return what call minus put is worth at a forward: 1 - K/F in coin, F - K in quote units."""
    return 1.0 - strike / forward if inverse else forward - strike


@njit(cache=True)
def measure_pairs(now_ns: int, board: Table, expiries: Table, pairs: Table) -> None:
    """Write each pair's synthetic prices and reference."""
    for p in range(len(pairs)):
        pair = pairs[p]
        call, put = board[pair.call_id], board[pair.put_id]
        pair.bid = pair.ask = pair.mark = pair.reference = math.nan
        expiry_ns = expiries[pair.expiry].expiry_ns
        if not (is_alive(now_ns, call, expiry_ns) and is_alive(now_ns, put, expiry_ns)):
            continue
        if abs(call.row_ns - put.row_ns) > LEGS_APART_NS_MAX:
            continue
        if has_quote(call, 1) and has_quote(put, -1):
            pair.bid = call.bid - put.ask
        if has_quote(call, -1) and has_quote(put, 1):
            pair.ask = call.ask - put.bid
        pair.mark = call.mark - put.mark
        pair.reference = 0.5 * (call.forward + put.forward)
        if math.isnan(pair.reference):
            pair.reference = 0.5 * (call.index + put.index)


@njit(cache=True)
def measure_expiries(now_ns: int, board: Table, options: Table, pairs: Table, expiries: Table) -> None:
    """Write forward and smile of every expiry. Shape: options and pairs sorted by expiry, then strike."""
    scratch = np.empty(len(options))
    first = first_pair = 0
    for e in range(len(expiries)):
        row = expiries[e]
        last = first
        while last < len(options) and options[last].expiry == e:
            last += 1
        last_pair = first_pair
        while last_pair < len(pairs) and pairs[last_pair].expiry == e:
            last_pair += 1
        row.years = (row.expiry_ns - now_ns) / YEAR_NS
        row.forward = row.volatility = row.skew = row.butterfly = math.nan
        row.from_parity = False
        row.strikes = 0
        count = 0
        for i in range(first, last):
            quote = board[options[i].instrument]
            if is_alive(now_ns, quote, row.expiry_ns) and quote.forward > 0.0:
                scratch[count] = quote.forward
                count += 1
        if count == 0:
            count = _forwards_by_parity(pairs[first_pair:last_pair], scratch)
            row.from_parity = count > 0
        if count > 0:
            row.forward = np.median(scratch[:count])
            _fit_smile(now_ns, board, options[first:last], row)
        first, first_pair = last, last_pair


@njit(cache=True)
def _forwards_by_parity(pairs: Table, out: np.ndarray) -> int:
    """Write the forwards that an expiry's pairs imply, from quotes if any pair has them, else from marks."""
    count = 0
    for by_marks in (False, True):
        for p in range(len(pairs)):
            synthetic = pairs[p].mark if by_marks else 0.5 * (pairs[p].bid + pairs[p].ask)
            forward = implied_forward(synthetic, pairs[p].strike, pairs[p].inverse)
            if forward > 0.0:
                out[count] = forward
                count += 1
        if count > 0:
            break
    return count


@njit(cache=True)
def _fit_smile(now_ns: int, board: Table, options: Table, row: Row) -> None:
    """Write level, skew and butterfly of one expiry whose forward is known."""
    moneyness, volatility, deltas = np.empty(len(options)), np.empty(len(options)), np.empty(len(options))
    count = i = 0
    while i < len(options):
        strike = options[i].strike
        chosen = math.nan
        while i < len(options) and options[i].strike == strike:
            quote = board[options[i].instrument]
            found = volatility_of(quote) if is_alive(now_ns, quote, row.expiry_ns) else math.nan
            is_out = options[i].is_call == (strike >= row.forward)
            if not math.isnan(found) and (is_out or math.isnan(chosen)):
                chosen = found
            i += 1
        if math.isnan(chosen):
            continue
        moneyness[count] = math.log(strike / row.forward)
        volatility[count] = chosen
        deltas[count] = call_delta(moneyness[count], chosen, row.years)
        count += 1
    row.strikes = count
    row.volatility, row.skew, row.butterfly = measure_smile(count, moneyness, volatility, deltas)


@njit(cache=True)
def measure_terms(expiries: Table, look: Row) -> None:
    """Write the constant maturities of a chain from its expiries."""
    size = len(expiries)
    count = skews = fitted = 0
    years, volatility = np.empty(size), np.empty(size)
    skew_years, skew, butterfly = np.empty(size), np.empty(size), np.empty(size)
    for e in range(size):
        row = expiries[e]
        if math.isnan(row.volatility):
            continue
        fitted += 1
        if row.years < TERM_YEARS_MIN:
            continue
        years[count], volatility[count] = row.years, row.volatility
        count += 1
        if not math.isnan(row.skew):
            skew_years[skews], skew[skews], butterfly[skews] = row.years, row.skew, row.butterfly
            skews += 1
    look.expiries = fitted
    look.volatility_7d = volatility_at(7.0 * DAY_YEARS, count, years, volatility)
    look.volatility_30d = volatility_at(30.0 * DAY_YEARS, count, years, volatility)
    look.volatility_90d = volatility_at(90.0 * DAY_YEARS, count, years, volatility)
    look.slope = math.log(look.volatility_7d / look.volatility_90d)
    look.skew_30d = value_at(30.0 * DAY_YEARS, skews, skew_years, skew)
    look.butterfly_30d = value_at(30.0 * DAY_YEARS, skews, skew_years, butterfly)


@njit(cache=True)
def measure_quotes(now_ns: int, board: Table, options: Table, expiries: Table, look: Row) -> None:
    """Write what is quoted, missing, stale or crossed, over the options that are alive."""
    alive = no_forward = no_volatility = 0
    for i in range(len(options)):
        quote = board[options[i].instrument]
        if is_alive(now_ns, quote, options[i].expiry_ns):
            alive += 1
            no_forward += not quote.forward > 0.0
            no_volatility += math.isnan(volatility_of(quote))
    # A field that the whole chain lacks is the source's nature, not a fault of an option.
    wants_forward, wants_volatility = no_forward < alive, no_volatility < alive
    worth = bids = asks = both = lacking = quoted = otm = otm_missing = stale = crossed = near = 0
    age_s = width = 0.0
    for i in range(len(options)):
        option = options[i]
        quote = board[option.instrument]
        if not is_alive(now_ns, quote, option.expiry_ns):
            continue
        row = expiries[option.expiry]
        old_s = (now_ns - quote.row_ns) * 1e-9
        age_s += old_s
        stale += old_s > STALE_S
        bid, ask = has_quote(quote, 1), has_quote(quote, -1)
        quoted += bid or ask
        crossed += bid and ask and quote.bid > quote.ask
        unit = 1.0 if option.inverse else row.forward
        if quote.mark < WORTH_MIN * unit:
            continue
        volatility = volatility_of(quote)
        lacks = (wants_forward and not quote.forward > 0.0) or (wants_volatility and math.isnan(volatility))
        worth += 1
        bids += bid
        asks += ask
        both += bid and ask
        lacking += lacks or not (bid and ask)
        if row.forward > 0.0 and option.is_call == (option.strike >= row.forward):
            otm += 1
            otm_missing += not (bid and ask)
        if bid and ask and row.forward > 0.0 and not math.isnan(volatility):
            moneyness = math.log(option.strike / row.forward)
            if NEAR_DELTA < call_delta(moneyness, volatility, row.years) < 1.0 - NEAR_DELTA:
                width += (quote.ask - quote.bid) / unit / relative_vega(moneyness, volatility, row.years)
                near += 1
    look.options = alive
    look.age_s = _share(age_s, alive)
    look.stale = _share(stale, alive)
    look.crossed = _share(crossed, alive)
    look.no_forward = _share(no_forward if wants_forward else 0, alive)
    knows = worth if quoted > 0 else 0
    look.bid_share = _share(bids, knows)
    look.ask_share = _share(asks, knows)
    look.both_share = _share(both, knows)
    look.incomplete = _share(lacking, knows)
    look.otm_missing = _share(otm_missing, otm if quoted > 0 else 0)
    look.width_volatility = _share(width, near)


@njit(cache=True)
def _share(part: float, whole: int) -> float:
    return part / whole if whole > 0 else math.nan


@njit(cache=True)
def measure_parity(pairs: Table, expiries: Table, look: Row) -> None:
    """Write how far from parity the typical quoted pair is, against the venue's forward of its expiry."""
    distance = np.empty(len(pairs))
    count = 0
    for p in range(len(pairs)):
        pair = pairs[p]
        expiry = expiries[pair.expiry]
        spread = pair.ask - pair.bid
        if spread > 0.0 and expiry.forward > 0.0 and not expiry.from_parity:
            middle = 0.5 * (pair.bid + pair.ask)
            fair = fair_synthetic(expiry.forward, pair.strike, pair.inverse)
            distance[count] = abs(middle - fair) / spread
            count += 1
    look.parity = np.median(distance[:count]) if count >= PAIRS_MIN else math.nan
