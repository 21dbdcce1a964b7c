"""The documentation speaks of what exists: every command and option, every detector, every link."""

import re
from pathlib import Path

import click
import pytest

from holdfast.__main__ import main
from holdfast.app.control.commands import CONTROL_COMMANDS
from holdfast.app.replay import OUTPUTS
from holdfast.app.risk.command import risk

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
COMMANDS = sorted(main.commands)
PAGE_OF = {
    "run": "guard.md", "world": "protocols.md", "drill": "drill.md", "demo": "rehearsal.md", "rehearse": "rehearsal.md",
    "playbook": "playbooks.md",
    **dict.fromkeys(("replay", "convert", "verify", "storm", "risk"), "replay.md"),
    **dict.fromkeys((command.name or "" for command in CONTROL_COMMANDS), "control.md"),
}  # fmt: skip
"""The page that documents each command."""


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_its_options_are_in_the_documentation(name: str) -> None:
    text = (ROOT / "docs" / PAGE_OF[name]).read_text()
    assert f"holdfast {name}" in text
    options = [option for p in main.commands[name].params if isinstance(p, click.Option) for option in p.opts]
    assert [option for option in options if option not in text] == []


@pytest.mark.parametrize("name", sorted(risk.commands))
def test_every_command_of_risk_and_its_options_are_in_its_page(name: str) -> None:
    text = (ROOT / "docs" / "risk.md").read_text()
    assert f"holdfast risk {name}" in text
    options = [option for p in risk.commands[name].params if isinstance(p, click.Option) for option in p.opts]
    assert [option for option in options if option not in text] == []


def test_every_detector_has_its_place_in_the_documentation() -> None:
    text = (ROOT / "docs" / "detectors.md").read_text()
    sources = (ROOT / "holdfast" / "detectors").glob("*.py")
    about = re.compile(r'^    about(: ClassVar)? = "', re.MULTILINE)
    detectors = [path.stem for path in sources if about.search(path.read_text())]
    assert len(detectors) > 10
    assert [name for name in detectors if f"::: holdfast.detectors.{name}\n" not in text] == []


def test_every_output_is_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text()
    assert [name for name in OUTPUTS if f"`{name.rstrip('/')}" not in text] == []


@pytest.mark.parametrize("folder", ["docs", "docs/decisions"])
def test_every_page_is_in_the_index_of_its_folder(folder: str) -> None:
    index = (ROOT / folder / "index.md").read_text()
    pages = {path.name for path in (ROOT / folder).glob("*.md")} - {"index.md"}
    assert [name for name in sorted(pages) if f"]({name})" not in index] == []


@pytest.mark.parametrize("path", PAGES, ids=_name)
def test_every_link_to_a_file_leads_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text())
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (path.parent / target).exists()] == []


def test_every_target_of_make_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    found = re.compile(r"^make ([a-z-]+)|`make ([a-z-]+)`", re.MULTILINE)
    named = {one or other for path in PAGES for one, other in found.findall(path.read_text())}
    assert {"setup", "demo", "test"} <= named <= targets
