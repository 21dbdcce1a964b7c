"""Who moves with whom, who leads, and whether everything falls together."""

import math

import numpy as np
import pytest

from holdfast.market.co_movement import MARKET, PEERS
from tests.market.side_by_side import SideBySide, spot


def steps(seed: int, size: float, count: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, size, count)


def pair(world: SideBySide, number: int, against: int) -> np.void:
    return world.underlyings.co_movement.pairs[world.underlyings.members.slot_of(number), against]


def lead_s(world: SideBySide, number: int) -> float:
    return float(world.underlyings.co_movement.leads[world.underlyings.members.slot_of(number)]["lead_s"])


def run_paths(world: SideBySide, paths: np.ndarray, step: int = 5) -> None:
    prices = 100.0 * np.exp(np.cumsum(paths, axis=1))
    world.run(step * prices.shape[1], lambda s: prices[:, s // step].tolist(), step=step)


def test_two_venues_of_one_asset_correlate() -> None:
    world = SideBySide([spot("a", "BTC"), spot("b", "BTC")])
    shared = steps(1, 1e-3, 1500)
    run_paths(world, np.stack([shared, shared + steps(2, 1e-4, 1500)]))
    assert pair(world, 0, PEERS)["recent"] > 0.95
    assert pair(world, 0, PEERS)["usual"] > 0.95


def test_two_strangers_do_not_correlate() -> None:
    world = SideBySide([spot("a", "BTC"), spot("a", "ETH")])
    run_paths(world, np.stack([steps(3, 1e-3, 6000), steps(4, 1e-3, 6000)]))
    assert abs(pair(world, 0, MARKET)["usual"]) < 0.2


def test_without_peers_there_is_no_correlation_with_them() -> None:
    world = SideBySide([spot("a", "BTC"), spot("a", "ETH")])
    shared = steps(5, 1e-3, 1500)
    run_paths(world, np.stack([shared, shared]))
    assert math.isnan(pair(world, 0, PEERS)["recent"])
    assert pair(world, 0, MARKET)["recent"] > 0.95


def test_a_minute_without_a_new_price_does_not_count() -> None:
    world = SideBySide([spot("a", "BTC"), spot("b", "BTC")])
    shared = 100.0 * np.exp(np.cumsum(steps(6, 1e-3, 7200)))
    world.run(7200, lambda s: [float(shared[s]), float(shared[s]) if s < 3600 else None], step=5)
    counted = pair(world, 1, PEERS)["counted_ns"]
    assert world.now_ns - counted > 3000e9


def test_one_wild_minute_is_one_minute() -> None:
    world = SideBySide([spot("a", "BTC"), spot("a", "ETH")])
    paths = np.stack([steps(7, 1e-3, 3000), steps(8, 1e-3, 3000)])
    paths[:, 2900] = -0.5
    run_paths(world, paths)
    assert pair(world, 0, MARKET)["usual"] < 0.35


@pytest.mark.parametrize("lag", [-2, 0, 1, 3])
def test_the_one_that_moves_first_leads_by_as_much(lag: int) -> None:
    world = SideBySide([spot("a", "BTC"), spot("b", "BTC")])
    first = steps(9, 1e-3, 1000)
    run_paths(world, np.stack([first, np.roll(first, lag)]))
    assert lead_s(world, 0) == pytest.approx(5.0 * lag)
    assert lead_s(world, 1) == pytest.approx(-5.0 * lag)


def test_nobody_leads_among_strangers() -> None:
    world = SideBySide([spot("a", "BTC"), spot("b", "BTC")])
    run_paths(world, np.stack([steps(10, 1e-3, 1000), steps(11, 1e-3, 1000)]))
    assert math.isnan(lead_s(world, 0))


ASSETS = [spot("a", base) for base in ("BTC", "ETH", "SOL", "XRP")]


def fallen(shares: list[float], minutes: int = 5) -> SideBySide:
    """Run two hours in which four assets move as one, then let each fall by its share."""
    world = SideBySide(ASSETS)
    shared = steps(12, 3e-4, 1440)
    paths = np.stack([shared + steps(13 + n, 1e-4, 1440) for n in range(4)])
    tail = minutes * 12
    paths[:, -tail:] += np.array(shares)[:, None] / tail
    run_paths(world, paths)
    return world


def test_all_falling_as_one_is_near_one() -> None:
    assert fallen([-0.05] * 4).underlyings.co_movement.co_movement > 0.85


def test_a_calm_market_is_near_zero_however_correlated() -> None:
    world = fallen([0.0] * 4)
    assert world.underlyings.co_movement.mean_correlation > 0.8
    assert world.underlyings.co_movement.co_movement < 0.35


def test_one_alone_falling_is_not_the_market() -> None:
    assert fallen([-0.05, 0.0, 0.0, 0.0]).underlyings.co_movement.share_falling < 0.4


def test_all_rising_as_one_is_no_fall() -> None:
    assert fallen([0.05] * 4).underlyings.co_movement.co_movement == 0.0


def test_one_underlying_tells_nothing_of_the_market() -> None:
    world = SideBySide([spot("a", "BTC"), spot("b", "BTC")])
    run_paths(world, np.stack([steps(20, 1e-3, 1000)] * 2))
    assert math.isnan(world.underlyings.co_movement.co_movement)
