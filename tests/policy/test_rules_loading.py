"""Rules are loaded whole or not at all; every mistake is told, with its file, document, line and column."""

import uuid
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.clock import MINUTE_NS, SECOND_NS
from holdfast.error import CallerError
from holdfast.policy.problem import Problem, RulesRefused
from holdfast.policy.rules import RuleSet

DETECTORS = ("price_shock", "depeg", "liquidity_evaporation")
IDS = [str(uuid.UUID(int=number + 1)) for number in range(9)]


def rule_text(
    condition: str = "score > 80.0", number: int = 0, response: str = "{action: notify}", **more: str
) -> str:
    lines = [
        "title: A rule",
        f"id: {IDS[number]}",
        "logsource: {product: holdfast, category: market}",
        "detection:",
        f"  condition: {condition}",
        f"response: {response}",
        *(f"{key}: {value}" for key, value in more.items()),
    ]
    return "\n".join(lines) + "\n"


def problems_of(*texts: str) -> list[Problem]:
    with pytest.raises(RulesRefused) as refused:
        RuleSet.load({f"{number}.yml": text for number, text in enumerate(texts)}, DETECTORS)
    assert isinstance(refused.value, CallerError)
    assert refused.value.code == "rules.refused"
    return list(refused.value.problems)


def only(text: str) -> Problem:
    problems = problems_of(text)
    assert len(problems) == 1, problems
    return problems[0]


def test_a_full_rule_is_read_with_every_key() -> None:
    text = rule_text(
        "score > 80.0",
        response="{action: restrict, level: restrict, for: 30s, cooldown: 10m}",
        status="stable",
        description="why",
        author="the desk",
        date="2025-10-31",
        modified="2025-11-02",
        references="[one, two]",
        tags="[market.stress]",
        level="high",
        falsepositives="[a listing]",
    )
    (rule,) = RuleSet.load({"a.yml": text}, DETECTORS).rules
    assert (rule.title, rule.id, rule.status, rule.level) == ("A rule", IDS[0], "stable", "high")
    assert (rule.date, rule.modified, rule.author, rule.category) == (
        "2025-10-31",
        "2025-11-02",
        "the desk",
        "market",
    )
    assert (rule.references, rule.tags, rule.falsepositives) == (
        ("one", "two"),
        ("market.stress",),
        ("a listing",),
    )
    assert rule.condition == "score > 80.0"
    response = rule.response
    assert (response.action, response.level) == ("restrict", "restrict")
    assert (response.for_ns, response.cooldown_ns) == (30 * SECOND_NS, 10 * MINUTE_NS)


def test_a_rule_needs_little() -> None:
    (rule,) = RuleSet.load({"a.yml": rule_text()}, DETECTORS).rules
    assert (rule.response.level, rule.response.for_ns, rule.response.cooldown_ns) == (
        "normal",
        0,
        5 * MINUTE_NS,
    )


def test_no_rules_at_all_are_a_rule_set() -> None:
    assert RuleSet.load({}, DETECTORS).rules == ()
    assert RuleSet.load({"empty.yml": "# nothing yet\n---\n"}, DETECTORS).rules == ()


def test_several_documents_and_files_make_one_set_in_the_order_of_ids() -> None:
    one = {"a.yml": rule_text(number=2) + "---\n" + rule_text(number=0), "b.yml": rule_text(number=1)}
    other = {"x.yml": rule_text(number=1), "y.yml": rule_text(number=0) + "---\n" + rule_text(number=2)}
    assert [rule.id for rule in RuleSet.load(one, DETECTORS).rules] == IDS[:3]
    assert RuleSet.load(one, DETECTORS).version == RuleSet.load(other, DETECTORS).version


def test_the_version_follows_every_word_and_no_layout() -> None:
    def version(text: str) -> str:
        return RuleSet.load({"a.yml": text}, DETECTORS).rules[0].version

    plain = version(rule_text("score > 80.0"))
    assert len(plain) == 12
    assert version("# a comment\n" + rule_text("'score > 80.0'") + "\n") == plain
    assert version(rule_text("score > 80.5")) != plain
    assert version(rule_text("score > 80.0", description="why")) != plain
    assert version(rule_text("score > 80.0", response="{action: notify, cooldown: 6m}")) != plain


