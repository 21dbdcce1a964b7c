"""Reverse stress: the nearest scenario that breaks a loss limit, and how near it is.

Rules:

1. Near is by Mahalanobis distance: under the covariance of the factors given, so that likely moves are short. The factors
   are the log spot move and the relative volatility shift of each asset named, in that order.
2. The search is the first-order reliability method: rays in many directions find where the limit breaks, the nearest
   crossings are refined by the Hasofer-Lind-Rackwitz-Fiessler step, and what is returned breaks the limit, revalued in full.
3. A point outside the bounds is none. Where no ray breaks the limit inside them, the answer says so, with the worst that
   was seen.
4. Starts are many, not all: a pocket of loss smaller than the distance between rays can be missed. The same seed
   searches the same rays.

Source: Hasofer, Lind (1974); Rackwitz, Fiessler (1978); Zhang, Der Kiureghian (1995); Breuer, Csiszar (2013), Systematic
stress tests with entropic plausibility constraints, for the distance.
"""

from collections.abc import Iterator
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.error import CallerError
from holdfast.risk import revalue
from holdfast.risk.draws import generator
from holdfast.risk.legs import Legs
from holdfast.risk.scenarios.scenario import asset_number
from holdfast.risk.shock import Shocks, no_shocks

RAYS: Final = 512
RADII: Final = 48
STARTS: Final = 12
STEPS: Final = 40
SHARES: Final = 0.5 ** np.arange(10)
TOLERANCE: Final = 1e-9  # of the loss: by so much more than the limit is aimed at
STEP_MIN: Final = 1e-10  # of a log move: a step that goes less far is the last
GRADIENT_STEP: Final = 1e-4  # of a standard deviation

Factors = NDArray[np.float64]  # (..., 2 x assets): log spot moves, then volatility shifts


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """Where to look. Units: log moves of spot, relative shifts of volatility."""

    spot_log_min: float = -1.5
    spot_log_max: float = 1.0
    volatility_shift_min: float = -0.7
    volatility_shift_max: float = 3.0


class ReverseStress(msgspec.Struct, frozen=True, kw_only=True):
    """The nearest scenario that loses the limit. Units: moves as in `shock.py`, distance in standard deviations.

    Not `found`: no scenario inside the bounds that was looked at loses as much; moves and profit are then of the worst seen.
    """

    found: bool
    distance: float
    spot_log: dict[str, float]
    volatility_shift: dict[str, float]
    profit: float
    reason: str = ""


def reverse_stress(
    legs: Legs,
    loss_max: float,
    covariance: Factors,
    assets: tuple[str, ...],
    *,
    bounds: Bounds | None = None,
    seed: int = 1,
    shocks: Shocks | None = None,
) -> ReverseStress:
    """Find the nearest scenario in which the desk loses `loss_max` (base currency, positive).

    Shape: covariance (2 x assets, 2 x assets) over the horizon in question, positive definite; `shocks` of one row gives the
    term power, horizon and stickiness, and what else moves in every scenario.

    Raises: CallerError `scenario.asset`, `reverse.limit`, `reverse.covariance`.

    Cost: about 30,000 revaluations of the desk.
    """
    return _Search(legs, loss_max, covariance, assets, bounds or Bounds(), seed, shocks).run()


