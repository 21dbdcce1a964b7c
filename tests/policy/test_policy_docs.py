"""What the documentation says about rules and levels is what the code does."""

import re
from pathlib import Path

import pytest

from holdfast.detectors.names import ALERT_NAMES
from holdfast.policy.escalation import table_markdown
from holdfast.policy.expression import parse
from holdfast.policy.fields import FIELDS, Schema, fields_markdown
from holdfast.policy.rule import ACTIONS
from holdfast.policy.rules import RuleSet
from holdfast.policy.typecheck import check_types
from holdfast.settings import EscalationTable

ROOT = Path(__file__).resolve().parents[2]
RULES = (ROOT / "docs" / "rules.md").read_text()
ESCALATION = (ROOT / "docs" / "escalation.md").read_text()
DEFAULT = ROOT / "holdfast" / "policy" / "rules_default"
DETECTORS = ALERT_NAMES


def block(page: str, name: str) -> str:
    match = re.search(rf"<!-- {name} -->\n(.*?)\n?<!-- /{name} -->", page, re.DOTALL)
    assert match, f"the page has no block `{name}`"
    return match[1]


def default_rules_markdown() -> str:
    loaded = RuleSet.load({path.name: path.read_text() for path in DEFAULT.glob("*.yml")}, DETECTORS)
    rows = ["| rule | condition | action | holds at | not to be mistaken for |", "|---|---|---|---|---|"]
    for rule in sorted(loaded.rules, key=lambda one: one.title):
        condition = " ".join(rule.condition.split()).replace("|", "\\|")
        level = f"`{rule.response.level}`" if rule.response.level != "normal" else ""
        harmless = " ".join(rule.falsepositives)
        rows.append(f"| {rule.title} | `{condition}` | `{rule.response.action}` | {level} | {harmless} |")
    return "\n".join(rows)


def invariants_markdown() -> str:
    return "\n".join(f"- `{text}`" for text in Schema(["<detector>"]).invariants)


def test_the_table_of_fields_is_that_of_the_code() -> None:
    assert block(RULES, "fields") == fields_markdown()
    assert all(f"| `{field.name}` |" in RULES for field in FIELDS)


def test_what_holds_between_fields_is_told() -> None:
    assert block(RULES, "invariants") == invariants_markdown()


def test_the_default_rules_are_told() -> None:
    assert block(RULES, "default rules") == default_rules_markdown()


def test_the_table_of_levels_is_that_of_the_code() -> None:
    assert block(ESCALATION, "table") == table_markdown(EscalationTable())


def test_every_action_is_told() -> None:
    assert all(f"`{action}`" in RULES for action in ACTIONS)


def test_every_code_that_a_rule_can_be_refused_with_is_told() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "holdfast" / "policy").glob("*.py"))
    codes = set(re.findall(r'"(rule\.[a-z_]+)"', sources))
    assert len(codes) > 9
    assert all(f"`{code}`" in RULES for code in codes)


def test_the_conditions_shown_are_right() -> None:
    examples = re.findall(r"```\n(scope ==.*?)```", RULES, re.DOTALL)[0].strip().splitlines()
    assert len(examples) == 5
    for example in examples:
        assert not check_types(parse(example), Schema(DETECTORS)), example


@pytest.mark.parametrize("text", re.findall(r"```yaml\n(.*?)```", RULES, re.DOTALL))
def test_the_rule_shown_can_be_loaded(text: str) -> None:
    assert RuleSet.load({"docs": text}, DETECTORS).rules


def test_the_example_rules_load_beside_the_default_ones() -> None:
    paths = [*DEFAULT.glob("*.yml"), *(ROOT / "examples" / "rules").glob("*.yml")]
    loaded = RuleSet.load({path.name: path.read_text() for path in paths}, DETECTORS)
    assert len(loaded.rules) == 29
