"""Measure, from the real recordings, what every asset did in the events that ship with the project."""

import math
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from holdfast.risk.scenarios.historical import Move
from holdfast.risk.shock import REFERENCE_YEARS

CASCADE = "cascade_2025-10-10"
CASCADE_FROM = pd.Timestamp("2025-10-10 20:50")
CASCADE_TO = pd.Timestamp("2025-10-10 21:30")
CHAIN_FROM = "deribit_options_snapshot_20260205T042952Z.csv.gz"
CHAIN_TO = "deribit_options_snapshot_20260205T212937Z.csv.gz"
TENOR_DAYS = (3.0, 300.0)  # expiries that the term structure is fitted on
NEAR_THE_MONEY = 0.5  # |log(strike / forward)| / sqrt(years)


def january_2022(data: Path) -> dict[str, Move]:
    """Measure from the minute at 16:05 on the 20th, where the worst two days begin, to the lowest print on the 24th."""
    bars = pd.read_csv(data / "klines" / "btc-perp-20211231-20220201_1m.csv.gz", parse_dates=["timestamp"])
    bars = bars.set_index("timestamp")
    before = bars.close[pd.Timestamp("2022-01-20 16:05")]
    return {"BTC": Move(spot_log=math.log(bars.low[pd.Timestamp("2022-01-20 16:05") :].min() / before))}


def march_2023(data: Path) -> dict[str, Move]:
    """Measure between 20:00 on the 10th and the minute of USDC's low, all at the same moment."""
    folder = data / "depeg" / "usdc_2023-03"
    usdc = pd.read_parquet(folder / "kraken_usdcusd.parquet")
    before, low = pd.Timestamp("2023-03-10 20:00", tz="UTC"), usdc.low.idxmin()

    def close(name: str) -> pd.Series:
        return pd.to_numeric(pd.read_parquet(folder / name).close).sort_index()

    usdt, btc = close("coinbase_usdtusd.parquet"), close("coinbase_btcusd.parquet")
    return {
        "USDC": Move(spot_log=math.log(usdc.low.min() / usdc.close.asof(before))),
        "USDT": Move(spot_log=math.log(usdt.asof(low) / usdt.asof(before))),
        "BTC": Move(spot_log=math.log(btc.asof(low) / btc.asof(before))),
    }


def october_2025(data: Path) -> dict[str, Move]:
    """Measure from 20:50 to each asset's own low by 21:30 (USDe: 22:30), volatility to its high of the day."""
    spot, before = _trades(data, "spot_trades/coinbase_trades", "ATOM-USD"), CASCADE_FROM
    perpetual = _trades(data, "coinm_trades/binance-delivery_trades", "ATOMUSD_PERP")
    low = perpetual[before:CASCADE_TO].idxmin()
    basis = math.log(perpetual[before:CASCADE_TO].min() / spot.asof(low)) - math.log(
        perpetual.asof(before) / spot.asof(before)
    )
    usde = pd.read_parquet(data / "depeg" / "usde_2025-10" / "usde_minute_binance.parquet")
    usde_low = usde.low[before : pd.Timestamp("2025-10-10 22:30")].min()
    return {
        "BTC": Move(spot_log=_fall_of_btc(data), volatility_shift=_volatility_of_cascade(data)),
        "ATOM": Move(spot_log=math.log(spot.asof(low) / spot.asof(before)), basis_log=basis),
        "AAVE": Move(spot_log=_fall(_trades(data, "coinm_trades/binance-delivery_trades", "AAVEUSD_PERP"))),
        "TRX": Move(spot_log=_fall(_trades(data, "coinm_trades/binance-delivery_trades", "TRXUSD_PERP"))),
        "ENA": Move(spot_log=_fall(_trades(data, "spot_trades/coinbase_trades", "ENA-USD"))),
        "USDe": Move(spot_log=math.log(usde_low / usde.close[before]), venue="binance"),
    }


