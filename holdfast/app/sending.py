"""Sending: what the outbox wants carried out, handed to the client of its account; what has none is answered at once."""

from collections import deque
from collections.abc import Mapping, Sequence

from holdfast.action import ArmDeadMan, CancelAll, CancelOrder, PlaceOrder, Tell, Transfer
from holdfast.event import EffectAnswered
from holdfast.market.blotter import Blotter
from holdfast.order import NewOrder
from holdfast.response.dispatch import Ask, Dispatch, Send
from holdfast.response.view import Account
from holdfast.venues.client import Client


class Sending:
    """Carry dispatches out. `tells` are for whoever tells people: the attempt's name, and what to say."""

    def __init__(self, clients: Mapping[Account, Client], blotter: Blotter) -> None:
        self.tells: deque[tuple[str, Tell]] = deque()
        self._clients = clients
        self._blotter = blotter

    def carry_out(self, now_ns: int, dispatches: Sequence[Dispatch]) -> list[EffectAnswered]:
        """Hand everything on, in order; return the answers to what cannot be."""
        answered: list[EffectAnswered] = []
        for dispatch in dispatches:
            if isinstance(dispatch, Send):
                answered += self._send(now_ns, dispatch)
                continue
            client = self._clients.get((dispatch.venue, dispatch.account))
            if client is None:
                continue
            if isinstance(dispatch, Ask):
                client.ask_order(now_ns, dispatch.instrument, dispatch.client_id)
            else:
                client.ask_balances(now_ns)
        return answered

    def _send(self, now_ns: int, send: Send) -> list[EffectAnswered]:
        action = send.action
        if isinstance(action, Tell):
            self.tells.append((send.effect, action))
            return []
        account = action.from_account if isinstance(action, Transfer) else action.account
        client = self._clients.get((action.venue, account))
        if client is None:
            answer = EffectAnswered(
                time_ns=now_ns, venue=action.venue, account=account, key=send.effect, outcome="unsent",
                code="no_client", detail=f"no client for {action.venue}/{account}",
            )  # fmt: skip
            return [answer]
        if isinstance(action, CancelAll):
            client.cancel_all(now_ns, send.effect, action.instrument)
        elif isinstance(action, CancelOrder):
            client.cancel(now_ns, send.effect, action.instrument, action.order_id)
        elif isinstance(action, ArmDeadMan):
            client.arm_dead_man(now_ns, send.effect, action.timeout_s)
        elif isinstance(action, Transfer):
            valid_ns = send.valid_until_ns
            client.transfer(now_ns, send.effect, action.to_account, action.asset, action.amount, valid_ns)
        else:
            order = _order_of(action, send.client_id)
            self._blotter.expect(
                now_ns, action.venue, account, order, key=send.effect, valid_until_ns=send.valid_until_ns
            )
            client.place(now_ns, send.effect, order, send.valid_until_ns)
        return []


def _order_of(action: PlaceOrder, client_id: str) -> NewOrder:
    return NewOrder(
        instrument=action.instrument,
        side=action.side,
        quantity=action.quantity,
        client_id=client_id,
        price=action.limit_price,
        time_in_force="gtc" if action.rests else "ioc",
        reduce_only=action.reduce_only,
    )
