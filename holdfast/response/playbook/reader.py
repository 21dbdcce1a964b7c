"""The YAML of playbooks, read strictly: every mistake of every file, at its line and column, before anything is loaded.

The keys of the head are those of `HEAD`; of a step, the one that says its kind and those that go with it (`STEPS`). `then`
may be left out: the run goes on with the step written next. Conditions are CEL, as in rules, over the fields of
`policy/fields.py` and the facts of `facts.py`.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from holdfast.error import CallerError
from holdfast.policy.checks import check_condition
from holdfast.policy.document import Document, documents
from holdfast.policy.envelope import Written
from holdfast.policy.fields import Schema
from holdfast.policy.problem import Problem
from holdfast.policy.reach import Reach
from holdfast.response.playbook.checks import Vocabulary, flaws
from holdfast.response.playbook.facts import schema_of
from holdfast.response.playbook.library import Library, circles
from holdfast.response.playbook.playbook import Playbook, Step
from holdfast.response.playbook.read_head import HEAD, HEAD_REQUIRED, read_head
from holdfast.response.playbook.read_steps import read_step
from holdfast.response.playbook.writer import yaml_of


class PlaybooksRefused(CallerError):
    """The playbooks cannot be loaded; `problems` holds every reason, in the order of the files."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(
            sorted(
                msgspec.structs.replace(one, code=one.code.replace("rule.", "playbook.", 1))
                for one in problems
            )
        )
        count = f"{len(self.problems)} problem{'s' if len(self.problems) != 1 else ''}"
        listed = "".join(f"\n  {problem}" for problem in self.problems)
        super().__init__(
            "playbooks.refused",
            f"the playbooks have {count}:{listed}\n",
            remedy="nothing was started; correct them",
        )


Places = dict[tuple[str, str], Node]
"""The node of a step's field: the head is the step of no name, a step itself the field of no name."""

_ANCHORS: Final = {"otherwise": "else"}  # what a field of a struct is called in YAML, where it differs


def read_playbooks(
    sources: Mapping[str, str], vocabulary: Vocabulary, made: Iterable[Playbook] = ()
) -> Library:
    """Read playbooks from texts by file name and load them together with those made in Python, which are checked alike.

    Raises: PlaybooksRefused (a CallerError) `playbooks.refused` with every problem of every file.
    Cost: about 20 ms a playbook, once.
    """
    problems: list[Problem] = []
    schema = schema_of(vocabulary.detectors)
    reach = Reach(schema)
    read: list[tuple[Document, Places, Playbook]] = []
    texts = dict(sources) | {f"{one.name} (made in Python)": yaml_of(one) for one in made}
    for file in sorted(texts):
        for document in documents(file, texts[file], problems):
            one = _read(document, schema, reach)
            if one is not None:
                read.append((document, *one))
    playbooks = [playbook for *_, playbook in read]
    if not problems:  # a table with holes would be told of twice
        _check_together(read, vocabulary)
    if problems:
        raise PlaybooksRefused(problems)
    return Library(playbooks, schema)


def read_one(file: str, text: str, vocabulary: Vocabulary) -> Playbook:
    """Read one playbook by itself; those that it speaks of need not exist. Raises: PlaybooksRefused."""
    problems: list[Problem] = []
    schema = schema_of(vocabulary.detectors)
    reach = Reach(schema)
    found = [(document, _read(document, schema, reach)) for document in documents(file, text, problems)]
    read = [(document, *one) for document, one in found if one is not None]
    for document, places, playbook in read:
        _note_flaws(document, places, playbook, vocabulary)
    if problems or len(read) != 1:
        raise PlaybooksRefused(
            problems or [Problem(file, 1, 1, 1, "playbook.empty", "it is not one playbook")]
        )
    return read[0][2]


def _note_flaws(document: Document, places: Places, playbook: Playbook, vocabulary: Vocabulary) -> None:
    for flaw in flaws(playbook, vocabulary):
        place = _place(document, places, flaw.step, flaw.field)
        document.wrong(place, flaw.code, flaw.message, flaw.remedy)


def _check_together(read: list[tuple[Document, Places, Playbook]], vocabulary: Vocabulary) -> None:
    """Note what is wrong with the tables, each by itself and with the others beside it."""
    names = tuple(sorted({playbook.name for *_, playbook in read}))
    known = msgspec.structs.replace(vocabulary, playbooks=names)
    seen: dict[str, str] = {}
    for document, places, playbook in read:
        if playbook.name in seen:
            message = f"the playbook `{playbook.name}` is already at {seen[playbook.name]}"
            document.wrong(places["", "playbook"], "playbook.twice", message, "give each its own name")
        seen[playbook.name] = document.file
        _note_flaws(document, places, playbook, known)
    by_name = {playbook.name: (document, places) for document, places, playbook in read}
    for name, flaw in circles(playbook for *_, playbook in read):
        if name in by_name:
            document, places = by_name[name]
            document.wrong(places["", "playbook"], flaw.code, flaw.message, flaw.remedy)


def _read(document: Document, schema: Schema, reach: Reach) -> tuple[Places, Playbook] | None:
    """Read one document; None when something is wrong with it, all of which is noted."""
    before = len(document.problems)
    nodes = document.keys(document.root, "a playbook", HEAD, HEAD_REQUIRED)
    places: Places = {("", name): node for name, node in nodes.items()}
    head = read_head(document, nodes)
    if isinstance(triggers := nodes.get("triggers"), SequenceNode):
        places |= {("", f"triggers.{number}"): node for number, node in enumerate(triggers.value)}
    steps: list[Step] = []
    table = nodes.get("steps")
    if isinstance(table, MappingNode):
        written = [(key.value if isinstance(key, ScalarNode) else "", key, node) for key, node in table.value]
        for number, (name, key, node) in enumerate(written):
            following = written[number + 1][0] if number + 1 < len(written) else ""
            places[name, ""] = key
            step = read_step(document, key, node, following, places, condition_of(document, schema, reach))
            if step is not None:
                steps.append(step)
    elif table is not None:
        document.wrong_kind(table, "steps", "a map of steps")
    if len(document.problems) > before:
        return None
    return places, Playbook(**head, steps=tuple(steps))


def condition_of(document: Document, schema: Schema, reach: Reach) -> Any:
    """Return a function that reads and checks a condition at a node and returns its text."""

    def read(node: Node) -> str:
        text = document.text(node, "a condition")
        if text and isinstance(node, ScalarNode):
            check_condition(Written(document, None, None, node), schema, reach)
        return text

    return read


def _place(document: Document, places: Places, step: str, field: str) -> Node:
    name = _ANCHORS.get(field, field)
    for key in ((step, field), (step, name), (step, "")):
        if key in places:
            return places[key]
    return places.get(("", name.partition(".")[0]), document.root)
