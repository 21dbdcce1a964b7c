"""Questions: what anybody may ask of a venue without changing anything in it."""

from decimal import Decimal

from holdfast.error import CallerError
from holdfast.lab.world.exchange.account import Account, Holding
from holdfast.lab.world.exchange.account_answers import AccountAnswers
from holdfast.lab.world.exchange.booking import Booking
from holdfast.lab.world.exchange.delivery import Delivery
from holdfast.lab.world.exchange.funding import Funding
from holdfast.lab.world.exchange.listing import ExchangeSettings, Listing
from holdfast.lab.world.exchange.margin import Margin
from holdfast.lab.world.exchange.market_answers import MarketAnswers
from holdfast.lab.world.exchange.marks import Marks
from holdfast.lab.world.exchange.matching import Matching
from holdfast.lab.world.exchange.state import VenueState
from holdfast.lab.world.exchange.treasury import Treasury
from holdfast.lab.world.exchange.views import (
    Balance,
    Book,
    Fill,
    MarginMode,
    Order,
    Position,
    Ticker,
    Trade,
    Transfer,
    from_minor,
)


class Questions:
    """The asking side of an exchange, and the parts that it is made of."""

    def __init__(self, venue: str, start_ns: int, settings: ExchangeSettings) -> None:
        self.venue = venue
        self.settings = settings
        self.listings: dict[str, Listing] = {}
        self._state = state = VenueState(self.settings, start_ns)
        self._marks = Marks(state)
        self._margin = Margin(state, self._marks)
        self._booking = Booking(state)
        self._matching = Matching(state, self._booking)
        self._funding = Funding(state)
        self._delivery = Delivery(state, self._marks, self._matching)
        self._treasury = Treasury(state, self._margin)
        self._account_answers = AccountAnswers(state, self._marks, self._margin)
        self._market_answers = MarketAnswers(state, self._marks, self._funding, self._delivery)

    @property
    def now_ns(self) -> int:
        """Return the time."""
        return self._state.now_ns

    # about an account

    def accounts(self) -> list[str]:
        """Return the names of all accounts."""
        return list(self._state.accounts)

    def margin_mode(self, account: str) -> MarginMode:
        """Return an account's margin mode."""
        return self._account(account).mode

    def transfers(self, account: str) -> list[Transfer]:
        """Return the transfers from and to an account, oldest first."""
        return list(self._account(account).transfers)

    def leverage(self, account: str, instrument: str) -> Decimal:
        """Return the leverage of an account in an instrument."""
        return Decimal(str(round(self._holding(account, instrument).leverage, 6)))

    def is_isolated(self, account: str, instrument: str) -> bool:
        """Tell whether an account's margin in an instrument is isolated."""
        return self._holding(account, instrument).is_isolated

    def dead_man_ns(self, account: str, scope: str = "account") -> int:
        """Return when the dead-man switch fires, 0 when it is not armed."""
        return self._account(account).dead_man.get(scope, 0)

    def order(self, account: str, order_id: str) -> Order | None:
        """Return an order that is open or ended within `history_ns`."""
        owner = self._account(account)
        found = owner.orders.get(order_id)
        if found is not None:
            return found.order.copy()
        order = owner.ended.get(order_id)
        return None if order is None else order.copy()

    def order_by_client_id(self, account: str, instrument: str, client_id: str) -> Order | None:
        """Return the latest order with this client id (instrument empty: any), open or ended within `history_ns`."""
        owner = self._account(account)
        if instrument:
            order = owner.client_ids.get((instrument, client_id))
        else:
            named = (order for (_, name), order in owner.client_ids.items() if name == client_id)
            order = max(named, key=lambda order: order.sequence, default=None)
        return None if order is None else order.copy()

    def open_orders(self, account: str, instrument: str = "") -> list[Order]:
        """Return open orders, oldest first."""
        waiting = [resting.order for resting in self._account(account).orders.values()]
        waiting.sort(key=lambda order: order.sequence)
        return [order.copy() for order in waiting if instrument in ("", order.instrument)]

    def order_history(self, account: str, instrument: str = "") -> list[Order]:
        """Return orders that ended within `history_ns`, oldest first."""
        ended = self._account(account).ended.values()
        return [order.copy() for order in ended if instrument in ("", order.instrument)]

    def fills(self, account: str, instrument: str = "", order_id: str = "") -> list[Fill]:
        """Return executions within `history_ns`, oldest first."""
        return [
            fill
            for fill in self._account(account).fills
            if instrument in ("", fill.instrument) and order_id in ("", fill.order_id)
        ]

    def position(self, account: str, instrument: str) -> Position | None:
        """Return a position; None where the account never had one or is unknown. It may be flat."""
        owner = self._state.accounts.get(account)
        holding = owner.holdings.get(instrument) if owner is not None else None
        return None if holding is None else self._account_answers.position(holding)

    def positions(self, account: str) -> list[Position]:
        """Return the positions that are not flat."""
        held = [holding for holding in self._account(account).holdings.values() if holding.lots]
        return [self._account_answers.position(holding) for holding in held]

    def balance(self, account: str, asset: str) -> Balance:
        """Return one balance, zero where there never was one."""
        return self._account_answers.balance(self._account(account), asset)

    def balances(self, account: str) -> list[Balance]:
        """Return every asset that the account ever held."""
        owner = self._account(account)
        return [self._account_answers.balance(owner, asset) for asset in list(owner.pools)]

    def equity_usd(self, account: str) -> float:
        """Return what the account is worth at marks and indices, in dollars."""
        return self._account_answers.equity_usd(self._account(account))

    # about the market

    def index(self, asset: str) -> float:
        """Return the index of an asset in dollars: 1 for dollars and their stable coins, 0 where none is set."""
        return self._state.index(asset)

    def book(self, instrument: str, depth: int = 20) -> Book | None:
        """Return the best levels; None for an unknown instrument."""
        contract = self._state.contracts.get(instrument)
        return None if contract is None else self._market_answers.book(contract, depth)

    def touch(self, instrument: str) -> tuple[int, int, int, int]:
        """Return best bid ticks and lots, best ask ticks and lots; lots 0 where a side is empty. For agents."""
        contract = self._state.contracts[instrument]
        bid, ask = contract.bids.best, contract.asks.best
        return (
            bid.ticks if bid else 0,
            bid.lots if bid else 0,
            ask.ticks if ask else 0,
            ask.lots if ask else 0,
        )

    def mark(self, instrument: str) -> float:
        """Return the mark price."""
        return self._marks.fresh(self._state.contracts[instrument]).mark

    def ticker(self, instrument: str) -> Ticker | None:
        """Return what is known of an instrument; None for an unknown one."""
        contract = self._state.contracts.get(instrument)
        return None if contract is None else self._market_answers.ticker(contract)

    def trades(self, instrument: str, count: int) -> list[Trade]:
        """Return the last trades, oldest first."""
        contract = self._state.contracts.get(instrument)
        return [] if contract is None or count <= 0 else list(contract.trades)[-count:]

    # about the venue's own money

    def insurance(self, asset: str) -> Decimal:
        """Return what is in the insurance fund."""
        return from_minor(self._state.insurance.get(asset, 0))

    def fees(self, asset: str) -> Decimal:
        """Return what the venue took in fees, less rebates."""
        return from_minor(self._state.fees.get(asset, 0))

    def discrepancy(self, asset: str) -> Decimal:
        """Return money in accounts, fees and insurance less what was brought in: 0, or an invariant is broken."""
        return from_minor(self._treasury.discrepancy(asset))

    def _account(self, name: str) -> Account:
        account = self._state.accounts.get(name)
        if account is None:
            raise CallerError("account.unknown", f"there is no account {name}", remedy="open_account first")
        return account

    def _holding(self, account: str, instrument: str) -> Holding:
        contract = self._state.contracts.get(instrument)
        if contract is None:
            raise CallerError("instrument.unknown", f"{self.venue} does not list {instrument}")
        return self._account(account).holding(contract)
