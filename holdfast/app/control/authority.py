"""Authority: who may tell the desk what, said in Cedar policies, checked against a schema before anything starts.

Rules:

1. Nothing is allowed that no policy permits, and a `forbid` wins over every `permit`: Cedar's own rules.
2. A desk's own policy file replaces the default policies whole. It is refused, with the line, when the schema does not know
   a name in it.
3. Policies under which nobody may stop the desk, or nobody may let it go on, are refused too.

Source: docs.cedarpolicy.com; the engine is the Rust one, through cedarpy, which does no I/O.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import cedarpy
import msgspec

from holdfast.app.control.command import COMMANDS
from holdfast.app.control.operator import ROLES, OperatorSettings
from holdfast.error import CallerError
from holdfast.event import Scope
from holdfast.policy.nearest import nearest
from holdfast.receipt import Mode
from holdfast.response.playbook.playbook import ROLE

POLICY_BYTES_MAX: Final = 200_000

_VITAL: Final = ("halt", "resume", "release")
_RANKS: Final[dict[Mode, int]] = {"observe": 0, "advise": 1, "confirm": 2, "act": 3}
_ATTRIBUTES: Final = ("names", "venue", "instrument", "asked", "asked_by", "needed", "was", "mode", "raises")


class DeskTarget(msgspec.Struct, frozen=True):
    """The desk itself: reading and drilling."""

    desk: str


class ScopeTarget(msgspec.Struct, frozen=True):
    """Where a brake or its end holds."""

    scope: Scope


class PlaybookTarget(msgspec.Struct, frozen=True):
    """A playbook, what it may do now, and what it shall."""

    playbook: str
    was: Mode
    mode: Mode


class ApprovalTarget(msgspec.Struct, frozen=True):
    """A question to people: who is asked, who set it off, how many must approve."""

    approval: str
    asked: tuple[str, ...]
    asked_by: tuple[str, ...]
    needed: int


Target = DeskTarget | ScopeTarget | PlaybookTarget | ApprovalTarget


class Ruling(msgspec.Struct, frozen=True):
    """What the policies say, and which of them decided."""

    allowed: bool
    because: str


class Authority:
    """Judge what an operator may do. Make one with `load`.

    Cost: about 0.1 ms a ruling, policies and schema parsed once.
    """

    def __init__(self, text: str, where: str) -> None:
        self.text = text
        schema = (files("holdfast.policy") / "authority" / "schema.cedarschema").read_text()
        self._schema = cedarpy.Schema.from_str(schema)
        self._places = list(_statements(text))
        _check(text, schema, where, self._places)
        self._policies = cedarpy.PolicySet.from_str(text)

    @classmethod
    def load(cls, path: Path | None, operators: Iterable[OperatorSettings] = ()) -> "Authority":
        """Take the desk's own policies, or without a path the default ones, and check them for these operators.

        Raises: CallerError `authority.missing`, `authority.syntax`, `authority.schema`, `authority.nobody_may`.
        """
        if path is None:
            default = files("holdfast.policy") / "authority" / "default.cedar"
            authority = cls(default.read_text(), "default.cedar")
        else:
            authority = cls(_read(path), str(path))
        authority._check_vital(tuple(operators), str(path or "default.cedar"))
        return authority

    def rule(self, operator: OperatorSettings, action: str, target: Target) -> Ruling:
        """Say whether an operator may do something to a target."""
        resource, context = _resource(target, action)
        request = {
            "principal": {"type": "Operator", "id": operator.name},
            "action": {"type": "Action", "id": action},
            "resource": resource["uid"],
            "context": context,
        }
        answer = cedarpy.is_authorized(
            request, self._policies, [*_principals(operator, target), resource], self._schema
        )
        names = self._names(answer.diagnostics)
        if answer.allowed:
            return Ruling(True, f"permitted: {names}")
        if answer.diagnostics.errors:
            return Ruling(False, f"the policies could not be judged: {answer.diagnostics.errors[0]}")
        if names:
            return Ruling(False, f"forbidden: {names}")
        return Ruling(False, f"no policy permits {action} to {', '.join(operator.roles)}")

    def _names(self, diagnostics: cedarpy.Diagnostics) -> str:
        named: Mapping[str, str] = diagnostics.id_annotations_by_reason
        return ", ".join(
            sorted(
                named.get(policy) or f"policy at line {self._line(policy)}" for policy in diagnostics.reasons
            )
        )

    def _line(self, policy: str) -> int:
        return _line_of(policy, self._places)

    def _check_vital(self, operators: tuple[OperatorSettings, ...], where: str) -> None:
        for action in _VITAL if operators else ():
            if not any(self.rule(one, action, ScopeTarget(Scope())).allowed for one in operators):
                raise CallerError(
                    "authority.nobody_may",
                    f"under these policies none of the operators may {action} the desk",
                    where=where,
                    remedy="give one of them the role that may, or permit it in the policies",
                )


def _read(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            data = file.read(POLICY_BYTES_MAX + 1)
        if len(data) > POLICY_BYTES_MAX:
            raise CallerError("authority.missing", f"longer than {POLICY_BYTES_MAX} bytes", where=str(path))
        return data.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise CallerError(
            "authority.missing",
            f"no policies can be read: {getattr(error, 'strerror', None) or error}",
            where=str(path),
            remedy="give a file of Cedar policies, or leave `policies` out for the default ones",
        ) from error


def _check(text: str, schema: str, where: str, places: list[tuple[int, str]]) -> None:
    for line, statement in places:
        try:
            cedarpy.PolicySet.from_str(statement)
        except ValueError as error:
            raise CallerError(
                "authority.syntax", str(error), where=f"{where}:{line}", remedy="see docs.cedarpolicy.com"
            ) from error
    if not places:
        raise CallerError(
            "authority.syntax", "no policy in it", where=where, remedy="see docs.cedarpolicy.com"
        )
    errors = cedarpy.validate_policies(text, schema).errors
    if errors:
        first = errors[0]
        words = re.sub(r"^for policy `\w+`[:,] ", "", first.error)
        raise CallerError(
            "authority.schema",
            words + (f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""),
            where=f"{where}:{_line_of(first.policy_id, places)}",
            remedy=_remedy(words),
        )


def _remedy(words: str) -> str:
    """Return what was probably meant by the unknown word of an error."""
    quoted: list[str] = re.findall(r'"([^"\\]+)', words) or re.findall(r"`(\w+)`", words)
    known = _ATTRIBUTES if words.startswith("attribute") else (*COMMANDS, *ROLES, *_RANKS)
    near = (nearest(word, known) for word in quoted if word not in known)
    return next(filter(None, near), "") or "the schema is holdfast/policy/authority/schema.cedarschema"


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield each policy with the line it begins at: what ends in a semicolon outside strings and comments."""
    begin = line = 1
    piece: list[str] = []
    quoted = comment = False
    for at, letter in enumerate(text):
        if not piece and not letter.isspace() and not comment and not text.startswith("//", at):
            begin = line
        if comment:
            comment = letter != "\n"
        elif quoted:
            quoted = letter != '"' or (text[at - 1] == "\\" and text[at - 2] != "\\")
            piece.append(letter)
        elif text.startswith("//", at):
            comment = True
        elif piece or not letter.isspace():
            quoted = letter == '"'
            piece.append(letter)
        line += letter == "\n"
        if letter == ";" and piece and not quoted and not comment:
            yield begin, "".join(piece)
            piece = []
    if "".join(piece).strip():
        yield begin, "".join(piece)


