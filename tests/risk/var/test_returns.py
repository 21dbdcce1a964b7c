"""Panels of returns: joint dates, gaps that are said and never filled, histories no panel can be made of."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.error import CallerError
from holdfast.risk.missing import Missing
from holdfast.risk.var.filtered import filtered
from holdfast.risk.var.historical import age_weighted, historical
from holdfast.risk.var.monte_carlo import joint_model
from holdfast.risk.var.returns import Panel, Series, panel_of

HOUR = 3_600 * 10**9


def series(asset: str, hours: list[float], values: list[float]) -> Series:
    times = (np.array(hours) * HOUR).astype(np.int64)
    return Series(asset=asset, times_ns=times, values=np.array(values, dtype=float))


def codes(panel: Panel) -> list[tuple[str, str]]:
    return [(one.where, one.code) for one in panel.missing]


def test_returns_are_logs_between_grid_times() -> None:
    panel = panel_of([series("BTC", [0, 1, 2], [100, 110, 99]), series("ETH", [0, 1, 2], [10, 10, 20])], HOUR)
    assert panel.assets == ("BTC", "ETH")
    assert panel.ends_ns.tolist() == [HOUR, 2 * HOUR]
    assert panel.log_returns == pytest.approx(np.log([[1.1, 1.0], [0.9, 2.0]]))
    assert panel.missing == ()


def test_a_gap_in_one_asset_takes_the_time_from_all_and_is_said() -> None:
    panel = panel_of(
        [series("BTC", [0, 1, 2, 3, 4], [1, 2, 3, 4, 5]), series("ETH", [0, 1, 3, 4], [1, 2, 4, 5])], HOUR
    )
    assert panel.ends_ns.tolist() == [
        HOUR,
        4 * HOUR,
    ]  # neither 1 to 2, nor 2 to 3, nor 1 to 3 as if it were one
    assert codes(panel) == [("ETH", "returns.gap")]
    assert "1 of 5 times" in panel.missing[0].reason
    assert "1970-01-01T02:00" in panel.missing[0].reason


def test_a_price_of_an_earlier_step_is_a_gap_not_a_return_of_zero() -> None:
    late = series(
        "BTC", [0, 0.9, 2.0, 2.9], [1, 2, 3, 4]
    )  # nothing from 0.9 to 2.0: the step that ends at 2 has its own
    panel = panel_of([late], HOUR)
    assert panel.ends_ns.tolist() == [HOUR, 2 * HOUR]
    stale = panel_of([series("BTC", [0, 1, 3, 4], [1, 2, 4, 5])], HOUR)
    assert stale.ends_ns.tolist() == [HOUR, 4 * HOUR]
    assert not (stale.log_returns == 0.0).any()


@given(st.sets(st.integers(1, 60), max_size=30), st.sets(st.integers(1, 60), max_size=30))
def test_every_return_is_that_of_two_prices_one_step_apart(gone_a: set[int], gone_b: set[int]) -> None:
    hours = [[h for h in range(62) if h not in gone] for gone in (gone_a, gone_b)]
    panel = panel_of(
        [
            series(name, [*map(float, own)], [1.0 + h * h for h in own])
            for name, own in zip("AB", hours, strict=True)
        ],
        HOUR,
    )
    expected = [h for h in range(1, 62) if not {h, h - 1} & (gone_a | gone_b)]
    assert (panel.ends_ns // HOUR).tolist() == expected
    for h, row in zip(expected, panel.log_returns, strict=True):
        assert row == pytest.approx([np.log((1 + h * h) / (1 + (h - 1) ** 2))] * 2)


def test_a_short_history_cuts_the_panel_and_the_others_say_so() -> None:
    panel = panel_of(
        [series("BTC", [*range(10)], [*range(1, 11)]), series("ETH", [6, 7, 8, 9], [1, 2, 3, 4])], HOUR
    )
    assert len(panel.log_returns) == 3
    assert codes(panel) == [("BTC", "returns.cut")]
    assert "6 steps" in panel.missing[0].reason


@pytest.mark.parametrize("bad", [float("nan"), 0.0, -1.0, float("inf")])
def test_a_value_that_is_no_price_is_a_gap(bad: float) -> None:
    panel = panel_of([series("BTC", [0, 1, 2, 3], [1, 2, bad, 4])], HOUR)
    assert panel.ends_ns.tolist() == [HOUR]
    assert codes(panel) == [("BTC", "price.unusable"), ("BTC", "returns.gap")]


def test_histories_that_share_no_time_make_an_empty_panel_that_says_so() -> None:
    panel = panel_of([series("BTC", [0, 1], [1, 2]), series("ETH", [5, 6], [1, 2])], HOUR)
    assert panel.log_returns.shape == (0, 2)
    assert codes(panel) == [("returns", "returns.apart")]


def test_a_history_without_any_price_makes_an_empty_panel_that_says_so() -> None:
    panel = panel_of([series("BTC", [0, 1], [1, 2]), series("ETH", [], [])], HOUR)
    assert panel.log_returns.shape == (0, 2)
    assert codes(panel) == [("ETH", "returns.none")]


def test_a_volatility_is_a_factor_of_its_asset() -> None:
    index = Series(
        asset="BTC", of="volatility", times_ns=np.arange(3) * HOUR, values=np.array([50.0, 60.0, 55.0])
    )
    panel = panel_of([series("BTC", [0, 1, 2], [1, 2, 3]), index], HOUR)
    assert panel.column("BTC") == 0
    assert panel.column("BTC", "volatility") == 1
    assert panel.column("ETH") == -1
    assert panel.last(1).log_returns.shape == (1, 2)


@pytest.mark.parametrize(
    ("histories", "step_ns", "code"),
    [
        ([series("BTC", [1, 0], [1, 2])], HOUR, "returns.unsorted"),
        ([series("BTC", [0, 0], [1, 2])], HOUR, "returns.unsorted"),
        ([series("BTC", [0, 1], [1, 2, 3])], HOUR, "returns.shape"),
        ([series("BTC", [0, 1], [1, 2]), series("BTC", [0, 1], [1, 2])], HOUR, "returns.twice"),
        ([series("BTC", [0, 1], [1, 2])], 0, "returns.step"),
        ([series("BTC", [0, 1], [1, 2])], 1_000, "returns.step"),
        ([], HOUR, "returns.step"),
    ],
)
def test_what_no_panel_can_be_made_of_is_the_callers_mistake(
    histories: list[Series], step_ns: int, code: str
) -> None:
    with pytest.raises(CallerError) as caught:
        panel_of(histories, step_ns)
    assert caught.value.code == code


def test_every_model_refuses_a_history_too_short_still_or_broken() -> None:
    models = (
        historical,
        age_weighted,
        lambda panel: filtered(panel, steps=1, paths=100, seed=1),
        joint_model,
    )
    rows = np.random.Generator(np.random.Philox(1)).standard_normal((400, 2)) * 0.01
    cases = {
        "history.short": rows[:50],
        "history.still": np.column_stack([rows[:, 0], np.zeros(400)]),
        "history.unusable": np.where(np.arange(800).reshape(400, 2) == 77, np.nan, rows),
    }
    for code, log_returns in cases.items():
        panel = Panel(
            step_ns=HOUR,
            ends_ns=np.arange(len(log_returns)) * HOUR,
            assets=("BTC", "ETH"),
            of=("spot", "spot"),
            log_returns=log_returns,
        )
        for model in models:
            refused = model(panel)
            assert isinstance(refused, Missing), code
            assert refused.code == code
