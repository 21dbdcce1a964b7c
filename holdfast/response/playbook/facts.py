"""Facts: what a playbook's condition may read: every field of `policy/fields.py`, and these of the run itself.

Rules:

1. A field of the market or the portfolio is that of the run's scope. What is not known there is unknown here.
2. A fact of the run follows from the journal, the outbox and the desk's view, so it is the same after a restart.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, get_args

from holdfast.action import PlaceOrder
from holdfast.clock import DAY_NS, MINUTE_NS, SECOND_NS
from holdfast.event import LEVELS, Scope
from holdfast.policy.fields import ALERTS_PREFIX, Field, Schema, range_text
from holdfast.receipt import Permit
from holdfast.response.playbook.run import Run
from holdfast.response.view import DeskView, OutboxView

RUN_FACTS: Final = (
    Field(name="minutes_running", type="number", unit="min", low=0.0, meaning="since the run began"),
    Field(name="minutes_in_step", type="number", unit="min", low=0.0, meaning="since the run came to this step"),
    Field(name="rounds", type="integer", low=1, meaning="how often the run came to this step, now included"),
    Field(name="failures", type="integer", low=0, meaning="steps of the run that failed or ran out of time"),
    Field(name="actions_open", type="integer", low=0, meaning="actions of the run whose fate is not known yet"),
    Field(name="actions_refused", type="integer", low=0, meaning="actions of the run that venue or governor refused"),
    Field(name="filled", type="number", unit="fraction", low=0.0, high=1.0,
          meaning="mean share filled of the run's orders; unknown before the first"),
    Field(name="positions_open", type="integer", low=0, meaning="positions in the scope, pending ones included"),
    Field(name="orders_open", type="integer", low=0, meaning="orders that rest on the venues in the scope"),
    Field(name="differences", type="integer", low=0, meaning="differences between our view and the venues'"),
    Field(name="permit", type="text", values=get_args(Permit), meaning="what the desk's strategies may do there"),
)  # fmt: skip

_ACTION_FACTS: Final = frozenset(("actions_open", "actions_refused", "filled"))
_DESK_FACTS: Final = frozenset(("positions_open", "orders_open", "differences", "permit"))


def schema_of(detectors: Iterable[str]) -> Schema:
    """Return the fields that a playbook's condition may read, for the detectors that run."""
    schema = Schema(detectors)
    schema.fields |= {field.name: field for field in RUN_FACTS}
    return schema


def facts_markdown() -> str:
    """Return the table of the run's own facts as the documentation shows it."""
    rows = ["| fact | type | unit | range | meaning |", "|---|---|---|---|---|"]
    for field in RUN_FACTS:
        cells = (f"`{field.name}`", field.type, field.unit, range_text(field), field.meaning)
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def facts_of(
    names: Iterable[str],
    now_ns: int,
    run: Run,
    step: str,
    values: Mapping[str, Any],
    view: DeskView,
    outbox: OutboxView,
) -> dict[str, Any]:
    """Return the facts that some names stand for, at one moment; `values` are as for `RuleSet.evaluate`.

    Cost: 5 us; where a fact of actions or of the desk is named, one look-up an action of the run, an account or a position.
    """
    wanted = frozenset(names)
    scope = run.scope
    facts = dict(values)
    facts |= {ALERTS_PREFIX + name: rank for name, rank in facts.pop("alerts", {}).items()}
    facts["scope"] = "instrument" if scope.instrument else "venue" if scope.venue else "desk"
    facts |= {"venue": scope.venue, "instrument": scope.instrument}
    facts["time_of_day_s"] = now_ns % DAY_NS / SECOND_NS
    if not scope.instrument:
        facts["underlying"] = ""
    if "level" in facts:
        facts["level_rank"] = LEVELS.index(facts["level"])
    entered = run.active.get(step)
    facts["minutes_running"] = max(now_ns - run.started_ns, 0) / MINUTE_NS
    facts["minutes_in_step"] = max(now_ns - entered.time_ns, 0) / MINUTE_NS if entered else 0.0
    facts["rounds"] = max(run.rounds.get(step, 1), 1)
    facts["failures"] = run.failures
    if wanted & _ACTION_FACTS:
        facts |= _of_actions(run, outbox)
    if wanted & _DESK_FACTS:
        facts |= _of_desk(scope, view)
    return facts


def _of_actions(run: Run, outbox: OutboxView) -> dict[str, Any]:
    open_count, refused, shares = 0, 0, list[float]()
    for key in run.keys:
        intended, settled = outbox.intended(key), outbox.settled(key)
        open_count += settled is None
        refused += settled is not None and settled.outcome == "refused"
        if intended is not None and isinstance(intended.action, PlaceOrder):
            shares.append(min(float(outbox.filled(key) / intended.action.quantity), 1.0))
    counts: dict[str, Any] = {"actions_open": open_count, "actions_refused": refused}
    return counts | ({"filled": sum(shares) / len(shares)} if shares else {})


def _of_desk(scope: Scope, view: DeskView) -> dict[str, Any]:
    return {
        "positions_open": len(view.held(scope)),
        "orders_open": sum(view.open_orders(*account, scope.instrument) for account in view.accounts(scope)),
        "differences": len(view.differences(scope)),
        "permit": view.permit(scope),
    }
