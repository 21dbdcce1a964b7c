"""A rule, as data: what the desk wrote, with nothing compiled, and a version made from every word of it."""

from hashlib import sha256
from typing import Final, Literal

import msgspec

from holdfast.clock import MINUTE_NS
from holdfast.event import Level

Action = Literal["notify", "restrict", "reduce", "cancel_all", "pause", "halt", "hedge"]
ACTIONS: Final[tuple[Action, ...]] = ("notify", "restrict", "reduce", "cancel_all", "pause", "halt", "hedge")
MOVES: Final = ("hedge",)  # everything else is a brake: it lowers risk, needs nobody, and may be repeated

COOLDOWN_NS_DEFAULT: Final = 5 * MINUTE_NS
VERSION_CHARS: Final = 12


class Response(msgspec.Struct, frozen=True):
    """What a rule wants done, and when.

    `level` is where the scope is held while the rule holds (`normal`: the rule asks for no level); `for_ns`
    how long the condition must hold first; `cooldown_ns` how long the rule is silent about a scope after
    each decision.
    """

    action: Action
    level: Level = "normal"
    for_ns: int = 0
    cooldown_ns: int = COOLDOWN_NS_DEFAULT


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule. `level` is Sigma's (how serious), `response.level` the escalation table's (what follows)."""

    id: str
    title: str
    status: str = "experimental"
    description: str = ""
    author: str = ""
    date: str = ""
    modified: str = ""
    references: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    level: str = "medium"
    category: str
    falsepositives: tuple[str, ...] = ()
    condition: str
    response: Response

    @property
    def canonical(self) -> bytes:
        """Return the content as JSON with a fixed order: layout and comments do not count."""
        return msgspec.json.encode(self, order="deterministic")

    @property
    def sha256(self) -> str:
        """Return the digest of the canonical text, 64 hexadecimal digits."""
        return sha256(self.canonical).hexdigest()

    @property
    def version(self) -> str:
        """Return the short form of the digest, as decisions carry it."""
        return self.sha256[:VERSION_CHARS]
