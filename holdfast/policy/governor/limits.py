"""Limits: what the governor holds every action to, as settings: one row for the desk, more for venues, playbooks and kinds.

Rules:

1. Every row that an action falls under must allow it. A limit that a row does not name is not that row's business; the
   desk's row names all of them, and its defaults are safe.
2. Transfers reach only accounts that are named, and no playbook adds to the desk's delta that is not named for it.
3. A limit that ends in `_max` is tighter when it is less, a time when it is longer, a list of names when it is shorter.
"""

import math
from typing import Final, Literal

import msgspec

from holdfast.error import CallerError

WINDOW_S_MAX: Final = 86_400.0
DELAY_S_MAX: Final = 7 * 86_400.0
ActionKind = Literal["place_order", "transfer", "tell"]
"""The kinds that rows can name; brakes are limited by messages only."""

COLLAR_BPS_MIN: Final = 0.5
MAXIMA: Final = (
    "notional_usd_max", "count_max", "loss_usd_max", "order_notional_usd_max", "price_collar_bps_max",
)  # fmt: skip


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The limits of one row. None: this row does not limit it.

    Units: notional, loss and single orders in US dollars, counts and dollars over the last window_s seconds; the collar in
    basis points of the mark, to the worse side; cooldown_s between the actions of one run and those of the next.
    `instruments` are `venue:symbol`. Raises: CallerError `limits.value`.
    """

    notional_usd_max: float | None = None
    count_max: int | None = None
    loss_usd_max: float | None = None
    window_s: float = 3_600.0
    order_notional_usd_max: float | None = None
    price_collar_bps_max: float | None = None
    cooldown_s: float = 0.0
    instruments: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for name in MAXIMA:
            value = getattr(self, name)
            if value is not None and not 0.0 <= value < math.inf:
                raise _wrong(name, f"{value!r} is no limit", "write 0 or more, or leave it out")
        if 0.0 < (self.price_collar_bps_max or 0.0) < COLLAR_BPS_MIN:
            raise _wrong(
                "price_collar_bps_max",
                f"{self.price_collar_bps_max:g} is less than half a basis point: was a fraction meant?",
                "write basis points: 5 for 0.05 %",
            )
        if not 0.0 < self.window_s <= WINDOW_S_MAX:
            raise _wrong(
                "window_s", f"{self.window_s!r} is not above 0 and up to {WINDOW_S_MAX:g}", "write seconds"
            )
        if not 0.0 <= self.cooldown_s <= WINDOW_S_MAX:
            raise _wrong(
                "cooldown_s", f"{self.cooldown_s!r} is not from 0 to {WINDOW_S_MAX:g}", "write seconds"
            )
        if not all(":" in name for name in self.instruments or ()):
            raise _wrong("instruments", "an entry is not venue:symbol", "write them as deribit:BTC-PERPETUAL")


class DeskLimits(Limits, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The desk's own row: everything is limited."""

    notional_usd_max: float | None = 10_000_000.0
    count_max: int | None = 2_000
    loss_usd_max: float | None = 250_000.0
    order_notional_usd_max: float | None = 250_000.0
    price_collar_bps_max: float | None = 500.0

    def __post_init__(self) -> None:
        for name in MAXIMA:
            if getattr(self, name) is None:
                raise _wrong(name, "the desk's row limits everything", "write a number")
        Limits.__post_init__(self)


class GovernorSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All rows, and what holds for each venue's messages and for the limits themselves.

    Units: messages_per_s_max of all messages to one venue; brake_messages_per_s_max is the brakes' own reserve beyond it;
    loosening_delay_s until looser limits hold. `transfer_targets` are `venue:account`;
    `may_add_delta` names the playbooks that are no defence.
    Raises: CallerError `limits.value`.
    """

    desk: DeskLimits = DeskLimits()
    venues: dict[str, Limits] = {}
    playbooks: dict[str, Limits] = {}
    actions: dict[ActionKind, Limits] = {}
    transfer_targets: tuple[str, ...] = ()
    may_add_delta: tuple[str, ...] = ()
    messages_per_s_max: int = 10
    brake_messages_per_s_max: int = 5
    loosening_delay_s: float = 3_600.0

    def __post_init__(self) -> None:
        if self.messages_per_s_max < 1 or self.brake_messages_per_s_max < 1:
            raise _wrong("messages_per_s_max", "a venue must hear us", "write 1 or more, for brakes too")
        if not 0.0 <= self.loosening_delay_s <= DELAY_S_MAX:
            raise _wrong(
                "loosening_delay_s",
                f"{self.loosening_delay_s!r} is not from 0 to {DELAY_S_MAX:g}",
                "write seconds",
            )
        if not all(":" in name for name in self.transfer_targets):
            raise _wrong("transfer_targets", "an entry is not venue:account", "write them as deribit:reserve")


def rows_of(settings: GovernorSettings, venue: str, playbook: str, kind: str) -> list[tuple[str, Limits]]:
    """Return the rows that an action falls under, with their names."""
    rows: list[tuple[str, Limits]] = [("desk", settings.desk)]
    named = (("venue", settings.venues, venue), ("playbook", settings.playbooks, playbook))
    for group, table, name in named:
        if name in table:
            rows.append((f"{group} {name}", table[name]))
    for action, row in settings.actions.items():
        if action == kind:
            rows.append((f"action {action}", row))
    return rows


def _wrong(where: str, message: str, remedy: str) -> CallerError:
    return CallerError("limits.value", message, where=where, remedy=remedy)
