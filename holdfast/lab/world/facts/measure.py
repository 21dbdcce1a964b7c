"""Measure: the stylised facts of one market, as numbers by name; NaN where there is too little to tell.

Source: Cont, "Empirical properties of asset returns: stylized facts and statistical issues", Quantitative Finance 1 (2001);
the tail index is Hill's, of the largest twentieth; `fano` is the variance of counts over their mean, 1 for a
Poisson process.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from holdfast.lab.world.facts.market import Market

Array = NDArray[np.float64]
HORIZONS_S: Final = (1, 10, 60)
LAGS: Final = (1, 10, 60)
_TAIL: Final = 0.05
_TAIL_MIN: Final = 10
_RETURNS_MIN: Final = 30
_SECOND_NS: Final = 1_000_000_000

FACTS: Final[dict[str, str]] = {
    **{f"sigma_bps_{h}s": f"standard deviation of returns, {h} s, bps" for h in HORIZONS_S},
    **{f"kurtosis_{h}s": f"excess kurtosis of returns, {h} s (Gaussian 0)" for h in HORIZONS_S},
    **{f"tail_{h}s": f"tail index of returns, {h} s" for h in HORIZONS_S[:2]},
    "returns_acf_1": "autocorrelation of 1 s returns, lag 1",
    "returns_acf_10s": "autocorrelation of 10 s returns, lag 1",
    **{f"absolute_acf_{lag}": f"autocorrelation of absolute 1 s returns, lag {lag} s" for lag in LAGS},
    "spread_bps_median": "spread, bps, median",
    "spread_bps_mean": "spread, bps, mean",
    "spread_bps_p99": "spread, bps, 99th percentile",
    "touch_usd_median": "size at the best price, dollars, median",
    "depth_usd_median": "depth within 10 bps, dollars, median",
    "depth_usd_p5": "depth within 10 bps, dollars, 5th percentile",
    "trades_per_s": "trades a second",
    "trade_usd_median": "trade size, dollars, median",
    "trade_usd_mean": "trade size, dollars, mean",
    "trade_usd_p99": "trade size, dollars, 99th percentile",
    "trade_tail": "tail index of trade sizes",
    "fano_1s": "clustering of trades: variance over mean of counts in 1 s (Poisson 1)",
    "fano_10s": "the same in 10 s",
}


def measure(market: Market) -> dict[str, float]:
    """Return every fact of `FACTS`."""
    facts: dict[str, float] = {}
    logs = np.log(np.array(market.mids, dtype=np.float64))
    for horizon in HORIZONS_S:
        moves = np.diff(logs[::horizon])
        facts[f"sigma_bps_{horizon}s"] = float(moves.std() * 1e4) if len(moves) >= _RETURNS_MIN else math.nan
        facts[f"kurtosis_{horizon}s"] = _kurtosis(moves)
        if horizon in HORIZONS_S[:2]:
            facts[f"tail_{horizon}s"] = _tail(np.abs(moves))
    moves = np.diff(logs)
    facts["returns_acf_1"] = _autocorrelation(moves, 1)
    facts["returns_acf_10s"] = _autocorrelation(np.diff(logs[::10]), 1)
    for lag in LAGS:
        facts[f"absolute_acf_{lag}"] = _autocorrelation(np.abs(moves), lag)
    spreads, sizes = np.array(market.spreads_bps), np.array(market.trade_usd)
    facts["spread_bps_median"] = _quantile(spreads, 0.5)
    facts["spread_bps_mean"] = float(spreads.mean()) if len(spreads) else math.nan
    facts["spread_bps_p99"] = _quantile(spreads, 0.99)
    facts["touch_usd_median"] = _quantile(np.array(market.touches_usd), 0.5)
    facts["depth_usd_median"] = _quantile(np.array(market.depths_usd), 0.5)
    facts["depth_usd_p5"] = _quantile(np.array(market.depths_usd), 0.05)
    facts["trades_per_s"] = len(sizes) / max(len(market.mids), 1)
    facts["trade_usd_median"] = _quantile(sizes, 0.5)
    facts["trade_usd_mean"] = float(sizes.mean()) if len(sizes) else math.nan
    facts["trade_usd_p99"] = _quantile(sizes, 0.99)
    facts["trade_tail"] = _tail(sizes)
    for width in (1, 10):
        facts[f"fano_{width}s"] = _fano(market.trade_times_ns, width)
    return {name: facts[name] for name in FACTS}


def _kurtosis(moves: Array) -> float:
    if len(moves) < _RETURNS_MIN or not moves.std():
        return math.nan
    scaled = (moves - moves.mean()) / moves.std()
    return float((scaled**4).mean() - 3.0)


def _tail(sizes: Array) -> float:
    """Return Hill's estimate of the tail index."""
    count = int(len(sizes) * _TAIL)
    if count < _TAIL_MIN:
        return math.nan
    ordered = np.sort(sizes)[::-1]
    if ordered[count] <= 0.0:
        return math.nan
    mean = float(np.log(ordered[:count] / ordered[count]).mean())
    return 1.0 / mean if mean > 0.0 else math.nan


def _autocorrelation(values: Array, lag: int) -> float:
    if len(values) < _RETURNS_MIN + lag:
        return math.nan
    centred = values - values.mean()
    total = float((centred**2).sum())
    return float((centred[lag:] * centred[:-lag]).sum()) / total if total else math.nan


def _fano(times_ns: list[int], width_s: int) -> float:
    if not times_ns:
        return math.nan
    bins = (np.array(times_ns, dtype=np.int64) - times_ns[0]) // (width_s * _SECOND_NS)
    counts = np.bincount(bins)[:-1]
    return float(counts.var() / counts.mean()) if len(counts) >= _RETURNS_MIN else math.nan


def _quantile(values: Array, share: float) -> float:
    return float(np.quantile(values, share)) if len(values) else math.nan
