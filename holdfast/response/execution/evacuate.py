"""Evacuate: leave a scope in order: stop it, cancel, close every position, then move what is free to another account.

Rules:

1. Three stages, each only after the one before it: what is open is cancelled before positions are worked, and collateral
   leaves only when they are closed, so that no position loses the margin that holds it.
2. The stage is read off what the outbox and the view know; a restart goes on in the stage it was in.
3. A stage that fails ends the step, and what could not be left is told.
"""

from decimal import ROUND_DOWN, Decimal
from typing import Final

from holdfast.action import PlaceOrder, Transfer
from holdfast.event import Scope
from holdfast.response.execution.base import Ended, Execution, Plan, Progress, Turn, begun
from holdfast.response.execution.cancel import cancels, stop
from holdfast.response.execution.collateral import GRID
from holdfast.response.execution.transferring import transfer, tries_of
from holdfast.response.execution.unwind import nothing_new
from holdfast.response.execution.working import plan_aims, work
from holdfast.response.verb import Evacuate
from holdfast.response.view import DeskView


def _plan(_verb: Evacuate, scope: Scope, view: DeskView) -> Plan:
    return begun(scope, view) | plan_aims(scope, view, 1.0)


def _advance(verb: Evacuate, turn: Turn) -> Progress:
    is_stopped = any(isinstance(one.action, PlaceOrder | Transfer) for one in turn.known())
    stopped = Progress() if is_stopped else stop(turn, "paused", cancels(turn.scope, turn.view))
    if not is_stopped and (stopped.ended is None or stopped.ended.outcome == "failed"):
        return stopped
    closed = nothing_new(turn, work(verb, turn))
    closed.permits = stopped.permits
    if closed.ended is None or closed.ended.outcome == "failed" or not verb.to_account:
        return closed
    return _move_out(verb, turn)


def _move_out(verb: Evacuate, turn: Turn) -> Progress:
    known, progress = turn.known(), Progress()
    told: list[str] = []
    failed: list[str] = []
    is_waiting = False
    for venue, account in turn.view.accounts(turn.scope):
        for asset in verb.assets:
            if account == verb.to_account:
                continue
            move = Transfer(
                venue=venue,
                from_account=account,
                to_account=verb.to_account,
                asset=asset,
                amount=_free(verb, venue, account, asset, turn.view),
            )
            if move.amount <= 0 and not tries_of(known, move):
                continue
            reason = f"move {asset} of {venue} from {account} to {verb.to_account}"
            one = transfer(turn, known, move, len(known) + len(progress.wanted), reason)
            progress.wanted += one.wanted
            if one.wake_ns:
                progress.wake_ns = min(progress.wake_ns or one.wake_ns, one.wake_ns)
            is_waiting = is_waiting or one.ended is None
            if one.ended is not None:
                (told if one.ended.outcome == "done" else failed).append(one.ended.detail)
    if not is_waiting:
        progress.ended = Ended(
            "failed" if failed else "done", "; ".join(failed or told) or "nothing was left to move"
        )
    return progress


def _free(verb: Evacuate, venue: str, account: str, asset: str, view: DeskView) -> Decimal:
    balance = view.balance(venue, account, asset)
    if balance is None or balance.available is None:
        return Decimal(0)
    return max(Decimal(0), (balance.available - verb.keep_min).quantize(GRID, ROUND_DOWN))


EVACUATE: Final = Execution(_plan, _advance)
