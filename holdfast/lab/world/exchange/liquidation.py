"""Liquidation: what the venue does to an account that no longer meets its maintenance margin.

Rules:

1. First all orders of the pool are cancelled. Then, each mark one step: a share (`liquidation_fraction`) of
   the position with the largest requirement goes to the book, at the bankruptcy price or better (the price at which the
   pool would be worth nothing). A fee of what was closed, as far as there is equity, goes to the insurance fund.
2. A pool worth nothing or less is taken over: the insurance fund fills the hole as far as it reaches, each position goes to
   the book as far as the fund can bear, and what the book does not take is auto-deleveraged: closed at the bankruptcy price
   against the positions of the other side, ranked by profit times leverage, the earlier account first where equal.
3. Money is moved, never made: what the fund cannot bear, those deleveraged do, by a price worse than the mark.
"""

import math
from typing import Final

from holdfast.lab.world.exchange.account import Holding, Pool
from holdfast.lab.world.exchange.booking import Booking
from holdfast.lab.world.exchange.contract import RATE_ONE, Contract
from holdfast.lab.world.exchange.margin import Margin
from holdfast.lab.world.exchange.matching import Matching
from holdfast.lab.world.exchange.news import AccountCancelled, Liquidated
from holdfast.lab.world.exchange.state import VenueState
from holdfast.lab.world.exchange.views import MINOR, Order
from holdfast.order import Side

BEYOND: Final = 1_000  # times the mark: as far as any book reaches


