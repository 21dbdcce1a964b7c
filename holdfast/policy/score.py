"""Risk score: 0 to 100 a scope, from volatility, liquidity, correlation, trust and portfolio.

Rules:

1. Each part is first put on the same scale of points, on which the escalation table's lines mean the same for all:
   25 is worth watching, 50 restricting, 70 reducing, 90 stopping.
2. The score is the cubic mean without division, `(v^3 + l^3 + c^3 + t^3 + p^3)^(1/3)`: the loudest part leads, the others
   add a little, and no sum of small worries makes a crash. Contributions share the score in proportion to the cubes.
3. A part that cannot be computed contributes nothing and takes nothing away from the others.
4. Trust alone never passes 60 points: a broken feed restricts, it does not sell. While an instrument is not trusted
   its market parts are not believed.
5. A venue is the quadratic mean of its instruments, the desk that of all: one thin coin does not stop a venue, a venue
   whose coins fall together stops. What the desk holds on a venue, or anywhere, is mixed in after that mean.

Where the points of volatility come from: see docs/decisions/0003-score-points.md.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

PARTS: Final = ("volatility", "liquidity", "correlation", "trust", "portfolio")
VOLATILITY, LIQUIDITY, CORRELATION, TRUST, PORTFOLIO = range(5)
SCORE_MAX: Final = 100.0
LIQUIDITY_POINTS_MAX: Final = 60.0
CORRELATION_POINTS_MAX: Final = 45.0
SPREAD_PER_MOVE: Final = 0.1

# (move of the last minute in units of the instrument's usual move, points); log-linear between
_SHOCK_POINTS: Final = np.array(
    [(3.0, 0.0), (6.0, 25.0), (10.5, 50.0), (15.0, 70.0), (30.0, 90.0), (80.0, 100.0)]
)
_DEPTH_POINTS: Final = np.array(
    [(2.0, 0.0), (5.0, 25.0), (20.0, 50.0), (50.0, 60.0)]
)  # usual depth over depth
_SPREAD_POINTS: Final = np.array(
    [(3.0, 0.0), (10.0, 25.0), (40.0, 50.0), (100.0, 60.0)]
)  # spread over usual spread
_IMPACT_POINTS: Final = np.array([(4.0, 0.0), (16.0, 20.0), (64.0, 35.0)])  # Amihud's ratio over its usual
_DISLOCATION_POINTS: Final = np.array([(1.0, 15.0), (2.0, 25.0), (4.0, 40.0), (8.0, 45.0)])  # finding ratio
_CHAIN_POINTS: Final = np.array([0.0, 20.0, 35.0, 55.0, 68.0])  # open alert of a chain, none to critical
# open trust alert, none to critical: of a detector that leaves the instrument trusted, and of one that does not
_TRUST_POINTS: Final = np.array([(0.0, 10.0, 20.0, 30.0, 40.0), (0.0, 26.0, 36.0, 50.0, 60.0)])
# of what the desk holds: chance of a margin call within an hour and a day; maintenance margin over equity
_CALL_1H_POINTS: Final = np.array(
    [(0.002, 0.0), (0.02, 25.0), (0.10, 50.0), (0.30, 70.0), (0.60, 90.0), (1.0, 95.0)]
)
_CALL_24H_POINTS: Final = np.array([(0.02, 0.0), (0.10, 25.0), (0.40, 50.0), (1.0, 60.0)])
_MARGIN_RATIO_POINTS: Final = np.array(
    [(0.5, 0.0), (0.65, 25.0), (0.80, 50.0), (0.90, 70.0), (1.0, 90.0), (1.2, 100.0)]
)

SCORE: Final = np.dtype(
    [
        ("score", "f8"),
        ("parts", "f8", (5,)),  # contributions, they sum to the score
        ("points", "f8", (5,)),  # before mixing
        ("counted", "?"),  # takes part in its venue and the desk
    ]
)


@njit(cache=True)
def points_of(value: float, table: np.ndarray) -> float:
    """Read a table of (value, points) with straight lines over the logarithm of the value; NaN is no points.

    >>> import numpy as np
    >>> points_of(4.0, np.array([(2.0, 0.0), (8.0, 20.0)]))
    10.0
    """
    if not value > table[0, 0]:
        return 0.0
    for j in range(1, table.shape[0]):
        if value <= table[j, 0]:
            share = np.log(value / table[j - 1, 0]) / np.log(table[j, 0] / table[j - 1, 0])
            return table[j - 1, 1] + share * (table[j, 1] - table[j - 1, 1])
    return table[-1, 1]


@njit(cache=True)
def mix(points: np.ndarray, parts: np.ndarray) -> float:
    """Mix points into a score of at most 100 and write the contributions that sum to it."""
    total = 0.0
    for j in range(5):
        total += points[j] ** 3
    if total <= 0.0:
        parts[:] = 0.0
        return 0.0
    score = min(total ** (1.0 / 3.0), 100.0)
    for j in range(5):
        parts[j] = score * points[j] ** 3 / total
    return score


@njit(cache=True)
def score_instruments(
    count: int,
    features: NDArray[np.void],
    trusted: NDArray[np.bool_],
    trust_points: NDArray[np.float64],
    dislocation: NDArray[np.float64],
    co_movement: float,
    scores: NDArray[np.void],
) -> None:
    """Score the first `count` instruments. Shape: features, trusted, dislocation, scores (capacity,), trust_points (count,).

    `dislocation` the ratio of the dislocation finding, `co_movement`
    the share (0 to 1) of the market that moves as one.
    """
    for i in range(count):
        f = features[i]
        s = scores[i]
        s.counted = f.time_ns > 0 and not f.is_option
        if not s.counted:
            continue
        for j in range(5):
            s.points[j] = 0.0
        if trusted[i]:
            s.points[VOLATILITY] = points_of(f.shock, _SHOCK_POINTS)
            near = min(f.depth_near_bid / f.depth_usual_bid, f.depth_near_ask / f.depth_usual_ask)
            depth = points_of(1.0 / near, _DEPTH_POINTS) if near > 0.0 else 0.0
            # one tick is the usual spread of a liquid book; a spread that a minute's move dwarfs is no illiquidity
            usual_spread_bps = max(f.spread_usual_bps, SPREAD_PER_MOVE * f.move_scale * 1e4)
            spread = points_of(f.spread_bps / usual_spread_bps, _SPREAD_POINTS)
            impact = points_of(f.amihud / f.amihud_usual, _IMPACT_POINTS)
            s.points[LIQUIDITY] = min(max(depth, spread, impact), LIQUIDITY_POINTS_MAX)
            apart = points_of(dislocation[i], _DISLOCATION_POINTS)
            together = 0.0
            if co_movement > 0.5:
                together = 2.0 * (co_movement - 0.5) * 0.4 * s.points[VOLATILITY]
            s.points[CORRELATION] = min(max(apart, together), CORRELATION_POINTS_MAX)
        s.points[TRUST] = trust_points[i]
        s.score = mix(s.points, s.parts)


@njit(cache=True)
def measure_trust(
    count: int, detectors: int, open_rank: NDArray[np.int8], distrust: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the points of the worst open alert among the first `detectors`. Shape: open_rank (all, capacity), out (count,).

    `distrust` says which detectors take an instrument's trust away.
    """
    points = np.zeros(count)
    for d in range(detectors):
        for i in range(count):
            points[i] = max(points[i], _TRUST_POINTS[1 if distrust[d] else 0, open_rank[d, i]])
    return points


