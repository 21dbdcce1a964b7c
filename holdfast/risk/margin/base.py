"""Margin base: what every margin model is and gives back.

Rules:

1. A model is `measure(portfolio, market) -> MarginResult | Refused`; the portfolio is one account of one venue.
2. Parameters are data (`parameters/*.yml`, one file a model) with the date from which each set holds; the market's
   time chooses.
3. `im` and `mm` are positive requirements in `currency`; `equity` is what stands against them. `headroom = equity - mm`.
"""

from typing import Protocol

import msgspec

from holdfast.risk.market import RiskMarket
from holdfast.risk.missing import Missing
from holdfast.risk.portfolio import Portfolio


class ScenarioLoss(msgspec.Struct, frozen=True):
    """One scenario of a margin model. Units: profit in the result's currency, losses negative."""

    name: str
    profit: float


class MarginResult(msgspec.Struct, frozen=True, kw_only=True):
    """What an account must post. `parts` names the pieces that the requirement is made of, in the model's own words."""

    model: str
    currency: str
    im: float
    mm: float
    equity: float
    scenarios: tuple[ScenarioLoss, ...] = ()
    parts: dict[str, float] = {}
    parameters_from: str = ""
    missing: tuple[Missing, ...] = ()

    @property
    def headroom(self) -> float:
        """Return equity above the maintenance margin: at zero the venue begins to liquidate."""
        return self.equity - self.mm

    @property
    def ratio(self) -> float:
        """Return maintenance margin over equity: 1 at liquidation, infinite without equity."""
        if self.equity <= 0.0:
            return float("inf") if self.mm > 0.0 or self.equity < 0.0 else 0.0
        return self.mm / self.equity


class MarginModel(Protocol):
    """A margin model by name, as in `Account.margin_model`."""

    name: str

    def measure(self, portfolio: Portfolio, market: RiskMarket) -> MarginResult:
        """Return what the account must post; what could not be priced is in `missing`."""
        ...
