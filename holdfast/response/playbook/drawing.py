"""Drawing: a playbook as a table and as a picture of its states, made from the steps themselves.

The picture has one box a step, in the order of the table. A way to the next box goes straight down; every other way goes
over a lane on the right. Solid: what was wanted came about. Dashed: it failed, was denied, or nobody answered.
"""

from typing import Final
from xml.sax.saxutils import escape

from holdfast.policy.duration import format_duration
from holdfast.response.playbook.checks import needs_consent
from holdfast.response.playbook.playbook import (
    JOIN,
    Act,
    Approve,
    Call,
    End,
    If,
    Panel,
    Parallel,
    Playbook,
    Step,
    Until,
    Wait,
    exits,
)
from holdfast.response.playbook.trigger import (
    OnAction,
    OnAlert,
    OnLevel,
    OnOperator,
    OnPlaybook,
    OnRule,
    Trigger,
)
from holdfast.response.playbook.words import words_of

BOX_X: Final = 12
BOX_WIDTH: Final = 470
BOX_HEIGHT: Final = 46
GAP: Final = 20
LANE: Final = 22
LABEL_WIDTH: Final = 78
TEXT_CHARS_MAX: Final = 74
_NAMES: Final = {
    "then": "", "otherwise": "silence", "on_failure": "fails", "on_denied": "denied", "on_timeout": "too late",
    "parallel": "at once",
}  # fmt: skip
_FILLS: Final = {
    "brake": "#fde7e2", "move": "#fff3cf", "word": "#f2f4f6", "asks": "#e2ecfb", "waits": "#eef6ea", "end": "#e9e9ee",
}  # fmt: skip


def step_words(step: Step) -> str:
    """Return what a step does, in one line."""
    match step:
        case Act():
            undo = f"; undone by: {words_of(step.undo)}" if step.undo is not None else ""
            return words_of(step.verb) + undo
        case Wait():
            return f"wait {format_duration(step.for_ns)}"
        case Until():
            return f"wait until {step.condition}, at most {format_duration(step.timeout_ns)}"
        case If():
            return f"is it so: {step.condition}"
        case Approve():
            return f"ask {panel_words(step.panel)}: {step.question}"
        case Parallel():
            return f"at once: {', '.join(step.branches)}"
        case Call():
            return f"run {step.playbook}, at most {format_duration(step.timeout_ns)}"
        case End():
            return f"end {step.outcome}{f': {step.detail}' if step.detail else ''}"


def panel_words(panel: Panel) -> str:
    """Return who is asked, as `2 of role:a or role:b (5m), then role:c (5m)`."""
    groups = [f"{' or '.join(group.people)} ({format_duration(group.within_ns)})" for group in panel.groups]
    return f"{panel.needed} of {', then '.join(groups)}"


def trigger_words(trigger: Trigger) -> str:
    """Return what sets a playbook off, in a few words."""
    match trigger:
        case OnRule():
            return f"rule {trigger.rule}"
        case OnAction():
            return f"a rule that wants {trigger.action}"
        case OnAlert():
            return f"alert {trigger.alert} of severity {trigger.severity} or worse"
        case OnLevel():
            return f"level {trigger.level} reached"
        case OnOperator():
            return "a person"
        case OnPlaybook():
            return f"a run of {trigger.playbook} that ended {trigger.outcome}"


def table_of(playbook: Playbook) -> str:
    """Return the steps as a Markdown table, one a row, with where each leads."""
    rows = ["| step | does | leads to |", "|---|---|---|"]
    for step in playbook.steps:
        names = _NAMES | ({"otherwise": "else"} if isinstance(step, If) else {})
        ways = [
            f"{names[field]}: `{target}`" if names[field] else f"`{target}`"
            for field, target in exits(step)
            if field != "parallel"
        ]
        says = step_words(step).replace("|", "\\|")
        rows.append(f"| `{step.name}` | {says} | {'; '.join(ways)} |")
    return "\n".join(rows)


def section_of(playbook: Playbook) -> str:
    """Return what the documentation says of one playbook: what it is for, what sets it off, its picture and its table."""
    triggers = "; ".join(trigger_words(trigger) for trigger in playbook.triggers)
    where = {"event": "where it was seen", "venue": "the whole venue", "desk": "the whole desk"}[
        playbook.scope
    ]
    facts = (
        f"`{playbook.name}` is set off by {triggers}. It applies to {where} and rests "
        f"{format_duration(playbook.cooldown_ns)} after a run. In the mode confirm it asks {panel_words(playbook.confirm)}."
    )
    picture = f"![The states of {playbook.name}](img/playbooks/{playbook.name}.svg)"
    return "\n\n".join([f"### {playbook.title}", playbook.description, facts, picture, table_of(playbook)])