@pytest.mark.parametrize(
    ("more", "code", "message", "remedy"),
    [
        ({"titel": "x"}, "rule.key_unknown", "unknown key `titel`", "did you mean `title`?"),
        ({"status": "deprecated"}, "rule.value_unknown", "status cannot be `deprecated`", "one of stable"),
        ({"level": "restrict"}, "rule.value_unknown", "level cannot be `restrict`", "under `response`"),
        ({"level": "hgih"}, "rule.value_unknown", "level cannot be `hgih`", "did you mean `high`?"),
        ({"date": "31.10.2025"}, "rule.type", "date is not a date", "2025-10-31"),
        ({"tags": "one"}, "rule.type", "tags is a list of texts, this is text", ""),
        ({"tags": "[1]"}, "rule.type", "an entry of tags is text, this is a whole number", ""),
        ({"author": "3"}, "rule.type", "author is text, this is a whole number", ""),
        ({"author": "''"}, "rule.type", "author is empty", ""),
        ({"title": "again"}, "rule.key_twice", "`title` is here twice", ""),
    ],
)
def test_a_wrong_key_or_value_is_told_at_its_place(
    more: dict[str, str], code: str, message: str, remedy: str
) -> None:
    problem = only(rule_text(**more))
    assert problem.code == code
    assert message in problem.message
    assert remedy in problem.remedy
    about_key = code in ("rule.key_unknown", "rule.key_twice")
    (key,) = more
    column = 1 if about_key else len(key) + 3 + (more[key] == "[1]")
    assert (problem.file, problem.document, problem.line, problem.column) == ("0.yml", 1, 7, column)


@pytest.mark.parametrize(
    ("line", "replaced", "message"),
    [
        (0, "", "a rule has no `title`"),
        (0, "title: " + "x" * 300, "more than 256 characters"),
        (1, "id: 7", "id is text"),
        (1, "id: not-a-uuid", "the id is not a UUID"),
        (1, f"id: '{IDS[0].replace('-', '')}'", "the id is not a UUID"),
        (2, "logsource: {product: splunk, category: market}", "product cannot be `splunk`"),
        (2, "logsource: {product: holdfast}", "logsource has no `category`"),
        (2, "logsource: {product: holdfast, category: Big Market}", "one word in lower case"),
        (2, "logsource: market", "logsource is a map of keys, this is text"),
        (4, "  conditions: score > 80", "unknown key `conditions`"),
        (4, "  condition: true", "condition is text, this is true or false"),
        (4, "  condition: [score > 3]", "condition is text, this is a list"),
        (5, "response: {level: watch}", "response has no `action`"),
        (5, "response: {action: sell}", "action cannot be `sell`"),
        (5, "response: {action: notify, level: panic}", "level cannot be `panic`"),
    ],
)
def test_a_missing_or_misshapen_part_is_told(line: int, replaced: str, message: str) -> None:
    lines = rule_text().splitlines()
    lines[line] = replaced
    assert any(message in problem.message for problem in problems_of("\n".join(lines)))


@pytest.mark.parametrize(
    "response",
    [
        "{action: notify, for: 5}",
        "{action: notify, for: 5 s}",
        "{action: notify, for: -5s}",
        "{action: notify, for: 2h}",
        "{action: pause, for: 10m}",
        "{action: notify, cooldown: 0s}",
        "{action: notify, cooldown: 500ms}",
        "{action: notify, cooldown: 2d}",
        "{action: hedge, cooldown: 30s}",
        "{action: notify, cooldown: [1s]}",
    ],
)
def test_an_unsafe_duration_is_refused(response: str) -> None:
    assert only(rule_text(response=response)).code == "rule.duration_unsafe"


@pytest.mark.parametrize(
    "response",
    [
        "{action: notify, for: 1h, cooldown: 1d}",
        "{action: pause, for: 5m, cooldown: 1s}",
        "{action: hedge, for: 1h, cooldown: 1m}",
        "{action: halt, for: 0s, level: halt}",
    ],
)
def test_a_duration_at_its_limit_is_taken(response: str) -> None:
    assert RuleSet.load({"a.yml": rule_text(response=response)}, DETECTORS).rules


