"""Inform: tell people, and go on when the word has left."""

from typing import Final

from holdfast.action import Tell
from holdfast.clock import SECOND_NS
from holdfast.response.execution.base import Ended, Execution, Progress, Turn, Wanted, begin
from holdfast.response.verb import Inform

AGAIN_S: Final = 1.0  # if it could not be taken up


def _advance(verb: Inform, turn: Turn) -> Progress:
    known = turn.known()
    if not known:
        told = Tell(verb.title, verb.text, verb.urgency)
        wake_ns = turn.now_ns + round(AGAIN_S * SECOND_NS)
        return Progress(wanted=[Wanted(turn.key(0), told, f"tell of {turn.scope}")], wake_ns=wake_ns)
    if known[0].settled is None:
        return Progress()
    return Progress(ended=Ended("failed" if known[0].failure else "done", known[0].failure))


INFORM: Final = Execution(begin, _advance)
