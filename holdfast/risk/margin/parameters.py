"""Parameters: what a venue's margin rules say, as dated sets: the market's time chooses, nothing is in code.

Rules:

1. A set holds from its date until the next one. A time before the first set is refused: what held then is not known here.
2. Every set says where it is from; what no public page says is listed in `assumed`, in words.
3. Data of a wrong form is the caller's mistake and is told with the file, the set and the field.
"""

import itertools
from datetime import UTC, date, datetime
from typing import Any, Generic, TypeVar, cast

import msgspec

from holdfast.clock import parse_time_ns
from holdfast.error import CallerError, OutsideError
from holdfast.risk.missing import Missing

T = TypeVar("T")

SETS_MAX = 1_000


class ParameterSet(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """What held from one date. `name` is the date as written, `sources` pages and dates, `assumed` our own guesses."""

    from_ns: int
    name: str
    sources: tuple[str, ...]
    assumed: tuple[str, ...]
    values: T


class ParameterSets(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """Every set of one model. Shape: ascending by date, never empty."""

    model: str
    sets: tuple[ParameterSet[T], ...]

    def at(self, time_ns: int) -> "ParameterSet[T] | Missing":
        """Return the set that held at a time, or why there is none."""
        for one in reversed(self.sets):
            if one.from_ns <= time_ns:
                return one
        moment = datetime.fromtimestamp(time_ns / 1e9, UTC).strftime("%Y-%m-%d")
        return Missing(
            self.model,
            "parameters.before_first",
            f"no parameters are known for {moment}: the first set holds from {self.sets[0].name}",
            "give a parameter file with an older set",
        )


class _Written(msgspec.Struct, Generic[T], frozen=True, kw_only=True, forbid_unknown_fields=True):
    holds_from: str = msgspec.field(name="from")
    sources: tuple[str, ...]
    assumed: tuple[str, ...] = ()
    parameters: T


class _File(msgspec.Struct, Generic[T], frozen=True, kw_only=True, forbid_unknown_fields=True):
    model: str
    sets: tuple[_Written[T], ...]


def parameter_sets(raw: object, values: type[T], where: str) -> ParameterSets[T]:
    """Turn parsed data (the mapping of a YAML or JSON file) into dated sets of one type of values.

    Raises: CallerError `parameters.malformed`, `parameters.order` (dates must ascend), `parameters.empty`.
    """
    try:
        file = msgspec.convert(_dates_as_text(raw), _File[values])  # pyright: ignore[reportInvalidTypeForm]
    except msgspec.ValidationError as error:
        raise CallerError(
            "parameters.malformed", str(error), where=where, remedy="see docs/margin-venues.md"
        ) from error
    if not 0 < len(file.sets) <= SETS_MAX:
        raise CallerError("parameters.empty", f"{len(file.sets)} sets, of 1 to {SETS_MAX}", where=where)
    sets = tuple(_dated(one, f"{where}: sets[{number}]") for number, one in enumerate(file.sets))
    for earlier, later in itertools.pairwise(sets):
        if later.from_ns <= earlier.from_ns:
            raise CallerError(
                "parameters.order", f"{later.name} comes after {earlier.name} but is not later", where=where
            )
    return ParameterSets(model=file.model, sets=sets)


def _dated(written: "_Written[T]", where: str) -> ParameterSet[T]:
    name = written.holds_from
    if not written.sources:
        raise CallerError("parameters.malformed", "a set names its sources", where=where)
    try:
        from_ns = parse_time_ns(name)
    except OutsideError as error:
        raise CallerError("parameters.malformed", f"{name!r} is not a date", where=where) from error
    return ParameterSet(
        from_ns=from_ns,
        name=name,
        sources=written.sources,
        assumed=written.assumed,
        values=written.parameters,
    )


def _dates_as_text(raw: object) -> object:
    """Return the data with the dates that YAML made of text as text again."""
    if isinstance(raw, dict):
        mapping = cast("dict[Any, Any]", raw)
        return {key: _dates_as_text(value) for key, value in mapping.items()}
    if isinstance(raw, (list, tuple)):
        return [_dates_as_text(value) for value in cast("list[Any]", raw)]
    return raw.isoformat() if isinstance(raw, date) else raw