def _line_of(policy: str, places: list[tuple[int, str]]) -> int:
    number = policy.removeprefix("policy")
    return places[int(number)][0] if number.isdecimal() and int(number) < len(places) else 1


def names_of(operator: OperatorSettings) -> tuple[str, ...]:
    """Return the names by which an approval may ask an operator: their own, and those of their roles."""
    return operator.name, *(ROLE + role for role in operator.roles)


def _principals(operator: OperatorSettings, target: Target) -> list[dict[str, Any]]:
    roles = [{"type": "Role", "id": role} for role in operator.roles]
    found = [_entity("Operator", operator.name, {"names": list(names_of(operator))}, roles)]
    if isinstance(target, ApprovalTarget):
        others = set(target.asked_by) - {operator.name}
        found += [_entity("Operator", name, {"names": [name]}, []) for name in sorted(others)]
    return found


def _resource(target: Target, action: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what is acted on, and the circumstances, as Cedar takes them."""
    match target:
        case DeskTarget(desk):
            return _entity("Desk", desk, {}, []), {}
        case ScopeTarget(scope):
            attributes = {"venue": scope.venue, "instrument": scope.instrument}
            return _entity("Scope", str(scope), attributes, []), {}
        case PlaybookTarget(playbook, was, mode):
            context: dict[str, Any] = {"was": _reference("Mode", was)}
            if action == "arm":
                context |= {"mode": _reference("Mode", mode), "raises": _RANKS[mode] > _RANKS[was]}
            return _entity("Playbook", playbook, {}, []), context
        case ApprovalTarget(approval, asked, asked_by, needed):
            people = [_reference("Operator", name) for name in asked_by]
            attributes = {"asked": list(asked), "asked_by": people, "needed": needed}
            return _entity("Approval", approval, attributes, []), {}


def _entity(
    kind: str, name: str, attributes: dict[str, Any], parents: list[dict[str, str]]
) -> dict[str, Any]:
    return {"uid": {"type": kind, "id": name}, "attrs": attributes, "parents": parents}


def _reference(kind: str, name: str) -> dict[str, dict[str, str]]:
    return {"__entity": {"type": kind, "id": name}}
