"""Registry: the execution of each verb, and the two calls that playbooks make."""

from typing import Any, Final

from holdfast.event import Scope
from holdfast.response.execution.base import Execution, Plan, Progress
from holdfast.response.verb import Verb
from holdfast.response.view import DeskView, OutboxView

EXECUTIONS: Final[dict[type[Verb], Execution[Any]]] = {}
"""How each verb is carried out."""


def plan(verb: Verb, scope: Scope, view: DeskView) -> Plan:
    """Return what a step will aim at; it is recorded before anything is done."""
    return EXECUTIONS[type(verb)].plan(verb, scope, view)


def advance(
    now_ns: int, run: str, step: str, verb: Verb, plan: Plan, view: DeskView, outbox: OutboxView
) -> Progress:
    """Return what a step wants now, and whether it has ended."""
    return EXECUTIONS[type(verb)].advance(now_ns, run, step, verb, plan, view, outbox)