def february_2026(data: Path) -> tuple[dict[str, Move], float]:
    """Measure between the chains of 04:29 and 21:29: index, volatility by tenor, skew; and the power of the term."""
    chains = [pd.read_csv(data / "deribit_chain" / name) for name in (CHAIN_FROM, CHAIN_TO)]
    tenors: dict[str, pd.DataFrame] = {}
    for currency in ("BTC", "ETH"):
        before, after = (_smiles(chain[chain.currency == currency]) for chain in chains)
        both = before.merge(after, left_index=True, right_index=True, suffixes=("_before", "_after"))
        low, high = TENOR_DAYS
        tenors[currency] = both[(both.years_after * 365 > low) & (both.years_after * 365 < high)]
    power, at_30_days = _term(tenors)
    moves: dict[str, Move] = {}
    for currency, both in tenors.items():
        index = [chain.index_price[chain.currency == currency].median() for chain in chains]
        moves[currency] = Move(
            spot_log=math.log(index[1] / index[0]),
            volatility_shift=at_30_days[currency],
            # the smile is sloped by strike / forward here, and shifted by it in `shock.py`
            skew_shift=float((both.slope_after - both.slope_before).median()),
        )
    return moves, power


MEASURES: dict[str, Callable[[Path], dict[str, Move]]] = {
    "january-2022": january_2022,
    "usdc-depeg-2023": march_2023,
    "cascade-2025": october_2025,
    "crash-2026": lambda data: february_2026(data)[0],
}


def _trades(data: Path, kind: str, symbol: str) -> pd.Series:
    table = pd.read_csv(data / CASCADE / f"{kind}_2025-10-10_{symbol}.csv.gz")
    table.index = pd.to_datetime(table.timestamp, unit="us")
    return table.price.sort_index(kind="stable")


def _fall(prices: pd.Series) -> float:
    return math.log(prices[CASCADE_FROM:CASCADE_TO].min() / prices.asof(CASCADE_FROM))


def _fall_of_btc(data: Path) -> float:
    with zipfile.ZipFile(data / CASCADE / "BTCUSD_PERP-1m-2025-10-10.zip") as archive:
        bars = pd.read_csv(archive.open(archive.namelist()[0]))
    bars.index = pd.to_datetime(bars.open_time, unit="ms")
    return math.log(bars.low[CASCADE_FROM:CASCADE_TO].min() / bars.open[CASCADE_FROM])


def _volatility_of_cascade(data: Path) -> float:
    """Return the shift at 30 days, by the root of time, from the one expiry that was recorded (21 days)."""
    name = "okex-options_options_chain_2025-10-10_BTC-USD-251031-80000-P.csv.gz"
    table = pd.read_csv(data / CASCADE / "okx_options" / name)
    table.index = pd.to_datetime(table.timestamp, unit="us")
    volatility = table.mark_iv.dropna()
    expiry = pd.to_datetime(table.expiration.iloc[0], unit="us")
    years = (expiry - CASCADE_FROM).total_seconds() / (365 * 86_400)
    moved = volatility[CASCADE_FROM:].max() / volatility.asof(CASCADE_FROM) - 1.0
    return float(moved * math.sqrt(years / REFERENCE_YEARS))


def _smiles(chain: pd.DataFrame) -> pd.DataFrame:
    """Return by expiry the volatility at the forward and the slope by log(strike / forward) / sqrt(years)."""
    rows: dict[str, tuple[float, float, float]] = {}
    for expiry, quotes in chain[chain.implied_volatility > 0].groupby("expiry_datetime"):
        years = quotes.time_to_maturity.median()
        moneyness = np.log(quotes.strike / quotes.futures_price.median()) / math.sqrt(years)
        near = moneyness.abs() < NEAR_THE_MONEY
        if near.sum() >= 6:
            fit = np.polyfit(moneyness[near], quotes.implied_volatility[near], 2)
            rows[str(expiry)] = years, fit[2], fit[1]
    return pd.DataFrame.from_dict(rows, orient="index", columns=["years", "volatility", "slope"])


def _term(tenors: dict[str, pd.DataFrame]) -> tuple[float, dict[str, float]]:
    """Fit log(shift) = log(shift at 30 days) + power x log(30 days / years), one power for all."""
    design, logs = [], []
    for number, both in enumerate(tenors.values()):
        shift = both.volatility_after / both.volatility_before - 1.0
        dummies = np.eye(len(tenors))[number]
        for years, one in zip(both.years_after, shift, strict=True):
            design.append([*dummies, math.log(REFERENCE_YEARS / years)])
            logs.append(math.log(one))
    fit = np.linalg.lstsq(np.array(design), np.array(logs), rcond=None)[0]
    return float(fit[-1]), {name: math.exp(fit[number]) for number, name in enumerate(tenors)}
