"""A desk with a few netting sets, for the credit tests."""

import numpy as np

from holdfast.clock import DAY_NS
from holdfast.risk.contract import Contract
from holdfast.risk.legs import Legs, compile_legs
from holdfast.risk.market import Curve, Mark, Price, RiskMarket
from holdfast.risk.portfolio import Balance, Portfolio, Position

NOW = 1_760_000_000 * 10**9
YEAR = 365 * DAY_NS
SPOTS = {"BTC": 100_000.0, "ETH": 4_000.0}
VOLATILITY = {"USD": 0.0, "BTC": 0.6, "ETH": 0.8}


def option(
    strike: float,
    years: float,
    quantity: float,
    *,
    sign: str = "call",
    asset: str = "BTC",
    account: str = "main",
    venue: str = "bank",
    payoff: str = "european",
    inverse: bool = False,
    volatility: float = 0.6,
) -> tuple[Position, Mark]:
    contract = Contract(
        venue=venue,
        symbol=f"{asset}-{strike:g}-{years:g}-{sign}-{payoff}-{inverse}-{account}",
        kind="option",
        asset=asset,
        quote="USD",
        settle=asset if inverse else "USD",
        inverse=inverse,
        expiry_ns=NOW + round(years * YEAR),
        strike=strike,
        option_type=sign,
        payoff=payoff,
    )
    return Position(account=account, contract=contract, quantity=quantity), Mark(
        price=0.0, time_ns=NOW, volatility=volatility
    )


def future(
    quantity: float,
    *,
    entry: float = float("nan"),
    account: str = "main",
    venue: str = "bank",
    asset: str = "BTC",
    inverse: bool = False,
) -> tuple[Position, Mark]:
    contract = Contract(
        venue=venue,
        symbol=f"{asset}-PERP-{inverse}-{account}",
        kind="perpetual",
        asset=asset,
        quote="USD",
        settle=asset if inverse else "USD",
        inverse=inverse,
    )
    return Position(account=account, contract=contract, quantity=quantity, entry_price=entry), Mark(
        price=SPOTS[asset], time_ns=NOW
    )


def desk(*positions: tuple[Position, Mark], balances: tuple[Balance, ...] = ()) -> Legs:
    prices = {name: Price(value, NOW, "file") for name, value in SPOTS.items()}
    prices["USD"] = Price(1.0, NOW, "file")
    market = RiskMarket(
        time_ns=NOW,
        prices=prices,
        curves={name: Curve(NOW, value) for name, value in SPOTS.items()},
        marks={position.contract.name: mark for position, mark in positions},
    )
    portfolio = Portfolio(
        name="test", positions=tuple(position for position, _ in positions), balances=balances
    )
    legs = compile_legs(portfolio, market)
    assert not legs.missing
    return legs


def volatilities(legs: Legs) -> np.ndarray:
    return np.array([VOLATILITY[name] for name in legs.assets])


def correlation(legs: Legs, rho: float = 0.7) -> np.ndarray:
    return np.full((len(legs.assets),) * 2, rho) + (1.0 - rho) * np.eye(len(legs.assets))
