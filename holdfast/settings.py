"""Settings: one frozen struct, read from TOML, the same for replay and live; decoded, it is part of record 0 of every run.

Unknown keys are errors with the nearest right name; so are values that cannot work.
"""

import re
import tomllib
from difflib import get_close_matches
from typing import Any, Final, Literal, TypeVar, get_args, get_origin

import msgspec

from holdfast.error import CallerError
from holdfast.event import LEVELS

SCORE_MAX: Final = 100.0

AnySettings = TypeVar("AnySettings", bound="Settings")


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row: the score that enters the level, the score below which it may be left, and for how long."""

    up: float
    down: float
    dwell_s: float
    needs_person: bool = False


class EscalationTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table, one row for each level above `normal`.

    Raises: CallerError `escalation.invalid` with the place, when a row cannot work.
    """

    watch: Step = Step(up=25.0, down=15.0, dwell_s=60.0)
    restrict: Step = Step(up=50.0, down=40.0, dwell_s=300.0)
    reduce: Step = Step(up=70.0, down=60.0, dwell_s=900.0)
    halt: Step = Step(up=90.0, down=80.0, dwell_s=0.0, needs_person=True)

    def __post_init__(self) -> None:
        below, below_name = Step(up=0.0, down=0.0, dwell_s=0.0), ""
        for name, step in zip(LEVELS[1:], self.steps, strict=True):
            if not 0.0 < step.up <= SCORE_MAX:
                _refuse(f"{name}.up", f"{step.up:g} is not a score above 0 and up to {SCORE_MAX:g}")
            if not 0.0 <= step.down < step.up:
                _refuse(f"{name}.down", f"{step.down:g} is not from 0 to below `up` ({step.up:g})")
            if not 0.0 <= step.dwell_s < float("inf"):
                _refuse(f"{name}.dwell_s", f"{step.dwell_s:g} is not a time")
            if below_name and not step.up > below.up:
                _refuse(f"{name}.up", f"{step.up:g} is not above that of {below_name} ({below.up:g})")
            if below_name and not step.down > below.down:
                _refuse(f"{name}.down", f"{step.down:g} is not above that of {below_name} ({below.down:g})")
            below, below_name = step, name

    @property
    def steps(self) -> tuple[Step, ...]:
        """Return the rows in order, `watch` first."""
        return self.watch, self.restrict, self.reduce, self.halt

    def demanded(self, score: float) -> int:
        """Return the rank of the highest level that a score enters, 0 for none or an unknown score."""
        return sum(score >= step.up for step in self.steps)


class KeySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the desk's signing key lies; empty for the user's own data folder. It is made at the first run."""

    path: str = ""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a desk may set. `desk` names it in the ledger's origin: lower-case letters, digits, dots, dashes."""

    desk: str = "desk"
    escalation: EscalationTable = EscalationTable()
    key: KeySettings = KeySettings()

    def __post_init__(self) -> None:
        if not self.desk or not set(self.desk) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-"):
            raise CallerError(
                "settings.desk", f"{self.desk!r} cannot name a log", where="desk", remedy="use a-z 0-9 . -"
            )

    @property
    def origin(self) -> str:
        """Return the ledger's origin."""
        return f"holdfast/{self.desk}"


def load_settings(text: str, where: str) -> Settings:
    """Read settings from TOML text; `where` is its place for messages.

    Raises: CallerError `settings.syntax`, `settings.unknown_key`, `settings.value`, each with the place.

    >>> load_settings('desk = "fund-7"', "fund.toml").origin
    'holdfast/fund-7'
    """
    return read_settings(text, where, Settings)


def read_settings(text: str, where: str, kind: type[AnySettings]) -> AnySettings:
    """Read settings of a kind that adds to `Settings`. Raises: as `load_settings`."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CallerError("settings.syntax", str(error), where=where) from error
    _refuse_unknown(raw, kind, where, "")
    try:
        return msgspec.convert(raw, kind)
    except CallerError as error:
        raise CallerError(
            error.code, error.message, where=f"{where}: {error.where}", remedy=error.remedy
        ) from error
    except msgspec.ValidationError as error:
        raise CallerError(
            "settings.value", str(error), where=where, remedy=_remedy(str(error), kind)
        ) from error


def _remedy(message: str, kind: Any) -> str:
    """Return what could be written instead of a value of the wrong kind."""
    for name in re.findall(r"\w+|\.\.\.", message.partition("`$")[2].rstrip("`")):
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            kind = next((one.type for one in msgspec.structs.fields(kind) if one.encode_name == name), None)
        else:  # an entry of a list or of a table
            inner = [one for one in get_args(kind) if one not in (str, ...)]
            kind = inner[0] if inner else None
    if get_origin(kind) is Literal:
        return f"write one of {', '.join(map(str, get_args(kind)))}"
    if "Expected `float`" in message or "Expected `int`" in message:
        return "write a number, without quotes; its unit is the end of the setting's name"
    return ""


def _refuse_unknown(raw: dict[str, Any], struct: type[msgspec.Struct], where: str, path: str) -> None:
    fields = {field.encode_name: field.type for field in msgspec.structs.fields(struct)}
    for key, value in raw.items():
        place = f"{path}.{key}" if path else key
        if key not in fields:
            nearest = get_close_matches(key, fields, n=1, cutoff=0.0)
            raise CallerError(
                "settings.unknown_key",
                f"no setting `{place}`",
                where=where,
                remedy=f"did you mean `{nearest[0]}`?",
            )
        for inner, held, inner_place in _inside(value, fields[key], place):
            _refuse_unknown(held, inner, where, inner_place)


def _inside(value: Any, kind: Any, place: str) -> list[tuple[type[msgspec.Struct], dict[str, Any], str]]:
    """Return the structs that a value holds: itself, or the entries of a list or of a table of structs."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return [(kind, value, place)] if isinstance(value, dict) else []
    structs = [one for one in get_args(kind) if isinstance(one, type) and issubclass(one, msgspec.Struct)]
    if not structs:
        return []
    if isinstance(value, list):
        return [(structs[0], one, f"{place}[{n}]") for n, one in enumerate(value) if isinstance(one, dict)]
    if isinstance(value, dict):
        return [(structs[0], one, f"{place}.{name}") for name, one in value.items() if isinstance(one, dict)]
    return []


def _refuse(place: str, message: str) -> None:
    raise CallerError(
        "escalation.invalid", message, where=f"escalation.{place}", remedy="thresholds rise with the levels"
    )
