"""Errors, by whose fault they are.

Four kinds, told apart because what to do next differs:

1. `CallerError`: the person or program that called us is wrong (a setting, a rule, a path). Nothing ran.
2. `OutsideError`: a venue, file or network sent what it should not. The bad piece is quarantined, the rest goes on.
3. A refusal is a value, not an exception (see `policy`): the rules said no.
4. `BrokenInvariant`: we are wrong. Crash, restart, fold the ledger.

Every error has a stable `code`, says where, and says what to do next.
"""

from typing import Any


class HoldfastError(Exception):
    """Base of every error we raise: a stable code, the place, what happened, what to do."""

    def __init__(self, code: str, message: str, *, where: str = "", remedy: str = "") -> None:
        self.code = code
        self.message = message
        self.where = where
        self.remedy = remedy
        super().__init__(str(self))

    def __reduce__(self) -> tuple[Any, ...]:
        """Survive the way from a worker process: code, message, where and remedy are what we are made of."""
        return _remade, (type(self), self.code, self.message, self.where, self.remedy)

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        remedy = f" ({self.remedy})" if self.remedy else ""
        return f"{place}{self.message}{remedy} [{self.code}]"


def _remade(kind: type[HoldfastError], code: str, message: str, where: str, remedy: str) -> HoldfastError:
    return kind(code, message, where=where, remedy=remedy)


class CallerError(HoldfastError):
    """The caller is wrong: nothing was started."""


class OutsideError(HoldfastError):
    """The outside world sent something unusable: quarantine that piece and go on."""


class BrokenInvariant(HoldfastError):
    """We are wrong: stop, restart, and fold the ledger."""
