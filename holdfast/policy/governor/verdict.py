"""Verdict: what the governor says of an action: allowed at a worst cost, or refused with a reason and a limit."""

from typing import Final, Literal

import msgspec

Code = Literal[
    "governor.messages",
    "governor.unlisted",
    "governor.instrument",
    "governor.unpriced",
    "governor.order_notional",
    "governor.collar",
    "governor.position",
    "governor.delta",
    "governor.delta_unknown",
    "governor.transfer_target",
    "governor.notional",
    "governor.count",
    "governor.loss",
    "governor.cooldown",
]

REMEDIES: Final[dict[Code, str]] = {
    "governor.messages": "it is asked for again in a moment; raise messages_per_s_max if the venue allows more",
    "governor.unlisted": "the venue does not list the instrument; look at its name",
    "governor.instrument": "add it to `instruments` of the row",
    "governor.unpriced": "nothing moves without a mark and a dollar value; look at the feed",
    "governor.order_notional": "make slices smaller, or raise order_notional_usd_max of the row",
    "governor.collar": "lower the slippage of the verb, or raise price_collar_bps_max of the row",
    "governor.position": "it would not reduce what is held with what is in flight; reconcile",
    "governor.delta": "it would add to the desk's delta; name the playbook in may_add_delta if it shall",
    "governor.delta_unknown": "nothing is hedged in the dark; look at the marks of what is held",
    "governor.transfer_target": "add venue:account to transfer_targets",
    "governor.notional": "wait for the window, or raise notional_usd_max of the row",
    "governor.count": "wait for the window, or raise count_max of the row",
    "governor.loss": "wait for the window, or raise loss_usd_max of the row",
    "governor.cooldown": "wait for cooldown_s of the row",
}


class Allowed(msgspec.Struct, frozen=True, kw_only=True):
    """It may be done. Units: US dollars, if it happens as a whole and at its limit price."""

    notional_usd: float = 0.0
    loss_usd: float = 0.0


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """It may not be done: a stable code, why in words, and the limit that said so with its row."""

    code: Code
    reason: str
    limit: str

    @property
    def remedy(self) -> str:
        """Return what to do about it."""
        return REMEDIES[self.code]


Verdict = Allowed | Refused
