"""Binance's USD-M and COIN-M margin: leverage tiers, position by position, pooled by the currency they settle in.

Rules:

1. Maintenance by the bracket of the position's notional at the mark; initial is notional over the leverage in use, which
   is the chosen one but never more than the bracket allows.
2. A pool (USDT, USDC, or one coin) is cross margin in single-asset mode. A position in isolated margin is an account of
   its own, with the balance that was set aside for it.
3. Positions of one contract are net (one-way mode).

Source: binance.com FAQs 360033162192 (leverage and margin, tax brackets, 20x where nothing was chosen), b3c689c1f5...
(liquidation price USD-M), ceccfcfb4e... (COIN-M), be2c7d9d95... (COIN-M tiers: initial rate is 1 / leverage).
Limits: open orders, hedge mode and multi-assets mode are not modelled; tiers change often and per contract: see the dates.
"""

from holdfast.risk.legs import CASH, INVERSE, LINEAR, Legs
from holdfast.risk.margin.base import MarginResult
from holdfast.risk.margin.binance_tiers import Brackets, TierValues, maintenance
from holdfast.risk.margin.dated import DatedModel
from holdfast.risk.margin.parameters import ParameterSet, ParameterSets
from holdfast.risk.margin.pools import Pool, pooled, settled_values
from holdfast.risk.missing import Missing
from holdfast.risk.portfolio import Portfolio


class BinanceTiers(DatedModel[TierValues]):
    """Binance's margin by tiers, named by its sets (`binance-usdm`, `binance-coinm`).

    Units: result in the portfolio's base currency, parts in each pool's currency; leverage by symbol as the desk set it.
    """

    def __init__(self, sets: ParameterSets[TierValues], leverage: dict[str, float] | None = None) -> None:
        self.name = sets.model
        super().__init__(sets)
        self._leverage = leverage or {}

    def under(self, portfolio: Portfolio, legs: Legs, held: ParameterSet[TierValues]) -> MarginResult:
        """Return what the account must post under one set of parameters."""
        missing = list(legs.missing)
        im: dict[int, float] = {}
        mm: dict[int, float] = {}
        for row, leg in enumerate(legs.legs):
            if leg["kind"] == CASH:
                continue
            asked = self._asked(portfolio, legs, row, held.values)
            if isinstance(asked, Missing):
                missing.append(asked)
                continue
            settle = int(leg["settle"])
            im[settle] = im.get(settle, 0.0) + asked[0]
            mm[settle] = mm.get(settle, 0.0) + asked[1]
        own = settled_values(legs)
        pools = [
            Pool(
                currency=legs.assets[settle],
                price=float(legs.prices[settle]),
                im=im.get(settle, 0.0),
                mm=mm.get(settle, 0.0),
                equity=float(own[legs.legs["settle"] == settle].sum()),
            )
            for settle in sorted({int(leg["settle"]) for leg in legs.legs})
        ]
        return pooled(self.name, portfolio.base_currency, pools, held.name, missing)

    def _asked(
        self, portfolio: Portfolio, legs: Legs, row: int, values: TierValues
    ) -> tuple[float, float] | Missing:
        """Return one position's initial and maintenance margin in units of settlement, or why there is none."""
        leg = legs.legs[row]
        contract = portfolio.positions[int(leg["position"])].contract
        if leg["kind"] not in (LINEAR, INVERSE):
            return Missing(contract.name, "margin.payoff", "leverage tiers are for perpetuals and futures")
        key = f"{contract.asset}/{contract.quote}" + (" future" if contract.expiry_ns else "")
        brackets = values.contracts.get(key)
        if brackets is None:
            return Missing(
                contract.name, "parameters.no_asset", f"the tiers have no {key}",
                "add its table to the parameter file, with its source",
            )  # fmt: skip
        mark = float(leg["ratio"] * legs.prices[leg["asset"]] / legs.prices[leg["quote"]])
        size = abs(float(leg["quantity"]))
        quoted = size if leg["kind"] == INVERSE else size * mark
        settled = size / mark if leg["kind"] == INVERSE else quoted
        return self._by_tier(
            contract.name, contract.symbol, brackets, quoted, settled, values.leverage_default
        )

    def _by_tier(
        self, name: str, symbol: str, brackets: Brackets, quoted: float, settled: float, default: float
    ) -> tuple[float, float] | Missing:
        notional = settled if brackets.unit == "settlement" else quoted
        bracket = brackets.at(notional)
        if bracket is None:
            return Missing(
                name, "margin.above_tiers", f"a notional of {notional:,.0f} is above the last tier",
                "the venue holds no such position in one account: split it",
            )  # fmt: skip
        leverage = min(self._leverage.get(symbol, default), bracket.leverage_max)
        share = maintenance(notional, bracket) / notional if notional else 0.0
        return settled / leverage, settled * share
