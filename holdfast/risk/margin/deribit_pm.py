"""Deribit's portfolio margin (S:PM, X:PM): the worst of a risk matrix, a charge for size, and one for the curve.

Rules:

1. Initial margin of a pair is worst case + delta shock + roll shock; maintenance is mm_factor of it.
2. Delta shock: what futures and short options add up to, less what long options offset, costs its size times
   m_inc a unit above the liquidity threshold, up to max_delta_shock.
3. Roll shock: each expiry's |delta| costs the larger of exp(annualised_move x years) - 1 and the least move.
4. Segregated (S:PM): each settlement currency by itself, in its own coin. Cross (X:PM): everything in dollars; coins held
   move with their price in the matrix, after haircuts.
5. Pairs add up: nothing offsets between different underlyings.

Source: support.deribit.com article 25944756247837 (Portfolio Margin); docs.deribit.com private/pme/simulate
(`risk_matrix_margin = worst_case + roll_shock + delta_shock + correlation_contingency`, `mm_factor`); roll and delta shock
as third parties read statics.deribit.com/files/DeribitPortfolioMarginModel.pdf, checked on the two answers in the tests.
Limits: correlation contingency (0 where `correlation_set` is false), open orders, market-maker protection and spot margin
are not modelled; stablecoins are taken at their index and do not depeg in the matrix.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.risk.legs import CASH, OPTION, OPTION_INVERSE, Legs
from holdfast.risk.margin.base import MarginResult, ScenarioLoss
from holdfast.risk.margin.dated import DatedModel
from holdfast.risk.margin.deribit_matrix import matrix
from holdfast.risk.margin.deribit_parameters import CurrencyValues, PairValues, PortfolioValues
from holdfast.risk.margin.leg_shifts import deltas, is_option, subset
from holdfast.risk.margin.parameters import ParameterSet, ParameterSets
from holdfast.risk.margin.pools import Pool, haircuts, pooled, settled_values
from holdfast.risk.missing import Missing
from holdfast.risk.portfolio import Portfolio


class DeribitPortfolioMargin(DatedModel[PortfolioValues]):
    """Deribit S:PM, or X:PM where `cross`. Units: result in the portfolio's base currency; parts in each pool's coin.

    Cost: four revaluations and two a pair.
    """

    def __init__(self, sets: ParameterSets[PortfolioValues], *, cross: bool = False) -> None:
        self.name = "deribit-xpm" if cross else "deribit-pm"
        super().__init__(sets)
        self._cross = cross

    def under(self, portfolio: Portfolio, legs: Legs, held: ParameterSet[PortfolioValues]) -> MarginResult:
        """Return what the account must post under one set of parameters."""
        account = _Account(portfolio, legs, held.values, self._cross)
        pools = account.cross_pool() if self._cross else account.pools()
        missing = (*legs.missing, *account.missing)
        base = portfolio.base_currency
        return pooled(self.name, base, pools, held.name, missing, tuple(account.scenarios))


def deribit_cross_margin(sets: ParameterSets[PortfolioValues]) -> DeribitPortfolioMargin:
    """Return the X:PM model: every currency stands for every other, and coins held move with their price."""
    return DeribitPortfolioMargin(sets, cross=True)


class _Account:
    def __init__(self, portfolio: Portfolio, legs: Legs, values: PortfolioValues, cross: bool) -> None:
        self._values = values
        self._cross = cross
        self.missing: list[Missing] = []
        self.scenarios: list[ScenarioLoss] = []
        first = len(portfolio.positions)
        cuts = {first + number: balance.haircut for number, balance in enumerate(portfolio.balances)}
        shares = haircuts(legs, cuts) if cross else np.ones(len(legs.legs))
        self._legs = _scaled(legs, shares)
        self._own = settled_values(self._legs)
        self._deltas = deltas(self._legs)

    def pools(self) -> list[Pool]:
        """Return one pool a settlement currency."""
        return [self._pool(int(settle)) for settle in np.unique(self._legs.legs["settle"])]

    def cross_pool(self) -> list[Pool]:
        """Return the one pool of an account whose currencies stand for one another, in base currency."""
        legs = self._legs.legs
        equity = float((self._own * self._legs.prices[legs["settle"]]).sum())
        total = 0.0
        parts: dict[str, float] = {}
        for asset in np.unique(legs["asset"]):
            rows = legs["asset"] == asset
            held = bool((legs["kind"][rows] == CASH).all())
            if not held or f"{self._legs.assets[asset]}/{self._legs.assets[0]}" in self._values.pairs:
                total += self._pair(rows, 0, parts)
        return [_pool(self._legs.assets[0], 1.0, total, self._values.mm_factor, equity, parts)]

    def _pool(self, settle: int) -> Pool:
        legs = self._legs.legs
        here = legs["settle"] == settle
        parts: dict[str, float] = {}
        total = 0.0
        for asset in np.unique(legs["asset"][here & (legs["kind"] != CASH)]):
            total += self._pair(here & (legs["asset"] == asset) & (legs["kind"] != CASH), settle, parts)
        equity = float(self._own[here].sum())
        price = float(self._legs.prices[settle])
        return _pool(self._legs.assets[settle], price, total, self._values.mm_factor, equity, parts)

    def _pair(self, rows: NDArray[np.bool_], settle: int, parts: dict[str, float]) -> float:
        """Return the initial margin of one pair's legs in units of the pool, and write down its pieces."""
        legs = subset(self._legs, rows)
        derivatives = legs.legs["kind"] != CASH
        row = int(np.argmax(derivatives))  # the first derivative; where there is only coin, that
        asset = legs.assets[legs.legs["asset"][row]]
        key = f"{asset}/{legs.assets[legs.legs['quote'][row]]}"
        pair = self._values.pairs.get(key)
        in_coin = legs.assets[settle] == asset and not self._cross
        currency = self._values.currencies.get(asset if in_coin or self._cross else legs.assets[settle])
        odd = ~np.isin(legs.legs["kind"], (OPTION, OPTION_INVERSE)) & is_option(legs)
        if pair is None or currency is None or odd.any():
            self._refuse(legs, key, bool(odd.any()))
            return 0.0
        scenarios = matrix(legs, asset, pair, currency, self._values, "base" if self._cross else "settlement")
        prefix = key if self._cross else f"{legs.assets[settle]} {key}"
        unit = float(legs.prices[settle])
        self.scenarios += [
            ScenarioLoss(f"{prefix} {name}", float(profit) * unit)
            for name, profit in zip(scenarios.names, scenarios.total, strict=True)
        ]
        index = float(legs.prices[legs.assets.index(asset)])
        size = 1.0 if in_coin else index / unit  # of one unit of asset, in the pool's units
        delta = self._deltas[rows]
        pieces = {
            "worst_case": max(0.0, -float(scenarios.total.min())),
            "delta_shock": size * _delta_shock(legs, delta, derivatives, pair, index),
            "roll_shock": size * _roll_shock(legs, delta, derivatives, currency),
        }
        parts |= {f"{key}.{name}": value for name, value in pieces.items()}
        return sum(pieces.values())

    def _refuse(self, legs: Legs, key: str, odd: bool) -> None:
        for name, leg in zip(legs.names, legs.legs, strict=True):
            if leg["kind"] == CASH:
                continue
            if odd:
                reason, code = (
                    "the venue lists no such payoff, so it has no rule for its pair",
                    "margin.payoff",
                )
            else:
                reason, code = f"the tables have no pair {key}", "parameters.no_asset"
            self.missing.append(Missing(name, code, reason, "add it to the parameter file, with its source"))


