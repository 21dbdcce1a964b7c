"""Moves: one account under its margin model as prices and volatilities move, the account itself unchanged.

Rules:

1. A move is a factor on an asset's price; forwards, perpetuals and futures move with it, options keep the volatility of
   their strike times one factor for all. Assets that are not named stay.
2. A model that can measure legs (`LegModel`) is asked so, with the legs compiled once; any other is given a moved market.
"""

import math
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import msgspec
import numpy as np

from holdfast.risk.legs import Legs, compile_legs
from holdfast.risk.margin.base import MarginModel, MarginResult
from holdfast.risk.market import Curve, Mark, Price, RiskMarket
from holdfast.risk.portfolio import Portfolio
from holdfast.risk.surface.base import A, B, Surface


@runtime_checkable
class LegModel(Protocol):
    """A margin model that measures legs which are compiled already."""

    def measure_legs(self, portfolio: Portfolio, legs: Legs, time_ns: int) -> MarginResult:
        """Return what the account must post."""
        ...


class MovedAccount:
    """An account, its model and its market. Cost: one measurement a call of `result` or `headroom`."""

    def __init__(self, model: MarginModel, portfolio: Portfolio, market: RiskMarket) -> None:
        self.model = model
        self.portfolio = portfolio
        self.market = market
        self.legs = compile_legs(portfolio, market)
        self.has_options = bool((self.legs.legs["volatility"] > 0.0).any())

    def result(self, factors: Mapping[str, float], volatility: float = 1.0) -> MarginResult:
        """Return the margin once prices are multiplied by factors, by asset, and volatilities by one factor."""
        if isinstance(self.model, LegModel):
            legs = moved_legs(self.legs, factors, volatility)
            return self.model.measure_legs(self.portfolio, legs, self.market.time_ns)
        return self.model.measure(
            self.portfolio, moved_market(self.portfolio, self.market, factors, volatility)
        )

    def headroom(self, factors: Mapping[str, float], volatility: float = 1.0) -> float:
        """Return equity above the maintenance margin after such a move."""
        return self.result(factors, volatility).headroom


def moved_legs(legs: Legs, factors: Mapping[str, float], volatility: float) -> Legs:
    """Return legs whose assets' prices and volatilities have moved."""
    prices = legs.prices * np.array([factors.get(asset, 1.0) for asset in legs.assets])
    rows = legs.legs
    if volatility != 1.0:
        rows = rows.copy()
        rows["volatility"] *= volatility
    return msgspec.structs.replace(legs, legs=rows, prices=prices)


def moved_market(
    portfolio: Portfolio, market: RiskMarket, factors: Mapping[str, float], volatility: float = 1.0
) -> RiskMarket:
    """Return a market in which assets have moved. Marks of contracts that the portfolio does not hold are not in it."""
    held = {position.contract.name: position.contract for position in portfolio.positions}
    marks: dict[str, Mark] = {}
    for name, contract in held.items():
        mark = market.marks.get(name)
        if mark is None:
            continue
        if (
            contract.kind == "option"
        ):  # models price options from volatilities; the old price is no longer one
            marks[name] = Mark(price=math.nan, time_ns=mark.time_ns, volatility=mark.volatility * volatility)
        else:
            factor = factors.get(contract.asset, 1.0) / factors.get(contract.quote, 1.0)
            marks[name] = msgspec.structs.replace(
                mark, price=mark.price * factor, bid=mark.bid * factor, ask=mark.ask * factor
            )
    return RiskMarket(
        time_ns=market.time_ns,
        base_currency=market.base_currency,
        prices={
            asset: Price(price.value * factors.get(asset, 1.0), price.time_ns, price.source)
            for asset, price in market.prices.items()
        },
        curves={
            asset: _moved_curve(curve, factors.get(asset, 1.0)) for asset, curve in market.curves.items()
        },
        surfaces={asset: _scaled(surface, volatility) for asset, surface in market.surfaces.items()},
        marks=marks,
        depths=market.depths,
    )


def _moved_curve(curve: Curve, factor: float) -> Curve:
    forwards = tuple(forward * factor for forward in curve.forwards)
    return Curve(curve.time_ns, curve.spot * factor, curve.expiries_ns, forwards, curve.discounts)


def _scaled(surface: Surface, volatility: float) -> Surface:
    if volatility == 1.0:
        return surface
    slices = surface.slices.copy()
    slices[:, (A, B)] *= volatility * volatility
    return msgspec.structs.replace(surface, slices=slices)
