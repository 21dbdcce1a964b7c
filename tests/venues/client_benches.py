"""Clients on the bench: each native client with what its venue would say, so that one suite can hold all of them.

A bench answers handshakes, listings and questions as the venue does; what an effect is answered is the test's choice.
"""

import json
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

from holdfast.event import EffectAnswered, LineMoved
from holdfast.instrument import Instruments
from holdfast.order import NewOrder
from holdfast.venues.binance.client import BinanceClient, BinanceSettings
from holdfast.venues.client import Client, Close, Frame, Open, Request, Wish
from holdfast.venues.deribit.client import DeribitClient, DeribitSettings

START_NS = 1_790_000_000_000_000_000
SECOND_NS = 1_000_000_000
VENUE_AHEAD_MS = 250
CREDENTIALS = ("key-of-the-desk", "secret-of-the-desk")

PLACE, CANCEL, CANCEL_ALL, CANCEL_ONE, DEAD_MAN, TRANSFER = (
    "place",
    "cancel",
    "cancel_all",
    "cancel_one",
    "arm",
    "transfer",
)
EFFECTS = (PLACE, CANCEL, CANCEL_ALL, CANCEL_ONE, DEAD_MAN, TRANSFER)
BRAKES = (CANCEL, CANCEL_ALL, CANCEL_ONE, DEAD_MAN)
MOVES = (PLACE, TRANSFER)


class Bench:
    """A client, a clock, and a venue that answers what it is not told to hold back."""

    symbol: str
    asset: str
    client: Client
    duplicate = ""

    def __init__(self) -> None:
        self.now_ns = START_NS
        self.silent = False  # the venue answers nothing
        self.held: list[Wish] = []  # effects on their way to the venue
        self.opened: list[str] = []
        self.events: list[Any] = []
        self.wishes: list[Wish] = []
        self.questions: list[str] = []
        self.client = self.make()

    # what a venue gives

    def make(self) -> Client:
        """Return the client."""
        raise NotImplementedError

    def respond(self, wish: Frame | Request) -> None:
        """Answer a wish, or hold it if it is an effect's."""
        raise NotImplementedError

    def accept(self, wish: Wish) -> None:
        """Say that an effect's request was done."""
        raise NotImplementedError

    def refuse(self, wish: Wish, kind: str) -> None:
        """Say that it was not: `margin`, `late`, `limit`, `inside` (something failed), `busy`."""
        raise NotImplementedError

    def garble(self, wish: Wish) -> None:
        """Answer what cannot be read."""
        raise NotImplementedError

    # what every bench does

    def pump(self) -> None:
        """Carry wishes to the venue and answers back until nothing moves."""
        while self.client.wishes:
            wishes, self.client.wishes = self.client.wishes, []
            self.wishes += wishes
            for wish in wishes:
                if isinstance(wish, Open):
                    self.opened.append(wish.line)
                    if not self.silent:
                        self.client.on_open(self.now_ns, wish.line)
                elif isinstance(wish, Close):
                    self.client.on_close(self.now_ns, wish.line, "closed by us")
                elif not self.silent:
                    self.respond(wish)
        self.take()

    def take(self) -> None:
        """Take what was learned."""
        self.events += self.client.events
        self.client.events = []

    def run(self, seconds: float) -> None:
        """Let time pass, waking the client whenever it wants."""
        end_ns = self.now_ns + int(seconds * SECOND_NS)
        for _ in range(10_000):
            wake_ns = self.client.wake_ns
            if wake_ns > end_ns:
                self.now_ns = end_ns
                return
            self.now_ns = max(self.now_ns + 1, wake_ns)
            self.client.on_wake(self.now_ns)
            self.pump()
        raise AssertionError("the client wants to be woken all the time")

    def ready(self) -> "Bench":
        """Connect and come up."""
        self.client.connect(self.now_ns)
        self.pump()
        assert self.client.is_ready, self.events
        return self

    def effect(self, name: str, key: str = "k", valid_s: float = 2.0) -> None:
        """Ask for an effect; what it sends stands in `held`."""
        client, now_ns, until_ns = self.client, self.now_ns, self.now_ns + int(valid_s * SECOND_NS)
        if name == PLACE:
            client.place(now_ns, key, self.order(), until_ns)
        elif name == CANCEL:
            client.cancel(now_ns, key, self.symbol, "4711")
        elif name == CANCEL_ALL:
            client.cancel_all(now_ns, key)
        elif name == CANCEL_ONE:
            client.cancel_all(now_ns, key, self.symbol)
        elif name == DEAD_MAN:
            client.arm_dead_man(now_ns, key, 30.0)
        else:
            client.transfer(now_ns, key, "hedge", self.asset, Decimal("1.5"), until_ns)
        self.pump()

    def order(self) -> NewOrder:
        """Return an order."""
        return NewOrder(
            instrument=self.symbol,
            side="sell",
            quantity=Decimal("10"),
            client_id="hf-abc",
            price=Decimal("60000.5"),
            time_in_force="ioc",
            reduce_only=True,
        )

    def answers(self, key: str = "k") -> list[EffectAnswered]:
        """Return how an effect was answered."""
        return [e for e in self.events if isinstance(e, EffectAnswered) and e.key == key]

    def told(self, kind: type) -> list[Any]:
        """Return what was learned of a kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def lines(self) -> list[tuple[str, bool]]:
        """Return how lines moved."""
        return [(event.line, event.up) for event in self.told(LineMoved)]

    def venue_ms(self) -> int:
        """Return the venue's time."""
        return self.now_ns // 1_000_000 + VENUE_AHEAD_MS


