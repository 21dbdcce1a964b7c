"""Foreign CACAO playbooks become questions to people; an invalid one is refused with the place of each reason."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from referencing import Registry, Resource

from holdfast.app.cacao.checking import CacaoRefused, read_cacao
from holdfast.app.cacao.importing import from_cacao
from holdfast.response.playbook.checks import Vocabulary
from holdfast.response.playbook.playbook import Act, Approve, Call, End, Parallel, Wait

WORDS = Vocabulary()
VALID = ("http", "manual", "openc2", "powershell", "ssh")
START, FIRST, LAST = (
    "start--9e7d62b2-88ac-4656-94e1-dbd4413ba008",
    "action--eb9372d4-d524-49fc-bf24-be26ea084779",
    "end--a6f0b81e-affb-4bca-b4f6-a2d5af908958",
)
AGENT = "group--00010001-1000-4000-a000-000100010001"
SMALL: dict[str, Any] = {
    "type": "playbook",
    "spec_version": "cacao-2.0",
    "id": "playbook--300270f9-0e64-42c8-93cc-0927edbe3ae7",
    "name": "Call the venue",
    "created_by": "identity--96abab60-238a-44ff-8962-5806aa60cbce",
    "created": "2025-11-20T15:56:00.123Z",
    "modified": "2025-11-20T15:56:00.123Z",
    "workflow_start": START,
    "workflow": {
        START: {"type": "start", "on_completion": FIRST},
        FIRST: {
            "type": "action",
            "name": "Call",
            "agent": AGENT,
            "commands": [{"type": "manual", "command": "call the desk of the venue"}],
            "on_completion": LAST,
        },
        LAST: {"type": "end"},
    },
    "agent_definitions": {AGENT: {"type": "group", "name": "traders"}},
}


def named(kind: str, number: int) -> str:
    return f"{kind}--00000000-0000-4000-8000-{number:012d}"


def action(name: str, then: str, **more: Any) -> dict[str, Any]:
    commands = [{"type": "bash", "command": f"rm -rf {name}"}]
    return {
        "type": "action",
        "name": name,
        "agent": AGENT,
        "commands": commands,
        "on_completion": then,
        **more,
    }


def small(**steps: Any) -> dict[str, Any]:
    """Return a playbook that starts with the step `first`."""
    content = copy.deepcopy(SMALL)
    ids = {name: named(step["type"], number) for number, (name, step) in enumerate(steps.items(), 1)}

    def linked(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: one if key == "name" else linked(one) for key, one in value.items()}
        if isinstance(value, list):
            return [linked(one) for one in value]
        return ids.get(value, value) if isinstance(value, str) else value

    content["workflow"] = {START: {"type": "start", "on_completion": ids["first"]}}
    content["workflow"] |= {ids[name]: linked(step) for name, step in steps.items()}
    return content


def imported(content: dict[str, Any]) -> Any:
    return from_cacao("x.json", json.dumps(content), WORDS).playbook


def table(content: dict[str, Any]) -> dict[str, list[str]]:
    """Return the steps by name with where they lead."""
    fields = ("then", "on_denied", "otherwise", "on_failure")
    return {
        step.name: [getattr(step, field) for field in fields if getattr(step, field, "")]
        for step in imported(content).steps
    }


@pytest.mark.parametrize("name", VALID)
def test_a_valid_example_is_imported_and_its_commands_are_for_a_person(name: str, shared_data: Path) -> None:
    path = shared_data / "cacao" / "examples" / f"{name}-playbook.json"
    found = from_cacao(path.name, path.read_text(), WORDS)
    kinds = {type(step) for step in found.playbook.steps}
    assert kinds == {Approve, End}
    assert not any(isinstance(step, Act) for step in found.playbook.steps)
    assert [trigger.__class__.__name__ for trigger in found.playbook.triggers] == ["OnOperator"]
    questions = [step.question for step in found.playbook.steps if isinstance(step, Approve)]
    assert all(question.startswith("do by hand and confirm: ") for question in questions)


def test_a_foreign_command_is_shown_with_its_variables_filled_in(shared_data: Path) -> None:
    path = shared_data / "cacao" / "examples" / "ssh-playbook.json"
    found = from_cacao(path.name, path.read_text(), WORDS)
    questions = [step.question for step in found.playbook.steps if isinstance(step, Approve)]
    assert questions[0] == "do by hand and confirm: ssh: ls -la"
    assert questions[1].startswith("do by hand and confirm: ssh: touch /")
    assert questions[1].endswith("/file1")
    assert found.notes[0] == "`authentication_info_definitions` is left out"


def test_the_invalid_example_is_refused_with_the_place_of_its_agent(shared_data: Path) -> None:
    path = shared_data / "cacao" / "examples" / "fin-playbook.json"
    with pytest.raises(CacaoRefused) as refused:
        from_cacao(path.name, path.read_text(), WORDS)
    places = [problem.pointer for problem in refused.value.problems]
    assert "/workflow/action--2fd6bca0-24ed-4d74-8eae-da126a84f7c4/agent" in places
    assert all(problem.code == "cacao.id" for problem in refused.value.problems)
    assert refused.value.where == "fin-playbook.json"


def test_our_check_and_the_schemas_agree_about_the_examples(shared_data: Path) -> None:
    folder = shared_data / "cacao"
    contents = [json.loads(path.read_text()) for path in (folder / "schemas").rglob("*.json")]
    registry: Registry = Registry().with_resources(
        [(one["$id"], Resource.from_contents(one)) for one in contents]
    )
    schema = next(one for one in contents if one["$id"].endswith("/schemas/playbook.json"))
    by_schema = Draft7Validator(schema, registry=registry)
    for path in sorted((folder / "examples").glob("*.json")):
        valid = by_schema.is_valid(json.loads(path.read_text()))
        assert valid == (path.name != "fin-playbook.json")


def test_a_small_playbook_is_imported() -> None:
    playbook = imported(SMALL)
    assert playbook.name == "call_the_venue"
    assert table(SMALL) == {
        "call": ["end", "ended_failed", "ended_failed"],
        "end": [],
        "ended_failed": [],
    }


def test_what_fails_leads_where_the_workflow_says() -> None:
    first = {key: value for key, value in action("a", "").items() if key != "on_completion"}
    content = small(
        first=first | {"on_success": "good", "on_failure": "bad"}, good={"type": "end", "name": "good"},
        bad=action("b", "good"),
    )  # fmt: skip
    assert table(content)["a"] == ["good", "b", "b"]
    assert table(content)["b"] == ["good", "ended_failed", "ended_failed"]


def test_what_fails_leads_to_the_exception_of_the_playbook() -> None:
    content = small(first=action("a", "last"), last={"type": "end"}, rescue=action("rescue", "last"))
    content["workflow_exception"] = named("action", 3)
    assert table(content)["a"] == ["end", "rescue", "rescue"]


def test_a_condition_is_a_question_and_its_branches_go_on_behind_it() -> None:
    content = small(
        first={"type": "if-condition", "name": "hot", "condition": "[x = 1]", "on_true": "yes", "on_false": "no",
               "on_completion": "after"},
        yes=action("yes", "inner"), no=action("no", "inner"), inner={"type": "end"},
        after=action("after", "last"), last={"type": "end", "name": "last"},
    )  # fmt: skip
    found = table(content)
    assert found["hot"] == ["yes", "no", "ended_failed"]
    assert found["yes"][0] == found["no"][0] == "after"
    assert found["after"][0] == "last"


def test_a_loop_asks_before_each_round() -> None:
    content = small(
        first={"type": "while-condition", "name": "more", "condition": "x > 1", "on_true": "body",
               "on_completion": "last"},
        body=action("body", "inner"), inner={"type": "end"}, last={"type": "end", "name": "last"},
    )  # fmt: skip
    found = table(content)
    assert found["more"] == ["body", "last", "ended_failed"]
    assert found["body"][0] == "more"


def test_a_switch_asks_case_by_case() -> None:
    content = small(
        first={"type": "switch-condition", "name": "which", "switch": "__x__:value",
               "cases": {"one": "a", "two": "b", "default": "c"}, "on_completion": "last"},
        a=action("a", "inner"), b=action("b", "inner"), c=action("c", "inner"), inner={"type": "end"},
        last={"type": "end", "name": "last"},
    )  # fmt: skip
    found = table(content)
    assert found["which"][:2] == ["a", "which_2"]
    assert found["which_2"][:2] == ["b", "c"]


def test_branches_join_and_a_no_in_one_of_them_fails_the_step() -> None:
    content = small(
        first={"type": "parallel", "name": "both", "next_steps": ["a", "b"], "on_completion": "last"},
        a=action("a", "inner"), b=action("b", "inner"), inner={"type": "end"}, last={"type": "end", "name": "last"},
    )  # fmt: skip
    found = table(content)
    assert found["both"] == ["last", "ended_failed"]
    assert found["a"] == found["b"] == ["join", "join", "join"]
    assert isinstance(imported(content).steps[0], Parallel)


def test_a_delay_becomes_a_wait() -> None:
    content = small(first=action("a", "last", delay=5000), last={"type": "end"})
    first, second = imported(content).steps[:2]
    assert isinstance(first, Wait)
    assert (first.for_ns, first.then) == (5_000_000_000, "a")
    assert second.name == "a"


def test_a_playbook_within_a_playbook_is_run_by_hand() -> None:
    other = "playbook--300270f9-0e64-42c8-93cc-0927edbe3ae8"
    content = small(first={"type": "playbook-action", "name": "other", "playbook_id": other, "on_completion": "last"},
                    last={"type": "end"})  # fmt: skip
    assert not any(isinstance(step, Call) for step in imported(content).steps)
    assert f"run the playbook {other} by hand" in imported(content).steps[0].question


def broken(*path: str, value: Any = None, drop: bool = False) -> dict[str, Any]:
    content = copy.deepcopy(SMALL)
    owner = content
    for key in path[:-1]:
        owner = owner[key]
    if drop:
        del owner[path[-1]]
    else:
        owner[path[-1]] = value
    return content


AT = f"/workflow/{FIRST}"
REFUSALS = [
    (broken("type", value="bundle"), "/type", "cacao.type"),
    (broken("spec_version", value="1.1"), "/spec_version", "cacao.type"),
    (broken("id", value="300270f9"), "/id", "cacao.id"),
    (broken("created", value="yesterday"), "/created", "cacao.time"),
    (broken("created_by", drop=True), "", "cacao.missing"),
    (broken("priority", value=101), "/priority", "cacao.range"),
    (broken("severity", value=True), "/severity", "cacao.range"),
    (broken("revoked", value=True), "/revoked", "cacao.revoked"),
    (broken("workflow", value=[]), "/workflow", "cacao.type"),
    (broken("workflow_start", value=LAST), "/workflow_start", "cacao.step"),
    (broken("workflow_start", value=named("start", 1)), "/workflow_start", "cacao.reference"),
    (broken("workflow_exception", value=named("end", 1)), "/workflow_exception", "cacao.reference"),
    (broken("workflow", FIRST, "type", value="acton"), f"{AT}/type", "cacao.step"),
    (broken("workflow", FIRST, "agent", value="soarca"), f"{AT}/agent", "cacao.id"),
    (broken("workflow", FIRST, "agent", value=named("group", 1)), f"{AT}/agent", "cacao.reference"),
    (broken("workflow", FIRST, "agent", drop=True), AT, "cacao.missing"),
    (broken("workflow", FIRST, "targets", value=[named("group", 1)]), f"{AT}/targets/0", "cacao.reference"),
    (broken("workflow", FIRST, "commands", value=[]), f"{AT}/commands", "cacao.type"),
    (broken("workflow", FIRST, "commands", value=[{"command": "x"}]), f"{AT}/commands/0", "cacao.type"),
    (broken("workflow", FIRST, "on_completion", value=named("end", 1)), f"{AT}/on_completion", "cacao.reference"),
    (broken("workflow", FIRST, "on_failure", value=LAST), AT, "cacao.exit"),
    (broken("workflow", FIRST, "delay", value=0), f"{AT}/delay", "cacao.range"),
    (broken("workflow", FIRST, "timeout", value=-1), f"{AT}/timeout", "cacao.range"),
    (broken("workflow", FIRST, "step_variables", value={"x": {"type": "string"}}), f"{AT}/step_variables/x", "cacao.id"),
    (broken("workflow", LAST, "on_completion", value=FIRST), f"/workflow/{LAST}", "cacao.exit"),
    (broken("workflow", START, "on_completion", drop=True), f"/workflow/{START}", "cacao.exit"),
    (broken("agent_definitions", AGENT, value={"type": "group"}), f"/agent_definitions/{AGENT}", "cacao.missing"),
    (broken("playbook_variables", value={"__x__": {"type": "string", "value": 1}}), "/playbook_variables/__x__/value",
     "cacao.type"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "place", "code"), REFUSALS, ids=[place + code for _, place, code in REFUSALS]
)
def test_what_the_schemas_forbid_is_refused_at_its_place(
    content: dict[str, Any], place: str, code: str
) -> None:
    with pytest.raises(CacaoRefused) as refused:
        read_cacao("x.json", json.dumps(content))
    assert (place, code) in [(problem.pointer, problem.code) for problem in refused.value.problems]


@pytest.mark.parametrize(
    "text", ["", "[", "[]", "null", '{"a": 1, "a": 2}', "[" * 100_000, '{"type": "playbook"}']
)
def test_what_is_no_playbook_at_all_is_refused_and_nothing_breaks(text: str) -> None:
    with pytest.raises(CacaoRefused):
        from_cacao("x.json", text, WORDS)


def test_a_workflow_that_cannot_be_a_table_is_refused() -> None:
    content = small(first=action("a", "second"), second=action("b", "first"))
    with pytest.raises(CacaoRefused):
        imported(small(first={"type": "parallel", "name": "p", "next_steps": ["a", "b"], "on_completion": "first"},
                       a=action("a", "inner"), b=action("b", "inner"), inner={"type": "end"}))  # fmt: skip
    assert imported(content)  # a person may say no at each step
