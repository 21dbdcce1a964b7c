"""Feature rows: what a sweep measures of an instrument, one structured row each.

What cannot be computed from what a source gives is NaN, never zero: a tape of trades has no spread, a tape of bars no trade
sign.

Units: prices in quote units, notional in quote units, volatility as a fraction a year, moves in log price, times in seconds
unless the name says otherwise.
"""

from typing import Final

import numpy as np

FEATURES: Final = np.dtype(
    [
        ("time_ns", "i8"),
        ("instrument", "i4"),
        ("is_option", "?"),  # judged with its chain, not alone
        ("active", "?"),  # rows arrived since the last sweep
        ("price", "f8"),
        ("microprice", "f8"),
        ("spread_bps", "f8"),
        ("spread_usual_bps", "f8"),
        ("depth_bid", "f8", (4,)),  # notional within 5, 10, 25, 100 bps
        ("depth_ask", "f8", (4,)),
        ("depth_near_bid", "f8"),  # smoothed notional next to the touch, at depth_near_bps
        ("depth_near_ask", "f8"),
        ("depth_near_bps", "f8"),
        ("depth_usual_bid", "f8"),  # own past: median, and the level that is rare
        ("depth_usual_ask", "f8"),
        ("depth_rare_bid", "f8"),
        ("depth_rare_ask", "f8"),
        ("imbalance", "f8"),
        ("flow_1m", "f8"),  # order-flow imbalance at the touch, size units, decayed over a minute
        ("trades_1m", "f8"),
        ("turnover_1m", "f8"),
        ("turnover_usual_1m", "f8"),
        ("signed_1m", "f8"),
        ("liquidated_1m", "f8"),
        ("volatility_1m", "f8"),
        ("volatility_5m", "f8"),
        ("volatility_1h", "f8"),
        ("volatility_usual", "f8"),
        ("move_1m", "f8"),  # signed: from the extreme of the window to now
        ("move_5m", "f8"),
        ("move_15m", "f8"),
        ("move_scale", "f8"),  # 75 % quantile of |move_1m| over the own past
        ("move_rare", "f8"),  # once a day by the extreme-value tail of the own past, NaN while unknown
        ("shock", "f8"),  # |move_1m| in units of move_scale
        ("kyle_lambda", "f8"),  # log return for one unit of signed notional
        ("amihud", "f8"),  # |log return| for one unit of notional
        ("amihud_usual", "f8"),
        ("basis_bps", "f8"),  # price over index
        ("funding", "f8"),
        ("interest_drop", "f8"),  # fall of open interest from its slow mean, as a fraction
        ("latency_s", "f8"),  # largest of the second, beyond the skew
        ("latency_usual_s", "f8"),
        ("skew_s", "f8"),
        ("silence_s", "f8"),  # since the last row
        ("silence_max_s", "f8"),  # beyond it the feed is stale
        ("price_age_s", "f8"),
        ("jump", "f8"),
        ("crossed", "f8"),
        ("frozen", "f8"),  # evidence that one side is frozen, 1 is the line
        ("frozen_side", "f8"),
        ("gap_s", "f8"),  # how long the book has been stale, 0 if it is not
        ("gap_reason", "f8"),
        ("times_bad", "f8"),  # new since the last sweep
    ]
)


def new_features(count: int) -> np.ndarray:
    """Return features of which nothing is known. Shape: (count,)."""
    features = np.zeros(count, dtype=FEATURES)
    for name in FEATURES.names or ():
        if FEATURES[name].base == np.dtype("f8"):
            features[name] = np.nan
    return features


def fields_of(feature: np.void) -> dict[str, float]:
    """Return what a rule may read of an instrument's features, as `policy/fields.py` names it; the unknown is absent."""
    known = {name: float(feature[own]) for name, own in _FEATURE_OF_FIELD.items()}
    known["depth_bid_10bps"] = float(feature["depth_bid"][1])
    known["depth_ask_10bps"] = float(feature["depth_ask"][1])
    known["latency_ms"] = 1e3 * float(feature["latency_s"])
    return {name: value for name, value in known.items() if np.isfinite(value)}


_FEATURE_OF_FIELD: Final = {
    "price": "price",
    "spread_bps": "spread_bps",
    "volatility_1m": "volatility_1m",
    "volatility_5m": "volatility_5m",
    "volatility_1h": "volatility_1h",
    "move_1m": "move_1m",
    "move_5m": "move_5m",
    "move_15m": "move_15m",
    "imbalance": "imbalance",
    "basis_bps": "basis_bps",
    "funding_rate": "funding",
    "staleness_s": "silence_s",
}
