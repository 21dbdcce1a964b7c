"""Quotes: a chain of options as it was quoted, and of each quote whether a fit may use it.

Rules:

1. A fit uses quotes out of the money only: there the time value is the whole price, and nothing is lost by subtraction.
2. A quote that cannot be used says why by its state; nothing is dropped in silence, and the others go on.
3. A quote's moneyness is by the forward that the venue showed with it, so a chain that was read over some seconds fits.
"""

from typing import Final

import msgspec
import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.error import CallerError
from holdfast.risk.market import years_between
from holdfast.risk.pricing.forward import Forward, forward_from_parity
from holdfast.risk.pricing.implied_volatility import solve
from holdfast.risk.pricing.refusal import PRICED

USED, ONE_SIDED, IN_THE_MONEY, EMPTY, CROSSED, UNPRICED, NO_FORWARD, EXPIRED, MALFORMED, FEW = range(10)
STATES: Final = (
    "used",
    "one-sided",  # used as a bound only
    "in-the-money",
    "no-quote",
    "crossed",
    "no-volatility",  # no volatility gives its price
    "no-forward",
    "expired",
    "malformed",  # strike not above zero, infinite price
    "too-few",  # its expiry has too few others
)


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """The options of one asset at one moment.

    Units: prices in quote units for one unit of the asset, in coin when `inverse`; NaN or 0 for a side not quoted. forward
    in quote units, as the venue showed it beside each quote, NaN where it did not. Shape: all arrays (n,), in any order.
    Raises: CallerError `chain.shape` where the arrays differ in length, `chain.spot` where spot is not above zero.
    """

    asset: str
    time_ns: int
    spot: float
    inverse: bool
    expiry_ns: NDArray[np.int64]
    strike: NDArray[np.float64]
    is_call: NDArray[np.bool_]
    bid: NDArray[np.float64]
    ask: NDArray[np.float64]
    forward: NDArray[np.float64]

    def __post_init__(self) -> None:
        arrays = (self.expiry_ns, self.strike, self.is_call, self.bid, self.ask, self.forward)
        if len({array.shape for array in arrays}) != 1 or self.strike.ndim != 1:
            raise CallerError("chain.shape", "the arrays of a chain differ in length", where=self.asset)
        if not 0.0 < self.spot < float("inf"):
            raise CallerError("chain.spot", f"{self.spot!r} is not a price", where=self.asset)


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """A chain in the words of a fit. Shape: all (n,) as in the chain; variances (3, n): of bid, mid and ask, NaN where none.

    Units: moneyness log(strike / forward); total variances; unit is what a price of the chain is in quote units.
    """

    states: NDArray[np.int8]
    years: NDArray[np.float64]
    forwards: NDArray[np.float64]
    moneyness: NDArray[np.float64]
    variances: NDArray[np.float64]
    unit: NDArray[np.float64]
    signs: NDArray[np.float64]