class DeribitBench(Bench):
    """Deribit on the bench."""

    symbol, asset = "BTC-PERPETUAL", "BTC"

    def make(self) -> DeribitClient:
        settings = DeribitSettings(subaccounts={"hedge": 42})
        return DeribitClient(Instruments(), "main", CREDENTIALS, symbols=[self.symbol], settings=settings)

    def respond(self, wish: Frame | Request) -> None:
        if isinstance(wish, Request):
            if "get_instruments" in wish.url:
                body = json.dumps({"jsonrpc": "2.0", "result": [DERIBIT_LISTING]}).encode()
                self.client.on_answer(self.now_ns, wish.id, 200, body)
            else:
                self.held.append(wish)
            return
        request = json.loads(wish.data)
        method, params = request["method"], request["params"]
        short = method.partition("/")[2]
        self.questions.append(short)
        if short == "get_time":
            self.say(wish, self.venue_ms())
        elif short == "auth":
            self.say(
                wish,
                {
                    "access_token": "a",
                    "refresh_token": "r",
                    "expires_in": 900,
                    "scope": "",
                    "token_type": "bearer",
                },
            )
        elif short == "set_heartbeat" and params["interval"] == 10:
            self.say(wish, "ok")
        elif short in ("subscribe", "unsubscribe"):
            self.say(wish, params["channels"])
            for channel in params["channels"] if short == "subscribe" else ():
                if channel.startswith("book."):
                    self.client.on_frame(self.now_ns, wish.line, deribit_book(self.symbol, self.venue_ms()))
        elif short == "get_open_orders":
            self.say(wish, [DERIBIT_ORDER])
        elif short == "get_positions":
            self.say(wish, [DERIBIT_POSITION])
        elif short == "get_account_summaries":
            self.say(wish, {"summaries": [DERIBIT_PORTFOLIO]})
        elif short == "get_subaccounts":
            self.say(
                wish,
                [
                    {
                        "id": 7,
                        "username": "desk_7",
                        "system_name": "spare",
                        "type": "subaccount",
                        "email": "...",
                    }
                ],
            )
        elif short == "get_order_state_by_label":
            self.say(wish, [DERIBIT_ORDER] if params["label"] == "hf-abc" else [])
        elif short == "test":
            self.say(wish, {"version": "1.2.26"})
        else:
            self.held.append(wish)

    def say(self, wish: Wish, result: Any) -> None:
        """Answer a request."""
        self._tell(
            wish, {"jsonrpc": "2.0", "id": _id_of(wish), "result": result, "usIn": 1, "usOut": 2, "usDiff": 1}
        )

    def fail(self, wish: Wish, code: int, message: str) -> None:
        """Answer a request with an error."""
        self._tell(wish, {"jsonrpc": "2.0", "id": _id_of(wish), "error": {"code": code, "message": message}})

    def accept(self, wish: Wish) -> None:
        text = wish.data.decode() if isinstance(wish, Frame) else wish.url
        if "private/buy" in text or "private/sell" in text:
            self.say(wish, {"order": DERIBIT_ORDER, "trades": []})
        elif "cancel_all" in text:
            self.say(wish, 3)
        elif "private/cancel" in text:
            self.say(wish, DERIBIT_ORDER | {"order_state": "cancelled"})
        elif "transfer" in text:
            self.say(wish, {"id": 1, "state": "confirmed"})
        else:
            self.say(wish, "ok")

    def refuse(self, wish: Wish, kind: str) -> None:
        code, message = {
            "margin": (10009, "not_enough_funds"),
            "late": (13888, "timed_out"),
            "limit": (10028, "too_many_requests"),
            "inside": (11094, "internal_server_error"),
            "busy": (10041, "settlement_in_progress"),
        }[kind]
        self.fail(wish, code, message)

    def garble(self, wish: Wish) -> None:
        self._tell(wish, {"jsonrpc": "2.0", "id": _id_of(wish), "result": {"order": 7}})

    def _tell(self, wish: Wish, message: dict[str, Any]) -> None:
        data = json.dumps(message, separators=(",", ":")).encode()
        if isinstance(wish, Frame):
            self.client.on_frame(self.now_ns, wish.line, data)
        else:
            status = 400 if "error" in message else 200
            self.client.on_answer(self.now_ns, wish.id, status, data)
        self.take()


