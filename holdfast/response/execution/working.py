"""Working: bring positions down to fixed targets with reduce-only slices; what reduce, flatten and evacuate share.

Rules:

1. An aim is fixed in the plan: the position it starts from, the one to end at, and a budget, which is all that may ever be
   traded for it. Every slice counts against the budget in full until its fate is known, and by what filled after that.
2. No slice is larger than the position less its target, less what is in flight or unknown: it cannot cross zero, and a
   position that someone else closed is not closed twice.
3. Slices of one instrument are spaced in time; after a refusal or an expiry the space doubles. Instruments are worked side
   by side, what is worth most in dollars first.
4. A step is not done while a position may be read in two ways, as after reports that were lost: the venue is asked first.
5. What cannot be sold within the limits is not sold: when patience is over the step fails and says what is left and why.
"""

from decimal import Decimal
from typing import Final, NamedTuple

import msgspec

from holdfast.action import PlaceOrder
from holdfast.clock import SECOND_NS
from holdfast.event import Scope
from holdfast.order import Side
from holdfast.policy.governor.exposure import usd_per_unit
from holdfast.response.execution.base import ACTIONS_MAX, Ended, Known, Plan, Progress, Turn, Wanted
from holdfast.response.execution.slicing import floor_to, next_slice, reference_price
from holdfast.response.verb import Worked
from holdfast.response.view import DeskView

SETTLE_S: Final = 10.0  # beyond patience, for the fates of the last slices
DOUBLINGS_MAX: Final = 6
LOOK_NS: Final = SECOND_NS // 2
ASK_NS_MIN: Final = (
    2 * SECOND_NS
)  # between two questions for a position in doubt: each costs much of a venue's rate limit
_AIM: Final = "aim "


class Aim(msgspec.Struct, frozen=True, kw_only=True):
    """What is aimed at in one position. Units: the venue's amounts, `start` and `target` signed; reference in quote."""

    venue: str
    account: str
    instrument: str
    start: Decimal
    target: Decimal
    budget: Decimal
    reference: float | None = None

    @property
    def side(self) -> Side:
        """Return the side that reduces the position."""
        return "sell" if self.start > 0 else "buy"

    @property
    def place(self) -> tuple[str, str, str]:
        """Return venue, account and instrument."""
        return self.venue, self.account, self.instrument

    @property
    def name(self) -> str:
        """Return how people call it."""
        return f"{self.venue}:{self.instrument} ({self.account})"


class _Standing(NamedTuple):
    """Where one aim stands: reached, or what of it is in the way."""

    aim: Aim
    is_reached: bool
    is_open: bool
    left: Decimal
    amount: Decimal
    next_ns: int
    why: str
    refused: str
    value_usd: float


def plan_aims(scope: Scope, view: DeskView, fraction: float) -> Plan:
    """Return the aims of bringing every position in a scope down by a fraction, as texts of a plan.

    The target is rounded towards zero: what is not a whole lot is closed with the rest.
    """
    plan: Plan = {}
    for venue, account, symbol in view.held(scope):
        start, instrument = view.position(venue, account, symbol), view.instrument(venue, symbol)
        if not start:
            continue
        lot = Decimal(instrument.lot_size) if instrument is not None and instrument.lot_size else Decimal(0)
        kept = start * (1 - Decimal(repr(fraction))) if fraction < 1.0 else Decimal(0)
        target = floor_to(kept, lot) + 0 if lot else kept
        pending = view.pending(venue, account, symbol)
        growing = abs(pending) if pending * start > 0 else Decimal(0)
        side: Side = "sell" if start > 0 else "buy"
        aim = Aim(
            venue=venue,
            account=account,
            instrument=symbol,
            start=start,
            target=target,
            budget=abs(start - target) + growing,
            reference=reference_price(view, venue, symbol, side),
        )
        plan[_AIM + aim.name] = msgspec.json.encode(aim).decode()
    return plan


def aims_of(plan: Plan) -> list[Aim]:
    """Return the aims that a plan holds."""
    return [msgspec.json.decode(text, type=Aim) for key, text in plan.items() if key.startswith(_AIM)]


