"""SA-CCR of a portfolio: an account's legs as trades of the crypto asset class.

Rules: a perpetual has no maturity, so its maturity factor is 1; notionals are at the forward; a coin-settled
option's delta is that of the option in quote units.
Limits: payoffs other than European options, perpetuals and futures come back as missing.
"""

import numpy as np

from holdfast.error import CallerError
from holdfast.risk.credit.sa_ccr import OptionTerms, Trade
from holdfast.risk.legs import CASH, INVERSE, LINEAR, OPTION, OPTION_INVERSE, Legs
from holdfast.risk.missing import Missing
from holdfast.risk.revalue import values


def trades_of(legs: Legs, key: tuple[str, str]) -> tuple[tuple[Trade, ...], tuple[Missing, ...]]:
    """Return one account's trades, and the legs that are none.

    Raises: CallerError `exposure.account`.
    """
    if key not in legs.accounts:
        raise CallerError("exposure.account", f"no account {key[0]}/{key[1]} in this portfolio")
    number = legs.accounts.index(key)
    worth = values(legs)
    trades: list[Trade] = []
    missing: list[Missing] = []
    for position in np.flatnonzero(legs.legs["account"] == number):
        leg = legs.legs[position]
        kind = int(leg["kind"])
        if kind == CASH:
            continue
        if kind not in (LINEAR, INVERSE, OPTION, OPTION_INVERSE):
            missing.append(
                Missing(legs.names[position], "sa_ccr.payoff", "this payoff has no supervisory delta here")
            )
            continue
        quantity = float(leg["quantity"])
        quote = float(legs.prices[leg["quote"]])
        forward = float(leg["ratio"]) * float(legs.prices[leg["asset"]]) / quote
        option = None
        if kind in (OPTION, OPTION_INVERSE):
            option = OptionTerms(
                option_type="call" if leg["sign"] > 0.0 else "put",
                price=forward,
                strike=float(leg["strike"]),
                years=float(leg["years"]),
            )
        trades.append(
            Trade(
                asset_class="crypto",
                factor="crypto",
                hedging_set=legs.assets[leg["asset"]],
                reference=legs.names[position],
                notional=abs(quantity) * quote * (1.0 if kind == INVERSE else forward),
                direction=1 if quantity > 0.0 else -1,
                market_value=float(worth[position]),
                years=float(leg["years"]) or float("inf"),
                option=option,
            )
        )
    return tuple(trades), tuple(missing)
