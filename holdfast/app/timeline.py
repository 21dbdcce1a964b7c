"""Timeline: what the report draws, kept while a run goes on in memory that does not grow with it.

Each scope has at most `POINTS_MAX` points. When they are full, every second one goes (of each pair the one with the higher
score stays) and the scope's points are from then on twice as far apart. So a peak is never lost, whatever the length.
"""

from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.app.report.data import Series
from holdfast.clock import SECOND_NS
from holdfast.engine import State
from holdfast.event import LEVELS, LevelMoved, Scope
from holdfast.policy.desk import DESK
from holdfast.policy.score import PARTS

POINTS_MAX: Final = 4096
STRIDE_NS: Final = SECOND_NS

POINT: Final = np.dtype([("time_ns", "i8"), ("price", "f8"), ("score", "f8"), ("parts", "f8", (len(PARTS),))])


class Timeline:
    """The series of every instrument, chain, venue and the desk. Call it after each sweep."""

    def __init__(self) -> None:
        self._instruments = _Shelf()
        self._place: NDArray[np.int64] = np.zeros(0, dtype=np.int64)  # on the shelf, -1 for none
        self._of: list[int] = []  # the instrument at each place
        self._others: dict[Scope, _Shelf] = {}

    def __call__(self, now_ns: int, state: State) -> None:
        """Take in the scores of one sweep."""
        shelf = self._instruments
        counted = state.scores["counted"][: state.count]
        if len(counted) > len(self._place):
            missing = np.full(len(counted) - len(self._place), -1, dtype=np.int64)
            self._place = np.append(self._place, missing)
        for number in np.flatnonzero(counted & (self._place[: len(counted)] < 0)).tolist():
            self._place[number] = len(self._of)
            self._of.append(number)
        shelf.fit(len(self._of))
        prices = state.features["price"]
        record(
            now_ns, state.count, self._place, prices, state.scores, shelf.points, shelf.used, shelf.stride_ns
        )
        for number, venue in enumerate(state.venues):
            self._other(Scope(venue=venue)).take(now_ns, state.venue_scores[number : number + 1])
        for number, chain in enumerate(state.chains.all):
            self._other(chain.scope).take(now_ns, state.chain_scores[number : number + 1])
        self._other(DESK).take(now_ns, state.desk_score)

    def series(self, state: State, moves: list[LevelMoved]) -> list[Series]:
        """Return the series of every scope that was ever scored, the desk first."""
        levels: dict[Scope, list[LevelMoved]] = {}
        for move in moves:
            levels.setdefault(move.scope, []).append(move)
        drawn = [(scope, shelf.points[0, : shelf.used[0]]) for scope, shelf in self._others.items()]
        drawn.sort(key=lambda pair: str(pair[0]) if pair[0] != DESK else "")
        for place, number in sorted(enumerate(self._of), key=lambda pair: pair[1]):
            drawn.append(
                (state.scopes[number], self._instruments.points[place, : self._instruments.used[place]])
            )
        return [_series(scope, points, levels.get(scope, [])) for scope, points in drawn if len(points)]

    def _other(self, scope: Scope) -> "_Shelf":
        shelf = self._others.get(scope)
        if shelf is None:
            shelf = self._others[scope] = _Shelf()
            shelf.fit(1)
        return shelf


class _Shelf:
    """Points of several scopes. Shape: points (scopes, POINTS_MAX), used and stride_ns (scopes,)."""

    def __init__(self) -> None:
        self.points: NDArray[np.void] = np.zeros((0, POINTS_MAX), dtype=POINT)
        self.used: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self.stride_ns: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._no_price: NDArray[np.float64] = np.full(1, np.nan)
        self._first: NDArray[np.int64] = np.zeros(1, dtype=np.int64)

    def fit(self, count: int) -> None:
        """Make room for `count` scopes."""
        missing = max(count, 2 * len(self.used)) - len(self.used) if count > len(self.used) else 0
        if missing > 0:
            self.points = np.concatenate([self.points, np.zeros((missing, POINTS_MAX), dtype=POINT)])
            self.used = np.concatenate([self.used, np.zeros(missing, dtype=np.int64)])
            self.stride_ns = np.concatenate([self.stride_ns, np.full(missing, STRIDE_NS, dtype=np.int64)])

    def take(self, now_ns: int, scores: NDArray[np.void]) -> None:
        """Take in the score of the only scope on this shelf."""
        record(now_ns, 1, self._first, self._no_price, scores, self.points, self.used, self.stride_ns)


@njit(cache=True)
def record(now_ns, count, place, prices, scores, points, used, stride_ns):
    """Append one point a counted scope, or let it replace the last one if that is nearer than the stride and lower."""
    for i in range(count):
        if not scores[i].counted:
            continue
        k = place[i]
        n = used[k]
        row = points[k]
        if n > 0 and now_ns - row[n - 1].time_ns < stride_ns[k]:
            if scores[i].score <= row[n - 1].score:
                continue
            n -= 1
        elif n == POINTS_MAX:
            kept = 0
            for j in range(0, POINTS_MAX, 2):
                source = j if row[j].score >= row[j + 1].score else j + 1
                row[kept] = row[source]
                kept += 1
            n = kept
            stride_ns[k] *= 2
        row[n].time_ns = now_ns
        row[n].price = prices[i]
        row[n].score = scores[i].score
        for j in range(len(PARTS)):
            row[n].parts[j] = scores[i].parts[j]
        used[k] = n + 1


def _series(scope: Scope, points: NDArray[Any], moves: list[LevelMoved]) -> Series:
    """Join points and moves: each move is a point of its own, so that the level's colour starts where it began."""
    moved_ns = np.array([move.time_ns for move in moves], dtype=np.int64)
    moved_to = np.array([0, *(LEVELS.index(move.to_level) for move in moves)], dtype=np.int8)
    time_ns = np.union1d(points["time_ns"], moved_ns)
    at = np.maximum(np.searchsorted(points["time_ns"], time_ns, side="right") - 1, 0)
    return Series(
        scope=scope,
        time_ns=time_ns,
        score=points["score"][at],
        parts=points["parts"][at],
        level=moved_to[np.searchsorted(moved_ns, time_ns, side="right")],
        price=points["price"][at],
    )
