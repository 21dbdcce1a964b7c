"""Governor: says of every action, before it is intended, whether the desk's limits allow it now.

Rules:

1. A brake is limited by the message rate alone, and has a reserve of its own there that moves cannot use up. A word is held
   to the rows that name it. A move must pass every row that it falls under.
2. `judge` looks and changes nothing; what it says becomes a `Judged` record, and folding that record is what counts it. So a
   restart counts the same, and a node that asks twice counts once.
3. Whoever drives folds the `Judged` and the `Intended` of one action before it judges the next: the view's `pending` holds
   the orders already allowed.
4. Refusing is the answer to whatever is not known.
"""

from typing import Final

from holdfast.action import BRAKES, Action, PlaceOrder, Tell, Transfer
from holdfast.clock import SECOND_NS
from holdfast.event import AccountEvent
from holdfast.policy.governor.checks import Rows, check_order
from holdfast.policy.governor.limits import GovernorSettings, Limits, rows_of
from holdfast.policy.governor.loosening import Loosening
from holdfast.policy.governor.sight import Sight
from holdfast.policy.governor.tally import BRAKE, Tally
from holdfast.policy.governor.verdict import Allowed, Refused, Verdict
from holdfast.receipt import Judged, LimitsProposed, Receipt

_COUNTED_BY: Final = {"venue": "venue", "playbook": "playbook", "action": "kind"}
"""Which field of what was allowed a row of limits counts by."""


class Governor:
    """The desk's limits, and what was done under them. Cost of `judge`: the actions within the longest window."""

    def __init__(self) -> None:
        self._tally = Tally()
        self._loosening = Loosening()

    def fold(self, record: Receipt | AccountEvent) -> None:
        """Take in the next record of the journal."""
        self._tally.fold(record)
        if isinstance(record, LimitsProposed):
            self._loosening.fold(record)

    def propose(self, now_ns: int, limits: GovernorSettings, operator: str) -> list[LimitsProposed]:
        """Return the record that asks for these limits, nothing where they hold or wait already."""
        return self._loosening.propose(now_ns, limits, operator)

    def limits(self, now_ns: int) -> GovernorSettings:
        """Return the limits in force."""
        return self._loosening.in_force(now_ns)

    def waiting(self, now_ns: int) -> tuple[GovernorSettings, int] | None:
        """Return the looser limits that wait, and when they will hold."""
        return self._loosening.waiting(now_ns)

    def judge(self, now_ns: int, action: Action, playbook: str, view: Sight, *, run: str = "") -> Verdict:
        """Say whether an action may be done now. `run` tells a run's own actions from those that its cooldown is from."""
        limits = self.limits(now_ns)
        if isinstance(action, BRAKES):
            return self._rate(now_ns, action.venue, limits, is_brake=True) or Allowed()
        if isinstance(action, Tell):
            rows = rows_of(limits, "", playbook, kind_of(action))
            named = [(name, row) for name, row in rows if name.startswith("action ")]
            return self._windows(now_ns, named, Allowed(), run) or Allowed()
        refused = self._rate(now_ns, action.venue, limits, is_brake=False)
        if refused is not None:
            return refused
        rows = rows_of(limits, action.venue, playbook, kind_of(action))
        if isinstance(action, Transfer):
            verdict = _check_transfer(action, limits, rows, view)
        else:
            verdict = check_order(action, rows, view, may_add_delta=playbook in limits.may_add_delta)
        if isinstance(verdict, Refused):
            return verdict
        return self._windows(now_ns, rows, verdict, run) or verdict

    def _rate(self, now_ns: int, venue: str, limits: GovernorSettings, *, is_brake: bool) -> Refused | None:
        total, brakes = self._tally.messages(venue, now_ns)
        if total < limits.messages_per_s_max:
            return None
        if is_brake and brakes < limits.brake_messages_per_s_max:
            return None
        name = "brake_messages_per_s_max" if is_brake else "messages_per_s_max"
        reason = f"{venue} was sent {total} messages in the last second, {brakes} of them brakes"
        return Refused(code="governor.messages", reason=reason, limit=name)

    def _windows(self, now_ns: int, rows: Rows, asked: Allowed, run: str) -> Refused | None:
        for name, row in rows:
            refused = self._window(now_ns, name, row, asked, run)
            if refused is not None:
                return refused
        return None

    def _window(self, now_ns: int, name: str, row: Limits, asked: Allowed, run: str) -> Refused | None:
        longest_s, cooldown_ns = max(row.window_s, row.cooldown_s), now_ns - round(row.cooldown_s * SECOND_NS)
        window_ns = now_ns - round(row.window_s * SECOND_NS)
        count, notional, loss = 1, asked.notional_usd, asked.loss_usd
        group, _, of = name.partition(" ")
        for entry in self._tally.since(now_ns - round(longest_s * SECOND_NS)):
            if group != "desk" and getattr(entry, _COUNTED_BY[group]) != of:
                continue
            if entry.time_ns > cooldown_ns and not (run and entry.run == run):
                waits_s = (entry.time_ns - cooldown_ns) / SECOND_NS
                reason = f"{entry.run} acted, and {waits_s:,.1f} s of the cooldown are left"
                return Refused(code="governor.cooldown", reason=reason, limit=f"{name}: cooldown_s")
            if entry.time_ns > window_ns:
                count += 1
                notional += entry.notional_usd * entry.share
                loss += entry.loss_usd * entry.share
        within = f"in {row.window_s:g} s"
        if row.count_max is not None and count > row.count_max:
            reason = f"it would be action {count} {within}, {row.count_max} are allowed"
            return Refused(code="governor.count", reason=reason, limit=f"{name}: count_max")
        if row.notional_usd_max is not None and notional > row.notional_usd_max:
            reason = f"it would make {notional:,.0f} USD {within}, {row.notional_usd_max:,.0f} are allowed"
            return Refused(code="governor.notional", reason=reason, limit=f"{name}: notional_usd_max")
        if row.loss_usd_max is not None and loss > row.loss_usd_max:
            reason = f"it could make a loss of {loss:,.0f} USD {within}, {row.loss_usd_max:,.0f} are allowed"
            return Refused(code="governor.loss", reason=reason, limit=f"{name}: loss_usd_max")
        return None


