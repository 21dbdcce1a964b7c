"""Loosening: tighter limits hold at once, looser ones after a delay, and any tightening meanwhile calls them off.

States: *settled* (nothing waits) and *waiting* (looser limits wait for their time).

| state | proposed | becomes | limits in force |
|---|---|---|---|
| none yet | anything | settled | what was proposed |
| settled | nothing looser | settled | what was proposed |
| settled | anything looser | waiting | the tighter of both, limit by limit |
| waiting | the same again | waiting, since before | as they are |
| waiting | nothing looser than what is in force | settled | what was proposed |
| waiting | anything looser | waiting anew | the tighter of both, limit by limit |
| waiting | its time has come | settled | what waited |

The delay is the one in force when the looser limits were proposed, so it cannot be shortened to get round itself.
"""

from typing import Any

import msgspec

from holdfast.clock import SECOND_NS
from holdfast.policy.governor.limits import MAXIMA, DeskLimits, GovernorSettings, Limits
from holdfast.receipt import LimitsProposed, Receipt


class Loosening:
    """The limits in force, as folded from what was proposed."""

    def __init__(self) -> None:
        self._in_force: GovernorSettings | None = None
        self._waiting: GovernorSettings | None = None
        self._due_ns = 0

    def fold(self, record: Receipt) -> None:
        """Take in the next record of the journal."""
        if not isinstance(record, LimitsProposed):
            return
        proposed = msgspec.json.decode(record.limits, type=GovernorSettings)
        before = self.in_force(record.time_ns)
        if self._in_force is None:
            self._in_force = proposed
            return
        self._settle(record.time_ns)
        if proposed == self._waiting:
            return
        self._in_force = tighter(before, proposed)
        is_looser = self._in_force != proposed
        self._waiting = proposed if is_looser else None
        self._due_ns = record.time_ns + round(before.loosening_delay_s * SECOND_NS) if is_looser else 0

    def propose(self, now_ns: int, limits: GovernorSettings, operator: str) -> list[LimitsProposed]:
        """Return the record that asks for other limits, nothing where they hold or wait already."""
        if limits == self._waiting or (
            self._in_force is not None and self._waiting is None and limits == self.in_force(now_ns)
        ):
            return []
        text = msgspec.json.encode(limits, order="deterministic").decode()
        return [LimitsProposed(time_ns=now_ns, limits=text, operator=operator)]

    def in_force(self, now_ns: int) -> GovernorSettings:
        """Return the limits that hold at a time; the safe defaults before any were proposed."""
        if self._waiting is not None and now_ns >= self._due_ns:
            return self._waiting
        return self._in_force if self._in_force is not None else GovernorSettings()

    def waiting(self, now_ns: int) -> tuple[GovernorSettings, int] | None:
        """Return the looser limits that wait, and when they will hold."""
        if self._waiting is None or now_ns >= self._due_ns:
            return None
        return self._waiting, self._due_ns

    def _settle(self, now_ns: int) -> None:
        if self._waiting is not None and now_ns >= self._due_ns:
            self._in_force, self._waiting, self._due_ns = self._waiting, None, 0


def tighter(one: GovernorSettings, other: GovernorSettings) -> GovernorSettings:
    """Return the tighter of two settings, limit by limit. A row that only one of them has stays as it is.

    >>> tighter(GovernorSettings(), GovernorSettings(messages_per_s_max=3)).messages_per_s_max
    3
    """
    return GovernorSettings(
        desk=DeskLimits(**_tighter_row(one.desk, other.desk)),
        venues=_tighter_table(one.venues, other.venues),
        playbooks=_tighter_table(one.playbooks, other.playbooks),
        actions=_tighter_table(one.actions, other.actions),
        transfer_targets=_both(one.transfer_targets, other.transfer_targets),
        may_add_delta=_both(one.may_add_delta, other.may_add_delta),
        messages_per_s_max=min(one.messages_per_s_max, other.messages_per_s_max),
        brake_messages_per_s_max=min(one.brake_messages_per_s_max, other.brake_messages_per_s_max),
        loosening_delay_s=max(one.loosening_delay_s, other.loosening_delay_s),
    )


def _tighter_table(one: dict[Any, Limits], other: dict[Any, Limits]) -> dict[Any, Limits]:
    merged = {**one, **other}
    shared = {name: Limits(**_tighter_row(one[name], other[name])) for name in one if name in other}
    return {**merged, **shared}


def _tighter_row(one: Limits, other: Limits) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name in MAXIMA:
        known = [value for value in (getattr(one, name), getattr(other, name)) if value is not None]
        row[name] = min(known, default=None)
    row["window_s"] = max(one.window_s, other.window_s)
    row["cooldown_s"] = max(one.cooldown_s, other.cooldown_s)
    row["instruments"] = (
        _both(one.instruments, other.instruments)
        if one.instruments is not None and other.instruments is not None
        else one.instruments
        if one.instruments is not None
        else other.instruments
    )
    return row


def _both(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in other if name in one)
