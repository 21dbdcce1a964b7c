"""Unwind: reduce and flatten, as `working` works them."""

from decimal import Decimal
from typing import Final

from holdfast.event import Scope
from holdfast.response.execution.base import Ended, Execution, Plan, Progress, Turn, begun
from holdfast.response.execution.working import aims_of, plan_aims, work
from holdfast.response.verb import Flatten, Reduce
from holdfast.response.view import DeskView


def nothing_new(turn: Turn, progress: Progress) -> Progress:
    """Turn `done` into `failed` where a position is held that was not there when the step began."""
    aimed = {(aim.venue, aim.account, aim.instrument) for aim in aims_of(turn.plan)}
    view = turn.view
    fresh = [held for held in view.held(turn.scope) if held not in aimed and _is_whole(held, view)]
    if progress.ended is None or progress.ended.outcome != "done" or not fresh:
        return progress
    told = ", ".join(f"{venue}:{symbol} ({account})" for venue, account, symbol in fresh)
    return Progress(ended=Ended("failed", f"opened since the step began: {told}"))


def _plan_reduce(verb: Reduce, scope: Scope, view: DeskView) -> Plan:
    return begun(scope, view) | plan_aims(scope, view, verb.fraction)


def _plan_flatten(_verb: Flatten, scope: Scope, view: DeskView) -> Plan:
    return begun(scope, view) | plan_aims(scope, view, 1.0)


def _advance_flatten(verb: Flatten, turn: Turn) -> Progress:
    return nothing_new(turn, work(verb, turn))


def _is_whole(held: tuple[str, str, str], view: DeskView) -> bool:
    instrument = view.instrument(held[0], held[2])
    lot = Decimal(instrument.lot_size) if instrument is not None and instrument.lot_size else Decimal(0)
    position = abs(view.position(*held))
    return position > 0 and position >= lot


REDUCE: Final = Execution(_plan_reduce, work)
FLATTEN: Final = Execution(_plan_flatten, _advance_flatten)
