"""Verbs: what a step of a playbook can ask for. Each names a state to be reached, so a restart aims at the same state.

Rules:

1. A verb says nothing about where: the scope comes from the step. Its arguments carry their units in their names.
2. A *brake* lowers risk, may be repeated and needs nobody; a *move* changes what the desk holds or may do, and needs an
   intent, the governor and as many approvals as its playbook says; a *word* changes nothing at a venue.
3. An argument that cannot work is refused when the verb is made, not when it is needed.
"""

import math
from decimal import Decimal
from typing import Any, Final, Literal, get_args

import msgspec

from holdfast.action import Urgency
from holdfast.error import CallerError

BPS: Final = 10_000.0
DEAD_MAN_S_MIN: Final = 5.0
DEAD_MAN_S_MAX: Final = 600.0
PATIENCE_S_MAX: Final = 86_400.0
SLIPPAGE_BPS_MAX: Final = 5_000.0

Kind = Literal["brake", "move", "word"]


class CancelEverything(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="verb", tag="cancel_all"
):
    """Cancel every open order in the scope; what is sent afterwards is not stopped."""


class Pause(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="verb", tag="pause"
):
    """Let the desk's strategies begin nothing new in the scope, and cancel what is open."""


class Resume(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="verb", tag="resume"
):
    """Open the scope again, if a reconciliation since the step began is clean. A halt is lifted by a person only.

    Units: patience_s seconds to wait for a clean reconciliation.
    """

    patience_s: float = 30.0

    def __post_init__(self) -> None:
        _within("resume.patience_s", self.patience_s, 0.0, PATIENCE_S_MAX)


class Halt(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="verb", tag="halt"
):
    """Stop the desk's strategies in the scope until a person lifts it, and cancel what is open."""


class OnlyReduce(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="verb", tag="reduce_only"
):
    """Let the desk's strategies only close positions in the scope."""


