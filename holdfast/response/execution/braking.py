"""Braking: the same brake for several accounts, repeated until each venue did it; what every brake verb shares.

Rules:

1. Each account is braked by itself and at once: a venue that does not answer holds up no other one.
2. The outbox repeats an attempt until it is answered. What a venue refused, or could not do in time, is asked for anew as
   another action, each time after a longer wait.
3. Where it matters that the brake worked, it is done when the view agrees; until then the account is asked and braked again.
"""

from collections.abc import Callable
from typing import Final

from holdfast.action import Brake
from holdfast.clock import SECOND_NS
from holdfast.response.execution.base import ACTIONS_MAX, Ended, Progress, Turn, Wanted
from holdfast.response.view import Account

BRAKE_S_MAX: Final = 60.0  # then the step fails, and says which venue did not brake
AGAIN_S: Final = 1.0
DOUBLINGS_MAX: Final = 4


def brake(
    turn: Turn, brakes: list[Brake], reason: str, trouble: Callable[[Account], str] = lambda _: ""
) -> Progress:
    """Return what is still to be braked. `trouble` says what is not as it should be after a brake, empty for nothing."""
    now_ns, known = turn.now_ns, turn.known()
    deadline_ns = turn.begun_ns + round(BRAKE_S_MAX * SECOND_NS)
    progress = Progress(wake_ns=deadline_ns)
    left: list[str] = []
    for action in brakes:
        account = (action.venue, action.account)
        own = [one for one in known if one.action == action]
        last = own[-1] if own else None
        why = ""
        if last is not None:
            if last.settled is None:
                left.append(f"{account[0]} ({account[1]}) has not answered")
                continue
            why = last.failure or trouble(account)
            if not why:
                continue
            left.append(f"{account[0]} ({account[1]}): {why}")
            again_ns = last.time_ns + (round(AGAIN_S * SECOND_NS) << min(len(own) - 1, DOUBLINGS_MAX))
            progress.ask.append(account)
            if now_ns < again_ns:
                progress.wake_ns = min(progress.wake_ns, again_ns)
                continue
        else:
            left.append(f"{account[0]} ({account[1]}) was not reached")
        number = len(known) + len(progress.wanted)
        if number < ACTIONS_MAX and now_ns < deadline_ns:
            progress.wanted.append(Wanted(turn.key(number), action, f"{reason}: {why}" if why else reason))
            progress.wake_ns = min(progress.wake_ns, now_ns + round(AGAIN_S * SECOND_NS))
    if not left:
        return Progress(ended=Ended("done", f"{len(brakes)} accounts"))
    if now_ns >= deadline_ns:
        return Progress(ended=Ended("failed", "; ".join(left)))
    return progress
