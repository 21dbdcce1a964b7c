"""Missing: what could not be computed, why, and what is therefore not in the number. A value, never an exception."""

import msgspec


class Missing(msgspec.Struct, frozen=True):
    """One gap. `where` is the position, asset or account; `code` is stable (`price.stale`, `surface.absent`...)."""

    where: str
    code: str
    reason: str
    remedy: str = ""

    def __str__(self) -> str:
        remedy = f" ({self.remedy})" if self.remedy else ""
        return f"{self.where}: {self.reason}{remedy} [{self.code}]"
