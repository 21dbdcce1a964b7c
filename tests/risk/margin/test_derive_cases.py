"""Derive's own portfolios: every scenario loss, IM and MM against the exchange's result, and what a wrong file is told."""

import copy
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.random import Generator

from holdfast.app.risk.derive_case import derive_case
from holdfast.app.risk.margin_case import margin_case
from holdfast.error import CallerError
from holdfast.risk.draws import generator

LOSSES = ("reg_losses", "tail_losses", "skew_losses")
NOISE = 1e-9  # dollars: a box is worth the same everywhere, and the exchange lists its rounding


@pytest.fixture(scope="module")
def cases(shared_data: Path) -> dict[str, dict[str, Any]]:
    folder = shared_data / "margin" / "derive_pmrm2"
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def near(ours: float, theirs: float, relative: float = 1e-9) -> bool:
    return abs(ours - theirs) <= max(relative * abs(theirs), NOISE)


def test_every_portfolio_has_the_exchanges_margins_and_losses_to_a_billionth(cases: dict[str, Any]) -> None:
    assert len(cases) == 47
    for name, case in cases.items():
        ours, theirs = derive_case(case, name), case["Result"]
        assert near(ours["im"], theirs["IM"]), name
        assert near(ours["mm"], theirs["MM"]), name
        listed = [float(loss[-1]) for key in LOSSES for loss in theirs[key]]
        assert len(ours["scenarios"]) == len(listed)
        assert all(near(one["loss"], loss) for one, loss in zip(ours["scenarios"], listed, strict=True)), name
        assert near(ours["basis_contingency"], theirs["ForwardContingency"]), name
        assert near(ours["options_value"], theirs["OptionMTM"]), name
        assert near(ours["im_factor"], theirs["im_loss_factor"]), name


def test_losses_stand_under_the_exchanges_own_names_and_moves(cases: dict[str, Any]) -> None:
    for name, case in cases.items():
        ours = derive_case(case, name)
        for key in LOSSES:
            theirs = case["Result"][key]
            assert [one[0] for one in ours[key]] == [
                one[0] if key == "skew_losses" else pytest.approx(float(one[0]), abs=1e-15) for one in theirs
            ], (name, key)
            assert [one[1:-1] for one in ours[key]] == [one[1:-1] for one in theirs], (name, key)


def test_a_result_in_the_file_is_not_read(cases: dict[str, Any]) -> None:
    for name, case in cases.items():
        bare = {key: value for key, value in case.items() if key != "Result"}
        assert derive_case(bare, name) == derive_case(case, name)


def test_derived_columns_of_the_file_are_not_read(cases: dict[str, Any]) -> None:
    case = copy.deepcopy(cases["test_64_general_random_4"])
    expected = derive_case(case, "")
    for option in case["Scenario"]["Options"]:
        for key in ("k", "k_star", "linear_multiplier", "abs_multiplier", "linear_mult_cap", "MarkDiscount"):
            option[key] = math.nan
    assert derive_case(case, "") == expected


def test_the_order_of_legs_and_feeds_does_not_matter(cases: dict[str, Any]) -> None:
    draws: Generator = generator(11)
    for case in cases.values():
        mixed = copy.deepcopy(case)
        for key in ("Options", "OptionFeeds", "Collaterals"):
            rows = mixed["Scenario"][key]
            mixed["Scenario"][key] = [rows[number] for number in draws.permutation(len(rows))]
        before, after = derive_case(case, ""), derive_case(mixed, "")
        assert near(after["im"], before["im"], 1e-12)
        assert near(after["mm"], before["mm"], 1e-12)
        assert all(
            near(a["loss"], b["loss"], 1e-12)
            for a, b in zip(after["scenarios"], before["scenarios"], strict=True)
        )


