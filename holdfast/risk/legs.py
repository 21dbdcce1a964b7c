"""Legs: a portfolio as one array of plain numbers, so that kernels can revalue it under any shock.

Rules:

1. Assets are everything with a price in base currency: coins and settlement currencies alike; a shock moves assets. The
   base currency itself is an asset of price 1.
2. A leg is one position or one balance. Its forward, in quote currency, is `ratio` times the price of `asset` over that
   of `quote`; its value is in units of `settle`, times that asset's price.
3. What has no price, no volatility or has expired becomes a `Missing` and no leg: it is in no number.
"""

from collections.abc import Iterable
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.clock import SECOND_NS
from holdfast.risk.contract import Contract
from holdfast.risk.market import Mark, Price, RiskMarket, years_between
from holdfast.risk.missing import Missing
from holdfast.risk.portfolio import Balance, Portfolio, Position

# kinds of legs
CASH, LINEAR, INVERSE, OPTION, OPTION_INVERSE, AMERICAN, DIGITAL, BARRIER = range(8)
BARRIER_TYPES: Final = ("", "down-out", "down-in", "up-out", "up-in")
STALE_S: Final = 300.0

LEG: Final = np.dtype(
    [
        ("kind", "i8"),
        ("position", "i8"),  # number in the portfolio: positions first, then balances
        ("account", "i8"),  # number in `Legs.accounts`
        ("asset", "i8"),  # number in `Legs.assets`
        ("quote", "i8"),  # asset that prices and strikes are in
        ("settle", "i8"),  # asset that the value is in
        ("quantity", "f8"),  # signed: asset units; quote units for INVERSE
        ("ratio", "f8"),  # forward over the asset's price, both in quote units
        ("entry", "f8"),  # price that profit counts from, quote units (LINEAR, INVERSE)
        ("strike", "f8"),
        ("years", "f8"),
        ("volatility", "f8"),
        ("slope", "f8"),  # of the smile at the strike: d volatility / d log(strike / forward)
        ("sign", "f8"),  # +1 call, -1 put
        ("discount", "f8"),
        ("barrier", "f8"),
        ("barrier_type", "i8"),
        ("rebate", "f8"),
    ]
)


class Legs(msgspec.Struct, frozen=True, kw_only=True):
    """A portfolio compiled against a market.

    Shape: legs (n,) of LEG; assets (m,) names, prices (m,) in base currency; accounts: (venue, account) by number;
    names (n,) of the legs; missing: what is not among them.
    """

    legs: NDArray[np.void]
    assets: tuple[str, ...]
    prices: NDArray[np.float64]
    accounts: tuple[tuple[str, str], ...]
    names: tuple[str, ...]
    missing: tuple[Missing, ...]


def compile_legs(portfolio: Portfolio, market: RiskMarket, *, stale_s: float = STALE_S) -> Legs:
    """Turn what a desk holds into legs, priced at the market's moment."""
    return _Compiler(portfolio, market, stale_s).run()


