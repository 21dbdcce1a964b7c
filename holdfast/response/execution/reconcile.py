"""Reconcile and resume: ask the venues, compare, and open a scope again only when everything agrees.

Rules:

1. A reconciliation counts when its questions were asked after the step began.
2. While views differ the accounts are asked again, each time after a pause; whoever drives ignores a question that is
   under way.
3. Resume opens nothing that a person halted, and nothing while anything differs or an order's fate is unknown.
"""

from typing import Final

from holdfast.clock import SECOND_NS
from holdfast.receipt import PermitMoved
from holdfast.response.execution.base import Ended, Execution, Progress, Turn, begin
from holdfast.response.verb import Reconcile, Resume

AGAIN_S: Final = 2.0


def agree(patience_s: float, turn: Turn) -> Progress:
    """Ask until the venues' views and ours agree, or patience is over."""
    now_ns, begun_ns, view, scope = turn.now_ns, turn.begun_ns, turn.view, turn.scope
    deadline_ns = begun_ns + round(patience_s * SECOND_NS)
    accounts = view.accounts(scope)
    silent = [account for account in accounts if view.reconciled_ns(*account) < begun_ns]
    differing = view.differences(scope)
    if not silent and not differing:
        return Progress(ended=Ended("done", f"{len(accounts)} accounts agree"))
    if now_ns >= deadline_ns:
        unheard = [f"{venue} ({account}) has not answered" for venue, account in silent]
        return Progress(ended=Ended("failed", "; ".join([*unheard, *differing])))
    again_ns = round(AGAIN_S * SECOND_NS)
    due = [
        account
        for account in accounts
        if account in silent or now_ns >= view.reconciled_ns(*account) + again_ns
    ]
    return Progress(ask=due, wake_ns=min(deadline_ns, now_ns + again_ns))


def _advance_reconcile(verb: Reconcile, turn: Turn) -> Progress:
    return agree(verb.patience_s, turn)


def _advance_resume(verb: Resume, turn: Turn) -> Progress:
    if turn.view.permit(turn.scope) == "halted":
        return Progress(ended=Ended("failed", f"{turn.scope} is halted: only a person lifts that"))
    progress = agree(verb.patience_s, turn)
    if progress.ended is not None and progress.ended.outcome == "done":
        because = f"{turn.run}/{turn.step}: {progress.ended.detail}"
        progress.permits = [PermitMoved(turn.now_ns, turn.scope, "open", because)]
    return progress


RECONCILE: Final = Execution(begin, _advance_reconcile)
RESUME: Final = Execution(begin, _advance_resume)
