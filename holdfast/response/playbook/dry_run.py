"""The dry run: what a playbook would send now, step by step, with nothing sent and nothing recorded.

Limits: it walks the way that goes well, each step once, and asks every step of the same moment: what a later step would
really find is not known. A verb that works in slices shows its whole aim and its first slices.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from holdfast.event import Scope
from holdfast.policy.governor.exposure import usd_per_unit
from holdfast.receipt import Intended, PermitMoved, Settled
from holdfast.response.execution import registry
from holdfast.response.execution.base import Wanted
from holdfast.response.playbook.drawing import step_words
from holdfast.response.playbook.facts import facts_of
from holdfast.response.playbook.library import Library
from holdfast.response.playbook.playbook import (
    JOIN,
    Act,
    If,
    Parallel,
    Playbook,
    Step,
)
from holdfast.response.playbook.run import Run
from holdfast.response.playbook.words import said, words_of
from holdfast.response.verb import Verb, name_of
from holdfast.response.view import DeskView

DRY: Final = "dry"


class Line(msgspec.Struct, frozen=True):
    """One step of the way: what it would do, in words, and what it would send at once."""

    step: str
    text: str
    wanted: tuple[Wanted, ...] = ()
    permits: tuple[PermitMoved, ...] = ()


class DryRun(msgspec.Struct, frozen=True):
    """What a playbook would do in a scope at one moment."""

    playbook: str
    version: str
    scope: Scope
    lines: tuple[Line, ...]

    @property
    def text(self) -> str:
        """Return it as lines for people."""
        head = f"{self.playbook} {self.version} on {self.scope}, if everything goes well:"
        return "\n".join([head, *(f"  {n}. {one.step}: {one.text}" for n, one in enumerate(self.lines, 1))])


class _NothingSent:
    """The outbox before the first action."""

    def intended(self, key: str) -> Intended | None:  # noqa: ARG002
        return None

    def settled(self, key: str) -> Settled | None:  # noqa: ARG002
        return None

    def filled(self, key: str) -> Decimal:  # noqa: ARG002
        return Decimal(0)


_OUTBOX: Final = _NothingSent()


def dry_run(
    playbook: Playbook, scope: Scope, view: DeskView, library: Library, values: Mapping[str, Any]
) -> DryRun:
    """Return what a playbook would do now; `values` are the scope's fields, as for `RuleSet.evaluate`."""
    run = Run(
        name=DRY, playbook=playbook.name, version=playbook.version, scope=scope, mode="observe",
        trigger="", started_ns=view.now_ns,
    )  # fmt: skip
    lines: list[Line] = []
    seen: set[str] = set()
    step = playbook.steps[0]
    while step.name not in seen:
        seen.add(step.name)
        target = getattr(step, "then", "")
        if isinstance(step, If):
            condition = library.condition(step.condition)
            facts = facts_of(condition.names, view.now_ns, run, step.name, values, view, _OUTBOX)
            truth = condition.judge(facts)
            target = step.then if truth else step.otherwise
            word = "unknown" if truth is None else str(truth).lower()
            lines.append(Line(step.name, f"{step.condition} is {word} now: on to {target}"))
        else:
            lines += planned(playbook, step, scope, view)
        following = playbook.step(target)
        if following is None:
            break
        step = following
    return DryRun(playbook.name, playbook.version, scope, tuple(lines))


def planned(playbook: Playbook, step: Step, scope: Scope, view: DeskView) -> list[Line]:
    """Return what one step would do now; of a parallel step, what each of its branches would."""
    match step:
        case Act():
            return [_acted(step.name, step.verb, scope, view)]
        case Parallel():
            found = [Line(step.name, f"at the same time: {', '.join(step.branches)}")]
            for branch in step.branches:
                inner, seen = playbook.step(branch), set[str]()
                while inner is not None and inner.name not in seen:
                    seen.add(inner.name)
                    found += planned(playbook, inner, scope, view)
                    inner = (
                        playbook.step(target) if (target := getattr(inner, "then", JOIN)) != JOIN else None
                    )
            return found
        case _:
            return [Line(step.name, step_words(step))]


def exposure_usd(scope: Scope, view: DeskView) -> float:
    """Return the gross value of what is held in a scope. Units: US dollars.

    Limits: an instrument without terms or price counts nothing.
    """
    total = 0.0
    for venue, account, symbol in view.held(scope):
        instrument = view.instrument(venue, symbol)
        unit = usd_per_unit(instrument, view) if instrument is not None else None
        total += abs(float(view.position(venue, account, symbol))) * (unit or 0.0)
    return total


def _acted(name: str, verb: Verb, scope: Scope, view: DeskView) -> Line:
    plan = registry.plan(verb, scope, view)
    progress = registry.advance(view.now_ns, DRY, name, verb, plan, view, _OUTBOX)
    parts = [said(one.action) for one in progress.wanted]
    parts += [f"{permit.scope} becomes {permit.permit}" for permit in progress.permits]
    if progress.ended is not None and not parts:
        parts.append(progress.ended.detail or f"nothing to do, {progress.ended.outcome}")
    text = f"{words_of(verb)}: {'; '.join(parts)}" if parts and name_of(verb) != "notify" else words_of(verb)
    return Line(name, text, tuple(progress.wanted), tuple(progress.permits))
