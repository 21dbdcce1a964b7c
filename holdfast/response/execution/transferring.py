"""Transferring: one transfer, tried again a few times where the venue surely did not do it; what collateral moves share."""

from typing import Final

from holdfast.action import Transfer
from holdfast.clock import SECOND_NS
from holdfast.response.execution.base import Ended, Known, Progress, Turn, Wanted

TRIES_MAX: Final = 3
AGAIN_S: Final = 2.0


def tries_of(known: list[Known], wanted: Transfer) -> list[Known]:
    """Return the tries at a transfer: the same accounts and asset, whatever the amount."""
    return [
        one
        for one in known
        if isinstance(one.action, Transfer)
        and (one.action.venue, one.action.from_account, one.action.to_account, one.action.asset)
        == (wanted.venue, wanted.from_account, wanted.to_account, wanted.asset)
    ]


def transfer(turn: Turn, known: list[Known], wanted: Transfer, number: int, reason: str) -> Progress:
    """Return the next try at a transfer, or how it ended. One that is open or done is never tried again."""
    tries, wake_ns = tries_of(known, wanted), turn.now_ns + round(AGAIN_S * SECOND_NS)
    if not tries:
        return Progress(wanted=[Wanted(turn.key(number), wanted, reason)], wake_ns=wake_ns)
    last = tries[-1]
    if last.settled is None:
        return Progress()
    if not last.failure:
        return Progress(ended=Ended("done", reason))
    if last.settled.outcome == "abandoned" or len(tries) >= TRIES_MAX:
        return Progress(ended=Ended("failed", f"{reason}: {last.failure}"))
    again_ns = last.time_ns + round(AGAIN_S * SECOND_NS)
    if turn.now_ns < again_ns:
        return Progress(wake_ns=again_ns)
    return Progress(
        wanted=[Wanted(turn.key(number), wanted, f"{reason}, after {last.failure}")], wake_ns=wake_ns
    )
