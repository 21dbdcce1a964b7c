"""Outlook: what a run will do next, and what it would send if people said yes now; pure, from the playbook's own table.

Limits: it walks the way that goes well, each step once, and asks every step of this same moment (see the dry run). A choice
that is not made yet is shown as its condition, and both its ways follow. What would be sent ends at the next decision.
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from holdfast.app.control.incident import RunPicture
from holdfast.response.playbook.dry_run import planned
from holdfast.response.playbook.playbook import JOIN, Approve, Call, If, Playbook, Step
from holdfast.response.playbook.words import said
from holdfast.response.view import DeskView

LINES_MAX: Final = 100


class Outlook(msgspec.Struct, frozen=True):
    """What comes next, step by step, and every single thing that an approval would send at once."""

    next_steps: tuple[str, ...] = ()
    would_send: tuple[str, ...] = ()


def outlook(run: RunPicture, playbook: Playbook | None, view: DeskView) -> Outlook:
    """Return what a run has before it; nothing for a run that is over, or of a playbook that was changed since."""
    if run.outcome or playbook is None or playbook.version != run.version:
        return Outlook()
    names = [run.before] if run.before else [step.step for step in run.open_steps]
    here = [step for name in names if (step := playbook.step(name)) is not None]
    coming = [
        f"{line.step}: {line.text}"
        for step in _onward(playbook, here, straight=False)
        for line in planned(playbook, step, run.scope, view)
        if step not in here or run.before
    ]
    sending: list[str] = []
    for step in _onward(playbook, here, straight=True) if run.approvals else ():
        for line in planned(playbook, step, run.scope, view):
            sending += [said(one.action) for one in line.wanted]
            sending += [f"{moved.scope} becomes {moved.permit}" for moved in line.permits]
    return Outlook(tuple(coming[:LINES_MAX]), tuple(sending[:LINES_MAX]))


def _onward(playbook: Playbook, here: list[Step], *, straight: bool) -> Iterator[Step]:
    """Yield the steps that the run is in, and those that follow if all goes well; straight: up to the next decision."""
    seen: set[str] = set()
    due = list(here)
    while due:
        step = due.pop(0)
        if step.name in seen or (straight and isinstance(step, If | Call | Approve) and step not in here):
            continue
        seen.add(step.name)
        yield step
        names = [step.then, step.otherwise] if isinstance(step, If) else [getattr(step, "then", JOIN)]
        due += [following for name in names if (following := playbook.step(name)) is not None]