@pytest.mark.parametrize("scale", [1e-6, 3.0, 1e6])
def test_a_portfolio_so_many_times_as_large_has_so_many_times_the_margin(
    cases: dict[str, Any], scale: float
) -> None:
    for case in cases.values():
        larger = copy.deepcopy(case)
        scenario = larger["Scenario"]
        for key in ("Cash", "NumPerps", "UnrealisedPerpPNL", "UnrealisedFunding"):
            scenario[key] *= scale
        for row in (*scenario["Options"], *scenario["Collaterals"]):
            row["Amount"] *= scale
        before, after = derive_case(case, ""), derive_case(larger, "")
        gross = max(abs(one["loss"]) for one in before["scenarios"]) + abs(before["value"])
        assert abs(after["im"] / scale - before["im"]) <= 1e-11 * (gross + abs(before["im"]))
        for one, other in zip(after["scenarios"], before["scenarios"], strict=True):
            assert abs(one["loss"] / scale - other["loss"]) <= max(1e-9 * abs(other["loss"]), 1e-11 * gross)


def test_a_leg_cut_in_two_is_the_same_leg(cases: dict[str, Any]) -> None:
    case = cases["test_61_general_general_test_1"]
    cut = copy.deepcopy(case)
    options = cut["Scenario"]["Options"]
    for option in list(options):
        half = dict(option, Amount=option["Amount"] * 0.25)
        option["Amount"] *= 0.75
        options.append(half)
    assert near(derive_case(cut, "")["im"], derive_case(case, "")["im"], 1e-12)


def test_an_expired_option_is_worth_its_settled_payoff_whatever_its_volatility(cases: dict[str, Any]) -> None:
    case = copy.deepcopy(cases["test_46_v20_remnants_v20_test_2_long_call"])
    (option,), (feed,) = case["Scenario"]["Options"], case["Scenario"]["OptionFeeds"]
    option["Expiry"] = feed["FeedExpiry"] = 0
    option["MarkVol"] = math.nan
    feed["Forward"] = option["Strike"] + 10.0
    answer = derive_case(case, "")
    assert answer["options_value"] == pytest.approx(10.0 * option["Amount"])
    discount = case["Parameters"]["Margin"]["BASE_STATIC_DISCOUNT"]
    assert answer["scenarios"][0]["loss"] == pytest.approx((discount - 1.0) * answer["options_value"])


def test_in_the_last_half_hour_only_the_unsettled_share_of_the_forward_moves(cases: dict[str, Any]) -> None:
    case = copy.deepcopy(cases["test_46_v20_remnants_v20_test_2_long_call"])
    (option,), (feed,) = case["Scenario"]["Options"], case["Scenario"]["OptionFeeds"]
    option["Expiry"] = feed["FeedExpiry"] = 450
    option["Strike"], feed["Rate"] = 1.0, 0.0
    case["Parameters"]["Margin"] |= {"BASE_STATIC_DISCOUNT": 1.0, "LONG_RATE_ADDSCALE": 0.0}
    answer = derive_case(case, "")
    assert answer["scenarios"][0]["loss"] == pytest.approx(0.25 * 0.18 * feed["Forward"] * option["Amount"])


def test_confidence_below_the_threshold_costs_initial_margin_only(cases: dict[str, Any]) -> None:
    case = cases["test_64_general_random_4"]
    before = derive_case(case, "")
    threshold = case["Parameters"]["OtherContingency"]["CONF_THRESHOLD"]
    for place, key in (
        ("", "SpotConfidence"),
        ("OptionFeeds", "RateConfidence"),
        ("Collaterals", "Confidence"),
    ):
        doubted = copy.deepcopy(case)
        scenario = doubted["Scenario"]
        for row in scenario[place] if place else [scenario]:
            row[key] = threshold - 0.01
        after = derive_case(doubted, "")
        assert after["im"] < before["im"], key
        assert after["mm"] == before["mm"], key


def test_a_stable_coin_below_its_peg_raises_the_factor_of_initial_margin_only(cases: dict[str, Any]) -> None:
    case = copy.deepcopy(cases["test_46_v20_remnants_v20_test_2_long_call"])
    before = derive_case(case, "")
    case["Scenario"]["StablePrice"] = 0.9
    after = derive_case(case, "")
    terms = case["Parameters"]["OtherContingency"]
    rise = (terms["PEG_LOSS_THRESHOLD"] - 0.9) * terms["PEG_LOSS_FACTOR"]
    assert after["im_factor"] == pytest.approx(before["im_factor"] + rise)
    assert after["mm"] == pytest.approx(before["mm"])


