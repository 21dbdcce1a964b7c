"""Portfolio margin: the worst of a small grid of price and volatility moves, asset by asset.

Rules:

1. All holdings of one underlying are revalued at price moves of -16 % to +16 % in steps of 4 %, each with volatility down by
   a quarter, as it is, and up by a half. The worst loss, plus one per cent of gross notional for basis, is the initial
   requirement; maintenance is four fifths of it. Underlyings are added up.
2. Open orders count as if those of one side were done: all buys, or all sells, whichever asks for more.

Limits: a sketch of venues' own grids, not one of them; `holdfast.risk.margin` has those.
"""

import math
from typing import TYPE_CHECKING, Final

from holdfast.lab.world.exchange.account import Holding, Pool
from holdfast.risk.pricing.black76 import black76_price

if TYPE_CHECKING:
    from holdfast.lab.world.exchange.state import VenueState

PRICE_MOVES: Final = (-0.16, -0.12, -0.08, -0.04, 0.0, 0.04, 0.08, 0.12, 0.16)
VOLATILITY_MOVES: Final = (-0.25, 0.0, 0.5)
BASIS_CHARGE: Final = 0.01
MAINTENANCE_SHARE: Final = 0.8
YEAR_S: Final = 365.0 * 86_400.0


def portfolio_requirement(state: "VenueState", pool: Pool) -> tuple[float, float, float]:
    """Return initial and maintenance requirement, and the part of the initial that open orders ask for."""
    by_asset: dict[str, list[Holding]] = {}
    for holding in pool.holdings:
        if holding.lots or holding.buy_lots or holding.sell_lots:
            by_asset.setdefault(holding.contract.base, []).append(holding)
    im = mm = 0.0
    for holdings in by_asset.values():
        held = _worst(state, holdings, 0)
        asked = held
        if any(h.buy_lots for h in holdings):
            asked = max(asked, _worst(state, holdings, 1))
        if any(h.sell_lots for h in holdings):
            asked = max(asked, _worst(state, holdings, -1))
        im += asked
        mm += held * MAINTENANCE_SHARE
    return im, mm, im - mm / MAINTENANCE_SHARE


def _worst(state: "VenueState", holdings: list[Holding], done: int) -> float:
    """Return the requirement of one underlying, with the orders of one side (+1 buys, -1 sells) done."""
    losses = [0.0] * (len(PRICE_MOVES) * len(VOLATILITY_MOVES))
    gross = 0.0
    for holding in holdings:
        lots = holding.lots + (holding.buy_lots if done > 0 else -holding.sell_lots if done < 0 else 0)
        if not lots:
            continue
        moves = _moves(state, holding)
        for number, change in enumerate(moves):
            losses[number] -= lots * change
        contract = holding.contract
        if not contract.is_option:
            gross += abs(lots * contract.mark_unit)
        elif lots < 0:
            coin = 1.0 if contract.listing.inverse else state.index(contract.base)
            gross += -lots * contract.lot_size * coin
    return max(*losses, 0.0) + BASIS_CHARGE * gross


def _moves(state: "VenueState", holding: Holding) -> list[float]:
    """Return what one lot gains in each scenario, in the settlement asset."""
    contract = holding.contract
    listing = contract.listing
    at = (contract.mark, contract.underlying, contract.mark_iv)
    if contract.scenarios_at == at:
        return contract.scenarios
    changes: list[float] = []
    contract.scenarios, contract.scenarios_at = changes, at
    if not contract.is_option:
        for move in PRICE_MOVES:
            change = contract.unit_at(contract.mark * (1.0 + move)) - contract.mark_unit
            changes += [change] * len(VOLATILITY_MOVES)
        return changes
    forward = contract.underlying
    years = max(listing.expiry_ns - state.now_ns, 0) * 1e-9 / YEAR_S
    strike = float(listing.strike)
    sign = 1.0 if listing.option_type == "call" else -1.0
    for move in PRICE_MOVES:
        moved = forward * (1.0 + move)
        for volatility_move in VOLATILITY_MOVES:
            volatility = contract.mark_iv * (1.0 + volatility_move)
            value = float(black76_price(moved, strike, years, volatility, sign, 1.0))
            if listing.inverse:
                value /= moved
            change = value * contract.lot_size - contract.mark_unit
            changes.append(change if math.isfinite(change) else 0.0)
    return changes
