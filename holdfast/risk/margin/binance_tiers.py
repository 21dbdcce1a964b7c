"""Binance's tiers: maintenance rate and amount by notional bracket, and the venue's liquidation price from them.

Rules:

1. Maintenance margin is notional x rate - amount, by the bracket that the notional is in; the amount makes it continuous:
   amount_n = amount_(n-1) + floor_n x (rate_n - rate_(n-1)). Tables that break this are refused.
2. Above the last cap the venue lets nobody hold a position: there is no requirement, and it is said.

Source: binance.com FAQ b3c689c1f50a44cabb3a84e663b81d93 (2020-08-14, USD-M: liquidation price, rate, amount, formula);
FAQ ceccfcfb4e3a45e3b48b0b1bb1a8ae46 (2021-02-05, COIN-M).
"""

from typing import Literal

import msgspec

CENT = 0.01


class Bracket(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One row of a table: up to a cap, at most so much leverage, a maintenance rate, amount. Units: as `Brackets.unit`."""

    cap: float
    leverage_max: float
    rate: float
    amount: float


class Brackets(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One contract's table. `unit` of notional and amount: what the contract settles in, or quote units (dollars)."""

    rows: tuple[Bracket, ...]
    unit: Literal["settlement", "quote"] = "settlement"

    def __post_init__(self) -> None:
        floor, rate, amount = 0.0, 0.0, 0.0
        for number, row in enumerate(self.rows, start=1):
            expected = amount + floor * (row.rate - rate) if number > 1 else 0.0
            if not (row.cap > floor and row.rate >= rate and row.leverage_max >= 1.0):
                raise ValueError(f"bracket {number}: caps and rates ascend, leverage is at least 1")
            if abs(row.amount - expected) > CENT:
                raise ValueError(f"bracket {number}: its amount {row.amount:g} should be {expected:g}")
            floor, rate, amount = row.cap, row.rate, row.amount
        if not self.rows:
            raise ValueError("a table needs a bracket")

    def at(self, notional: float) -> Bracket | None:
        """Return the bracket of a notional, None above the last cap."""
        return next((row for row in self.rows if notional <= row.cap), None)


class TierValues(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tables by `ASSET/QUOTE` (perpetuals) and `ASSET/QUOTE future` (dated), and the leverage where none was chosen."""

    leverage_default: float
    contracts: dict[str, Brackets]


def maintenance(notional: float, bracket: Bracket) -> float:
    """Return the maintenance margin of a notional.

    >>> maintenance(500_000.0, Bracket(1_000_000.0, 50.0, 0.01, 1_300.0))
    3700.0
    """
    return notional * bracket.rate - bracket.amount


def liquidation_price(
    brackets: Brackets,
    *,
    size: float,
    entry: float,
    wallet: float,
    inverse: bool = False,
    other_maintenance: float = 0.0,
    other_profit: float = 0.0,
) -> float | None:
    """Return the mark price at which a position's margin balance meets its maintenance margin; None where there is none.

    Units: size signed, asset units (quote units where inverse); wallet and others in units of settlement. In isolated
    margin wallet is the position's own and the others are zero. The bracket is the one at that price, as the venue asks;
    beyond the last cap, the last.

    >>> table = Brackets(rows=(Bracket(50_000.0, 125.0, 0.004, 0.0), Bracket(250_000.0, 100.0, 0.005, 50.0)))
    >>> round(liquidation_price(table, size=1.0, entry=10_000.0, wallet=1_000.0), 3)
    9036.145
    """
    if size == 0.0:
        return None
    side = 1.0 if size > 0.0 else -1.0
    held = abs(size)
    free = wallet - other_maintenance + other_profit
    floor = 0.0
    for row in brackets.rows:
        price = _price(side, held, entry, free, row, inverse, brackets.unit)
        if price is not None and price > 0.0:
            notional = held / price if inverse and brackets.unit == "settlement" else held * price
            if inverse and brackets.unit == "quote":
                notional = held
            if floor <= notional and (notional <= row.cap or row is brackets.rows[-1]):
                return price
        floor = row.cap
    return None


def _price(
    side: float, held: float, entry: float, free: float, row: Bracket, inverse: bool, unit: str
) -> float | None:
    """Return the liquidation price if the position is in this bracket there; None where equity always suffices."""
    if not inverse:
        over = free + row.amount - side * held * entry
        under = held * (row.rate - side)
    elif unit == "settlement":
        over = held * (row.rate + side)
        under = free + row.amount + side * held / entry
    else:  # maintenance is so many dollars, paid in coin
        over = side * held + maintenance(held, row)
        under = free + side * held / entry
    return over / under if under != 0.0 else None
