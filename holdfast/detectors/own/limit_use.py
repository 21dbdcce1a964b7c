"""Limit use: how much of a limit the desk has used up: the notional of positions, and the margin of accounts.

Sees: the worst case of each position (with every order that is open or of unknown fate) in dollars against
`position_usd_max`, the sum of a venue against `venue_usd_max`, and maintenance margin over equity as the venue itself
says it against one. Four fifths of a limit raise it.
Fails: where no limit is set but margin; where the mark, the index or the listing is unknown, the position counts for nothing
here; an option counts as its whole underlying.
Cost: 45 us a fill or order where limits are set, else 1 us. Source: the desk's own limits.
"""

from typing import Any, Final

import msgspec

from holdfast.detectors.live import Context, Heard, LiveDetector
from holdfast.detectors.own.notional import notional_usd
from holdfast.event import BalanceReported, Filled, OrderReported, PositionReported, PositionsListed, Scope

POSITIONS_MAX: Final = 4_096
WARN_SHARE: Final = 0.8


class LimitUseSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """In dollars; 0: no such limit. `margin_share_max`: maintenance margin over equity, 1 is liquidation."""

    position_usd_max: float = 0.0
    venue_usd_max: float = 0.0
    margin_share_max: float = 1.0


class LimitUse(LiveDetector):
    """See the module: what it sees, when it fails, what it costs. Value: share of the limit; its line is four fifths."""

    name = "limit_use"
    evidence = ("kind", "used", "limit", "account")
    severities = (1.125, 1.25, 1.5)  # nine tenths, all, and a fifth more
    clear_after_s = 60.0

    def __init__(self, settings: LimitUseSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or LimitUseSettings()
        self._worth: dict[tuple[str, str, str], float] = {}
        self._margin: dict[tuple[str, str, str], float] = {}

    def hear(self, event: Heard, context: Context) -> None:
        """Value what an event may have moved."""
        known = self.settings
        if isinstance(event, BalanceReported):
            self._take_margin(event)
        elif known.position_usd_max or known.venue_usd_max:
            if isinstance(event, (Filled, OrderReported, PositionReported)):
                self._value((event.venue, event.account, event.instrument), context)
            elif isinstance(event, PositionsListed):
                account = context.blotter.accounts.get((event.venue, event.account))
                for instrument in account.holdings if account else ():
                    self._value((event.venue, event.account, instrument), context)

    def remembered(self) -> list[Any]:
        """Return what is used."""
        return [sorted(self._worth.items()), sorted(self._margin.items())]

    def _value(self, where: tuple[str, str, str], context: Context) -> None:
        venue, account, instrument = where
        low, high = context.blotter.exposure(*where)
        worth = notional_usd(context, venue, instrument, float(max(abs(low), abs(high))))
        if not worth:
            self._worth.pop(where, None)
        elif where in self._worth or len(self._worth) < POSITIONS_MAX:
            self._worth[where] = worth
        if self.settings.position_usd_max:
            of_all = sum(w for (v, _, i), w in self._worth.items() if (v, i) == (venue, instrument))
            self._judge(Scope(venue, instrument), "position", of_all, self.settings.position_usd_max, account)
        self._judge_venue(venue)

    def _take_margin(self, event: BalanceReported) -> None:
        where = (event.venue, event.account, event.asset)
        if event.equity is None or event.maintenance_margin is None or not event.maintenance_margin:
            self._margin.pop(where, None)
        elif where in self._margin or len(self._margin) < POSITIONS_MAX:
            equity = float(event.equity)
            self._margin[where] = float(event.maintenance_margin) / equity if equity > 0.0 else 10.0
        self._judge_venue(event.venue)

    def _judge_venue(self, venue: str) -> None:
        """Let the fullest limit of a venue speak for it."""
        margins = [(share, where[1]) for where, share in self._margin.items() if where[0] == venue]
        share, account = max(margins, default=(0.0, ""))
        used = ("margin", share, self.settings.margin_share_max, account)
        if self.settings.venue_usd_max:
            worth = sum(one for where, one in self._worth.items() if where[0] == venue)
            other = ("venue", worth, self.settings.venue_usd_max, "")
            used = max(used, other, key=lambda one: one[1] / one[2])
        self._judge(Scope(venue), *used)

    def _judge(self, scope: Scope, kind: str, used: float, limit: float, account: str) -> None:
        share = used / limit
        self.judge(
            scope,
            ratio=share / WARN_SHARE,
            value=share,
            threshold=WARN_SHARE,
            evidence={"kind": kind, "used": used, "limit": limit, "account": account},
            message=f"{100 * share:.0f} % of the limit of its {kind} is used ({_figure(used)} of {_figure(limit)})",
        )


def _figure(value: float) -> str:
    """Return dollars whole, and shares with three digits."""
    return f"{value:,.0f}" if abs(value) >= 1_000.0 else f"{value:.3g}"
