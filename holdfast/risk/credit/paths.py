"""Paths: simulated markets over a time grid, for exposure.

Rules:

1. Every asset's price is a martingale in base currency: log moves are normal with drift -volatility^2 / 2, so
   forwards keep their ratio to the price and the exposure is risk-neutral.
2. The first date is today; for every margin period a date is added that far before each date asked for, so that the
   margin then called is simulated, not interpolated.
3. Paths are a value: jumps, fat tails or recorded history come from elsewhere in the same shape.

Limits: constant volatility and correlation; normal moves understate what crypto assets do within a margin period.
"""

from collections.abc import Iterable
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.error import CallerError
from holdfast.risk.draws import generator

SAME_DATE_YEARS: Final = 1e-9
CELLS_MAX: Final = 400_000_000  # 3.2 GB


class Paths(msgspec.Struct, frozen=True, kw_only=True):
    """Simulated markets. Shape: times, reported (dates,), moves (dates, assets, paths), flat (assets,); times years from 0.

    Units: moves are prices over today's, assets as in `Legs.assets`. `reported` are the dates asked for, `flat` the assets
    that never move.
    """

    times: NDArray[np.float64]
    moves: NDArray[np.float64]
    reported: NDArray[np.bool_]
    flat: NDArray[np.bool_]

    @property
    def count(self) -> int:
        """Return the number of paths."""
        return self.moves.shape[2]


def simulate(
    *,
    times: NDArray[np.float64],
    volatilities: NDArray[np.float64],
    correlation: NDArray[np.float64],
    paths: int,
    seed: int,
    margin_periods: Iterable[float] = (),
) -> Paths:
    """Draw correlated paths of all assets.

    Units: times years ascending above 0; volatilities a year, 0 for an asset that does not move (the base currency).
    Shape: volatilities (assets,), correlation (assets, assets).
    Raises: CallerError `paths.times`, `paths.volatility`, `paths.correlation`, `paths.count`.
    Cost: about 12 ns a draw; 8 bytes a date, asset and path.
    """
    asked = np.asarray(times, dtype=np.float64)
    _check(asked, volatilities, correlation, paths)
    grid = _grid(asked, margin_periods)
    assets = len(volatilities)
    if len(grid) * assets * paths > CELLS_MAX:
        raise CallerError(
            "paths.count",
            f"{len(grid)} dates x {assets} assets x {paths} paths is too much",
            remedy="take fewer",
        )
    moving = np.flatnonzero(volatilities > 0.0)
    log_moves = np.zeros((len(grid), assets, paths))
    if len(moving):
        draws = generator(seed).standard_normal((len(grid) - 1, len(moving), paths))
        root = np.linalg.cholesky(correlation[np.ix_(moving, moving)])
        for date, step in enumerate(np.diff(grid), start=1):
            scale = volatilities[moving] * np.sqrt(step)
            moves = (root * scale[:, None]) @ draws[date - 1]
            log_moves[date, moving] = log_moves[date - 1, moving] + moves - 0.5 * scale[:, None] ** 2
    nearest = np.abs(grid[:, None] - np.append(0.0, asked)[None, :]).min(axis=1)
    return Paths(
        times=grid,
        moves=np.exp(log_moves, out=log_moves),
        reported=nearest <= SAME_DATE_YEARS,
        flat=volatilities == 0.0,
    )


def _grid(times: NDArray[np.float64], margin_periods: Iterable[float]) -> NDArray[np.float64]:
    """Return today, the dates, and the dates one margin period before them; dates within SAME_DATE_YEARS are one."""
    earlier = [times - period for period in margin_periods if period > 0.0]
    every = np.sort(np.concatenate([np.zeros(1), times, *earlier]))
    every = every[every >= 0.0]
    kept = np.concatenate(([True], np.diff(every) > SAME_DATE_YEARS))
    return every[kept]


def _check(
    times: NDArray[np.float64],
    volatilities: NDArray[np.float64],
    correlation: NDArray[np.float64],
    paths: int,
) -> None:
    wrong: tuple[str, str] | None = None
    if not len(times) or not (times > 0.0).all() or not (np.diff(times) > 0.0).all():
        wrong = ("paths.times", "times must ascend above 0")
    elif not (volatilities >= 0.0).all() or not np.isfinite(volatilities).all():
        wrong = ("paths.volatility", "a volatility is negative or no number")
    elif correlation.shape != (len(volatilities),) * 2 or not np.allclose(correlation, correlation.T):
        wrong = ("paths.correlation", "the correlation is not symmetric in the number of assets")
    elif paths < 2:
        wrong = ("paths.count", "at least two paths are needed")
    else:
        moving = np.flatnonzero(volatilities > 0.0)
        part = correlation[np.ix_(moving, moving)]
        if len(moving) and (not np.allclose(np.diag(part), 1.0) or np.linalg.eigvalsh(part)[0] <= 0.0):
            wrong = (
                "paths.correlation",
                "the correlation is not positive definite with ones on its diagonal",
            )
    if wrong:
        raise CallerError(*wrong)
