"""The proof that the world's venues are good enough for a stranger: ccxt, unmodified but for its addresses, on real sockets.

ccxt finds a Binance market's own error codes by the host name `fapi.binance.com`; on another host it is given that table.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import ccxt.async_support
import ccxt.pro
import pytest

from holdfast.lab.world.faults import Faults
from holdfast.lab.world.listings import BINANCE, DERIBIT
from holdfast.lab.world.server import WorldServer

Venue = dict[str, Any]
WAIT_S = 15.0
SYMBOLS = {DERIBIT: "BTC/USD:BTC", BINANCE: "BTC/USDT:USDT"}
AMOUNTS = {DERIBIT: 100.0, BINANCE: 0.01}
TOO_MUCH = {DERIBIT: 100_000_000.0, BINANCE: 9_000.0}
LINEAR_ERRORS = {"exact": ccxt.async_support.binanceusdm().exceptions["linear"]["exact"]}

venues = pytest.mark.parametrize("venue", [DERIBIT, BINANCE])


def settings(venue: Venue, **more: Any) -> dict[str, Any]:
    """Return what ccxt is made with: addresses and a key."""
    credential = venue["credentials"][0]
    made = {"apiKey": credential["key"], "secret": credential["secret"], "urls": venue["ccxt"]["urls"]}
    made |= {"enableRateLimit": False}
    if venue["ccxt"]["id"] == "binanceusdm":
        made["exceptions"] = LINEAR_ERRORS
    return made | more


def on_a_venue(name: str, trial: Callable[[Any, WorldServer], Awaitable[None]], **more: Any) -> None:
    """Run a trial with ccxt against a venue of a fresh world."""

    async def run() -> None:
        async with WorldServer(7) as server:
            venue = server.describe()["venues"][name]
            exchange = getattr(ccxt.pro, venue["ccxt"]["id"])(settings(venue, **more))
            try:
                await trial(exchange, server)
            finally:
                await exchange.close()

    asyncio.run(run())


def far_below(server: WorldServer) -> float:
    """Return a price that rests."""
    return float(round(server.world.paths.prices["BTC"] * 0.96))


async def drop_while_reading(exchange: Any, symbol: str, faults: Faults) -> None:
    """Drop the venue's sessions while a book is awaited, until that is felt: an update may come first."""
    for _ in range(20):
        reading = asyncio.create_task(exchange.watch_order_book(symbol))
        await asyncio.sleep(0)
        faults.drop_sessions()
        await asyncio.wait_for(reading, WAIT_S)


@venues
def test_markets_and_their_state_are_read(venue: str) -> None:
    async def trial(exchange: Any, server: WorldServer) -> None:
        markets = await exchange.load_markets()
        assert len(markets) == len(server.world.exchanges[venue].listings)
        symbol = SYMBOLS[venue]
        assert markets[symbol]["swap"]
        assert markets[symbol]["inverse"] == (venue == DERIBIT)
        price = server.world.paths.prices["BTC"]
        ticker = await exchange.fetch_ticker(symbol)
        assert ticker["last"] is None or ticker["last"] == pytest.approx(price, rel=0.02)
        book = await exchange.fetch_order_book(symbol, 5)
        assert len(book["bids"]) == len(book["asks"]) == 5
        assert book["bids"][0][0] < book["asks"][0][0]
        assert book["bids"][0][0] == pytest.approx(price, rel=0.01)
        assert abs(await exchange.fetch_time() * 1_000_000 - server.now()) < 60e9
        assert (await exchange.fetch_funding_rate(symbol))["symbol"] == symbol

    on_a_venue(venue, trial)


def test_dated_futures_and_options_are_understood() -> None:
    async def trial(exchange: Any, server: WorldServer) -> None:
        markets = await exchange.load_markets()
        kinds = [market["type"] for market in markets.values()]
        assert kinds.count("option") == 20
        assert kinds.count("future") == 2
        option = next(market for market in markets.values() if market["option"])
        greeks = await exchange.fetch_greeks(option["symbol"])
        assert 0 < greeks["delta"] < 1
        assert greeks["markImpliedVolatility"] > 10
        listing = server.world.exchanges[DERIBIT].listings[option["id"]]
        assert option["expiry"] == listing.expiry_ns // 1_000_000
        assert option["strike"] == float(listing.strike)

    on_a_venue(DERIBIT, trial)


