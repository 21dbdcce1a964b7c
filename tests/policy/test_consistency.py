"""Rules and responses that do not go together are found before they are loaded, and those that do are left alone."""

from collections.abc import Iterable

import pytest
from test_policy_docs import DEFAULT

from holdfast.clock import HOUR_NS, MINUTE_NS
from holdfast.detectors.names import ALERT_NAMES
from holdfast.policy.consistency.check import check_consistency, refuse_inconsistent
from holdfast.policy.consistency.finding import Finding, Inconsistent, Place
from holdfast.policy.consistency.response import OnAction, OnAlert, OnEndOf, OnLevel, OnRule, Response
from holdfast.policy.rule import ACTIONS

RULE = """title: {title}
id: 00000000-0000-4000-8000-0000000000{number:02}
logsource: {{product: holdfast, category: test}}
detection:
  condition: |
    {condition}
response: {{action: {action}, level: {level}}}
"""


def rules(*written: tuple[str, str, str]) -> dict[str, str]:
    """Return rule files a.yml, b.yml, ... of (condition, action, level)."""
    return {
        f"{chr(97 + number)}.yml": RULE.format(
            title=f"rule {chr(97 + number)}", number=number, condition=condition, action=action, level=level
        )
        for number, (condition, action, level) in enumerate(written)
    }


def response(name: str, *triggers: object, line: int = 7, **terms: object) -> Response:
    return Response(name=name, place=Place(f"{name}.yml", line), triggers=triggers, **terms)  # type: ignore[arg-type]


def check(
    sources: dict[str, str], responses: Iterable[Response] | None = None, **known: object
) -> tuple[Finding, ...]:
    return check_consistency(sources, ALERT_NAMES, None if responses is None else tuple(responses), **known)  # type: ignore[arg-type]


def only(found: tuple[Finding, ...], code: str, *named: str) -> Finding:
    """Return the one finding, of this code, which names these."""
    assert [one.code for one in found] == [code], [str(one) for one in found]
    assert [name for name in named if name not in str(found[0])] == [], str(found[0])
    return found[0]


ALL_ANSWERED = [response(action, OnAction(action)) for action in ACTIONS]


def test_the_default_rules_go_together() -> None:
    sources = {path.name: path.read_text() for path in DEFAULT.glob("*.yml")}
    assert check(sources) == ()


# contradictions


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("price * depth_bid_10bps < 0.0", True),
        ("venue.startsWith('okx') && venue == 'deribit'", True),
        ("volatility_1m * volatility_1m > 2000000.0", True),
        ("spread_bps > 3.0 && scope == 'venue'", True),
        ("score + score_trust < score_trust * 0.5", True),
        ("price * depth_bid_10bps < 1.0", False),
        ("venue.startsWith('okx') && venue != 'okx'", False),
        ("score % 2.0 == 1.0", False),  # left free: nothing is claimed
    ],
)
def test_a_condition_that_contradicts_itself_is_found_beyond_its_literals(
    condition: str, found: bool
) -> None:
    told = check(rules((condition.replace("'", '"'), "notify", "normal")))
    assert [one.code for one in told] == (["consistency.never_fires"] if found else [])


def test_rules_of_which_one_closes_what_the_other_opens_are_named_both() -> None:
    sources = rules(
        ('scope == "venue" && margin_ratio >= 0.8', "reduce", "normal"),
        ('scope == "venue" && margin_ratio >= 0.9', "hedge", "normal"),
    )
    found = only(
        check(sources), "consistency.opposite", "rule a", "a.yml:1", "rule b", "b.yml:1", "hedge", "reduce"
    )
    assert [str(place) for place in found.places] == ["b.yml:1", "a.yml:1"]


def test_rules_that_may_meet_but_need_not_are_left_alone() -> None:
    for other in ('margin_ratio < 0.8 && scope == "venue"', 'alerts.depeg >= 3 && scope == "venue"'):
        sources = rules(
            ('scope == "venue" && margin_ratio >= 0.8', "reduce", "normal"), (other, "hedge", "normal")
        )
        assert check(sources) == ()


def test_a_response_that_loosens_while_another_tightens_is_found_with_both_rules() -> None:
    sources = rules(
        ('scope == "venue" && trusted', "notify", "normal"),
        ('scope == "venue" && alerts.runaway_orders >= 2', "pause", "watch"),
    )
    opens = response("opens", OnRule("00000000-0000-4000-8000-000000000000"), loosens="open")
    pauses = response("pauses", OnAction("pause"), tightens="paused")
    only(
        check(sources, [opens, pauses]),
        "consistency.undone",
        "rule a",
        "rule b",
        "opens",
        "pauses",
        "a.yml:1",
        "b.yml:1",
    )


def test_a_response_that_loosens_only_when_the_others_condition_is_over_is_left_alone() -> None:
    sources = rules(
        ('scope == "venue" && trusted && alerts.runaway_orders == 0', "notify", "normal"),
        ('scope == "venue" && alerts.runaway_orders >= 2', "pause", "watch"),
    )
    opens = response("opens", OnRule("00000000-0000-4000-8000-000000000000"), loosens="open")
    pauses = response("pauses", OnAction("pause"), tightens="paused")
    assert check(sources, [opens, pauses]) == ()


