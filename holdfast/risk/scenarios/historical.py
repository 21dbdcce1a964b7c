"""Historical scenarios: what once happened, as data, applied to the portfolio as it stands now.

Rules:

1. An event says per asset what moved; how it was measured is said beside it (`source`). Files of events are read by
   `holdfast.app.risk.events`.
2. An asset that the event does not name moves like the one the event names for `others_like`, told as a note; pegged
   currencies stay; without `others_like` it stays too, and that is told as well: the loss is then understated.
3. A move may be of one venue alone (a depeg or print that the rest of the market did not follow).
"""

import datetime
from collections.abc import Collection

import msgspec

from holdfast.error import CallerError
from holdfast.risk.legs import Legs
from holdfast.risk.missing import Missing
from holdfast.risk.scenarios.scenario import Scenario, isolated, scenario_of
from holdfast.risk.shock import Shocks, no_shocks


class Move(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one asset did. Units: natural logs; volatility_shift of 30 days, relative; skew_shift as in `shock.py`.

    `venue` empty: everywhere. `source` says from what, between which moments, it was measured.
    """

    spot_log: float = 0.0
    volatility_shift: float = 0.0
    basis_log: float = 0.0
    skew_shift: float = 0.0
    rate_shift: float = 0.0
    venue: str = ""
    source: str = ""


class Event(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that happened to the market, by asset. `term_power`: how its volatility shift falls off with expiry."""

    name: str
    date: datetime.date
    title: str = ""
    term_power: float = 0.5
    others_like: str = ""
    moves: dict[str, Move]


def historical(legs: Legs, event: Event, *, pegged: Collection[str] = ()) -> Scenario:
    """Return an event as a scenario of these legs.

    Raises: CallerError `event.others_like` where the event names an asset for others that it does not move.
    """
    if event.others_like and event.others_like not in event.moves:
        raise CallerError(
            "event.others_like", f"it does not say what {event.others_like} did", where=event.name
        )
    notes: list[Missing] = []
    moves: dict[int, Move] = {}
    venues = {venue for venue, _ in legs.accounts}
    held = legs
    for number, asset in enumerate(held.assets):
        move = event.moves.get(asset)
        if number == 0 or (move is None and asset in pegged):
            continue
        if move is not None and move.venue:
            if move.venue in venues:
                legs, number = isolated(legs, asset, move.venue, holdings=True)  # noqa: PLW2901
            else:
                continue
        elif move is None and event.others_like:
            move = event.moves[event.others_like]
            notes.append(
                Missing(asset, "event.asset_like", f"moved as {event.others_like} did in {event.name}")
            )
        elif move is None:
            notes.append(
                Missing(asset, "event.asset_absent", f"{event.name} does not say what it did: not moved",
                        "name it in the event, or others_like")
            )  # fmt: skip
            continue
        moves[number] = move
    shocks = no_shocks(1, len(legs.assets), term_power=event.term_power)
    for number, move in moves.items():
        _write(shocks, number, move)
    return scenario_of(event.name, legs, shocks, notes=tuple(notes))


def _write(shocks: Shocks, number: int, move: Move) -> None:
    shocks.spot_log[0, number] = move.spot_log
    shocks.volatility_shift[0, number] = move.volatility_shift
    shocks.basis_log[0, number] = move.basis_log
    shocks.skew_shift[0, number] = move.skew_shift
    shocks.rate_shift[0, number] = move.rate_shift
