"""Operators: the people who may speak to the desk, each with a key of their own and the roles that policies read.

An operator's public key stands in the config as a verifier key (`signer.verifier_key`) that bears the operator's name.
The private half lies in a file on the operator's machine, and never comes near the desk.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final, Literal, get_args

import msgspec

from holdfast.error import CallerError, OutsideError
from holdfast.keys.file_signer import FileSigner
from holdfast.ledger.note import VerifierKey, parse_key
from holdfast.policy.nearest import nearest

NAME_CHARS_MAX: Final = 40
OPERATORS_MAX: Final = 200

Role = Literal["viewer", "trader", "risk_officer", "admin"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)

_NAME_CHARS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")

_TAKEN: Final = ("config",)  # who armed what no person did


class OperatorSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One person: name, verifier key, roles.

    Raises: CallerError `operator.name`, `operator.key`, `operator.key_name`, `operator.roles`.
    """

    name: str
    key: str
    roles: tuple[Role, ...]

    def __post_init__(self) -> None:
        require_operator_name(self.name)
        where = f"operators.{self.name}"
        try:
            key = parse_key(self.key)
        except OutsideError as error:
            raise CallerError(
                "operator.key",
                f"the key is not one: {error.message}",
                where=where,
                remedy="give the line that `holdfast operator new` printed",
            ) from error
        if key.name != self.name:
            raise CallerError(
                "operator.key_name",
                f"the key is that of {key.name!r}",
                where=where,
                remedy="one key for one name: make another with `holdfast operator new`",
            )
        if not self.roles or len(set(self.roles)) != len(self.roles):
            raise CallerError(
                "operator.roles", "roles are missing or named twice", where=where, remedy=", ".join(ROLES)
            )

    @property
    def verifier(self) -> VerifierKey:
        """Return the public key."""
        return parse_key(self.key)


def operators_by_name(operators: Iterable[OperatorSettings]) -> dict[str, OperatorSettings]:
    """Return the operators by name.

    Raises: CallerError `operator.twice` for a name or a key that two of them have, `operator.too_many`.
    """
    found: dict[str, OperatorSettings] = {}
    keys: dict[bytes, str] = {}
    for one in operators:
        public = one.verifier.public_key
        if one.name in found or public in keys:
            raise CallerError(
                "operator.twice",
                f"{one.name!r} has the name or the key of another operator",
                where=f"operators.{one.name}",
                remedy="each operator has a name and a key of their own",
            )
        found[one.name] = one
        keys[public] = one.name
    if len(found) > OPERATORS_MAX:
        raise CallerError("operator.too_many", f"{len(found)} operators; the limit is {OPERATORS_MAX}")
    return found


def new_operator(path: Path, name: str) -> FileSigner:
    """Make an operator's key in a new file that nobody else may read.

    Raises: CallerError `operator.name`, `key.exists`, `key.folder`.
    """
    require_operator_name(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return FileSigner.create(path, name)
    except OSError as error:
        raise CallerError(
            "key.folder",
            f"the key cannot be written: {error.strerror}",
            where=str(path),
            remedy="take another",
        ) from error


def config_lines(signer: FileSigner, roles: Iterable[str]) -> str:
    """Return what to put into the config so that the desk knows the holder of this key."""
    shown = ", ".join(f'"{role}"' for role in roles)
    return f'[[operators]]\nname = "{signer.name}"\nkey = "{signer.verifier_key}"\nroles = [{shown}]'


def require_roles(roles: Iterable[str]) -> None:
    """Refuse a role that there is not. Raises: CallerError `operator.roles`."""
    for role in roles:
        if role not in ROLES:
            raise CallerError(
                "operator.roles", f"no role {role!r}", remedy=nearest(role, ROLES) or ", ".join(ROLES)
            )


def require_operator_name(name: str) -> None:
    """Refuse a name that no operator may bear. Raises: CallerError `operator.name`."""
    if not name or len(name) > NAME_CHARS_MAX or not set(name) <= _NAME_CHARS or name in _TAKEN:
        raise CallerError(
            "operator.name",
            f"{name[:80]!r} cannot name an operator",
            remedy=f"letters, digits, dot, dash and underscore, at most {NAME_CHARS_MAX}",
        )
