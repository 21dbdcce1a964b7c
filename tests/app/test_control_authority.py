"""Authority: who may do what, a desk's own policies, and policies that cannot work."""

from pathlib import Path

import pytest
from control_desk import People

from holdfast.app.control.authority import ApprovalTarget, Authority, DeskTarget, PlaybookTarget, ScopeTarget
from holdfast.app.control.command import COMMANDS
from holdfast.app.control.may import may_rows, may_table
from holdfast.error import CallerError
from holdfast.event import Scope

ALL = {"viewer", "trader", "risk_officer", "admin"}
OFFICERS = {"risk_officer", "admin"}
NOT_VIEWERS = ALL - {"viewer"}
WHO = {
    "status": ALL,
    "incidents": ALL,
    "show": ALL,
    "halt": NOT_VIEWERS,
    "pause": NOT_VIEWERS,
    "start": NOT_VIEWERS,
    "stop": OFFICERS,
    "resume": OFFICERS,
    "release": OFFICERS,
    "disarm": OFFICERS,
    "arm in `advise`, from less": NOT_VIEWERS,
    "arm in `confirm`, from less": NOT_VIEWERS,
    "arm in `act`, from less": OFFICERS,
    "arm in less than before": OFFICERS,
    "drill": {"admin"},
    "approve when asked": NOT_VIEWERS,
    "approve what they started, alone": set(),
    "approve what they started, with another": NOT_VIEWERS,
    "approve when not asked": set(),
    "deny when asked": NOT_VIEWERS,
    "deny what they started, alone": NOT_VIEWERS,
    "deny what they started, with another": NOT_VIEWERS,
    "deny when not asked": set(),
}


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    return People(tmp_path_factory.mktemp("people"))


def load(people: People, tmp_path: Path, text: str) -> Authority:
    path = tmp_path / "desk.cedar"
    path.write_text(text)
    return Authority.load(path, people.settings)


def test_the_default_policies_say_who_may_do_what() -> None:
    found = {
        case: {role for role, yes in allowed.items() if yes}
        for case, allowed in may_rows(Authority.load(None))
    }
    assert found == WHO


def test_the_table_has_every_command() -> None:
    table = may_table(Authority.load(None))
    assert [command for command in COMMANDS if f"\n| {command}" not in table] == []


def test_a_ruling_names_the_policy_that_decided(people: People) -> None:
    authority = Authority.load(None, people.settings)
    by_name = {one.name: one for one in people.settings}
    halt = authority.rule(by_name["tom"], "halt", ScopeTarget(Scope("deribit")))
    assert halt.because == "permitted: everybody but viewers brakes"
    viewer = authority.rule(by_name["vic"], "halt", ScopeTarget(Scope()))
    assert (viewer.allowed, viewer.because) == (False, "no policy permits halt to viewer")
    own = authority.rule(by_name["tom"], "approve", ApprovalTarget("a", ("tom",), ("tom",), 1))
    assert (own.allowed, own.because) == (False, "forbidden: nobody alone approves what they asked for")


def test_a_desks_own_policies_replace_the_default_ones(people: People, tmp_path: Path) -> None:
    own = 'permit (principal, action, resource) when { principal.names.contains("tess") };\n'
    authority = load(people, tmp_path, own)
    by_name = {one.name: one for one in people.settings}
    assert authority.rule(by_name["tess"], "resume", ScopeTarget(Scope())).allowed
    assert not authority.rule(by_name["ada"], "status", DeskTarget("fund-7")).allowed


def test_forbid_wins_over_permit_wherever_it_stands(people: People, tmp_path: Path) -> None:
    rita = next(one for one in people.settings if one.name == "rita")
    own = (
        "// one venue is out of bounds\n"
        'forbid (principal, action == Action::"resume", resource) when { resource.venue == "binance" };\n'
        "permit (principal, action, resource);"
    )
    authority = load(people, tmp_path, own)
    assert authority.rule(rita, "resume", ScopeTarget(Scope("deribit"))).allowed
    refused = authority.rule(rita, "resume", ScopeTarget(Scope("binance")))
    assert (refused.allowed, refused.because) == (False, "forbidden: policy at line 2")


