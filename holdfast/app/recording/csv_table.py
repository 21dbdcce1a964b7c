"""Table: a block of csv lines read by column, exactly, with each bad line told apart from the good ones.

Rules:

1. A line fails once, for the first reason found; a failed line makes no rows and the others go on.
2. Quotes are honoured within one line; a comma inside quotes is data.
"""

import csv
from collections.abc import Callable
from itertools import pairwise
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from holdfast.app.recording import csv_kernels as kernels
from holdfast.app.recording.csv_kernels import EMPTY, MALFORMED, OFF_GRID, OK, SLOW, TOO_LARGE
from holdfast.app.recording.csv_lines import Block
from holdfast.clock import parse_time_ns
from holdfast.error import OutsideError
from holdfast.quantity import to_units

TIME_NS_MIN: Final = parse_time_ns("2009-01-03T00:00:00Z")
TIME_NS_MAX: Final = parse_time_ns("2200-01-01T00:00:00Z")

T = TypeVar("T")

_REASONS: Final = {
    EMPTY: ("field.empty", "{column} is empty"),
    MALFORMED: ("quantity.malformed", "{column} is not a number: {text}"),
    OFF_GRID: ("quantity.off_grid", "{column} is finer than the grid: {text}"),
    TOO_LARGE: ("quantity.too_large", "{column} does not fit: {text}"),
}


