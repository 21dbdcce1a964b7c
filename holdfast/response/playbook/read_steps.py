"""A step of a playbook in YAML: one key says its kind, the others go with it."""

from collections.abc import Callable, Mapping
from typing import Final

from yaml.nodes import MappingNode, Node, ScalarNode

from holdfast.clock import MINUTE_NS, SECOND_NS
from holdfast.policy.document import Document
from holdfast.response.playbook.arguments import read_verb
from holdfast.response.playbook.playbook import (
    JOIN,
    TIMEOUT_NS_DEFAULT,
    Act,
    Approve,
    Call,
    End,
    If,
    Parallel,
    Step,
    Until,
    Wait,
)
from holdfast.response.playbook.read_head import NAME, read_duration, read_panel

STEPS: Final[dict[str, tuple[str, ...]]] = {
    "act": ("then", "on_failure", "undo", "timeout"),
    "wait": ("then",),
    "until": ("timeout", "then", "on_timeout"),
    "if": ("then", "else"),
    "approve": ("needed", "ask", "then", "on_denied", "otherwise"),
    "parallel": ("then", "on_failure"),
    "playbook": ("then", "on_failure", "timeout"),
    "end": ("detail",),
}
"""The kinds of a step, and the keys that go with each."""

REQUIRED: Final[dict[str, tuple[str, ...]]] = {
    "until": ("timeout", "on_timeout"),
    "if": ("else",),
    "approve": ("ask", "on_denied", "otherwise"),
    "playbook": ("on_failure",),
}

ReadCondition = Callable[[Node], str]


def read_step(
    document: Document,
    key: Node,
    node: Node,
    following: str,
    places: dict[tuple[str, str], Node],
    read_condition: ReadCondition,
) -> Step | None:
    """Read one step; None when something is wrong with it, which is noted. `places` takes in where its fields are."""
    before = len(document.problems)
    name = key.value if isinstance(key, ScalarNode) else ""
    if not NAME.fullmatch(name) or name == JOIN:
        remedy = f"small letters, digits and _, up to 40, and not `{JOIN}`"
        document.wrong(key, "playbook.name", f"a step cannot be called `{name}`", remedy)
    kind = _kind(document, name, node)
    if not kind:
        return None
    nodes = document.keys(node, f"the step `{name}`", (kind, *STEPS[kind]), (kind, *REQUIRED.get(kind, ())))
    places |= {(name, field): child for field, child in nodes.items()}
    target = {
        field: document.text(nodes[field], field)
        for field in ("then", "on_failure", "on_denied", "otherwise", "on_timeout", "else")
        if field in nodes
    }
    if "then" not in target and "then" in STEPS[kind]:
        target["then"] = following
        if not following:
            document.wrong(key, "playbook.no_end", f"after the step `{name}` nothing follows", "add `then`")
    step = _made(document, name, kind, nodes, target, read_condition)
    return step if len(document.problems) == before else None


def _kind(document: Document, name: str, node: Node) -> str:
    if not isinstance(node, MappingNode):
        document.wrong_kind(node, f"the step `{name}`", "a map of keys")
        return ""
    kinds = [key.value for key, _ in node.value if isinstance(key, ScalarNode) and key.value in STEPS]
    if len(kinds) == 1:
        return kinds[0]
    known = ", ".join(STEPS)
    if kinds:
        message = f"the step `{name}` is {' and '.join(kinds)} at once"
        document.wrong(node, "playbook.step_kind", message, "make two steps of it")
    else:
        document.wrong(node, "playbook.step_kind", f"the step `{name}` says nothing to do", f"one of {known}")
    return ""


def _made(
    document: Document,
    name: str,
    kind: str,
    nodes: Mapping[str, Node],
    target: Mapping[str, str],
    read_condition: ReadCondition,
) -> Step | None:
    def lasts(field: str, otherwise_ns: int) -> int:
        return read_duration(document, nodes[field], field) if field in nodes else otherwise_ns

    if kind not in nodes:
        return None
    first, then = nodes[kind], target.get("then", "")
    match kind:
        case "act":
            verb = read_verb(document, first, "act")
            undo = read_verb(document, nodes["undo"], "undo") if "undo" in nodes else None
            patience_ns = int(getattr(verb, "patience_s", 0.0) * SECOND_NS)
            timeout_ns = lasts("timeout", max(TIMEOUT_NS_DEFAULT, patience_ns + MINUTE_NS))
            if verb is None:
                return None
            on_failure = target.get("on_failure", "")
            return Act(
                name=name, verb=verb, then=then, on_failure=on_failure, undo=undo, timeout_ns=timeout_ns
            )
        case "wait":
            return Wait(name=name, for_ns=lasts("wait", 0), then=then)
        case "until":
            return Until(
                name=name, condition=read_condition(first), timeout_ns=lasts("timeout", MINUTE_NS), then=then,
                on_timeout=target.get("on_timeout", ""),
            )  # fmt: skip
        case "if":
            return If(name=name, condition=read_condition(first), then=then, otherwise=target.get("else", ""))
        case "approve":
            return Approve(
                name=name, question=" ".join(document.text(first, "approve").split()),
                panel=read_panel(document, nodes), then=then, on_denied=target.get("on_denied", ""),
                otherwise=target.get("otherwise", ""),
            )  # fmt: skip
        case "parallel":
            branches = document.texts(first, "parallel")
            return Parallel(name=name, branches=branches, then=then, on_failure=target.get("on_failure", ""))
        case "playbook":
            return Call(
                name=name, playbook=document.text(first, "playbook"), then=then,
                on_failure=target.get("on_failure", ""), timeout_ns=lasts("timeout", 60 * MINUTE_NS),
            )  # fmt: skip
        case _:
            outcome = document.one_of(first, "end", ("done", "failed"))
            detail = " ".join(document.text(nodes["detail"], "detail").split()) if "detail" in nodes else ""
            return End(name=name, outcome="failed" if outcome == "failed" else "done", detail=detail)