class BinanceBench(Bench):
    """Binance USD-M on the bench."""

    symbol, asset = "BTCUSDT", "USDT"

    def make(self) -> BinanceClient:
        settings = BinanceSettings(subaccounts={"hedge": "hedge@desk.example"})
        return BinanceClient(Instruments(), "main", CREDENTIALS, symbols=[self.symbol], settings=settings)

    def respond(self, wish: Frame | Request) -> None:
        if isinstance(wish, Frame):
            assert wish.data == b'{"method":"LIST_SUBSCRIPTIONS","params":[],"id":1}'
            self.client.on_frame(self.now_ns, wish.line, b'{"result":["listen"],"id":1}')
            return
        path = urlsplit(wish.url).path
        self.questions.append(path)
        query = parse_qs(urlsplit(wish.url).query)
        if path == "/fapi/v1/time":
            self.say(wish, {"serverTime": self.venue_ms()})
        elif path == "/fapi/v1/exchangeInfo":
            self.say(
                wish,
                {"serverTime": self.venue_ms(), "futuresType": "U_MARGINED", "symbols": [BINANCE_LISTING]},
            )
        elif path == "/fapi/v1/listenKey":
            self.say(wish, {"listenKey": "listen"} if wish.method == "POST" else {})
        elif path == "/fapi/v1/depth":
            self.say(wish, binance_depth(self.venue_ms()))
        elif path == "/fapi/v3/account":
            self.say(wish, {"assets": [BINANCE_ASSET], "positions": []})
        elif path == "/fapi/v3/positionRisk":
            self.say(wish, [BINANCE_POSITION])
        elif path == "/fapi/v1/openOrders" and not wish.urgent:
            self.say(wish, [BINANCE_ORDER])
        elif path == "/fapi/v1/order" and wish.method == "GET":
            if query["origClientOrderId"] == ["hf-abc"]:
                self.say(wish, BINANCE_ORDER)
            else:
                self.fail(wish, 400, -2013, "Order does not exist.")
        else:
            self.held.append(wish)

    def say(self, wish: Wish, answer: Any, status: int = 200) -> None:
        """Answer a request."""
        assert isinstance(wish, Request)
        self.client.on_answer(self.now_ns, wish.id, status, json.dumps(answer).encode())
        self.take()

    def fail(self, wish: Wish, status: int, code: int, message: str) -> None:
        """Answer a request with an error."""
        self.say(wish, {"code": code, "msg": message}, status)

    def accept(self, wish: Wish) -> None:
        assert isinstance(wish, Request)
        path = urlsplit(wish.url).path
        if path == "/fapi/v1/order":
            status = "NEW" if wish.method == "POST" else "CANCELED"
            self.say(wish, BINANCE_ORDER | {"status": status})
        elif path == "/fapi/v1/openOrders":
            self.say(wish, [])
        elif path == "/fapi/v1/allOpenOrders":
            self.say(wish, {"code": 200, "msg": "The operation of cancel all open order is done."})
        else:
            self.say(wish, {"symbol": self.symbol, "countdownTime": "30000", "tranId": 1})

    def refuse(self, wish: Wish, kind: str) -> None:
        status, code, message = {
            "margin": (400, -2019, "Margin is insufficient."),
            "late": (400, -1021, "Timestamp for this request is outside of the recvWindow."),
            "limit": (429, -1003, "Too many requests; current limit is 2400 requests per minute."),
            "inside": (503, 0, "Unknown error, please check your request or try again later."),
            "busy": (503, -1008, "Request throttled by system-level protection."),
        }[kind]
        self.fail(wish, status, code, message)

    def garble(self, wish: Wish) -> None:
        assert isinstance(wish, Request)
        self.client.on_answer(self.now_ns, wish.id, 200, b'{"orderId":')
        self.take()