class Worked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How orders are worked into a book; the base of the verbs that trade.

    Units: slippage_bps_max from the mark and the mid of the moment, whichever is better for the desk; drift_bps_max the
    same from those of the plan; slice_share_max a fraction of what rests within the limit; slice_usd_max of one order;
    spacing_s between two orders of one instrument; patience_s until the step gives up and tells what is left.
    `without_book`: wait for a book that is live and trusted, or send at the mark with the slippage as the collar.
    """

    slippage_bps_max: float = 50.0
    drift_bps_max: float = 500.0
    slice_share_max: float = 0.25
    slice_usd_max: float = 250_000.0
    spacing_s: float = 0.5
    patience_s: float = 120.0
    without_book: Literal["wait", "mark"] = "wait"

    def __post_init__(self) -> None:
        _within("slippage_bps_max", self.slippage_bps_max, 0.0, SLIPPAGE_BPS_MAX)
        _within("drift_bps_max", self.drift_bps_max, 0.0, SLIPPAGE_BPS_MAX)
        _above("slice_share_max", self.slice_share_max, 1.0)
        _above("slice_usd_max", self.slice_usd_max, math.inf)
        _within("spacing_s", self.spacing_s, 0.05, PATIENCE_S_MAX)
        _within("patience_s", self.patience_s, 1.0, PATIENCE_S_MAX)


class Reduce(Worked, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="verb", tag="reduce"):
    """Bring every position in the scope down by a fraction of what it was when the step began, reduce-only."""

    fraction: float

    def __post_init__(self) -> None:
        _above("reduce.fraction", self.fraction, 1.0)
        Worked.__post_init__(self)


class Flatten(Worked, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="verb", tag="flatten"):
    """Close every position in the scope, reduce-only."""


class HedgeDelta(
    Worked, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="verb", tag="hedge_delta"
):
    """Trade the cheapest of the allowed instruments until the delta in an asset is near a target.

    Units: target and tolerance coins of the asset; instruments `venue:symbol`, perpetuals and futures.
    Limits: coins that lie in an account as collateral are not part of the delta; set the target accordingly.
    """

    asset: str
    instruments: tuple[str, ...]
    tolerance: float
    target: float = 0.0

    def __post_init__(self) -> None:
        if not self.asset:
            raise _wrong("hedge_delta.asset", "no asset is named", "write one, as BTC")
        if not self.instruments or not all(name.count(":") >= 1 for name in self.instruments):
            raise _wrong(
                "hedge_delta.instruments", "no instrument to hedge with", "write them as venue:symbol"
            )
        _above("hedge_delta.tolerance", self.tolerance, math.inf)
        if not math.isfinite(self.target):
            raise _wrong("hedge_delta.target", f"{self.target!r} is no delta", "write coins")
        Worked.__post_init__(self)


class DeadMan(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="verb", tag="dead_man"
):
    """Have every venue in the scope cancel everything when it does not hear from us for `timeout_s`; 0 disarms."""

    timeout_s: float

    def __post_init__(self) -> None:
        if self.timeout_s != 0.0:
            _within("dead_man.timeout_s", self.timeout_s, DEAD_MAN_S_MIN, DEAD_MAN_S_MAX)


class MoveCollateral(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="verb",
    tag="move_collateral",
):
    """Move an asset from the richest to the neediest account of one venue of the scope, once.

    Units: amount_max and keep_min coins of the asset, keep_min what stays available in the giving account; ratios are
    equity / maintenance margin: the taker is brought up to `ratio_target`, the giver is not brought below `ratio_min`.
    """

    asset: str
    amount_max: Decimal
    keep_min: Decimal = Decimal(0)
    ratio_target: float = 2.0
    ratio_min: float = 2.0

    def __post_init__(self) -> None:
        if not self.asset:
            raise _wrong("move_collateral.asset", "no asset is named", "write one, as BTC")
        if not (self.amount_max.is_finite() and self.amount_max > 0):
            raise _wrong(
                "move_collateral.amount_max", f"{self.amount_max} is no amount", "write coins above 0"
            )
        if not (self.keep_min.is_finite() and self.keep_min >= 0):
            raise _wrong("move_collateral.keep_min", f"{self.keep_min} is no amount", "write 0 or more coins")
        _within("move_collateral.ratio_target", self.ratio_target, 1.0, 1e6)
        _within("move_collateral.ratio_min", self.ratio_min, 1.0, 1e6)


class Inform(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="verb", tag="notify"
):
    """Tell people."""

    title: str
    text: str = ""
    urgency: Urgency = "warning"

    def __post_init__(self) -> None:
        if not self.title.strip():
            raise _wrong("notify.title", "there is nothing to tell", "write a title")


class Reconcile(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="verb", tag="reconcile"
):
    """Ask every account in the scope for its orders, positions and balances, until our view and theirs agree.

    Units: patience_s seconds until the step gives up and tells what differs.
    """

    patience_s: float = 30.0

    def __post_init__(self) -> None:
        _within("reconcile.patience_s", self.patience_s, 1.0, PATIENCE_S_MAX)


class Evacuate(
    Worked, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="verb", tag="evacuate"
):
    """Leave the scope: pause it, cancel, close every position, then move what is free to another account.

    `to_account` empty: nothing is moved. Units: assets are names of coins; keep_min coins that stay of each.
    """

    to_account: str = ""
    assets: tuple[str, ...] = ()
    keep_min: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        if bool(self.to_account) != bool(self.assets):
            raise _wrong(
                "evacuate.to_account", "an account and assets go together", "name both, or neither of them"
            )
        if not (self.keep_min.is_finite() and self.keep_min >= 0):
            raise _wrong("evacuate.keep_min", f"{self.keep_min} is no amount", "write 0 or more coins")
        Worked.__post_init__(self)


Verb = (
    CancelEverything
    | Pause
    | Resume
    | Halt
    | OnlyReduce
    | Reduce
    | Flatten
    | HedgeDelta
    | DeadMan
    | MoveCollateral
    | Inform
    | Reconcile
    | Evacuate
)

_BRAKES: Final = (CancelEverything, Pause, Halt, OnlyReduce, DeadMan)
_WORDS: Final = (Inform, Reconcile)


def name_of(verb: Verb | type[Verb]) -> str:
    """Return a verb's name as playbooks write it.

    >>> name_of(Flatten)
    'flatten'
    """
    return str(verb.__struct_config__.tag)


VERBS: Final[dict[str, type[Verb]]] = {name_of(verb): verb for verb in get_args(Verb)}
"""The verbs by name."""


def kind_of(verb: Verb | type[Verb]) -> Kind:
    """Tell whether a verb is a brake, a move or a word.

    >>> kind_of(Pause), kind_of(Resume)
    ('brake', 'move')
    """
    made = verb if isinstance(verb, type) else type(verb)
    return "brake" if made in _BRAKES else "word" if made in _WORDS else "move"


def verb_of(name: str, arguments: dict[str, Any], *, where: str = "") -> Verb:
    """Make a verb from its name and arguments. Raises: CallerError `verb.unknown`, `verb.argument`.

    >>> verb_of("reduce", {"fraction": 0.5}).fraction
    0.5
    """
    made = VERBS.get(name)
    if made is None:
        raise CallerError(
            "verb.unknown", f"no verb `{name}`", where=where, remedy=f"known are {', '.join(sorted(VERBS))}"
        )
    try:
        return msgspec.convert({**arguments, "verb": name}, made)
    except msgspec.ValidationError as error:
        raise CallerError("verb.argument", str(error), where=where or name) from error


def _within(where: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise _wrong(where, f"{value!r} is not from {least:g} to {most:g}", "mind the unit in the name")


def _above(where: str, value: float, most: float) -> None:
    if not 0.0 < value <= most or math.isinf(value):
        raise _wrong(where, f"{value!r} is not above 0 and up to {most:g}", "mind the unit in the name")


def _wrong(where: str, message: str, remedy: str) -> CallerError:
    return CallerError("verb.argument", message, where=where, remedy=remedy)
