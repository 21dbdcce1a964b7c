"""Position drift: the venue's position is not the one that the desk's own fills explain, or that was intended.

Sees: the difference between a position and the first statement of it plus every fill since (or the target given for it),
once it has stood for `settle_s`, so that a fill on its way explains it. A lot or less is nothing; the severity goes by the
share of the larger of both: a hundredth is medium, a tenth high, a half critical.
Fails: for what was wrong before the first statement; for two mistakes that cancel out. An instrument that expires, expires:
its position goes without a fill and raises nothing. Transfers of spot coins are not positions.
Cost: 2 us an event. Source: the complaints of users of other frameworks about positions that nobody tracked.
"""

from typing import Any, Final

import msgspec

from holdfast.clock import SECOND_NS
from holdfast.detectors.live import Context, Heard, LiveDetector
from holdfast.event import Filled, PositionReported, PositionsListed, Scope

POSITIONS_MAX: Final = 4_096
LOT_DEFAULT: Final = 1e-8
_SHARES: Final = (0.01, 0.1, 0.5)

_Where = tuple[str, str, str]


class DriftSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a difference must stand, and how many lots are nothing."""

    settle_s: float = 5.0
    lots_max: float = 1.0


class _Drift(msgspec.Struct):
    drift: float
    position: float
    intended: float
    lot: float
    since_ns: int


class PositionDrift(LiveDetector):
    """See the module: what it sees, when it fails, what it costs. Value: the difference, in the venue's amount unit."""

    name = "position_drift"
    evidence = ("position", "intended", "drift", "account", "since_s")
    clear_after_s = 30.0

    def __init__(self, settings: DriftSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or DriftSettings()
        self._drifts: dict[_Where, _Drift] = {}

    def hear(self, event: Heard, context: Context) -> None:
        """Compare the positions that an event may have moved."""
        if isinstance(event, (Filled, PositionReported)):
            self._compare((event.venue, event.account, event.instrument), context)
        elif isinstance(event, PositionsListed):
            account = context.blotter.accounts.get((event.venue, event.account))
            for instrument in account.holdings if account else ():
                self._compare((event.venue, event.account, instrument), context)

    def tick(self) -> None:
        """Judge the differences that have stood long enough, the worst account of each instrument."""
        worst: dict[Scope, tuple[float, _Where]] = {}
        for where, one in self._drifts.items():
            if self.now_ns - one.since_ns >= self.settings.settle_s * SECOND_NS:
                scope = Scope(where[0], where[2])
                worst[scope] = max(worst.get(scope, (0.0, where)), (abs(one.drift), where))
        for scope in self.open_scopes:
            if scope not in worst:
                self.judge(scope, 0.0, 0.0, 0.0, {}, "")
        for scope, (_, where) in worst.items():
            self._tell(scope, where, self._drifts[where])

    def remembered(self) -> list[Any]:
        """Return the differences that stand."""
        return [[where, msgspec.to_builtins(one)] for where, one in sorted(self._drifts.items())]

    def _compare(self, where: _Where, context: Context) -> None:
        holding = context.blotter.holding(*where)
        instrument = context.instrument(where[0], where[2])
        position, target = float(holding.position), context.target(*where)
        intended = float(holding.explained) if target is None else target
        drift = position - intended if target is not None else float(holding.drift)
        lot = float(instrument.lot_size) if instrument is not None and instrument.lot_size else LOT_DEFAULT
        known = self._drifts.get(where)
        expired = instrument is not None and instrument.expiry_ns > 0 and self.now_ns >= instrument.expiry_ns
        if abs(drift) <= self.settings.lots_max * lot or expired:
            self._drifts.pop(where, None)
        elif known is not None:
            known.drift, known.position, known.intended = drift, position, intended
        elif len(self._drifts) < POSITIONS_MAX:
            self._drifts[where] = _Drift(drift, position, intended, lot, self.now_ns)

    def _tell(self, scope: Scope, where: _Where, one: _Drift) -> None:
        share = abs(one.drift) / max(abs(one.position), abs(one.intended))
        since_s = (self.now_ns - one.since_ns) / SECOND_NS
        line = self.settings.lots_max * one.lot
        self.judge(
            scope,
            ratio=abs(one.drift) / line,
            value=abs(one.drift),
            threshold=line,
            evidence={
                "position": one.position,
                "intended": one.intended,
                "drift": one.drift,
                "account": where[1],
                "since_s": since_s,
            },
            message=(
                f"account {where[1]} holds {one.position:g}, and {one.intended:g} is explained:"
                f" {one.drift:+g} for {since_s:.0f} s"
            ),
            rank=1 + sum(share >= line for line in _SHARES),
        )
