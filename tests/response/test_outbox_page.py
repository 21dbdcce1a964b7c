"""The page of the outbox shows the tables and the waits as the code has them."""

import inspect
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
from outbox_mutants import MUTANTS

from holdfast.response.intent import TABLE, Kind
from holdfast.response.patience import Patience

PAGE = (Path(__file__).parents[2] / "docs" / "outbox.md").read_text()


def drawn(rows: Mapping[str, Mapping[str, str]]) -> str:
    """Draw one kind's table: a line a state, a column a next state, and in each cell what leads there."""
    ends = [
        end for end in ("idle", "in_flight", "unknown", "accepted", "decided", "settled") if _leads(rows, end)
    ]
    lines = ["| from | " + " | ".join(f"to `{end}`" for end in ends) + " |", "|---" * (len(ends) + 1) + "|"]
    for state, leads in rows.items():
        cells = [" ".join(happening for happening in leads if leads[happening] == end) for end in ends]
        lines.append(f"| `{state}` | " + " | ".join(cells) + " |")
    return "\n".join(lines).replace("|  |", "| |").replace("|  |", "| |")


def _leads(rows: Mapping[str, Mapping[str, str]], end: str) -> bool:
    return any(end in leads.values() for leads in rows.values())


@pytest.mark.parametrize("kind", ["order", "transfer", "brake"])
def test_the_page_has_the_table_of_each_kind(kind: Kind) -> None:
    assert drawn(TABLE[kind]) in PAGE


def test_a_word_has_the_table_of_a_brake() -> None:
    assert TABLE["word"] is TABLE["brake"]


def test_the_page_has_every_wait() -> None:
    for field in msgspec.structs.fields(Patience):
        assert f"| `{field.name}` | {field.default:g} |" in PAGE


def test_the_page_names_every_rule_that_is_broken_on_purpose() -> None:
    for mutant in MUTANTS:
        assert f"- {inspect.getdoc(mutant)}\n" in PAGE
