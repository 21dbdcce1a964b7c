"""Valuation: what every leg is worth and how that moves: values and greeks in base currency, by leg and added up.

Rules:

1. Greeks of a leg are of its value in base currency, by the price of its own asset (delta, gamma), so that those of one
   asset add up over venues and kinds. The delta of a coin-settled contract therefore holds the coin premium or profit.
2. What a leg is quoted or paid in is an exposure too, where that is not its asset: `exposures` has the dollars of every
   asset in every role, settlement currencies included.
3. Kernel numbers are raw (a unit of volatility, a year); `Report` scales them: gamma for a move of 1 %, vega for a point,
   theta for a day, rho for a basis point.
4. What is missing is carried along; it is in no number.
"""

import math
from collections.abc import Hashable
from typing import Any, Final, TypeVar

import msgspec
import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.risk.legs import (
    AMERICAN,
    BARRIER,
    CASH,
    DIGITAL,
    INVERSE,
    LINEAR,
    OPTION_INVERSE,
    Legs,
)
from holdfast.risk.missing import Missing
from holdfast.risk.pricing.greeks import DELTA, GAMMA, PRICE, RHO, THETA, VEGA, fill_greeks
from holdfast.risk.pricing.inverse import to_coin
from holdfast.risk.pricing.payoff import payoff_price

# columns of a valuation
VALUE, DELTA_ASSET, GAMMA_ASSET, VEGA_RAW, THETA_RAW, RHO_RAW, DOLLARS_QUOTE, DOLLARS_SETTLE = range(8)
COLUMNS: Final = 8

DAYS_PER_YEAR: Final = 365.0
BUCKETS_DAYS: Final = (1.0, 7.0, 30.0, 90.0, 180.0, 365.0)
BUMP: Final = 1e-4  # of price and volatility, for payoffs whose greeks have no closed form here


