"""Hedge: trade the cheapest allowed instrument until the delta in an asset is near its target.

Rules:

1. The plan fixes the delta that is missing when the step begins: the budget in coins, and one direction. The step never
   trades more than that, nor the other way; a desk whose delta went on moving plans anew.
2. The delta is a range: with all, or with nothing, of what is in flight filled. Only what is missing at both ends is traded.
3. One order at a time, and of each its full size counts against the budget until its fate is known.
4. Inverse contracts are counted by value / price and linear ones by base units, exactly; quantities are rounded down.
5. Cheapest is what the book asks for the size, in basis points of the better of mark and mid.
"""

from decimal import Decimal
from typing import Final, NamedTuple

import msgspec

from holdfast.action import PlaceOrder
from holdfast.clock import SECOND_NS
from holdfast.event import Scope
from holdfast.instrument import Instrument
from holdfast.order import Side
from holdfast.policy.governor.exposure import coins_of, delta_bounds, delta_of, quantity_of
from holdfast.response.execution.base import (
    ACTIONS_MAX,
    Ended,
    Execution,
    Known,
    Plan,
    Progress,
    Turn,
    Wanted,
    begun,
)
from holdfast.response.execution.slicing import next_slice, reference_price
from holdfast.response.execution.working import SETTLE_S, last_refusal, next_time_ns
from holdfast.response.verb import HedgeDelta
from holdfast.response.view import DeskView


class HedgeAim(msgspec.Struct, frozen=True, kw_only=True):
    """What the step aims at. Units: coins; `missing` is signed, what has to be bought; references by `venue:symbol`."""

    delta: float = 0.0
    missing: float = 0.0
    references: dict[str, float] = {}
    unknown: str = ""

    @property
    def side(self) -> Side:
        """Return the only side that is traded."""
        return "sell" if self.missing < 0.0 else "buy"


class _Offer(NamedTuple):
    cost_bps: float
    name: str
    order: PlaceOrder


def _plan(verb: HedgeDelta, scope: Scope, view: DeskView) -> Plan:
    held = view.held(scope)
    settled = delta_of(view, verb.asset, held)
    if isinstance(settled, str):
        aim = HedgeAim(unknown=settled)
    else:
        missing = verb.target - settled
        side: Side = "sell" if missing < 0.0 else "buy"
        references: dict[str, float] = {}
        for name in verb.instruments:
            venue, symbol = name.split(":", 1)
            price = reference_price(view, venue, symbol, side)
            if price is not None:
                references[name] = price
        aim = HedgeAim(delta=settled, missing=missing, references=references)
    return begun(scope, view) | {"hedge": msgspec.json.encode(aim).decode()}


def _advance(verb: HedgeDelta, turn: Turn) -> Progress:
    now_ns, known = turn.now_ns, turn.known()
    aim = msgspec.json.decode(turn.plan["hedge"], type=HedgeAim)
    if aim.unknown:
        return Progress(ended=Ended("failed", f"nothing was hedged: {aim.unknown}"))
    is_open = any(one.is_open for one in known)
    delta = delta_of(turn.view, verb.asset, turn.view.held(turn.scope))
    if isinstance(delta, float) and abs(delta - verb.target) <= verb.tolerance and not is_open:
        return Progress(ended=Ended("done", f"delta {delta:+.6g} {verb.asset}"))
    deadline_ns = turn.begun_ns + round(verb.patience_s * SECOND_NS)
    offer: _Offer | str = "an order is in flight or of unknown fate"
    if not is_open:
        left = _left(verb, aim, known, turn)
        offer = left if isinstance(left, str) else _cheapest(verb, aim, left, turn)
    if now_ns >= deadline_ns + (round(SETTLE_S * SECOND_NS) if is_open else 0):
        why = offer if isinstance(offer, str) else last_refusal(known)[1] or "out of time"
        shown = f"{delta:+.6g}" if isinstance(delta, float) else "not known"
        return Progress(ended=Ended("failed", f"the delta in {verb.asset} is {shown}: {why}"))
    again_ns = now_ns + round(verb.spacing_s * SECOND_NS)
    if isinstance(offer, str) or now_ns >= deadline_ns or len(known) >= ACTIONS_MAX:
        return Progress(wake_ns=again_ns)
    if now_ns < (next_ns := next_time_ns(known, verb)):
        return Progress(wake_ns=next_ns)
    order = offer.order
    reason = (
        f"{order.side} {order.quantity} of {offer.name}: delta {delta} of {verb.asset} to {verb.target:g}"
    )
    return Progress(wanted=[Wanted(turn.key(len(known)), order, reason)], wake_ns=again_ns)


