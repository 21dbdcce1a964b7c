"""CcxtClient: an account at any other venue, by ccxt; sans-IO like the native clients, its requests are calls of ccxt.

A wish is a `Request` whose address is `ccxt:<method>` and whose body holds the arguments; `ccxt_caller` carries it out. What
that means, and what it does not give:

1. Nothing here is enforced by the venue: a move that was sent may be done late. Its validity is cut to `LEASE_S_MAX`, the
   caller refuses it when that is over by its own clock, and whatever is unknown afterwards is asked for by its client id.
2. That an order is absent is only said when the lists that were asked for were surely whole (of fewer than `PAGE_ORDERS`)
   and the venue has shown client ids at all: some of ccxt's venues never do, and then an unknown order stays unknown.
3. What ccxt watches by web socket is watched, everything else polled. A line is up when its first call was answered.
4. Brakes are calls like any other, urgent; an account-wide cancel goes to every instrument that is known. The dead-man
   switch is `cancelAllOrdersAfter` where the venue has it. Transfers are refused: nothing would make them happen once.
"""

from decimal import Decimal
from typing import Any, Final

from holdfast.app.ccxt_answers import PAGE_ORDERS, SCHEME, CcxtAnswers
from holdfast.clock import SECOND_NS
from holdfast.order import NewOrder
from holdfast.venues.asked import Effect

__all__ = ["SCHEME", "CcxtClient"]

LEASE_S_MAX: Final = 1.0
_TIMES: Final = {"gtc": "GTC", "ioc": "IOC", "fok": "FOK"}


class CcxtClient(CcxtAnswers):
    """An account at the exchange that ccxt calls `venue`. `credentials` and `options` are the caller's, who connects."""

    # effects

    def place(self, now_ns: int, key: str, order: NewOrder, valid_until_ns: int) -> None:
        self._tick(now_ns)
        until_ns = min(valid_until_ns, now_ns + int(LEASE_S_MAX * SECOND_NS))
        if not self.is_ready:
            self._answer(
                now_ns, key, "unsent", "not_connected", "the account is not up, or its listing not known"
            )
            return
        if until_ns <= now_ns:
            self._answer(now_ns, key, "unsent", "too_late", "its validity is over")
            return
        self._traded[order.instrument] = None
        params: dict[str, Any] = {"clientOrderId": order.client_id}
        if order.price is not None:
            params["timeInForce"] = _TIMES[order.time_in_force]
        if order.post_only:
            params["postOnly"] = True
        if order.reduce_only:
            params["reduceOnly"] = True
        kind, price = ("market", None) if order.price is None else ("limit", float(order.price))
        arguments = [order.instrument, kind, order.side, float(order.quantity), price, params]
        asked = self._asked("place", "private", order.client_id, Effect(key))
        wish = self._call(asked, "create_order", arguments, not_after_ns=until_ns)
        self._send(now_ns, asked, self._bucket, lambda _: wish, expires_ns=until_ns)

    def cancel(self, now_ns: int, key: str, instrument: str, order_id: str) -> None:
        self._brake(now_ns, "cancel", Effect(key), "cancel_order", [order_id, instrument])

    def cancel_all(self, now_ns: int, key: str, instrument: str = "") -> None:
        symbols = [instrument] if instrument else list(dict.fromkeys([*self.symbols, *self._traded]))
        if not symbols:
            self._answer(now_ns, key, "refused", "no_instrument", "no instrument of the account is known")
        effect = Effect(key, len(symbols))
        for symbol in symbols:
            self._brake(now_ns, "cancel_all", effect, "cancel_all_orders", [symbol])

    def arm_dead_man(self, now_ns: int, key: str, timeout_s: float) -> None:
        if not self._has.get("cancelAllOrdersAfter"):
            self._answer(now_ns, key, "refused", "unsupported", "ccxt knows no dead-man switch of this venue")
            return
        self._brake(now_ns, "dead_man", Effect(key), "cancel_all_orders_after", [int(timeout_s * 1000)])

    def transfer(
        self, now_ns: int, key: str, to_account: str, asset: str, amount: Decimal, valid_until_ns: int
    ) -> None:
        del to_account, asset, amount, valid_until_ns
        self._answer(
            now_ns, key, "refused", "unsupported", "nothing would make a transfer by ccxt happen once"
        )

    # questions

    def ask_order(self, now_ns: int, instrument: str, client_id: str) -> None:
        subject = f"{instrument} {client_id}"
        lists = [("fetch_orders", "fetchOrders")]
        if not self._has.get("fetchOrders"):
            lists = [("fetch_open_orders", "fetchOpenOrders"), ("fetch_closed_orders", "fetchClosedOrders")]
        if subject in self._found or not all(self._has.get(name) for _, name in lists):
            return  # an absence could not be told
        self._found[subject] = len(lists), 0
        for method, _ in lists:
            self._question(now_ns, "order", method, [instrument, None, PAGE_ORDERS], subject, again=True)

    def ask_orders(self, now_ns: int) -> None:
        self._question(now_ns, "open_orders", "fetch_open_orders", [])

    def ask_positions(self, now_ns: int) -> None:
        if self._has.get("fetchPositions"):
            self._question(now_ns, "positions", "fetch_positions", [])

    def ask_balances(self, now_ns: int) -> None:
        self._question(now_ns, "balances", "fetch_balance", [])

    def ask_clock(self, now_ns: int) -> None:
        if self._has.get("fetchTime"):
            self._question(now_ns, "clock", "fetch_time", [])

    def resync(self, now_ns: int, instrument: str) -> None:
        """Do nothing: every book that comes is whole."""

    # what is sent

    def _brake(self, now_ns: int, kind: str, effect: Effect, method: str, arguments: list[Any]) -> None:
        self._tick(now_ns)
        self._bucket.brake(now_ns)
        asked = self._asked(kind, "", "", effect)
        self._leave(now_ns, asked, self._call(asked, method, arguments, urgent=True))

    def _question(
        self,
        now_ns: int,
        kind: str,
        method: str,
        arguments: list[Any],
        subject: str = "",
        *,
        again: bool = False,
    ) -> None:
        self._tick(now_ns)
        if self.lines["private"].state != "up" or (not again and self._requests.is_asking(kind, subject)):
            return
        asked = self._asked(kind, "private", subject)
        wish = self._call(asked, method, arguments)
        self._send(now_ns, asked, self._bucket, lambda _: wish)
