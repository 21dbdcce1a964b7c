"""Durations as rules and settings write them: `250ms`, `30s`, `5m`, `1h`, `1d`."""

import re
from typing import Final

from holdfast.clock import DAY_NS, HOUR_NS, MILLISECOND_NS, MINUTE_NS, SECOND_NS
from holdfast.error import CallerError

UNITS_NS: Final = {"ms": MILLISECOND_NS, "s": SECOND_NS, "m": MINUTE_NS, "h": HOUR_NS, "d": DAY_NS}
_PATTERN: Final = re.compile(r"(\d{1,9})(ms|s|m|h|d)")


def parse_duration_ns(text: str) -> int:
    """Turn a whole number with a unit into nanoseconds.

    Raises: CallerError `duration.malformed`.

    >>> parse_duration_ns("90s") == 90 * SECOND_NS
    True
    """
    match = _PATTERN.fullmatch(text)
    if match is None:
        raise CallerError(
            "duration.malformed", f"not a duration: {text!r}", remedy="write 250ms, 30s, 5m, 1h or 1d"
        )
    return int(match[1]) * UNITS_NS[match[2]]


def format_duration(duration_ns: int) -> str:
    """Return a duration in the largest unit that divides it.

    >>> format_duration(300 * SECOND_NS), format_duration(0)
    ('5m', '0s')
    """
    for unit, size in sorted(UNITS_NS.items(), key=lambda item: -item[1]):
        if duration_ns and duration_ns % size == 0:
            return f"{duration_ns // size}{unit}"
    return f"{duration_ns / SECOND_NS:g}s"
