"""The checks beyond a rule's shape: its id is its own, its condition has a meaning and can go either way."""

import cel

from holdfast.policy.envelope import Written
from holdfast.policy.expression import Node, UnreadableError, parse, text_of, walk
from holdfast.policy.fields import Schema
from holdfast.policy.problem import place_in_scalar
from holdfast.policy.reach import Reach
from holdfast.policy.typecheck import check_types


def check_id(written: Written, ids: dict[str, str]) -> None:
    """Note an id that another rule has; `ids` remembers where each was."""
    if written.rule is None or written.id_node is None:
        return
    rule_id, document = written.rule.id, written.document
    if rule_id in ids:
        message = f"the id is already that of the rule at {ids[rule_id]}"
        document.wrong(written.id_node, "rule.id_twice", message, "give each rule its own")
    else:
        ids[rule_id] = f"{document.file}:{written.id_node.start_mark.line + 1}"


def check_condition(written: Written, schema: Schema, reach: Reach) -> Node | None:
    """Parse, type-check and prove a condition; None when it has problems (all of them are noted)."""
    document, node = written.document, written.condition_node
    if node is None:
        return None
    text = node.value.strip()
    lead = len(node.value) - len(node.value.lstrip())

    def wrong(at: int, code: str, message: str, remedy: str = "") -> None:
        document.wrong(place_in_scalar(node, document.source, lead + at), code, message, remedy)

    try:
        tree = parse(text)
        cel.compile(text)
    except UnreadableError as error:
        wrong(error.at, "rule.syntax", error.message, error.remedy)
        return None
    except ValueError as error:
        wrong(0, "rule.syntax", f"CEL cannot read it: {error}")
        return None
    problems = check_types(tree, schema)
    for problem in problems:
        wrong(problem.at, problem.code, problem.message, problem.remedy)
    if problems:
        return None
    excluded = reach.never_fires(tree)
    if len(excluded) > 0:
        parts = " and ".join(f"`{text_of(part)}`" for part in excluded)
        verb = "exclude each other" if len(excluded) > 1 else "cannot be true"
        wrong(
            min(part.at for part in walk(excluded[0])),
            "rule.never_fires",
            f"the rule can never fire: {parts} {verb}",
            reach.ranges_text(excluded),
        )
        return None
    if reach.always_fires(tree):
        wrong(0, "rule.always_fires", f"the rule always fires: `{text_of(tree)}` is true whatever is seen")
        return None
    return tree