def test_what_an_alert_or_a_level_sets_off_is_compared_too() -> None:
    opens = response("opens", OnLevel("watch"), loosens="open")
    halts = response("halts", OnAlert("unauthorised_order", 4), tightens="halted")
    found = only(
        check({}, [opens, halts]), "consistency.undone", "level watch", "alert unauthorised_order critical"
    )
    assert found.places == (opens.place, halts.place)


# oscillation


def test_a_rule_that_ends_itself_oscillates() -> None:
    sources = rules(('scope == "venue" && level_rank < 2 && alerts.price_shock >= 3', "restrict", "restrict"))
    found = only(check(sources), "consistency.oscillates", "rule a", "a.yml:1", "watch", "restrict")
    assert "level_rank" not in found.message
    assert "alerts.price_shock = " in found.message


def test_two_rules_that_hand_a_scope_to_each_other_are_named_both() -> None:
    sources = rules(
        ('level == "normal" && alerts.price_shock >= 3', "restrict", "restrict"),
        ('level == "restrict" && alerts.price_shock >= 4', "notify", "watch"),
    )
    only(check(sources), "consistency.oscillates", "rule a", "a.yml:1", "rule b", "b.yml:1")


@pytest.mark.parametrize(
    "condition",
    [
        'scope == "venue" && alerts.price_shock >= 3',
        'scope == "venue" && (alerts.price_shock >= 3 || level_rank >= 2 && alerts.price_shock >= 2)',
        'scope == "venue" && level_rank < 2 && score >= 80.0',  # at such a score the table itself holds it
    ],
)
def test_a_rule_that_holds_what_it_raises_is_left_alone(condition: str) -> None:
    assert check(rules((condition, "restrict", "restrict"))) == ()


def test_a_rule_that_ends_itself_at_a_level_which_a_person_lowers_is_left_alone() -> None:
    assert check(rules(('level != "halt" && alerts.unauthorised_order >= 4', "halt", "halt"))) == ()


def test_a_response_that_loosens_what_still_holds_oscillates() -> None:
    sources = rules(('scope == "venue" && alerts.price_shock >= 3', "pause", "watch"))
    pauses = response(
        "pauses",
        OnAction("pause"),
        tightens="paused",
        loosens="open",
        loosens_when="trusted && level_rank < 2",
    )
    only(check(sources, [pauses]), "consistency.oscillates", "pauses.yml:7", "rule a", "a.yml:1", "1m")


@pytest.mark.parametrize(
    "terms",
    [
        {"loosens_when": 'level == "normal"'},  # which the rule itself prevents while it holds
        {"loosens_when": "alerts.price_shock == 0"},
        {"loosens_after_ns": MINUTE_NS},  # the dwell of watch
        {"loosens": ""},  # a person is asked first
    ],
)
def test_a_response_that_loosens_when_it_is_over_or_late_or_never_is_left_alone(
    terms: dict[str, object],
) -> None:
    sources = rules(('scope == "venue" && alerts.price_shock >= 3', "pause", "watch"))
    known = {"tightens": "paused", "loosens": "open"} | terms
    assert check(sources, [response("pauses", OnAction("pause"), **known)]) == ()


def test_a_wide_response_cannot_see_whether_what_set_it_off_within_is_over() -> None:
    sources = rules(('scope == "instrument" && alerts.price_shock >= 3', "pause", "watch"))
    wide = response(
        "pauses",
        OnAction("pause"),
        tightens="paused",
        loosens="open",
        loosens_when='level == "normal"',
        wider=True,
    )
    only(check(sources, [wide]), "consistency.oscillates", "pauses", "rule a")


# what cannot end


def test_a_rule_that_holds_itself_for_ever_is_found() -> None:
    sources = rules(('scope == "venue" && (alerts.depeg >= 3 || level_rank >= 2)', "restrict", "restrict"))
    only(check(sources), "consistency.endless", "rule a", "a.yml:1", "restrict")


def test_two_rules_that_hold_a_scope_between_them_for_ever_are_named_both() -> None:
    sources = rules(
        ("level_rank >= 2 && trusted", "restrict", "restrict"),
        ("level_rank >= 2 && !trusted", "restrict", "reduce"),
        ("level_rank >= 2 && alerts.depeg >= 3", "restrict", "restrict"),
    )
    found = [one for one in check(sources) if one.code == "consistency.endless"]
    assert [str(place) for place in found[0].places] == ["a.yml:1", "b.yml:1"]


def test_a_rule_that_keeps_a_halt_from_being_lifted_is_found() -> None:
    found = check(rules(('level == "halt" || alerts.unauthorised_order >= 4', "halt", "halt")))
    only(found, "consistency.endless", "rule a", "no person can lift it")


