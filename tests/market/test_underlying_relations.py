"""Where an instrument stands against its peers."""

import math

import numpy as np
import pytest

from holdfast.market.relation import BASIS_HALF_LIFE_S, WARM_NS
from tests.market.side_by_side import SECOND_NS, SideBySide, spot

WARM_S = WARM_NS // SECOND_NS + 10


def noise(seed: int, size: float = 1e-4) -> list[float]:
    """Return seeded factors around one."""
    return np.exp(np.random.default_rng(seed).normal(0.0, size, 40_000)).tolist()


def deviation_bps(world: SideBySide, number: int) -> float:
    return (
        float(world.underlyings.relations.table[world.underlyings.members.slot_of(number)]["deviation"]) * 1e4
    )


def test_a_constant_basis_is_no_deviation() -> None:
    world = SideBySide([spot("a", "BTC"), spot("b", "BTC", "USD", "perpetual")])
    world.run(WARM_S, lambda _: [100.0, 100.8])
    assert deviation_bps(world, 1) == pytest.approx(0.0, abs=1e-6)


def test_a_dislocation_of_an_hour_does_not_become_usual() -> None:
    world = SideBySide([spot("a", "BTC"), spot("b", "BTC")])
    wobble = noise(1)
    world.run(2 * WARM_S, lambda s: [100.0, 100.0 * wobble[s]])
    world.run(3600, lambda _: [100.0, 98.0])
    assert deviation_bps(world, 1) < -195


def test_a_new_basis_becomes_usual_in_the_end() -> None:
    world = SideBySide([spot("a", "BTC"), spot("b", "BTC")])
    world.run(2 * WARM_S, lambda _: [100.0, 100.0])
    world.run(int(12 * BASIS_HALF_LIFE_S), lambda _: [100.0, 100.05], step=60)
    assert abs(deviation_bps(world, 1)) < 2.5


def test_the_consensus_is_the_median_of_the_other_venues() -> None:
    world = SideBySide([spot(venue, "BTC") for venue in "abcd"])
    world.run(WARM_S, lambda _: [100.0] * 4)
    world.run(10, lambda _: [100.0, 100.0, 100.0, 90.0])
    assert deviation_bps(world, 3) == pytest.approx(1e4 * math.log(0.9), abs=1)
    assert [deviation_bps(world, n) for n in range(3)] == pytest.approx([0, 0, 0], abs=1e-6)


def test_a_venue_with_many_instruments_has_one_vote() -> None:
    many = [spot("a", "BTC", quote) for quote in ("USD", "USDT", "USDC", "FDUSD")]
    world = SideBySide([*many, spot("b", "BTC"), spot("c", "BTC")])
    world.run(WARM_S, lambda _: [100.0] * 6)
    world.run(10, lambda _: [90.0] * 4 + [100.0, 100.0])
    assert deviation_bps(world, 0) < -1000
    assert deviation_bps(world, 4) == pytest.approx(0.0, abs=1e-6)


def test_a_thin_member_does_not_speak_for_its_venue() -> None:
    world = SideBySide([spot("a", "BTC", "USDT"), spot("a", "BTC", "USDC"), spot("b", "BTC")])
    wild = noise(2, 3e-3)
    world.run(WARM_S, lambda s: [100.0, 100.0 * wild[s], 100.0])
    world.run(5, lambda _: [100.0, 103.0, 100.0])
    assert deviation_bps(world, 2) == pytest.approx(0.0, abs=1.0)


def test_an_untrusted_price_has_no_vote_and_no_deviation() -> None:
    world = SideBySide([spot(venue, "BTC") for venue in "abc"])
    world.run(WARM_S, lambda _: [100.0] * 3)
    world.board["trusted"][0] = False
    world.run(10, lambda _: [50.0, 100.0, 100.0])
    row = world.underlyings.relations.table
    assert math.isnan(deviation_bps(world, 0))
    assert row["peers"][1] == 1


def test_a_fresh_peer_goes_before_an_old_one() -> None:
    world = SideBySide([spot(venue, "BTC") for venue in "abc"])
    world.run(WARM_S, lambda _: [100.0] * 3)
    world.run(120, lambda _: [110.0, 110.0, None])
    assert deviation_bps(world, 0) == pytest.approx(0.0, abs=1.0)


def test_one_alone_has_no_deviation() -> None:
    world = SideBySide([spot("a", "BTC")])
    world.run(WARM_S, lambda _: [100.0])
    assert math.isnan(deviation_bps(world, 0))


def test_quotes_are_compared_in_dollars() -> None:
    world = SideBySide([spot("a", "BTC", "USDT"), spot("b", "BTC", "USD"), spot("b", "USDT", "USD")])
    world.run(WARM_S, lambda _: [100.0, 100.0, 1.0])
    world.run(600, lambda _: [100.0 / 0.97, 100.0, 0.97])
    assert deviation_bps(world, 0) == pytest.approx(0.0, abs=1.0)
