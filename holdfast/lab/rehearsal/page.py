"""The page of a rehearsal: what was kept, equity with and without the guard, a timeline, every action with its reason."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Final

import numpy as np

from holdfast.app.report.chart import curve, plot, time_axis, value_axis
from holdfast.app.report.markup import Child, Markup, page_head, tag
from holdfast.app.report.tables import section, table
from holdfast.app.report.thin import across, down, stairs
from holdfast.app.report.words import value_ticks
from holdfast.clock import SECOND_NS
from holdfast.event import Alert, Decided, LevelMoved
from holdfast.lab.rehearsal.rehearsal import Outcome
from holdfast.ledger.record import Record, decode
from holdfast.ledger.report import VerifyReport
from holdfast.receipt import Intended, PermitMoved, PlaybookEnded, PlaybookStarted, Settled
from holdfast.response.playbook.words import said

ROWS_MAX: Final = 400
_STYLE: Final = """
.guarded{stroke:#1f7a4d}
.unguarded{stroke:#b3261e}
.guarded,.unguarded{fill:none;stroke-width:2.2;vector-effect:non-scaling-stroke}
.plot.equity{height:260px}.big{font-size:1.35rem;font-weight:600;margin:.2rem 0}
#actions td:not(.n){white-space:normal;min-width:9rem}
"""


def write_page(path: Path, guarded: Outcome, unguarded: Outcome, begun_ns: int, ledger: VerifyReport) -> None:
    """Write the report as one file that asks the network nothing."""
    path.write_text(render(guarded, unguarded, begun_ns, ledger), encoding="utf-8")


def render(guarded: Outcome, unguarded: Outcome, begun_ns: int, ledger: VerifyReport) -> str:
    """Return the report as HTML. `begun_ns` is the storm's start on the guard's clock."""
    style = (files("holdfast.app.report") / "page.css").read_text() + _STYLE
    policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    records = [decode(data) for data in guarded.records]
    proven = ledger.exit_code == 0
    body = tag(
        "main",
        tag("h1", "A storm, with the guard and without"),
        _verdict(guarded, unguarded, proven=proven),
        section("Equity", "equity", None, _chart(guarded, unguarded, begun_ns)),
        section("What happened", "timeline", None, _timeline(guarded, records, begun_ns)),
        section("What the guard did", "actions", None, _actions(records, begun_ns)),
        section("The ledger", "ledger", None, tag("pre", "\n".join(ledger.lines()))),
        tag(
            "p",
            "The unguarded desk lived through the same seed in virtual time; the guarded one on real sockets, in real time.",
            class_="muted",
        ),
    )
    page = tag("html", page_head("Holdfast: a storm", policy, style), tag("body", body), lang="en")
    return f"<!doctype html>\n{page}\n"


def _verdict(guarded: Outcome, unguarded: Outcome, *, proven: bool) -> Markup:
    share = guarded.loss / unguarded.loss if unguarded.loss > 0 else float("nan")
    words = (
        f"With the guard the desk lost {guarded.loss:,.0f} USD, without it {unguarded.loss:,.0f} USD: "
        f"{share:.0%} of it. The guard kept {unguarded.loss - guarded.loss:,.0f} USD."
    )
    ledger = "Its ledger is proven." if proven else "ITS LEDGER IS NOT PROVEN."
    return tag("section", tag("p", words, class_="big"), tag("p", ledger), class_="card")


def _chart(guarded: Outcome, unguarded: Outcome, begun_ns: int) -> Child:
    end = max(guarded.seconds[-1], unguarded.seconds[-1])
    span = begun_ns, begun_ns + round(end * SECOND_NS)
    values = [*guarded.equity, *unguarded.equity]
    low, high = min(values), max(values)
    margin = 0.05 * (high - low) or 1.0
    low, high = low - margin, high + margin
    curves: list[Markup] = []
    for outcome, name in ((unguarded, "unguarded"), (guarded, "guarded")):
        times = begun_ns + (np.array(outcome.seconds) * SECOND_NS).astype(np.int64)
        x, y = across(times, span), down(np.array(outcome.equity), low, high)
        curves.append(curve(stairs(x, y, int(x[-1]), is_area=False), name, low, high, name))
    ticks = [(value, f"{value / 1e6:.1f} M") for value in value_ticks(low, high)]
    lines, labels = value_axis(ticks, low, high)
    legend = tag("p", "green: with the guard; red: without it; dollars, at marks", class_="muted")
    return [legend, plot("equity", span, [lines, *curves], labels, []), time_axis(span)]


def _timeline(guarded: Outcome, records: Sequence[Record], begun_ns: int) -> Markup:
    rows: list[tuple[float, str, str]] = [(at_s, "the storm", words) for at_s, words in guarded.events]
    for record in records:
        told = _told(record)
        if told is not None:
            rows.append(((record.time_ns - begun_ns) / SECOND_NS, *told))  # type: ignore[union-attr]
    rows.sort(key=lambda row: row[0])
    return table(
        ["second", "who", "what"], [(f"{at_s:.2f}", who, what) for at_s, who, what in rows[:ROWS_MAX]]
    )


def _told(record: Record) -> tuple[str, str] | None:
    """Return who said what, of the records that tell the story."""
    if isinstance(record, Alert):
        return f"alert, {record.severity}", record.message
    if isinstance(record, Decided):
        return "rule", f"{record.rule_title}: wants {record.action} of {record.scope}"
    if isinstance(record, LevelMoved):
        return "level", f"{record.scope}: {record.from_level} to {record.to_level}, {record.because}"
    if isinstance(record, PermitMoved):
        return "permit", f"{record.scope} becomes {record.permit}: {record.because}"
    if isinstance(record, PlaybookStarted):
        return "playbook", f"{record.run} begins at {record.scope} ({record.mode}): {record.trigger}"
    if isinstance(record, PlaybookEnded):
        return "playbook", f"{record.run}: {record.outcome} {record.detail}"
    return None


def _actions(records: Sequence[Record], begun_ns: int) -> Child:
    settled = {record.key: record for record in records if isinstance(record, Settled)}
    intents = [record for record in records if isinstance(record, Intended)]
    rows: list[tuple[Child, ...]] = []
    for intent in intents[:ROWS_MAX]:
        fate = settled.get(intent.key)
        outcome = f"{fate.outcome}: {fate.detail or fate.code or 'accepted'}" if fate else "not settled"
        took = f"{(fate.time_ns - intent.time_ns) / 1e6:,.1f}" if fate else ""
        second = f"{(intent.time_ns - begun_ns) / SECOND_NS:.2f}"
        rows.append((second, said(intent.action), intent.reason, outcome, took, intent.key))
    heads = ["second", "action", "reason", "outcome", "ms", "key"]
    more = len(intents) - ROWS_MAX
    return [
        table(heads, rows, numeric=(0, 4)),
        tag("p", f"and {more:,} more, in the ledger") if more > 0 else None,
    ]
