"""The table as a graph: what leads where, which steps belong to which branch, and what can be reached."""

from collections.abc import Iterable
from functools import lru_cache

from holdfast.response.playbook.playbook import JOIN, Parallel, Playbook, exits


def reached(playbook: Playbook, first: Iterable[str], *, without: str = "") -> set[str]:
    """Return the names that can be reached from some steps, themselves included, never going on from `without`."""
    steps = {step.name: step for step in playbook.steps}
    found: set[str] = set()
    open_names = [name for name in first if name]
    while open_names:
        name = open_names.pop()
        if name in found:
            continue
        found.add(name)
        if name in steps and name != without:
            open_names += [target for _, target in exits(steps[name])]
    return found


@lru_cache(maxsize=256)
def owners(playbook: Playbook) -> dict[str, str]:
    """Return, of every step that lies in a branch, the name of the parallel step it belongs to."""
    found: dict[str, str] = {}
    for step in playbook.steps:
        if isinstance(step, Parallel):
            for name in reached(playbook, step.branches) - {JOIN}:
                found.setdefault(name, step.name)
    return found


def loops(playbook: Playbook, breaks: Iterable[str]) -> list[str]:
    """Return the steps, in the order of the table, that lead back to themselves by steps that are not in `breaks`."""
    held = set(breaks)
    onward = {
        step.name: [target for _, target in exits(step) if target not in held]
        for step in playbook.steps
        if step.name not in held
    }
    found: list[str] = []
    for name, targets in onward.items():
        seen: set[str] = set()
        open_names = list(targets)
        while open_names:
            other = open_names.pop()
            if other not in seen:
                seen.add(other)
                open_names += onward.get(other, [])
        if name in seen:
            found.append(name)
    return found
