"""Matching: price-time priority. Orders take what meets them, then rest; edits, cancels and what ends an order.

Rules:

1. The best price first, at one price the earliest first, each trade at the resting order's price.
2. An edit keeps its place only when it asks for less at the same price; any other is as a new order with the old id.
3. Resting reduce-only orders never ask for more than the position: when it shrinks, the latest are cut or cancelled.
4. `tell_book` follows each operation once, so one operation is one change id.
"""

from holdfast.lab.world.exchange.account import Account, Holding
from holdfast.lab.world.exchange.booking import Booking
from holdfast.lab.world.exchange.contract import Contract
from holdfast.lab.world.exchange.news import OrderMoved
from holdfast.lab.world.exchange.order_book import Resting
from holdfast.lab.world.exchange.state import VenueState
from holdfast.lab.world.exchange.views import CancelReason, Order
from holdfast.order import Side, TimeInForce


class Matching:
    """The matching engine of all books of a venue."""

    def __init__(self, state: VenueState, booking: Booking) -> None:
        self._state = state
        self._booking = booking
        self._cancels_maker = state.settings.self_trade == "cancel_maker"

    def new_order(
        self,
        holding: Holding,
        side: Side,
        lots: int,
        ticks: int,
        kind: str,
        time_in_force: TimeInForce,
        post_only: bool,
        reduce_only: bool,
        client_id: str,
    ) -> Order:
        """Give an order its number and tell of it."""
        state = self._state
        state.order_count = number = state.order_count + 1
        contract = holding.contract
        account = holding.account
        order = Order(
            order_id=str(number),
            account=account.name,
            instrument=contract.symbol,
            client_id=client_id,
            side=side,
            kind=kind,  # type: ignore[arg-type]
            time_in_force=time_in_force,
            post_only=post_only,
            reduce_only=reduce_only,
            created_ns=state.now_ns,
            updated_ns=state.now_ns,
            ticks=ticks,
            lots=lots,
            tick=contract.tick,
            lot=contract.lot,
            sequence=number,
        )
        if client_id:
            account.client_ids[contract.symbol, client_id] = order
        state.news.append(OrderMoved(account.name, order.copy(), state.now_ns, "new"))
        return order

    def run(self, order: Order, holding: Holding, worst_ticks: int) -> None:
        """Match an order down to `worst_ticks` and rest or end what is left of it."""
        contract = holding.contract
        left = order.lots - order.filled_lots
        side = contract.asks if order.side == "buy" else contract.bids
        worst = side.sign * worst_ticks
        if side.keys and side.keys[-1] >= worst:
            if order.time_in_force == "fok" and side.within(worst, left) < left:
                self._end(order, holding.account, "cancelled", "immediate")
                return
            left = self._take(order, holding, worst, left)
            if holding.reduce:
                self.trim(holding)
        if not left:
            self._keep_ended(order, holding.account)
        elif order.time_in_force == "gtc" and order.kind == "limit":
            self._rest(order, holding, left)
        else:
            self._end(order, holding.account, "cancelled", "immediate")
        self._state.tell_book(contract)

    def cancel(self, resting: Resting, reason: CancelReason) -> Order:
        """Take an order out of the book."""
        holding = resting.holding
        order = resting.order
        self._withdraw(resting)
        self._end(order, holding.account, "cancelled", reason)
        return order

    def cancel_now(self, resting: Resting, reason: CancelReason) -> Order:
        """Cancel one order as an operation of its own."""
        order = self.cancel(resting, reason)
        self._state.tell_book(resting.holding.contract)
        return order

    def cancel_many(self, waiting: list[Resting], reason: CancelReason) -> None:
        """Cancel several orders; each book moves once."""
        contracts: dict[str, Contract] = {}
        for resting in waiting:
            self.cancel(resting, reason)
            contracts[resting.order.instrument] = resting.holding.contract
        for contract in contracts.values():
            self._state.tell_book(contract)

    def shrink(self, resting: Resting, lots: int) -> None:
        """Make an order smaller at its price; it keeps its place."""
        order, holding = resting.order, resting.holding
        cut = order.lots - lots
        side = holding.contract.bids if order.side == "buy" else holding.contract.asks
        side.shrink(resting, cut)
        holding.contract.moved.append((side.sign, order.ticks))
        if not order.reduce_only:
            holding.ask(side.sign, -cut, order.ticks)
        order.lots = lots
        self._edited(order)

    def requeue(self, resting: Resting, lots: int, ticks: int) -> None:
        """Give an order another price or more lots: it leaves its place and comes in again."""
        order, holding = resting.order, resting.holding
        self._withdraw(resting)
        order.lots = lots
        order.ticks = ticks
        self._edited(order)
        self.run(order, holding, ticks)

    def trim(self, holding: Holding) -> None:
        """Cut reduce-only orders to what is left to reduce."""
        allowed = abs(holding.lots)
        closing = "sell" if holding.lots > 0 else "buy"
        for resting in list(holding.reduce.values()):
            order = resting.order
            if not allowed or order.side != closing:
                self.cancel(resting, "reduce_only")
            elif resting.left > allowed:
                self.shrink(resting, order.lots - (resting.left - allowed))
                allowed = 0
            else:
                allowed -= resting.left

    def _take(self, order: Order, holding: Holding, worst: int, left: int) -> int:
        contract = holding.contract
        side = contract.asks if order.side == "buy" else contract.bids
        keys, levels = side.keys, side.levels
        taker = (order, holding)
        trade = self._booking.trade
        while left and keys and keys[-1] >= worst:
            level = levels[keys[-1]]
            ticks = level.ticks
            contract.moved.append((side.sign, ticks))
            queue = level.queue
            while left and level.lots:
                maker = queue[0]
                size = maker.left
                if not size:
                    queue.popleft()
                    level.dead -= 1
                    continue
                whose = maker.holding
                if whose is holding and self._cancels_maker:
                    self.cancel(maker, "self_trade")
                    queue = level.queue
                    continue
                if size > left:
                    size = left
                left -= size
                maker.left -= size
                level.lots -= size
                resting = maker.order
                if not resting.reduce_only:
                    whose.ask(side.sign, -size, ticks)
                trade(contract, ticks, size, taker, (resting, whose))
                if not maker.left:
                    queue.popleft()
                    maker.level = None
                    self._forget(resting, whose)
                    self._keep_ended(resting, whose.account)
                if whose.reduce and whose is not holding:
                    self.trim(whose)
                    queue = level.queue
            if not level.lots:
                side.drop(level)
        return left

    def _rest(self, order: Order, holding: Holding, left: int) -> None:
        contract = holding.contract
        side = contract.bids if order.side == "buy" else contract.asks
        resting = Resting(order, holding, left)
        side.add(resting, order.ticks)
        holding.account.orders[order.order_id] = resting
        contract.moved.append((side.sign, order.ticks))
        if order.reduce_only:
            holding.reduce[order.order_id] = resting
            self.trim(holding)
        else:
            holding.ask(side.sign, left, order.ticks)

    def _withdraw(self, resting: Resting) -> None:
        order, holding = resting.order, resting.holding
        contract = holding.contract
        side = contract.bids if order.side == "buy" else contract.asks
        if not order.reduce_only:
            holding.ask(side.sign, -resting.left, order.ticks)
        side.remove(resting)
        contract.moved.append((side.sign, order.ticks))
        self._forget(order, holding)

    def _forget(self, order: Order, holding: Holding) -> None:
        del holding.account.orders[order.order_id]
        if order.reduce_only:
            holding.reduce.pop(order.order_id, None)

    def _edited(self, order: Order) -> None:
        order.version += 1
        order.is_edited = True
        order.updated_ns = self._state.now_ns
        self._state.news.append(OrderMoved(order.account, order.copy(), self._state.now_ns, "edit"))

    def _end(self, order: Order, account: Account, state: str, reason: CancelReason) -> None:
        order.state = state  # type: ignore[assignment]
        order.reason = reason
        order.version += 1
        order.updated_ns = self._state.now_ns
        self._state.news.append(OrderMoved(account.name, order.copy(), self._state.now_ns, "cancel"))
        self._keep_ended(order, account)

    def _keep_ended(self, order: Order, account: Account) -> None:
        account.ended[order.order_id] = order
