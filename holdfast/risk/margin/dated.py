"""Dated models: what every margin model with dated parameters does before its own rules begin.

A model gives its rules under one set of parameters (`under`); which set holds is for the market's time to say, and a time
before the first set is a refusal.
"""

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from holdfast.risk.legs import Legs, compile_legs
from holdfast.risk.margin.base import MarginResult
from holdfast.risk.margin.parameters import ParameterSet, ParameterSets
from holdfast.risk.margin.refused import refused
from holdfast.risk.market import RiskMarket
from holdfast.risk.missing import Missing
from holdfast.risk.portfolio import Portfolio

V = TypeVar("V")


class DatedModel(ABC, Generic[V]):
    """A margin model by name, over dated sets of parameters `V`."""

    name: str

    def __init__(self, sets: ParameterSets[V]) -> None:
        self._sets = sets

    def measure(self, portfolio: Portfolio, market: RiskMarket) -> MarginResult:
        """Return what the account must post; what could not be priced or has no parameters is in `missing`."""
        return self.measure_legs(portfolio, compile_legs(portfolio, market), market.time_ns)

    def measure_legs(self, portfolio: Portfolio, legs: Legs, time_ns: int) -> MarginResult:
        """Return the same of legs compiled already, at a time."""
        held = self._sets.at(time_ns)
        if isinstance(held, Missing):
            return refused(self.name, portfolio, held)
        return self.under(portfolio, legs, held)

    @abstractmethod
    def under(self, portfolio: Portfolio, legs: Legs, held: ParameterSet[V]) -> MarginResult:
        """Return what the account must post under one set of parameters."""
