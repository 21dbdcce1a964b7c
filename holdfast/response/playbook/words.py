"""Words: a verb, an action and a time as a risk officer would say them."""

from typing import Final

import msgspec

from holdfast.action import Action, ArmDeadMan, CancelAll, CancelOrder, PlaceOrder, Tell, Transfer
from holdfast.response.verb import Verb, name_of

_SAID: Final = {
    "cancel_all": "cancel every open order",
    "pause": "let strategies begin nothing new",
    "resume": "open the scope again if a reconciliation is clean",
    "halt": "stop strategies until a person lifts it",
    "reduce_only": "let strategies only close positions",
    "flatten": "close every position",
    "reconcile": "reconcile with the venues until our view and theirs agree",
    "evacuate": "pause, cancel, close every position, then move what is free",
}


def words_of(verb: Verb) -> str:
    """Return what a verb does, with the arguments that matter.

    >>> from holdfast.response.verb import Reduce, DeadMan
    >>> words_of(Reduce(fraction=0.5, slippage_bps_max=30.0))
    'reduce every position by 50 % (at most 30 bps from the mark, 250,000 USD an order)'
    >>> words_of(DeadMan(timeout_s=60.0))
    'have the venues cancel everything when they do not hear from us for 60 s'
    """
    name = name_of(verb)
    said = _SAID.get(name, name)
    arguments = msgspec.structs.asdict(verb)
    if name == "reduce":
        said = f"reduce every position by {arguments['fraction'] * 100:g} %"
    elif name == "hedge_delta":
        said = (
            f"trade the delta in {arguments['asset']} to {arguments['target']:g} coins, give or take "
            f"{arguments['tolerance']:g}, with {' or '.join(arguments['instruments'])}"
        )
    elif name == "dead_man":
        seconds = arguments["timeout_s"]
        said = (
            f"have the venues cancel everything when they do not hear from us for {seconds:g} s"
            if seconds
            else "disarm the venues' dead-man switch"
        )
    elif name == "move_collateral":
        said = (
            f"move up to {arguments['amount_max']} {arguments['asset']} to the neediest account of the venue, up to "
            f"{arguments['ratio_target']:g} times its maintenance margin"
        )
    elif name == "notify":
        said = f"tell people: {arguments['title']}"
    if "slippage_bps_max" in arguments:
        slippage, usd = arguments["slippage_bps_max"], arguments["slice_usd_max"]
        said += f" (at most {slippage:g} bps from the mark, {usd:,.0f} USD an order)"
    if arguments.get("to_account"):
        said += f" of {', '.join(arguments['assets'])} to {arguments['to_account']}"
    return said


def said(action: Action) -> str:
    """Return what an action would do at a venue, in one line.

    >>> from decimal import Decimal
    >>> said(CancelAll("deribit", "main"))
    'cancel every order of deribit:main'
    """
    match action:
        case CancelAll(venue, account, instrument):
            return f"cancel every order of {venue}:{account}{f' in {instrument}' if instrument else ''}"
        case CancelOrder(venue, account, instrument, order_id):
            return f"cancel order {order_id} in {instrument} of {venue}:{account}"
        case ArmDeadMan(venue, account, timeout_s):
            return f"dead-man switch of {venue}:{account} to {timeout_s:g} s"
        case PlaceOrder():
            only = ", reduce-only" if action.reduce_only else ""
            return (
                f"{action.side} {action.quantity} {action.instrument} at {action.limit_price} or better{only} "
                f"on {action.venue}:{action.account}"
            )
        case Transfer():
            return (
                f"move {action.amount} {action.asset} on {action.venue} from {action.from_account} "
                f"to {action.to_account}"
            )
        case Tell(title):
            return f"tell people: {title}"
