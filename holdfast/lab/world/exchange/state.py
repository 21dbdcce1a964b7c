"""State of a venue, shared by the parts of the exchange: clock, contracts, accounts, prices, money of its own, news."""

import heapq
from collections.abc import Callable
from typing import Final

from holdfast.lab.world.exchange.account import Account, Holding
from holdfast.lab.world.exchange.contract import Contract
from holdfast.lab.world.exchange.listing import ExchangeSettings
from holdfast.lab.world.exchange.news import BalanceMoved, BookMoved, FundingPaid, News, PositionMoved
from holdfast.lab.world.exchange.views import from_minor

DOLLARS: Final = ("USD", "USDT", "USDC")


class AssetPrice:
    """The index of an asset, its time integral, and the volatility of its options."""

    __slots__ = ("index", "integral", "since_ns", "volatility")

    def __init__(self, index: float, now_ns: int) -> None:
        self.index = index
        self.integral = 0.0  # of the index over seconds
        self.since_ns = now_ns
        self.volatility = 0.6

    def integral_at(self, now_ns: int) -> float:
        """Return the integral of the index up to now, in dollars times seconds."""
        return self.integral + self.index * (now_ns - self.since_ns) * 1e-9


class VenueState:
    """Everything that the parts of the exchange share."""

    def __init__(self, settings: ExchangeSettings, start_ns: int) -> None:
        self.settings = settings
        self.now_ns = start_ns
        self.contracts: dict[str, Contract] = {}
        self.accounts: dict[str, Account] = {}
        self.prices: dict[str, AssetPrice] = {}
        self.insurance: dict[str, int] = {}
        self.fees: dict[str, int] = {}
        self.brought: dict[str, int] = {}
        self.news: list[News] = []
        self.travel = 0.0  # the sum of the largest relative moves of any mark
        self.trade_count = 0
        self.order_count = 0
        self._timers: list[tuple[int, int, Callable[[int], None]]] = []
        self._timer_count = 0

    # time

    def at(self, time_ns: int, act: Callable[[int], None]) -> None:
        """Have something done when time gets there; equal times in the order in which they were asked for."""
        self._timer_count += 1
        heapq.heappush(self._timers, (time_ns, self._timer_count, act))

    @property
    def next_timer_ns(self) -> int:
        """Return when the first timer is due; far away where there is none."""
        return self._timers[0][0] if self._timers else 1 << 62

    def take_timer(self) -> Callable[[int], None]:
        """Remove the first timer."""
        return heapq.heappop(self._timers)[2]

    # prices

    def index(self, asset: str) -> float:
        """Return the index of an asset in dollars, 0 where there is none."""
        price = self.prices.get(asset)
        if price is not None:
            return price.index
        return 1.0 if asset in DOLLARS else 0.0

    # money

    def move_money(self, holding: Holding, amount: int, because: str) -> None:
        """Book money to the pool of a holding."""
        if amount:
            holding.pool.money += amount
            holding.pool.touch()
            asset = holding.contract.settle
            self.news.append(BalanceMoved(holding.account.name, asset, self.now_ns, amount, because))

    def settle_funding(self, holding: Holding, rate: float = 0.0) -> None:
        """Book the funding that a holding has accrued."""
        contract = holding.contract
        if holding.funding_index == contract.funding_index:
            return
        amount = holding.pending_funding()
        holding.funding_index = contract.funding_index
        if amount:
            holding.funding += amount
            self.move_money(holding, amount, "funding")
            self.news.append(
                FundingPaid(
                    holding.account.name,
                    contract.symbol,
                    self.now_ns,
                    contract.settle,
                    from_minor(amount),
                    rate,
                )
            )

    # news

    def tell_position(self, holding: Holding) -> None:
        """Tell that a position moved."""
        self.news.append(PositionMoved(holding.account.name, holding.contract.symbol, self.now_ns))

    def tell_book(self, contract: Contract) -> None:
        """Tell what the operation at hand changed in the book."""
        moved = contract.moved
        if not moved:
            return
        if len(moved) > 1:
            moved = list(dict.fromkeys(moved))
        changes = []
        for sign, ticks in moved:
            side = contract.bids if sign > 0 else contract.asks
            level = side.levels.get(sign * ticks)
            changes.append(("buy" if sign > 0 else "sell", ticks, level.lots if level is not None else 0))
        contract.moved = []
        before = contract.change_id
        contract.change_id = before + 1
        contract.is_ticker_stale = True
        self.news.append(
            BookMoved(
                contract.symbol, self.now_ns, before + 1, before, tuple(changes), contract.tick, contract.lot
            )
        )
