"""A YAML document read strictly: each value asked for by type, each mistake noted at its line and column."""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from holdfast.policy.nearest import nearest
from holdfast.policy.problem import Problem, place_of

FILE_CHARS_MAX: Final = 1_000_000
YAML_REMEDY: Final = (
    "text with `: ` or ` #` in it, or `!`, `[` or a quote before it, is safe after `|` on lines of its own"
)

_KINDS: Final = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "null": "nothing",
    "timestamp": "a date",
    "seq": "a list",
    "map": "a map",
}


class Document(msgspec.Struct):
    """One YAML document of a file: its root, and the list that its problems are added to."""

    file: str
    source: str
    number: int
    root: Node
    problems: list[Problem]

    def wrong(self, place: Node | tuple[int, int], code: str, message: str, remedy: str = "") -> None:
        """Note a problem at a node or at a line and column."""
        line, column = place if isinstance(place, tuple) else place_of(place)
        self.problems.append(Problem(self.file, line, column, self.number, code, message, remedy))

    def keys(self, node: Node, what: str, known: Sequence[str], required: Sequence[str]) -> dict[str, Node]:
        """Read a map: every key known, none twice, none missing."""
        if not isinstance(node, MappingNode):
            self.wrong_kind(node, what, "a map of keys")
            return {}
        found: dict[str, Node] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, ScalarNode) else ""
            if name not in known:
                remedy = nearest(name, known) or f"known are {', '.join(known)}"
                self.wrong(key, "rule.key_unknown", f"unknown key `{name}` in {what}", remedy)
            elif name in found:
                self.wrong(key, "rule.key_twice", f"`{name}` is here twice in {what}")
            else:
                found[name] = value
        for name in required:
            if name not in found:
                self.wrong(node, "rule.key_missing", f"{what} has no `{name}`")
        return found

    def text(self, node: Node, what: str) -> str:
        """Read text that is not empty."""
        if not isinstance(node, ScalarNode) or kind_of(node) != "str":
            self.wrong_kind(node, what, "text")
            return ""
        if not node.value.strip():
            self.wrong(node, "rule.type", f"{what} is empty")
        return node.value.strip()

    def texts(self, node: Node, what: str) -> tuple[str, ...]:
        """Read a list of texts."""
        if not isinstance(node, SequenceNode):
            self.wrong_kind(node, what, "a list of texts")
            return ()
        return tuple(self.text(item, f"an entry of {what}") for item in node.value)

    def one_of(self, node: Node, what: str, known: Sequence[str]) -> str:
        """Read text that is one of a few."""
        text = self.text(node, what)
        if text and text not in known:
            remedy = nearest(text, known) or f"one of {', '.join(known)}"
            self.wrong(node, "rule.value_unknown", f"{what} cannot be `{text}`", remedy)
        return text

    def wrong_kind(self, node: Node, what: str, wanted: str) -> None:
        """Note that a value is of the wrong kind."""
        kind = kind_of(node)
        found, remedy = (f"the YAML tag {kind}", YAML_REMEDY) if kind.startswith("!") else (_KINDS[kind], "")
        self.wrong(node, "rule.type", f"{what} is {wanted}, this is {found}", remedy)


def kind_of(node: Node) -> str:
    """Return the last part of YAML's own tag (str, int, seq, ...); any other tag begins with `!`."""
    name = str(node.tag).removeprefix("tag:yaml.org,2002:")
    return name if name in _KINDS else f"!{name.removeprefix('!')}"


def documents(file: str, text: str, problems: list[Problem]) -> Iterator[Document]:
    """Yield the documents of a file that hold anything; what is not YAML becomes a problem."""
    if len(text) > FILE_CHARS_MAX:
        problems.append(Problem(file, 1, 1, 1, "rule.yaml", f"more than {FILE_CHARS_MAX} characters"))
        return
    number = 0
    try:
        for number, root in enumerate(yaml.compose_all(text, Loader=yaml.SafeLoader), start=1):
            if root is not None and not (isinstance(root, ScalarNode) and root.value == ""):
                yield Document(file, text, number, root, problems)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        reason = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be read"
        problems.append(
            Problem(file, line, column, number + 1, "rule.yaml", f"not YAML: {reason}", YAML_REMEDY)
        )
    except RecursionError:
        problems.append(Problem(file, 1, 1, number + 1, "rule.yaml", "nested too deeply"))
