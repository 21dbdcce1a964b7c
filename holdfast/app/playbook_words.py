"""What the command line says of playbooks: the list of them, one of them, and what one would do now."""

from holdfast.event import Scope
from holdfast.policy.duration import format_duration
from holdfast.receipt import Mode
from holdfast.response.playbook.drawing import panel_words, step_words, trigger_words
from holdfast.response.playbook.dry_run import DryRun, dry_run
from holdfast.response.playbook.library import Library, only
from holdfast.response.playbook.playbook import Playbook, exits
from holdfast.response.playbook.turning import ValuesOf
from holdfast.response.view import DeskView


def list_text(library: Library, modes: dict[str, Mode]) -> str:
    """Return the playbooks, one a line: its mode, its version, what sets it off."""
    width = max((len(name) for name in library.playbooks), default=0)
    lines: list[str] = []
    for name, playbook in library.playbooks.items():
        triggers = "; ".join(trigger_words(trigger) for trigger in playbook.triggers)
        lines.append(f"{name:{width}}  {modes.get(name, 'observe'):8} {playbook.version}  {triggers}")
    return "\n".join(lines)


def show_text(playbook: Playbook) -> str:
    """Return one playbook for people: what it is for, what sets it off, and its steps with where each leads."""
    lines = [f"{playbook.title} ({playbook.name} {playbook.version})", "", playbook.description, ""]
    lines += [f"  set off by {trigger_words(trigger)}" for trigger in playbook.triggers]
    lines.append(
        f"  applies to the {playbook.scope}, rests {format_duration(playbook.cooldown_ns)} after a run"
    )
    lines += [f"  in the mode confirm asks {panel_words(playbook.confirm)}", ""]
    for number, step in enumerate(playbook.steps, 1):
        lines.append(f"  {number:2}. {step.name}: {step_words(step)}")
        lines += [
            f"        {field.removeprefix('on_')} -> {target}"
            for field, target in exits(step)
            if field != "parallel"
        ]
    return "\n".join(lines)


def dry_run_of(library: Library, name: str, scope: Scope, view: DeskView, values_of: ValuesOf) -> DryRun:
    """Return what a playbook would do in a scope now. Raises: CallerError `playbook.unknown`."""
    playbook = only(library.get(name), name, library.playbooks)
    return dry_run(playbook, scope, view, library, values_of(scope))
