"""Playbooks from files: the desk's own, or the ones that come with the package."""

from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Final

from holdfast.detectors.names import ALERT_NAMES
from holdfast.error import CallerError
from holdfast.policy.rules import RuleSet
from holdfast.response.playbook.checks import Vocabulary
from holdfast.response.playbook.library import Library
from holdfast.response.playbook.playbook import Playbook
from holdfast.response.playbook.reader import read_playbooks
from holdfast.response.playbooks.shipped import MADE

PLAYBOOK_SUFFIXES: Final = (".yml", ".yaml")


def load_playbooks(
    path: Path | None, rules: RuleSet | None = None, made: Iterable[Playbook] | None = None
) -> Library:
    """Load the playbooks that come with Holdfast and, beside them, those of a file or of every file in a folder.

    A file of the desk's that has the name of a shipped one replaces it. What is loaded only observes until it is armed.
    `rules` lets triggers be checked against the rules that are loaded; `made` are playbooks made in Python, those of the
    package unless others are given.

    Raises: CallerError `playbooks.missing`, `playbooks.unreadable`; PlaybooksRefused with every problem of every file.
    """
    titles = None if rules is None else {rule.id: rule.title for rule in rules.rules}
    vocabulary = Vocabulary(rules=titles, detectors=ALERT_NAMES)
    return read_playbooks(playbook_texts(path), vocabulary, MADE if made is None else made)


def playbook_texts(path: Path | None) -> dict[str, str]:
    """Return the texts that `load_playbooks` reads, by file name. Raises: as that does."""
    own = {} if path is None else _sources(path)
    replaced = {Path(file).name for file in own}
    return {file: text for file, text in shipped_sources().items() if file not in replaced} | own


def shipped_sources() -> dict[str, str]:
    """Return the texts of the playbooks that come with Holdfast, by file name."""
    folder = files("holdfast.response") / "playbooks"
    entries = [entry for entry in folder.iterdir() if entry.name.endswith(PLAYBOOK_SUFFIXES)]
    return {
        entry.name: entry.read_text(encoding="utf-8") for entry in sorted(entries, key=lambda one: one.name)
    }


def _sources(path: Path) -> dict[str, str]:
    found = sorted(p for p in path.rglob("*") if p.suffix in PLAYBOOK_SUFFIXES) if path.is_dir() else [path]
    if not path.exists() or not found:
        raise CallerError(
            "playbooks.missing",
            "no playbooks here",
            where=str(path),
            remedy="give a .yml file or a folder of them",
        )
    try:
        return {str(file): file.read_text(encoding="utf-8") for file in found}
    except (OSError, UnicodeDecodeError) as error:
        raise CallerError("playbooks.unreadable", str(error), where=str(path)) from error
