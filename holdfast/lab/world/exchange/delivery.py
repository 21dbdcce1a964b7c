"""Delivery: how futures and options end.

Rules:

1. The delivery price is the average of the index over the last half hour (or since the instrument was listed, if later).
2. At expiry open orders are cancelled, futures close at the delivery price and options pay what they are worth there:
   call max(price - strike, 0), put max(strike - price, 0), divided by the price where they are settled in coins. No fee.
3. What one lot is worth is rounded once, so what longs get is what shorts pay.
"""

from typing import Final

from holdfast.lab.world.exchange.contract import Contract
from holdfast.lab.world.exchange.marks import Marks
from holdfast.lab.world.exchange.matching import Matching
from holdfast.lab.world.exchange.news import BalanceMoved, InstrumentExpired
from holdfast.lab.world.exchange.state import VenueState
from holdfast.lab.world.exchange.views import MINOR

WINDOW_NS: Final = 30 * 60 * 1_000_000_000


class Delivery:
    """Settles contracts that expire."""

    def __init__(self, state: VenueState, marks: Marks, matching: Matching) -> None:
        self._state = state
        self._marks = marks
        self._matching = matching
        self._windows: dict[str, tuple[int, float]] = {}  # when the average began, and the integral then

    def add(self, contract: Contract) -> None:
        """Settle a contract at its expiry."""
        expiry_ns = contract.listing.expiry_ns
        if not expiry_ns:
            return
        begin_ns = max(expiry_ns - WINDOW_NS, self._state.now_ns)
        self._state.at(begin_ns, lambda due_ns: self._begin(contract, due_ns))
        self._state.at(expiry_ns, lambda _: self._settle(contract))

    def price(self, contract: Contract) -> float:
        """Return the average of the settlement window so far, or the delivery price; the index before the window."""
        if contract.delivery:
            return contract.delivery
        state = self._state
        began = self._windows.get(contract.symbol)
        price = state.prices.get(contract.base)
        if began is None or price is None or state.now_ns <= began[0]:
            return state.index(contract.base)
        return (price.integral_at(state.now_ns) - began[1]) / ((state.now_ns - began[0]) * 1e-9)

    def _begin(self, contract: Contract, due_ns: int) -> None:
        price = self._state.prices.get(contract.base)
        if price is not None:
            self._windows[contract.symbol] = (due_ns, price.integral_at(due_ns))

    def _settle(self, contract: Contract) -> None:
        state = self._state
        delivery = self.price(contract)
        contract.is_open = False
        contract.delivery = delivery
        waiting = [
            resting
            for account in state.accounts.values()
            for resting in account.orders.values()
            if resting.holding.contract is contract
        ]
        self._matching.cancel_many(waiting, "expiry")
        unit = self._unit(contract, delivery)
        for holding in contract.holdings.values():
            pool = holding.pool
            before = pool.money
            held = holding.lots
            if held:
                holding.apply(-held, unit, state.now_ns)
            change = pool.money - before
            if change:
                news = BalanceMoved(holding.account.name, contract.settle, state.now_ns, change, "delivery")
                state.news.append(news)
            if pool.own is not None:
                crossed = holding.account.pool(pool.asset)
                crossed.money += pool.money
                pool.money = 0
                crossed.touch()
                crossed.isolated.remove(holding)
            else:
                pool.holdings.remove(holding)
            if held:
                state.tell_position(holding)
        self._marks.remove(contract)
        state.news.append(InstrumentExpired(contract.symbol, state.now_ns, delivery))

    @staticmethod
    def _unit(contract: Contract, delivery: float) -> int:
        if not contract.is_option:
            return round(contract.unit_at(delivery) * MINOR)
        listing = contract.listing
        away = delivery - float(listing.strike)
        payoff = max(away if listing.option_type == "call" else -away, 0.0)
        return round((payoff / delivery if listing.inverse else payoff) * contract.lot_size * MINOR)
