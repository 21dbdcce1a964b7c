"""The table of the config's keys, as the documentation shows it: names, units and defaults from the settings themselves."""

from typing import Any, Final

import msgspec

from holdfast.app.config import GuardConfig, VenueSettings
from holdfast.app.control.notify import NotifySettings
from holdfast.app.control.operator import OperatorSettings
from holdfast.detectors.live_watch import LiveSettings
from holdfast.policy.governor.limits import DeskLimits, GovernorSettings
from holdfast.policy.governor.limits_table import OWN_LIMITS, ROW_LIMITS
from holdfast.settings import EscalationTable, KeySettings, Step

_MADE_BY_US: Final = ("base",)
_TABLES: Final = ("venues", "operators", "arm", "limits", "detectors", "notify", "escalation", "key")
"""Keys of the config that are tables of their own."""
_ROWS: Final = ("desk", "venues", "playbooks", "actions")
"""Keys of the limits that are rows."""

TOP: Final = {
    "desk": "the desk's name in the ledger and in every signed command: `a-z 0-9 . -`",
    "node": "this node's name, in the journal and on the screen",
    "folder": "the state folder",
    "journal": "`sqlite`, `sqlite:FILE` in the state folder, or `postgresql://user:password@host/database`",
    "tape_gb": "billions of bytes of [what it saw](#replaying-what-it-saw) that are kept, the oldest going first; 0: none",
    "client_id_prefix": "how client ids of the guard's own orders begin, 1 to 8 characters",
    "strategies": "by name, how client ids of each of the desk's strategies begin; any other order is unauthorised",
    "reconcile_s": "between two reconciliations with each account, 2 to 600",
    "policies": "a Cedar file that replaces [who may do what](control.md#who-may-do-what)",
    "rules": "a file or folder that replaces the [default rules](rules.md#the-default-rules)",
    "playbooks": "a file or folder of playbooks, beside those that come with Holdfast",
}
VENUES: Final = {
    "name": "`deribit`, `binance-usdm`, or what ccxt calls the exchange",
    "via": "`native`, or `ccxt` for an exchange that has no [client of ours](clients.md)",
    "account": "the account's name; an account of a venue stands here once",
    "symbols": "what is watched and may be traded, in the venue's own names (ccxt's, by ccxt)",
    "credentials": "a file with `key` and `secret` that only its owner can read (`chmod 600`)",
    "rest_url": "another address than the venue's own, such as the [simulated world](protocols.md)'s; not by ccxt",
    "ws_url": "the same for web sockets",
    "dead_man_s": "the venue cancels when it has not heard from us for so long: 10 to 600, or 0 for never",
}
OPERATORS: Final = {
    "name": "who it is",
    "key": "the public half of their key, as `holdfast operator new` prints it",
    "roles": "any of `viewer`, `trader`, `risk_officer`, `admin`",
}
DETECTORS: Final = {
    "unauthorised_order.accounts_ignored": "accounts on which people trade by hand, as `venue:account`",
    "runaway_orders.orders_per_s_min": "the line for orders and cancels is never under this, over ten seconds",
    "runaway_orders.orders_per_s_max": "nor over this",
    "runaway_orders.times_usual": "in between it is so many times what the strategy usually sends",
    "fill_ratio.orders_per_fill_max": "orders for one that traded, over five minutes",
    "fill_ratio.orders_min": "how many orders there must be to judge at all",
    "position_drift.settle_s": "how long a difference must stand",
    "position_drift.lots_max": "how many lots are nothing",
    "fat_finger.times_median_max": "an order's size over the median of its instrument's",
    "fat_finger.order_usd_max": "one order",
    "fat_finger.price_off_bps_max": "an order's price from the mark, to the worse side",
    "fat_finger.option_price_off_bps_max": "the same for an option, whose mark is coarse",
    "limit_use.position_usd_max": "one position; 0 for no such limit",
    "limit_use.venue_usd_max": "all positions on a venue; 0 for no such limit",
    "limit_use.margin_share_max": "maintenance margin over equity; 1 is liquidation",
    "loop_lag.lag_s_max": "how late the guard's own loop may come",
    "disk.free_bytes_min": "what must be left for the journal",
    "disk.full_within_s": "how far ahead a fall is drawn out",
    "memory.bytes_max": "the size of the guard's process",
    "memory.growth_bytes_per_h_max": "its growth",
    "clock.offset_s_max": "a lasting offset from a venue's clock",
    "clock.step_s_max": "a step of the machine's clock",
    "line_down.down_s_max": "how long a line may be down",
    "line_down.silent_s_max": "how long a line that is up may say nothing",
}
NOTIFY: Final = {
    "info": "Apprise addresses for what people may like to know; they hold secrets",
    "warning": "for what they should look at; where there is none, those of `info`",
    "critical": "for what cannot wait; where there is none, those of `warning`",
}
ESCALATION: Final = {
    "up": "the score that enters the level",
    "down": "the score under which it may be left",
    "dwell_s": "for how long it must have been",
    "needs_person": "only a person leaves it",
}
KEY: Final = {
    "path": "where the desk's signing key lies; empty for the user's own data folder. It is made at the first run"
}

