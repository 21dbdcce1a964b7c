"""Playbooks in Python: the same table as YAML makes, one call a step, checked by the same checks.

Use it where a playbook is made for something: one an asset, one a venue. What a step leads to is the step written next,
unless it says otherwise.
"""

from typing import Any, Self

import msgspec

from holdfast.clock import MINUTE_NS, SECOND_NS
from holdfast.error import CallerError
from holdfast.policy.duration import parse_duration_ns
from holdfast.response.playbook.playbook import (
    COOLDOWN_NS_DEFAULT,
    PANEL_DEFAULT,
    TIMEOUT_NS_DEFAULT,
    Act,
    Approve,
    Call,
    End,
    Group,
    If,
    Panel,
    Parallel,
    Playbook,
    Step,
    Until,
    Wait,
)
from holdfast.response.playbook.trigger import Reach, Trigger
from holdfast.response.verb import Verb


class Builder:
    """A playbook while it is written. Durations are texts as in YAML: `30s`, `5m`.

    >>> from holdfast.response.playbook.trigger import OnOperator
    >>> from holdfast.response.verb import Pause
    >>> made = Builder("stop", "Stop", "Stops.", [OnOperator()]).act("pause", Pause()).end("over").made()
    >>> [step.name for step in made.steps], made.steps[0].then
    (['pause', 'over'], 'over')
    """

    def __init__(
        self,
        name: str,
        title: str,
        description: str,
        triggers: list[Trigger],
        *,
        scope: Reach = "venue",
        cooldown: str = "",
        confirm: Panel = PANEL_DEFAULT,
    ) -> None:
        self._head: dict[str, Any] = {
            "name": name,
            "title": title,
            "description": description,
            "triggers": tuple(triggers),
            "scope": scope,
            "cooldown_ns": parse_duration_ns(cooldown) if cooldown else COOLDOWN_NS_DEFAULT,
            "confirm": confirm,
        }
        self._steps: list[Step] = []

    def act(
        self,
        name: str,
        verb: Verb,
        *,
        then: str = "",
        on_failure: str = "",
        undo: Verb | None = None,
        timeout: str = "",
    ) -> Self:
        """Do something."""
        patience_ns = int(getattr(verb, "patience_s", 0.0) * SECOND_NS)
        timeout_ns = (
            parse_duration_ns(timeout) if timeout else max(TIMEOUT_NS_DEFAULT, patience_ns + MINUTE_NS)
        )
        return self._add(
            Act(name=name, verb=verb, then=then, on_failure=on_failure, undo=undo, timeout_ns=timeout_ns)
        )

    def wait(self, name: str, duration: str, *, then: str = "") -> Self:
        """Let time pass."""
        return self._add(Wait(name=name, for_ns=parse_duration_ns(duration), then=then))

    def until(self, name: str, condition: str, *, timeout: str, on_timeout: str, then: str = "") -> Self:
        """Wait for a condition."""
        timeout_ns = parse_duration_ns(timeout)
        return self._add(
            Until(name=name, condition=condition, timeout_ns=timeout_ns, then=then, on_timeout=on_timeout)
        )

    def choose(self, name: str, condition: str, *, otherwise: str, then: str = "") -> Self:
        """Choose by a condition."""
        return self._add(If(name=name, condition=condition, then=then, otherwise=otherwise))

    def approve(
        self, name: str, question: str, panel: Panel, *, on_denied: str, otherwise: str, then: str = ""
    ) -> Self:
        """Ask people."""
        return self._add(
            Approve(
                name=name, question=question, panel=panel, then=then, on_denied=on_denied, otherwise=otherwise
            )
        )

    def parallel(self, name: str, *branches: str, then: str = "", on_failure: str = "") -> Self:
        """Go several ways at once."""
        return self._add(Parallel(name=name, branches=branches, then=then, on_failure=on_failure))

    def call(self, name: str, playbook: str, *, on_failure: str, timeout: str = "1h", then: str = "") -> Self:
        """Run another playbook."""
        timeout_ns = parse_duration_ns(timeout)
        return self._add(
            Call(name=name, playbook=playbook, then=then, on_failure=on_failure, timeout_ns=timeout_ns)
        )

    def end(self, name: str, *, failed: bool = False, detail: str = "") -> Self:
        """End the run."""
        return self._add(End(name=name, outcome="failed" if failed else "done", detail=detail))

    def made(self) -> Playbook:
        """Return the playbook. Its table is checked when it is loaded. Raises: CallerError `playbook.no_end`."""
        steps: list[Step] = []
        for number, step in enumerate(self._steps):
            if not isinstance(step, End) and not step.then:
                if number + 1 == len(self._steps):
                    raise CallerError(
                        "playbook.no_end",
                        f"after the step `{step.name}` nothing follows",
                        where=str(self._head["name"]),
                        remedy="add an `end`",
                    )
                step = msgspec.structs.replace(step, then=self._steps[number + 1].name)  # noqa: PLW2901
            steps.append(step)
        return Playbook(**self._head, steps=tuple(steps))

    def _add(self, step: Step) -> Self:
        self._steps.append(step)
        return self


def ask(*groups: tuple[str, ...] | list[str], needed: int = 1, within: str = "5m") -> Panel:
    """Return a panel that asks some groups, one after another.

    >>> ask(["role:trader"], ["ann", "bob"], needed=2).needed
    2
    """
    within_ns = parse_duration_ns(within)
    return Panel(needed, tuple(Group(tuple(group), within_ns) for group in groups))
