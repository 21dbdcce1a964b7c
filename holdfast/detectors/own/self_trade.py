"""Self-trade: both sides of one trade are the desk's own.

Sees: two fills of one trade id of one instrument on opposite sides, on one account or on two. Prices made by trading with
oneself are what wash-trading rules forbid, meant or not, and the fees are paid twice. One is medium; many are worse.
Fails: where a venue reports only one side of a trade, or gives its sides different ids; for trades with an account that is
not guarded here. Cost: 2 us an event. Source: MAR art. 12 (1)(a); CME rule 534.
"""

from typing import Any, Final

from holdfast.detectors.live import Context, Heard, LiveDetector
from holdfast.detectors.own.flow import client_id_of, new_fill_in
from holdfast.detectors.own.rolling import RollingCount, Seen
from holdfast.event import Scope

TRADES_MAX: Final = 8_192
SCOPES_MAX: Final = 1_024
WINDOW_S: Final = 3_600.0


class SelfTrade(LiveDetector):
    """See the module: what it sees, when it fails, what it costs. Value: trades with ourselves within an hour."""

    name = "self_trade"
    evidence = ("trade_id", "strategy", "other_strategy", "price", "quantity", "account", "other_account")
    severities = (2.0, 5.0, 20.0)
    clear_after_s = 600.0

    def __init__(self) -> None:
        super().__init__()
        self._trades = Seen(TRADES_MAX)
        self._counts = Seen(SCOPES_MAX)

    def hear(self, event: Heard, context: Context) -> None:
        """Look for the other side of a fill."""
        fill = new_fill_in(event, context.blotter)
        if fill is None:
            return
        trade = (fill.venue, fill.instrument, fill.trade_id)
        client_id = client_id_of(fill, context.blotter) or ""
        side, other_id, other_account = self._trades.get(trade) or ("", "", "")
        if side in ("", fill.side):
            self._trades.keep(trade, (fill.side, client_id, fill.account))
            return
        scope = Scope(fill.venue, fill.instrument)
        count: RollingCount = self._counts.get(scope) or RollingCount(WINDOW_S)
        self._counts.keep(scope, count)
        count.add(self.now_ns)
        owner, other = (context.blotter.owner_of(one) or "nobody" for one in (client_id, other_id))
        self.flash(
            scope,
            ratio=count.total(self.now_ns),
            value=count.total(self.now_ns),
            threshold=1.0,
            evidence={
                "trade_id": fill.trade_id,
                "strategy": owner,
                "other_strategy": other,
                "price": float(fill.price),
                "quantity": float(fill.quantity),
                "account": fill.account,
                "other_account": other_account,
            },
            message=f"{owner} traded {fill.quantity} with {other} at {fill.price} (trade {fill.trade_id})",
            rank=2 + sum(count.total(self.now_ns) >= line for line in self.severities[1:]),
        )

    def remembered(self) -> list[Any]:
        """Return the trades of which one side was heard, and the counts."""
        return [
            [(name, self._trades.get(name)) for name in self._trades],
            [(str(scope), self._counts.get(scope).memory()) for scope in self._counts],
        ]