Name = TypeVar("Name", bound=Hashable)


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Value and greeks as desks say them, in base currency.

    Units: delta in units of the asset (NaN over several assets); delta_dollars that times the price; gamma the change of
    delta, in dollars at the price of now, when the price moves 1 %; vega for one point of volatility; theta for a day; rho
    for one basis point. `gross_dollars` adds up delta_dollars of legs without their signs.
    """

    value: float
    delta: float
    delta_dollars: float
    gross_dollars: float
    gamma: float
    vega: float
    theta: float
    rho: float
    legs: int


class Valuation(msgspec.Struct, frozen=True, kw_only=True):
    """The legs, valued. Shape: numbers (legs, 8) by the columns above, raw."""

    legs: Legs
    numbers: NDArray[np.float64]

    @property
    def missing(self) -> tuple[Missing, ...]:
        """Return what is in no number, and why."""
        return self.legs.missing

    @property
    def value(self) -> float:
        """Return what everything is worth, in base currency."""
        return float(self.numbers[:, VALUE].sum())

    def total(self) -> Report:
        """Return everything added up."""
        return self.of(np.ones(len(self.numbers), dtype=bool))

    def of(self, chosen: NDArray[np.bool_]) -> Report:
        """Return the legs chosen, added up. Shape: chosen (legs,)."""
        legs, numbers = self.legs.legs[chosen], self.numbers[chosen]
        prices = self.legs.prices[legs["asset"]]
        dollars = numbers[:, DELTA_ASSET] * prices
        one_asset = legs.size > 0 and (legs["asset"] == legs["asset"][0]).all()
        return Report(
            value=float(numbers[:, VALUE].sum()),
            delta=float(numbers[:, DELTA_ASSET].sum()) if one_asset else float("nan"),
            delta_dollars=float(dollars.sum()),
            gross_dollars=float(np.abs(dollars).sum()),
            gamma=float((numbers[:, GAMMA_ASSET] * prices * prices).sum()) * 0.01,
            vega=float(numbers[:, VEGA_RAW].sum()) * 0.01,
            theta=float(numbers[:, THETA_RAW].sum()) / DAYS_PER_YEAR,
            rho=float(numbers[:, RHO_RAW].sum()) * 1e-4,
            legs=len(legs),
        )

    def by_asset(self) -> dict[str, Report]:
        """Return what legs are about, by asset; what they are quoted and paid in besides is in `exposures`."""
        return self._by(self.legs.legs["asset"], self.legs.assets)

    def by_account(self) -> dict[tuple[str, str], Report]:
        """Return each account, legs or not."""
        return self._by(self.legs.legs["account"], self.legs.accounts)

    def by_venue(self) -> dict[str, Report]:
        """Return each venue."""
        venues = tuple(dict.fromkeys(venue for venue, _ in self.legs.accounts))
        number = np.array([venues.index(venue) for venue, _ in self.legs.accounts], dtype=np.int64)
        return self._by(number[self.legs.legs["account"]], venues)

    def by_expiry(self) -> dict[str, Report]:
        """Return what expires, by time to expiry, and what does not (`none`)."""
        years = self.legs.legs["years"]
        buckets = np.searchsorted(np.array(BUCKETS_DAYS) / DAYS_PER_YEAR, years) + 1
        names = ("none", *(f"<= {days:g} d" for days in BUCKETS_DAYS), f"> {BUCKETS_DAYS[-1]:g} d")
        found = self._by(np.where(years > 0.0, buckets, 0), names)
        return {name: report for name, report in found.items() if report.legs}

    def exposures(self) -> dict[str, float]:
        """Return by asset the base currency gained per unit of log move of its price, from every role it plays in a leg."""
        rows = self.legs.legs
        dollars = np.bincount(
            rows["asset"],
            self.numbers[:, DELTA_ASSET] * self.legs.prices[rows["asset"]],
            len(self.legs.assets),
        )
        dollars += np.bincount(rows["quote"], self.numbers[:, DOLLARS_QUOTE], len(self.legs.assets))
        dollars += np.bincount(rows["settle"], self.numbers[:, DOLLARS_SETTLE], len(self.legs.assets))
        return dict(zip(self.legs.assets[1:], dollars[1:].tolist(), strict=True))

    def _by(self, number: NDArray[np.int64], names: tuple[Name, ...]) -> dict[Name, Report]:
        return {name: self.of(number == index) for index, name in enumerate(names)}


def value(legs: Legs) -> Valuation:
    """Value legs as the market stands. Cost: 0.1 us a leg, 20 us an American option."""
    numbers = np.zeros((len(legs.legs), COLUMNS))
    _fill(legs.legs, legs.prices, numbers)
    return Valuation(legs=legs, numbers=numbers)


def moved(before: Valuation, asset: int, price: float) -> Valuation:
    """Value anew after one asset's price moved, strikes keeping their volatility: only legs that it is in are touched.

    Units: price in base currency; `asset` is its number in `Legs.assets`.
    """
    prices = before.legs.prices.copy()
    prices[asset] = price
    legs = msgspec.structs.replace(before.legs, prices=prices)
    numbers = before.numbers.copy()
    _refill(legs.legs, prices, asset, numbers)
    return Valuation(legs=legs, numbers=numbers)


@njit(cache=True, error_model="numpy")
def _fill(legs: np.ndarray, prices: np.ndarray, numbers: np.ndarray) -> None:
    scratch = np.empty(14)
    for j in range(legs.shape[0]):
        _value_leg(legs[j], prices, scratch, numbers[j])


@njit(cache=True, error_model="numpy")
def _refill(legs: np.ndarray, prices: np.ndarray, asset: int, numbers: np.ndarray) -> None:
    scratch = np.empty(14)
    for j in range(legs.shape[0]):
        leg = legs[j]
        if leg.asset == asset or leg.quote == asset or leg.settle == asset:
            _value_leg(leg, prices, scratch, numbers[j])


@njit(cache=True, error_model="numpy")
def _value_leg(leg: Any, prices: np.ndarray, g: np.ndarray, out: np.ndarray) -> None:
    """Write one leg: f is its worth in units of `settle`, as a function of the forward."""
    out[:] = 0.0
    settle, price = prices[leg.settle], prices[leg.asset]
    if leg.kind == CASH:
        out[VALUE] = leg.quantity * price
        out[DELTA_ASSET] = leg.quantity
        return
    forward = leg.ratio * price / prices[leg.quote]
    g[:] = 0.0
    if leg.kind == LINEAR:
        g[PRICE], g[DELTA] = forward - leg.entry, 1.0
    elif leg.kind == INVERSE:
        g[PRICE] = 1.0 / leg.entry - 1.0 / forward
        g[DELTA] = 1.0 / (forward * forward)
        g[GAMMA] = -2.0 * g[DELTA] / forward
    elif leg.kind == DIGITAL or leg.kind == AMERICAN or leg.kind == BARRIER:
        _bump(leg, forward, g)
    else:
        fill_greeks(forward, leg.strike, leg.years, leg.volatility, leg.sign, leg.discount, g)
        if leg.kind == OPTION_INVERSE:
            to_coin(forward, g)
            g[RHO] = 0.0  # what is paid in coin is not discounted by a dollar rate
        g[RHO] += leg.years * forward * g[DELTA]  # but a rate that moves takes the forward with it
    if leg.kind != LINEAR and leg.kind != INVERSE:
        out[VEGA_RAW] = leg.quantity * settle * g[VEGA]
        out[THETA_RAW] = leg.quantity * settle * g[THETA]
        out[RHO_RAW] = leg.quantity * settle * g[RHO]
    scale = leg.quantity * settle
    elastic = scale * g[DELTA] * forward  # by the log of the forward
    out[VALUE] = scale * g[PRICE]
    out[DELTA_ASSET] = elastic / price
    out[GAMMA_ASSET] = scale * g[GAMMA] * forward * forward / (price * price)
    out[DOLLARS_QUOTE] = -elastic
    if leg.settle == leg.asset:  # the asset is what it is paid in: both roles are one exposure
        out[DELTA_ASSET] += out[VALUE] / price
        out[GAMMA_ASSET] += 2.0 * elastic / (price * price)
    else:
        out[DOLLARS_SETTLE] = out[VALUE]


@njit(cache=True, error_model="numpy")
def _bump(leg: Any, forward: float, g: np.ndarray) -> None:
    """Write price and greeks of other payoffs by central differences, theta one-sided into what is left of time."""
    volatility, years = leg.volatility, leg.years
    h = BUMP * forward * max(1.0, 10.0 * volatility * math.sqrt(years))
    up, down = (
        _price_of(leg, forward + h, volatility, years, 0.0),
        _price_of(leg, forward - h, volatility, years, 0.0),
    )
    g[PRICE] = _price_of(leg, forward, volatility, years, 0.0)
    g[DELTA] = (up - down) / (2.0 * h)
    g[GAMMA] = (up - 2.0 * g[PRICE] + down) / (h * h)
    v = BUMP * volatility
    up, down = (
        _price_of(leg, forward, volatility + v, years, 0.0),
        _price_of(leg, forward, volatility - v, years, 0.0),
    )
    g[VEGA] = (up - down) / (2.0 * v)
    g[THETA] = (_price_of(leg, forward, volatility, years * (1.0 - BUMP), 0.0) - g[PRICE]) / (BUMP * years)
    up, down = (
        _price_of(leg, forward, volatility, years, BUMP),
        _price_of(leg, forward, volatility, years, -BUMP),
    )
    g[RHO] = (up - down) / (2.0 * BUMP)


@njit(cache=True, error_model="numpy")
def _price_of(leg: Any, forward: float, volatility: float, years: float, rate: float) -> float:
    """Price a payoff with less time, or at a rate that is so much higher while its spot is held."""
    share = years / leg.years
    drift = math.exp(rate * years)
    return payoff_price(
        leg.kind, forward * drift, leg.strike, years, volatility, leg.sign, leg.discount**share / drift, leg.barrier,
        leg.barrier_type, leg.rebate, forward / leg.ratio**share,
    )  # fmt: skip
