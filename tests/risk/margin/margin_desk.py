"""Contracts, markets and accounts that the margin tests share: written by hand, or from a recorded chain of Deribit."""

import csv
import gzip
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from holdfast.clock import parse_time_ns
from holdfast.risk.contract import Contract
from holdfast.risk.margin.parameters import ParameterSets, parameter_sets
from holdfast.risk.margin.registry import MODELS
from holdfast.risk.market import Curve, Mark, Price, RiskMarket
from holdfast.risk.portfolio import Balance, Portfolio, Position

ACCOUNT = "main"


def shipped_sets(model: str) -> ParameterSets[Any]:
    """Return the dated parameters that come with the package, of a model by its name."""
    listing = MODELS[model]
    text = (files("holdfast.risk.margin") / "parameters" / listing.file).read_text(encoding="utf-8")
    return parameter_sets(yaml.safe_load(text), listing.values, listing.file)


def perpetual(venue: str, asset: str, quote: str = "USD") -> Contract:
    """Return a perpetual: coin-settled where quoted in dollars, linear where in a stablecoin."""
    inverse = quote == "USD"
    return Contract(
        venue=venue,
        symbol=f"{asset}{quote}-PERP",
        kind="perpetual",
        asset=asset,
        quote=quote,
        settle=asset if inverse else quote,
        inverse=inverse,
    )


def future(venue: str, asset: str, expiry: str, quote: str = "USD") -> Contract:
    """Return a dated future that expires at an ISO time."""
    inverse = quote == "USD"
    return Contract(
        venue=venue,
        symbol=f"{asset}{quote}-{expiry[:10]}",
        kind="future",
        asset=asset,
        quote=quote,
        settle=asset if inverse else quote,
        inverse=inverse,
        expiry_ns=parse_time_ns(expiry),
    )


def option(venue: str, asset: str, expiry: str, strike: float, kind: str, quote: str = "USD") -> Contract:
    """Return an option, coin-settled where quoted in dollars."""
    inverse = quote == "USD"
    return Contract(
        venue=venue,
        symbol=f"{asset}-{expiry[:10]}-{strike:g}-{kind}",
        kind="option",
        asset=asset,
        quote=quote,
        settle=asset if inverse else quote,
        inverse=inverse,
        expiry_ns=parse_time_ns(expiry),
        strike=strike,
        option_type="call" if kind == "C" else "put",
    )


def holding(contract: Contract, quantity: float, entry: float = float("nan")) -> Position:
    """Return a position in the one account that the tests use."""
    return Position(account=ACCOUNT, contract=contract, quantity=quantity, entry_price=entry)


def account(venue: str, *positions: Position, **balances: float) -> Portfolio:
    """Return an account of positions and balances by asset."""
    return Portfolio(
        name="desk",
        positions=positions,
        balances=tuple(
            Balance(venue=venue, account=ACCOUNT, asset=asset, amount=amount)
            for asset, amount in balances.items()
        ),
    )


def market_at(time: str, prices: dict[str, float], marks: dict[Contract, tuple[float, float]]) -> RiskMarket:
    """Return a market of asset prices and of marks (price, volatility; 0 for none) at an ISO time."""
    now = parse_time_ns(time)
    return RiskMarket(
        time_ns=now,
        prices={name: Price(value, now) for name, value in prices.items()},
        marks={
            contract.name: Mark(price=price, time_ns=now, volatility=volatility or float("nan"))
            for contract, (price, volatility) in marks.items()
        },
    )


def recorded_chain(path: Path, currency: str) -> tuple[RiskMarket, dict[str, Contract]]:
    """Return the market of one currency's recorded chain and its options by name."""
    with gzip.open(path, "rt", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["currency"] == currency]
    now = _ns(rows[0]["timestamp"])
    contracts: dict[str, Contract] = {}
    marks: dict[str, Mark] = {}
    forwards: dict[int, float] = {}
    for row in rows:
        expiry = _ns(row["expiry_datetime"])
        if expiry <= now or not row["mark_price"] or not row["futures_price"]:
            continue
        name = row["instrument_name"]
        contracts[name] = Contract(
            venue="deribit", symbol=name, kind="option", asset=currency, quote="USD", settle=currency, inverse=True,
            expiry_ns=expiry, strike=float(row["strike"]), option_type="call" if name.endswith("C") else "put",
        )  # fmt: skip
        volatility = float(row["implied_volatility"])
        marks[f"deribit:{name}"] = Mark(
            price=float(row["mark_price"]),
            time_ns=now,
            volatility=volatility / 100.0 if volatility > 5.0 else volatility,
        )
        forwards[expiry] = float(row["futures_price"])
    spot = float(rows[0]["index_price"])
    expiries = tuple(sorted(forwards))
    curve = Curve(now, spot, expiries, tuple(forwards[one] for one in expiries), tuple(1.0 for _ in expiries))
    perp = perpetual("deribit", currency)
    marks[perp.name] = Mark(price=spot, time_ns=now)
    market = RiskMarket(
        time_ns=now, prices={currency: Price(spot, now)}, curves={currency: curve}, marks=marks
    )
    return market, contracts


def _ns(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return parse_time_ns(moment.isoformat())
