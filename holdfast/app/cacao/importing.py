"""Import: a CACAO playbook as one of ours.

Rules:

1. What we exported comes back as the same table, and only if nobody changed the workflow beside it.
2. What others made becomes a playbook of questions: each command is shown to a person, who does it by hand and says so.
   No command of a foreign playbook is ever carried out by us, whatever its type.
"""

from typing import Any, Final, cast

import msgspec

from holdfast.app.cacao.checking import CacaoProblem, CacaoRefused, Json, pointer, read_cacao
from holdfast.app.cacao.exporting import to_cacao
from holdfast.app.cacao.foreign import translated
from holdfast.app.cacao.identity import EXTENSION
from holdfast.clock import parse_time_ns
from holdfast.response.playbook.checks import Vocabulary, flaws
from holdfast.response.playbook.playbook import Playbook
from holdfast.response.playbook.reader import PlaybooksRefused, read_one
from holdfast.response.playbook.writer import yaml_text

_GRAPH: Final = (
    *("type", "on_completion", "on_success", "on_failure", "on_true", "on_false", "next_steps", "cases"),
    *("condition", "delay", "timeout", "playbook_id"),
)
"""What of a workflow step says where it leads and when: it must agree with our own step beside it."""


class Imported(msgspec.Struct, frozen=True):
    """A playbook that was read, and what of the file was left out or became something else."""

    playbook: Playbook
    notes: tuple[str, ...] = ()


def from_cacao(file: str, text: str, vocabulary: Vocabulary) -> Imported:
    """Read a CACAO playbook. Raises: CacaoRefused with every problem at its JSON pointer."""
    content = read_cacao(file, text)
    if EXTENSION in (content.get("playbook_extensions") or {}):
        return Imported(_ours(file, content, vocabulary))
    playbook, notes, places = translated(content)
    found = [
        CacaoProblem(places.get(flaw.step, pointer("workflow")), flaw.code, flaw.message, flaw.remedy)
        for flaw in flaws(playbook, vocabulary)
    ]
    if found:
        raise CacaoRefused(file, found)
    return Imported(playbook, notes)


def _ours(file: str, content: Json, vocabulary: Vocabulary) -> Playbook:
    """Return the table that stands in the extensions, if the workflow around it says the same."""
    head = content["playbook_extensions"][EXTENSION]
    steps: dict[str, Any] = {}
    places: dict[str, str] = {}
    for step_id, step in cast("dict[str, Json]", content["workflow"]).items():
        plain = (step.get("step_extensions") or {}).get(EXTENSION)
        if plain is not None:
            name = str(step.get("name", ""))
            steps[name] = plain
            places[name] = pointer("workflow", step_id)
    if not isinstance(head, dict) or not steps:
        place = pointer("playbook_extensions", EXTENSION)
        raise CacaoRefused(
            file, [CacaoProblem(place, "cacao.extension", "it does not hold a playbook of ours")]
        )
    try:
        playbook = read_one(file, yaml_text(cast("Json", head), steps), vocabulary)
    except PlaybooksRefused as error:
        place = pointer("workflow")
        raise CacaoRefused(
            file, [CacaoProblem(place, one.code, one.message, one.remedy) for one in error.problems]
        ) from error
    changed = _changed(content, to_cacao(playbook, parse_time_ns(content["created"])))
    if changed:
        raise CacaoRefused(file, changed)
    return playbook


def _changed(content: Json, again: Json) -> list[CacaoProblem]:
    """Return where the workflow is not the one that the steps in the extensions make."""
    found: list[CacaoProblem] = []
    for name in ("workflow_start", "workflow_exception"):
        if content.get(name) != again[name]:
            found.append(CacaoProblem(pointer(name), "cacao.changed", f"`{name}` was changed"))
    written, made = content["workflow"], again["workflow"]
    for step_id in sorted(written.keys() | made.keys()):
        place = pointer("workflow", step_id)
        if step_id not in made or step_id not in written:
            found.append(CacaoProblem(place, "cacao.changed", "a step was added or taken out"))
            continue
        for name in _GRAPH:
            if written[step_id].get(name) != made[step_id].get(name):
                remedy = "change the step in its extension, or remove all extensions to import it as foreign"
                message = f"`{name}` is not what the step's own extension says"
                found.append(CacaoProblem(f"{place}/{name}", "cacao.changed", message, remedy))
    return found
