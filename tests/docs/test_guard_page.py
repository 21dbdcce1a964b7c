"""The page of the live guard: its tables are the code's, its config is one that starts."""

import re
from pathlib import Path
from typing import get_args

import pytest

from holdfast.app.assemble import assemble
from holdfast.app.config import load_config
from holdfast.app.config_table import config_markdown, config_tables, explained
from holdfast.app.driver import EXIT_FENCED
from holdfast.app.guarded import EXIT_WRONG_CALL
from holdfast.error import CallerError
from holdfast.event import Scope
from holdfast.receipt import Permit

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "guard.md").read_text()


def block(name: str) -> str:
    match = re.search(rf"<!-- {re.escape(name)} -->\n(.*?)\n?<!-- /{re.escape(name)} -->", PAGE, re.DOTALL)
    assert match, f"the page has no block `{name}`"
    return match[1]


@pytest.mark.parametrize("table", config_tables())
def test_the_tables_of_keys_are_those_of_the_code(table: str) -> None:
    assert block(f"keys of {table or 'the config'}") == config_markdown(table)


def test_no_key_is_explained_that_does_not_exist() -> None:
    counts = {name: len(rows) for name, rows in config_tables().items() if name != "[arm]"}
    assert explained() == counts


def example(folder: Path, text: str) -> Path:
    for name in ("deribit", "binance"):
        secret = folder / f"{name}.secret.toml"
        secret.write_text('key = "k"\nsecret = "s"\n')
        secret.chmod(0o600)
    path = folder / "desk.toml"
    path.write_text(text)
    return path


def test_the_config_shown_is_one_that_a_guard_starts_with(tmp_path: Path) -> None:
    text = re.findall(r"```toml\n(desk = .*?)```", PAGE, re.DOTALL)[0]
    parts = assemble(load_config(example(tmp_path, text)))
    assert [(one.venue, one.account) for one in parts.clients] == [
        ("deribit", "main"),
        ("binance-usdm", "main"),
    ]
    assert parts.settings.arm["deleverage"] == "confirm"
    with pytest.raises(CallerError) as caught:
        assemble(load_config(example(tmp_path, text.replace("circuit_breaker =", "circuit_braker ="))))
    assert "circuit_breaker" in caught.value.remedy


def test_every_permit_and_exit_code_is_told() -> None:
    assert all(f"| `{permit}` |" in PAGE for permit in get_args(Permit))
    assert all(f"\n| {code} |" in PAGE for code in (0, EXIT_WRONG_CALL, EXIT_FENCED))
    text = " ".join(PAGE.split())
    assert f"(`{Scope()}`, `{Scope('deribit')}`, `{Scope('deribit', 'BTC-PERPETUAL')}`)" in text
