"""Agreement: playbooks as policy sees them, by their effects alone, so that rules and playbooks are checked together.

What a playbook does without a person is read from its table: the ways through it that pass no step at which somebody agrees.
"""

import heapq
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from holdfast.detectors.live_watch import LIVE_DETECTOR_NAMES
from holdfast.detectors.names import ALERT_NAMES
from holdfast.event import SEVERITIES
from holdfast.policy.consistency.check import check_consistency, refuse_inconsistent
from holdfast.policy.consistency.finding import Finding, Place
from holdfast.policy.consistency.response import (
    OnAction,
    OnAlert,
    OnEndOf,
    OnLevel,
    OnRule,
    Response,
    Trigger,
    rank_of,
)
from holdfast.policy.expression import Apply, Node, parse, reads, text_of
from holdfast.policy.fields import Schema
from holdfast.receipt import Mode, Permit
from holdfast.response.playbook import trigger as on
from holdfast.response.playbook.playbook import (
    JOIN,
    Act,
    Approve,
    Call,
    If,
    Parallel,
    Playbook,
    Until,
    Wait,
    exits,
)
from holdfast.response.playbook.table import owners
from holdfast.response.verb import name_of
from holdfast.settings import EscalationTable

TIGHTENS: Final[Mapping[str, Permit]] = {
    "halt": "halted", "pause": "paused", "evacuate": "paused", "reduce_only": "reduce_only",
}  # fmt: skip
ACTING: Final[tuple[Mode, ...]] = ("confirm", "act")
MADE_IN_CODE: Final = "made in Python"


def agree(
    rules: Mapping[str, str],
    playbooks: Iterable[Playbook],
    playbook_texts: Mapping[str, str],
    *,
    table: EscalationTable,
    arm: Mapping[str, Mode],
    people: Iterable[str],
) -> tuple[Finding, ...]:
    """Check rules (texts by file name) and playbooks against each other and return the warnings.

    `people` are the operators by name and, as `role:<name>`, the roles that somebody has.

    Raises: Inconsistent (a CallerError) `consistency.refused` with everything that does not go together; CallerError
    `extra.absent` without the extra `live`.
    """
    responses = responses_of(tuple(playbooks), playbook_texts, arm)
    found = check_consistency(
        rules, ALERT_NAMES, responses, table=table, people=people, threats=LIVE_DETECTOR_NAMES
    )
    return refuse_inconsistent(found)


def responses_of(
    playbooks: Sequence[Playbook], texts: Mapping[str, str], arm: Mapping[str, Mode]
) -> tuple[Response, ...]:
    """Return playbooks by their effects; `texts` (by file name) say where each stands."""
    known = {one.name: one for one in playbooks}
    schema = Schema(ALERT_NAMES)
    made: list[Response] = []
    for one in playbooks:
        way = _way_to_resume(one, known, frozenset())
        made.append(
            Response(
                name=one.name,
                place=_place(one.name, texts),
                triggers=tuple(_triggers(one)),
                tightens=_tightened(one),
                loosens="open" if way is not None else "",
                loosens_after_ns=way[0] if way is not None else 0,
                loosens_when=_readable(way[1], schema) if way is not None else "",
                calls=tuple(step.playbook for step in one.steps if isinstance(step, Call)),
                people=tuple(dict.fromkeys(_asked(one))),
                armed=arm.get(one.name, "observe") in ACTING,
                wider=one.scope != "event",
            )
        )
    return tuple(made)


def _triggers(playbook: Playbook) -> Iterator[Trigger]:
    for trigger in playbook.triggers:
        match trigger:
            case on.OnRule(rule):
                yield OnRule(rule)
            case on.OnAction(action):
                yield OnAction(action)
            case on.OnAlert(detector, severity):
                yield OnAlert(detector, SEVERITIES.index(severity) + 1)
            case on.OnLevel(level):
                yield OnLevel(level)
            case on.OnPlaybook(name, _):
                yield OnEndOf(name)
            case on.OnOperator():
                pass


def _tightened(playbook: Playbook) -> Permit:
    permits: list[Permit] = ["open"]
    for step in playbook.steps:
        if isinstance(step, Act):
            permits.append(TIGHTENS.get(name_of(step.verb), "open"))
    return max(permits, key=rank_of)


def _asked(playbook: Playbook) -> Iterator[str]:
    for step in playbook.steps:
        if isinstance(step, Approve):
            for group in step.panel.groups:
                yield from group.people


def _way_to_resume(
    playbook: Playbook, known: Mapping[str, Playbook], within: frozenset[str]
) -> tuple[int, str] | None:
    """Return the shortest wait to a `resume` that nobody has to agree to, and the condition that is met just before.

    The condition is the last one on that way that was waited for or chosen by, if nothing was waited for since.
    """
    ways: list[tuple[int, str, str]] = [(0, playbook.steps[0].name, "")]
    seen: set[str] = set()
    while ways:
        waited_ns, name, condition = heapq.heappop(ways)
        step = playbook.step(name)
        if step is None or name in seen:
            continue
        seen.add(name)
        if isinstance(step, Act) and name_of(step.verb) == "resume":
            return waited_ns, condition
        if isinstance(step, Call) and step.playbook in known and step.playbook not in within:
            onward = _way_to_resume(known[step.playbook], known, within | {playbook.name, step.playbook})
            if onward is not None:
                return waited_ns + onward[0], onward[1] or condition
        for field, target in exits(step):
            if isinstance(step, Approve) and field == "then":
                continue  # somebody agreed
            after_ns, met = waited_ns, condition
            if isinstance(step, Wait):
                after_ns, met = waited_ns + step.for_ns, ""
            elif isinstance(step, If | Until) and field == "then":
                met = step.condition
            target_name = _after_join(playbook, step.name) if target == JOIN else target
            heapq.heappush(ways, (after_ns, target_name, met))
    return None


def _after_join(playbook: Playbook, branch: str) -> str:
    """Return where a run goes on when the branch that a step lies in joins the others again."""
    parallel = playbook.step(owners(playbook).get(branch, ""))
    return parallel.then if isinstance(parallel, Parallel) else ""


def _readable(condition: str, schema: Schema) -> str:
    """Return what of a condition rules could read: conjuncts about the run itself are left out."""
    if not condition:
        return ""
    tree = parse(condition)
    parts: Sequence[Node] = tree.args if isinstance(tree, Apply) and tree.op == "&&" else (tree,)
    return " && ".join(f"({text_of(one)})" for one in parts if set(reads(one)) <= schema.fields.keys())


def _place(name: str, texts: Mapping[str, str]) -> Place:
    """Return where a playbook stands: the line that names it."""
    line = re.compile(rf"^playbook:\s*[\"']?{re.escape(name)}[\"']?\s*(#.*)?$", re.MULTILINE)
    for file in sorted(texts):
        found = line.search(texts[file])
        if found is not None:
            return Place(file, texts[file].count("\n", 0, found.start()) + 1)
    return Place(MADE_IN_CODE)
