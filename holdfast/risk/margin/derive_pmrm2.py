"""Derive PMRM2: portfolio margin of a Derive account, from a portfolio and a market.

Rules:

1. An account margins one underlying asset: that of its perpetuals and options. Positions in another asset are told in
   `missing` and are in no number.
2. Prices, forwards, rates and volatilities are those of the legs; feeds are trusted in full (confidence 1): a recording
   has no confidences. `derive_pmrm2_rules.derive_margin` takes them where they are known.
3. The stable coin's balance is cash; other coins are collateral by the venue's haircut, else by their balance's own, else
   for nothing, and that is told.
4. `im` and `mm` are requirements (value less the venue's own figures), in the stable coin.
"""

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.risk.legs import CASH, LINEAR, OPTION, Legs
from holdfast.risk.margin.base import MarginResult, ScenarioLoss
from holdfast.risk.margin.dated import DatedModel
from holdfast.risk.margin.derive_pmrm2_rules import YEAR_S, derive_margin
from holdfast.risk.margin.derive_pmrm2_terms import Collateral, Expiry, Pmrm2Account, Pmrm2Parameters
from holdfast.risk.margin.parameters import ParameterSet
from holdfast.risk.margin.refused import refused
from holdfast.risk.missing import Missing
from holdfast.risk.portfolio import Portfolio

STABLE: Final = "USDC"


class Haircut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a coin's value loses for MM, what more for IM, and whether it moves with the underlying asset."""

    mm: float
    im: float
    cancels_risk: bool = False


