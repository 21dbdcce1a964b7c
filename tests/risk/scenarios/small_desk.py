"""A small desk of two venues: what the tests of scenarios revalue, with numbers that can be reckoned by hand."""

import numpy as np
from numpy.typing import NDArray

from holdfast.risk.legs import CASH, INVERSE, LEG, LINEAR, OPTION, OPTION_INVERSE, Legs

ASSETS = ("USD", "BTC", "AAVE", "USDT")
PRICES = np.array([1.0, 100_000.0, 200.0, 1.0])
ACCOUNTS = (("deribit", "main"), ("binance", "main"))
USD, BTC, AAVE, USDT = range(4)
DERIBIT, BINANCE = range(2)


def leg(kind: int, asset: int, quantity: float, account: int, **terms: float) -> NDArray[np.void]:
    row = np.zeros(1, dtype=LEG)
    row["kind"], row["asset"], row["quantity"], row["account"] = kind, asset, quantity, account
    row["settle"], row["ratio"], row["discount"], row["sign"] = asset, 1.0, 1.0, 1.0
    for name, value in terms.items():
        row[name] = value
    return row


def cash(asset: int, amount: float, account: int) -> NDArray[np.void]:
    return leg(CASH, asset, amount, account)


def perpetual(asset: int, quantity: float, account: int, *, entry: float, **terms: float) -> NDArray[np.void]:
    return leg(LINEAR, asset, quantity, account, quote=USDT, settle=USDT, entry=entry, **terms)


def inverse_perpetual(asset: int, dollars: float, account: int, *, entry: float) -> NDArray[np.void]:
    return leg(INVERSE, asset, dollars, account, entry=entry)


def option(asset: int, quantity: float, account: int, **terms: float) -> NDArray[np.void]:
    terms = {"volatility": 0.6, "settle": USD, "quote": USD, **terms}
    return leg(OPTION, asset, quantity, account, **terms)


def coin_option(asset: int, quantity: float, account: int, **terms: float) -> NDArray[np.void]:
    terms = {"volatility": 0.6, "settle": asset, "quote": USD, **terms}
    return leg(OPTION_INVERSE, asset, quantity, account, **terms)


def desk(*rows: NDArray[np.void]) -> Legs:
    legs = np.concatenate(rows) if rows else np.zeros(0, dtype=LEG)
    legs["position"] = np.arange(len(legs))
    names = tuple(f"leg {number}" for number in range(len(legs)))
    return Legs(legs=legs, assets=ASSETS, prices=PRICES.copy(), accounts=ACCOUNTS, names=names, missing=())
