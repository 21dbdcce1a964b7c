"""Targets: what the words of a command mean on this desk, or which name was probably meant."""

from collections.abc import Collection, Mapping
from typing import Final, get_args

from holdfast.app.control.command import Command, Refusal
from holdfast.app.control.incident import ApprovalPicture, RunPicture
from holdfast.app.control.picture import Picture
from holdfast.event import Scope
from holdfast.policy.nearest import nearest
from holdfast.receipt import Mode

ARGUMENT_CHARS_MAX: Final = 1_000

_MODES: Final[tuple[Mode, ...]] = get_args(Mode)
_SCOPED: Final = (frozenset[str](), frozenset({"scope", "comment"}))
_ARGUMENTS: Final[Mapping[str, tuple[frozenset[str], frozenset[str]]]] = {
    "status": (frozenset(), frozenset()),
    "incidents": (frozenset(), frozenset()),
    "show": (frozenset(), frozenset({"id"})),
    "approve": (frozenset({"id"}), frozenset({"comment"})),
    "deny": (frozenset({"id"}), frozenset({"comment"})),
    "halt": _SCOPED,
    "pause": _SCOPED,
    "resume": _SCOPED,
    "release": _SCOPED,
    "start": (frozenset({"playbook"}), frozenset({"scope", "comment"})),
    "stop": (frozenset({"id"}), frozenset({"comment"})),
    "arm": (frozenset({"playbook", "mode"}), frozenset({"comment"})),
    "disarm": (frozenset({"playbook"}), frozenset({"comment"})),
    "drill": (frozenset(), frozenset()),
}
"""By command: the arguments it needs, and those it may have."""


def wrong_arguments(command: Command) -> Refusal | None:
    """Refuse arguments that a command does not take, lacks, or that are too long."""
    needed, allowed = _ARGUMENTS[command.command]
    for name in sorted(set(command.arguments) - needed - allowed):
        return Refusal(
            "command.arguments",
            f"{command.command} takes no {name!r}",
            nearest(name, needed | allowed),
        )
    for name in sorted(needed):
        if not command.arguments.get(name):
            return Refusal("command.arguments", f"{command.command} needs {name!r}")
    for name, value in command.arguments.items():
        if len(value) > ARGUMENT_CHARS_MAX:
            return Refusal("command.arguments", f"{name!r} is longer than {ARGUMENT_CHARS_MAX} characters")
    return None


def scope_named(text: str, venues: Mapping[str, Collection[str]]) -> Scope | Refusal:
    """Return the scope that a text names: `desk` or nothing, `venue`, `venue:symbol`."""
    if text in ("", "desk"):
        return Scope()
    venue, _, instrument = text.partition(":")
    if venue not in venues:
        remedy = nearest(venue, venues) or f"there are {', '.join(sorted(venues))}; `desk` is everything"
        return Refusal("command.unknown_scope", f"no venue {venue!r}", remedy)
    if instrument and instrument not in venues[venue]:
        remedy = nearest(instrument, venues[venue]) or f"`{venue}` is the whole venue"
        return Refusal("command.unknown_scope", f"{venue} has no {instrument!r} for this desk", remedy)
    return Scope(venue, instrument)


def mode_named(text: str) -> Mode | Refusal:
    """Return the mode of a playbook that a text names."""
    for mode in _MODES:
        if mode == text:
            return mode
    return Refusal("command.unknown_mode", f"no mode {text!r}", nearest(text, _MODES) or ", ".join(_MODES))


def run_named(text: str, picture: Picture) -> RunPicture | Refusal:
    """Return the run that a text names, by its own id or by that of one of its questions."""
    run = picture.runs.get(text)
    if run is None and (approval := picture.approvals.get(text)) is not None:
        run = picture.runs.get(approval.run)
    if run is not None:
        return run
    known = (*picture.runs, *picture.approvals)
    remedy = nearest(text, known) or "`holdfast incidents` lists them"
    return Refusal("command.unknown_run", f"no run {text!r}", remedy)


def approval_named(text: str, picture: Picture) -> ApprovalPicture | Refusal:
    """Return the question that a text names, by its own id or by that of the run that asks it."""
    if (approval := picture.approvals.get(text)) is not None:
        return approval
    run = run_named(text, picture)
    if isinstance(run, Refusal):
        return run
    waiting = [one for one in picture.open_approvals if one.run == run.run]
    if len(waiting) == 1:
        return waiting[0]
    if waiting:
        names = ", ".join(one.approval for one in waiting)
        return Refusal(
            "command.which_approval", f"{run.run} asks {len(waiting)} questions", f"name one of {names}"
        )
    asked = [picture.approvals[name] for name in run.approvals if name in picture.approvals]
    if asked:
        return Refusal(
            "approval.closed", f"{run.run} asks nothing now; its last question was {asked[-1].outcome}"
        )
    return Refusal("approval.unknown", f"{run.run} asks nobody", f"holdfast show {run.run}")
