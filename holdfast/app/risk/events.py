"""Event files: what once happened, from a YAML file of the desk or the one that ships with Holdfast.

Rules:

1. A file is a mapping of `events` (a list) and, where wanted, `pegged` (currencies that stay unless an event moves them).
2. A mistake anywhere refuses the whole file, with the place of every one: a stress test with a silent gap is worse
   than none.
"""

import datetime
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from holdfast.error import CallerError
from holdfast.risk.scenarios.historical import Event, Move

DEFAULT_FILE: Final = "events_default.yml"
MOVE_MAX: Final = 5.0  # of a logarithm: beyond it a percentage was meant

Problem = tuple[str, str]  # place, what is wrong there


class EventFile(msgspec.Struct, frozen=True):
    """The events of a file by name, in its order, and the currencies that it calls pegged."""

    events: dict[str, Event]
    pegged: frozenset[str]


def default_events() -> EventFile:
    """Return the events that ship with Holdfast, measured from recordings."""
    return parse_events((files("holdfast.risk.scenarios") / DEFAULT_FILE).read_text(), DEFAULT_FILE)


def read_events(path: Path) -> EventFile:
    """Read a file of events. Raises: CallerError `events.unreadable`, `events.invalid` (every mistake with its place)."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CallerError("events.unreadable", str(error), where=str(path)) from error
    return parse_events(text, str(path))


def parse_events(text: str, where: str) -> EventFile:
    """Read events from text. `where` names it in errors.

    >>> parse_events("events: [{name: a, date: 2024-08-05, moves: {BTC: {spot_log: -0.2}}}]", "mine").events["a"].moves
    {'BTC': Move(spot_log=-0.2, volatility_shift=0.0, basis_log=0.0, skew_shift=0.0, rate_shift=0.0, venue='', source='')}
    """
    try:
        whole = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise CallerError("events.unreadable", " ".join(str(error).split()), where=where) from error
    if not isinstance(whole, Mapping) or not isinstance(whole.get("events"), list) or not whole["events"]:
        raise CallerError(
            "events.invalid",
            "no list called events",
            where=where,
            remedy="see docs/scenarios.md for the form",
        )
    problems: list[Problem] = list(_unknown("", whole, ("events", "pegged")))
    events: dict[str, Event] = {}
    for number, entry in enumerate(whole["events"]):
        event = _event(f"events[{number}]", entry, problems)
        if event is not None and event.name in events:
            problems.append((f"events[{number}].name", f"{event.name!r} is the name of an earlier event"))
        elif event is not None:
            events[event.name] = event
    pegged = whole.get("pegged", [])
    if not isinstance(pegged, list) or not all(isinstance(name, str) for name in pegged):
        problems.append(("pegged", "must be a list of currencies"))
    if problems:
        told = "; ".join(f"{place}: {wrong}" if place else wrong for place, wrong in problems)
        raise CallerError("events.invalid", told, where=where, remedy="see docs/scenarios.md for the form")
    return EventFile(events, frozenset(pegged))


def _event(place: str, entry: object, problems: list[Problem]) -> Event | None:
    before = len(problems)
    if not isinstance(entry, Mapping):
        problems.append((place, "must be a mapping with name, date and moves"))
        return None
    problems += _unknown(place, entry, Event.__struct_fields__)
    name, date, moves = entry.get("name"), entry.get("date"), entry.get("moves")
    if not isinstance(name, str) or not name:
        problems.append((f"{place}.name", "must be a text"))
    if type(date) is not datetime.date:
        problems.append((f"{place}.date", f"must be a date such as 2025-10-10, not {date!r}"))
    if not isinstance(moves, Mapping) or not moves:
        problems.append((f"{place}.moves", "must say by asset what moved"))
        moves = {}
    read = {str(asset): _move(f"{place}.moves.{asset}", move, problems) for asset, move in moves.items()}
    others = entry.get("others_like", "")
    if others and others not in read:
        problems.append((f"{place}.others_like", f"{others!r} is not among its moves"))
    power = entry.get("term_power", 0.5)
    if not _is_number(power) or not 0.0 <= power <= 2.0:
        problems.append((f"{place}.term_power", f"must be a number from 0 to 2, not {power!r}"))
    if len(problems) > before:
        return None
    return msgspec.convert({**entry, "moves": read}, Event)


def _move(place: str, entry: object, problems: list[Problem]) -> Move:
    if not isinstance(entry, Mapping):
        problems.append((place, "must be a mapping such as {spot_log: -0.2}"))
        return Move()
    wrong = list(_unknown(place, entry, Move.__struct_fields__))
    for name, value in entry.items():
        if name in ("venue", "source"):
            if not isinstance(value, str):
                wrong.append((f"{place}.{name}", f"must be a text, not {value!r}"))
        elif not _is_number(value):
            wrong.append((f"{place}.{name}", f"must be a number, not {value!r}"))
        elif abs(value) > MOVE_MAX:
            wrong.append(
                (f"{place}.{name}", f"{value:g} is no move of a market: logs and fractions, not percent")
            )
        elif name == "volatility_shift" and value <= -1.0:
            wrong.append((f"{place}.{name}", f"{value:g} would leave no volatility"))
    problems += wrong
    return Move() if wrong else msgspec.convert(dict(entry), Move)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")


def _unknown(place: str, entry: Mapping[Any, Any], known: tuple[str, ...]) -> Iterator[Problem]:
    for name in entry:
        if name not in known:
            close = get_close_matches(str(name), known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}"
            yield f"{place}.{name}".lstrip("."), f"is unknown ({hint})"
