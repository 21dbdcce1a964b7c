"""Findings: what is wrong between rules and responses, each with the places of all that it names."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from holdfast.error import CallerError


class Place(msgspec.Struct, frozen=True, order=True):
    """Where something is written: file and line, from 1; line 0 for what is made in code."""

    file: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


class Finding(msgspec.Struct, frozen=True, order=True):
    """One thing that is wrong. The first place is where it is told; `message` names the others.

    An error keeps the desk from starting; a warning is told and lets it start.
    """

    places: tuple[Place, ...]
    code: str
    message: str
    remedy: str = ""
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        remedy = f" ({self.remedy})" if self.remedy else ""
        return f"{self.places[0]}: {self.message}{remedy} [{self.code}]"


class Inconsistent(CallerError):
    """Rules and responses do not go together; `findings` holds every reason, in the order of the files."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(sorted(findings))
        count = f"{len(self.findings)} contradiction{'s' if len(self.findings) != 1 else ''}"
        listed = "".join(f"\n  {finding}" for finding in self.findings)
        super().__init__(
            "consistency.refused",
            f"rules and playbooks have {count}:{listed}\n",
            remedy="nothing was started; correct them",
        )
