"""A playbook that cannot work is refused before it is loaded, with the line and column of each reason."""

import pytest
from playbook_desk import WORDS, library_of

from holdfast.clock import MINUTE_NS, SECOND_NS
from holdfast.response.playbook.build import Builder, ask
from holdfast.response.playbook.playbook import PANEL_DEFAULT, Act, Approve, Group, If, Panel
from holdfast.response.playbook.reader import PlaybooksRefused, read_playbooks
from holdfast.response.playbook.trigger import OnAction, OnAlert, OnOperator
from holdfast.response.playbook.writer import yaml_of
from holdfast.response.verb import HedgeDelta, Pause, Reduce, Resume

HEAD = """playbook: mine
title: Mine
description: A playbook.
triggers: [operator]
scope: venue
steps:
"""
ALL = """playbook: all_kinds
title: All kinds
description: >
  Every kind of step
  and trigger.
triggers:
  - operator
  - {action: halt}
  - {alert: depeg, severity: critical}
  - {level: reduce}
  - {rule: r-1}
  - {playbook: third, outcome: failed}
scope: desk
cooldown: 90s
confirm: {needed: 2, ask: [{people: [ann, "role:trader"], within: 2m}]}
steps:
  pause: {act: pause, undo: {resume: {patience_s: 10}}}
  half: {act: {reduce: {fraction: 0.5}}, on_failure: bad, timeout: 5m}
  hedge:
    act: {hedge_delta: {asset: BTC, instruments: ["deribit:BTC-PERPETUAL"], tolerance: 0.1}}
    on_failure: bad
  ways: {parallel: [one, two], then: rest}
  one: {act: cancel_all, then: join}
  two: {wait: 1s, then: join}
  rest: {wait: 30s}
  calm: {until: trusted && minutes_running > 1.0, timeout: 1h, on_timeout: bad}
  which: {if: rounds < 3 && score > 50.0, then: ask, else: child}
  ask:
    approve: go on
    needed: 1
    ask: [{people: ["role:admin"], within: 5m}]
    on_denied: bad
    otherwise: bad
  child: {playbook: mine, then: over, on_failure: bad, timeout: 10m}
  over: {end: done, detail: all of it}
  bad: {end: failed}
"""
MINE = HEAD + "  over: {end: done}\n"
THIRD = MINE.replace("mine", "third")


def reasons(text: str) -> list[str]:
    with pytest.raises(PlaybooksRefused) as refused:
        read_playbooks({"p.yml": text}, WORDS)
    return [str(problem) for problem in refused.value.problems]


def only_reason(steps: str, head: str = HEAD) -> str:
    (reason,) = reasons(head + steps)
    return reason


def test_every_kind_of_step_and_trigger_is_read() -> None:
    playbook = library_of(ALL, MINE, THIRD).get("all_kinds")
    assert playbook is not None
    assert [type(step).__name__ for step in playbook.steps] == [
        *(
            "Act",
            "Act",
            "Act",
            "Parallel",
            "Act",
            "Wait",
            "Wait",
            "Until",
            "If",
            "Approve",
            "Call",
            "End",
            "End",
        )
    ]
    assert playbook.steps[0] == Act(name="pause", verb=Pause(), then="half", undo=Resume(patience_s=10.0))
    assert playbook.confirm == Panel(2, (Group(("ann", "role:trader"), 2 * MINUTE_NS),))
    assert playbook.cooldown_ns == 90 * SECOND_NS
    assert playbook.description == "Every kind of step and trigger."


def test_what_is_written_out_is_read_back_as_the_same_table() -> None:
    playbooks = library_of(ALL, MINE, THIRD).playbooks
    written = library_of(*(yaml_of(playbook) for playbook in playbooks.values()))
    for name, playbook in playbooks.items():
        again = written.get(name)
        assert again == playbook
        assert again.version == playbook.version


def test_the_version_is_of_the_content_and_not_of_the_layout() -> None:
    one, other = library_of(MINE), library_of("# a comment\n" + MINE.replace("{end: done}", "{ end:  done }"))
    changed = library_of(MINE.replace("Mine", "Yours"))
    assert one.get("mine").version == other.get("mine").version
    assert one.get("mine").version != changed.get("mine").version


