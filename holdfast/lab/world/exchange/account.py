"""Accounts: money in pools, and what is held and asked for in each instrument.

Rules:

1. A pool is money of one asset that stands for the holdings in it: one a settlement asset for all crossed holdings, one of
   its own for each isolated holding.
2. A holding keeps what its lots cost, as an integer that can be negative. Futures: profit is booked to the pool when lots
   are closed, so the pool's money less the costs of its futures changes by exactly the value of each trade. Options: the
   premium is booked at the trade.
"""

from collections import deque
from itertools import takewhile

from holdfast.lab.world.exchange.contract import Contract
from holdfast.lab.world.exchange.order_book import Resting
from holdfast.lab.world.exchange.views import Fill, MarginMode, Order, Transfer


class Pool:
    """Money of one asset and the holdings that it stands for."""

    __slots__ = (
        "account", "asset", "gross", "has_options", "holdings", "is_fresh", "isolated", "money", "own", "safe_travel",
        "slack", "slack_travel",
    )  # fmt: skip

    def __init__(self, account: "Account", asset: str, own: "Holding | None" = None) -> None:
        self.account = account
        self.asset = asset
        self.own = own  # the holding of an isolated pool
        self.money = 0
        self.holdings: list[Holding] = [own] if own else []
        self.isolated: list[Holding] = []  # in a crossed pool: isolated holdings whose orders it must back
        self.has_options = False
        self.is_fresh = False
        self.slack = 0.0  # what was available when the pool was last measured, less what was asked for since
        self.slack_travel = 0.0  # how far marks had moved then
        self.gross = 0.0  # what the pool can lose at most when marks move by one
        self.safe_travel = 0.0  # no check of its health is due before marks have moved so far

    def touch(self) -> None:
        """Forget what was measured."""
        self.is_fresh = False
        self.safe_travel = 0.0


class Holding:
    """One account in one contract: lots held, what they cost, and what is asked for."""

    __slots__ = (
        "account", "buy_lots", "buy_value", "contract", "cost", "funding", "funding_index", "im", "leverage", "lots", "pool",
        "realised", "reduce", "sell_lots", "updated_ns",
    )  # fmt: skip

    def __init__(self, account: "Account", contract: Contract, pool: Pool | None) -> None:
        self.account = account
        self.contract = contract
        self.pool = pool or Pool(account, contract.settle, self)
        self.lots = 0
        self.cost = 0
        self.realised = 0  # since the position was opened
        self.funding = 0
        self.funding_index = contract.funding_index
        self.im = contract.im
        self.leverage = 1.0 / contract.im
        self.buy_lots = 0  # of open orders that may open or increase
        self.sell_lots = 0
        self.buy_value = 0  # ticks times lots of open buys
        self.reduce: dict[str, Resting] = {}
        self.updated_ns = 0

    @property
    def is_isolated(self) -> bool:
        """Tell whether money of its own stands for it."""
        return self.pool.own is not None

    def pending_funding(self) -> int:
        """Return funding that has accrued and is not booked."""
        return -self.lots * (self.contract.funding_index - self.funding_index)

    def exposure(self, buy: int = 0, sell: int = 0) -> int:
        """Return the largest position that open orders (and so many lots more) could make."""
        up = self.lots + self.buy_lots + buy
        down = self.sell_lots + sell - self.lots
        return up if up > down else down

    def ask(self, side_sign: int, lots: int, ticks: int) -> None:
        """Count lots of an open order (or, negative, no longer)."""
        if side_sign > 0:
            self.buy_lots += lots
            self.buy_value += lots * ticks
        else:
            self.sell_lots += lots
        if self.contract.is_option:
            self.pool.has_options = True

    def apply(self, lots: int, unit: int, now_ns: int) -> int:
        """Take signed lots at a unit value; return the profit of what they close, booked to the pool."""
        contract = self.contract
        pool = self.pool
        held = self.lots
        value = lots * unit
        realised = 0
        if held == 0 or (held > 0) == (lots > 0):
            if held == 0:
                self.realised = 0
                self.funding = 0
            self.cost += value
        else:
            if abs(lots) <= abs(held):
                closed = value
                released = self.cost * -lots // held
                self.cost -= released
            else:
                closed = -held * unit
                released = self.cost
                self.cost = value - closed
            realised = -(released + closed)
            self.realised += realised
        if contract.is_option:
            pool.money -= value
            pool.has_options = True
        else:
            pool.money += realised
        after = held + lots
        self.lots = after
        contract.open_interest += (after if after > 0 else 0) - (held if held > 0 else 0)
        self.updated_ns = now_ns
        pool.is_fresh = False
        pool.safe_travel = 0.0
        return realised


class Account:
    """One account of the venue."""

    __slots__ = (
        "client_ids", "dead_man", "ended", "fills", "holdings", "mode", "name", "number", "orders", "pools", "transfers",
    )  # fmt: skip

    def __init__(self, name: str, number: int, mode: MarginMode) -> None:
        self.name = name
        self.number = number
        self.mode: MarginMode = mode
        self.pools: dict[str, Pool] = {}
        self.holdings: dict[str, Holding] = {}
        self.orders: dict[str, Resting] = {}
        self.ended: dict[str, Order] = {}  # in the order in which they ended
        self.client_ids: dict[tuple[str, str], Order] = {}
        self.fills: deque[Fill] = deque()
        self.transfers: list[Transfer] = []
        self.dead_man: dict[str, int] = {}

    def pool(self, asset: str) -> Pool:
        """Return the crossed pool of an asset."""
        pool = self.pools.get(asset)
        if pool is None:
            pool = self.pools[asset] = Pool(self, asset)
        return pool

    def holding(self, contract: Contract) -> Holding:
        """Return the account's holding of a contract, opened flat where there was none."""
        holding = self.holdings.get(contract.symbol)
        if holding is None:
            crossed = self.pool(contract.settle)
            isolated = self.mode == "isolated" and not contract.is_option
            holding = Holding(self, contract, None if isolated else crossed)
            (crossed.isolated if isolated else crossed.holdings).append(holding)
            self.holdings[contract.symbol] = contract.holdings[self.name] = holding
        return holding

    def forget(self, old_ns: int) -> None:
        """Drop orders that ended and executions that happened before a time."""
        fills = self.fills
        old = list(takewhile(lambda order: order.updated_ns < old_ns, self.ended.values()))
        for order in old:
            del self.ended[order.order_id]
            key = (order.instrument, order.client_id)
            if self.client_ids.get(key) is order:
                del self.client_ids[key]
        while fills and fills[0].time_ns < old_ns:
            fills.popleft()
