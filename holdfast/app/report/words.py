"""Times and figures as a tired reader wants them: UTC, aligned, with no more digits than mean something."""

import math
from itertools import pairwise
from typing import Final

from holdfast.clock import DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS, format_time_ns

TICK_STEPS: Final = (
    *(SECOND_NS * n for n in (1, 2, 5, 10, 15, 30)),
    *(MINUTE_NS * n for n in (1, 2, 5, 10, 15, 30)),
    *(HOUR_NS * n for n in (1, 2, 3, 6, 12)),
    *(DAY_NS * n for n in (1, 2, 5, 7, 14, 30)),
)
TICKS_MAX: Final = 7


def day(time_ns: int) -> str:
    """Return the date of a moment. Units: UTC nanoseconds."""
    return format_time_ns(time_ns)[:10]


def clock(time_ns: int) -> str:
    """Return a moment of the day, with milliseconds."""
    return format_time_ns(time_ns)[11:23]


def moment(time_ns: int) -> str:
    """Return date and time of a moment."""
    return f"{day(time_ns)} {clock(time_ns)}"


def duration(length_ns: float) -> str:
    """Return a length of time in its two largest units.

    >>> duration(3_725 * SECOND_NS), duration(0.25 * SECOND_NS)
    ('1 h 2 min', '0.250 s')
    """
    seconds = length_ns / SECOND_NS
    if seconds < 60:
        return f"{seconds:.3f} s" if seconds < 10 else f"{seconds:.1f} s"
    units = ((DAY_NS, "d"), (HOUR_NS, "h"), (MINUTE_NS, "min"), (SECOND_NS, "s"))
    for (size, name), (smaller, smaller_name) in pairwise(units):
        if length_ns >= size:
            rest = int(length_ns % size // smaller)
            return f"{int(length_ns // size)} {name}" + (f" {rest} {smaller_name}" if rest else "")
    return "0 s"


def figure(value: object) -> str:
    """Return a number with thousands separators and at most six significant digits; other things as text.

    >>> figure(1234567), figure(0.00012345678), figure(61800.2), figure(float("nan")), figure("wide")
    ('1,234,567', '0.000123457', '61,800.2', 'none', 'wide')
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    if not math.isfinite(value):
        return "none" if math.isnan(value) else str(value)
    if not value:
        return "0"
    if 1e-6 <= abs(value) < 1e15:
        decimals = max(0, 5 - math.floor(math.log10(abs(value))))
        text = f"{value:,.{decimals}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return f"{value:.3g}"


def time_ticks(span: tuple[int, int]) -> list[tuple[int, str]]:
    """Return the round moments of a span with their labels."""
    length = span[1] - span[0]
    step = next((s for s in TICK_STEPS if length / s <= TICKS_MAX), TICK_STEPS[-1])
    first = -(-span[0] // step) * step
    start, end = (11, 19) if step < MINUTE_NS else (11, 16) if step < DAY_NS else (5, 10)
    return [(at, format_time_ns(at)[start:end]) for at in range(first, span[1] + 1, step)]


def value_ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Return round values inside a range, about `count` of them.

    >>> value_ticks(60.3, 118.0)
    [80.0, 100.0]
    """
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * nice for nice in (1, 2, 5, 10) if power * nice >= raw * 0.999)
    first = math.ceil(low / step)
    return [round(k * step, 12) for k in range(first, math.floor(high / step) + 1)]
