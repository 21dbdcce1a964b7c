"""LiveDetector: what watches the control plane, event by event, and the one life cycle of its alerts.

Rules, the same as those of the market's detectors (see `base`) but for what events instead of sweeps require:

1. A detector hears every event, after the blotter has folded it, and a tick each second. Time is the events' and never goes
   back: an event that is late counts as of now.
2. What it finds at a scope has a `ratio`, value over line: an alert is raised at 1, by severity, and speaks again only when
   its severity rises. It is cleared when the ratio stayed under `CLEAR_RATIO` for `clear_after_s`.
3. Only ticks clear and only what was heard raises, so that more ticks raise nothing more.
4. Memory is bounded: a detector knows at most `SCOPES_MAX` scopes; what is found beyond them is told of the venue.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Final

import msgspec

from holdfast.clock import SECOND_NS
from holdfast.detectors.base import CLEAR_RATIO
from holdfast.event import SEVERITIES, AccountEvent, Alert, AlertCleared, Scope, SystemMeasured
from holdfast.instrument import Instrument
from holdfast.market.blotter import Blotter

SCOPES_MAX: Final = 4_096
CRITICAL: Final = 4

Heard = AccountEvent | SystemMeasured
Spoken = Alert | AlertCleared
Evidence = dict[str, float | str]


def _unknown(*_: str) -> None:
    return None


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What a detector may look at beside the event. What is unknown is None.

    `mark` in quote units of an instrument, `index` in dollars of an asset, `target` the position that is wanted, signed.
    """

    blotter: Blotter
    instrument: Callable[[str, str], Instrument | None] = _unknown
    mark: Callable[[str, str], float | None] = _unknown
    index: Callable[[str], float | None] = _unknown
    target: Callable[[str, str, str], float | None] = _unknown


class _Open(msgspec.Struct):
    rank: int = 0
    ratio: float = 0.0
    calm_ns: int = 0


class LiveDetector(ABC):
    """One question asked of the desk's own flow or of the guard itself.

    A concrete detector is final, lives in a file of its name, and says in its docstring what it sees, when it fails, what it
    costs and its source. `findings` of one event or tick go through `judge`.
    """

    name: ClassVar[str]
    evidence: ClassVar[tuple[str, ...]]
    severities: ClassVar[tuple[float, float, float]] = (1.5, 2.0, 3.0)  # ratio for medium, high, critical
    clear_after_s: ClassVar[float] = 60.0

    def __init__(self) -> None:
        self.now_ns = 0
        self._scopes: dict[Scope, _Open] = {}
        self._told: list[Spoken] = []

    def on_event(self, event: Heard, context: Context) -> list[Spoken]:
        """Hear an event and return what follows."""
        self.now_ns = max(self.now_ns, event.time_ns)
        self.hear(event, context)
        return self._spoken()

    def on_tick(self, now_ns: int) -> list[Spoken]:
        """Let time pass and return what follows: once a second."""
        self.now_ns = max(self.now_ns, now_ns)
        self.tick()
        for scope, known in list(self._scopes.items()):
            if known.ratio >= CLEAR_RATIO:
                continue
            if self.now_ns - known.calm_ns >= self.clear_after_s * SECOND_NS:
                del self._scopes[scope]
                if known.rank:
                    self._told.append(AlertCleared(time_ns=self.now_ns, detector=self.name, scope=scope))
        return self._spoken()

    @abstractmethod
    def hear(self, event: Heard, context: Context) -> None:
        """Take in an event and `judge` what it shows."""

    def tick(self) -> None:
        """Take in that time has passed and `judge` what that shows."""

    def memory(self) -> list[Any]:
        """Return all that is remembered, in a fixed order, for digests."""
        scopes = sorted(
            (str(scope), known.rank, known.ratio, known.calm_ns) for scope, known in self._scopes.items()
        )
        return [self.name, self.now_ns, scopes, self.remembered()]

    def remembered(self) -> list[Any]:
        """Return what the detector itself remembers beyond its alerts."""
        return []

    def judge(
        self,
        scope: Scope,
        ratio: float,
        value: float,
        threshold: float,
        evidence: Evidence,
        message: str,
        rank: int | None = None,
    ) -> None:
        """Take in what was found at a scope now; `rank` where the severity does not follow from the ratio."""
        if scope not in self._scopes and len(self._scopes) >= SCOPES_MAX:
            scope = Scope(venue=scope.venue)
        known = self._scopes.get(scope)
        if known is None:
            if ratio < 1.0:
                return
            known = self._scopes[scope] = _Open()
        if ratio < CLEAR_RATIO and (known.ratio >= CLEAR_RATIO or not known.calm_ns):
            known.calm_ns = self.now_ns
        known.ratio = ratio
        found = 0 if ratio < 1.0 else rank or 1 + sum(ratio >= line for line in self.severities)
        if found > known.rank:
            known.rank = found
            self._told.append(
                Alert(
                    time_ns=self.now_ns,
                    detector=self.name,
                    scope=scope,
                    severity=SEVERITIES[found - 1],
                    value=value,
                    threshold=threshold,
                    evidence=evidence,
                    message=f"{scope}: {message}",
                )
            )

    def flash(
        self, scope: Scope, ratio: float, value: float, threshold: float, evidence: Evidence, message: str,
        rank: int | None = None,
    ) -> None:  # fmt: skip
        """Take in something that was over as soon as it happened: its alert stays for `clear_after_s` after the last one."""
        self.judge(scope, ratio, value, threshold, evidence, message, rank)
        known = self._scopes.get(scope)
        if known is not None and ratio >= 1.0:
            known.ratio, known.calm_ns = 0.0, self.now_ns

    def hold(self, scope: Scope, still: bool) -> None:
        """Say of a scope with something found whether that still lasts, where nothing is measured."""
        known = self._scopes[scope]
        if still:
            known.ratio = max(known.ratio, 1.0)
        elif known.ratio >= CLEAR_RATIO:
            known.ratio, known.calm_ns = 0.0, self.now_ns

    @property
    def open_scopes(self) -> list[Scope]:
        """Return the scopes at which something was found that has not been cleared."""
        return list(self._scopes)

    def _spoken(self) -> list[Spoken]:
        told, self._told = self._told, []
        return told
