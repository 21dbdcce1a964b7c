"""Screen: the desk on one screen of plain text, in the order in which the person on call needs it.

1. What waits for a person comes first, with its exposure, its deadline, what happens if nobody answers, and what to type.
2. Then what is held and what goes on; then the health of the desk.
3. Plain text of at most 100 columns where the content allows: it is read on a phone and over SSH.
"""

from collections.abc import Iterable

import msgspec

from holdfast.app.control.command import Command
from holdfast.app.control.incident import ApprovalPicture, RunPicture
from holdfast.app.control.phrase import span, usd
from holdfast.app.control.picture import Picture
from holdfast.clock import MILLISECOND_NS, format_time_ns
from holdfast.receipt import Mode

INTENTS_SHOWN_MAX = 10
COMMANDS_SHOWN_MAX = 5
ENDED_SHOWN_MAX = 20

_MODES: tuple[Mode, ...] = ("act", "confirm", "advise", "observe")


class Sight(msgspec.Struct, kw_only=True):
    """What a command shows: the picture, where it comes from, and whether the node lives.

    `source`: `node` (it answered) or `files`. `troubles`: what could not be read.
    """

    desk: str
    picture: Picture
    now_ns: int
    source: str
    alive: bool
    sign_of_life_ns: int = 0
    troubles: list[str] = []
    waiting: list[Command] = []
    checkpoint_entries: int = 0
    checkpoint_ns: int = 0
    figures: dict[str, float] = {}


def status_lines(sight: Sight) -> list[str]:
    """Return the whole desk on one screen."""
    picture, now_ns = sight.picture, sight.now_ns
    lines = [_node_line(sight), *(f"  ! {trouble}" for trouble in sight.troubles)]
    lines += _section("WAITING FOR A PERSON", _questions(picture.open_approvals, now_ns))
    lines += _section("HELD", _held(picture, now_ns))
    lines += _section("INCIDENTS", [_run_line(run, now_ns) for run in picture.open_runs])
    lines += _section("PLAYBOOKS", _armed(picture))
    lines += _section("LEVELS", _levels(picture, now_ns))
    lines += _section("LINES", _connections(picture, now_ns))
    lines += _section("OPEN INTENTS", _intents(picture, now_ns))
    lines += _section("COMMANDS", _commands(picture, now_ns, sight.waiting))
    return [*lines, "", _ledger_line(sight)]


def incident_lines(sight: Sight) -> list[str]:
    """Return the runs of playbooks: those that go on, then the last ones that ended."""
    runs = sight.picture.open_runs
    ended = sorted(
        (run for run in sight.picture.runs.values() if run.outcome), key=lambda run: (-run.ended_ns, run.run)
    )
    lines = [_node_line(sight)]
    lines += _section("OPEN", [_run_line(run, sight.now_ns) for run in runs] or ["none"])
    shown = ended[:ENDED_SHOWN_MAX]
    return lines + _section("ENDED", [_ended_line(run, sight.now_ns) for run in shown] or ["none"])


def _node_line(sight: Sight) -> str:
    picture = sight.picture
    name = f"desk {sight.desk}: "
    if sight.source == "node":
        life = f"{picture.node} is alive, epoch {picture.epoch}, up {span(sight.now_ns - picture.started_ns)}"
    elif not picture.epoch:
        life = "no node has ever run here"
    elif sight.alive:
        life = f"{picture.node} is alive, epoch {picture.epoch} (it was not asked: this is from the files)"
    elif picture.stopped_ns:
        since = span(sight.now_ns - picture.stopped_ns)
        life = f"{picture.node} was STOPPED {since} ago: {picture.stop_reason or 'no reason given'}"
    else:
        last_ns = max(picture.as_of_ns, sight.sign_of_life_ns)
        life = f"{picture.node} is DEAD, last sign of life {span(sight.now_ns - last_ns)} ago (this is from the files)"
    return name + life


def _section(title: str, lines: Iterable[str]) -> list[str]:
    body = [f"  {line}" for line in lines]
    return ["", title, *body] if body else []


def _questions(approvals: list[ApprovalPicture], now_ns: int) -> list[str]:
    lines: list[str] = []
    for one in approvals:
        lines += [approval_sentence(one, now_ns), f"  {one.question}"]
        lines.append(
            f"  holdfast show {one.run} | holdfast approve {one.approval} | holdfast deny {one.approval}"
        )
    return lines


