"""Dead man: have every venue of a scope cancel by itself when it does not hear from us."""

from typing import Final

from holdfast.action import ArmDeadMan, Brake
from holdfast.response.execution.base import Execution, Progress, Turn, begin
from holdfast.response.execution.braking import brake
from holdfast.response.verb import DeadMan


def _advance(verb: DeadMan, turn: Turn) -> Progress:
    accounts = turn.view.accounts(turn.scope)
    brakes: list[Brake] = [ArmDeadMan(venue, account, verb.timeout_s) for venue, account in accounts]
    return brake(
        turn, brakes, f"dead-man switch at {verb.timeout_s:g} s" if verb.timeout_s else "dead-man switch off"
    )


DEAD_MAN: Final = Execution(begin, _advance)
