"""What the documentation says about limits and verbs is what the code does."""

import re
import tomllib
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from holdfast.policy.governor.limits import GovernorSettings
from holdfast.policy.governor.limits_table import (
    OWN_LIMITS,
    ROW_LIMITS,
    codes_markdown,
    limit_names,
    limits_markdown,
    own_limits_markdown,
)
from holdfast.policy.governor.verdict import REMEDIES, Code
from holdfast.response.verb import VERBS
from holdfast.response.verb_table import verbs_markdown, worked_markdown

ROOT = Path(__file__).resolve().parents[2]
GOVERNOR = (ROOT / "docs" / "governor.md").read_text()
ACTIONS = (ROOT / "docs" / "actions.md").read_text()


def block(page: str, name: str) -> str:
    match = re.search(rf"<!-- {name} -->\n(.*?)\n?<!-- /{name} -->", page, re.DOTALL)
    assert match, f"the page has no block `{name}`"
    return match[1]


@pytest.mark.parametrize(
    ("page", "name", "table"),
    [
        (GOVERNOR, "limits", limits_markdown()),
        (GOVERNOR, "own limits", own_limits_markdown()),
        (GOVERNOR, "codes", codes_markdown()),
        (ACTIONS, "verbs", verbs_markdown()),
        (ACTIONS, "worked", worked_markdown()),
    ],
    ids=["limits", "own limits", "codes", "verbs", "worked"],
)
def test_a_table_is_that_of_the_code(page: str, name: str, table: str) -> None:
    assert block(page, name) == table


def test_every_limit_is_explained() -> None:
    in_rows, own = limit_names()
    assert in_rows == set(ROW_LIMITS)
    assert own == set(OWN_LIMITS)


def test_every_code_has_a_remedy_and_every_verb_a_row() -> None:
    assert set(REMEDIES) == set(get_args(Code))
    sources = "".join(path.read_text() for path in (ROOT / "holdfast" / "policy" / "governor").glob("*.py"))
    assert set(re.findall(r'code="(governor\.[a-z_]+)"', sources)) == set(REMEDIES)
    assert all(f"| `{name}` |" in ACTIONS for name in VERBS)


def test_the_settings_shown_can_be_read() -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", GOVERNOR, re.DOTALL)
    settings = msgspec.convert(tomllib.loads(text)["limits"], GovernorSettings)
    assert settings.desk.order_notional_usd_max == 100_000.0
    assert settings.desk.count_max == GovernorSettings().desk.count_max
    assert settings.actions["tell"].count_max == 200
