"""Desk risk: what the venues themselves say of margin and equity, with the desk's delta, for the fold at each sweep.

Rules:

1. What the venues say of equity and margin stands; what a worker measured besides comes as it is, as old as it is.
2. An account's ratio is maintenance margin over equity of its worst collateral asset; the worst account speaks for its
   venue, the worst venue for the desk.
3. The delta is that of positions and of the coins that lie as collateral.
4. Told when something moved by `CHANGE`, and each `REFRESH_NS` while there is anything to tell.
"""

from typing import Final

from holdfast.app.desk_view import DOLLARS, LiveView
from holdfast.clock import SECOND_NS
from holdfast.event import RiskMeasured, Scope
from holdfast.market.blotter import Blotter

CHANGE: Final = 0.005
REFRESH_NS: Final = 10 * SECOND_NS
RATIO_MAX: Final = 1_000.0


class DeskRisk:
    """Measure the desk from its blotter."""

    def __init__(self, blotter: Blotter, view: LiveView) -> None:
        self._blotter = blotter
        self._view = view
        self._told: dict[Scope, RiskMeasured] = {}
        self._worked: dict[Scope, dict[str, float]] = {}
        self._first_equity: dict[Scope, float] = {}

    def measure(self, now_ns: int, worked: list[RiskMeasured]) -> list[RiskMeasured]:
        """Return what is new: by venue and for the desk."""
        for one in worked:
            self._worked[one.scope] = one.values
        by_scope: dict[Scope, list[dict[str, float]]] = {}
        for venue, account in self._blotter.accounts_of():
            values = self._account(venue, account)
            if values:
                by_scope.setdefault(Scope(venue), []).append(values)
                by_scope.setdefault(Scope(), []).append(values)
        found: list[RiskMeasured] = []
        for scope in sorted(by_scope, key=str):
            values = _joined(by_scope[scope])
            first = self._first_equity.setdefault(scope, values["equity"])
            values["profit"] = values["equity"] - first
            values = self._worked.get(scope, {}) | values
            known = self._told.get(scope)
            fresh = bool(worked) or known is None or now_ns - known.time_ns >= REFRESH_NS
            if fresh or (known is not None and _has_moved(known.values, values)):
                self._told[scope] = RiskMeasured(now_ns, now_ns, scope, dict(sorted(values.items())))
                found.append(self._told[scope])
        return found

    def _account(self, venue: str, account: str) -> dict[str, float]:
        """Return one account's figures in dollars; nothing while no balance is known."""
        view = self._view
        equity_usd, ratio, coins_usd = 0.0, 0.0, 0.0
        is_known = False
        for balance in self._blotter.accounts[venue, account].balances.values():
            price = view.price_usd(balance.asset)
            if price is None:
                continue
            equity = float(balance.amount if balance.equity is None else balance.equity)
            margin = float(balance.maintenance_margin or 0)
            equity_usd += equity * price
            if balance.asset not in DOLLARS:
                coins_usd += float(balance.amount) * price
            is_known = True
            if margin > 0.0:
                ratio = max(ratio, min(margin / equity, RATIO_MAX) if equity > 0.0 else RATIO_MAX)
        if not is_known:
            return {}
        values = {
            "equity": equity_usd,
            "margin_ratio": ratio,
            "margin_distance": max(1.0 - ratio, -RATIO_MAX),
        }
        deltas: list[float | None] = []
        for held_venue, held_account, symbol in self._blotter.held(Scope(venue)):
            if held_account != account:
                continue
            instrument = view.instrument(held_venue, symbol)
            delta = view.delta(venue, account, symbol)
            price = view.price_usd(instrument.base) if instrument else None
            deltas.append(delta * price if delta is not None and price is not None else None)
        known = [one for one in deltas if one is not None]
        if len(known) == len(deltas):
            values["delta"] = sum(known) + coins_usd
        return values


def _joined(parts: list[dict[str, float]]) -> dict[str, float]:
    values = {
        "equity": sum(part["equity"] for part in parts),
        "margin_ratio": max(part["margin_ratio"] for part in parts),
        "margin_distance": min(part["margin_distance"] for part in parts),
    }
    if all("delta" in part for part in parts):
        values["delta"] = sum(part["delta"] for part in parts)
    return values


def _has_moved(before: dict[str, float], after: dict[str, float]) -> bool:
    if before.keys() != after.keys():
        return True
    scale = max(abs(after.get("equity", 0.0)), 1.0)
    for name, value in after.items():
        step = CHANGE * (1.0 if name in ("margin_ratio", "margin_distance") else scale)
        if abs(value - before[name]) >= step:
            return True
    return False
