"""Real series for the VaR evidence: prices on an even grid of minutes or days, and what a desk would lose on."""

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pyarrow import parquet

MINUTE_NS = 60_000_000_000
DAY_NS = 1_440 * MINUTE_NS


class Prices(NamedTuple):
    """Last price at the end of each step; a step without one keeps the price before."""

    times_ns: np.ndarray
    prices: np.ndarray


class Series(NamedTuple):
    """Log returns and when each ended. `minutes`: the minute returns it was summed from, where it was."""

    name: str
    interval_s: float
    returns: np.ndarray
    ends_ns: np.ndarray
    minutes: np.ndarray | None = None


def every(prices: Prices, minutes: int, name: str) -> Series:
    """Return the log returns over some minutes each."""
    kept = slice(0, None, minutes)
    returns = np.diff(np.log(prices.prices[kept]))
    fine = np.diff(np.log(prices.prices)) if minutes > 1 else None
    return Series(name, 60.0 * minutes, returns, prices.times_ns[kept][1:], fine)


def load(data: Path) -> Iterator[Series]:
    """Yield every series of the table, from the folder of recordings."""
    btc = _candles(data / "klines/btc-perp-20211231-20220201_1m.csv.gz")
    yield every(btc, 1, "BTC 2022-01, 1 min")
    yield every(btc, 60, "BTC 2022-01, 1 h")
    usdc = _parquet(data / "depeg/usdc_2023-03/kraken_usdcusd.parquet")
    yield every(usdc, 1, "USDC 2023-03, 1 min")
    yield every(usdc, 60, "USDC 2023-03, 1 h")
    usde = _parquet(data / "depeg/usde_2025-10/usde_minute_binance.parquet")
    month = slice(*np.searchsorted(usde.times_ns, [_ns("2025-10-01"), _ns("2025-11-01")]))
    yield every(Prices(usde.times_ns[month], usde.prices[month]), 1, "USDe 2025-10, 1 min")
    for coin in ("AAVE", "ATOM", "TRX"):
        name = f"binance-delivery_trades_2025-10-10_{coin}USD_PERP.csv.gz"
        yield every(_trades(data / "cascade_2025-10-10/coinm_trades" / name), 1, f"{coin} 2025-10-10, 1 min")
    days = [_zipped(data / f"cascade_2025-10-10/BTCUSD_PERP-1m-2025-10-{day}.zip") for day in ("09", "10")]
    perpetual = Prices(*(np.concatenate(parts) for parts in zip(*days, strict=True)))
    yield every(perpetual, 1, "BTC perp 2025-10-09/10, 1 min")
    rows = json.loads((data / "deribit_chain/dvol_btc.json").read_text())
    index = np.array([value for _, value in rows])
    ends = np.array([time for time, _ in rows], dtype=np.int64) * 1_000_000
    yield Series("DVOL 2022-2025, 1 d, short", 86_400.0, -np.diff(np.log(index)), ends[1:])


def _ns(day: str) -> int:
    return int(np.datetime64(day, "ns").astype(np.int64))


def _even(times_ns: np.ndarray, prices: np.ndarray) -> Prices:
    """Return the last price of each minute, carried over minutes without one."""
    minutes = times_ns // MINUTE_NS
    last = np.append(np.flatnonzero(np.diff(minutes)), minutes.size - 1)
    grid = np.arange(minutes[0], minutes[-1] + 1)
    at = np.searchsorted(minutes[last], grid, side="right") - 1
    return Prices((grid + 1) * MINUTE_NS, prices[last][at])


def _candles(path: Path) -> Prices:
    with gzip.open(path, "rt") as lines:
        rows = [(row["timestamp"], float(row["close"])) for row in csv.DictReader(lines)]
    times = np.array([time for time, _ in rows], dtype="datetime64[ns]").astype(np.int64)
    return _even(times - MINUTE_NS, np.array([price for _, price in rows]))


def _zipped(path: Path) -> Prices:
    with zipfile.ZipFile(path) as archive:
        text = archive.read(archive.namelist()[0]).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    times = np.array([int(row["open_time"]) for row in rows], dtype=np.int64) * 1_000_000
    return _even(times, np.array([float(row["close"]) for row in rows]))


def _parquet(path: Path) -> Prices:
    table = parquet.read_table(path)
    name = "timestamp" if "timestamp" in table.schema.names else "__index_level_0__"
    times = table.column(name).to_numpy().astype("datetime64[ns]").astype(np.int64)
    return _even(times, table.column("close").to_numpy().astype(float))


def _trades(path: Path) -> Prices:
    with gzip.open(path, "rt") as lines:
        rows = np.array([(int(row["timestamp"]), float(row["price"])) for row in csv.DictReader(lines)])
    return _even(rows[:, 0].astype(np.int64) * 1_000, rows[:, 1])