class Liquidation:
    """The venue's liquidation engine."""

    def __init__(self, state: VenueState, margin: Margin, matching: Matching, booking: Booking) -> None:
        self._state = state
        self._margin = margin
        self._matching = matching
        self._booking = booking
        self._fee_rate = int(state.settings.liquidation_fee * RATE_ONE)

    def check(self) -> None:
        """Look at every pool that may have become unhealthy."""
        is_due, is_healthy = self._margin.is_due, self._margin.is_healthy
        for account in self._state.accounts.values():
            for pool in list(account.pools.values()):
                if is_due(pool) and not is_healthy(pool):
                    self._step(pool)
                for holding in pool.isolated:
                    own = holding.pool
                    if holding.lots and is_due(own) and not is_healthy(own):
                        self._step(own)

    def _step(self, pool: Pool) -> None:
        self._cancel_orders(pool)
        if self._margin.is_healthy(pool):
            return
        for holding in pool.holdings:
            self._state.settle_funding(holding)
        equity = _equity(pool)
        if equity <= 0:
            self._take_over(pool)
            return
        held = [holding for holding in pool.holdings if holding.lots]
        if not held:
            return
        holding = max(held, key=lambda h: (self._requirement(h), abs(h.lots * h.contract.mark_unit)))
        lots = max(math.ceil(abs(holding.lots) * self._state.settings.liquidation_fraction), 1)
        closed, value = self._to_book(holding, lots, equity, "book")
        if closed:
            self._charge(holding, value)
        if _equity(pool) <= 0:
            self._take_over(pool)

    def _cancel_orders(self, pool: Pool) -> None:
        mine = {id(holding) for holding in pool.holdings}
        waiting = [resting for resting in pool.account.orders.values() if id(resting.holding) in mine]
        if waiting:
            self._matching.cancel_many(waiting, "liquidation")
            self._state.news.append(
                AccountCancelled(pool.account.name, "", self._state.now_ns, "liquidation", len(waiting))
            )

    def _requirement(self, holding: Holding) -> float:
        contract = holding.contract
        if contract.is_option:
            coin = 1.0 if contract.listing.inverse else self._state.index(contract.base)
            return max(-holding.lots, 0) * (contract.mark_unit + contract.mm * contract.lot_size * coin)
        return abs(holding.lots * contract.mark_unit) * contract.mm

    def _to_book(self, holding: Holding, lots: int, equity: int, how: str) -> tuple[int, int]:
        """Send a forced order that costs the pool at most `equity`; return lots closed and what they were worth."""
        contract = holding.contract
        side: Side = "sell" if holding.lots > 0 else "buy"
        ticks = _worst_ticks(contract, side, _unit_less(holding, equity))
        opposite = contract.bids if side == "sell" else contract.asks
        if ticks <= 0 or not opposite.keys or opposite.keys[-1] < opposite.sign * ticks:
            return 0, 0
        order = self._forced_order(holding, side, lots, ticks)
        self._matching.run(order, holding, ticks)
        if not order.filled_lots:
            return 0, 0
        self._tell(order, how)
        if contract.is_reciprocal:
            average = order.filled_value / order.filled_lots
            return order.filled_lots, int(order.filled_lots * contract.unit_scale / average)
        return order.filled_lots, order.filled_value * contract.unit_scale

    def _forced_order(self, holding: Holding, side: Side, lots: int, ticks: int) -> Order:
        return self._matching.new_order(holding, side, lots, ticks, "liquidation", "ioc", False, False, "")

    def _charge(self, holding: Holding, value: int) -> None:
        fee = min(value * self._fee_rate // RATE_ONE, max(_equity(holding.pool), 0))
        self._pay(holding, -fee)

    def _pay(self, holding: Holding, amount: int) -> None:
        """Pay from the insurance fund to a pool, or (negative) the other way."""
        asset = holding.contract.settle
        self._state.insurance[asset] = self._state.insurance.get(asset, 0) - amount
        self._state.move_money(holding, amount, "insurance")

    def _take_over(self, pool: Pool) -> None:
        if not pool.holdings:
            return
        held = [holding for holding in pool.holdings if holding.lots]
        held.sort(key=lambda h: -abs(h.lots * h.contract.mark_unit))
        for holding in held:
            equity = self._rescue(pool, holding)
            fund = max(self._state.insurance.get(pool.asset, 0), 0)
            self._to_book(holding, abs(holding.lots), max(equity, 0) + fund, "insurance")
            if holding.lots:
                equity = self._rescue(pool, holding)
                self._deleverage(holding, equity)
        if pool.money < 0 and not any(holding.lots for holding in pool.holdings):
            self._pay(pool.holdings[0], -pool.money)
        if pool.own is not None and not pool.own.lots and pool.money:
            crossed = pool.account.pool(pool.asset)
            crossed.money += pool.money
            pool.money = 0
            crossed.touch()

    def _rescue(self, pool: Pool, holding: Holding) -> int:
        """Fill a pool's hole from the fund as far as it reaches; return its equity then."""
        equity = _equity(pool)
        fund = self._state.insurance.get(pool.asset, 0)
        if equity < 0 < fund:
            self._pay(holding, min(fund, -equity))
            equity = _equity(pool)
        return equity

    def _deleverage(self, holding: Holding, equity: int) -> None:
        """Close a position against the other side's best-ranked, at the price where its pool is worth nothing."""
        contract = holding.contract
        side: Side = "sell" if holding.lots > 0 else "buy"
        unit = _unit_less(holding, min(equity, 0))
        price = contract.price_at(unit / MINOR)
        ticks = max(round(price / contract.tick_size), 1) if math.isfinite(price) and price > 0.0 else 1
        order = self._forced_order(holding, side, abs(holding.lots), ticks)
        for other in self._ranked(contract, holding):
            lots = min(abs(other.lots), abs(holding.lots))
            if not lots:
                continue
            opposite: Side = "buy" if side == "sell" else "sell"
            theirs = self._forced_order(other, opposite, lots, ticks)
            account = other.account
            self._booking.trade(contract, ticks, lots, (order, holding), (theirs, other), True, unit)
            account.ended[theirs.order_id] = theirs
            self._cut_orders(other)
            self._tell(theirs, "deleveraging")
            if not holding.lots:
                break
        holding.account.ended[order.order_id] = order
        self._tell(order, "deleveraging")
        self._state.tell_book(contract)

    def _cut_orders(self, holding: Holding) -> None:
        if holding.reduce:
            self._matching.trim(holding)

    def _ranked(self, contract: Contract, closing: Holding) -> list[Holding]:
        """Return the other side's holdings, those with most profit and leverage first."""
        others = [h for h in contract.holdings.values() if h.lots and (h.lots > 0) != (closing.lots > 0)]
        return sorted(others, key=lambda h: (-self._rank(h), h.account.number))

    def _rank(self, holding: Holding) -> float:
        contract = holding.contract
        profit = holding.lots * contract.mark_unit - holding.cost / MINOR
        share = profit / max(abs(holding.cost) / MINOR, 1e-12)
        equity = self._margin.measure(holding.pool).equity
        leverage = abs(holding.lots * contract.mark_unit) / max(equity, 1e-12)
        return share * leverage if share > 0.0 else share / max(leverage, 1e-12)

    def _tell(self, order: Order, how: str) -> None:
        if order.filled_lots:
            price = order.average_price
            assert price is not None
            self._state.news.append(
                Liquidated(
                    order.account, order.instrument, self._state.now_ns, order.side, order.filled, price, how
                )
            )


def _mark_unit(contract: Contract) -> int:
    """Return what one lot is worth at the mark, in 1e-15."""
    return round(contract.mark_unit * MINOR)


def _equity(pool: Pool) -> int:
    """Return what a pool is worth, in 1e-15."""
    equity = pool.money
    for holding in pool.holdings:
        if holding.lots:
            equity += holding.lots * _mark_unit(holding.contract) + holding.pending_funding()
            equity -= 0 if holding.contract.is_option else holding.cost
    return equity


def _unit_less(holding: Holding, equity: int) -> int:
    """Return what one lot must be closed at to cost the pool `equity` against the mark, rounded in the pool's favour."""
    return _mark_unit(holding.contract) + (
        -(equity // holding.lots) if holding.lots > 0 else equity // -holding.lots
    )


def _worst_ticks(contract: Contract, side: Side, unit: int) -> int:
    """Return the worst price in ticks at which a lot is worth `unit` to the seller (or costs it the buyer), 0: none."""
    if contract.is_reciprocal:
        if unit >= 0:  # no price is that high
            return 0 if side == "sell" else int(contract.mark / contract.tick_size) * BEYOND
        return -(contract.unit_scale // unit) if side == "sell" else contract.unit_scale // -unit
    return max(-(-unit // contract.unit_scale), 1) if side == "sell" else unit // contract.unit_scale