def kind_of(action: Action) -> str:
    """Return the kind that rows and records call an action.

    >>> kind_of(Tell("t", "x"))
    'tell'
    """
    if isinstance(action, PlaceOrder):
        return "place_order"
    if isinstance(action, Transfer):
        return "transfer"
    return "tell" if isinstance(action, Tell) else BRAKE


def judged(now_ns: int, key: str, action: Action, playbook: str, verdict: Verdict) -> Judged:
    """Return the record of a verdict."""
    refused = verdict if isinstance(verdict, Refused) else None
    return Judged(
        time_ns=now_ns,
        key=key,
        playbook=playbook,
        venue="" if isinstance(action, Tell) else action.venue,
        kind=kind_of(action),
        allowed=refused is None,
        notional_usd=verdict.notional_usd if isinstance(verdict, Allowed) else 0.0,
        loss_usd=verdict.loss_usd if isinstance(verdict, Allowed) else 0.0,
        code=refused.code if refused else "",
        reason=f"{refused.reason} ({refused.limit})" if refused else "",
    )


def _check_transfer(move: Transfer, limits: GovernorSettings, rows: Rows, view: Sight) -> Verdict:
    target = f"{move.venue}:{move.to_account}"
    if target not in limits.transfer_targets:
        return Refused(
            code="governor.transfer_target", reason=f"{target} is not named", limit="transfer_targets"
        )
    price = view.price_usd(move.asset)
    if price is None or move.amount <= 0:
        return Refused(
            code="governor.unpriced", reason=f"{move.amount} {move.asset} has no value", limit="price"
        )
    notional = float(move.amount) * price
    for name, row in rows:
        if row.order_notional_usd_max is not None and notional > row.order_notional_usd_max:
            reason = f"the transfer is worth {notional:,.0f} USD of {row.order_notional_usd_max:,.0f}"
            return Refused(
                code="governor.order_notional", reason=reason, limit=f"{name}: order_notional_usd_max"
            )
    return Allowed(notional_usd=notional)
