"""Time as numbers: UTC nanoseconds, parsed from what venues write."""

from datetime import UTC, datetime
from typing import Final

from holdfast.error import OutsideError

MICROSECOND_NS: Final = 1_000
MILLISECOND_NS: Final = 1_000_000
SECOND_NS: Final = 1_000_000_000
MINUTE_NS: Final = 60 * SECOND_NS
HOUR_NS: Final = 3_600 * SECOND_NS
DAY_NS: Final = 86_400 * SECOND_NS


def parse_time_ns(text: str) -> int:
    """Turn ISO 8601 text into UTC nanoseconds; text without a zone is UTC.

    Raises: OutsideError `time.malformed` (surrounding blanks count as malformed: a clean source has none).

    >>> parse_time_ns("2025-10-10T21:18:00Z")
    1760131080000000000
    """
    try:
        if text != text.strip():
            raise ValueError("blank around the time")
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise OutsideError("time.malformed", f"not a time: {text!r}") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    whole = int(moment.replace(microsecond=0).timestamp())
    return whole * SECOND_NS + moment.microsecond * MICROSECOND_NS


def format_time_ns(time_ns: int) -> str:
    """Return UTC nanoseconds as ISO 8601 text with milliseconds.

    >>> format_time_ns(1760131080123000000)
    '2025-10-10T21:18:00.123Z'
    """
    moment = datetime.fromtimestamp(time_ns // SECOND_NS, tz=UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time_ns % SECOND_NS // MILLISECOND_NS:03d}Z"