class _Search:
    def __init__(
        self, legs: Legs, loss_max: float, covariance: Factors, assets: tuple[str, ...], bounds: Bounds, seed: int,
        shocks: Shocks | None,
    ) -> None:  # fmt: skip
        if not 0.0 < loss_max < float("inf"):
            raise CallerError(
                "reverse.limit", f"{loss_max!r} is no loss limit", remedy="give a positive number"
            )
        self._legs, self._loss_max, self._assets, self._seed = legs, loss_max, assets, seed
        self._numbers = [asset_number(legs, asset) for asset in assets]
        self._size = 2 * len(assets)
        self._covariance, self._root = covariance, _root_of(covariance, self._size)
        self._base = shocks or no_shocks(1, len(legs.assets))
        per_asset = np.ones(len(assets))
        self._low = np.concatenate((bounds.spot_log_min * per_asset, bounds.volatility_shift_min * per_asset))
        self._high = np.concatenate(
            (bounds.spot_log_max * per_asset, bounds.volatility_shift_max * per_asset)
        )
        self._now = float(revalue.totals(legs, no_shocks(1, len(legs.assets)))[0])

    def run(self) -> ReverseStress:
        rays = self._rays()
        reach = self._reach(rays)
        radii = reach[:, None] * np.linspace(0.0, 1.0, RADII + 1)[1:]
        grown = rays[:, None, :] * radii[:, :, None]
        profits = self._profits(grown.reshape(-1, self._size) @ self._root.T).reshape(len(rays), RADII)
        broken = profits <= -self._loss_max
        if not broken.any():
            ray, step = np.unravel_index(int(profits.argmin()), profits.shape)
            return self._answer(
                self._root @ grown[ray, step],
                found=False,
                reason=f"nothing inside the bounds loses {self._loss_max:,.6g}; the worst seen is returned",
            )
        first = broken.argmax(axis=1)
        crossing = np.where(broken.any(axis=1), radii[np.arange(len(rays)), first], np.inf)
        best, nearest = np.zeros(self._size), np.inf
        for ray in np.argsort(crossing, kind="stable")[:STARTS]:
            if not np.isfinite(crossing[ray]):
                break
            for point in self._slide(self._root @ grown[ray, first[ray]]):
                if self._distance(point) < nearest:
                    best, nearest = point, self._distance(point)
        return self._answer(best, found=True)

    def _rays(self) -> Factors:
        """Return unit directions: each axis both ways, where the book loses, and drawn ones."""
        axes = np.eye(self._size)
        own = np.linalg.inv(self._root)  # one factor alone, in whitened units
        own_axes = (own / np.linalg.norm(own, axis=0)).T
        slope = self._root.T @ self._gradient(np.zeros(self._size))
        steep = [slope] if np.linalg.norm(slope) > 0.0 else []
        drawn = generator(self._seed).standard_normal((RAYS // 2, self._size))
        rays = np.vstack((axes, -axes, own_axes, -own_axes, *steep, drawn, -drawn))
        return np.asarray(rays / np.linalg.norm(rays, axis=1, keepdims=True), dtype=np.float64)

    def _reach(self, rays: Factors) -> NDArray[np.float64]:
        """Return how far along each ray the bounds are."""
        moves = rays @ self._root.T
        edges = np.where(moves > 0.0, self._high, self._low)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(moves != 0.0, edges / moves, np.inf)
        return np.asarray(np.maximum(ratio.min(axis=1), 0.0), dtype=np.float64)

    def _slide(self, point: Factors) -> Iterator[Factors]:
        """Yield the start, and every point on the way to a nearest one that breaks the limit inside the bounds.

        Each step aims at the nearest point of the limit's tangent inside the bounds, and goes as far of it as lessens
        distance squared over two plus a penalty on missing the limit (Zhang, Der Kiureghian 1995).
        """
        yield point
        for _ in range(STEPS):
            slope = self._gradient(point)
            profit = float(self._profits(point[None])[0])
            if not slope.any():
                return
            target = float(slope @ point) - profit - self._loss_max * (1.0 + TOLERANCE)
            aim = self._nearest_on_plane(slope, target)
            if aim is None:
                return
            whitened = np.linalg.solve(self._root, point)
            steepness = float(np.linalg.norm(self._root.T @ slope))
            penalty = 2.0 * max(float(np.linalg.norm(whitened)), 1.0) / steepness
            trials = np.vstack((point, point + SHARES[:, None] * (aim - point)))
            profits = self._profits(trials)
            distances = np.linalg.norm(np.linalg.solve(self._root, trials.T), axis=0)
            merits = 0.5 * distances**2 + penalty * np.abs(profits + self._loss_max * (1.0 + TOLERANCE))
            for number in np.flatnonzero(profits <= -self._loss_max):
                yield trials[number]
            chosen = int(merits.argmin())
            if chosen == 0 or np.abs(trials[chosen] - point).max() <= STEP_MIN:
                return
            point = trials[chosen]

    def _nearest_on_plane(self, slope: Factors, target: float) -> Factors | None:
        """Return the nearest point with slope . point = target inside the bounds: what leaves them is held at them."""
        held = np.zeros(self._size, dtype=bool)
        point = np.zeros(self._size)
        while not held.all():
            free = ~held
            blocks = self._covariance[np.ix_(free, held)], self._covariance[np.ix_(held, held)]
            regression = (
                np.linalg.solve(blocks[1], blocks[0].T).T if held.any() else np.zeros((free.sum(), 0))
            )
            centre = regression @ point[held]
            spread = self._covariance[np.ix_(free, free)] - regression @ blocks[0].T
            along = spread @ slope[free]
            steepness = float(slope[free] @ along)
            if steepness <= 0.0:
                return None
            gap = target - float(slope[held] @ point[held]) - float(slope[free] @ centre)
            point[free] = centre + along * gap / steepness
            outside = free & ((point < self._low) | (point > self._high))
            if not outside.any():
                return point
            point = np.clip(point, self._low, self._high)
            held |= outside
        return None

    def _distance(self, moves: Factors) -> float:
        return float(np.linalg.norm(np.linalg.solve(self._root, moves)))

    def _gradient(self, moves: Factors) -> Factors:
        """Return the derivative of profit by factor, by central differences."""
        step = np.diag(GRADIENT_STEP * np.sqrt(np.diag(self._covariance)))
        both = self._profits(np.vstack((moves + step, moves - step)))
        return (both[: self._size] - both[self._size :]) / (2.0 * np.diag(step))

    def _profits(self, moves: Factors) -> NDArray[np.float64]:
        return revalue.totals(self._legs, self._shocks(moves)) - self._now

    def _shocks(self, moves: Factors) -> Shocks:
        count, assets = len(moves), len(self._assets)
        arrays = {
            name: np.repeat(getattr(self._base, name)[:1], count, axis=0)
            for name in ("spot_log", "volatility_shift", "basis_log", "skew_shift", "rate_shift")
        }
        arrays["spot_log"][:, self._numbers] += moves[:, :assets]
        arrays["volatility_shift"][:, self._numbers] += moves[:, assets:]
        return msgspec.structs.replace(self._base, **arrays)

    def _answer(self, moves: Factors, *, found: bool, reason: str = "") -> ReverseStress:
        count = len(self._assets)
        return ReverseStress(
            found=found,
            distance=self._distance(moves),
            spot_log=dict(zip(self._assets, moves[:count].tolist(), strict=True)),
            volatility_shift=dict(zip(self._assets, moves[count:].tolist(), strict=True)),
            profit=float(self._profits(moves[None])[0]),
            reason=reason,
        )


def _root_of(covariance: Factors, size: int) -> Factors:
    if covariance.shape != (size, size):
        raise CallerError(
            "reverse.covariance", f"has shape {covariance.shape}, the assets named need {(size, size)}",
            remedy="log spot moves of each asset first, then volatility shifts",
        )  # fmt: skip
    try:
        return np.asarray(np.linalg.cholesky(covariance), dtype=np.float64)
    except np.linalg.LinAlgError as error:
        raise CallerError("reverse.covariance", "is not positive definite") from error
