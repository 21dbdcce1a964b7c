"""Warm-up: every kernel of the fold is compiled or loaded before the first real row, because compiling takes seconds.

The first run after an installation compiles (about half a minute); later ones load what it left.
"""

import contextlib
from collections.abc import Iterable
from typing import Final

import numpy as np

from holdfast import tape
from holdfast.app.rule_files import load_rules
from holdfast.app.timeline import Timeline
from holdfast.clock import SECOND_NS
from holdfast.engine import State
from holdfast.error import OutsideError
from holdfast.instrument import Instrument, Instruments
from holdfast.market.fold import TRIP_HELD_NS
from holdfast.policy.desk import Desk
from holdfast.policy.escalation import Escalation
from holdfast.policy.rules import RuleSet
from holdfast.venues.registry import FEEDS
from holdfast.venues.slots import Slots

_START_NS: Final = 1_700_000_000_000_000_000
_EXPIRY_NS: Final = 1_800_000_000_000_000_000


def warm_up(rules: RuleSet | None = None) -> None:
    """Fold a few rows of every kind into a throw-away state, judged by rules that are at hand, or the usual ones."""
    instruments = Instruments()
    instruments.add(Instrument(venue="a", symbol="BTCUSD", kind="perpetual", base="BTC", quote="USD"))
    instruments.add(Instrument(venue="b", symbol="BTCUSD", kind="spot", base="BTC", quote="USD"))
    for side in ("call", "put"):
        option = {"kind": "option", "base": "BTC", "quote": "BTC", "inverse": True, "strike": 100.0}
        instruments.add(
            Instrument(venue="a", symbol=side, option_type=side, expiry_ns=_EXPIRY_NS, **option)  # type: ignore[arg-type]
        )
    state = State(
        instruments, Desk(rules.fresh() if rules is not None else load_rules(None), Escalation()), Timeline()
    )
    state.step(_rows())
    state.finish()
    state.digest()


def warm_up_feeds(venues: Iterable[str]) -> None:
    """Load the kernels of venues' decoders: a frame of nothing is enough, and an instrument."""
    Slots().add(0, Instrument(venue="a", symbol="BTCUSD", kind="spot", base="BTC", quote="USD"))
    for venue in venues:
        if venue in FEEDS:
            feed = FEEDS[venue](Instruments(), tape.RowBuffer())
            with contextlib.suppress(OutsideError):
                feed.on_frame(_START_NS, b"{}")
            feed.on_frames([], [])


def _rows() -> tape.Rows:
    rows = tape.RowBuffer()
    for second in range(3):
        at_ns = _START_NS + second * SECOND_NS
        for number in range(2):
            _quote(rows, number, at_ns, 100)
            rows.append(tape.TRADE, number, at_ns, at_ns, price=100, size=1, side=1, flags=tape.LAST)
        for number in (2, 3):
            rows.append(tape.TOP, number, at_ns, at_ns, price=1, size=1, side=1)
            rows.append(tape.TOP, number, at_ns, at_ns, price=2, size=1, side=-1)
            rows.append(tape.IMPLIED_VOL, number, at_ns, at_ns, value=0.5)
            rows.append(tape.FORWARD, number, at_ns, at_ns, value=100.0, flags=tape.LAST)
    fallen_ns = _START_NS + 3 * SECOND_NS
    for at_ns in (fallen_ns, fallen_ns + TRIP_HELD_NS):  # a fall that lasts is looked at within its second
        _quote(rows, 0, at_ns, 50)
    taken = rows.take()
    return taken[np.argsort(taken["received_ns"], kind="stable")]


def _quote(rows: tape.RowBuffer, number: int, at_ns: int, middle: int) -> None:
    rows.append(tape.BOOK_RESET, number, at_ns, at_ns)
    rows.append(tape.LEVEL, number, at_ns, at_ns, price=middle - 1, size=1, side=1)
    rows.append(tape.LEVEL, number, at_ns, at_ns, price=middle + 1, size=1, side=-1, flags=tape.LAST)