def test_a_policy_may_look_at_the_mode_before_and_after(people: People, tmp_path: Path) -> None:
    rita = next(one for one in people.settings if one.name == "rita")
    own = (
        'permit (principal, action in [Action::"halt", Action::"resume", Action::"release"], resource);\n'
        'permit (principal, action == Action::"arm", resource == Playbook::"deleverage")\n'
        'when { context.was == Mode::"confirm" && context.mode == Mode::"act" };'
    )
    authority = load(people, tmp_path, own)
    assert authority.rule(rita, "arm", PlaybookTarget("deleverage", "confirm", "act")).allowed
    assert not authority.rule(rita, "arm", PlaybookTarget("deleverage", "observe", "act")).allowed
    assert not authority.rule(rita, "arm", PlaybookTarget("evacuate", "confirm", "act")).allowed


@pytest.mark.parametrize(
    ("text", "place", "remedy"),
    [
        (
            'permit (principal in Role::"risk_oficer", action, resource);',
            ":1:",
            "did you mean `risk_officer`?",
        ),
        (
            '// a comment; with a semicolon\n\npermit (principal, action == Action::"status", resource);\n'
            'permit (\n  principal,\n  action == Action::"hlt",\n  resource);',
            ":4:",
            "did you mean `halt`?",
        ),
        (
            'permit (principal, action == Action::"arm", resource) when { context.mode == Mode::"acts" };',
            ":1:",
            "did you mean `act`?",
        ),
        (
            'permit (principal, action == Action::"approve", resource) when { resource.askd_by.isEmpty() };',
            ":1:",
            "did you mean `asked_by`?",
        ),
    ],
    ids=["role", "action", "mode", "attribute"],
)
def test_a_name_that_the_schema_does_not_know_is_refused_with_its_line_and_what_was_meant(
    people: People, tmp_path: Path, text: str, place: str, remedy: str
) -> None:
    with pytest.raises(CallerError) as caught:
        load(people, tmp_path, text)
    assert caught.value.code == "authority.schema"
    assert f"desk.cedar{place}" in str(caught.value)
    assert remedy in caught.value.remedy


@pytest.mark.parametrize(
    "text", ["permit (principal, action, resource);\n\n permit (", "permit principal;", "# no"]
)
def test_what_is_no_policy_is_refused_with_its_line(people: People, tmp_path: Path, text: str) -> None:
    with pytest.raises(CallerError) as caught:
        load(people, tmp_path, text)
    line = 3 if text.startswith("permit (principal, action") else 1
    assert caught.value.code == "authority.syntax"
    assert caught.value.where.endswith(f":{line}")


def test_a_file_without_a_policy_or_without_a_file_is_refused(people: People, tmp_path: Path) -> None:
    with pytest.raises(CallerError, match=r"authority\.syntax"):
        load(people, tmp_path, "// nothing yet\n")
    with pytest.raises(CallerError, match=r"authority\.missing"):
        Authority.load(tmp_path / "none.cedar")


def test_policies_under_which_nobody_may_stop_the_desk_or_let_it_go_on_are_refused(
    people: People, tmp_path: Path
) -> None:
    with pytest.raises(CallerError, match=r"may resume the desk.*authority\.nobody_may"):
        load(people, tmp_path, 'permit (principal, action == Action::"halt", resource);')
    alone = tuple(one for one in people.settings if one.name == "tom")
    with pytest.raises(CallerError, match=r"authority\.nobody_may"):
        Authority.load(None, alone)


def test_strings_and_comments_with_semicolons_do_not_move_the_places(people: People, tmp_path: Path) -> None:
    text = (
        '@id("a; b // c")\npermit (principal, action, resource)\nwhen { principal.names.contains("x;\\"y") };\n'
        'permit (principal, action, resource in Desk::"fund");\npermit (principal, action == Action::"no", resource);'
    )
    with pytest.raises(CallerError, match=r"desk\.cedar:5: .*authority\.schema"):
        load(people, tmp_path, text)
