"""The world's own address: what stands at the venues, and what is to go wrong there. Sans-IO; not part of any protocol.

`GET /state`: time, prices, and what each account is worth. `GET /orders?venue=&account=`: every order that the venue knows,
by the client's own ids. `POST /orders {"venue", "account", ...}`: an order as if by another program of the account's owner.
`POST /faults {"venue", ...}`: fields of `Faults`, or `drop_sessions`. `POST /shock {"asset", "log_return"}`: a price jumps.
"""

from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import msgspec

from holdfast.lab.world.answer import Answer
from holdfast.lab.world.exchange import Order, OrderRequest, Refused
from holdfast.lab.world.faults import Faults
from holdfast.lab.world.world import World
from holdfast.order import Side

_encode: Final = msgspec.json.Encoder(decimal_format="string").encode


class Placed(msgspec.Struct, forbid_unknown_fields=True):
    """An order from outside any protocol: at a price it rests, without one it takes what is there."""

    venue: str
    account: str
    instrument: str
    side: Side
    quantity: Decimal
    price: Decimal | None = None
    client_id: str = ""


class Shock(msgspec.Struct, forbid_unknown_fields=True):
    """A price that jumps."""

    asset: str
    log_return: float


def answer(world: World, method: str, target: str, body: bytes) -> Answer:
    """Answer a request to the world's own address."""
    split = urlsplit(target)
    query = {name: values[0] for name, values in parse_qs(split.query).items()}
    try:
        match method, split.path:
            case "GET", "/state":
                return Answer(200, _encode(_state(world)))
            case "GET", "/orders":
                return Answer(200, _encode(_orders(world, query.get("venue", ""), query.get("account", ""))))
            case "POST", "/orders":
                order = _place(world, msgspec.json.decode(body, type=Placed))
                return Answer(200 if isinstance(order, Order) else 409, _encode(order))
            case "POST", "/faults":
                return Answer(
                    200, _encode(_set_faults(world, msgspec.json.decode(body, type=dict[str, Any])))
                )
            case "POST", "/shock":
                shock = msgspec.json.decode(body, type=Shock)
                world.shock(shock.asset, shock.log_return)
                return Answer(200, _encode(world.paths.prices))
            case _:
                return Answer(404, _encode({"error": f"there is no {method} {split.path}"}))
    except (msgspec.MsgspecError, KeyError) as error:
        return Answer(400, _encode({"error": str(error)}))


def _state(world: World) -> dict[str, Any]:
    return {
        "time_ns": world.now_ns,
        "prices": world.paths.prices,
        "faults": world.faults,
        "equity_usd": {
            venue: {name: exchange.equity_usd(name) for name in exchange.accounts()}
            for venue, exchange in world.exchanges.items()
        },
        "positions": {
            venue: {
                name: {held.instrument: held.quantity for held in exchange.positions(name)}
                for name in exchange.accounts()
            }
            for venue, exchange in world.exchanges.items()
        },
    }


def _orders(world: World, venue: str, account: str) -> list[dict[str, Any]]:
    exchange = world.exchanges[venue]
    orders = [*exchange.order_history(account), *exchange.open_orders(account)]
    return [_shown(order) for order in sorted(orders, key=lambda order: order.sequence)]


def _place(world: World, placed: Placed) -> Order | Refused:
    request = OrderRequest(
        instrument=placed.instrument,
        side=placed.side,
        quantity=placed.quantity,
        price=placed.price,
        kind="market" if placed.price is None else "limit",
        client_id=placed.client_id,
    )
    return world.exchanges[placed.venue].place(placed.account, request)


def _shown(order: Order) -> dict[str, Any]:
    return {
        "order_id": order.order_id,
        "client_id": order.client_id,
        "instrument": order.instrument,
        "side": order.side,
        "quantity": order.quantity,
        "filled": order.filled,
        "state": order.state,
        "reason": order.reason,
        "created_ns": order.created_ns,
    }


def _set_faults(world: World, wanted: dict[str, Any]) -> Faults:
    """Set the fields named; the rest stays."""
    faults = world.faults[wanted.pop("venue")]
    if wanted.pop("drop_sessions", False):
        faults.drop_sessions()
    known = msgspec.to_builtins(faults)
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        raise msgspec.ValidationError(f"no such fault: {', '.join(unknown)}")
    checked = msgspec.convert(known | wanted, Faults)
    for name in wanted:
        setattr(faults, name, getattr(checked, name))
    return faults