def approval_sentence(one: ApprovalPicture, now_ns: int) -> str:
    """Say in one sentence what is at stake, until when, and what happens if nobody answers."""
    yes = sum(vote.approves for vote in one.votes)
    if one.outcome:
        return f"{one.approval}: {one.outcome}, {usd(one.exposure_usd)} of exposure, {yes} of {one.needed} said yes"
    left_ns = one.expires_ns - now_ns
    limit = f"{span(left_ns)} left" if left_ns > 0 else f"OVERDUE by {span(-left_ns)}"
    return (
        f"{one.approval}: {usd(one.exposure_usd)} of exposure, {limit} "
        f"(until {format_time_ns(one.expires_ns)[11:19]}Z), {yes} of {one.needed} said yes; "
        f"if nobody answers: {one.otherwise}"
    )


def _held(picture: Picture, now_ns: int) -> list[str]:
    return [
        f"{name} is {held.permit.upper()} for {span(now_ns - held.since_ns)}: {held.because}"
        for name, held in sorted(picture.permits.items())
    ]


def _run_line(run: RunPicture, now_ns: int) -> str:
    at = f"before {run.before}" if run.before else f"at {', '.join(step.step for step in run.open_steps)}"
    return (
        f"{run.run}: {run.playbook} of {run.scope}, {run.mode}, for {span(now_ns - run.started_ns)}, "
        f"{at} ({run.trigger})"
    )


def _ended_line(run: RunPicture, now_ns: int) -> str:
    detail = f": {run.detail}" if run.detail else ""
    return (
        f"{run.run}: {run.playbook} of {run.scope}, {run.mode}, {run.outcome} "
        f"{span(now_ns - run.ended_ns)} ago after {span(run.ended_ns - run.started_ns)}{detail}"
    )


def _armed(picture: Picture) -> list[str]:
    lines: list[str] = []
    for mode in _MODES:
        names = sorted(name for name, of in picture.modes.items() if of == mode)
        if names:
            lines.append(f"{mode}: {', '.join(names)}")
    return lines or ["none is armed: nothing acts by itself"]


def _levels(picture: Picture, now_ns: int) -> list[str]:
    return [
        f"{name} is at {one.level} for {span(now_ns - one.since_ns)}: {one.because}"
        for name, one in sorted(picture.levels.items())
    ]


def _connections(picture: Picture, now_ns: int) -> list[str]:
    lines: list[str] = []
    for name, line in sorted(picture.lines.items()):
        state = "up" if line.up else "DOWN"
        reason = f": {line.reason}" if line.reason else ""
        lines.append(f"{name} is {state} for {span(now_ns - line.since_ns)}{reason}")
    for venue, clock in sorted(picture.clocks.items()):
        offset_ms, half_ms = clock.offset_ns / MILLISECOND_NS, clock.round_trip_ns / 2 / MILLISECOND_NS
        lines.append(
            f"{venue}'s clock is {offset_ms:+.1f} ms from ours (to {half_ms:.1f} ms), "
            f"measured {span(now_ns - clock.time_ns)} ago"
        )
    return lines


def _intents(picture: Picture, now_ns: int) -> list[str]:
    intents = sorted(picture.intents.values(), key=lambda one: (one.since_ns, one.key))
    lines = [
        f"{one.what}: {span(now_ns - one.since_ns)}, {one.attempts} attempts ({one.key})"
        for one in intents[:INTENTS_SHOWN_MAX]
    ]
    rest = len(intents) - len(lines)
    return [*lines, f"and {rest} more"] if rest else lines


def _commands(picture: Picture, now_ns: int, waiting: list[Command]) -> list[str]:
    lines = [
        f"{one.operator} gave {command_phrase(one.command, one.arguments)} {span(now_ns - one.time_ns)} ago"
        f"{'' if one.allowed else f', REFUSED: {one.because}'}"
        for one in picture.commands[-COMMANDS_SHOWN_MAX:]
    ]
    lines += [
        f"{one.operator} left {command_phrase(one.command, one.arguments)} {span(now_ns - one.time_ns)} ago, "
        "not read by a node yet"
        for one in waiting
    ]
    return lines


def command_phrase(command: str, arguments: dict[str, str]) -> str:
    """Write a command as it is typed, without its comment."""
    words = [value for name, value in arguments.items() if name not in ("comment", "mode") and value]
    mode = f" --mode {arguments['mode']}" if "mode" in arguments else ""
    return " ".join([command, *words]) + mode


def _ledger_line(sight: Sight) -> str:
    if not sight.checkpoint_ns:
        return f"effects done: {sight.picture.effects}; no checkpoint yet"
    return (
        f"effects done: {sight.picture.effects}; last checkpoint {span(sight.now_ns - sight.checkpoint_ns)} ago "
        f"over {sight.checkpoint_entries:,} entries"
    )
