"""Collateral: move an asset from the richest to the neediest account of a venue, once.

Rules:

1. The plan fixes giver, taker and amount; a restart moves that and nothing else.
2. Need is what lacks to the ratio of equity to maintenance margin that the verb asks for; spare is what the giver has above
   its own least ratio, and no more than is available. The neediest taker is served by the richest giver of its venue.
3. An account whose equity or margin is not known neither gives nor takes.
"""

from decimal import ROUND_DOWN, Decimal
from typing import Final, NamedTuple

import msgspec

from holdfast.action import Transfer
from holdfast.event import Scope
from holdfast.response.execution.base import Ended, Execution, Plan, Progress, Turn, begun
from holdfast.response.execution.transferring import transfer
from holdfast.response.verb import MoveCollateral
from holdfast.response.view import DeskView

GRID: Final = Decimal("1e-8")  # amounts are rounded down to it


class _Purse(NamedTuple):
    venue: str
    account: str
    need: Decimal
    spare: Decimal


def _plan(verb: MoveCollateral, scope: Scope, view: DeskView) -> Plan:
    purses = [
        purse
        for venue, account in view.accounts(scope)
        if (purse := _purse(verb, venue, account, view)) is not None
    ]
    plan = begun(scope, view)
    takers = [purse for purse in purses if purse.need > 0]
    if not takers:
        return plan | {"nothing": "no account is in need"}
    taker = max(takers, key=lambda purse: (purse.need, purse.venue, purse.account))
    givers = [purse for purse in purses if purse.venue == taker.venue and purse.account != taker.account]
    giver = max(givers, key=lambda purse: (purse.spare, purse.account), default=None)
    amount = min(taker.need, giver.spare, verb.amount_max) if giver is not None else Decimal(0)
    amount = amount.quantize(GRID, ROUND_DOWN)
    if giver is None or amount <= 0:
        return plan | {
            "failed": f"{taker.venue} ({taker.account}) lacks {taker.need} {verb.asset}, none has it to spare"
        }
    move = Transfer(
        venue=taker.venue,
        from_account=giver.account,
        to_account=taker.account,
        asset=verb.asset,
        amount=amount,
    )
    return plan | {"transfer": msgspec.json.encode(move).decode(), "need": str(taker.need)}


def _advance(_verb: MoveCollateral, turn: Turn) -> Progress:
    plan = turn.plan
    if "transfer" not in plan:
        outcome = "done" if "nothing" in plan else "failed"
        return Progress(ended=Ended(outcome, plan.get("nothing") or plan.get("failed", "")))
    move, known = msgspec.json.decode(plan["transfer"], type=Transfer), turn.known()
    reason = f"move {move.amount} {move.asset} of {move.venue} from {move.from_account} to {move.to_account}"
    return transfer(turn, known, move, len(known), reason)


def _purse(verb: MoveCollateral, venue: str, account: str, view: DeskView) -> _Purse | None:
    balance = view.balance(venue, account, verb.asset)
    if balance is None or balance.maintenance_margin is None:
        return None
    margin = balance.maintenance_margin
    equity = balance.equity if balance.equity is not None else balance.amount
    available = balance.available if balance.available is not None else Decimal(0)
    need = margin * Decimal(repr(verb.ratio_target)) - equity
    spare = min(available - verb.keep_min, equity - margin * Decimal(repr(verb.ratio_min)))
    return _Purse(venue, account, max(need, Decimal(0)), max(spare, Decimal(0)))


MOVE_COLLATERAL: Final = Execution(_plan, _advance)
