"""The exchange: the face of a simulated venue. See the package for its rules."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, Literal

from holdfast.error import CallerError
from holdfast.lab.world.exchange.account import Account
from holdfast.lab.world.exchange.contract import Contract
from holdfast.lab.world.exchange.dead_man import DeadMan
from holdfast.lab.world.exchange.intake import Intake
from holdfast.lab.world.exchange.liquidation import Liquidation
from holdfast.lab.world.exchange.listing import ExchangeSettings, Listing, ListingKind
from holdfast.lab.world.exchange.news import AccountCancelled, News, TickerMoved
from holdfast.lab.world.exchange.questions import Questions
from holdfast.lab.world.exchange.state import AssetPrice
from holdfast.lab.world.exchange.views import (
    MarginMode,
    Order,
    OrderRequest,
    Refused,
    Transfer,
)
from holdfast.order import Side, TimeInForce

PRUNE_NS: Final = 600_000_000_000


class Exchange(Questions):
    """One venue: the acting side; what can be asked of it is in `Questions`."""

    def __init__(
        self,
        venue: str,
        listings: Sequence[Listing],
        start_ns: int,
        *,
        settings: ExchangeSettings | None = None,
    ) -> None:
        super().__init__(venue, start_ns, settings or ExchangeSettings())
        state = self._state
        self._intake = Intake(state, self._marks, self._margin, self._matching)
        self._liquidation = Liquidation(state, self._margin, self._matching, self._booking)
        self._dead_man = DeadMan(state, self._matching)
        self._next_mark_ns = start_ns
        self._next_prune_ns = start_ns + PRUNE_NS
        for listing in listings:
            self.list_instrument(listing)

    # the world's side

    def list_instrument(self, listing: Listing) -> None:
        """Add an instrument while the venue runs."""
        if listing.symbol in self.listings:
            raise CallerError("listing.known", f"{listing.symbol} is listed already")
        contract = Contract(listing, self.settings.trades_kept_max)
        self.listings[listing.symbol] = listing
        self._state.contracts[listing.symbol] = contract
        self._marks.add(contract)
        self._delivery.add(contract)
        if listing.kind == "perpetual":
            self._funding.add(contract)

    def set_index(self, asset: str, price: float) -> None:
        """Set the index of an asset in dollars; marks follow it and the book."""
        if not 0.0 < price < float("inf"):
            raise CallerError("index.price", f"the index of {asset} is positive and finite, not {price}")
        state = self._state
        known = state.prices.get(asset)
        if known is None:
            state.prices[asset] = AssetPrice(price, state.now_ns)
        else:
            known.integral = known.integral_at(state.now_ns)
            known.since_ns = state.now_ns
            known.index = price
        self._marks.index_set(asset)

    def set_volatility(self, asset: str, volatility: float) -> None:
        """Set the volatility, a fraction a year, at which options of an asset are marked."""
        if not 0.0 < volatility < float("inf"):
            raise CallerError("index.volatility", f"volatility is positive and finite, not {volatility}")
        price = self._state.prices.get(asset)
        if price is None:
            raise CallerError("index.unset", f"{asset} has no index yet", remedy="set_index first")
        price.volatility = volatility
        if asset in self._marks.groups:
            self._marks.groups[asset].is_stale = True

    def advance(self, to_ns: int) -> None:
        """Move time: marks, funding, liquidations, dead-man timers and expiries happen on the way, in order."""
        state = self._state
        if to_ns < state.now_ns:
            raise CallerError("time.backwards", f"time goes forward: {to_ns} is before {state.now_ns}")
        while state.next_timer_ns <= to_ns:
            state.now_ns = max(state.next_timer_ns, state.now_ns)
            act = state.take_timer()
            self._mark()
            act(state.now_ns)
        state.now_ns = to_ns
        if to_ns >= self._next_mark_ns:
            self._next_mark_ns = (
                to_ns // self.settings.mark_interval_ns + 1
            ) * self.settings.mark_interval_ns
            self._mark()
            self._liquidation.check()
            self._tell_tickers()
            if to_ns >= self._next_prune_ns:
                self._next_prune_ns = to_ns + PRUNE_NS
                self._prune()

    def take_news(self) -> list[News]:
        """Return what happened since the last call, in order."""
        news = self._state.news
        self._state.news = []
        return news

    # accounts

    def open_account(self, name: str, margin_mode: MarginMode = "cross") -> None:
        """Open an account."""
        accounts = self._state.accounts
        if name in accounts:
            raise CallerError("account.known", f"the account {name} is open already")
        accounts[name] = Account(name, len(accounts), margin_mode)

    def deposit(self, account: str, asset: str, amount: Decimal) -> None:
        """Bring money in."""
        self._treasury.deposit(account, asset, amount)

    def withdraw(self, account: str, asset: str, amount: Decimal) -> Decimal | Refused:
        """Take money out; return what is left of it."""
        return self._treasury.withdraw(account, asset, amount)

    def transfer(
        self, source: str, target: str, asset: str, amount: Decimal, nonce: str = ""
    ) -> Transfer | Refused:
        """Move money between accounts; a nonce that was used before gives the first transfer again and moves nothing."""
        return self._treasury.transfer(source, target, asset, amount, nonce)

    def set_leverage(self, account: str, instrument: str, leverage: Decimal) -> Decimal | Refused:
        """Set the leverage of an account in an instrument: its initial margin is 1 / leverage from now on."""
        return self._treasury.set_leverage(self._holding(account, instrument), leverage)

    def set_isolated(self, account: str, instrument: str, isolated: bool) -> Refused | None:
        """Isolate an account's margin in an instrument, or not; refused while a position or an order is open."""
        return self._treasury.set_isolated(self._holding(account, instrument), isolated)

    def add_margin(self, account: str, instrument: str, amount: Decimal) -> Refused | None:
        """Move money into (or, negative, out of) an isolated position."""
        return self._treasury.add_margin(self._holding(account, instrument), amount)

    # orders

    def place(self, account: str, request: OrderRequest) -> Order | Refused:
        """Take an order in, match it and rest what is left."""
        placed = self._intake.place(account, request)
        return placed if isinstance(placed, Refused) else placed.copy()

    def place_lots(
        self,
        account: str,
        instrument: str,
        side: Side,
        lots: int,
        ticks: int | None,
        time_in_force: TimeInForce = "gtc",
        post_only: bool = False,
        reduce_only: bool = False,
        client_id: str = "",
    ) -> Order | Refused:
        """Place an order in lots and ticks (None: market), the quick way for agents. Not a copy: read it at once."""
        return self._intake.place_lots(
            account, instrument, side, lots, ticks, time_in_force, post_only, reduce_only, client_id
        )

    def edit(
        self,
        account: str,
        order_id: str,
        quantity: Decimal | None = None,
        price: Decimal | None = None,
        valid_until_ns: int = 0,
        post_only: bool | None = None,
        reduce_only: bool | None = None,
    ) -> Order | Refused:
        """Change an open order; `quantity` is with what is filled. Priority stays only for less at the same price."""
        edited = self._intake.edit(account, order_id, quantity, price, valid_until_ns, post_only, reduce_only)
        return edited if isinstance(edited, Refused) else edited.copy()

    def cancel(self, account: str, order_id: str) -> Order | Refused:
        """Cancel an open order."""
        found = self._intake.open_order(account, order_id)
        if isinstance(found, Refused):
            return found
        return self._matching.cancel_now(found, "user").copy()

    def cancel_by_client_id(self, account: str, instrument: str, client_id: str) -> list[Order]:
        """Cancel every open order that carries the client id (instrument empty: any); return them."""
        waiting = [
            resting
            for resting in self._account(account).orders.values()
            if resting.order.client_id == client_id and instrument in ("", resting.order.instrument)
        ]
        self._matching.cancel_many(waiting, "user")
        return [resting.order.copy() for resting in waiting]

    def cancel_all(self, account: str, instrument: str = "", kind: ListingKind | Literal[""] = "") -> int:
        """Cancel all open orders of an account, an instrument or a kind; return how many."""
        waiting = [
            resting
            for resting in self._account(account).orders.values()
            if instrument in ("", resting.order.instrument)
            and kind in ("", resting.holding.contract.listing.kind)
        ]
        self._matching.cancel_many(waiting, "user")
        if waiting:
            news = AccountCancelled(account, instrument, self._state.now_ns, "user", len(waiting))
            self._state.news.append(news)
        return len(waiting)

    def set_dead_man(self, account: str, timeout_ms: int, scope: str = "account") -> None:
        """Cancel everything in scope (`account`, or an instrument) unless this is called again in time; 0 disarms."""
        self._dead_man.arm(self._account(account), timeout_ms, scope)

    # money of the venue itself

    def fund(self, asset: str, amount: Decimal) -> None:
        """Bring money into the insurance fund."""
        self._treasury.fund(asset, amount)

    # the passing of time

    def _mark(self) -> None:
        self._funding.accrue()
        self._marks.update()

    def _tell_tickers(self) -> None:
        now = self._state.now_ns
        news = self._state.news
        for contract in self._state.contracts.values():
            if contract.is_ticker_stale or (contract.is_option and contract.is_open):
                contract.is_ticker_stale = False
                news.append(TickerMoved(contract.symbol, now))

    def forget(self, account: str, old_ns: int) -> None:
        """Drop an account's orders that ended and executions that happened before a time. For agents."""
        self._account(account).forget(old_ns)

    def _prune(self) -> None:
        old_ns = self._state.now_ns - self.settings.history_ns
        for account in self._state.accounts.values():
            account.forget(old_ns)
