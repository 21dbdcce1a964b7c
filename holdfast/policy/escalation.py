"""Escalation: where every scope stands in the table of levels (the table itself is in `settings`).

Rules:

1. Up is immediate and may pass several levels: as soon as the score reaches a level's `up`, or a rule's
   floor is there.
2. Down is one level at a time, after the score has stayed below the level's `down` for its whole dwell, with
   no floor at that level, counted from when the level was entered at the earliest.
3. A level that `needs_person` is left only by `release`. In a replay nobody is there, so it stays.
4. An unknown score (NaN) raises nothing and calms nothing.
"""

from typing import Final

import msgspec

from holdfast.clock import SECOND_NS
from holdfast.error import BrokenInvariant
from holdfast.event import LEVELS, Level, LevelMoved, Scope
from holdfast.policy.duration import format_duration
from holdfast.settings import EscalationTable

RELEASED_BY: Final = "released by "


class ReleaseRefused(msgspec.Struct, frozen=True):
    """A person may not lower the scope now: a stable code and the reason."""

    scope: Scope
    code: str
    reason: str


class Escalation:
    """Where every scope stands. A scope that was never seen is `normal`. Cost: about 1 us an update."""

    def __init__(self, table: EscalationTable | None = None) -> None:
        self.table = table or EscalationTable()
        self._dwell_ns = [round(step.dwell_s * SECOND_NS) for step in self.table.steps]
        self._standing: dict[Scope, _Standing] = {}

    def level(self, scope: Scope) -> Level:
        """Return the level of a scope."""
        standing = self._standing.get(scope)
        return LEVELS[standing.rank] if standing else "normal"

    def update(
        self, time_ns: int, scope: Scope, score: float, floor_level: Level = "normal", because: str = ""
    ) -> list[LevelMoved]:
        """Take in a scope's score and the floor that rules hold it at; return its move, if any.

        `because` is what the caller knows about the reasons, for a move up. Raises: BrokenInvariant
        `policy.time_backwards`.
        """
        standing = self._standing.get(scope)
        if standing is None:
            standing = self._standing[scope] = _Standing(time_ns=time_ns)
        if time_ns < standing.time_ns:
            raise BrokenInvariant(
                "policy.time_backwards", f"{scope} at {standing.time_ns}, then at {time_ns}"
            )
        standing.time_ns, standing.score, standing.floor = time_ns, score, LEVELS.index(floor_level)
        demanded = self.table.demanded(score)
        target = max(demanded, standing.floor)
        if target > standing.rank:
            line = f"score {score:.1f} reached {self.table.steps[target - 1].up:g}"
            reason = because or (line if demanded == target else f"a rule holds {floor_level}")
            return [self._move(time_ns, scope, standing, target, reason)]
        if not self._is_calm(standing):
            standing.calm_ns = None
            return []
        if standing.calm_ns is None:
            standing.calm_ns = time_ns
        step, dwell_ns = self.table.steps[standing.rank - 1], self._dwell_ns[standing.rank - 1]
        if step.needs_person or time_ns - standing.calm_ns < dwell_ns:
            return []
        calm = f"score below {step.down:g} for {format_duration(dwell_ns)}"
        return [self._move(time_ns, scope, standing, standing.rank - 1, calm)]

    def release(self, time_ns: int, scope: Scope, operator: str) -> LevelMoved | ReleaseRefused:
        """Let a person lower a scope by one level that needs a person, if nothing demands it any more."""
        standing = self._standing.get(scope)
        if standing is None or standing.rank == 0 or not self.table.steps[standing.rank - 1].needs_person:
            return ReleaseRefused(
                scope, "release.not_held", f"{self.level(scope)} needs no person to be left"
            )
        down = self.table.steps[standing.rank - 1].down
        if standing.floor >= standing.rank:
            return ReleaseRefused(scope, "release.rule_holds", "a rule still holds the scope there")
        if not standing.score < down:
            reason = f"the score is {standing.score:.1f}, not below {down:g}"
            return ReleaseRefused(scope, "release.score_demands", reason)
        return self._move(time_ns, scope, standing, standing.rank - 1, f"{RELEASED_BY}{operator}")

    def restore(self, moved: LevelMoved) -> None:
        """Take in where a scope stood when the run before this one ended; its score is not known yet, so it is not calm.

        When that was is not taken in: the clock may have been set back since.
        """
        self._standing[moved.scope] = _Standing(time_ns=0, rank=LEVELS.index(moved.to_level))

    def memory(self) -> list[tuple[str, int, int | None]]:
        """Return all that decides what comes next, in a fixed order: scope, rank, calm since."""
        rows = [(str(scope), one.rank, one.calm_ns) for scope, one in self._standing.items()]
        return sorted(rows, key=lambda row: row[:2])

    def _move(self, time_ns: int, scope: Scope, standing: "_Standing", rank: int, because: str) -> LevelMoved:
        moved = LevelMoved(time_ns, scope, LEVELS[standing.rank], LEVELS[rank], because)
        standing.rank = rank
        standing.calm_ns = time_ns if self._is_calm(standing) else None
        return moved

    def _is_calm(self, standing: "_Standing") -> bool:
        """Tell whether nothing demands the level that a scope is at (an unknown score is not calm)."""
        if standing.rank == 0:
            return False
        return standing.score < self.table.steps[standing.rank - 1].down and standing.floor < standing.rank


class _Standing(msgspec.Struct):
    """A scope's place: rank, calm at this rank since when, and what was last seen."""

    time_ns: int
    rank: int = 0
    calm_ns: int | None = None
    score: float = float("nan")
    floor: int = 0


def table_markdown(table: EscalationTable) -> str:
    """Return the table as the documentation shows it."""
    rows = [
        "| level | rank | entered at a score of | may be left below | for at least | needs a person |",
        "|---|---|---|---|---|---|",
        "| `normal` | 0 | | | | |",
    ]
    for rank, (name, step) in enumerate(zip(LEVELS[1:], table.steps, strict=True), start=1):
        dwell = format_duration(round(step.dwell_s * SECOND_NS))
        person = "yes" if step.needs_person else "no"
        rows.append(f"| `{name}` | {rank} | {step.up:g} | {step.down:g} | {dwell} | {person} |")
    return "\n".join(rows)