@venues
def test_books_and_trades_are_streamed(venue: str) -> None:
    async def trial(exchange: Any, server: WorldServer) -> None:
        symbol = SYMBOLS[venue]
        trades = asyncio.create_task(exchange.watch_trades(symbol))
        for _ in range(3):
            book = await asyncio.wait_for(exchange.watch_order_book(symbol), WAIT_S)
            assert book["bids"][0][0] < book["asks"][0][0]
        shown = server.world.exchanges[venue].book(exchange.market(symbol)["id"], 1000)
        assert shown is not None
        assert abs(len(book["bids"]) - len(shown.bids)) <= 2
        await exchange.create_order(symbol, "market", "sell", AMOUNTS[venue])
        printed = await asyncio.wait_for(trades, WAIT_S)
        assert printed[-1]["side"] in ("buy", "sell")
        assert printed[-1]["amount"] > 0

    on_a_venue(venue, trial)


@venues
def test_an_order_is_placed_read_edited_and_cancelled(venue: str) -> None:
    async def trial(exchange: Any, server: WorldServer) -> None:
        await exchange.load_markets()
        symbol, amount, price = SYMBOLS[venue], AMOUNTS[venue], far_below(server)
        placed = await exchange.create_order(symbol, "limit", "buy", amount, price)
        assert (placed["status"], placed["amount"], placed["price"]) == ("open", amount, price)
        [opened] = await exchange.fetch_open_orders(symbol)
        assert opened["id"] == placed["id"]
        edited = await exchange.edit_order(placed["id"], symbol, "limit", "buy", 2 * amount, price - 100)
        read = await exchange.fetch_order(edited["id"], symbol)
        assert (read["status"], read["amount"], read["price"]) == ("open", 2 * amount, price - 100)
        await exchange.cancel_order(edited["id"], symbol)
        assert (await exchange.fetch_order(edited["id"], symbol))["status"] == "canceled"
        with pytest.raises(ccxt.async_support.OrderNotFound):
            await exchange.cancel_order(edited["id"], symbol)
        with pytest.raises(ccxt.async_support.OrderNotFound):
            await exchange.fetch_order("BTC-987654" if venue == DERIBIT else "987654", symbol)
        for _ in range(3):
            await exchange.create_order(symbol, "limit", "buy", amount, price)
        await exchange.cancel_all_orders(symbol)
        assert await exchange.fetch_open_orders(symbol) == []

    on_a_venue(venue, trial)


@venues
def test_a_market_order_fills_and_shows_in_trades_positions_and_balance(venue: str) -> None:
    async def trial(exchange: Any, server: WorldServer) -> None:
        await exchange.load_markets()
        symbol, amount = SYMBOLS[venue], AMOUNTS[venue]
        coin = "BTC" if venue == DERIBIT else "USDT"
        before = (await exchange.fetch_balance())["total"][coin]
        watched = asyncio.create_task(exchange.watch_orders(symbol))
        await asyncio.sleep(0.5)
        filled = await exchange.create_order(symbol, "market", "buy", amount)
        assert (filled["status"], filled["filled"]) == ("closed", amount)
        told = await asyncio.wait_for(watched, WAIT_S)
        assert told[-1]["id"] == filled["id"]
        trades = await exchange.fetch_my_trades(symbol)
        assert sum(trade["amount"] for trade in trades) == pytest.approx(amount)
        assert {trade["order"] for trade in trades} == {filled["id"]}
        assert trades[0]["takerOrMaker"] == "taker"
        assert trades[0]["fee"]["currency"] == coin
        [held] = await exchange.fetch_positions([symbol])
        assert (held["side"], held["contracts"]) == ("long", amount)
        assert held["entryPrice"] == pytest.approx(filled["average"], rel=1e-6)
        balance = await exchange.fetch_balance()
        assert balance["total"][coin] != before
        assert balance["used"][coin] > 0
        del server

    on_a_venue(venue, trial)