@njit(cache=True)
def score_chains(looks: NDArray[np.void], open_rank: NDArray[np.int8], scores: NDArray[np.void]) -> None:
    """Score option chains by the ranks of their open alerts: quality, surface shock, parity break, quotes withdrawn.

    Shape: looks (chains,) of LOOK, the last at each. A chain that is listed and was never looked at, because no row of it
    ever came, says nothing about its venue, and is not counted.
    """
    for i in range(looks.shape[0]):
        s = scores[i]
        s.counted = looks[i].time_ns > 0
        if not s.counted:
            continue
        s.points[TRUST] = _TRUST_POINTS[1, open_rank[0, i]]
        s.points[VOLATILITY] = _CHAIN_POINTS[open_rank[1, i]]
        s.points[CORRELATION] = min(_CHAIN_POINTS[open_rank[2, i]], CORRELATION_POINTS_MAX)
        s.points[LIQUIDITY] = min(_CHAIN_POINTS[open_rank[3, i]], LIQUIDITY_POINTS_MAX)
        s.score = mix(s.points, s.parts)


@njit(cache=True)
def score_groups(
    count: int,
    scores: NDArray[np.void],
    group: NDArray[np.int64],
    chains: int,
    chain_scores: NDArray[np.void],
    group_of_chain: NDArray[np.int64],
    out: NDArray[np.void],
) -> None:
    """Score groups (venues, or the desk as one) by the quadratic mean of their counted instruments and chains.

    Shape: scores and group (count,), chain_scores and group_of_chain (chains,), out (groups,).
    """
    groups = out.shape[0]
    members = np.zeros(groups)
    squares = np.zeros(groups)
    shares = np.zeros((groups, 5))
    for i in range(count + chains):
        s = scores[i] if i < count else chain_scores[i - count]
        if not s.counted:
            continue
        g = group[i] if i < count else group_of_chain[i - count]
        members[g] += 1.0
        squares[g] += s.score**2
        for j in range(5):
            shares[g, j] += s.score * s.parts[j]
    for g in range(groups):
        out[g].counted = members[g] > 0.0
        out[g].score = np.sqrt(squares[g] / members[g]) if members[g] > 0.0 else 0.0
        for j in range(5):
            out[g].parts[j] = out[g].score * shares[g, j] / squares[g] if squares[g] > 0.0 else 0.0


def portfolio_points(measured: Mapping[str, float]) -> float:
    """Return the points of what the desk holds on a venue, or anywhere: the worst of call probabilities and margin ratio."""
    nan = float("nan")
    return max(
        points_of(measured.get("call_probability_1h", nan), _CALL_1H_POINTS),
        points_of(measured.get("call_probability_24h", nan), _CALL_24H_POINTS),
        points_of(measured.get("margin_ratio", nan), _MARGIN_RATIO_POINTS),
    )


def add_portfolio(points: float, group: NDArray[np.void]) -> None:
    """Mix the points of what is held into a group's score. Shape: group (1,) of SCORE."""
    if points <= 0.0:
        return
    score = float(group["score"][0])
    total = score**3 + points**3
    mixed = min(total ** (1.0 / 3.0), SCORE_MAX)
    if score > 0.0:
        group["parts"][0] *= mixed * score**2 / total
    group["parts"][0, PORTFOLIO] = mixed * points**3 / total
    group["points"][0, PORTFOLIO] = points
    group["score"] = mixed
    group["counted"] = True
