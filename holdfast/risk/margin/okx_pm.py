"""OKX's portfolio margin: one risk unit an asset, stressed nine ways.

Rules:

1. A unit's maintenance is max(max(MR1, MR2, MR6) + MR3 + MR4 + MR5 + MR9, MR7); the account's is the units' sum plus MR8
   for its debts. Initial is 1.3 x the units' sum plus the debts' own.
2. A unit holds every perpetual, future and option on an asset, whatever dollar they settle in, and as much of the asset
   held as hedges them.
3. MR1 price by volatility, MR2 a day's decay, MR3 volatility across expiries, MR4 the curve of futures, MR5 interest,
   MR6 a far move (a share of its loss), MR7 closing costs, MR8 debts, MR9 stablecoins.

Source: okx.com help, "Portfolio margin mode: cross-margin trading (Risk Unit Merge)" (2024-12-03, updated 2025-12-04) and
announcements of 2024-05-10, 2024-11-25 and 2025-01-02; article 4417291853837 (MR7 tiers). Formula of the sum:
okx.com help, "Multi-currency margin mode vs. Portfolio margin mode" (2025-07-09).
Limits: MR3's and MR4's exact formulas, MR5's tenors, MR7's slippages and MR8's tiers were not found on a readable page:
what stands for them is named in the parameter file under `assumed`. Open orders are not modelled; collateral is what the
portfolio's own haircuts leave of it.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.risk.legs import CASH, INVERSE, Legs
from holdfast.risk.margin.base import MarginResult, ScenarioLoss
from holdfast.risk.margin.dated import DatedModel
from holdfast.risk.margin.leg_shifts import deltas, subset
from holdfast.risk.margin.okx_charges import closing_option, hedged_across, peg_charge, tiered
from holdfast.risk.margin.okx_parameters import OkxValues, of_class
from holdfast.risk.margin.okx_stress import Stress
from holdfast.risk.margin.parameters import ParameterSet
from holdfast.risk.margin.pools import Pool, haircuts, pooled
from holdfast.risk.missing import Missing
from holdfast.risk.portfolio import Portfolio
from holdfast.risk.revalue import values


class OkxPortfolioMargin(DatedModel[OkxValues]):
    """OKX's portfolio margin mode. Units: base currency. Cost: ten revaluations of each unit's legs."""

    name = "okx-pm"

    def under(self, portfolio: Portfolio, legs: Legs, held: ParameterSet[OkxValues]) -> MarginResult:
        """Return what the account must post under one set of parameters."""
        first = len(portfolio.positions)
        cuts = {first + number: balance.haircut for number, balance in enumerate(portfolio.balances)}
        account = _Account(legs, held.values)
        units = account.units()
        debts = account.debts()
        borrowing = held.values.borrowing
        mm = sum(units.values()) + borrowing.mmr * debts
        parts = {f"{asset}.mmr": value for asset, value in units.items()} | account.parts
        pool = Pool(
            currency=portfolio.base_currency,
            price=1.0,
            im=held.values.imr_factor * sum(units.values()) + borrowing.imr * debts,
            mm=mm,
            equity=float((values(legs) * haircuts(legs, cuts)).sum()),
            parts=parts | {"mr8": borrowing.mmr * debts},
        )
        missing = (*legs.missing, *account.missing)
        return pooled(
            self.name, portfolio.base_currency, [pool], held.name, missing, tuple(account.scenarios)
        )


class _Account:
    def __init__(self, legs: Legs, values: OkxValues) -> None:
        self._legs = legs
        self._values = values
        self._deltas = deltas(legs)
        self.missing: list[Missing] = []
        self.scenarios: list[ScenarioLoss] = []
        self.parts: dict[str, float] = {}

    def units(self) -> dict[str, float]:
        """Return the maintenance margin of each risk unit by its asset. Units: base currency."""
        rows = self._legs.legs
        derivatives = rows["kind"] != CASH
        return {
            self._legs.assets[asset]: self._unit(int(asset), derivatives & (rows["asset"] == asset))
            for asset in np.unique(rows["asset"][derivatives])
        }

    def debts(self) -> float:
        """Return the value of all borrowed coins in base currency."""
        rows = self._legs.legs
        cash = rows["kind"] == CASH
        owed = 0.0
        for asset in np.unique(rows["asset"][cash]):
            amount = float(rows["quantity"][cash & (rows["asset"] == asset)].sum())
            owed += max(-amount, 0.0) * float(self._legs.prices[asset])
        return owed

    def _unit(self, asset: int, rows: NDArray[np.bool_]) -> float:
        values, name = self._values, self._legs.assets[asset]
        legs = subset(self._legs, rows)
        delta = self._deltas[rows]
        price_moves = of_class(values.price_moves, name)
        extreme, basis = of_class(values.extreme_moves, name), of_class(values.basis_moves, name)
        if price_moves is None or extreme is None or basis is None:
            self.missing += [
                Missing(
                    leg,
                    "parameters.no_asset",
                    f"no class of the tables holds {name}",
                    "add it, with its source",
                )
                for leg in legs.names
            ]
            return 0.0
        price = float(self._legs.prices[asset])
        hedged = _hedged(legs, asset, self._spot_in_use(asset, float(delta.sum())))
        stress = Stress(hedged, name, values, price_moves, extreme[0])
        matrix = stress.price_by_volatility()
        self.scenarios += [ScenarioLoss(f"{name} {told}", profit) for told, profit in matrix]
        mr: dict[str, float] = {
            "mr1": max(0.0, -min(profit for _, profit in matrix)),
            "mr2": stress.decay(),
            "mr3": stress.vega_across_expiries(),
            "mr4": price * self._basis(legs, delta, basis[0]),
            "mr5": stress.rates(),
            "mr6": values.extreme_share * stress.extreme(),
            "mr7": self._minimum(legs, delta, name, price),
            "mr9": self._pegs(legs, delta, price),
        }
        self.parts |= {f"{name}.{key}": value for key, value in mr.items()}
        stressed = max(mr["mr1"], mr["mr2"], mr["mr6"]) + mr["mr3"] + mr["mr4"] + mr["mr5"] + mr["mr9"]
        return max(stressed, mr["mr7"])

    def _spot_in_use(self, asset: int, delta: float) -> float:
        """Return how much of the coin held hedges the unit's derivatives. Units: the asset's."""
        rows = self._legs.legs
        held = float(rows["quantity"][(rows["kind"] == CASH) & (rows["asset"] == asset)].sum())
        return min(max(held, 0.0), max(-delta, 0.0))

    def _basis(self, legs: Legs, delta: NDArray[np.float64], move: float) -> float:
        """Return MR4 in units of the asset: each expiry's |delta| by the move of its annual basis over its time."""
        years = legs.legs["years"]
        return sum(abs(float(delta[years == one].sum())) * move * float(one) for one in np.unique(years))

    def _minimum(self, legs: Legs, delta: NDArray[np.float64], name: str, price: float) -> float:
        minimum = self._values.minimum
        own = values(legs)
        cost = 0.0
        for row, leg in enumerate(legs.legs):
            quantity = float(leg["quantity"])
            if leg["volatility"] > 0.0 and quantity:
                one = float(delta[row]) / quantity
                mark = float(own[row]) / quantity / price
                cost += closing_option(
                    quantity,
                    one,
                    mark,
                    minimum.option_slippage,
                    minimum.option_fee,
                    minimum.option_fee_share_max,
                )
            else:
                cost += abs(float(delta[row])) * (minimum.future_slippage + minimum.future_fee)
        classes = minimum.classes
        found = next((one for one in classes if name in one.assets), None)
        tiers = found or next((one for one in classes if not one.assets), None)
        return tiered(cost * price, tiers.tiers) if tiers else cost * price

    def _pegs(self, legs: Legs, delta: NDArray[np.float64], price: float) -> float:
        """Return MR9: cash deltas by the dollar that each contract is quoted in, hedged across."""
        by_dollar: dict[str, float] = {}
        for row, leg in enumerate(legs.legs):
            quote = "USD" if leg["kind"] == INVERSE else legs.assets[leg["quote"]]
            by_dollar[quote] = by_dollar.get(quote, 0.0) + float(delta[row]) * price
        charge = 0.0
        for (one, other), volume in hedged_across(by_dollar).items():
            if volume:
                charge += peg_charge(volume, min(self._index(one), self._index(other)), self._values.pegs)
        return charge

    def _index(self, currency: str) -> float:
        """Return a stablecoin's price in base currency, 1 for the dollar itself."""
        assets = self._legs.assets
        if currency in self._values.stablecoins and currency in assets:
            return float(self._legs.prices[assets.index(currency)])
        return 1.0


def _hedged(legs: Legs, asset: int, spot: float) -> Legs:
    """Return the unit's legs with the coin held that hedges them as one more."""
    if spot <= 0.0:
        return legs
    row = np.zeros(1, dtype=legs.legs.dtype)
    row["kind"], row["asset"], row["settle"], row["quantity"], row["ratio"] = CASH, asset, asset, spot, 1.0
    return msgspec.structs.replace(
        legs, legs=np.concatenate((legs.legs, row)), names=(*legs.names, "spot in use")
    )
