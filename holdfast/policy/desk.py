"""Desk: what policy remembers of every scope, and the one place where score, rules and escalation meet.

Rules:

1. A scope is judged when its score in whole points changed, when one of its alerts turned, when its portfolio was measured
   anew, and each `REJUDGE_S` seconds of tape time while it has an open alert or is above normal. Where a rule reads anything
   else (a feature, the time of day), every scope is judged at every sweep.
2. Rules are judged before the table, because a rule may hold a level (a floor). What rules decide is rehearsed, not sent.
3. A venue has the alerts that were raised on itself and those of all its instruments, each detector's worst; the desk has
   its own and everybody's. An instrument does not have its venue's.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from holdfast.clock import SECOND_NS
from holdfast.event import SEVERITIES, Alert, AlertCleared, Event, Level, LevelMoved, Scope, ScoreMoved
from holdfast.policy.escalation import Escalation, ReleaseRefused
from holdfast.policy.fields import PORTFOLIO_FIELDS
from holdfast.policy.rules import RuleSet
from holdfast.policy.score import PARTS

REJUDGE_S: Final = 5
SCORE_TOLD_POINTS: Final = 5.0  # a score is an event of its own when it moved by this much
DESK: Final = Scope()
# what can only change when a score, an alert, a level or what is known of the portfolio does
_TURNING: Final = frozenset(
    ["scope", "venue", "instrument", "underlying", "level", "level_rank", "trusted", "alerts_open", "score"]
    + [f"score_{part}" for part in PARTS]
    + list(PORTFOLIO_FIELDS)
)

Values = Mapping[str, Any]


class Desk:
    """Levels, open alerts and last scores by scope. Rules and the escalation table are handed in."""

    def __init__(self, rules: RuleSet, escalation: Escalation) -> None:
        self.rules = rules
        self.escalation = escalation
        self.judges_always = any(
            name not in _TURNING and not name.startswith("alerts.") for name in rules.reads
        )
        self.alerts: dict[Scope, dict[str, int]] = {}  # what a scope has (rule 3)
        self._raised: dict[Scope, dict[str, int]] = {}  # what is open that was raised on the scope itself
        self.levels: dict[Scope, Level] = {}
        self._whole: dict[Scope, int] = {}
        self._told: dict[Scope, float] = {}
        self._turned: set[Scope] = set()

    def note(self, event: Alert | AlertCleared) -> None:
        """Remember that an alert opened, rose or cleared, for its scope and those around it."""
        raised = self._raised.setdefault(event.scope, {})
        if isinstance(event, Alert):
            raised[event.detector] = SEVERITIES.index(event.severity) + 1
        else:
            raised.pop(event.detector, None)
        if not raised:
            del self._raised[event.scope]
        venue = Scope(venue=event.scope.venue)
        for scope in dict.fromkeys((event.scope, venue, DESK)):
            self._turned.add(scope)
            self._gather(scope)

    def turn(self, scope: Scope) -> None:
        """Remember that something a rule may read of a scope has changed."""
        self._turned.add(scope)

    def restless(self, now_ns: int) -> set[Scope]:
        """Return the scopes that are due whatever their score: an alert turned, or it is time to look again (rule 1)."""
        due = set(self._turned)
        if now_ns // SECOND_NS % REJUDGE_S == 0:
            due.update(scope for scope, open_ in self.alerts.items() if open_)
            due.update(scope for scope, level in self.levels.items() if level != "normal")
        return due

    def is_due(self, scope: Scope, score: float, restless: set[Scope]) -> bool:
        """Tell whether anything could be decided about a scope now (rule 1)."""
        return self.judges_always or int(score) != self._whole.get(scope, 0) or scope in restless

    def judge(
        self, now_ns: int, scope: Scope, score: float, parts: tuple[float, ...], values: Callable[[], Values]
    ) -> list[Event]:
        """Judge one scope and return what follows: the score told, rules' decisions, moves of the level."""
        events: list[Event] = []
        self._whole[scope] = int(score)
        if abs(score - self._told.get(scope, 0.0)) >= SCORE_TOLD_POINTS:
            self._told[scope] = score
            named: dict[str, float] = dict(zip(PARTS, (round(part, 3) for part in parts), strict=True))
            events.append(ScoreMoved(time_ns=now_ns, scope=scope, score=round(score, 3), parts=named))
        alerts = self.alerts.get(scope, {})
        events.extend(self.rules.evaluate(now_ns, scope, self.facts(scope, score, parts, values())))
        floor = self.rules.floor(scope)
        moves = self.escalation.update(
            now_ns, scope, score, floor.level, self._because(score, parts, alerts, floor.because)
        )
        for move in moves:
            self.levels[scope] = move.to_level
        events.extend(moves)
        return events

    def facts(self, scope: Scope, score: float, parts: tuple[float, ...], values: Values) -> dict[str, Any]:
        """Return what conditions may read of a scope: its own values, and what policy knows of it."""
        alerts = self.alerts.get(scope, {})
        return {
            **values,
            "score": score,
            "score_volatility": parts[0],
            "score_liquidity": parts[1],
            "score_correlation": parts[2],
            "score_trust": parts[3],
            "score_portfolio": parts[4],
            "level": self.levels.get(scope, "normal"),
            "alerts": alerts,
            "alerts_open": len(alerts),
        }

    def release(self, now_ns: int, scope: Scope, operator: str) -> LevelMoved | ReleaseRefused:
        """Let a person lower a scope by one level that needs a person."""
        moved = self.escalation.release(now_ns, scope, operator)
        if isinstance(moved, LevelMoved):
            self.levels[scope] = moved.to_level
            self._turned.add(scope)
        return moved

    def restore(self, moved: LevelMoved) -> None:
        """Take in a move of a run before this one: a restart lowers nothing."""
        self.levels[moved.scope] = moved.to_level
        self.escalation.restore(moved)

    def settle(self) -> None:
        """End a sweep: what had turned has been judged."""
        self._turned.clear()

    def memory(self) -> list[Any]:
        """Return all that is remembered, in a fixed order, for digests."""
        alerts = sorted((str(scope), sorted(open_.items())) for scope, open_ in self._raised.items())
        levels = sorted((str(scope), level) for scope, level in self.levels.items())
        return [alerts, levels, self.rules.memory()]

    def _gather(self, scope: Scope) -> None:
        worst: dict[str, int] = {}
        for member, raised in self._raised.items():
            if scope in (member, Scope(venue=member.venue), DESK):
                for detector, rank in raised.items():
                    worst[detector] = max(rank, worst.get(detector, 0))
        self.alerts[scope] = worst

    @staticmethod
    def _because(score: float, parts: tuple[float, ...], alerts: Mapping[str, int], floor: str) -> str:
        named = sorted(zip(parts, PARTS, strict=True), reverse=True)
        share = ", ".join(f"{name} {part:.0f}" for part, name in named if part >= 1.0) or "nothing"
        worst = sorted(alerts.items(), key=lambda item: (-item[1], item[0]))[:3]
        shown = "; " + ", ".join(f"{name} {SEVERITIES[rank - 1]}" for name, rank in worst) if worst else ""
        return f"score {score:.1f} ({share}){shown}" + (f"; {floor}" if floor else "")
