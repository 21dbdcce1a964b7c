"""The page of playbooks agrees with the code: facts, tables, pictures, and every code that can be refused.

To draw everything anew: `HOLDFAST_DRAW=1 .venv/bin/python -m pytest tests/response/test_playbook_docs.py`.
"""

import os
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from holdfast.app.playbook_files import load_playbooks
from holdfast.app.playbook_words import list_text, show_text
from holdfast.detectors.names import ALERT_NAMES
from holdfast.response.playbook.checks import Vocabulary
from holdfast.response.playbook.drawing import picture_of, section_of
from holdfast.response.playbook.facts import facts_markdown
from holdfast.response.playbook.read_steps import STEPS
from holdfast.response.playbook.reader import read_playbooks
from holdfast.response.verb import VERBS

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "playbooks.md"
PICTURES = ROOT / "docs" / "img" / "playbooks"
LIBRARY = load_playbooks(None)
NAMES = sorted(LIBRARY.playbooks)
SECTIONS = "\n\n".join(section_of(playbook) for playbook in LIBRARY.playbooks.values())
DRAW = bool(os.environ.get("HOLDFAST_DRAW"))


def block(name: str, wanted: str) -> str:
    """Return what stands in a block of the page, after writing it where that was asked for."""
    pattern = re.compile(rf"(<!-- {name} -->\n)(.*?)(\n?<!-- /{name} -->)", re.DOTALL)
    if DRAW:
        PAGE.write_text(
            pattern.sub(lambda match: f"{match[1]}{wanted}\n{match[3].lstrip()}", PAGE.read_text())
        )
    match = pattern.search(PAGE.read_text())
    assert match, f"the page has no block `{name}`"
    return match[2]


def test_the_table_of_facts_is_that_of_the_code() -> None:
    assert block("facts", facts_markdown()) == facts_markdown()


def test_every_playbook_that_comes_with_holdfast_is_told_as_it_is() -> None:
    assert block("playbooks", SECTIONS) == SECTIONS


@pytest.mark.parametrize("name", NAMES)
def test_the_picture_is_that_of_the_code(name: str) -> None:
    picture = picture_of(LIBRARY.playbooks[name])
    if DRAW:
        PICTURES.mkdir(exist_ok=True)
        (PICTURES / f"{name}.svg").write_text(picture)
    assert (PICTURES / f"{name}.svg").read_text() == picture
    texts = [element.text for element in ElementTree.fromstring(picture).iter() if element.text]
    assert {step.name for step in LIBRARY.playbooks[name].steps} <= set(texts)


def test_no_picture_is_left_of_a_playbook_that_is_gone() -> None:
    assert sorted(path.stem for path in PICTURES.glob("*.svg")) == NAMES


def test_every_kind_of_step_and_every_verb_is_told() -> None:
    page = PAGE.read_text()
    assert [kind for kind in STEPS if f"| `{kind}` |" not in page] == []
    assert [verb for verb in VERBS if f"`{verb}`" not in page] == []


def test_every_code_that_a_playbook_can_be_refused_with_is_told() -> None:
    page = PAGE.read_text()
    folder = ROOT / "holdfast" / "response" / "playbook"
    sources = "".join(path.read_text() for path in folder.glob("*.py"))
    here = set(re.findall(r'"(playbook\.[a-z_]+)"', sources))
    elsewhere = {
        "playbook.running",
        "playbook.cooldown",
        "playbook.not_by_hand",
        "playbook.step",
    }  # not of loading
    assert len(here) > 15
    assert sorted(code for code in here - elsewhere if f"`{code}`" not in page) == []
    policy = "".join(path.read_text() for path in (ROOT / "holdfast" / "policy").glob("*.py"))
    shared = {code.replace("rule.", "playbook.", 1) for code in re.findall(r'"(rule\.[a-z_]+)"', policy)} - {
        "playbook.id_twice",
        "playbook.duration_unsafe",
    }
    assert sorted(code for code in shared if f"`{code}`" not in page) == []


@pytest.mark.parametrize("text", re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL))
def test_the_playbook_shown_can_be_loaded(text: str) -> None:
    assert read_playbooks({"docs": text}, Vocabulary(detectors=ALERT_NAMES)).playbooks


def test_the_list_tells_mode_version_and_triggers_of_each() -> None:
    lines = list_text(LIBRARY, {"deleverage": "act"}).splitlines()
    assert len(lines) == len(NAMES)
    assert any(line.startswith("deleverage ") and " act " in line for line in lines)
    assert all(" observe " in line for line in lines if not line.startswith("deleverage "))


@pytest.mark.parametrize("name", NAMES)
def test_one_playbook_is_shown_with_every_step(name: str) -> None:
    playbook = LIBRARY.playbooks[name]
    text = show_text(playbook)
    assert playbook.version in text
    assert all(f". {step.name}: " in text for step in playbook.steps)
