"""BinanceClient: one account at Binance USD-M: two market streams, the account's stream, and signed requests by HTTP.

Rules of the venue, and what they make of ours:

1. A move carries `timestamp` and `recvWindow`; the venue refuses it (`-1021`) when its own clock is past their sum. The sum
   is set to the move's validity, and a window is a minute at most.
2. `GET /fapi/v1/order` by `origClientOrderId` says what became of an order; `-2013` says that no such order is known. A
   client id is only held to be unique among open orders.
3. Orders are cancelled one instrument at a time. For the account, every instrument that it knows or may have orders in is
   cancelled at once, and the list of open orders is asked for beside it: an instrument that shows up there is cancelled too.
   Conditional orders of the venue's algo service stay where they are.
4. The dead-man switch is `countdownCancelAll`, an instrument at a time; whoever arms it arms it again before it runs out.
5. The account's stream has a key that is good for an hour: it is kept alive every half hour and replaced when it expired.
6. Books are diffs by stream and a snapshot by HTTP, fetched after the stream is open and again whenever the feed asks.
7. The account's line is up when the stream is open and a signed request was answered: a wrong secret is found at once.
8. A transfer goes to the wallet's own address, with a client id made of its key, which the venue takes once. Accounts are
   e-mail addresses there; one that is left out is the master account.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from holdfast.order import NewOrder
from holdfast.venues.asked import Asked, Effect
from holdfast.venues.binance import client_requests as requests
from holdfast.venues.binance.client_lines import QUERY_MS, SNAPSHOT_WEIGHTS, BinanceLines, BinanceSettings
from holdfast.venues.client import Request
from holdfast.venues.rate_limit import TokenBucket

__all__ = ["BinanceClient", "BinanceSettings"]

_ALL_ORDERS_WEIGHT: Final = 40


class BinanceClient(BinanceLines):
    """An account at Binance USD-M. `credentials` are an API key and its secret."""

    # effects

    def place(self, now_ns: int, key: str, order: NewOrder, valid_until_ns: int) -> None:
        self._tick(now_ns)
        why_not = self._why_not(now_ns, valid_until_ns)
        if why_not:
            self._answer(now_ns, key, "unsent", *why_not)
            return
        self._traded[order.instrument] = None
        asked = self._asked("place", order.client_id, Effect(key))
        params = requests.order_params(order)
        self._move(now_ns, asked, self._orders, f"{self._rest_url}/fapi/v1/order", params, valid_until_ns)

    def cancel(self, now_ns: int, key: str, instrument: str, order_id: str) -> None:
        params = {"symbol": instrument, "orderId": order_id}
        self._brake(now_ns, "cancel", "DELETE", "/fapi/v1/order", params, Effect(key))

    def cancel_all(self, now_ns: int, key: str, instrument: str = "") -> None:
        symbols = [instrument] if instrument else self._known()
        effect = Effect(key, len(symbols) + (not instrument))
        for symbol in symbols:
            self._cancel_symbol(now_ns, symbol, effect)
        if not instrument:
            subject = ",".join(symbols)
            self._brake(
                now_ns, "sweep", "GET", "/fapi/v1/openOrders", {}, effect, subject, _ALL_ORDERS_WEIGHT
            )

    def arm_dead_man(self, now_ns: int, key: str, timeout_s: float) -> None:
        symbols = self._known()
        if not symbols:
            self._answer(
                now_ns, key, "refused", "no_instrument", "the switch is one of instruments, and none is known"
            )
            return
        effect, countdown = Effect(key, len(symbols)), str(int(timeout_s * 1000))
        for symbol in symbols:
            params = {"symbol": symbol, "countdownTime": countdown}
            self._brake(now_ns, "dead_man", "POST", "/fapi/v1/countdownCancelAll", params, effect, symbol, 10)

    def transfer(
        self, now_ns: int, key: str, to_account: str, asset: str, amount: Decimal, valid_until_ns: int
    ) -> None:
        self._tick(now_ns)
        why_not = self._why_not(now_ns, valid_until_ns)
        if why_not:
            self._answer(now_ns, key, "unsent", *why_not)
        else:
            emails = self.settings.subaccounts
            ends = {"fromEmail": emails.get(self.account, ""), "toEmail": emails.get(to_account, to_account)}
            params = {
                **{name: email for name, email in ends.items() if email},
                "fromAccountType": "USDT_FUTURE",
                "toAccountType": "USDT_FUTURE",
                "clientTranId": requests.transfer_id(key),
                "asset": asset,
                "amount": requests.number(amount),
            }
            asked = self._asked("transfer", to_account, Effect(key))
            url = f"{self._wallet_url}/sapi/v1/sub-account/universalTransfer"
            self._move(now_ns, asked, self._weights, url, params, valid_until_ns)

    # questions

    def ask_order(self, now_ns: int, instrument: str, client_id: str) -> None:
        params = {"symbol": instrument, "origClientOrderId": client_id}
        self._question(now_ns, "order", "/fapi/v1/order", params, subject=f"{instrument} {client_id}")

    def ask_orders(self, now_ns: int) -> None:
        self._question(now_ns, "orders", "/fapi/v1/openOrders", {}, weight=_ALL_ORDERS_WEIGHT)

    def ask_positions(self, now_ns: int) -> None:
        self._question(now_ns, "positions", "/fapi/v3/positionRisk", {}, weight=5)

    def ask_balances(self, now_ns: int) -> None:
        self._question(now_ns, "balances", "/fapi/v3/account", {}, weight=5)

    def ask_clock(self, now_ns: int) -> None:
        self._tick(now_ns)
        if not self._requests.is_asking("clock"):
            self._weights.brake(now_ns)
            asked = self._asked("clock")
            self._leave(now_ns, asked, self._request(asked, "GET", f"{self._rest_url}/fapi/v1/time"))

    def resync(self, now_ns: int, instrument: str) -> None:
        line = self.lines.get("public")
        if line is None or not line.is_open or not self.resyncs.begin(now_ns, instrument):
            return
        if self._turns.is_waiting("snapshot", instrument):
            return
        asked = self._asked("snapshot", instrument)
        url = f"{self._rest_url}/fapi/v1/depth?symbol={instrument}&limit={self._book_levels}"
        cost = SNAPSHOT_WEIGHTS[self.settings.book_levels]
        self._send(now_ns, asked, self._weights, lambda _: self._request(asked, "GET", url), cost=cost)

    # what is sent

    def _known(self) -> list[str]:
        """Return every instrument that the account may have orders in, those with open ones first."""
        with_orders = [symbol for symbol, ids in self._open.items() if ids]
        return list(dict.fromkeys([*with_orders, *self.symbols, *self._traded]))

    def _cancel_symbol(self, now_ns: int, symbol: str, effect: Effect) -> None:
        self._brake(
            now_ns, "cancel_all", "DELETE", "/fapi/v1/allOpenOrders", {"symbol": symbol}, effect, symbol
        )

    def _cancel_more(self, now_ns: int, asked: Asked, symbols: list[str]) -> None:
        if asked.effect is not None:
            asked.effect.left += len(symbols)
            for symbol in symbols:
                self._cancel_symbol(now_ns, symbol, asked.effect)

    def _move(
        self,
        now_ns: int,
        asked: Asked,
        bucket: TokenBucket,
        url: str,
        params: Mapping[str, str],
        valid_until_ns: int,
    ) -> None:
        def build(then_ns: int) -> Request:
            return self._signed(then_ns, asked, "POST", url, params, self.clock.until_ms(valid_until_ns))

        self._send(now_ns, asked, bucket, build, expires_ns=self.clock.expiry_ns(valid_until_ns))

    def _brake(
        self,
        now_ns: int,
        kind: str,
        method: str,
        path: str,
        params: Mapping[str, str],
        effect: Effect,
        subject: str = "",
        weight: float = 1.0,
    ) -> None:
        self._tick(now_ns)
        self._weights.brake(now_ns, weight)
        asked = self._asked(kind, subject, effect)
        query = self._signer.signed(params, self.clock.time_ms(now_ns), QUERY_MS)
        url = f"{self._rest_url}{path}?{query}"
        self._leave(now_ns, asked, self._request(asked, method, url, urgent=True))

    def _question(
        self,
        now_ns: int,
        kind: str,
        path: str,
        params: Mapping[str, str],
        *,
        subject: str = "",
        weight: float = 1.0,
    ) -> None:
        self._tick(now_ns)
        if (
            self.clock.best is None
            or self._requests.is_asking(kind, subject)
            or self._turns.is_waiting(kind, subject)
        ):
            return
        asked = self._asked(kind, subject)
        url = f"{self._rest_url}{path}"
        self._send(
            now_ns,
            asked,
            self._weights,
            lambda then_ns: self._signed(then_ns, asked, "GET", url, params),
            cost=weight,
        )
