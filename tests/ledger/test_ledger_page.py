"""The ledger's page: its example runs, and what it names exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "ledger.md").read_text()


def test_the_example_on_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(example, "docs/ledger.md", "exec"), {})
    assert (tmp_path / "ledger" / "checkpoint").is_file()


def test_the_files_that_the_page_names_exist() -> None:
    names = re.findall(r"tests/ledger/\S+?\.go", PAGE)
    assert names
    assert all((ROOT / name).is_file() for name in names)
