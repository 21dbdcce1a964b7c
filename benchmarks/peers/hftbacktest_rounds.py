"""hftbacktest stepping to each event and reading the imbalance. Option: the depth, and `local` to leave its exchange out.

By default events carry both flags, as its own converters write them. With the local flag alone its exchange side, without
which no order can be filled, does no work: that is the least it can do.
"""

from collections.abc import Callable

import numpy as np
from hftbacktest import (
    BUY_EVENT,
    DEPTH_CLEAR_EVENT,
    DEPTH_EVENT,
    EXCH_EVENT,
    LOCAL_EVENT,
    SELL_EVENT,
    TRADE_EVENT,
    BacktestAsset,
    HashMapMarketDepthBacktest,
    ROIVectorMarketDepthBacktest,
)
from hftbacktest.types import event_dtype
from numba import njit

PACKAGE = "hftbacktest"
DEPTHS = {"HashMap": HashMapMarketDepthBacktest, "ROIVector": ROIVectorMarketDepthBacktest}


@njit
def read_all(backtest: object, touch: np.ndarray) -> int:
    """Step to each event and add up the imbalance."""
    total = 0.0
    reads = 0
    while backtest.wait_next_feed(False, 3_600_000_000_000) == 2:
        reads += 1
        depth = backtest.depth(0)
        bid, ask = depth.best_bid_qty, depth.best_ask_qty
        if bid + ask > 0.0:
            total += (bid - ask) / (bid + ask)
            touch[0] = depth.best_bid
            touch[1] = depth.best_ask
    return reads if total != 0.0 else 0


def prepare(case: str, option: str) -> Callable[[], Callable[[], list[float]]]:
    """Return what makes one round."""
    events = np.load(case)
    kinds = {1: DEPTH_EVENT, 3: TRADE_EVENT, 32: DEPTH_CLEAR_EVENT}
    data = np.zeros(len(events), dtype=event_dtype)
    side = np.where(events["side"] > 0, BUY_EVENT, np.where(events["side"] < 0, SELL_EVENT, 0))
    kind = np.array([kinds[int(kind)] for kind in events["kind"]])
    depth, _, scope = option.partition(" ")
    both = LOCAL_EVENT if scope == "local" else LOCAL_EVENT | EXCH_EVENT
    data["ev"] = (kind | both | side).astype(np.uint64)
    data["exch_ts"] = data["local_ts"] = events["received_ns"]
    data["px"], data["qty"] = events["price"], events["size"]
    prices = events["price"][events["price"] > 0.0]
    low, high = float(prices.min()), float(prices.max())

    def fresh() -> Callable[[], list[float]]:
        asset = (
            BacktestAsset()
            .data(data)
            .linear_asset(1.0)
            .constant_order_latency(0, 0)
            .risk_adverse_queue_model()
            .no_partial_fill_exchange()
            .trading_value_fee_model(0.0, 0.0)
            .tick_size(0.1)
            .lot_size(0.001)
            .parallel_load(False)
        )
        if depth == "ROIVector":
            asset = asset.roi_lb(low).roi_ub(high)
        backtest = DEPTHS[depth]([asset])
        touch = np.zeros(2)

        def play() -> list[float]:
            reads = read_all(backtest, touch)
            if reads < 0.999 * len(data):
                raise RuntimeError(f"the imbalance was read {reads} times in {len(data)} events")
            backtest.close()
            return touch.tolist()

        return play

    fresh()()  # compile
    return fresh
