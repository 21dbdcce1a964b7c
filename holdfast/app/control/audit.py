"""Audit: is every act of a person in the journal backed by a command that this person signed? Pure.

A journal is a file or a table, and who can write it can write a vote. The signatures that stand in it cannot be made up:
here each allowed command is verified again, and each vote, and each playbook that a person armed, is matched with its own.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from holdfast.app.control.command import command_of, is_signed_by
from holdfast.app.control.operator import OperatorSettings, operators_by_name
from holdfast.clock import format_time_ns
from holdfast.receipt import Commanded, PlaybookArmed, Voted

FINDINGS_MAX: Final = 1_000
_VOTES: Final = ("approve", "deny")
_ARMS: Final = ("arm", "disarm")


class CommandAudit(msgspec.Struct, frozen=True):
    """How many commands were verified, how many were refused ones, and what does not hold."""

    verified: int
    refused: int
    findings: tuple[str, ...]


def audit_commands(
    records: Iterable[object], desk: str, operators: Iterable[OperatorSettings]
) -> CommandAudit:
    """Verify the commands of a journal, in order.

    Limits: an operator who has left the config, or has another key now, can be verified only with the old line in it.
    """
    known = operators_by_name(operators)
    findings: list[str] = []
    nonces: set[str] = set()
    given: set[tuple[int, str, str]] = set()
    verified = refused = 0
    for record in records:
        if isinstance(record, Commanded):
            if not record.allowed:
                refused += 1
            elif fault := _fault(record, desk, known, nonces):
                findings.append(
                    f"{format_time_ns(record.time_ns)} {record.command} by {record.operator}: {fault}"
                )
            else:
                verified += 1
                given.add((record.time_ns, record.operator, record.command))
        elif isinstance(record, Voted):
            wanted = _VOTES[0] if record.approves else _VOTES[1]
            if (record.time_ns, record.operator, wanted) not in given:
                findings.append(
                    f"{format_time_ns(record.time_ns)} a vote of {record.operator} on {record.approval}: no signed command"
                )
        elif isinstance(record, PlaybookArmed) and record.operator in known:
            commands = ((record.time_ns, record.operator, command) for command in _ARMS)
            if given.isdisjoint(commands):
                findings.append(
                    f"{format_time_ns(record.time_ns)} {record.playbook} armed by {record.operator}: no signed command"
                )
    return CommandAudit(verified, refused, tuple(findings[:FINDINGS_MAX]))


def _fault(record: Commanded, desk: str, known: dict[str, OperatorSettings], nonces: set[str]) -> str:
    rebuilt = command_of(record, desk)
    operator = known.get(record.operator)
    if operator is None:
        return "the config knows no such operator"
    if rebuilt is None or not is_signed_by(rebuilt[1], operator):
        return "not signed by the key that the config has"
    if rebuilt[0].nonce in nonces:
        return "the same command stands there twice"
    nonces.add(rebuilt[0].nonce)
    return ""