def work(worked: Worked, turn: Turn) -> Progress:
    """Return the slices wanted now for the aims of a plan, and whether they are reached or out of reach."""
    now_ns, view, known = turn.now_ns, turn.view, turn.known()
    deadline_ns = turn.begun_ns + round(worked.patience_s * SECOND_NS)
    progress = Progress(wake_ns=deadline_ns)
    standings = [_standing(aim, worked, known, view) for aim in aims_of(turn.plan)]
    missing = [one for one in standings if not one.is_reached]
    if not missing:
        doubtful = [one.aim for one in standings if not view.is_certain(*one.aim.place)]
        if not doubtful or now_ns >= deadline_ns:
            return Progress(ended=Ended("done", _told(standings)))
        accounts = dict.fromkeys((aim.venue, aim.account) for aim in doubtful)
        progress.ask = [one for one in accounts if now_ns - view.reconciled_ns(*one) >= ASK_NS_MIN]
        progress.wake_ns = min(deadline_ns, now_ns + LOOK_NS)
        return progress
    whys: list[str] = []
    for one in sorted(missing, key=lambda one: -one.value_usd):
        number = len(known) + len(progress.wanted)
        made = one.why or (
            _slice(one, worked, view) if number < ACTIONS_MAX else "too many slices in one step"
        )
        why = made if isinstance(made, str) else one.refused or "out of time"
        whys.append(f"{one.left} of {one.aim.name} left: {why}")
        if isinstance(made, PlaceOrder) and one.next_ns <= now_ns < deadline_ns:
            reason = f"{made.side} {made.quantity} of {one.aim.name}, {one.left} away from {one.aim.target}"
            progress.wanted.append(Wanted(turn.key(number), made, reason))
        again_ns = one.next_ns if now_ns < one.next_ns else now_ns + round(worked.spacing_s * SECOND_NS)
        progress.wake_ns = min(progress.wake_ns, again_ns)
    if now_ns >= deadline_ns:
        settle_ns = deadline_ns + round(SETTLE_S * SECOND_NS)
        if now_ns < settle_ns and any(one.is_open for one in missing):
            progress.wake_ns = settle_ns
            return progress
        return Progress(ended=Ended("failed", "; ".join(whys)))
    return progress


def last_refusal(own: list[Known]) -> tuple[int, str]:
    """Return how many of the last orders came to nothing in a row, and what was said of the last of them."""
    count, said = 0, ""
    for one in reversed(own):
        if not one.failure:
            break
        count += 1
        said = said or one.failure
    return count, said


def next_time_ns(own: list[Known], worked: Worked) -> int:
    """Return when the next slice may leave (rule 3)."""
    if not own:
        return 0
    doublings = min(last_refusal(own)[0], DOUBLINGS_MAX)
    return own[-1].time_ns + (round(worked.spacing_s * SECOND_NS) << doublings)


def _standing(aim: Aim, worked: Worked, known: list[Known], view: DeskView) -> _Standing:
    own = [one for one in known if isinstance(one.action, PlaceOrder) and _is_of(one.action, aim)]
    in_flight = sum((one.worst for one in own if one.is_open), Decimal(0))
    used = sum((one.worst for one in own), Decimal(0))
    sign = 1 if aim.start > 0 else -1
    position, pending = (
        look(aim.venue, aim.account, aim.instrument) for look in (view.position, view.pending)
    )
    instrument = view.instrument(aim.venue, aim.instrument)
    lot = Decimal(instrument.lot_size) if instrument is not None and instrument.lot_size else Decimal(0)
    left = max(Decimal(0), sign * position - abs(aim.target))
    amount = min(left - max(in_flight, -sign * pending, Decimal(0)), aim.budget - used)
    why = ""
    if instrument is None or not lot or not instrument.tick_size:
        why = "the venue does not list it"
    elif amount < lot:
        why = "an order is in flight or of unknown fate"
        if aim.budget - used < lot and not in_flight:
            why = "all that was planned is traded, so it grew since or is not yet reported"
    if sign * position < -abs(aim.target):
        why = f"it turned over to {position} since"
    value = usd_per_unit(instrument, view) if instrument is not None else None
    return _Standing(
        aim=aim,
        is_reached=not in_flight and (left == 0 or left < lot) and sign * position >= -abs(aim.target),
        is_open=in_flight > 0,
        left=left,
        amount=amount,
        next_ns=next_time_ns(own, worked),
        why=why,
        refused=last_refusal(own)[1],
        value_usd=float(left) * (value or 0.0),
    )


def _slice(one: _Standing, worked: Worked, view: DeskView) -> PlaceOrder | str:
    aim = one.aim
    instrument = view.instrument(aim.venue, aim.instrument)
    if instrument is None:
        return "the venue does not list it"
    made = next_slice(view, instrument, aim.side, one.amount, aim.reference, worked)
    if isinstance(made, str):
        return made
    return PlaceOrder(
        venue=aim.venue,
        account=aim.account,
        instrument=aim.instrument,
        side=aim.side,
        quantity=made.quantity,
        limit_price=made.limit_price,
        reduce_only=True,
    )


def _is_of(order: PlaceOrder, aim: Aim) -> bool:
    return (order.venue, order.account, order.instrument) == (aim.venue, aim.account, aim.instrument)


def _told(standings: list[_Standing]) -> str:
    dust = [f"{one.left} of {one.aim.name} is less than a lot" for one in standings if one.left]
    return "; ".join(dust) or "every position is at its target"
