"""The facts of the world's market are those of real ones, and the measures tell real markets from coin tosses."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from holdfast.lab.world.command import world as world_command
from holdfast.lab.world.facts import FACTS, Market, measure, observe_recordings, observe_world, table

SEED = 1
SECONDS = 900


@pytest.fixture(scope="module")
def facts() -> dict[str, float]:
    return measure(observe_world(SEED, SECONDS))


@pytest.fixture(scope="module")
def coins() -> dict[str, float]:
    """Return the facts of a market of independent Gaussian returns, equal trades and Poisson arrivals."""
    draw = np.random.default_rng(5)
    mids = 60_000.0 * np.exp(np.cumsum(draw.normal(0.0, 1e-4, 20_000)))
    times = np.cumsum(draw.exponential(0.2e9, 100_000)).astype(np.int64)
    sizes = (draw.pareto(1.5, 100_000) + 1.0) * 100.0
    return measure(
        Market(name="coins", mids=mids.tolist(), trade_times_ns=times.tolist(), trade_usd=sizes.tolist())
    )


def test_returns_have_fat_tails(facts: dict[str, float], coins: dict[str, float]) -> None:
    assert facts["kurtosis_1s"] > 1.0
    assert 1.2 < facts["tail_1s"] < 6.0
    assert abs(coins["kurtosis_1s"]) < 0.2


def test_returns_are_not_correlated_and_their_sizes_are(
    facts: dict[str, float], coins: dict[str, float]
) -> None:
    assert abs(facts["returns_acf_1"]) < 0.15
    assert facts["absolute_acf_1"] > 0.05
    assert facts["absolute_acf_10"] > 0.02
    assert abs(coins["absolute_acf_1"]) < 0.03


def test_trades_come_in_clusters_and_their_sizes_have_a_tail(
    facts: dict[str, float], coins: dict[str, float]
) -> None:
    assert facts["fano_10s"] > 2.0
    assert facts["fano_10s"] > facts["fano_1s"] > 1.0
    assert 0.7 < facts["trade_tail"] < 2.5
    assert coins["fano_10s"] == pytest.approx(1.0, abs=0.15)
    assert coins["trade_tail"] == pytest.approx(1.5, abs=0.1)


def test_the_book_is_narrow_and_deep(facts: dict[str, float]) -> None:
    assert 0.01 < facts["spread_bps_median"] < 1.0
    assert facts["spread_bps_p99"] > 2.0 * facts["spread_bps_median"]
    assert facts["depth_usd_median"] > 1e6
    assert facts["depth_usd_p5"] < facts["depth_usd_median"]


def test_what_is_too_short_to_tell_is_not_told() -> None:
    found = measure(Market(name="short", mids=[1.0, 2.0, 1.0]))
    assert all(math.isnan(found[name]) for name in ("kurtosis_1s", "tail_1s", "returns_acf_1", "fano_1s"))
    assert "| - " in table([Market(name="short", mids=[1.0, 2.0, 1.0])])


def test_a_one_sided_book_is_no_sample() -> None:
    market = Market(name="one-sided")
    market.sample([(1.0, 1.0)], [])
    assert market.mids == []
    market.sample([(99.95, 2.0), (50.0, 9.0)], [(100.05, 1.0)])
    assert market.mids == [100.0]
    assert market.depths_usd == [pytest.approx(100.05)]


def test_prints_of_one_order_are_one_trade() -> None:
    market = Market(name="prints")
    for time_ns, side in ((1, "buy"), (1, "buy"), (1, "sell"), (2, "sell")):
        market.trade(time_ns, 5.0, side)
    assert market.trade_usd == [10.0, 5.0, 5.0]


def test_a_recording_is_measured_by_the_same_numbers(shared_data: Path) -> None:
    [market] = observe_recordings(shared_data / "orderbook" / "binance" / "usdm" / "btcusdt_20240808.gz")
    found = measure(market)
    assert 340 <= len(market.mids) <= 346
    assert found["spread_bps_median"] == pytest.approx(0.1 / 61_500 * 1e4, rel=0.02)
    assert found["kurtosis_1s"] > 1.0
    assert found["depth_usd_median"] > 1e6
    assert len(market.trade_usd) < 21_313


def test_the_command_gives_every_fact(tmp_path: Path) -> None:
    result = CliRunner().invoke(world_command, ["facts", "--hours", "0.01", "--json"])
    assert result.exit_code == 0
    [(name, found)] = json.loads(result.output).items()
    assert name == "world, seed 7"
    assert set(found) == {"seconds", *FACTS}
    assert found["kurtosis_60s"] is None
    refused = CliRunner().invoke(world_command, ["facts", "--beside", str(tmp_path / "nothing")])
    assert refused.exit_code == 2