class Underlying(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rules of accounts of one underlying asset, and haircuts by coin in capitals."""

    rules: Pmrm2Parameters
    haircuts: dict[str, Haircut]


class Pmrm2Values(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters by underlying asset."""

    underlyings: dict[str, Underlying]


class DerivePmrm2(DatedModel[Pmrm2Values]):
    """Derive's portfolio margin by dated parameters. Source: Derive documentation, Portfolio Manager."""

    name = "derive-pmrm2"

    def under(self, portfolio: Portfolio, legs: Legs, held: ParameterSet[Pmrm2Values]) -> MarginResult:
        """Return what a Derive account must post. Cost: 1 ms at 60 options."""
        told = list(legs.missing)
        asset = _underlying(legs, held.values, told)
        terms = held.values.underlyings.get(asset)
        if terms is None:
            return refused(self.name, portfolio, _no_underlying(portfolio, asset, held.values))
        margin = derive_margin(_account(portfolio, legs, asset, terms, told), terms.rules)
        scenarios = tuple(
            ScenarioLoss(f"spot x{one.spot:g} {one.direction}", profit)
            for one, profit in zip(terms.rules.scenarios, margin.profits, strict=True)
        )
        return MarginResult(
            model=self.name,
            currency=STABLE,
            im=margin.value - margin.im,
            mm=margin.value - margin.mm,
            equity=margin.value,
            scenarios=scenarios,
            parts={
                "basis_contingency": -margin.basis_contingency,
                "im_contingency": margin.im_contingency + margin.mm_contingency,
                "mm_contingency": margin.mm_contingency,
                "worst_scenario": -min((margin.basis_contingency, *margin.profits)),
            },
            parameters_from=held.name,
            missing=tuple(told),
        )


def _no_underlying(portfolio: Portfolio, asset: str, values: Pmrm2Values) -> Missing:
    known = ", ".join(sorted(values.underlyings))
    reason = (
        f"no parameters for accounts of {asset}"
        if asset
        else "nothing held says the account's underlying asset"
    )
    return Missing(portfolio.name, "derive.underlying", reason, f"known: {known}")


def _underlying(legs: Legs, values: Pmrm2Values, told: list[Missing]) -> str:
    """Return the asset of the account's derivatives (or of the coins it may margin); the others are told and dropped."""
    derivatives = [legs.assets[leg["asset"]] for leg in legs.legs if leg["kind"] != CASH]
    coins = [legs.assets[leg["asset"]] for leg in legs.legs if leg["kind"] == CASH]
    names = list(dict.fromkeys(derivatives)) or [coin for coin in coins if coin in values.underlyings]
    if not names:
        return next(iter(values.underlyings)) if coins else ""
    name = max(names, key=derivatives.count)
    for other in names:
        if other != name and derivatives:
            told.append(
                Missing(
                    other,
                    "derive.other_underlying",
                    f"the account margins {name}",
                    "hold it in another account",
                )
            )
    return name


def _account(
    portfolio: Portfolio, legs: Legs, asset: str, terms: Underlying, told: list[Missing]
) -> Pmrm2Account:
    prices = dict(zip(legs.assets, legs.prices.tolist(), strict=True))
    stable_price = prices.get(STABLE, 1.0)
    rows = legs.legs
    number = legs.assets.index(asset) if asset in legs.assets else -1
    ours = rows[rows["asset"] == number]
    perps = ours[ours["kind"] == LINEAR]
    options = ours[ours["kind"] == OPTION]
    for index, leg in enumerate(rows):
        if leg["kind"] not in (CASH, LINEAR, OPTION):
            told.append(
                Missing(
                    legs.names[index],
                    "derive.contract",
                    "Derive's rules know no such contract",
                    "margin it elsewhere",
                )
            )
    marks = perps["ratio"] * prices.get(asset, 0.0) / legs.prices[perps["quote"]]
    cash, collaterals = _coins(portfolio, legs, terms, told)
    quantity = float(perps["quantity"].sum())
    profit = float((perps["quantity"] * (marks - perps["entry"])).sum())
    return Pmrm2Account(
        spot=prices.get(asset, 0.0),
        cash=cash if quantity else cash + profit,  # what closed is cash
        stable_price=stable_price,
        perps=quantity,
        perp_price=float((perps["quantity"] * marks).sum()) / quantity if quantity else 0.0,
        perp_profit=profit,
        collaterals=collaterals,
        expiries=_expiries(options, prices.get(asset, 0.0), legs.prices),
    )


def _coins(
    portfolio: Portfolio, legs: Legs, terms: Underlying, told: list[Missing]
) -> tuple[float, tuple[Collateral, ...]]:
    cash = 0.0
    coins: list[Collateral] = []
    positions = len(portfolio.positions)
    for index, leg in enumerate(legs.legs):
        if leg["kind"] != CASH:
            continue
        name, amount = legs.assets[leg["asset"]], float(leg["quantity"])
        if name == STABLE:
            cash += amount
            continue
        price = float(legs.prices[leg["asset"]])
        haircut = terms.haircuts.get(name.upper())
        if haircut is None:
            at = int(leg["position"]) - positions
            own = portfolio.balances[at].haircut if at >= 0 else 0.0
            haircut = Haircut(own, 0.0) if own > 0.0 else Haircut(1.0, 0.0)
            if own <= 0.0 and amount > 0.0:
                told.append(
                    Missing(
                        legs.names[index],
                        "haircut.absent",
                        "no haircut is known: it backs nothing",
                        "give its haircut",
                    )
                )
        if amount < 0.0:  # a debt is owed in full
            haircut = Haircut(0.0, 0.0, haircut.cancels_risk)
        coins.append(
            Collateral(
                name=name,
                amount=amount,
                price=price,
                mm_haircut=haircut.mm,
                im_haircut=haircut.im,
                cancels_risk=haircut.cancels_risk,
            )
        )
    return cash, tuple(coins)


def _expiries(options: NDArray[np.void], spot: float, prices: NDArray[np.float64]) -> tuple[Expiry, ...]:
    expiries: list[Expiry] = []
    for years in np.unique(options["years"]):
        legs = options[options["years"] == years]
        expiries.append(
            Expiry(
                seconds=float(years) * YEAR_S,
                forward=float(legs["ratio"][0] * spot / prices[legs["quote"][0]]),
                rate=-float(np.log(legs["discount"][0])) / float(years),
                strikes=legs["strike"].copy(),
                volatilities=legs["volatility"].copy(),
                quantities=legs["quantity"].copy(),
                signs=legs["sign"].copy(),
            )
        )
    return tuple(expiries)
