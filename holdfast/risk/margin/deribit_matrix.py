"""Deribit's risk matrix for one currency pair: price buckets by volatility up, same, down, and the extended table.

Rules:

1. Standard: 2 x buckets_count + 1 moves evenly over +- price_range, each with volatility up, same and down. Up is
   max(v (1 + range_up x (30 / days)^power), floor), down max(v (1 - range_down x (30 / days)^power), 0); the power is
   another one below and above 30 days. Every option keeps the volatility of its strike.
2. Extended: far moves with volatility up. Of the profit, factor x price_range / |move| counts, at the price of the edge
   of the standard range where it is in coin; then up to (|move| / price_range - 1) x dampener is taken off its size.
3. Gains count by pnl_offset alone.

Source: support.deribit.com, Portfolio Margin; docs.deribit.com, private/pme/simulate: `initial_risk_vectors` and
`aggregated_risk_vectors` of its example and of one account on 2026-02-15 are reproduced to 1e-12 in the tests.
"""

from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.risk.legs import Legs
from holdfast.risk.margin.deribit_parameters import CurrencyValues, PairValues, PortfolioValues
from holdfast.risk.margin.leg_shifts import days_left, moved, profits, with_volatility

VOLATILITIES = ("up", "same", "down")
POWER_DAYS = 30.0


class Matrix(msgspec.Struct, frozen=True, kw_only=True):
    """Profits by scenario, leg by leg before aggregation. Units: settlement or base currency.

    Shape: names, total (scenarios,), the standard ones first; standard (moves x 3, legs), extended (extended moves, legs).
    """

    names: tuple[str, ...]
    standard: NDArray[np.float64]
    extended: NDArray[np.float64]
    total: NDArray[np.float64]


def shocked_volatility(volatility: NDArray[np.float64], days: NDArray[np.float64], pair: PairValues, which: str,
                       days_min: float) -> NDArray[np.float64]:  # fmt: skip
    """Return volatilities under one shock (`up`, `same`, `down`) by days to expiry. Shape: all alike."""
    if which == "same":
        return volatility
    left = np.maximum(days, days_min)
    power = np.where(left < POWER_DAYS, pair.short_term_vega_power, pair.long_term_vega_power)
    weight = (POWER_DAYS / left) ** power
    if which == "down":
        return np.maximum(volatility * (1.0 - pair.volatility_range_down * weight), 0.0)
    return np.maximum(
        volatility * (1.0 + pair.volatility_range_up * weight), pair.min_volatility_for_shock_up
    )


def matrix(
    legs: Legs,
    asset: str,
    pair: PairValues,
    currency: CurrencyValues,
    values: PortfolioValues,
    unit: Literal["settlement", "base"],
) -> Matrix:
    """Return the risk matrix of legs of one pair, profits in units of settlement or of base currency."""
    names = frozenset({asset})
    in_coin = unit == "settlement" and bool((legs.legs["settle"] == legs.assets.index(asset)).all())
    volatility, days = legs.legs["volatility"], days_left(legs)
    shocked = [
        with_volatility(legs, shocked_volatility(volatility, days, pair, which, values.days_min))
        for which in VOLATILITIES
    ]
    buckets = values.buckets_count
    moves = np.arange(-buckets, buckets + 1, dtype=np.float64) * np.float64(pair.price_range / buckets)
    far = np.array(values.extended_moves, dtype=np.float64)
    both = profits(legs, shocked, moved(legs, names, np.concatenate((moves, far))), unit)
    standard = both[:, : len(moves)].swapaxes(0, 1).reshape(len(moves) * len(VOLATILITIES), -1)
    extended = both[VOLATILITIES.index("up"), len(moves) :].copy()
    extended *= _extended_share(far, pair, in_coin)[:, None]
    index = _index(legs, asset)
    total = np.concatenate(
        (
            _offset(standard.sum(axis=1), currency, index if in_coin else 1.0),
            _dampened(
                _offset(extended.sum(axis=1), currency, index if in_coin else 1.0),
                far,
                pair,
                currency.extended_dampener,
                index if in_coin else 0.0,
            ),
        )
    )
    told = tuple(f"{move:+.2%} volatility {which}" for move in moves for which in VOLATILITIES)
    return Matrix(
        names=told + tuple(f"{move:+.0%} extended" for move in far),
        standard=standard,
        extended=extended,
        total=total,
    )


def _extended_share(far: NDArray[np.float64], pair: PairValues, in_coin: bool) -> NDArray[np.float64]:
    share = pair.extended_table_factor * pair.price_range / np.abs(far)
    edge = 1.0 + np.sign(far) * pair.price_range
    return share * (1.0 + far) / edge if in_coin else share


def _offset(profit: NDArray[np.float64], currency: CurrencyValues, index: float) -> NDArray[np.float64]:
    gain = np.maximum(profit, 0.0) * currency.pnl_offset
    return np.where(profit > 0.0, np.minimum(gain, currency.max_offsetable_pnl / index), profit)


def _dampened(
    profit: NDArray[np.float64], far: NDArray[np.float64], pair: PairValues, dampener: float, index: float
) -> NDArray[np.float64]:
    """Take the dampener off the size of each profit; `index` 0 where profits are in quote units already."""
    edge = 1.0 + np.sign(far) * pair.price_range
    price = edge * index if index else np.ones_like(edge)
    taken = np.maximum(np.abs(far) / pair.price_range - 1.0, 0.0) * dampener / price
    return np.sign(profit) * np.maximum(np.abs(profit) - taken, 0.0)


def _index(legs: Legs, asset: str) -> float:
    return float(legs.prices[legs.assets.index(asset)])
