"""Cancel: cancel_all, pause, halt and reduce_only: what the desk's strategies may do, and the orders that they left.

Rules:

1. The permit moves first, in the same step and before any cancel: what is cancelled is not placed again.
2. These verbs only tighten: where the scope may do less already, the permit stays.
3. A pause or a halt is done when every account has acknowledged the cancel and the view shows no order open. `cancel_all`
   alone is done when it is acknowledged: strategies that may trade place new orders at once.
"""

from collections.abc import Callable
from typing import Final

from holdfast.action import Brake, CancelAll
from holdfast.event import Scope
from holdfast.receipt import Permit, PermitMoved
from holdfast.response.execution.base import Ended, Execution, Progress, Turn, begin
from holdfast.response.execution.braking import brake
from holdfast.response.verb import CancelEverything, Halt, OnlyReduce, Pause
from holdfast.response.view import PERMITS, Account, DeskView


def cancels(scope: Scope, view: DeskView) -> list[Brake]:
    """Return a cancel for every account that the scope touches."""
    return [CancelAll(venue, account, scope.instrument) for venue, account in view.accounts(scope)]


def tighten(turn: Turn, permit: Permit) -> list[PermitMoved]:
    """Return the move to a permit, nothing where the scope may do less already."""
    if PERMITS.index(turn.view.permit(turn.scope)) > PERMITS.index(permit):
        return []
    return [PermitMoved(turn.now_ns, turn.scope, permit, f"{turn.run}/{turn.step}")]


def stop(turn: Turn, permit: Permit, brakes: list[Brake]) -> Progress:
    """Tighten the scope once, and cancel until nothing is open."""
    reason = f"{permit}: cancel all of {turn.scope}"
    progress = brake(turn, brakes, reason, _still_open(turn.scope, turn.view))
    if turn.outbox.intended(turn.key(0)) is None:
        progress.permits = tighten(turn, permit)
    return progress


def _still_open(scope: Scope, view: DeskView) -> Callable[[Account], str]:
    """Return what is wrong with an account after its cancel: orders that are still open."""

    def trouble(account: Account) -> str:
        count = view.open_orders(*account, scope.instrument)
        return f"{count} orders are still open" if count else ""

    return trouble


def _advance_cancel(_verb: CancelEverything, turn: Turn) -> Progress:
    return brake(turn, cancels(turn.scope, turn.view), f"cancel all of {turn.scope}")


def _advance_stop(verb: Pause | Halt, turn: Turn) -> Progress:
    permit: Permit = "halted" if isinstance(verb, Halt) else "paused"
    return stop(turn, permit, cancels(turn.scope, turn.view))


def _advance_only_reduce(_verb: OnlyReduce, turn: Turn) -> Progress:
    moves = tighten(turn, "reduce_only")
    return Progress(permits=moves, ended=Ended("done", "" if moves else "it may do less already"))


CANCEL: Final = Execution(begin, _advance_cancel)
STOP: Final = Execution(begin, _advance_stop)
ONLY_REDUCE: Final = Execution(begin, _advance_only_reduce)
