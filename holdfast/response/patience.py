"""Patience: how long the outbox waits for what, before it asks, repeats or gives up."""

from typing import Final

import msgspec

from holdfast.clock import SECOND_NS

_DOUBLINGS_MAX: Final = 20


class Patience(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The waits of an outbox. Units: seconds, and numbers of attempts.

    `validity_s`: how long after it was written an attempt at a move may reach the venue. `margin_s`: what is added before
    validity counts as over, for the error of the venue's clock as we know it. Both together are what a node waits after it
    took over. `retry_*`: between attempts at a move. `repeat_*`: between attempts at a brake or a word. `ask_*`: between
    questions. `report_s`: how long an accepted order may take to be reported filled or cancelled before it is asked for.
    `answer_s_max`: the longest a client waits for any answer. `confirm_s_max`: how long balances may take to prove one.
    `venue_memory_s`: how long a venue surely remembers an order that has ended; its absence after that proves nothing.
    """

    validity_s: float = 1.5
    margin_s: float = 0.5
    retry_s_first: float = 0.2
    retry_s_max: float = 5.0
    move_attempts_max: int = 12
    move_s_max: float = 60.0
    repeat_s_first: float = 0.5
    repeat_s_max: float = 10.0
    brake_s_max: float = 3600.0
    word_s_max: float = 900.0
    ask_s_first: float = 0.2
    ask_s_max: float = 5.0
    report_s: float = 1.0
    answer_s_max: float = 10.0
    confirm_s_max: float = 30.0
    venue_memory_s: float = 1800.0


def to_ns(wait_s: float) -> int:
    """Return seconds as nanoseconds."""
    return round(wait_s * SECOND_NS)


def backoff_ns(first_s: float, longest_s: float, times: int) -> int:
    """Return the wait after the `times`-th try: it doubles from the first to the longest.

    >>> [backoff_ns(0.5, 3.0, times) / 1e9 for times in (1, 2, 3, 4)]
    [0.5, 1.0, 2.0, 3.0]
    """
    return to_ns(min(longest_s, first_s * 2 ** min(max(times - 1, 0), _DOUBLINGS_MAX)))