def test_a_playbook_made_in_python_is_the_same_as_the_one_that_is_read() -> None:
    text = """playbook: made
title: Made
description: Made twice.
triggers: [{action: pause}, {alert: depeg, severity: high}, operator]
scope: desk
cooldown: 2m
confirm: {needed: 2, ask: [{people: [ann, bob], within: 1m}]}
steps:
  pause: {act: pause, undo: resume}
  rest: {wait: 30s}
  calm: {until: trusted, timeout: 5m, on_timeout: over}
  big: {if: positions_open > 3, else: over}
  sure:
    approve: sell half
    ask: [{people: ["role:trader"], within: 5m}]
    on_denied: over
    otherwise: over
  sell: {act: {reduce: {fraction: 0.5}}, on_failure: over}
  over: {end: done}
"""
    made = (
        Builder("made", "Made", "Made twice.", [OnAction("pause"), OnAlert("depeg", "high"), OnOperator()],
                scope="desk", cooldown="2m", confirm=ask(["ann", "bob"], needed=2, within="1m"))
        .act("pause", Pause(), undo=Resume())
        .wait("rest", "30s")
        .until("calm", "trusted", timeout="5m", on_timeout="over")
        .choose("big", "positions_open > 3", otherwise="over")
        .approve("sure", "sell half", ask(["role:trader"]), on_denied="over", otherwise="over")
        .act("sell", Reduce(fraction=0.5), on_failure="over")
        .end("over")
        .made()
    )  # fmt: skip
    assert library_of(text).get("made") == made


def test_a_playbook_made_in_python_is_checked_like_any_other() -> None:
    made = (
        Builder("made", "Made", "Wrong.", [OnOperator()]).act("sell", Reduce(fraction=0.5)).end("over").made()
    )
    with pytest.raises(PlaybooksRefused) as refused:
        read_playbooks({}, WORDS, [made])
    (problem,) = refused.value.problems
    assert problem.code == "playbook.no_failure"
    assert problem.file == "made (made in Python)"


HEADS = [
    ("titel: x\n" + MINE, "p.yml:1:1", "did you mean `title`?"),
    (MINE.replace("scope: venue", "scope: venues"), "p.yml:5:8", "did you mean `venue`?"),
    (MINE.replace("[operator]", "[operatr]"), "p.yml:4:12", "did you mean `operator`?"),
    (MINE.replace("[operator]", "[{action: halted}]"), "p.yml:4:21", "did you mean `halt`?"),
    (MINE.replace("[operator]", "[{alert: depegg}]"), "p.yml:4:12", "did you mean `depeg`?"),
    (MINE.replace("[operator]", "[{level: reduced}]"), "p.yml:4:20", "did you mean `reduce`?"),
    (MINE.replace("[operator]", "[{level: normal}]"), "p.yml:4:20", "level cannot be `normal`"),
    (MINE.replace("[operator]", "[{rule: r-2}]"), "p.yml:4:12", "did you mean `r-1`?"),
    (MINE.replace("[operator]", "[{playbook: mines}]"), "p.yml:4:12", "did you mean `mine`?"),
    (MINE.replace("[operator]", "[{rule: r-1, level: halt}]"), "p.yml:4:12", "a trigger is one thing"),
    (
        MINE.replace("[operator]", "[{rule: r-1, severity: low}]"),
        "p.yml:4:34",
        "`severity` does not go with `rule`",
    ),
    (MINE.replace("[operator]", "[]"), "p.yml:4:11", "nothing sets it off"),
    (MINE.replace("playbook: mine", "playbook: My-Book"), "p.yml:1:11", "small letters"),
    (
        MINE.replace("scope: venue", "scope: venue\ncooldown: 5"),
        "p.yml:6:11",
        "write 250ms, 30s, 5m, 1h or 1d",
    ),
    (MINE.replace("playbook: mine\n", ""), "p.yml:1:1", "has no `playbook`"),
    (HEAD + "  []", "p.yml:7:3", "steps is a map of steps"),
]


@pytest.mark.parametrize(("text", "place", "words"), HEADS)
def test_a_head_that_is_wrong_is_refused_at_its_place(text: str, place: str, words: str) -> None:
    (reason,) = reasons(text)
    assert reason.startswith(place + " ")
    assert words in reason