class Table:
    """Some lines of a csv file. Columns are asked for by name; what cannot be read fails its line."""

    def __init__(self, block: Block, columns: list[str]) -> None:
        self.columns = {name: position for position, name in enumerate(columns)}
        self.numbers = block.numbers
        self.failures: dict[int, OutsideError] = {}
        self.failed = np.zeros(len(block.first), dtype=np.bool_)
        self._data = block.data
        self._first, self._last = block.first, block.last
        self._starts = np.zeros((len(columns), len(block.first)), dtype=np.int64)
        self._ends = np.zeros_like(self._starts)
        self._block = np.frombuffer(block.data, dtype=np.uint8)
        self._split()

    def __len__(self) -> int:
        return len(self.numbers)

    def line(self, position: int) -> bytes:
        """Return a whole line as it stands in the file."""
        return self._data[self._first[position] : self._last[position]]

    def times(self, column: str, unit_ns: int) -> NDArray[np.int64]:
        """Read a column of whole numbers since 1970 as UTC nanoseconds; what is no such time fails as
        `time.malformed`.
        """
        out = np.zeros(len(self), dtype=np.int64)
        states = np.zeros(len(self), dtype=np.uint8)
        at = self.columns[column]
        kernels.parse_units(
            self._block, self._starts[at], self._ends[at], np.zeros(len(self), dtype=np.int64), out, states
        )
        bad = (states != OK) | (out < TIME_NS_MIN // unit_ns) | (out > TIME_NS_MAX // unit_ns)
        for position in np.flatnonzero(bad).tolist():
            shown = _show(self.text(column, position))
            self.fail(position, OutsideError("time.malformed", f"{column} is not a time: {shown}"))
        out[bad] = 0
        return out * unit_ns

    def moments(self, column: str) -> NDArray[np.int64]:
        """Read a column of ISO 8601 times as UTC nanoseconds."""
        return np.array(self.texts((column,), _read_moment, 0), dtype=np.int64)

    def text(self, column: str, position: int) -> bytes:
        """Return one field."""
        at = self.columns[column]
        return self._data[self._starts[at, position] : self._ends[at, position]]

    def fail(self, position: int, error: OutsideError) -> None:
        """Refuse a line; the first reason stays."""
        if not self.failed[position]:
            self.failed[position] = True
            self.failures[position] = error

    def units(
        self, column: str, decimals: int | NDArray[np.int64], *, optional: bool = False
    ) -> NDArray[np.int64]:
        """Read a column exactly as counts of `10**-decimals`; an optional field that is empty or nan is 0."""
        grid = np.broadcast_to(np.asarray(decimals, dtype=np.int64), (len(self),)).copy()
        out = np.zeros(len(self), dtype=np.int64)
        states = np.zeros(len(self), dtype=np.uint8)
        at = self.columns[column]
        kernels.parse_units(self._block, self._starts[at], self._ends[at], grid, out, states)

        def slowly(position: int) -> None:
            text = self.text(column, position)
            if not (optional and text.lower() == b"nan"):
                out[position] = to_units(text, int(grid[position]))

        self._settle(column, states, slowly, optional=optional)
        return out

    def floats(self, column: str, *, optional: bool = True) -> NDArray[np.float64]:
        """Read a column as floats, correctly rounded; an empty optional field is NaN, infinity fails its
        line.
        """
        out = np.full(len(self), np.nan)
        states = np.zeros(len(self), dtype=np.uint8)
        at = self.columns[column]
        kernels.parse_floats(self._block, self._starts[at], self._ends[at], out, states)

        def slowly(position: int) -> None:
            text = self.text(column, position)
            try:
                value = float(text)
            except ValueError as error:
                raise OutsideError(
                    "quantity.malformed", f"{column} is not a number: {_show(text)}"
                ) from error
            if np.isinf(value):
                raise OutsideError("quantity.malformed", f"{column} is infinite")
            if np.isnan(value) and not optional:
                raise OutsideError("quantity.malformed", f"{column} is not a number: {_show(text)}")
            out[position] = value

        self._settle(column, states, slowly, optional=optional)
        return out

    def prices(
        self, column: str, decimals: int | NDArray[np.int64], *, optional: bool = False
    ) -> NDArray[np.int64]:
        """Read a column of prices: units, above zero (an empty optional field is 0)."""
        return self._above(column, self.units(column, decimals, optional=optional), 1, optional=optional)

    def sizes(
        self, column: str, decimals: int | NDArray[np.int64], *, optional: bool = False
    ) -> NDArray[np.int64]:
        """Read a column of sizes: units, zero or above (an empty optional field is 0)."""
        return self._above(column, self.units(column, decimals, optional=optional), 0, optional=optional)

    def refuse_bars(
        self,
        first: NDArray[np.int64],
        high: NDArray[np.int64],
        low: NDArray[np.int64],
        last: NDArray[np.int64],
    ) -> None:
        """Fail the lines whose open or close lies outside their low and high."""
        outside = (np.minimum(first, last) < low) | (np.maximum(first, last) > high)
        for position in np.flatnonzero(outside & ~self.failed).tolist():
            self.fail(
                position, OutsideError("bar.impossible", "the open or close lies outside the low and high")
            )

    def empty(self, column: str) -> NDArray[np.bool_]:
        """Tell which fields of a column are empty."""
        at = self.columns[column]
        return self._ends[at] == self._starts[at]

    def texts(self, columns: tuple[str, ...], read: Callable[..., T], fill: T) -> list[T]:
        """Call `read(*fields)` once for each run of equal text and return its result for every line.

        An OutsideError of `read` fails the lines of that run; their result is `fill`.
        """
        runs = np.zeros(len(self), dtype=np.bool_)
        begins = np.zeros(len(self), dtype=np.bool_)
        for column in columns:
            at = self.columns[column]
            kernels.mark_runs(self._block, self._starts[at], self._ends[at], begins)
            runs |= begins
        heads = np.flatnonzero(runs).tolist()
        known: dict[tuple[bytes, ...], T | OutsideError] = {}
        out: list[T] = [fill] * len(self)
        for head, stop in pairwise([*heads, len(self)]):
            fields = tuple(self.text(column, head) for column in columns)
            if fields not in known:
                try:
                    known[fields] = read(*fields)
                except OutsideError as error:
                    known[fields] = error
            result = known[fields]
            if isinstance(result, OutsideError):
                for position in range(head, stop):
                    self.fail(position, result)
            else:
                out[head:stop] = [result] * (stop - head)
        return out

    def _above(
        self, column: str, units: NDArray[np.int64], least: int, *, optional: bool
    ) -> NDArray[np.int64]:
        low = units < least
        if optional:
            low &= units != 0
        for position in np.flatnonzero(low).tolist():
            shown = _show(self.text(column, position))
            self.fail(position, OutsideError("quantity.out_of_range", f"{column} cannot be {shown}"))
        return units

    def _settle(
        self, column: str, states: NDArray[np.uint8], slowly: Callable[[int], None], *, optional: bool
    ) -> None:
        for position in np.flatnonzero(states != OK).tolist():
            state = int(states[position])
            if self.failed[position] or (state == EMPTY and optional):
                continue
            try:
                if state == SLOW:
                    slowly(position)
                else:
                    code, reason = _REASONS[state]
                    shown = reason.format(column=column, text=_show(self.text(column, position)))
                    raise OutsideError(code, shown)
            except OutsideError as error:
                self.fail(position, error)

    def _split(self) -> None:
        states = np.zeros(len(self), dtype=np.uint8)
        kernels.split_fields(self._block, self._first, self._last, self._starts, self._ends, states)
        slow = np.flatnonzero(states == SLOW).tolist()
        if slow:
            self._unquote(slow)
        for position in np.flatnonzero(states == MALFORMED).tolist():
            self._refuse_width(position, self.line(position).count(b",") + 1)

    def _unquote(self, positions: list[int]) -> None:
        """Append the fields of quoted lines without their quotes to the data, and point there."""
        parts = [self._data]
        end = len(self._data)
        for position in positions:
            line = self.line(position).decode("utf-8", "replace").rstrip("\r")
            try:
                fields = next(csv.reader([line], strict=True))
            except csv.Error as error:
                self.fail(position, OutsideError("line.malformed", f"quotes are broken: {error}"))
                continue
            if len(fields) != len(self.columns):
                self._refuse_width(position, len(fields))
                continue
            for column, field in enumerate(fields):
                raw = field.encode()
                self._starts[column, position] = end
                end += len(raw)
                self._ends[column, position] = end
                parts.append(raw)
        self._data = b"".join(parts)
        self._block = np.frombuffer(self._data, dtype=np.uint8)

    def _refuse_width(self, position: int, width: int) -> None:
        self._starts[:, position] = self._ends[:, position] = 0
        self.fail(
            position, OutsideError("line.malformed", f"{width} fields where {len(self.columns)} belong")
        )


def _show(text: bytes) -> str:
    return repr(text.decode("utf-8", "replace")[:40])


def _read_moment(text: bytes) -> int:
    return parse_time_ns(text.decode("utf-8", "replace"))
