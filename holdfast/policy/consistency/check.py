"""Consistency: whether rules, levels and responses go together, checked as a whole before any of them is loaded.

What is checked, and by which file: rules that contradict themselves or each other (`contradictions`), what never comes to
rest (`oscillation`), what never ends (`endless`), what nothing answers (`unanswered`). Only what is proven is an error.

Limits: a condition over several scopes at once (a rule of an instrument and a rule of its venue) is not compared; time of
day and unknown values are taken as they may be at any one moment.
"""

from collections.abc import Iterable, Mapping, Sequence

from holdfast.policy.consistency.contradictions import contradictions
from holdfast.policy.consistency.endless import circles, endless_for_want_of_people, endless_levels
from holdfast.policy.consistency.finding import Finding, Inconsistent, Place
from holdfast.policy.consistency.logic import Logic
from holdfast.policy.consistency.oscillation import oscillations
from holdfast.policy.consistency.placed import read_placed
from holdfast.policy.consistency.response import Response
from holdfast.policy.consistency.unanswered import unanswered
from holdfast.policy.fields import Schema
from holdfast.settings import EscalationTable


def check_consistency(
    sources: Mapping[str, str],
    detectors: Iterable[str],
    responses: Sequence[Response] | None = None,
    *,
    table: EscalationTable | None = None,
    people: Iterable[str] | None = None,
    threats: Iterable[str] = (),
) -> tuple[Finding, ...]:
    """Return everything that does not go together, in the order of the files.

    `sources` are rule texts by file name that `RuleSet.load` accepts, `detectors` the names that rules may read. What is
    None is not known, and what depends on it is not checked: `responses`, and `people` (operators by name and
    `role:<name>`). `threats` are the detectors that must be answered.

    Raises: CallerError `extra.absent` without the extra `live`. Cost: 2 s for the default rules and playbooks.
    """
    rules, logic = read_placed(sources), Logic(Schema(detectors))
    steps, known = table or EscalationTable(), tuple(responses or ())
    found = [
        *contradictions(rules, known, logic),
        *oscillations(rules, known, steps, logic),
        *endless_levels(rules, steps, logic),
        *circles(known),
    ]
    if people is not None:
        found += endless_for_want_of_people(rules, known, steps, frozenset(people))
    if responses is not None:
        found += unanswered(rules, known, tuple(threats), Place("rules"))
    return tuple(sorted(found))


def refuse_inconsistent(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return the warnings. Raises: Inconsistent (a CallerError) `consistency.refused` when there is any error."""
    errors = [one for one in findings if one.severity == "error"]
    if errors:
        raise Inconsistent(errors)
    return tuple(findings)
