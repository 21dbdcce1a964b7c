"""Checks: what must be true of a playbook before it is loaded, each flaw at its step and field.

Every step exists, can be reached, and can come to an end; nothing turns in a circle without waiting; nobody is asked for
ever; what moves the desk says where it goes on failure; branches join; conditions and triggers speak of what exists.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from holdfast.clock import DAY_NS, SECOND_NS
from holdfast.policy.duration import format_duration
from holdfast.policy.expression import UnreadableError, parse, reads
from holdfast.policy.nearest import nearest
from holdfast.response.playbook.playbook import (
    GROUPS_MAX,
    JOIN,
    ROLE,
    STEPS_MAX,
    Act,
    Approve,
    Call,
    End,
    If,
    Panel,
    Parallel,
    Playbook,
    Step,
    Until,
    Wait,
    exits,
)
from holdfast.response.playbook.table import loops, owners, reached
from holdfast.response.playbook.trigger import OnAlert, OnPlaybook, OnRule
from holdfast.response.verb import Verb, kind_of, name_of

TIMES_NS_MAX: Final = 7 * DAY_NS
MARGIN_NS: Final = (
    15 * SECOND_NS
)  # that a step lasts longer than its verb's patience, for the fates of the last orders
BOUNDS: Final = ("rounds", "minutes_running", "failures")  # facts that a loop may be bounded by


class Vocabulary(msgspec.Struct, frozen=True, kw_only=True):
    """What a playbook may speak of: rules (title by id), detectors, and playbooks; None: not known, not checked."""

    rules: Mapping[str, str] | None = None
    detectors: tuple[str, ...] = ()
    playbooks: tuple[str, ...] | None = None


class Flaw(msgspec.Struct, frozen=True):
    """One thing that is wrong: at a step (empty: the head) and a field of it."""

    step: str
    field: str
    code: str
    message: str
    remedy: str = ""


def needs_consent(verb: Verb) -> bool:
    """Tell whether people are asked first in the mode confirm: moves, and what loosens a brake."""
    return kind_of(verb) == "move" or (name_of(verb) == "dead_man" and getattr(verb, "timeout_s", 1.0) == 0.0)


def flaws(playbook: Playbook, vocabulary: Vocabulary) -> list[Flaw]:
    """Return everything that is wrong with a playbook's table and triggers, in the order of the table.

    Conditions are checked where they are read, because their flaws have places inside the text.
    """
    if not playbook.steps:
        return [Flaw("", "steps", "playbook.empty", "there are no steps")]
    if len(playbook.steps) > STEPS_MAX:
        return [Flaw("", "steps", "playbook.empty", f"more than {STEPS_MAX} steps", "split it in two")]
    found = [*_names(playbook), *_triggers(playbook, vocabulary), *_panel("", "confirm", playbook.confirm)]
    if not found:
        found = [*_reach(playbook), *_branches(playbook)] or list(_circles(playbook))
    for step in playbook.steps:
        found += _step(step, vocabulary)
    return found


def _names(playbook: Playbook) -> Iterator[Flaw]:
    names = [step.name for step in playbook.steps]
    for step in playbook.steps:
        if names.count(step.name) > 1:
            yield Flaw(step.name, "", "playbook.step_twice", f"the step `{step.name}` is here twice")
        for field, target in exits(step):
            if target not in names and target != JOIN:
                remedy = nearest(target, names) or f"steps are {', '.join(names)}"
                yield Flaw(step.name, field, "playbook.step_unknown", f"there is no step `{target}`", remedy)


def _triggers(playbook: Playbook, vocabulary: Vocabulary) -> Iterator[Flaw]:
    if not playbook.triggers:
        yield Flaw("", "triggers", "playbook.no_trigger", "nothing sets it off", "write at least `operator`")
    for number, trigger in enumerate(playbook.triggers):
        field = f"triggers.{number}"
        if isinstance(trigger, OnRule) and vocabulary.rules is not None:
            if trigger.rule not in vocabulary.rules:
                near = nearest(trigger.rule, vocabulary.rules)
                remedy = near or "no rule of that id is loaded; `action:` answers to every rule that wants it"
                yield Flaw("", field, "playbook.rule_unknown", f"there is no rule `{trigger.rule}`", remedy)
        elif isinstance(trigger, OnAlert) and trigger.alert not in vocabulary.detectors:
            remedy = nearest(trigger.alert, vocabulary.detectors) or "no detector of that name runs"
            yield Flaw("", field, "playbook.alert_unknown", f"unknown detector `{trigger.alert}`", remedy)
        elif isinstance(trigger, OnPlaybook):
            yield from _playbook_named(trigger.playbook, "", field, playbook.name, vocabulary)


def _playbook_named(name: str, step: str, field: str, own: str, vocabulary: Vocabulary) -> Iterator[Flaw]:
    if name == own:
        yield Flaw(step, field, "playbook.circle", "a playbook cannot wait for itself")
    elif vocabulary.playbooks is not None and name not in vocabulary.playbooks:
        remedy = nearest(name, vocabulary.playbooks) or "no playbook of that name is loaded"
        yield Flaw(step, field, "playbook.unknown", f"there is no playbook `{name}`", remedy)


def _reach(playbook: Playbook) -> Iterator[Flaw]:
    from_start = reached(playbook, [playbook.steps[0].name])
    for step in playbook.steps:
        if step.name not in from_start:
            yield Flaw(step.name, "", "playbook.step_unreachable", f"nothing leads to the step `{step.name}`")
            continue
        onward = reached(playbook, [step.name])
        ends = {JOIN} | {other.name for other in playbook.steps if isinstance(other, End)}
        if not onward & ends:
            message = f"from the step `{step.name}` the run can never end"
            yield Flaw(step.name, "", "playbook.no_end", message, "lead some way to a step with `end`")


def _circles(playbook: Playbook) -> Iterator[Flaw]:
    breaks = [
        step.name for step in playbook.steps if isinstance(step, Wait | Until | Approve) or _bounds(step)
    ]
    told: set[str] = set()
    for name in loops(playbook, breaks):
        if name in told:
            continue
        told |= reached(playbook, [name])
        message = f"the step `{name}` leads back to itself without waiting and without a bound"
        remedy = f"put a `wait` or an `until` in the loop, or an `if` on {', '.join(BOUNDS)}"
        yield Flaw(name, "", "playbook.circle", message, remedy)
    for step in playbook.steps:
        if isinstance(step, Approve):
            for field, target in (("otherwise", step.otherwise), ("on_denied", step.on_denied)):
                if step.name in reached(playbook, [target]):
                    message = f"`{field}` of the step `{step.name}` leads back to asking: it cannot end"
                    remedy = "lead it to an end, or to a brake that stays on"
                    yield Flaw(step.name, field, "playbook.escalation_endless", message, remedy)


def _bounds(step: Step) -> bool:
    try:
        return isinstance(step, If) and any(name in BOUNDS for name in reads(parse(step.condition)))
    except UnreadableError:
        return True  # told of where the condition is read


def _branches(playbook: Playbook) -> Iterator[Flaw]:
    owner = owners(playbook)
    trunk = reached(playbook, [playbook.steps[0].name])
    for step in playbook.steps:
        inside = owner.get(step.name)
        for field, target in exits(step):
            if target == JOIN and inside is None:
                message = f"`{JOIN}` ends a branch, and the step `{step.name}` is in none"
                yield Flaw(step.name, field, "playbook.branch", message)
        if inside is None:
            continue
        if isinstance(step, Parallel | End | Call):
            message = f"the step `{step.name}` is in a branch of `{inside}`, and cannot be one of this kind"
            remedy = f"a branch acts, waits or chooses, and leads to `{JOIN}`"
            yield Flaw(step.name, "", "playbook.branch", message, remedy)
        others = [
            other.name for other in playbook.steps if isinstance(other, Parallel) and other.name != inside
        ]
        if any(step.name in reached(playbook, _branches_of(playbook, other)) for other in others):
            yield Flaw(step.name, "", "playbook.branch", f"the step `{step.name}` is in two branches")
    for step in playbook.steps:
        if not isinstance(step, Parallel):
            continue
        ways = [reached(playbook, [branch]) - {JOIN} for branch in step.branches]
        if any(one & other for n, one in enumerate(ways) for other in ways[n + 1 :]):
            yield Flaw(step.name, "parallel", "playbook.branch", "two branches share a step")
        if step.name not in trunk or len(step.branches) < 2:
            yield Flaw(step.name, "parallel", "playbook.branch", "a parallel step has two branches or more")


def _branches_of(playbook: Playbook, name: str) -> tuple[str, ...]:
    step = playbook.step(name)
    return step.branches if isinstance(step, Parallel) else ()


def _step(step: Step, vocabulary: Vocabulary) -> Iterator[Flaw]:
    if isinstance(step, Act):
        if needs_consent(step.verb) and not step.on_failure:
            message = f"`{name_of(step.verb)}` moves the desk, and the step `{step.name}` has no `on_failure`"
            yield Flaw(
                step.name, "act", "playbook.no_failure", message, "say where the run goes when it fails"
            )
        patience_ns = int(getattr(step.verb, "patience_s", 0.0) * SECOND_NS)
        if step.timeout_ns < patience_ns + MARGIN_NS:
            message = f"the timeout {format_duration(step.timeout_ns)} is too near the verb's patience"
            remedy = (
                f"at least {format_duration(patience_ns + MARGIN_NS)}: the verb itself tells what is left"
            )
            yield Flaw(step.name, "timeout", "playbook.duration", message, remedy)
    elif isinstance(step, Approve):
        yield from _panel(step.name, "ask", step.panel)
    elif isinstance(step, Call):
        yield from _playbook_named(step.playbook, step.name, "playbook", "", vocabulary)
    for field, name in (("timeout_ns", "timeout"), ("for_ns", "wait")):
        value = getattr(step, field, None)
        if value is not None and not SECOND_NS <= value <= TIMES_NS_MAX:
            remedy = f"from 1s to {format_duration(TIMES_NS_MAX)}"
            yield Flaw(step.name, name, "playbook.duration", f"`{name}` is {format_duration(value)}", remedy)


def _panel(step: str, field: str, panel: Panel) -> Iterator[Flaw]:
    people = {person for group in panel.groups for person in group.people}
    named_only = not any(person.startswith(ROLE) for person in people)
    code = "playbook.escalation_endless"
    if not panel.groups or not all(group.people for group in panel.groups):
        yield Flaw(step, field, code, "a group without people is asked: nobody can answer")
    elif len(panel.groups) > GROUPS_MAX:
        yield Flaw(step, field, code, f"more than {GROUPS_MAX} groups are asked one after another")
    elif panel.needed < 1 or (named_only and panel.needed > len(people)):
        message = f"{panel.needed} must agree, and {len(people)} are asked"
        yield Flaw(step, field, code, message, "ask more people, or a role")
    for group in panel.groups:
        if not SECOND_NS <= group.within_ns <= DAY_NS:
            yield Flaw(step, field, "playbook.duration", "people have from 1s to 1d to answer")
