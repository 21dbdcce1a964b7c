"""Problems of a rule file, each at its file, document, line and column; all of them are told at once."""

from collections.abc import Sequence

import msgspec
from yaml.nodes import Node, ScalarNode

from holdfast.error import CallerError


class Problem(msgspec.Struct, frozen=True, order=True):
    """One thing that is wrong in a rule: lines, columns and documents count from 1."""

    file: str
    line: int
    column: int
    document: int
    code: str
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        remedy = f" ({self.remedy})" if self.remedy else ""
        place = f"{self.file}:{self.line}:{self.column} document {self.document}"
        return f"{place}: {self.message}{remedy} [{self.code}]"


class RulesRefused(CallerError):
    """The rules cannot be loaded; `problems` holds every reason, in the order of the files."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        count = f"{len(self.problems)} problem{'s' if len(self.problems) != 1 else ''}"
        listed = "".join(f"\n  {problem}" for problem in self.problems)
        super().__init__(
            "rules.refused", f"the rules have {count}:{listed}\n", remedy="nothing was started; correct them"
        )


def place_in_scalar(node: ScalarNode, text: str, at: int) -> tuple[int, int]:
    """Return the line and column, from 1, of the character `at` of a YAML scalar's value.

    Folding and indentation change blanks only, so the value is followed through the source by its other
    characters; where an escape makes that impossible the place is where the scalar begins.
    """
    source = _content_start(node, text)
    for index, char in enumerate(node.value):
        if char.isspace():
            continue
        while source < len(text) and text[source].isspace():
            source += 1
        if source >= len(text) or text[source] != char:
            return place_of(node)
        if index >= at:
            break
        source += 1
    return text.count("\n", 0, source) + 1, source - text.rfind("\n", 0, source)


def place_of(node: Node) -> tuple[int, int]:
    """Return the line and column, from 1, at which a YAML node begins."""
    return node.start_mark.line + 1, node.start_mark.column + 1


def _content_start(node: ScalarNode, text: str) -> int:
    start: int = node.start_mark.index
    if node.style in ("|", ">"):
        return max(text.find("\n", start), start)
    return start + 1 if node.style in ("'", '"') else start