def picture_of(playbook: Playbook) -> str:
    """Return the states as an SVG picture."""
    rows = {step.name: number for number, step in enumerate(playbook.steps)}
    ways: list[tuple[int, int, str, int]] = []  # from row, to row, field, exit of its row
    downs: list[tuple[int, str]] = []
    for step in playbook.steps:
        count = 0
        for field, target in exits(step):
            if target == JOIN:
                continue
            if field == "then" and rows[target] == rows[step.name] + 1:
                downs.append((rows[step.name], field))
            else:
                said = "else" if isinstance(step, If) and field == "otherwise" else field
                ways.append((rows[step.name], rows[target], said, count))
                count += 1
    lanes = _lanes(ways)
    width = BOX_X + BOX_WIDTH + LABEL_WIDTH + LANE * (max(lanes, default=0) + 1) + BOX_X
    height = len(rows) * (BOX_HEIGHT + GAP) + GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="sans-serif" font-size="12" role="img">',
        f"<title>{escape(playbook.title)}</title>",
        f'<rect width="{width}" height="{height}" rx="8" fill="#ffffff"/>',
    ]
    parts += [_down(row) for row, _ in downs]
    parts += [_way(*way, lane) for way, lane in zip(ways, lanes, strict=True)]
    parts += [_box(row, step) for row, step in enumerate(playbook.steps)]
    return "\n".join([*parts, "</svg>", ""])


def _lanes(ways: list[tuple[int, int, str, int]]) -> list[int]:
    """Return a lane for every way, short ways first and innermost, no two on one lane where they overlap."""
    lanes = [0] * len(ways)
    taken: list[list[tuple[int, int]]] = []
    order = sorted(range(len(ways)), key=lambda n: (abs(ways[n][0] - ways[n][1]), ways[n]))
    for number in order:
        low, high = sorted(ways[number][:2])
        lane = 0
        while lane < len(taken) and any(low <= other[1] and other[0] <= high for other in taken[lane]):
            lane += 1
        if lane == len(taken):
            taken.append([])
        taken[lane].append((low, high))
        lanes[number] = lane
    return lanes


def _top(row: int) -> int:
    return GAP + row * (BOX_HEIGHT + GAP)


def _kind(step: Step) -> str:
    if isinstance(step, Act):
        brake = "brake" if not needs_consent(step.verb) else "move"
        return "word" if words_of(step.verb).startswith(("tell", "reconcile")) else brake
    return "asks" if isinstance(step, Approve) else "end" if isinstance(step, End) else "waits"


def _box(row: int, step: Step) -> str:
    says = step_words(step)
    says = says if len(says) <= TEXT_CHARS_MAX else says[: TEXT_CHARS_MAX - 1] + "…"
    top, kind = _top(row), _kind(step)
    round_px = 20 if kind == "end" else 6
    return (
        f'<rect x="{BOX_X}" y="{top}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="{round_px}" '
        f'fill="{_FILLS[kind]}" stroke="#5b6573"/>'
        f'<text x="{BOX_X + 12}" y="{top + 18}" font-weight="bold" fill="#1c232b">{escape(step.name)}</text>'
        f'<text x="{BOX_X + 12}" y="{top + 35}" font-size="11" fill="#3a4450">{escape(says)}</text>'
    )


def _down(row: int) -> str:
    x, y = BOX_X + 40, _top(row) + BOX_HEIGHT
    head = f"M{x - 4},{y + GAP - 6} L{x},{y + GAP} L{x + 4},{y + GAP - 6}"
    return f'<path d="M{x},{y} V{y + GAP} {head}" fill="none" stroke="#1c232b"/>'


def _way(source: int, target: int, field: str, number: int, lane: int) -> str:
    edge, x = BOX_X + BOX_WIDTH, BOX_X + BOX_WIDTH + LABEL_WIDTH + LANE * lane
    start = _top(source) + 11 + 12 * (number % 3)
    end = _top(target) + BOX_HEIGHT - 4
    good = field in ("then", "else", "parallel")
    colour, dash = ("#1c232b", "") if good else ("#a2372a", ' stroke-dasharray="5 3"')
    head = f"M{edge + 6},{end - 4} L{edge},{end} L{edge + 6},{end + 4}"
    path = f'<path d="M{edge},{start} H{x} V{end} H{edge} {head}" fill="none" stroke="{colour}"{dash}/>'
    label = _NAMES.get(field, field) or "then"
    return path + f'<text x="{edge + 8}" y="{start - 2}" font-size="10" fill="{colour}">{label}</text>'