def _left(verb: HedgeDelta, aim: HedgeAim, known: list[Known], turn: Turn) -> Decimal | str:
    """Return how many coins may be traded now (rules 1 and 2), or in words why none."""
    bounds = delta_bounds(turn.view, verb.asset, turn.view.held(turn.scope))
    if isinstance(bounds, str):
        return bounds
    low, high = bounds
    missing = low - verb.target if aim.side == "sell" else verb.target - high
    spent = Decimal(0)
    for one in known:
        if isinstance(one.action, PlaceOrder):
            coins = _coins(one.action, one.worst, turn.view)
            if coins is None:
                return f"{one.action.venue}:{one.action.instrument} is not listed any more"
            spent += coins
    budget = abs(Decimal(repr(aim.missing))) - spent
    if budget <= 0:
        return "all that was planned is traded, so the delta moved since or is not yet reported"
    if missing <= 0.0:
        return "the delta passed the target since the step began, or what is in flight may do it"
    return min(budget, Decimal(repr(missing)))


def _cheapest(verb: HedgeDelta, aim: HedgeAim, coins: Decimal, turn: Turn) -> _Offer | str:
    view, offers, whys = turn.view, list[_Offer](), list[str]()
    for name in verb.instruments:
        venue, symbol = name.split(":", 1)
        instrument, account = view.instrument(venue, symbol), _account(venue, verb.asset, turn)
        why = _unfit(instrument, verb.asset)
        if instrument is None or why or account is None:
            whys.append(f"{name}: {why or 'no account at the venue'}")
            continue
        prices = (reference_price(view, venue, symbol, "buy"), view.mark(venue, symbol))
        price = min((price for price in prices if price is not None), default=0.0)
        quantity = quantity_of(instrument, coins, price)
        if quantity is None:
            whys.append(f"{name}: neither mark nor book is known")
            continue
        made = next_slice(view, instrument, aim.side, quantity, aim.references.get(name), verb)
        if isinstance(made, str):
            whys.append(f"{name}: {made}")
            continue
        order = PlaceOrder(
            venue=venue,
            account=account,
            instrument=symbol,
            side=aim.side,
            quantity=made.quantity,
            limit_price=made.limit_price,
            reduce_only=False,
        )
        offers.append(_Offer(made.cost_bps, name, order))
    return min(offers, key=lambda offer: (offer.cost_bps, offer.name), default="; ".join(whys))


def _account(venue: str, asset: str, turn: Turn) -> str | None:
    """Return the account that a hedge is placed in: the one with most positions in the asset, else the first."""
    accounts = [account for at, account in turn.view.accounts(Scope(venue)) if at == venue]
    counts = dict.fromkeys(accounts, 0)
    for at, account, symbol in turn.view.held(Scope(venue)):
        instrument = turn.view.instrument(at, symbol)
        if account in counts and instrument is not None and instrument.base == asset:
            counts[account] += 1
    return max(accounts, key=lambda account: counts[account], default=None)


def _unfit(instrument: Instrument | None, asset: str) -> str:
    if instrument is None or not instrument.lot_size or not instrument.tick_size:
        return "the venue does not list it"
    if instrument.base != asset or instrument.kind not in ("perpetual", "future"):
        return f"it is no perpetual or future of {asset}"
    return ""


def _coins(order: PlaceOrder, quantity: Decimal, view: DeskView) -> Decimal | None:
    """Return the coins of an order's quantity, rather too many than too few: at the lower of its limit and the mark."""
    instrument = view.instrument(order.venue, order.instrument)
    if instrument is None:
        return None
    mark = view.mark(order.venue, order.instrument) or float(order.limit_price)
    return coins_of(instrument, quantity, min(mark, float(order.limit_price)))


HEDGE: Final = Execution(_plan, _advance)