@pytest.mark.parametrize(
    ("condition", "line", "column", "code"),
    [
        ("score > 80 && scor > 3", 5, 28, "rule.field_unknown"),
        ('"score > 80 && scor > 3"', 5, 29, "rule.field_unknown"),
        ("|\n    score > 80\n      && scor > 3", 7, 10, "rule.field_unknown"),
        (">-\n    score > 80\n\n    && scor > 3", 8, 8, "rule.field_unknown"),
        ("score > 80\n    && scor > 3", 6, 8, "rule.field_unknown"),
        ("'venue == ''okx'' && scor > 3'", 5, 14, "rule.field_unknown"),
        ("score > 80 && > 3", 5, 28, "rule.syntax"),
        ("score > 80 && score > 'x'", 5, 36, "rule.type"),
        ("score > 80 && score < 20", 5, 14, "rule.never_fires"),
        ("trusted && level_rank == 7", 5, 25, "rule.never_fires"),
        ("score >= 0", 5, 14, "rule.always_fires"),
    ],
)
def test_a_mistake_in_a_condition_is_told_where_it_stands(
    condition: str, line: int, column: int, code: str
) -> None:
    problem = only(rule_text(condition))
    assert (problem.line, problem.column, problem.code) == (line, column, code)


@pytest.mark.parametrize(
    "condition", ["!trusted", "!trusted || score > 80", "trusted ? score > 3 : score > 5", "[a"]
)
def test_what_yaml_takes_for_its_own_is_refused_with_the_way_to_write_it(condition: str) -> None:
    assert "after `|`" in only(rule_text(condition)).remedy
    if condition != "[a":
        assert RuleSet.load({"a.yml": rule_text(f"|\n    {condition}")}, DETECTORS)


def test_what_can_never_fire_is_named_with_its_range() -> None:
    problem = only(rule_text("trusted && score > 80 && score < 20"))
    assert problem.message == "the rule can never fire: `score > 80` and `score < 20` exclude each other"
    assert problem.remedy == "`score` is 0 to 100 points"
    assert only(rule_text("move_1m < -10.0")).remedy == "`move_1m` is -5 to 5 log return"


def test_every_problem_of_every_file_is_told_at_once() -> None:
    bad = rule_text("scor > 3", response="{action: sell}") + "---\n" + rule_text("score >", number=1)
    problems = problems_of(bad, "title: [", rule_text("score >= 0", number=2))
    assert [(one.file, one.document, one.code) for one in problems] == [
        ("0.yml", 1, "rule.field_unknown"),
        ("0.yml", 1, "rule.value_unknown"),
        ("0.yml", 2, "rule.syntax"),
        ("1.yml", 1, "rule.yaml"),
        ("2.yml", 1, "rule.always_fires"),
    ]


def test_an_id_twice_is_told_with_the_place_of_the_first() -> None:
    (problem,) = problems_of(rule_text(), "---\n" + rule_text("score > 70"))
    assert (problem.file, problem.line, problem.column, problem.code) == ("1.yml", 3, 5, "rule.id_twice")
    assert "0.yml:2" in problem.message


def test_a_rule_on_a_detector_that_does_not_run_is_refused() -> None:
    text = rule_text("alerts.depeg >= 3")
    assert RuleSet.load({"a.yml": text}, DETECTORS)
    with pytest.raises(RulesRefused, match="unknown detector `depeg`"):
        RuleSet.load({"a.yml": text}, ["price_shock"])


@pytest.mark.parametrize(
    "text", ["- a", "just text", "3", "a: b: c", "\x00", "&a [*a]", "[" * 5_000, "x" * 1_000_001]
)
def test_what_is_no_rule_is_refused_with_a_place(text: str) -> None:
    problems = problems_of(text)
    assert all(problem.line >= 1 and problem.column >= 1 and problem.file == "0.yml" for problem in problems)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200), st.integers(0, 5), st.integers(0, 30))
def test_any_text_is_loaded_or_refused_as_the_callers_mistake(noise: str, line: int, column: int) -> None:
    lines = rule_text().splitlines()
    lines[line] = lines[line][:column] + noise
    for text in (noise, "\n".join(lines)):
        with suppress(RulesRefused):
            RuleSet.load({"a.yml": text}, DETECTORS)
