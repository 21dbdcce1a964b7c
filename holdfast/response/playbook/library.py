"""The library: the playbooks of a desk, loaded whole or not at all, with their conditions compiled."""

from collections.abc import Iterable

from holdfast.error import CallerError
from holdfast.policy.fields import Schema
from holdfast.response.playbook.checks import Flaw
from holdfast.response.playbook.condition import Condition
from holdfast.response.playbook.playbook import Call, If, Playbook, Until
from holdfast.response.playbook.trigger import ANSWERED_BY, OnPlaybook, Trigger


class Library:
    """Playbooks by name. Give it checked ones: `reader.read_playbooks` and `build.Builder` make nothing else."""

    def __init__(self, playbooks: Iterable[Playbook], schema: Schema) -> None:
        self.playbooks = {one.name: one for one in sorted(playbooks, key=lambda one: one.name)}
        self._versions = {one.name: one.version for one in self.playbooks.values()}
        self._set_off_by = {kind: self._answering(kinds) for kind, kinds in ANSWERED_BY.items()}
        self._conditions = {
            step.condition: Condition(step.condition, schema)
            for playbook in self.playbooks.values()
            for step in playbook.steps
            if isinstance(step, Until | If)
        }

    def set_off_by(self, kind: type) -> list[tuple[Playbook, list[Trigger]]]:
        """Return the playbooks that a kind of event can set off, and their triggers that it can answer."""
        return self._set_off_by.get(kind, [])

    def get(self, name: str, version: str = "") -> Playbook | None:
        """Return a playbook, if it is loaded and, where a version is given, is still that one."""
        return self.playbooks.get(name) if version in ("", self._versions.get(name)) else None

    def version(self, name: str) -> str:
        """Return the version of a playbook that is loaded."""
        return self._versions[name]

    def condition(self, text: str) -> Condition:
        """Return a condition of a loaded playbook, compiled."""
        return self._conditions[text]

    def _answering(self, kinds: tuple[type[Trigger], ...]) -> list[tuple[Playbook, list[Trigger]]]:
        chosen = [
            (one, [trigger for trigger in one.triggers if isinstance(trigger, kinds)])
            for one in self.playbooks.values()
        ]
        return [(one, triggers) for one, triggers in chosen if triggers]

    @property
    def reads(self) -> frozenset[str]:
        """Return every field and fact that some condition reads."""
        return frozenset(name for condition in self._conditions.values() for name in condition.names)


def circles(playbooks: Iterable[Playbook]) -> list[tuple[str, Flaw]]:
    """Return where playbooks start each other in a circle, as the playbook's name and its flaw: both are named."""
    onward: dict[str, set[str]] = {}
    for one in playbooks:
        onward.setdefault(one.name, set()).update(
            step.playbook for step in one.steps if isinstance(step, Call)
        )
        for trigger in one.triggers:
            if isinstance(trigger, OnPlaybook):
                onward.setdefault(trigger.playbook, set()).add(one.name)
    found: list[tuple[str, Flaw]] = []
    for name in sorted(onward):
        way = _way_back(name, onward)
        if way:
            message = f"playbooks start each other in a circle: {' -> '.join(way)}"
            found.append((name, Flaw("", "playbook", "playbook.circle", message, "one of them must stop")))
    return found


def _way_back(name: str, onward: dict[str, set[str]]) -> list[str]:
    """Return a way from a name to itself, empty when there is none."""
    ways = [[name]]
    seen: set[str] = set()
    while ways:
        way = ways.pop()
        for other in sorted(onward.get(way[-1], ())):
            if other == name:
                return [*way, name]
            if other not in seen:
                seen.add(other)
                ways.append([*way, other])
    return []


def only(playbook: Playbook | None, name: str, known: Iterable[str]) -> Playbook:
    """Return a playbook that must exist. Raises: CallerError `playbook.unknown`."""
    if playbook is None:
        listed = ", ".join(sorted(known))
        raise CallerError("playbook.unknown", f"there is no playbook `{name}`", remedy=f"loaded are {listed}")
    return playbook
