"""Inverse: options that are quoted, paid and settled in the coin they are on, as Deribit's.

An inverse call pays max(1 - strike / S, 0) coins, worth max(S - strike, 0) quote units: so its value in quote units is
Black-76, and its price in coin that over the forward. Which delta is which, for Black's delta d, price p in coin, forward F:

- `black`, d: the change of the value in quote units for one unit of price. Coins to sell where the books are in quote
  currency and the premium was paid from it. It is the `delta` that Deribit shows for an instrument and in its chains.
- `net_transaction`, d - p: the change of the value in coin, times F. Coins to sell (as inverse perpetual: F times as many
  dollars of contract) where the books are in coin, as the premium itself is coin. Deribit's net transaction delta, and
  what an account's delta grows by after a trade.
- `coin`, (d - p) / F: the derivative of the price in coin by the forward, in coins for one quote unit. No venue shows it.

Rules:

1. A short option's net transaction delta is minus it: the premium received is coin held.
2. The deltas differ by p: for a deep call d is 1 and d - p is strike / F.
3. The index that settles and the forward that prices are one number here; the basis between them is a position of its own.

Units: prices in coin for an option on one coin; greeks in coin by one quote unit, one whole unit of volatility, one year. A
venue's vega is in quote units for one point of volatility: `venue_vega`.
Source: Deribit, contract specifications of inverse options and the article on its types of delta; Alexander, Chen, Imeraj
(2023), Crypto quanto and inverse options.
"""

import msgspec
import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.risk.missing import Missing
from holdfast.risk.pricing.black76 import black76_price, input_code
from holdfast.risk.pricing.greeks import (
    CHARM,
    COLOR,
    DELTA,
    GAMMA,
    PRICE,
    SPEED,
    THETA,
    VANNA,
    VEGA,
    ZOMMA,
    Greeks,
    greeks,
)
from holdfast.risk.pricing.implied_volatility import implied_volatility
from holdfast.risk.pricing.normal import FLAGS
from holdfast.risk.pricing.refusal import PRICED, refusal


class Deltas(msgspec.Struct, frozen=True):
    """The deltas of one inverse option: see the table above."""

    black: float
    net_transaction: float
    coin: float


def coin_price(
    forward: float, strike: float, years: float, volatility: float, sign: float, discount: float = 1.0
) -> float | Missing:
    """Return the price in coin of an option on one coin, or why there is none.

    >>> round(coin_price(50000.0, 50000.0, 0.25, 0.8, 1.0), 6)
    0.158519
    """
    code = input_code(forward, strike, years, volatility, sign, discount)
    if code != PRICED:
        return refusal(code)
    return black76_price(forward, strike, years, volatility, sign, discount) / forward


def coin_implied_volatility(
    price_coin: float, forward: float, strike: float, years: float, sign: float, discount: float = 1.0
) -> float | Missing:
    """Return the volatility of a price in coin, or why there is none.

    >>> coin_implied_volatility(1.2, 50000.0, 50000.0, 0.25, 1.0).code
    'price.above-maximum'
    """
    return implied_volatility(price_coin * forward, forward, strike, years, sign, discount)


def coin_greeks(
    forward: float, strike: float, years: float, volatility: float, sign: float, discount: float = 1.0
) -> Greeks | Missing:
    """Return the price in coin and its derivatives, in coins, by the same things as `greeks`."""
    quote = greeks(forward, strike, years, volatility, sign, discount)
    if isinstance(quote, Missing):
        return quote
    out = np.array(msgspec.structs.astuple(quote))
    to_coin(forward, out)
    return Greeks(*out.tolist())


def deltas(
    forward: float, strike: float, years: float, volatility: float, sign: float, discount: float = 1.0
) -> Deltas | Missing:
    """Return the deltas in use for one inverse option.

    >>> call = deltas(50000.0, 50000.0, 0.25, 0.8, 1.0)
    >>> round(call.black, 4), round(call.net_transaction, 4)
    (0.5793, 0.4207)
    """
    quote = greeks(forward, strike, years, volatility, sign, discount)
    if isinstance(quote, Missing):
        return quote
    net = quote.delta - quote.price / forward
    return Deltas(quote.delta, net, net / forward)


def venue_vega(vega: float) -> float:
    """Return a vega of ours, for a whole unit of volatility, as venues show it: for one point."""
    return 0.01 * vega


@njit(cache=True, error_model="numpy", fastmath=FLAGS)
def to_coin(forward: float, out: NDArray[np.float64]) -> None:
    """Turn price and greeks in quote units (14,), as `fill_greeks` writes them, into those of the price in coin."""
    inverse = 1.0 / forward
    for k in range(out.shape[0]):
        out[k] *= inverse
    # the quotient rule, from the highest derivative by the forward down: each reads the lower ones before they change
    out[SPEED] -= 3.0 * inverse * (out[GAMMA] - 2.0 * inverse * (out[DELTA] - inverse * out[PRICE]))
    out[GAMMA] -= 2.0 * inverse * (out[DELTA] - inverse * out[PRICE])
    out[ZOMMA] -= 2.0 * inverse * (out[VANNA] - inverse * out[VEGA])
    out[COLOR] -= 2.0 * inverse * (out[CHARM] - inverse * out[THETA])
    out[DELTA] -= inverse * out[PRICE]
    out[VANNA] -= inverse * out[VEGA]
    out[CHARM] -= inverse * out[THETA]
