"""World: venues, prices and participants in one time.

1. Time moves by `advance`, in steps of `STEP_NS`: prices first, then the venues, then each participant in its order. One
   seed is one world, however often `advance` is called and as long as nobody from outside trades.
2. Whoever acts in the world is a `Participant`; clients from outside come by the servers, at any time between steps.
3. Accounts for clients are opened with money at the start; their credentials come from the seed. The first client has two
   keys, so that somebody else can trade on its account.
"""

import hashlib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final, Protocol

from holdfast.clock import MILLISECOND_NS
from holdfast.lab.world.answer import Credential
from holdfast.lab.world.binance import BinanceServer
from holdfast.lab.world.binance.account import spot_wallet
from holdfast.lab.world.deribit import DeribitServer
from holdfast.lab.world.exchange import Exchange, ExchangeSettings
from holdfast.lab.world.faults import Faults
from holdfast.lab.world.listings import BINANCE, DERIBIT, VENUES, binance_listings, deribit_listings
from holdfast.lab.world.paths import IndexPaths
from holdfast.lab.world.resident import Quoter, Taker

STEP_NS: Final = 50 * MILLISECOND_NS
PRICES: Final = {"BTC": 60_000.0, "ETH": 3_000.0, "SOL": 150.0}
CLIENTS: Final = ("desk", "reserve")
_MONEY: Final = {
    DERIBIT: {"BTC": "20", "ETH": "200", "USDC": "1000000"},
    BINANCE: {"USDT": "1000000"},
}
_OPTION_VOLATILITY: Final = 0.6
_SPOT_MONEY: Final = Decimal(100_000)


class Participant(Protocol):
    """Someone who acts in the world, once each step."""

    def act(self, now_ns: int, world: "World") -> None:
        """Look and act."""
        ...


class World:
    """Exchanges, their protocol servers and faults by venue; participants; prices."""

    def __init__(
        self,
        seed: int,
        start_ns: int,
        *,
        prices: Mapping[str, float] | None = None,
        participants: Sequence[Participant] | None = None,
        clients: Sequence[str] = CLIENTS,
    ) -> None:
        self.seed = seed
        self.start_ns = self.now_ns = start_ns
        self.paths = IndexPaths(seed, prices or PRICES)
        self.volatilities = dict.fromkeys(self.paths.prices, _OPTION_VOLATILITY)
        self._told: dict[str, float] = {}
        self.exchanges = {
            DERIBIT: Exchange(
                DERIBIT,
                deribit_listings(start_ns, self.paths.prices),
                start_ns,
                settings=ExchangeSettings(funding="continuous", self_trade="cancel_maker"),
            ),
            BINANCE: Exchange(
                BINANCE,
                binance_listings(start_ns),
                start_ns,
                settings=ExchangeSettings(funding="interval", unique_client_ids=True),
            ),
        }
        self.faults = {venue: Faults() for venue in VENUES}
        self.credentials = {venue: _credentials(seed, venue, clients) for venue in VENUES}
        self.deribit = DeribitServer(self.exchanges[DERIBIT], self.credentials[DERIBIT], self.faults[DERIBIT])
        self.binance = BinanceServer(self.exchanges[BINANCE], self.credentials[BINANCE], self.faults[BINANCE])
        self.participants: list[Participant] = (
            [Quoter(), Taker(seed)] if participants is None else list(participants)
        )
        self._stepped_ns = start_ns - start_ns % STEP_NS
        self._tell_prices()
        for client in clients:
            self._open(client)
        for participant in self.participants:
            participant.act(start_ns, self)

    def advance(self, to_ns: int) -> None:
        """Move time to `to_ns`."""
        while self._stepped_ns + STEP_NS <= to_ns:
            self._stepped_ns += STEP_NS
            self.now_ns = self._stepped_ns
            self.paths.step(STEP_NS)
            self._tell_prices()
            self.settle(self._stepped_ns)
            for participant in self.participants:
                participant.act(self._stepped_ns, self)
        self.settle(to_ns)
        self.now_ns = max(self.now_ns, to_ns)

    def shock(self, asset: str, log_return: float) -> None:
        """Move the price of an asset at once; the venues hear of it at the next step."""
        self.paths.shock(asset, log_return)

    def settle(self, to_ns: int) -> None:
        """Bring every venue up to a time, without anyone acting."""
        for exchange in self.exchanges.values():
            if to_ns > exchange.now_ns:
                exchange.advance(to_ns)

    def _tell_prices(self) -> None:
        for exchange in self.exchanges.values():
            for asset, price in self.paths.prices.items():
                exchange.set_index(asset, price)
        if self._told != self.volatilities:
            self._told = dict(self.volatilities)
            for exchange in self.exchanges.values():
                for asset, volatility in self.volatilities.items():
                    exchange.set_volatility(asset, volatility)

    def _open(self, client: str) -> None:
        for venue, exchange in self.exchanges.items():
            exchange.open_account(client)
            for asset, amount in _MONEY[venue].items():
                exchange.deposit(client, asset, Decimal(amount))
        spot = spot_wallet(client)
        self.exchanges[BINANCE].open_account(spot)
        self.exchanges[BINANCE].deposit(spot, "USDT", _SPOT_MONEY)


def _credentials(seed: int, venue: str, clients: Sequence[str]) -> list[Credential]:
    """Return a key and a secret for each client, from the seed, and last a second key of the first client."""
    credentials: list[Credential] = []
    for place, client in enumerate((*clients, *clients[:1])):
        digest = hashlib.sha256(f"{seed}/{venue}/{place}/{client}".encode()).hexdigest()
        credentials.append(Credential(client, digest[:16], digest[16:], 1001 + clients.index(client)))
    return credentials
