"""Dated parameter sets: the market's time chooses, what is before the first is refused, bad data is told with its place."""

from datetime import date
from typing import Any

import msgspec
import pytest

from holdfast.app.risk.margin_parameters import from_file, shipped, venue_models
from holdfast.clock import DAY_NS, parse_time_ns
from holdfast.error import CallerError
from holdfast.risk.margin.binance_tiers import TierValues
from holdfast.risk.margin.deribit_parameters import PortfolioValues
from holdfast.risk.margin.okx_parameters import OkxValues
from holdfast.risk.margin.parameters import parameter_sets
from holdfast.risk.missing import Missing


class Rate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A parameter for these tests."""

    rate: float


def _file(*dates: Any, **change: Any) -> dict[str, Any]:
    sets = [
        {"from": one, "sources": ["a page"], "parameters": {"rate": float(number)}} | change
        for number, one in enumerate(dates)
    ]
    return {"model": "toy", "sets": sets}


def test_the_set_of_the_moment_is_the_last_one_that_began() -> None:
    sets = parameter_sets(_file("2024-01-01", date(2025, 1, 1)), Rate, "toy.yml")
    switch = parse_time_ns("2025-01-01")
    for moment, rate in ((switch - 1, 0.0), (switch, 1.0), (switch + 900 * DAY_NS, 1.0)):
        held = sets.at(moment)
        assert not isinstance(held, Missing)
        assert held.values.rate == rate


def test_a_date_before_the_first_set_is_refused_with_a_reason() -> None:
    held = parameter_sets(_file("2024-01-01"), Rate, "toy.yml").at(parse_time_ns("2023-12-31"))
    assert isinstance(held, Missing)
    assert held.code == "parameters.before_first"
    assert "2023-12-31" in held.reason
    assert "2024-01-01" in held.reason


@pytest.mark.parametrize(
    ("raw", "code", "told"),
    [
        (_file("2024-01-01", parameters={"rate": "much"}), "parameters.malformed", "sets[0].parameters.rate"),
        (_file("2024-01-01", parameters={"rate": 1.0, "rte": 2.0}), "parameters.malformed", "rte"),
        (_file("2024-01-01", sources=[]), "parameters.malformed", "sources"),
        (_file("yesterday"), "parameters.malformed", "yesterday"),
        (_file("2025-01-01", "2024-01-01"), "parameters.order", "2024-01-01"),
        (_file("2025-01-01", "2025-01-01"), "parameters.order", "not later"),
        (_file(), "parameters.empty", "0 sets"),
        ([], "parameters.malformed", "toy.yml"),
    ],
)
def test_data_of_a_wrong_form_is_told_with_its_place(raw: object, code: str, told: str) -> None:
    with pytest.raises(CallerError) as caught:
        parameter_sets(raw, Rate, "toy.yml")
    assert caught.value.code == code
    assert told in str(caught.value)
    assert "toy.yml" in caught.value.where


def test_every_shipped_set_says_where_it_is_from() -> None:
    for name, values in (
        ("deribit_pm", PortfolioValues),
        ("binance_usdm", TierValues),
        ("binance_coinm", TierValues),
        ("okx_pm", OkxValues),
    ):
        sets = shipped(name, values)
        assert all(one.sources and one.assumed for one in sets.sets), name


def test_each_model_answers_to_its_name() -> None:
    assert set(venue_models()) == {
        "deribit-sm", "deribit-pm", "deribit-xpm", "binance-usdm", "binance-coinm", "okx-pm",
    }  # fmt: skip
    assert all(name == model.name for name, model in venue_models().items())


def test_a_desk_reads_a_file_of_its_own_and_a_bad_one_is_told(tmp_path: Any) -> None:
    path = tmp_path / "own.yml"
    path.write_text("model: toy\nsets:\n  - {from: 2024-01-01, sources: [mail], parameters: {rate: 0.5}}\n")
    held = from_file(path, Rate).at(parse_time_ns("2024-06-01"))
    assert not isinstance(held, Missing)
    assert held.values.rate == 0.5
    path.write_text("model: [")
    with pytest.raises(CallerError, match="not YAML"):
        from_file(path, Rate)
    with pytest.raises(CallerError, match=r"parameters\.missing"):
        from_file(tmp_path / "nowhere.yml", Rate)
    with pytest.raises(CallerError, match=r"parameters\.missing"):
        shipped("nowhere", Rate)
