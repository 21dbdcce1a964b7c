"""Recorded trades for the liquidity tests."""

import csv
import gzip
from functools import cache
from pathlib import Path

import numpy as np


@cache
def coin_trades(shared_data: Path, coin: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return times, prices and signed coin sizes of a day; a contract is 10 dollars."""
    path = (
        shared_data
        / "cascade_2025-10-10"
        / "coinm_trades"
        / f"binance-delivery_trades_2025-10-10_{coin}USD_PERP.csv.gz"
    )
    with gzip.open(path, "rt") as file:
        rows = [
            (int(r["timestamp"]), float(r["price"]), float(r["amount"]), r["side"])
            for r in csv.DictReader(file)
        ]
    rows.sort(key=lambda row: row[0])
    times = np.array([row[0] for row in rows]) * 1_000
    prices = np.array([row[1] for row in rows])
    sizes = np.array([(10.0 if row[3] == "buy" else -10.0) * row[2] for row in rows]) / prices
    return times, prices, sizes
