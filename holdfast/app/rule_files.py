"""Rules from files: the desk's own, or the default ones that come with the package."""

from importlib.resources import files
from pathlib import Path
from typing import Final

from holdfast.detectors.names import ALERT_NAMES
from holdfast.error import CallerError
from holdfast.policy.rules import RuleSet

RULE_SUFFIXES: Final = (".yml", ".yaml")


def load_rules(path: Path | None) -> RuleSet:
    """Load the rules of a file or of every rule file in a folder; without a path, the default rules.

    Raises: CallerError `rules.missing`, `rules.unreadable`; RulesRefused with every problem of every file.
    """
    return RuleSet.load(rule_texts(path), ALERT_NAMES)


def rule_texts(path: Path | None) -> dict[str, str]:
    """Return the texts that `load_rules` loads, by file name. Raises: CallerError `rules.missing`, `rules.unreadable`."""
    return _default_sources() if path is None else _sources(path)


def _default_sources() -> dict[str, str]:
    folder = files("holdfast.policy") / "rules_default"
    return {entry.name: entry.read_text() for entry in folder.iterdir() if entry.name.endswith(RULE_SUFFIXES)}


def _sources(path: Path) -> dict[str, str]:
    found = sorted(p for p in path.rglob("*") if p.suffix in RULE_SUFFIXES) if path.is_dir() else [path]
    if not path.exists() or not found:
        raise CallerError(
            "rules.missing", "no rules here", where=str(path), remedy="give a .yml file or a folder of them"
        )
    try:
        return {str(file): file.read_text(encoding="utf-8") for file in found}
    except (OSError, UnicodeDecodeError) as error:
        raise CallerError("rules.unreadable", str(error), where=str(path)) from error
