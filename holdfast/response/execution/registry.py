"""Registry: the execution of each verb, and the two calls that playbooks make."""

from typing import Any, Final

from holdfast.event import Scope
from holdfast.response.execution.base import Execution, Plan, Progress, Turn
from holdfast.response.execution.cancel import CANCEL, ONLY_REDUCE, STOP
from holdfast.response.execution.collateral import MOVE_COLLATERAL
from holdfast.response.execution.dead_man import DEAD_MAN
from holdfast.response.execution.evacuate import EVACUATE
from holdfast.response.execution.hedge import HEDGE
from holdfast.response.execution.inform import INFORM
from holdfast.response.execution.reconcile import RECONCILE, RESUME
from holdfast.response.execution.unwind import FLATTEN, REDUCE
from holdfast.response.verb import (
    CancelEverything,
    DeadMan,
    Evacuate,
    Flatten,
    Halt,
    HedgeDelta,
    Inform,
    MoveCollateral,
    OnlyReduce,
    Pause,
    Reconcile,
    Reduce,
    Resume,
    Verb,
)
from holdfast.response.view import DeskView, OutboxView

EXECUTIONS: Final[dict[type[Verb], Execution[Any]]] = {
    CancelEverything: CANCEL,
    Pause: STOP,
    Halt: STOP,
    OnlyReduce: ONLY_REDUCE,
    Resume: RESUME,
    Reduce: REDUCE,
    Flatten: FLATTEN,
    HedgeDelta: HEDGE,
    DeadMan: DEAD_MAN,
    MoveCollateral: MOVE_COLLATERAL,
    Inform: INFORM,
    Reconcile: RECONCILE,
    Evacuate: EVACUATE,
}
"""How each verb is carried out."""


def plan(verb: Verb, scope: Scope, view: DeskView) -> Plan:
    """Return what a step will aim at; it is recorded before anything is done."""
    return EXECUTIONS[type(verb)].plan(verb, scope, view)


def advance(
    now_ns: int, run: str, step: str, verb: Verb, plan: Plan, view: DeskView, outbox: OutboxView
) -> Progress:
    """Return what a step wants now, and whether it has ended."""
    return EXECUTIONS[type(verb)].advance(verb, Turn(now_ns, run, step, plan, view, outbox))
