"""Conservation: whatever is done to a venue, money is moved and never made, and its books agree with each other."""

from decimal import Decimal
from typing import Any

from exchange_desk import HOUR, LISTINGS, SECOND, Desk, opened
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from holdfast.lab.world.exchange import BalanceMoved, Exchange, Order, OrderRequest, Refused

ACCOUNTS = ("ann", "bob", "cyd", "dan")
MODES = {"ann": "cross", "bob": "isolated", "cyd": "portfolio", "dan": "cross"}
SYMBOLS = [listing.symbol for listing in LISTINGS]
BY_SYMBOL = {listing.symbol: listing for listing in LISTINGS}


class Venue(RuleBasedStateMachine):
    """Accounts with little money do anything they like while the index jumps."""

    @initialize(
        funding=st.sampled_from(["continuous", "interval"]),
        self_trade=st.sampled_from(["allow", "cancel_maker"]),
        fund=st.sampled_from([0, 100, 10_000]),
    )
    def open(self, funding: str, self_trade: str, fund: int) -> None:
        desk: Desk = opened("ann", "dan", usdt=20_000, btc="0.4", funding=funding, self_trade=self_trade)
        self.exchange: Exchange = desk.exchange
        for name in ("bob", "cyd"):
            self.exchange.open_account(name, MODES[name])  # type: ignore[arg-type]
            self.exchange.deposit(name, "USDT", Decimal(20_000))
            self.exchange.deposit(name, "BTC", Decimal("0.4"))
        if fund:
            self.exchange.fund("USDT", Decimal(fund))
            self.exchange.fund("BTC", Decimal(fund) / 50_000)
        self.index = 50_000.0
        self.exchange.take_news()
        self.told = {
            (name, asset): self.exchange.balance(name, asset).amount
            for name in ACCOUNTS
            for asset in ("BTC", "USDT")
        }

    @rule(
        account=st.sampled_from(ACCOUNTS),
        symbol=st.sampled_from(SYMBOLS),
        side=st.sampled_from(["buy", "sell"]),
        lots=st.integers(1, 400),
        away=st.integers(-8, 8),
        kind=st.sampled_from(["limit", "limit", "limit", "market"]),
        time_in_force=st.sampled_from(["gtc", "gtc", "ioc", "fok"]),
        post_only=st.booleans(),
        reduce_only=st.sampled_from([False, False, True]),
        client_id=st.sampled_from(["", "a", "b"]),
    )
    def place(
        self, account: str, symbol: str, side: str, lots: int, away: int, kind: str, **terms: Any
    ) -> None:
        listing = BY_SYMBOL[symbol]
        mark = self.exchange.mark(symbol)
        step = max(int(mark * 0.002 / float(listing.tick)), 1)
        ticks = max(int(mark / float(listing.tick)) + away * step, 1)
        size = lots * (1 if listing.kind == "option" else 10)
        placed = self.exchange.place(
            account,
            OrderRequest(
                instrument=symbol,
                side=side,  # type: ignore[arg-type]
                quantity=size * listing.lot,
                kind=kind,  # type: ignore[arg-type]
                price=ticks * listing.tick if kind == "limit" else None,
                **terms,
            ),
        )
        if isinstance(placed, Order) and placed.state == "open":
            assert placed.remaining > 0
            self.what_rests_is_backed(account, symbol, placed)

    def what_rests_is_backed(self, account: str, symbol: str, placed: Order) -> None:
        """An order that opens more than before is accepted only within what its account has."""
        owner = self.exchange._state.accounts[account]
        holding = owner.holdings[symbol]
        sign = 1 if placed.side == "buy" else -1
        alone = [order.order_id for order in self.exchange.open_orders(account, symbol)] == [placed.order_id]
        if alone and not placed.reduce_only and not placed.filled and sign * holding.lots >= 0:
            pool = owner.pool(BY_SYMBOL[symbol].settle)
            health = self.exchange._margin.measure(pool)
            assert self.exchange._margin.backing(pool, health) - health.im > -1e-9

    @rule(
        account=st.sampled_from(ACCOUNTS),
        which=st.integers(0, 9),
        lots=st.integers(1, 600),
        away=st.integers(-4, 4),
    )
    def edit(self, account: str, which: int, lots: int, away: int) -> None:
        waiting = self.exchange.open_orders(account)
        if waiting:
            order = waiting[which % len(waiting)]
            price = max(order.ticks + away * max(order.ticks // 500, 1), 1) * order.tick
            self.exchange.edit(account, order.order_id, lots * order.lot, price if away else None)

    @rule(account=st.sampled_from(ACCOUNTS), which=st.integers(0, 9))
    def cancel(self, account: str, which: int) -> None:
        waiting = self.exchange.open_orders(account)
        if waiting:
            order = waiting[which % len(waiting)]
            cancelled = self.exchange.cancel(account, order.order_id)
            assert isinstance(cancelled, Order)
            assert isinstance(self.exchange.cancel(account, order.order_id), Refused)

    @rule(account=st.sampled_from(ACCOUNTS), symbol=st.sampled_from(["", *SYMBOLS]))
    def cancel_all(self, account: str, symbol: str) -> None:
        self.exchange.cancel_all(account, symbol)
        assert self.exchange.open_orders(account, symbol) == []

    @rule(move=st.floats(-0.3, 0.3), seconds=st.sampled_from([1, 30, 600]))
    def move(self, move: float, seconds: int) -> None:
        self.index = min(max(self.index * (1.0 + move), 500.0), 5e6)
        self.exchange.set_index("BTC", self.index)
        self.exchange.advance(self.exchange.now_ns + seconds * SECOND)

    @rule(hours=st.sampled_from([1, 9, 24 * 31]))
    def wait(self, hours: int) -> None:
        self.exchange.advance(self.exchange.now_ns + hours * HOUR)

    @rule(
        account=st.sampled_from(ACCOUNTS), symbol=st.sampled_from(SYMBOLS), milliseconds=st.integers(0, 5_000)
    )
    def arm(self, account: str, symbol: str, milliseconds: int) -> None:
        self.exchange.set_dead_man(account, milliseconds, symbol)

    @rule(giver=st.sampled_from(ACCOUNTS), taker=st.sampled_from(ACCOUNTS), asset=st.sampled_from(["BTC", "USDT"]),
          share=st.integers(1, 120))  # fmt: skip
    def transfer(self, giver: str, taker: str, asset: str, share: int) -> None:
        available = self.exchange.balance(giver, asset).amount
        self.exchange.transfer(giver, taker, asset, available * share / 100)

    @rule(account=st.sampled_from(ACCOUNTS), symbol=st.sampled_from(SYMBOLS), leverage=st.integers(1, 12),
          amount=st.integers(-500, 500), isolated=st.booleans())  # fmt: skip
    def arrange(self, account: str, symbol: str, leverage: int, amount: int, isolated: bool) -> None:
        self.exchange.set_leverage(account, symbol, Decimal(leverage))
        self.exchange.add_margin(account, symbol, Decimal(amount))
        self.exchange.set_isolated(account, symbol, isolated)

    @invariant()
    def money_is_conserved(self) -> None:
        if not hasattr(self, "exchange"):
            return
        assert self.exchange.discrepancy("USDT") == 0
        assert self.exchange.discrepancy("BTC") == 0
        assert self.exchange.insurance("USDT") > Decimal("-0.001")
        assert self.exchange.insurance("BTC") > Decimal("-0.00000001")

    @invariant()
    def positions_of_an_instrument_add_up_to_nothing(self) -> None:
        if not hasattr(self, "exchange"):
            return
        for symbol in SYMBOLS:
            held = [p.quantity for name in ACCOUNTS if (p := self.exchange.position(name, symbol))]
            assert sum(held) == 0
            ticker = self.exchange.ticker(symbol)
            assert ticker is not None
            assert ticker.open_interest == sum(quantity for quantity in held if quantity > 0)

    @invariant()
    def the_book_is_what_the_open_orders_ask_for_and_is_not_crossed(self) -> None:
        if not hasattr(self, "exchange"):
            return
        for symbol in SYMBOLS:
            waiting = [o for name in ACCOUNTS for o in self.exchange.open_orders(name, symbol)]
            book = self.exchange.book(symbol, 1_000)
            assert book is not None
            for side, levels in (("buy", book.bids), ("sell", book.asks)):
                asked: dict[Decimal, Decimal] = {}
                for order in waiting:
                    if order.side == side:
                        assert order.price is not None
                        asked[order.price] = asked.get(order.price, Decimal(0)) + order.remaining
                assert asked == dict(levels)
            assert not (book.bids and book.asks) or book.bids[0][0] < book.asks[0][0]

    @invariant()
    def what_orders_ask_for_is_counted_right(self) -> None:
        if not hasattr(self, "exchange"):
            return
        for name in ACCOUNTS:
            account = self.exchange._state.accounts[name]
            for holding in account.holdings.values():
                mine = [r for r in account.orders.values() if r.holding is holding]
                opening = [r for r in mine if not r.order.reduce_only]
                closing = [r for r in mine if r.order.reduce_only]
                buys = [r for r in opening if r.order.side == "buy"]
                assert holding.buy_lots == sum(r.left for r in buys)
                assert holding.buy_value == sum(r.left * r.order.ticks for r in buys)
                assert holding.sell_lots == sum(r.left for r in opening if r.order.side == "sell")
                assert sum(r.left for r in closing) <= abs(holding.lots)
                assert set(holding.reduce) == {r.order.order_id for r in closing}
                assert bool(holding.lots) or holding.cost == 0
                assert holding.lots or not holding.is_isolated or holding.pool.money == 0

    @invariant()
    def news_tell_every_change_of_money(self) -> None:
        if not hasattr(self, "exchange"):
            return
        for news in self.exchange.take_news():
            if isinstance(news, BalanceMoved):
                self.told[news.account, news.asset] += news.change
        for name in ACCOUNTS:
            for asset in ("BTC", "USDT"):
                assert self.exchange.balance(name, asset).amount == self.told[name, asset]


TestVenue = Venue.TestCase
TestVenue.settings = settings(max_examples=40, stateful_step_count=40, deadline=None, derandomize=True)