BENCHES = {"deribit": DeribitBench, "binance-usdm": BinanceBench}


def _id_of(wish: Wish) -> int:
    return json.loads(wish.data)["id"] if isinstance(wish, Frame) else wish.id  # type: ignore[union-attr]


DERIBIT_LISTING = {
    "instrument_name": "BTC-PERPETUAL", "kind": "future", "base_currency": "BTC", "quote_currency": "USD",
    "counter_currency": "USD", "settlement_currency": "BTC", "settlement_period": "perpetual", "tick_size": 0.5,
    "min_trade_amount": 10.0, "contract_size": 10.0, "instrument_type": "reversed", "future_type": "reversed",
    "is_active": True, "expiration_timestamp": 32503708800000, "creation_timestamp": 1534242287000, "price_index": "btc_usd",
}  # fmt: skip
DERIBIT_ORDER = {
    "web": False, "time_in_force": "good_til_cancelled", "replaced": False, "reduce_only": True, "price": 60000.5,
    "post_only": False, "order_type": "limit", "order_state": "open", "order_id": "46094375191", "max_show": 10,
    "last_update_timestamp": 1655401625037, "label": "hf-abc", "is_liquidation": False,
    "instrument_name": "BTC-PERPETUAL", "filled_amount": 0.0, "direction": "sell",
    "creation_timestamp": 1655401625037, "average_price": 0.0, "api": True, "amount": 10.0,
}  # fmt: skip
DERIBIT_TRADE = {
    "trade_seq": 149546319, "trade_id": "219381310", "timestamp": 1655421193564, "tick_direction": 0,
    "state": "filled", "self_trade": False, "reduce_only": False, "profit_loss": 0, "price": 20236.5,
    "post_only": False, "order_type": "limit", "order_id": "46108941243", "matching_id": None,
    "mark_price": 20233.96, "liquidity": "T", "instrument_name": "BTC-PERPETUAL", "index_price": 20253.31,
    "fee_currency": "BTC", "fee": 2.5e-7, "direction": "buy", "amount": 10.0, "label": "hf-abc",
}  # fmt: skip
DERIBIT_POSITION = {
    "average_price": 61000.25, "delta": -0.2, "direction": "sell", "index_price": 60001.0, "initial_margin": 0.01,
    "instrument_name": "BTC-PERPETUAL", "leverage": 50, "kind": "future", "maintenance_margin": 0.005,
    "mark_price": 60000.0, "size": -12000.0, "size_currency": -0.2, "total_profit_loss": 0.003,
}  # fmt: skip
DERIBIT_PORTFOLIO = {
    "currency": "BTC", "balance": 2.5, "equity": 2.503, "available_funds": 2.4, "initial_margin": 0.1,
    "maintenance_margin": 0.05, "margin_balance": 2.503, "delta_total": -0.2, "options_value": 0.0,
}  # fmt: skip
BINANCE_LISTING = {
    "symbol": "BTCUSDT", "pair": "BTCUSDT", "contractType": "PERPETUAL", "deliveryDate": 4133404800000,
    "status": "TRADING", "baseAsset": "BTC", "quoteAsset": "USDT", "marginAsset": "USDT", "pricePrecision": 2,
    "quantityPrecision": 3, "baseAssetPrecision": 8, "quotePrecision": 8,
    "filters": [
        {"filterType": "PRICE_FILTER", "tickSize": "0.10", "minPrice": "556.80", "maxPrice": "4529764"},
        {"filterType": "LOT_SIZE", "stepSize": "0.001", "minQty": "0.001", "maxQty": "1000"},
    ],
}  # fmt: skip
BINANCE_ORDER = {
    "orderId": 22542179, "symbol": "BTCUSDT", "status": "NEW", "clientOrderId": "hf-abc", "price": "60000.50",
    "avgPrice": "0.00000", "origQty": "10", "executedQty": "0", "cumQuote": "0", "timeInForce": "GTC",
    "type": "LIMIT", "reduceOnly": True, "closePosition": False, "side": "SELL", "positionSide": "BOTH",
    "stopPrice": "0", "workingType": "CONTRACT_PRICE", "origType": "LIMIT", "updateTime": 1566818724722,
}  # fmt: skip
BINANCE_POSITION = {
    "symbol": "BTCUSDT", "positionSide": "BOTH", "positionAmt": "-0.200", "entryPrice": "61000.2",
    "breakEvenPrice": "61010", "markPrice": "60000.0", "unRealizedProfit": "200.04", "liquidationPrice": "0",
    "isolatedMargin": "0", "notional": "-12000", "marginAsset": "USDT", "updateTime": 0,
}  # fmt: skip
BINANCE_ASSET = {
    "asset": "USDT", "walletBalance": "10000.5", "unrealizedProfit": "200.04", "marginBalance": "10200.54",
    "maintMargin": "60.0", "initialMargin": "600.0", "positionInitialMargin": "600.0", "openOrderInitialMargin": "0",
    "crossWalletBalance": "10000.5", "crossUnPnl": "200.04", "availableBalance": "9600.54",
    "maxWithdrawAmount": "9600.54", "updateTime": 1720736417660,
}  # fmt: skip


def deribit_book(symbol: str, time_ms: int, change_id: int = 100) -> bytes:
    """Return a book's first message."""
    data = {
        "type": "snapshot", "timestamp": time_ms, "instrument_name": symbol, "change_id": change_id,
        "bids": [["new", 60000.0, 100.0]], "asks": [["new", 60000.5, 50.0]],
    }  # fmt: skip
    params = {"channel": f"book.{symbol}.raw", "data": data}
    return json.dumps(
        {"jsonrpc": "2.0", "method": "subscription", "params": params}, separators=(",", ":")
    ).encode()


def binance_depth(time_ms: int, last_id: int = 100) -> dict[str, Any]:
    """Return a book as REST states it."""
    return {
        "lastUpdateId": last_id, "E": time_ms, "T": time_ms, "bids": [["60000.00", "1.0"]], "asks": [["60000.50", "0.5"]],
    }  # fmt: skip