class _Compiler:
    def __init__(self, portfolio: Portfolio, market: RiskMarket, stale_s: float) -> None:
        self._portfolio = portfolio
        self._market = market
        self._stale_s = stale_s
        self._assets: dict[str, int] = {portfolio.base_currency: 0}
        self._prices: list[float] = [1.0]
        self._accounts: dict[tuple[str, str], int] = {}
        self._missing: list[Missing] = []
        self._told: set[tuple[str, str]] = set()
        self._rows: list[tuple[str, dict[str, float]]] = []

    def run(self) -> Legs:
        for key in _keys(self._portfolio):
            self._accounts.setdefault(key, len(self._accounts))
        for number, position in enumerate(self._portfolio.positions):
            self._take_position(number, position)
        for number, balance in enumerate(self._portfolio.balances, start=len(self._portfolio.positions)):
            self._take_balance(number, balance)
        legs = np.zeros(len(self._rows), dtype=LEG)
        for leg, (_, values) in zip(legs, self._rows, strict=True):
            for name, value in values.items():
                leg[name] = value
        return Legs(
            legs=legs,
            assets=tuple(self._assets),
            prices=np.array(self._prices),
            accounts=tuple(self._accounts),
            names=tuple(name for name, _ in self._rows),
            missing=tuple(self._missing),
        )

    def _take_balance(self, number: int, balance: Balance) -> None:
        name = f"{balance.venue}/{balance.account} {balance.asset}"
        asset = self._asset(balance.asset, name)
        if asset >= 0:
            values = {
                "kind": CASH,
                "position": number,
                "account": self._accounts[balance.key],
                "asset": asset,
            }
            self._rows.append((name, values | {"settle": asset, "quantity": balance.amount, "ratio": 1.0}))

    def _take_position(self, number: int, position: Position) -> None:
        contract = position.contract
        name = contract.name
        asset, settle, quote = (
            self._asset(currency, name) for currency in (contract.asset, contract.settle, contract.quote)
        )
        if min(asset, settle, quote) < 0:
            return
        values: dict[str, float] = {
            "position": number,
            "account": self._accounts[position.key],
            "asset": asset,
            "quote": quote,
            "settle": settle,
            "quantity": position.quantity,
        }
        price = self._prices[asset] / self._prices[quote]
        if contract.kind == "spot":
            values |= {"kind": CASH, "settle": asset, "ratio": 1.0}
        elif contract.kind == "option":
            option = self._option(contract, price)
            if option is None:
                return
            values |= option
        else:
            future = self._future(position, price)
            if future is None:
                return
            values |= future
        self._rows.append((name, values))

    def _future(self, position: Position, price: float) -> dict[str, float] | None:
        contract = position.contract
        mark = self._mark(contract)
        if mark is not None:
            forward = mark.price
        elif contract.kind == "future" and contract.asset in self._market.curves:
            forward = self._market.curves[contract.asset].forward(contract.expiry_ns)
        elif contract.asset in self._market.curves and contract.name not in self._market.marks:
            forward = self._market.curves[contract.asset].spot
        else:
            self._miss(contract.name, "mark.absent", "no mark price of this contract")
            return None
        entry = position.entry_price if position.entry_price == position.entry_price else forward
        kind = INVERSE if contract.inverse else LINEAR
        years = years_between(self._market.time_ns, contract.expiry_ns) if contract.expiry_ns else 0.0
        if contract.expiry_ns and years <= 0.0:
            self._miss(contract.name, "contract.expired", "it has expired")
            return None
        return {"kind": kind, "ratio": forward / price, "entry": entry, "years": years, "discount": 1.0}

    def _option(self, contract: Contract, price: float) -> dict[str, float] | None:
        market = self._market
        years = years_between(market.time_ns, contract.expiry_ns)
        if years <= 0.0:
            self._miss(
                contract.name,
                "contract.expired",
                "it has expired",
                "settle it and take it out of the portfolio",
            )
            return None
        curve = market.curves.get(contract.asset)
        forward = curve.forward(contract.expiry_ns) if curve else price
        discount = curve.discount(contract.expiry_ns) if curve else 1.0
        moneyness = float(np.log(contract.strike / forward))
        volatility, slope = self._volatility(contract, moneyness, years)
        if not volatility > 0.0:
            self._miss(
                contract.name, "volatility.absent", "neither a surface nor a fresh mark says its volatility",
                "give a chain snapshot of its asset",
            )  # fmt: skip
            return None
        kinds = {"american": AMERICAN, "digital": DIGITAL, "barrier": BARRIER}
        kind = kinds.get(contract.payoff, OPTION_INVERSE if contract.inverse else OPTION)
        return {
            "kind": kind,
            "ratio": forward / price,
            "strike": contract.strike,
            "years": years,
            "volatility": volatility,
            "slope": slope,
            "sign": 1.0 if contract.option_type == "call" else -1.0,
            "discount": discount,
            "barrier": contract.barrier,
            "barrier_type": BARRIER_TYPES.index(contract.barrier_type),
            "rebate": contract.rebate,
        }

    def _volatility(self, contract: Contract, moneyness: float, years: float) -> tuple[float, float]:
        """Return the volatility and the smile's slope: the venue's own mark for a listed contract, else the surface's."""
        surface = self._market.surfaces.get(contract.asset)
        slope = 0.0
        fitted = float("nan")
        if surface is not None:
            fitted = surface.volatility(moneyness, years)
            step = 0.01
            slope = (
                surface.volatility(moneyness + step, years) - surface.volatility(moneyness - step, years)
            ) / (2.0 * step)
        mark = self._mark(contract)
        if mark is not None and mark.volatility > 0.0:
            return mark.volatility, slope
        return fitted, slope

    def _mark(self, contract: Contract) -> Mark | None:
        """Return a fresh mark of a contract; a stale one is told and not used."""
        mark = self._market.marks.get(contract.name)
        if mark is None:
            return None
        if self._is_stale(contract.name, "mark", mark.time_ns):
            return None
        return mark

    def _asset(self, name: str, where: str) -> int:
        """Return an asset's number, -1 where it has no fresh price."""
        known = self._assets.get(name)
        if known is not None:
            return known
        price = self._market.prices.get(name)
        if price is None:
            self._miss(
                where,
                "price.absent",
                f"no price of {name} in {self._portfolio.base_currency}",
                "give a market file that has it",
            )
            return -1
        if self._is_stale(name, "price", price.time_ns) or not _usable(price):
            if not _usable(price):
                self._miss(name, "price.unusable", f"{price.value!r} is not a price")
            return -1
        self._assets[name] = len(self._assets)
        self._prices.append(price.value)
        return self._assets[name]

    def _is_stale(self, where: str, what: str, time_ns: int) -> bool:
        age_s = (self._market.time_ns - time_ns) / SECOND_NS
        if age_s <= self._stale_s:
            return False
        self._miss(
            where,
            f"{what}.stale",
            f"the {what} is {age_s:,.0f} s old, more than {self._stale_s:g} s",
            "give a fresher one",
        )
        return True

    def _miss(self, where: str, code: str, reason: str, remedy: str = "") -> None:
        if (where, code) not in self._told:
            self._told.add((where, code))
            self._missing.append(Missing(where, code, reason, remedy))


def _usable(price: Price) -> bool:
    return 0.0 < price.value < float("inf")


def _keys(portfolio: Portfolio) -> Iterable[tuple[str, str]]:
    for part in (portfolio.accounts, portfolio.positions, portfolio.balances):
        for one in part:
            yield one.key