def test_money_is_moved_from_futures_to_spot() -> None:
    async def trial(exchange: Any, _server: WorldServer) -> None:
        before = (await exchange.fetch_balance())["total"]["USDT"]
        await exchange.transfer("USDT", 100, "linear", "spot")
        assert (await exchange.fetch_balance())["total"]["USDT"] == before - 100
        with pytest.raises(ccxt.async_support.ExchangeError):
            await exchange.transfer("USDT", 1e9, "linear", "spot")

    on_a_venue(BINANCE, trial)


def test_money_is_moved_to_a_subaccount() -> None:
    async def trial(exchange: Any, server: WorldServer) -> None:
        before = (await exchange.fetch_balance())["total"]["BTC"]
        accounts = await exchange.fetch_accounts()
        assert [account["type"] for account in accounts] == ["main", "subaccount"]
        assert int(accounts[1]["id"]) == server.world.credentials[DERIBIT][1].number
        # by its raw method: ccxt's own `transfer` reads the answer's milliseconds as seconds
        wanted = {"currency": "BTC", "amount": 1, "destination": int(accounts[1]["id"])}
        await exchange.private_get_submit_transfer_to_subaccount(wanted)
        assert (await exchange.fetch_balance())["total"]["BTC"] == pytest.approx(before - 1)
        with pytest.raises(ccxt.async_support.InsufficientFunds):
            await exchange.private_get_submit_transfer_to_subaccount(wanted | {"amount": 1e9})

    on_a_venue(DERIBIT, trial)


@venues
def test_what_the_venue_refuses_has_ccxts_right_name(venue: str) -> None:
    async def trial(exchange: Any, server: WorldServer) -> None:
        await exchange.load_markets()
        symbol, price = SYMBOLS[venue], far_below(server)
        with pytest.raises(ccxt.async_support.InsufficientFunds):
            await exchange.create_order(symbol, "limit", "buy", TOO_MUCH[venue], price)
        above = float(round(price * 1.08))
        with pytest.raises(ccxt.async_support.InvalidOrder):
            await exchange.create_order(symbol, "limit", "buy", AMOUNTS[venue], above, {"postOnly": True})
        assert await exchange.fetch_open_orders(symbol) == []

    on_a_venue(venue, trial)


@venues
@pytest.mark.parametrize("wrong", ["apiKey", "secret"])
def test_a_wrong_key_or_secret_is_an_authentication_error(venue: str, wrong: str) -> None:
    async def trial(exchange: Any, _server: WorldServer) -> None:
        with pytest.raises(ccxt.async_support.AuthenticationError):
            await exchange.fetch_balance()

    on_a_venue(venue, trial, **{wrong: "wrong"}, options={"fetchCurrencies": False})


@venues
def test_a_venue_that_fails_after_accepting_leaves_the_order_there(venue: str) -> None:
    async def trial(exchange: Any, server: WorldServer) -> None:
        await exchange.load_markets()
        symbol, amount, price = SYMBOLS[venue], AMOUNTS[venue], far_below(server)
        faults = server.world.faults[venue]
        faults.hurt_effects("error", 1)
        with pytest.raises(ccxt.async_support.OperationFailed):
            await exchange.create_order(symbol, "limit", "buy", amount, price)
        faults.hurt_effects("lost", 1)
        exchange.timeout = 500
        with pytest.raises(ccxt.async_support.RequestTimeout):
            await exchange.create_order(symbol, "limit", "buy", amount, price)
        exchange.timeout = 10_000
        assert len(await exchange.fetch_open_orders(symbol)) == 2

    on_a_venue(venue, trial)


@venues
def test_a_venue_that_refuses_connections_or_drops_them_is_a_network_error(venue: str) -> None:
    async def trial(exchange: Any, server: WorldServer) -> None:
        symbol = SYMBOLS[venue]
        await asyncio.wait_for(exchange.watch_order_book(symbol), WAIT_S)
        faults = server.world.faults[venue]
        with pytest.raises(ccxt.async_support.NetworkError):
            await drop_while_reading(exchange, symbol, faults)
        faults.is_refusing = True
        await asyncio.sleep(0.1)
        with pytest.raises(ccxt.async_support.NetworkError):
            await exchange.fetch_time()
        faults.is_refusing = False
        await asyncio.sleep(0.1)
        assert await exchange.fetch_time()

    on_a_venue(venue, trial)
