"""Booking: what one trade does to two accounts, the venue's fees and the public record.

Rules:

1. Accrued funding is booked before a position changes. The fee is taken from the same pool, rounded down in 1e-15 (a
   rebate away from zero by at most one), and goes to the venue.
2. An isolated position takes its margin from the crossed pool when it grows at a trade, and gives back its share, with the
   profit, when it shrinks by the account's own order. Forced orders leave the money in it until it is flat.
"""

from holdfast.lab.world.exchange.account import Holding
from holdfast.lab.world.exchange.contract import RATE_ONE, Contract
from holdfast.lab.world.exchange.news import BalanceMoved, Executed, OrderMoved, Printed
from holdfast.lab.world.exchange.state import VenueState
from holdfast.lab.world.exchange.views import MINOR, Fill, Order, Trade
from holdfast.order import Side


class Booking:
    """Writes trades into the books."""

    def __init__(self, state: VenueState) -> None:
        self._state = state
        self._fee_cap = float(state.settings.option_fee_cap)

    def trade(
        self,
        contract: Contract,
        ticks: int,
        lots: int,
        taker: tuple[Order, Holding],
        maker: tuple[Order, Holding],
        deleveraging: bool = False,
        unit: int | None = None,
    ) -> None:
        """Execute lots at a price between a taker and a maker. `unit` where the price is finer than a tick."""
        state = self._state
        now = state.now_ns
        state.trade_count += 1
        contract.trade_sequence += 1
        order = taker[0]
        forced = order.kind == "liquidation"
        side: Side = order.side
        trade = Trade(
            trade_id=state.trade_count,
            trade_sequence=contract.trade_sequence,
            time_ns=now,
            instrument=contract.symbol,
            side=side,
            ticks=ticks,
            lots=lots,
            tick=contract.tick,
            lot=contract.lot,
            index=state.index(contract.base),
            mark=contract.mark,
            liquidation=forced,
        )
        contract.print_trade(now, trade)
        state.news.append(Printed(trade))
        if unit is None:
            unit = contract.unit(ticks)
        signed = lots if side == "buy" else -lots
        self._book(contract, trade, signed, unit, taker, False, forced, False)
        self._book(contract, trade, -signed, unit, maker, True, False, deleveraging)

    def _book(
        self,
        contract: Contract,
        trade: Trade,
        lots: int,
        unit: int,
        whose: tuple[Order, Holding],
        is_maker: bool,
        forced: bool,
        deleveraging: bool,
    ) -> None:
        order, holding = whose
        state = self._state
        if holding.funding_index != contract.funding_index:
            state.settle_funding(holding)
        size = trade.lots
        fee = 0 if deleveraging or forced else self._fee(contract, size, unit, is_maker)
        before = holding.lots
        pool = holding.pool
        money = pool.money
        realised = holding.apply(lots, unit, trade.time_ns)
        if fee:
            pool.money -= fee
            settle = contract.settle
            state.fees[settle] = state.fees.get(settle, 0) + fee
        change = pool.money - money
        if pool.own is not None:
            self._isolate(holding, before, lots, unit, money, forced)
        order.filled_lots += size
        order.filled_value += size * trade.ticks
        order.fee_minor += fee
        order.realised_minor += realised
        order.updated_ns = trade.time_ns
        order.version += 1
        if order.filled_lots >= order.lots:
            order.state = "filled"
        account = holding.account
        fill = Fill(
            trade_id=trade.trade_id,
            trade_sequence=trade.trade_sequence,
            time_ns=trade.time_ns,
            account=account.name,
            instrument=contract.symbol,
            order_id=order.order_id,
            client_id=order.client_id,
            side=order.side,
            ticks=trade.ticks,
            lots=size,
            tick=contract.tick,
            lot=contract.lot,
            fee_minor=fee,
            fee_asset=contract.settle,
            realised_minor=realised,
            maker=is_maker,
            liquidation=forced,
            deleveraging=deleveraging,
            order_state=order.state,
            index=trade.index,
            mark=trade.mark,
        )
        account.fills.append(fill)
        news = state.news
        news.append(OrderMoved(account.name, order.copy(), trade.time_ns, "trade"))
        news.append(Executed(account.name, fill))
        if change:
            news.append(BalanceMoved(account.name, contract.settle, trade.time_ns, change, "trade"))
        state.tell_position(holding)

    def _fee(self, contract: Contract, lots: int, unit: int, is_maker: bool) -> int:
        rate = contract.maker_rate if is_maker else contract.taker_rate
        if not contract.is_option:
            return abs(unit) * lots * rate // RATE_ONE
        coin = 1.0 if contract.listing.inverse else self._state.index(contract.base)
        fee = int(contract.lot_size * coin * MINOR) * lots * rate // RATE_ONE
        return min(fee, int(abs(unit) * lots * self._fee_cap)) if fee > 0 else fee

    def _isolate(self, holding: Holding, before: int, lots: int, unit: int, money: int, forced: bool) -> None:
        """Move margin between the crossed pool and an isolated position that a trade has changed."""
        pool = holding.pool
        crossed = holding.account.pool(pool.asset)
        after = holding.lots
        given = 0
        if before and (before > 0) != (lots > 0):  # it shrank, went flat, or turned
            if after == 0 or (after > 0) != (before > 0):
                given = pool.money
            elif not forced:
                given = pool.money - money + money * -lots // before
            pool.money -= given
            crossed.money += given
        opened = abs(lots) if not before or (before > 0) == (lots > 0) else max(abs(lots) - abs(before), 0)
        if opened:
            taken = int(abs(unit) * opened * holding.im)
            pool.money += taken
            crossed.money -= taken
        crossed.touch()
        pool.touch()
