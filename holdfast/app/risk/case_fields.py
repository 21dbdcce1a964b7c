"""Case fields: values out of a decoded document, each refused with its place when it is not what it must be."""

import math
from difflib import get_close_matches
from typing import NoReturn

from holdfast.error import CallerError


class Fields:
    """One object of a document, and where it stands. Read what is needed, then say what must not be left over."""

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise CallerError("case.wrong", f"must be an object, not {_kind(value)}", where=where)
        self.values: dict[str, object] = {str(key): one for key, one in value.items()}
        self.where = where
        self.seen: set[str] = set()

    def part(self, key: str) -> "Fields":
        """Return an object inside."""
        return Fields(self._take(key), f"{self.where}.{key}")

    def parts(self, key: str) -> "list[Fields]":
        """Return a list of objects; an absent list is empty."""
        if key not in self.values:
            return []
        value = self._take(key)
        if not isinstance(value, list):
            self._refuse(key, f"must be a list, not {_kind(value)}")
        return [Fields(one, f"{self.where}.{key}[{number}]") for number, one in enumerate(value)]

    def number(
        self, key: str, default: float | None = None, *, least: float = -math.inf, above: float = -math.inf
    ) -> float:
        """Return a finite number (text that is one will do) that is not below `least` and is above `above`."""
        if key not in self.values and default is not None:
            return default
        value = self._take(key)
        number = _number(value)
        if number is None:
            self._refuse(key, f"must be a number, not {_kind(value)}")
        if not math.isfinite(number):
            self._refuse(key, f"must be finite, not {value!r}")
        if number < least or number <= above:
            self._refuse(
                key,
                f"is {number:g}, must be {f'at least {least:g}' if number < least else f'above {above:g}'}",
            )
        return number

    def truth(self, key: str) -> bool:
        """Return a truth value, which may be written 0 or 1."""
        value = self._take(key)
        if value not in (0, 1):
            self._refuse(key, f"must be true or false, not {value!r}")
        return bool(value)

    def text(self, key: str) -> str:
        """Return a text."""
        value = self._take(key)
        if not isinstance(value, str):
            self._refuse(key, f"must be text, not {_kind(value)}")
        return value

    def one_of(self, key: str, known: dict[str, str]) -> str:
        """Return what a word stands for, whatever its case."""
        word = self.text(key)
        if word.lower() not in known:
            near = get_close_matches(word.lower(), known, 1)
            self._refuse(
                key,
                f"{word!r} is not one of {', '.join(known)}",
                f"did you mean {near[0]!r}?" if near else "",
            )
        return known[word.lower()]

    def ignore(self, *keys: str) -> None:
        """Say that these may be there and mean nothing to us."""
        self.seen.update(keys)

    def finish(self, *, numbers_may_stay: bool = False) -> tuple[str, ...]:
        """Refuse keys that nobody read; where single values may stay, return their names and refuse lists and objects."""
        left = [key for key in self.values if key not in self.seen]
        refused = [key for key in left if not numbers_may_stay or isinstance(self.values[key], (dict, list))]
        if refused:
            near = get_close_matches(refused[0], self.seen, 1)
            self._refuse(refused[0], "is not known", f"did you mean {near[0]!r}?" if near else "take it out")
        return tuple(f"{self.where}.{key}" for key in left)

    def _take(self, key: str) -> object:
        self.seen.add(key)
        if key not in self.values:
            near = get_close_matches(key, self.values, 1)
            self._refuse(key, "is missing", f"is {near[0]!r} meant to be it?" if near else "")
        return self.values[key]

    def _refuse(self, key: str, reason: str, remedy: str = "") -> NoReturn:
        raise CallerError("case.wrong", reason, where=f"{self.where}.{key}", remedy=remedy)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except ValueError:
        return None
    except OverflowError:
        return math.inf


def _kind(value: object) -> str:
    names: dict[type, str] = {
        dict: "an object",
        list: "a list",
        str: "text",
        bool: "a truth value",
        type(None): "nothing",
    }
    return names.get(type(value), "a number")