STEPS = [
    ("  a: {act: pause, then: b}\n  over: {end: done}\n", "7:25", "there is no step `b`"),
    ("  a: {act: pause, then: ovre}\n  over: {end: done}\n", "7:25", "did you mean `over`?"),
    ("  a: {act: pausee}\n  over: {end: done}\n", "7:12", "did you mean `pause`?"),
    ("  a: {act: pause, on_fail: over}\n  over: {end: done}\n", "7:19", "did you mean `on_failure`?"),
    ("  a: {act: pause, then: over}\n  b: {wait: 5s, then: over}\n  over: {end: done}\n", "8:3", "nothing leads to"),
    ("  a: {act: {reduce: {fraction: 0.5}}}\n  over: {end: done}\n", "7:12", "has no `on_failure`"),
    ("  a: {act: resume}\n  over: {end: done}\n", "7:12", "has no `on_failure`"),
    ("  a: {act: {dead_man: {timeout_s: 0}}}\n  over: {end: done}\n", "7:12", "has no `on_failure`"),
    ("  a: {act: {dead_man: {timeout_s: 30s}}}\n  over: {end: done}\n", "7:35", "it is in seconds: write 30"),
    ("  a: {act: {dead_man: {timeout_s: 2m}}}\n  over: {end: done}\n", "7:35", "it is in seconds: write 120"),
    ("  a: {act: {dead_man: {timeout_s: 4}}}\n  over: {end: done}\n", "7:35", "is not from 5 to 600"),
    ("  a: {act: {reduce: {fraction: 50%}}, on_failure: over}\n  over: {end: done}\n", "7:32", "write 0.5"),
    ("  a: {act: {reduce: {fraction: 50}}, on_failure: over}\n  over: {end: done}\n", "7:32", "mind the unit"),
    ("  a: {act: {reduce: {slippage_bps_max: 1%, fraction: 0.5}}, on_failure: over}\n  over: {end: done}\n", "7:40",
     "it is in basis points: write 100"),
    ("  a: {act: {reduce: {}}, on_failure: over}\n  over: {end: done}\n", "7:12", "`reduce` needs `fraction`"),
    ("  a: {act: {reduce: {fracton: 0.5}}, on_failure: over}\n  over: {end: done}\n", "7:22",
     "did you mean `fraction`?"),
    ("  a: {act: pause, timeout: 5}\n  over: {end: done}\n", "7:28", "not a duration"),
    ("  a: {act: {flatten: {patience_s: 300}}, timeout: 5m, on_failure: over}\n  over: {end: done}\n", "7:51",
     "at least 315s"),
    ("  a: {wait: 0s}\n  over: {end: done}\n", "7:13", "from 1s to 7d"),
    ("  a: {act: pause, wait: 5s}\n  over: {end: done}\n", "7:6", "make two steps of it"),
    ("  a: {then: over}\n  over: {end: done}\n", "7:6", "says nothing to do"),
    ("  a: {act: pause}\n", "7:3", "nothing follows"),
    ("  join: {end: done}\n", "7:3", "cannot be called `join`"),
    ("  a: {act: pause, then: b}\n  b: {if: trusted, then: over, else: join}\n  over: {end: done}\n", "8:38",
     "ends a branch"),
    ("  a: {act: pause, then: a}\n", "7:3", "can never end"),
    ("  a: {act: pause, then: b}\n  b: {if: score > 5.0, then: a, else: over}\n  over: {end: done}\n", "7:3",
     "leads back to itself without waiting"),
    ("  a: {until: scor > 5.0, timeout: 5m, on_timeout: over}\n  over: {end: done}\n", "7:14",
     "did you mean `score`?"),
    ("  a: {until: score > 500.0, timeout: 5m, on_timeout: over}\n  over: {end: done}\n", "7:14", "can never fire"),
    ("  a: {until: score > 5 &, timeout: 5m, on_timeout: over}\n  over: {end: done}\n", "7:24", "write &&"),
    ("  a: {until: score, timeout: 5m, on_timeout: over}\n  over: {end: done}\n", "7:14",
     "compare it with something"),
    ("  a: {until: alerts.nothing >= 3, timeout: 5m, on_timeout: over}\n  over: {end: done}\n", "7:14",
     "unknown detector"),
    ("  a: {until: trusted, on_timeout: over}\n  over: {end: done}\n", "7:6", "has no `timeout`"),
    ("  a: {playbook: mines, on_failure: over}\n  over: {end: done}\n", "7:17", "did you mean `mine`?"),
    ("  a: {playbook: mine, on_failure: over}\n  over: {end: done}\n", "1:11", "in a circle: mine -> mine"),
    ("  a: {parallel: [b], then: over}\n  b: {act: pause, then: join}\n  over: {end: done}\n", "7:17",
     "two branches or more"),
    ("  a: {parallel: [b, c], then: over}\n  b: {act: pause, then: join}\n  c: {wait: 1s, then: over}\n"
     "  over: {end: done}\n",
     "10:3", "a branch acts, waits or chooses"),
    ("  a: {parallel: [b, c], then: over}\n  b: {act: pause, then: c}\n  c: {wait: 1s, then: join}\n"
     "  over: {end: done}\n",
     "7:17", "two branches share a step"),
    ("  a: {end: finished}\n", "7:12", "end cannot be `finished`"),
    ("  a: {act: [pause]}\n  over: {end: done}\n", "7:12", "act is text, this is a list"),
]  # fmt: skip


