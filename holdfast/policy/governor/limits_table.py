"""The table of limits, as the documentation shows it: written from the settings themselves."""

from typing import Final

import msgspec

from holdfast.policy.governor.limits import DeskLimits, GovernorSettings
from holdfast.policy.governor.verdict import REMEDIES

ROW_LIMITS: Final = {
    "notional_usd_max": "US dollars of all orders and transfers in the window",
    "count_max": "how many orders and transfers in the window",
    "loss_usd_max": "US dollars that fills at the limit prices would lose against the mark, in the window",
    "window_s": "how long the window is",
    "order_notional_usd_max": "US dollars of one order or transfer",
    "price_collar_bps_max": "how far an order's limit may be from the mark, to the worse side",
    "cooldown_s": "from the last action of one run to the first one of another",
    "instruments": "the only instruments that may be traded, as `venue:symbol`",
}
OWN_LIMITS: Final = {
    "transfer_targets": "the only accounts that transfers may reach, as `venue:account`",
    "may_add_delta": "the playbooks that may add to the size of the desk's delta; every other one is a defence",
    "messages_per_s_max": "messages to one venue in a second",
    "brake_messages_per_s_max": "brakes to one venue in a second beyond that",
    "loosening_delay_s": "until looser limits hold",
}


def limits_markdown() -> str:
    """Return the limits that every row can have, with what the desk's row has by default."""
    rows = ["| limit | desk by default | what |", "|---|---|---|"]
    rows += [
        f"| `{name}` | {_shown(getattr(DeskLimits(), name))} | {what} |" for name, what in ROW_LIMITS.items()
    ]
    return "\n".join(rows)


def own_limits_markdown() -> str:
    """Return what is set once for the whole desk."""
    settings = GovernorSettings()
    rows = ["| setting | by default | what |", "|---|---|---|"]
    rows += [
        f"| `{name}` | {_shown(getattr(settings, name))} | {what} |" for name, what in OWN_LIMITS.items()
    ]
    return "\n".join(rows)


def codes_markdown() -> str:
    """Return every code of a refusal, with what to do about it."""
    rows = ["| code | what to do |", "|---|---|"]
    return "\n".join([*rows, *(f"| `{code}` | {remedy} |" for code, remedy in REMEDIES.items())])


def limit_names() -> tuple[set[str], set[str]]:
    """Return the names that the two tables have to explain."""
    own = {field.name for field in msgspec.structs.fields(GovernorSettings)}
    return {field.name for field in msgspec.structs.fields(DeskLimits)}, own - {
        "desk", "venues", "playbooks", "actions",
    }  # fmt: skip


def _shown(value: object) -> str:
    if value is None:
        return "any"
    if isinstance(value, tuple):
        return "none"
    return f"{value:,.0f}" if isinstance(value, int | float) else str(value)