def _delta_shock(
    legs: Legs, delta: NDArray[np.float64], counted: NDArray[np.bool_], pair: PairValues, index: float
) -> float:
    """Return the charge for a large delta in units of the asset."""
    long_option = is_option(legs) & (legs.legs["quantity"] > 0.0)
    offsetting = float(delta[counted & long_option].sum())
    own = float(delta[counted & ~long_option].sum())
    exposed = min(max(offsetting + own, own), 0.0) if own < 0.0 else max(min(offsetting + own, own), 0.0)
    size = abs(exposed)
    above = max(size - pair.delta_total_liq_shock_threshold / index, 0.0)
    return size * min(above * pair.m_inc, pair.max_delta_shock)


def _roll_shock(
    legs: Legs, delta: NDArray[np.float64], counted: NDArray[np.bool_], currency: CurrencyValues
) -> float:
    """Return the charge for moves of the curve in units of the asset."""
    charge = 0.0
    for years in np.unique(legs.legs["years"][counted]):
        exposed = abs(float(delta[counted & (legs.legs["years"] == years)].sum()))
        move = max(float(np.expm1(currency.annualised_move_risk * years)), currency.min_annualised_move)
        charge += exposed * move
    return charge


def _pool(
    currency: str, price: float, im: float, factor: float, equity: float, parts: dict[str, float]
) -> Pool:
    return Pool(currency=currency, price=price, im=im, mm=factor * im, equity=equity, parts=parts)


def _scaled(legs: Legs, shares: NDArray[np.float64]) -> Legs:
    """Return the legs with each quantity times the share of it that counts."""
    rows = legs.legs.copy()
    rows["quantity"] *= shares
    return msgspec.structs.replace(legs, legs=rows)