@pytest.mark.parametrize(("steps", "place", "words"), STEPS)
def test_a_step_that_is_wrong_is_refused_at_its_place(steps: str, place: str, words: str) -> None:
    reason = only_reason(steps)
    assert reason.startswith(f"p.yml:{place} ")
    assert words in reason


def approving(**changed: str) -> str:
    keys = {
        "needed": "1",
        "ask": '[{people: ["role:a"], within: 5m}]',
        "on_denied": "over",
        "otherwise": "over",
    }
    listed = "".join(f"    {key}: {value}\n" for key, value in (keys | changed).items())
    return f"  ask:\n    approve: shall we\n{listed}  over: {{end: done}}\n"


ESCALATIONS = [
    (approving(otherwise="ask"), "12:16", "leads back to asking: it cannot end"),
    (approving(on_denied="ask"), "11:16", "leads back to asking: it cannot end"),
    (approving(ask="[]"), "10:10", "nobody can answer"),
    (approving(ask="[{people: [], within: 5m}]"), "10:10", "nobody can answer"),
    (approving(ask="[{people: [ann], within: 2d}]"), "10:10", "from 1s to 1d"),
    (
        approving(needed="3", ask="[{people: [ann, bob], within: 5m}]"),
        "10:10",
        "3 must agree, and 2 are asked",
    ),
    (approving(needed="0"), "10:10", "0 must agree"),
    (approving(needed="two"), "9:13", "needed is a whole number"),
]


@pytest.mark.parametrize(("steps", "place", "words"), ESCALATIONS)
def test_an_approval_that_cannot_end_is_refused(steps: str, place: str, words: str) -> None:
    reason = only_reason(steps)
    assert reason.startswith(f"p.yml:{place} ")
    assert words in reason


def test_an_approval_that_can_end_is_loaded() -> None:
    playbook = library_of(HEAD + approving()).get("mine")
    assert isinstance(playbook.steps[0], Approve)


def test_a_loop_with_a_bound_is_loaded() -> None:
    steps = "  a: {act: pause}\n  b: {if: rounds < 3, then: a, else: over}\n  over: {end: done}\n"
    assert isinstance(library_of(HEAD + steps).get("mine").steps[1], If)


def test_playbooks_that_start_each_other_are_refused_and_both_are_named() -> None:
    other = (
        HEAD.replace("mine", "other").replace("[operator]", "[{playbook: mine}]") + "  over: {end: done}\n"
    )
    mine = HEAD + "  go: {playbook: other, on_failure: over}\n  over: {end: done}\n"
    assert library_of(mine.replace("playbook: other", "playbook: third"), other, THIRD)
    back = HEAD.replace("mine", "other") + "  go: {playbook: mine, on_failure: over}\n  over: {end: done}\n"
    with pytest.raises(PlaybooksRefused) as refused:
        library_of(mine, back)
    assert "mine -> other -> mine" in str(refused.value)


def test_two_playbooks_of_one_name_are_refused() -> None:
    with pytest.raises(PlaybooksRefused) as refused:
        library_of(MINE, MINE)
    assert "the playbook `mine` is already at 0.yml" in str(refused.value)


def test_all_mistakes_of_all_files_are_told_at_once() -> None:
    with pytest.raises(PlaybooksRefused) as refused:
        library_of(
            MINE.replace("scope: venue", "scope: x").replace("done", "dun"),
            MINE + "  b: {wait: x, then: over}\n",
        )
    assert len(refused.value.problems) == 3
    assert all(problem.code.startswith("playbook.") for problem in refused.value.problems)


@pytest.mark.parametrize(
    "text", ["steps: [", "a: b: c", "\x00", "- 1", "playbook: &a [*a]", "x: !!python/object:os {}"]
)
def test_what_is_no_playbook_at_all_is_refused_and_nothing_breaks(text: str) -> None:
    assert reasons(text)


def test_the_default_of_who_confirms_is_left_out_when_written() -> None:
    playbook = library_of(MINE).get("mine")
    assert playbook.confirm == PANEL_DEFAULT
    assert "confirm" not in yaml_of(playbook)


def test_arguments_of_a_verb_are_written_only_where_they_differ() -> None:
    hedge = HedgeDelta(asset="BTC", instruments=("a:b",), tolerance=0.1, slippage_bps_max=20.0)
    made = Builder("m", "M", "M.", [OnOperator()]).act("h", hedge, on_failure="o", then="o").end("o").made()
    assert "patience_s" not in yaml_of(made)
    assert "slippage_bps_max: 20.0" in yaml_of(made)