def test_a_rule_that_holds_a_level_more_easily_than_it_raises_it_is_left_alone() -> None:
    condition = 'scope == "instrument" && (spread_bps > 50.0 || level_rank >= 2 && spread_bps > 30.0)'
    assert check(rules((condition, "restrict", "restrict"))) == ()


def test_what_only_a_person_ends_needs_somebody() -> None:
    sources = rules(('scope == "venue" && alerts.unauthorised_order >= 4', "halt", "halt"))
    halts = response("halts", OnAction("halt"), tightens="halted")
    asks = response("asks", OnAlert("depeg"), people=("role:risk_officer", "ann"))
    found = check(sources, [halts, asks], people=())
    assert [one.code for one in found] == ["consistency.nobody"] * 3
    assert [
        "a.yml:1" in str(one) or "halts.yml:7" in str(one) or "asks.yml:7" in str(one) for one in found
    ] == [True] * 3
    assert check(sources, [halts, asks], people=("ann",)) == ()
    only(
        check(sources, [halts, asks], people=("bob", "role:trader")),
        "consistency.nobody",
        "role:risk_officer, ann",
    )
    assert check(sources, [halts, asks]) == ()  # not known who there is


def test_responses_that_set_each_other_off_are_named_all() -> None:
    one = response("one", OnAlert("depeg"), calls=("two",))
    two = response("two", OnAlert("depeg"))
    three = response("three", OnEndOf("two"), calls=("one",))
    assert check({}, [one, two]) == ()
    only(check({}, [one, two, three]), "consistency.circle", "one.yml:7", "two.yml:7", "three.yml:7")


# what nothing answers


def test_a_rule_that_nothing_answers_is_found_and_one_that_notifies_needs_nobody() -> None:
    sources = rules(
        ('scope == "venue" && alerts.depeg >= 3', "reduce", "restrict"),
        ('scope == "venue" && alerts.depeg >= 2', "notify", "normal"),
    )
    only(check(sources, []), "consistency.unanswered", "rule a", "a.yml:1", "action: reduce")
    for trigger in (OnAction("reduce"), OnRule("00000000-0000-4000-8000-000000000000"), OnLevel("watch")):
        assert check(sources, [response("sells", trigger)]) == ()
    for trigger in (OnAction("pause"), OnRule("other"), OnLevel("halt"), OnAlert("depeg")):
        only(check(sources, [response("sells", trigger)]), "consistency.unanswered", "rule a")


def test_a_desk_that_may_act_is_told_of_what_it_may_not_do() -> None:
    sources = rules(('scope == "venue" && alerts.depeg >= 3', "reduce", "restrict"))
    sells = response("sells", OnAction("reduce"))
    halts = response("halts", OnAction("halt"), armed=True)
    assert check(sources, [sells]) == ()  # nothing is armed: the desk only watches
    found = only(check(sources, [sells, halts]), "consistency.unarmed", "rule a", "sells.yml:7")
    assert found.severity == "warning"
    assert refuse_inconsistent([found]) == (found,)


def test_a_detector_that_nothing_reads_is_found() -> None:
    sources = rules(('scope == "venue" && alerts.depeg >= 3', "notify", "normal"))
    threats = ("depeg", "disk")
    only(check(sources, [], threats=threats), "consistency.unanswered", "`disk`")
    assert check(sources, [response("cleans", OnAlert("disk"))], threats=threats) == ()


def test_every_finding_is_told_at_once_and_nothing_starts() -> None:
    sources = rules(
        ('scope == "venue" && (alerts.depeg >= 3 || level_rank >= 2)', "restrict", "restrict"),
        ("price * price < 0.0", "notify", "normal"),
    )
    with pytest.raises(Inconsistent) as refused:
        refuse_inconsistent(check(sources, ALL_ANSWERED))
    assert [one.code for one in refused.value.findings] == ["consistency.endless", "consistency.never_fires"]
    assert "a.yml:1" in str(refused.value)
    assert "b.yml:1" in str(refused.value)
    assert refuse_inconsistent(check(rules(("trusted", "notify", "normal")), ALL_ANSWERED)) == ()


def test_the_answer_is_the_same_again() -> None:
    sources = rules(('scope == "venue" && level_rank < 2 && alerts.price_shock >= 3', "restrict", "restrict"))
    assert check(sources) == check(sources)


def test_a_rule_further_down_its_file_is_named_with_its_line() -> None:
    one, two = rules(("trusted", "notify", "normal"), ("price * price < 0.0", "notify", "normal")).values()
    found = only(check({"both.yml": f"{one}---\n{two}"}), "consistency.never_fires", "both.yml:")
    assert found.places[0].line == one.count("\n") + 2


def test_a_long_wait_is_no_oscillation_however_long_the_dwell() -> None:
    sources = rules(('scope == "instrument" && alerts.price_shock >= 3', "reduce", "reduce"))
    waits = response(
        "waits", OnAction("reduce"), tightens="paused", loosens="open", loosens_after_ns=HOUR_NS, wider=True
    )
    assert check(sources, [waits]) == ()
