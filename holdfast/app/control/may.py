"""May: the table of who may do what, asked of the policies themselves, for the documentation and for a desk's own."""

from typing import Final

from holdfast.app.control.authority import (
    ApprovalTarget,
    Authority,
    DeskTarget,
    PlaybookTarget,
    ScopeTarget,
    Target,
    names_of,
)
from holdfast.app.control.command import COMMANDS
from holdfast.app.control.operator import ROLES, OperatorSettings, Role
from holdfast.event import Scope
from holdfast.receipt import Mode
from holdfast.signer import verifier_key

_NOBODY: Final = bytes(32)  # a key that signs nothing: only the roles matter here


def may_rows(authority: Authority) -> list[tuple[str, dict[Role, bool]]]:
    """Return what can be done, and which role may do it.

    >>> dict(may_rows(Authority.load(None)))["halt"]["trader"]
    True
    """
    people: dict[Role, OperatorSettings] = {role: _person(role) for role in ROLES}
    rows: list[tuple[str, dict[Role, bool]]] = []
    for command in COMMANDS:
        for words, target in _cases(command):
            allowed: dict[Role, bool] = {
                role: authority.rule(person, command, _asking(person, target)).allowed
                for role, person in people.items()
            }
            rows.append((f"{command} {words}".strip(), allowed))
    return rows


def may_table(authority: Authority) -> str:
    """Return the table in Markdown."""
    head = f"| command | {' | '.join(role.replace('_', ' ') for role in ROLES)} |"
    lines = [head, "|---" * (len(ROLES) + 1) + "|"]
    for words, allowed in may_rows(authority):
        lines.append(f"| {words} | {' | '.join('yes' if allowed[role] else '' for role in ROLES)} |")
    return "\n".join(lines)


def _person(role: Role) -> OperatorSettings:
    return OperatorSettings(name=role, key=verifier_key(role, _NOBODY), roles=(role,))


def _cases(command: str) -> list[tuple[str, Target]]:
    """Return the cases of a command that policies can tell apart, in words."""
    if command == "arm":
        modes: tuple[Mode, ...] = ("advise", "confirm", "act")
        raised = [(f"in `{mode}`, from less", PlaybookTarget("any", "observe", mode)) for mode in modes]
        return [*raised, ("in less than before", PlaybookTarget("any", "act", "advise"))]
    if command in ("disarm", "start", "stop"):
        return [("", PlaybookTarget("any", "act", "observe"))]
    if command in ("approve", "deny"):
        return [
            ("when asked", ApprovalTarget("any", ("?",), (), 1)),
            ("what they started, alone", ApprovalTarget("any", ("?",), ("?",), 1)),
            ("what they started, with another", ApprovalTarget("any", ("?",), ("?",), 2)),
            ("when not asked", ApprovalTarget("any", (), (), 1)),
        ]
    if command in ("halt", "pause", "resume", "release"):
        return [("", ScopeTarget(Scope()))]
    return [("", DeskTarget("any"))]


def _asking(person: OperatorSettings, target: Target) -> Target:
    """Put the person where a case says `?`."""
    if not isinstance(target, ApprovalTarget):
        return target
    asked = names_of(person)[1:] if target.asked else ()
    asked_by = (person.name,) if target.asked_by else ()
    return ApprovalTarget(target.approval, asked, asked_by, target.needed)