def prepare(chain: Chain) -> Prepared:
    """Judge every quote of a chain and turn the usable ones into total variances."""
    n = len(chain.strike)
    years = years_between_all(chain.time_ns, chain.expiry_ns)
    forwards = np.where(chain.forward > 0.0, chain.forward, np.nan)
    for expiry in np.unique(chain.expiry_ns[~np.isfinite(forwards)]).tolist():
        of = chain.expiry_ns == expiry
        lacks = of & ~np.isfinite(forwards)
        known = forwards[of & np.isfinite(forwards)]
        forwards[lacks] = np.median(known) if len(known) else _parity_forward(chain, of)
    signs = np.where(chain.is_call, 1.0, -1.0)
    bids = np.where(chain.bid > 0.0, chain.bid, np.nan)
    asks = np.where(chain.ask > 0.0, chain.ask, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        moneyness = np.log(chain.strike / forwards)
        good = (chain.strike > 0.0) & np.isfinite(chain.strike)
        good &= ~np.isinf(chain.bid) & ~np.isinf(chain.ask) & ~(chain.bid < 0.0) & ~(chain.ask < 0.0)
        states = np.full(n, USED, dtype=np.int8)
        for state, where in (
            (ONE_SIDED, np.isfinite(bids) != np.isfinite(asks)),
            (CROSSED, bids >= asks),
            (EMPTY, np.isnan(bids) & np.isnan(asks)),
            (IN_THE_MONEY, signs * moneyness < 0.0),
            (NO_FORWARD, ~np.isfinite(forwards)),
            (MALFORMED, ~good),
            (EXPIRED, ~(years > 0.0)),
        ):
            states[where] = state
    unit = forwards if chain.inverse else np.ones(n)
    variances = np.full((3, n), np.nan)
    wanted = np.flatnonzero((states == USED) | (states == ONE_SIDED))
    two_sided = wanted[states[wanted] == USED]
    for row, prices, which in (
        (0, bids, wanted[np.isfinite(bids[wanted])]),
        (1, 0.5 * (bids + asks), two_sided),
        (2, asks, wanted[np.isfinite(asks[wanted])]),
    ):
        volatilities, codes = _volatilities(
            (prices * unit)[which], forwards[which], chain.strike[which], years[which], signs[which]
        )
        variances[row, which] = np.where(codes == PRICED, volatilities * volatilities * years[which], np.nan)
        states[which[codes != PRICED]] = UNPRICED
    return Prepared(
        states=states, years=years, forwards=forwards, moneyness=moneyness, variances=variances, unit=unit,
        signs=signs,
    )  # fmt: skip


def years_between_all(time_ns: int, expiry_ns: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the times to expiry in years of 365 days. Shape: (n,)."""
    expiries, which = np.unique(expiry_ns, return_inverse=True)
    return np.array([years_between(time_ns, int(expiry)) for expiry in expiries] or [0.0])[which]


def quoted_butterflies(chain: Chain, prepared: Prepared, of: NDArray[np.bool_]) -> int:
    """Count the butterflies of neighbouring strikes of one expiry that can be bought for less than nothing.

    Wings at the ask, body at the bid, calls and puts apart: money for nothing at the quotes, whatever the model.
    """
    count = 0
    for calls in (True, False):
        which = np.flatnonzero(of & (chain.is_call == calls) & (chain.bid > 0.0) & (chain.ask > 0.0))
        which = which[np.argsort(chain.strike[which])]
        if len(which) >= 3:
            unit = prepared.unit[which]
            count += int(_butterflies(chain.strike[which], chain.bid[which] * unit, chain.ask[which] * unit))
    return count


def quoted_calendars(prepared: Prepared, earlier: NDArray[np.bool_], later: NDArray[np.bool_]) -> int:
    """Count the bids of one expiry that lie above the asks of the next one at the same moneyness.

    Between two strikes of the later expiry its ask is taken on the line between them, which is above a convex smile.
    """
    before = np.flatnonzero(earlier & np.isfinite(prepared.variances[0]))
    after = np.flatnonzero(later & np.isfinite(prepared.variances[2]))
    after = after[np.argsort(prepared.moneyness[after])]
    if len(after) < 2:
        return 0
    k = prepared.moneyness[before]
    line = np.interp(k, prepared.moneyness[after], prepared.variances[2][after], left=np.inf, right=np.inf)
    return int(np.sum(prepared.variances[0][before] > line))


@njit(cache=True)
def _volatilities(
    prices: np.ndarray, forwards: np.ndarray, strikes: np.ndarray, years: np.ndarray, signs: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return volatilities and codes on this thread: a chain is too small to be worth waking others."""
    volatilities, codes = np.empty(len(prices)), np.empty(len(prices), np.int8)
    for i in range(len(prices)):
        volatilities[i], codes[i] = solve(prices[i], forwards[i], strikes[i], years[i], signs[i], 1.0)
    return volatilities, codes


@njit(cache=True)
def _butterflies(strikes: np.ndarray, bids: np.ndarray, asks: np.ndarray) -> int:
    count = 0
    for i in range(1, strikes.shape[0] - 1):
        left, right = strikes[i] - strikes[i - 1], strikes[i + 1] - strikes[i]
        if asks[i - 1] * right + asks[i + 1] * left < bids[i] * (left + right):
            count += 1
    return count


def _parity_forward(chain: Chain, of: NDArray[np.bool_]) -> float:
    """Return the forward of an expiry that calls against puts of one strike say, NaN where they say none."""
    calls, puts = np.flatnonzero(of & chain.is_call), np.flatnonzero(of & ~chain.is_call)
    strikes, c, p = np.intersect1d(chain.strike[calls], chain.strike[puts], return_indices=True)
    c, p = calls[c], puts[p]
    found = forward_from_parity(
        strikes, chain.bid[c], chain.ask[c], chain.bid[p], chain.ask[p], inverse=chain.inverse
    )
    return found.forward if isinstance(found, Forward) else float("nan")
