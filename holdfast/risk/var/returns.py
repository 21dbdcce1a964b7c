"""Returns: prices of several assets, each with gaps of its own, as one panel of log returns at joint times.

Rules:

1. A price stands at a grid time only if it is of the step that ends there: an older one would be a return of zero that
   nobody saw. A time that one factor lacks is left out for all, and said.
2. A return is over exactly one step; times on both sides of a gap make none.
3. Volatility histories (an index such as DVOL, at-the-money volatilities) are factors like prices: their returns are
   changes of the log of volatility.
"""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.error import CallerError
from holdfast.risk.missing import Missing

Of = Literal["spot", "volatility"]
GRID_MAX: Final = 10_000_000


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """Prices (or volatilities) of one asset. Shape: times_ns (n,) UTC nanoseconds ascending, values (n,) positive."""

    asset: str
    times_ns: NDArray[np.int64]
    values: NDArray[np.float64]
    of: Of = "spot"

    @property
    def name(self) -> str:
        """Return what messages call it."""
        return self.asset if self.of == "spot" else f"{self.asset} volatility"


class Panel(msgspec.Struct, frozen=True, kw_only=True):
    """Joint log returns over one step, oldest first.

    Shape: ends_ns (n,) the end of each step; assets and of (k,) by column; log_returns (n, k). `missing` says what was left
    out; `notes` what was made up by a rule (a volatility regressed on spot).
    """

    step_ns: int
    ends_ns: NDArray[np.int64]
    assets: tuple[str, ...]
    of: tuple[Of, ...]
    log_returns: NDArray[np.float64]
    missing: tuple[Missing, ...] = ()
    notes: tuple[str, ...] = ()

    def column(self, asset: str, of: Of = "spot") -> int:
        """Return the number of a factor's column, -1 where it has none."""
        wanted = (asset, of)
        return next(
            (k for k, factor in enumerate(zip(self.assets, self.of, strict=True)) if factor == wanted), -1
        )

    def last(self, count: int) -> "Panel":
        """Return the newest rows only."""
        return msgspec.structs.replace(
            self, ends_ns=self.ends_ns[-count:], log_returns=self.log_returns[-count:]
        )


def panel_of(series: Sequence[Series], step_ns: int) -> Panel:
    """Align histories on a grid of `step_ns` and return their joint log returns.

    Raises: CallerError `returns.unsorted`, `returns.shape`, `returns.twice`, `returns.step` for input no history can be.
    Cost: linear in the grid's length, 10 million times at most.

    >>> day = 86_400 * 10**9
    >>> prices = Series(asset="BTC", times_ns=np.arange(4) * day, values=np.array([100.0, 110.0, 121.0, 121.0]))
    >>> panel_of([prices], day).log_returns.round(4).ravel().tolist()
    [0.0953, 0.0953, 0.0]
    """
    _check(series, step_ns)
    missing: list[Missing] = []
    kept = [_usable(one, missing) for one in series]
    spans = [(int(times[0]), int(times[-1])) for times, _ in kept if len(times)]
    if len(spans) < len(series):
        return _empty(series, step_ns, missing)
    first = -(-max(start for start, _ in spans) // step_ns)
    last = min(end for _, end in spans) // step_ns
    if last <= first:
        missing.append(
            Missing("returns", "returns.apart", "the histories share no time", "give histories that overlap")
        )
        return _empty(series, step_ns, missing)
    if last - first > GRID_MAX:
        raise CallerError("returns.step", f"{last - first:,} steps", remedy="give a longer step")
    grid = np.arange(first, last + 1) * step_ns
    logs = np.column_stack([_at(grid, step_ns, times, values) for times, values in kept])
    for number, one in enumerate(series):
        _tell_span(one, kept[number][0], grid, step_ns, missing)
        _tell_gaps(one, grid, np.isnan(logs[:, number]), missing)
    log_returns = np.diff(logs, axis=0)
    whole = ~np.isnan(log_returns).any(axis=1)
    return Panel(
        step_ns=step_ns,
        ends_ns=grid[1:][whole],
        assets=tuple(one.asset for one in series),
        of=tuple(one.of for one in series),
        log_returns=log_returns[whole],
        missing=tuple(missing),
    )


def _check(series: Sequence[Series], step_ns: int) -> None:
    if step_ns <= 0 or not series:
        raise CallerError(
            "returns.step", f"{len(series)} histories, a step of {step_ns} ns", remedy="give both"
        )
    names = [one.name for one in series]
    for one in series:
        if one.times_ns.shape != one.values.shape or one.times_ns.ndim != 1:
            raise CallerError(
                "returns.shape", "times and values are not two lists of one length", where=one.name
            )
        if len(one.times_ns) > 1 and not bool((np.diff(one.times_ns) > 0).all()):
            raise CallerError(
                "returns.unsorted",
                "times do not ascend",
                where=one.name,
                remedy="sort them, one price a time",
            )
        if names.count(one.name) > 1:
            raise CallerError(
                "returns.twice", "two histories of one factor", where=one.name, remedy="choose one"
            )


def _usable(one: Series, missing: list[Missing]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    good = np.isfinite(one.values) & (one.values > 0.0)
    bad = int((~good).sum())
    if bad:
        when = _time(int(one.times_ns[int(np.argmin(good))]))
        reason = f"{bad:,} of {len(good):,} values are no prices (the first at {when})"
        missing.append(Missing(one.name, "price.unusable", reason, "mend the history"))
    if not good.any():
        missing.append(Missing(one.name, "returns.none", "no usable price at all", "give its history"))
    return one.times_ns[good], one.values[good]


def _at(
    grid: NDArray[np.int64], step_ns: int, times: NDArray[np.int64], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the log of the last price of the step that ends at each grid time, NaN where that step had none."""
    before = np.searchsorted(times, grid, side="right") - 1
    fresh = (before >= 0) & (grid - times[np.maximum(before, 0)] < step_ns)
    return np.where(fresh, np.log(values[np.maximum(before, 0)]), np.nan)


def _tell_span(
    one: Series, times: NDArray[np.int64], grid: NDArray[np.int64], step_ns: int, missing: list[Missing]
) -> None:
    """Say of the histories that cut the panel how much of the others' span they cost (the caller sees which are short)."""
    unused = int(np.unique(times // step_ns).size) - int(
        np.unique(times[(times > grid[0] - step_ns) & (times <= grid[-1])] // step_ns).size
    )
    if unused > 1:
        reason = f"{unused:,} steps of it lie outside {_time(int(grid[0]))} to {_time(int(grid[-1]))}, which all share"
        missing.append(Missing(one.name, "returns.cut", reason, "give longer histories of the others"))


def _tell_gaps(
    one: Series, grid: NDArray[np.int64], absent: NDArray[np.bool_], missing: list[Missing]
) -> None:
    count = int(absent.sum())
    if count:
        when = _time(int(grid[int(np.argmax(absent))]))
        reason = (
            f"{count:,} of {len(grid):,} times have no price (the first {when}): left out for every asset"
        )
        missing.append(
            Missing(one.name, "returns.gap", reason, "give a history without gaps, or a longer step")
        )


def _empty(series: Sequence[Series], step_ns: int, missing: list[Missing]) -> Panel:
    return Panel(
        step_ns=step_ns,
        ends_ns=np.empty(0, np.int64),
        assets=tuple(one.asset for one in series),
        of=tuple(one.of for one in series),
        log_returns=np.empty((0, len(series))),
        missing=tuple(missing),
    )


def _time(time_ns: int) -> str:
    return str(np.datetime64(time_ns, "ns").astype("datetime64[m]"))
