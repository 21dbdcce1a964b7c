"""Dated parameter sets: the market's time chooses, what is before the first is refused, bad data is told with its place."""

from datetime import date
from typing import Any

import msgspec
import pytest
from margin_desk import shipped_sets

from holdfast.app.risk.margin_models import shipped_model
from holdfast.clock import DAY_NS, parse_time_ns
from holdfast.error import CallerError
from holdfast.risk.margin.parameters import parameter_sets
from holdfast.risk.margin.registry import MODELS
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


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_shipped_set_says_where_it_is_from_and_what_was_assumed(name: str) -> None:
    for one in shipped_sets(name).sets:
        for said in (one.sources, one.assumed):
            assert said, one.name
            assert all(said), one.name


@pytest.mark.parametrize("name", sorted(MODELS))
def test_each_shipped_model_answers_to_its_name(name: str) -> None:
    assert shipped_model(name).name == name