_UNITS: Final = (
    ("_bytes_per_h_max", "bytes an hour"), ("bytes_max", "bytes"), ("_bytes_min", "bytes"),
    ("_per_s_min", "a second"), ("_per_s_max", "a second"), ("_bps_max", "basis points"),
    ("_usd_max", "US dollars"), ("_s_max", "seconds"), ("_s", "seconds"),
)  # fmt: skip

Row = tuple[str, str, str]
"""A key, its default as text, what it is."""


def config_tables() -> dict[str, list[Row]]:
    """Return every key that a config may have, by the table that it stands in; the empty name is the config itself.

    Raises: KeyError for a key that nobody explained.
    """
    detectors = [
        (f"{name}.{key}", shown, DETECTORS[f"{name}.{key}"])
        for name, lines in _structs(LiveSettings())
        for key, shown in _defaults(type(lines))
    ]
    levels = [step for _, step in _structs(EscalationTable())]
    steps = [
        (field.name, ", ".join(_text(getattr(step, field.name)) for step in levels), ESCALATION[field.name])
        for field in msgspec.structs.fields(Step)
    ]
    return {
        "": _rows(GuardConfig, TOP, (*_TABLES, *_MADE_BY_US)),
        "[[venues]]": _rows(VenueSettings, VENUES),
        "[arm]": [("PLAYBOOK", "`observe`", "`observe`, `advise`, `confirm` or `act`")],
        "[[operators]]": _rows(OperatorSettings, OPERATORS),
        "[limits]": _rows(GovernorSettings, OWN_LIMITS, _ROWS),
        "[limits.desk]": _rows(DeskLimits, ROW_LIMITS),
        "[detectors]": detectors,
        "[notify]": _rows(NotifySettings, NOTIFY),
        "[escalation.LEVEL]": steps,
        "[key]": _rows(KeySettings, KEY),
    }


def config_markdown(table: str) -> str:
    """Return one table of keys."""
    rows = ["| key | unit | by default | what |", "|---|---|---|---|"]
    rows += [f"| `{key}` | {_unit(key)} | {shown} | {what} |" for key, shown, what in config_tables()[table]]
    return "\n".join(rows)


def explained() -> dict[str, int]:
    """Return how many keys are explained for each table, so that none is left that does not exist any more."""
    counts = (TOP, VENUES, OPERATORS, OWN_LIMITS, ROW_LIMITS, DETECTORS, NOTIFY, ESCALATION, KEY)
    names = [name for name in config_tables() if name != "[arm]"]
    return {name: len(keys) for name, keys in zip(names, counts, strict=True)}


def _rows(kind: type[msgspec.Struct], what: dict[str, str], without: tuple[str, ...] = ()) -> list[Row]:
    return [(key, shown, what[key]) for key, shown in _defaults(kind) if key not in without]


def _structs(settings: msgspec.Struct) -> list[tuple[str, Any]]:
    return [(field.name, getattr(settings, field.name)) for field in msgspec.structs.fields(settings)]


def _defaults(kind: type[msgspec.Struct]) -> list[tuple[str, str]]:
    shown: list[tuple[str, str]] = []
    for field in msgspec.structs.fields(kind):
        if field.required:
            shown.append((field.name, "must be given"))
        else:
            made = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
            shown.append((field.name, _text(made)))
    return shown


def _text(value: Any) -> str:
    if value is None:
        return "any"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:,.12g}"
    return f"`{value}`" if value else "none"


def _unit(key: str) -> str:
    name = key.rpartition(".")[2]
    return next((unit for ending, unit in _UNITS if name.endswith(ending)), "")
