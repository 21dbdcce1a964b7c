"""Deribit's standard margin: every position on its own, requirements summed by settlement currency.

Rules:

1. Short options: initial is the mark price plus the larger of (15 % less how far out of the money it is) and 10 % of the
   underlying; maintenance the mark price plus 7.5 %. A short put's initial is never below its maintenance. Long: nothing.
2. Futures and perpetuals: a base percentage that rises linearly with the position's size.
3. Equity is the venue's margin balance: equity less the value of options (their marks are in the requirements).

Source: deribit.com, options and futures margin (short call, short put, 2 % + size x 0.005 %); support.deribit.com article
25944738177565 (linear perpetuals, with examples); docs.deribit.com private/get_account_summaries (margin_balance, in the
example of a `segregated_sm` account equity - options_value, available_funds = margin_balance - initial_margin).
Limits: open orders, market-maker protection and pending fees ask for more; the cross-collateral variant (X:SM) adds the
currencies up in dollars after haircuts, which the venue changes without notice.
"""

import numpy as np
from numpy.typing import NDArray

from holdfast.risk.legs import CASH, INVERSE, LINEAR, OPTION, OPTION_INVERSE, Legs
from holdfast.risk.margin.base import MarginResult
from holdfast.risk.margin.dated import DatedModel
from holdfast.risk.margin.deribit_parameters import StandardValues
from holdfast.risk.margin.parameters import ParameterSet
from holdfast.risk.margin.pools import Pool, haircuts, pooled, settled_values
from holdfast.risk.missing import Missing
from holdfast.risk.portfolio import Portfolio


class DeribitStandardMargin(DatedModel[StandardValues]):
    """Deribit S:SM. Units: result in the portfolio's base currency, parts in coins. Cost: one revaluation."""

    name = "deribit-sm"

    def under(self, portfolio: Portfolio, legs: Legs, held: ParameterSet[StandardValues]) -> MarginResult:
        """Return what the account must post under one set of parameters."""
        missing = list(legs.missing)
        im = np.zeros(len(legs.legs))
        mm = np.zeros(len(legs.legs))
        marks = _option_marks(legs)
        for row in range(len(legs.legs)):
            asked = _asked(legs, row, float(marks[row]), held.values)
            if isinstance(asked, Missing):
                missing.append(asked)
            else:
                im[row], mm[row] = asked
        return pooled(self.name, portfolio.base_currency, _pools(portfolio, legs, im, mm), held.name, missing)


def short_option(
    mark: float, out_of_money: float, is_put: bool, rate: "tuple[float, float, float]"
) -> tuple[float, float]:
    """Return what one short option asks for, initial and maintenance, as fractions of the underlying's price.

    Units: mark and out_of_money over the underlying's price; rate (im, im_min, mm) as in `ShortOption`.

    >>> short_option(0.02, 0.05, False, (0.15, 0.1, 0.075))
    (0.12000000000000001, 0.095)
    """
    im, im_min, mm = rate
    maintenance = (max(mm, mm * mark) if is_put else mm) + mark
    initial = max(im - out_of_money, im_min) + mark
    return (max(initial, maintenance) if is_put else initial), maintenance


def sloped(size: float, base: float, slope: float) -> float:
    """Return the requirement of a future of a size, in units of its asset.

    >>> sloped(25.0, 0.02, 0.00005)
    0.53125
    """
    return size * (base + slope * size)


def _asked(legs: Legs, row: int, mark: float, values: StandardValues) -> tuple[float, float] | Missing:
    """Return one leg's initial and maintenance margin in units of what it settles in, or why there is none."""
    leg = legs.legs[row]
    kind = leg["kind"]
    if kind == CASH:
        return 0.0, 0.0
    pair = f"{legs.assets[leg['asset']]}/{legs.assets[leg['settle']]}"
    price = float(legs.prices[leg["asset"]])
    forward = float(leg["ratio"]) * price / float(legs.prices[leg["quote"]])
    # what one unit of asset is in units of settlement: 1 where it settles in itself
    unit = price / float(legs.prices[leg["settle"]])
    if kind in (LINEAR, INVERSE):
        rate = values.futures.get(pair)
        if rate is None:
            return _unknown(legs.names[row], pair, "futures")
        size = abs(float(leg["quantity"])) / (forward if kind == INVERSE else 1.0)
        return sloped(size, rate.im_base, rate.slope) * unit, sloped(size, rate.mm_base, rate.slope) * unit
    if kind not in (OPTION, OPTION_INVERSE):
        return Missing(
            legs.names[row], "margin.payoff", "the venue lists no such payoff, so it has no rule for it"
        )
    option = values.options.get(pair)
    if option is None:
        return _unknown(legs.names[row], pair, "options")
    quantity = float(leg["quantity"])
    if quantity >= 0.0:
        return 0.0, 0.0
    away = max(float(leg["sign"]) * (float(leg["strike"]) / forward - 1.0), 0.0)
    im, mm = short_option(mark, away, leg["sign"] < 0.0, (option.im, option.im_min, option.mm))
    return -quantity * im * unit, -quantity * mm * unit


def _option_marks(legs: Legs) -> NDArray[np.float64]:
    """Return each option's price over its underlying's price. Shape: (legs,); nonsense for what is no option."""
    prices = legs.prices[legs.legs["asset"]] / legs.prices[legs.legs["settle"]]
    size = np.where(legs.legs["quantity"] == 0.0, 1.0, legs.legs["quantity"])
    return settled_values(legs) / size / prices


def _unknown(name: str, pair: str, what: str) -> Missing:
    return Missing(
        name,
        "parameters.no_asset",
        f"the tables have no {pair} {what}",
        "add them to the parameter file, with source",
    )


def _pools(portfolio: Portfolio, legs: Legs, im: NDArray[np.float64], mm: NDArray[np.float64]) -> list[Pool]:
    own = settled_values(legs)
    optional = np.isin(legs.legs["kind"], (OPTION, OPTION_INVERSE))
    first = len(portfolio.positions)
    cuts = {first + number: balance.haircut for number, balance in enumerate(portfolio.balances)}
    counted = np.where(optional, 0.0, own * haircuts(legs, cuts))
    pools: list[Pool] = []
    for settle in np.unique(legs.legs["settle"]):
        at = legs.legs["settle"] == settle
        pools.append(
            Pool(
                currency=legs.assets[settle],
                price=float(legs.prices[settle]),
                im=float(im[at].sum()),
                mm=float(mm[at].sum()),
                equity=float(counted[at].sum()),
                parts={"options_value": float(own[at & optional].sum())},
            )
        )
    return pools