def test_the_basis_contingency_counts_where_it_is_worse_than_every_scenario(cases: dict[str, Any]) -> None:
    case = copy.deepcopy(cases["test_61_general_general_test_1"])
    case["Parameters"]["BasisContingency"]["BASIS_CONT_ADD_FACTOR"] = 1_000.0
    answer = derive_case(case, "")
    assert answer["worst"] == "basis contingency"
    assert answer["basis_contingency"] < min(one["loss"] for one in answer["scenarios"])  # type: ignore[index]
    worst = answer["basis_contingency"] * case["Parameters"]["Margin"]["MM_LOSS_FACTOR"]  # type: ignore[operator]
    assert answer["mm"] == pytest.approx(answer["value"] + worst + answer["mm_contingency"])  # type: ignore[operator]


def _wrong(case: dict[str, Any], change: str) -> dict[str, Any]:
    wrong = copy.deepcopy(case)
    scenario, parameters = wrong["Scenario"], wrong["Parameters"]
    if change == "missing":
        del parameters["Margin"]["IM_LOSS_FACTOR"]
    elif change == "misspelt":
        scenario["Options"][0]["Amuont"] = scenario["Options"][0].pop("Amount")
    elif change == "unknown":
        parameters["VolShock"]["VOLRANGESIDEWAYS"] = 1.0
    elif change == "type":
        scenario["SpotPrice"] = {"value": 1.0}
    elif change == "nan":
        scenario["Cash"] = math.nan
    elif change == "direction":
        parameters["Scenarios"][3]["VolShockDirection"] = "Upp"
    elif change == "feed":
        scenario["Options"][0]["Expiry"] += 1
    elif change == "positions":
        scenario["Futures"] = [{"Amount": 1.0}]
    elif change == "scenarios":
        parameters["Scenarios"] = []
    return wrong


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("missing", "c.json.Parameters.Margin.IM_LOSS_FACTOR: is missing"),
        ("misspelt", "c.json.Scenario.Options[0].Amount: is missing (is 'Amuont' meant to be it?)"),
        ("unknown", "c.json.Parameters.VolShock.VOLRANGESIDEWAYS: is not known"),
        ("type", "c.json.Scenario.SpotPrice: must be a number, not an object"),
        ("nan", "c.json.Scenario.Cash: must be finite"),
        ("direction", "c.json.Parameters.Scenarios[3].VolShockDirection: 'Upp' is not one of"),
        ("feed", "c.json.Scenario.Options[0].Expiry: no feed has this expiry"),
        ("positions", "c.json.Scenario.Futures: is not known"),
        ("scenarios", "there are no scenarios"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_with_its_place(
    cases: dict[str, Any], change: str, told: str
) -> None:
    case = cases["test_61_general_general_test_1"]
    derive_case(_wrong(case, ""), "c.json")
    with pytest.raises(CallerError) as caught:
        derive_case(_wrong(case, change), "c.json")
    assert told in str(caught.value)


def test_a_single_unknown_value_beside_the_prices_is_told_and_left_out(cases: dict[str, Any]) -> None:
    case = copy.deepcopy(cases["test_1_collateral_cash_only"])
    case["Scenario"]["Comment"] = "a note"
    assert derive_case(case, "c.json")["ignored"] == ["c.json.Scenario.Comment"]


def test_a_file_is_measured_by_the_models_name(shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "margin" / "derive_pmrm2" / "test_64_general_random_4.json"
    answer = margin_case("derive-pmrm2", path)
    assert near(answer["im"], json.loads(path.read_text())["Result"]["IM"])  # type: ignore[arg-type]
    json.dumps(answer, allow_nan=False)
    with pytest.raises(CallerError, match="did you mean 'derive-pmrm2'"):
        margin_case("derive-pm2", path)
    with pytest.raises(CallerError, match=r"case\.unreadable"):
        margin_case("derive-pmrm2", tmp_path / "none.json")
    broken = tmp_path / "broken.json"
    broken.write_text('{"Scenario": \n nonsense}')
    with pytest.raises(CallerError, match=r"broken\.json:2:2"):
        margin_case("derive-pmrm2", broken)


def test_a_model_without_files_of_its_own_takes_the_general_reader(tmp_path: Path) -> None:
    path = tmp_path / "book.json"
    path.write_text('{"positions": []}')
    with pytest.raises(CallerError, match=r"margin\.no_format"):
        margin_case("span", path)
    asked = margin_case(
        "span", path, lambda name, document, where: {"name": name, "document": document, "where": where}
    )
    assert asked == {"name": "span", "document": {"positions": []}, "where": str(path)}


def test_a_file_with_a_portfolio_is_general_for_every_model(tmp_path: Path) -> None:
    path = tmp_path / "book.json"
    path.write_text('{"portfolio": {}, "market": {}}')
    asked = margin_case("derive-pmrm2", path, lambda name, document, _: {"name": name, "document": document})
    assert asked == {"name": "derive-pmrm2", "document": {"portfolio": {}, "market": {}}}


def test_numbers_agree_with_a_plain_reading_of_the_rules_on_random_accounts(cases: dict[str, Any]) -> None:
    """The kernel against `py_func`-free plain Python: Black-76 by `math.erfc`, sums by hand."""
    draws = generator(5)
    case = copy.deepcopy(cases["test_61_general_general_test_1"])
    for _ in range(5):
        for option in case["Scenario"]["Options"]:
            option["Amount"] = float(draws.normal(0.0, 10.0))
        answer = derive_case(case, "")
        for number in (0, 10, 14):
            terms = case["Parameters"]["Scenarios"][number]
            assert near(answer["scenarios"][number]["loss"], _plain(case, terms), 1e-9)


def _plain(case: dict[str, Any], terms: dict[str, Any]) -> float:
    scenario, parameters = case["Scenario"], case["Parameters"]
    margin, shock = parameters["Margin"], parameters["VolShock"]
    move = terms["SpotShock"]
    total = scenario["NumPerps"] * scenario["PerpPrice"] * (move - 1.0)
    for coin in scenario["Collaterals"]:
        if coin["IsRiskCancelling"]:
            total += coin["Amount"] * coin["Price"] / scenario["StablePrice"] * (move - 1.0)
    for feed in scenario["OptionFeeds"]:
        years = feed["FeedExpiry"] / 31_536_000
        rate = max(feed["Rate"], 0.0)
        power = shock["SHORTTERMPOWER"] if feed["FeedExpiry"] <= 2_592_000 else shock["LONGTERMPOWER"]
        scale = (2_592_000 / max(feed["FeedExpiry"], 86_400 * shock["DTE_FLOOR"])) ** power
        now = shocked = 0.0
        for option in scenario["Options"]:
            if option["Expiry"] == feed["FeedExpiry"]:
                volatility = option["MarkVol"]
                moved = {
                    "Up": max(
                        volatility * (1.0 + shock["VOLRANGEUP"] * scale), shock["MIN_VOL_EVAL_SHOCKED"]
                    ),
                    "Down": volatility * max(1.0 - shock["VOLRANGEDOWN"] * scale, 0.0),
                    "None": volatility,
                }[terms["VolShockDirection"]]
                now += option["Amount"] * _black(feed["Forward"], option, years, volatility, rate)
                shocked += option["Amount"] * _black(feed["Forward"] * move, option, years, moved, rate)
        if shocked >= 0.0:
            factor = margin["BASE_STATIC_DISCOUNT"] * math.exp(
                -years * (rate * margin["LONG_RATE_MULTSCALE"] + margin["LONG_RATE_ADDSCALE"])
            )
        else:
            factor = margin["BASE_STATIC_DISCOUNT_NEG"] * math.exp(
                years * (rate * margin["SHORT_RATE_MULTSCALE"] + margin["SHORT_RATE_ADDSCALE"])
            )
            factor = min(factor, math.exp(rate * years))
        total += shocked * factor - now
    return total * terms["DampeningFactor"]


def _black(forward: float, option: dict[str, Any], years: float, volatility: float, rate: float) -> float:
    def cdf(x: float) -> float:
        return 0.5 * math.erfc(-x / math.sqrt(2.0))

    strike, sign = option["Strike"], 1.0 if option["IsCall"] else -1.0
    deviation = volatility * np.sqrt(years)
    d1 = math.log(forward / strike) / deviation + 0.5 * deviation
    value = forward * cdf(sign * d1) - strike * cdf(sign * (d1 - deviation))
    return math.exp(-rate * years) * sign * value
