"""Verdict: what the venues' own books say of what the guard did, beside what its journal says it meant.

Safety, at any time: no intent was executed twice, nothing was executed beyond its intent, nothing was done without a durable
intent, and nothing that the journal calls done is missing at the venue. Liveness, after healing: every intent is settled,
our view of positions is the venues' own, and no order of the guard still rests.
"""

from collections import Counter
from decimal import Decimal
from typing import Final

import msgspec

from holdfast.action import PlaceOrder
from holdfast.app.node import Node
from holdfast.clock import SECOND_NS
from holdfast.lab.universe.desk import ACCOUNT, PREFIX
from holdfast.lab.world.exchange import Order
from holdfast.lab.world.world import World
from holdfast.ledger.journal.base import Journal
from holdfast.ledger.record import decode
from holdfast.receipt import Attempted, Intended, Settled

SETTLE_S_MAX: Final = 10.0
"""The bound within which an intent must be settled where everything works."""


class Verdict(msgspec.Struct, kw_only=True):
    """What was found: effects at the venues, how many of them twice or lost, and everything that is wrong, in words."""

    effects: int = 0
    doubled: int = 0
    lost: int = 0
    wrong: list[str] = []


def judge(world: World, journal: Journal, node: Node | None) -> Verdict:
    """Compare the venues' books with the journal, and, of the running node, its view with them."""
    verdict = Verdict()
    intents: dict[str, Intended] = {}
    attempted: set[str] = set()
    settled: dict[str, Settled] = {}
    for _, data in journal.read():
        record = decode(data)
        if isinstance(record, Intended):
            intents[record.key] = record
        elif isinstance(record, Attempted):
            attempted.add(record.key)
        elif isinstance(record, Settled):
            settled[record.key] = record
    orders = _orders(world)
    _judge_orders(verdict, orders, intents, attempted, settled)
    if node is not None:
        _judge_rest(verdict, world, node, orders, intents, settled)
    return verdict


def _orders(world: World) -> dict[tuple[str, str], list[Order]]:
    found: dict[tuple[str, str], list[Order]] = {}
    for venue, exchange in world.exchanges.items():
        for order in (*exchange.order_history(ACCOUNT), *exchange.open_orders(ACCOUNT)):
            if order.client_id.startswith(PREFIX):
                known = found.setdefault((venue, order.client_id), [])
                if all(one.order_id != order.order_id for one in known):
                    known.append(order)
    return found


def _judge_orders(
    verdict: Verdict,
    orders: dict[tuple[str, str], list[Order]],
    intents: dict[str, Intended],
    attempted: set[str],
    settled: dict[str, Settled],
) -> None:
    by_name = {
        (intent.action.venue, intent.client_id): intent
        for intent in intents.values()
        if isinstance(intent.action, PlaceOrder)
    }
    verdict.effects = len(orders)
    for name, executed in orders.items():
        intent = by_name.get(name)
        if intent is None or intent.key not in attempted:
            verdict.wrong.append(f"{name[0]} has order {name[1]}, and the journal no durable attempt at it")
            continue
        action = intent.action
        assert isinstance(action, PlaceOrder)
        filled = sum((one.filled for one in executed), Decimal(0))
        if len(executed) > 1:
            verdict.doubled += 1
            verdict.wrong.append(f"{intent.key} was placed {len(executed)} times at {name[0]}")
        if filled > action.quantity:
            verdict.wrong.append(f"{intent.key} filled {filled} of {action.quantity}")
    for name, intent in by_name.items():
        fate = settled.get(intent.key)
        if fate is not None and fate.outcome == "done" and name not in orders:
            verdict.lost += 1
            verdict.wrong.append(f"{intent.key} is settled as done, and {name[0]} never had it")
        if fate is not None and fate.outcome in ("refused", "expired") and name in orders:
            verdict.lost += 1
            verdict.wrong.append(f"{intent.key} is settled as {fate.outcome}, and {name[0]} has it")


def _judge_rest(
    verdict: Verdict,
    world: World,
    node: Node,
    orders: dict[tuple[str, str], list[Order]],
    intents: dict[str, Intended],
    settled: dict[str, Settled],
) -> None:
    old_ns = world.now_ns - round(SETTLE_S_MAX * SECOND_NS)
    for key, intent in intents.items():
        if key not in settled and intent.time_ns < old_ns:
            verdict.wrong.append(
                f"{key} is not settled {SETTLE_S_MAX:g} s after it was intended, with all healed"
            )
    for (venue, client_id), known in orders.items():
        if any(one.state == "open" and one.created_ns < old_ns for one in known):
            verdict.wrong.append(f"{venue} still has order {client_id} open")
    for name, count in Counter(key.partition("/")[0] for key in intents).items():
        if count > 1_000:
            verdict.wrong.append(f"{name} intended {count} actions")
    for venue, exchange in world.exchanges.items():
        for position in exchange.positions(ACCOUNT):
            seen = node.parts.blotter.position(venue, ACCOUNT, position.instrument)
            if seen != position.quantity:
                verdict.wrong.append(
                    f"{venue}:{position.instrument} holds {position.quantity}, and the node thinks {seen}"
                )
