"""The exchange: the face of a simulated venue. See the package for its rules."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

from holdfast.lab.world.exchange.listing import ExchangeSettings, Listing, ListingKind
from holdfast.lab.world.exchange.news import News
from holdfast.lab.world.exchange.views import (
    Balance,
    Book,
    Fill,
    MarginMode,
    Order,
    OrderRequest,
    Position,
    Refused,
    Ticker,
    Trade,
    Transfer,
)
from holdfast.order import Side, TimeInForce


class Exchange:
    """One venue."""

    def __init__(
        self,
        venue: str,
        listings: Sequence[Listing],
        start_ns: int,
        *,
        settings: ExchangeSettings | None = None,
    ) -> None:
        self.venue = venue
        self.settings = settings or ExchangeSettings()
        self.now_ns = start_ns
        self.listings: dict[str, Listing] = {listing.symbol: listing for listing in listings}

    # the world's side

    def list_instrument(self, listing: Listing) -> None:
        """Add an instrument while the venue runs."""
        raise NotImplementedError

    def set_index(self, asset: str, price: float) -> None:
        """Set the index of an asset in dollars; marks follow it and the book."""
        raise NotImplementedError

    def set_volatility(self, asset: str, volatility: float) -> None:
        """Set the volatility, a fraction a year, at which options of an asset are marked."""
        raise NotImplementedError

    def advance(self, to_ns: int) -> None:
        """Move time: marks, funding, liquidations, dead-man timers and expiries happen on the way, in order."""
        raise NotImplementedError

    def take_news(self) -> list[News]:
        """Return what happened since the last call, in order."""
        raise NotImplementedError

    # accounts

    def open_account(self, name: str, margin_mode: MarginMode = "cross") -> None:
        """Open an account."""
        raise NotImplementedError

    def accounts(self) -> list[str]:
        """Return the names of all accounts."""
        raise NotImplementedError

    def margin_mode(self, account: str) -> MarginMode:
        """Return an account's margin mode."""
        raise NotImplementedError

    def deposit(self, account: str, asset: str, amount: Decimal) -> None:
        """Bring money in."""
        raise NotImplementedError

    def withdraw(self, account: str, asset: str, amount: Decimal) -> Decimal | Refused:
        """Take money out; return what is left of it."""
        raise NotImplementedError

    def transfer(
        self, source: str, target: str, asset: str, amount: Decimal, nonce: str = ""
    ) -> Transfer | Refused:
        """Move money between accounts; a nonce that was used before gives the first transfer again and moves nothing."""
        raise NotImplementedError

    def transfers(self, account: str) -> list[Transfer]:
        """Return the transfers from and to an account, oldest first."""
        raise NotImplementedError

    def set_leverage(self, account: str, instrument: str, leverage: Decimal) -> Decimal | Refused:
        """Set the leverage of an account in an instrument: its initial margin is 1 / leverage from now on."""
        raise NotImplementedError

    def leverage(self, account: str, instrument: str) -> Decimal:
        """Return the leverage of an account in an instrument."""
        raise NotImplementedError

    def set_isolated(self, account: str, instrument: str, isolated: bool) -> Refused | None:
        """Isolate an account's margin in an instrument, or not; refused while a position or an order is open."""
        raise NotImplementedError

    def is_isolated(self, account: str, instrument: str) -> bool:
        """Tell whether an account's margin in an instrument is isolated."""
        raise NotImplementedError

    def add_margin(self, account: str, instrument: str, amount: Decimal) -> Refused | None:
        """Move money into (or, negative, out of) an isolated position."""
        raise NotImplementedError

    # orders

    def place(self, account: str, request: OrderRequest) -> Order | Refused:
        """Take an order in, match it and rest what is left."""
        raise NotImplementedError

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
        """Place an order in integer lots and ticks (None: market): the quick way in for agents. Not a copy: read it at once."""
        raise NotImplementedError

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
        """Change an open order. `quantity` is the whole, with what is filled. Priority stays only for less at the same price."""
        raise NotImplementedError

    def cancel(self, account: str, order_id: str) -> Order | Refused:
        """Cancel an open order."""
        raise NotImplementedError

    def cancel_by_client_id(self, account: str, instrument: str, client_id: str) -> list[Order]:
        """Cancel every open order that carries the client id (instrument empty: any); return them."""
        raise NotImplementedError

    def cancel_all(self, account: str, instrument: str = "", kind: ListingKind | Literal[""] = "") -> int:
        """Cancel all open orders of an account, an instrument or a kind; return how many."""
        raise NotImplementedError

    def set_dead_man(self, account: str, timeout_ms: int, scope: str = "account") -> None:
        """Cancel everything in scope (`account`, or an instrument) unless this is called again in time; 0 disarms."""
        raise NotImplementedError

    def dead_man_ns(self, account: str, scope: str = "account") -> int:
        """Return when the dead-man switch fires, 0 when it is not armed."""
        raise NotImplementedError

    # questions about an account

    def order(self, account: str, order_id: str) -> Order | None:
        """Return an order that is open or ended within `history_ns`."""
        raise NotImplementedError

    def order_by_client_id(self, account: str, instrument: str, client_id: str) -> Order | None:
        """Return the latest order with this client id (instrument empty: any), open or ended within `history_ns`."""
        raise NotImplementedError

    def open_orders(self, account: str, instrument: str = "") -> list[Order]:
        """Return open orders, oldest first."""
        raise NotImplementedError

    def order_history(self, account: str, instrument: str = "") -> list[Order]:
        """Return orders that ended within `history_ns`, oldest first."""
        raise NotImplementedError

    def fills(self, account: str, instrument: str = "", order_id: str = "") -> list[Fill]:
        """Return executions within `history_ns`, oldest first."""
        raise NotImplementedError

    def position(self, account: str, instrument: str) -> Position | None:
        """Return a position; None where the account never had one or is unknown. It may be flat."""
        raise NotImplementedError

    def positions(self, account: str) -> list[Position]:
        """Return the positions that are not flat."""
        raise NotImplementedError

    def balance(self, account: str, asset: str) -> Balance:
        """Return one balance, zero where there never was one."""
        raise NotImplementedError

    def balances(self, account: str) -> list[Balance]:
        """Return every asset that the account ever held."""
        raise NotImplementedError

    def equity_usd(self, account: str) -> float:
        """Return what the account is worth at marks and indices, in dollars."""
        raise NotImplementedError

    # questions about the market

    def index(self, asset: str) -> float:
        """Return the index of an asset in dollars: 1 for dollars and their stable coins, 0 where none is set."""
        raise NotImplementedError

    def book(self, instrument: str, depth: int = 20) -> Book | None:
        """Return the best levels; None for an unknown instrument."""
        raise NotImplementedError

    def touch(self, instrument: str) -> tuple[int, int, int, int]:
        """Return best bid ticks and lots, best ask ticks and lots; lots 0 where a side is empty. The quick way for agents."""
        raise NotImplementedError

    def mark(self, instrument: str) -> float:
        """Return the mark price."""
        raise NotImplementedError

    def ticker(self, instrument: str) -> Ticker | None:
        """Return what is known of an instrument; None for an unknown one."""
        raise NotImplementedError

    def trades(self, instrument: str, count: int) -> list[Trade]:
        """Return the last trades, oldest first."""
        raise NotImplementedError

    # money of the venue itself

    def fund(self, asset: str, amount: Decimal) -> None:
        """Bring money into the insurance fund."""
        raise NotImplementedError

    def insurance(self, asset: str) -> Decimal:
        """Return what is in the insurance fund."""
        raise NotImplementedError

    def fees(self, asset: str) -> Decimal:
        """Return what the venue took in fees, less rebates."""
        raise NotImplementedError

    def discrepancy(self, asset: str) -> Decimal:
        """Return money in accounts, fees and insurance less what was brought in: 0, or an invariant is broken."""
        raise NotImplementedError
