"""Linear: perpetuals and futures, margined in quote currency or in coin: profit, funding, and what a fair basis is.

Rules:

1. A linear position is in units of the asset, an inverse one in quote units (dollars of contract); both signed.
2. The profit of an inverse position is in coin and is concave in the price: a long one loses faster the further it falls.
3. Positive funding is paid by longs to shorts; a payment is negative for who pays.

Units: prices in quote units and positive, rates fractions of one funding interval or, where said, continuous a year.
Source: Deribit, Binance, OKX contract specifications; He, Manela, Ross, von Wachter (2022), Fundamentals of perpetual
futures, for the fair perpetual; the rest is cash and carry.
"""

import math

from numba import njit


@njit(cache=True, error_model="numpy")
def linear_profit(quantity: float, entry: float, mark: float) -> float:
    """Return the profit in quote units of a position in units of the asset.

    >>> linear_profit(-2.0, 50000.0, 49000.0)
    2000.0
    """
    return quantity * (mark - entry)


@njit(cache=True, error_model="numpy")
def inverse_profit_coin(quantity: float, entry: float, mark: float) -> float:
    """Return the profit in coin of an inverse position of so many quote units.

    >>> inverse_profit_coin(100_000.0, 50_000.0, 40_000.0)
    -0.5
    """
    return quantity * (mark - entry) / (entry * mark)


@njit(cache=True, error_model="numpy")
def inverse_profit(quantity: float, entry: float, mark: float) -> float:
    """Return the profit of an inverse position in quote units, at the mark.

    >>> inverse_profit(100_000.0, 50_000.0, 40_000.0)
    -20000.0
    """
    return quantity * (mark - entry) / entry


@njit(cache=True, error_model="numpy")
def inverse_entry(quantity: float, entry: float, added: float, price: float) -> float:
    """Return the entry price after adding to an inverse position: harmonic, so that the profit in coin stays what it was.

    Limits: for an addition in the direction of the position; a reduction keeps the entry.

    >>> inverse_entry(40_000.0, 40_000.0, 60_000.0, 60_000.0)
    50000.0
    """
    return (quantity + added) / (quantity / entry + added / price)


@njit(cache=True, error_model="numpy")
def inverse_delta_coin(quantity: float, mark: float) -> float:
    """Return how many coins of asset an inverse position of so many quote units is, at the mark.

    >>> inverse_delta_coin(100_000.0, 40_000.0)
    2.5
    """
    return quantity / mark


@njit(cache=True, error_model="numpy")
def funding_payment(quantity: float, mark: float, rate: float) -> float:
    """Return what a linear position receives, in quote units, for one interval at a funding rate.

    >>> funding_payment(2.0, 50_000.0, 0.0001)
    -10.0
    """
    return -quantity * mark * rate


@njit(cache=True, error_model="numpy")
def funding_payment_coin(quantity: float, mark: float, rate: float) -> float:
    """Return what an inverse position of so many quote units receives, in coin, for one interval.

    >>> funding_payment_coin(-100_000.0, 50_000.0, 0.0001)
    0.0002
    """
    return -quantity / mark * rate


@njit(cache=True, error_model="numpy")
def funding_a_year(rate: float, intervals: float) -> float:
    """Return a funding rate for one interval as a continuous rate a year of so many intervals (8-hourly: 1095).

    >>> round(funding_a_year(0.0001, 1095.0), 6)
    0.109495
    """
    return intervals * math.log1p(rate)


@njit(cache=True, error_model="numpy")
def future_fair_price(spot: float, years: float, rate: float, yield_: float) -> float:
    """Return the price at which a future is neither cheap nor dear: spot, financed, less what holding the asset earns.

    >>> round(future_fair_price(50_000.0, 0.25, 0.05, 0.01), 2)
    50502.51
    """
    return spot * math.exp((rate - yield_) * years)


@njit(cache=True, error_model="numpy")
def basis_a_year(spot: float, future: float, years: float) -> float:
    """Return the continuous rate a year that a future's price implies; 0 at expiry, where it implies none.

    >>> round(basis_a_year(50_000.0, 50_502.51, 0.25), 6)
    0.04
    """
    return math.log(future / spot) / years if years > 0.0 else 0.0


@njit(cache=True, error_model="numpy")
def perpetual_fair_price(spot: float, rate: float, yield_: float, pull: float = 1095.0) -> float:
    """Return the price of a linear perpetual without arbitrage, whose funding is `pull` a year times its premium.

    Units: rate and yield continuous a year; pull 1095 where the whole premium is paid every 8 hours.
    Limits: no clamp or floor of the funding rate, which venues have; rate - yield must be below the pull.

    >>> round(perpetual_fair_price(50_000.0, 0.05, 0.0), 3)
    50002.283
    """
    return spot * pull / (pull - (rate - yield_))
