"""Storm: recordings of a market crash that nobody lost money in, in the wire formats of real venues.

Twenty minutes of six instruments on three venues. Calm, then a slide and a cascade of liquidations in which
depth evaporates; with it what goes wrong on such days: lost book changes that a snapshot heals, an ask side
that stands still, a venue whose price drifts away from the others', one whose messages come later and
later, and a line that was cut off.

Limits: order flow is drawn, not traded, so nobody reacts to anybody; it rehearses feeds and alarms, not
strategies.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from holdfast.clock import SECOND_NS
from holdfast.lab.storm.binance import write_binance
from holdfast.lab.storm.bybit import write_bybit
from holdfast.lab.storm.deribit import write_deribit
from holdfast.lab.storm.market import Contract, Market
from holdfast.lab.storm.weather import (
    DRIFT,
    FROZEN_S,
    GAP_LENGTH_S,
    GAP_S,
    HEALED_S,
    LATENESS_S,
    STEP_NS,
    along,
    noise,
    weather,
)

BINANCE: Final = (
    Contract(
        symbol="BTCUSDT",
        price=95_000.0,
        beta=1.0,
        tick=1,
        price_decimals=1,
        lot=1,
        size_decimals=3,
        lots=900.0,
        trades=3.0,
    ),
    Contract(
        symbol="ETHUSDT",
        price=3_300.0,
        beta=1.25,
        tick=1,
        price_decimals=2,
        lot=1,
        size_decimals=3,
        lots=14_000.0,
        trades=2.5,
    ),
    Contract(
        symbol="SOLUSDT",
        price=142.0,
        beta=1.45,
        tick=1,
        price_decimals=2,
        lot=1,
        size_decimals=0,
        lots=260.0,
        trades=2.0,
    ),
)
DERIBIT: Final = (
    Contract(
        symbol="BTC-PERPETUAL",
        price=95_000.0,
        beta=1.0,
        tick=5,
        price_decimals=1,
        lot=10,
        size_decimals=0,
        lots=3_000.0,
        trades=1.5,
    ),
    Contract(
        symbol="ETH-PERPETUAL",
        price=3_300.0,
        beta=1.25,
        tick=5,
        price_decimals=2,
        lot=1,
        size_decimals=0,
        lots=12_000.0,
        trades=1.0,
    ),
)
BYBIT: Final = Contract(
    symbol="BTCUSDT",
    price=95_000.0,
    beta=1.0,
    tick=1,
    price_decimals=1,
    lot=1,
    size_decimals=3,
    lots=700.0,
    trades=2.0,
)

OWN_MOVES: Final = {"BTC": 0.0001, "ETH": 0.0003, "SOL": 0.0004}  # in a calm minute, besides the market's
WITH_GAP: Final = "ETHUSDT"
WITH_FROZEN_ASKS: Final = "SOLUSDT"


def write_storm(folder: Path, seed: int = 7, progress: Callable[[str], None] | None = None) -> list[Path]:
    """Write the storm's recordings and return their paths; the same seed gives the same bytes.

    `progress` is told what is being written. Cost: about 4 s and 6 MB.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tell = progress or _nobody
    randoms = iter([np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(32)])
    sky = weather(next(randoms))
    own = {base: noise(next(randoms), sky.turbulence, minute=size) for base, size in OWN_MOVES.items()}
    paths: list[Path] = []
    for contract in BINANCE:
        tell(f"binance-usdm {contract.symbol}")
        frozen = FROZEN_S if contract.symbol == WITH_FROZEN_ASKS else None
        market = Market(contract, sky, next(randoms), own[contract.symbol[:3]], frozen)
        has_gap = contract.symbol == WITH_GAP
        lost = range(_step(GAP_S), _step(GAP_S + GAP_LENGTH_S)) if has_gap else range(0)
        path = folder / f"binance_usdm_{contract.symbol.lower()}.gz"
        paths.append(write_binance(path, market, next(randoms), lost, _step(HEALED_S) if has_gap else -1))
    tell("deribit")
    markets = [Market(contract, sky, next(randoms), own[contract.symbol[:3]]) for contract in DERIBIT]
    paths += write_deribit(folder, markets, next(randoms), along(sky.seconds, LATENESS_S))
    tell("bybit-linear")
    drifting = Market(BYBIT, sky, next(randoms), own["BTC"] + along(sky.seconds, DRIFT))
    return paths + write_bybit(folder, drifting, next(randoms))


def _nobody(_what: str) -> None:
    """Hear progress where nobody wants to."""


def _step(seconds: float) -> int:
    return round(seconds * SECOND_NS / STEP_NS)
