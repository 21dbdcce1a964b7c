"""Dislocation: far from its peers, for a minute, beyond its own past."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from holdfast.clock import parse_time_ns
from holdfast.detectors.dislocation import Dislocation
from holdfast.market.relation import WARM_NS
from tests.market.side_by_side import (
    SECOND_NS,
    Recorded,
    SideBySide,
    read_bars,
    read_candles,
    read_trades,
    replay,
    spot,
)

WARM_S = WARM_NS // SECOND_NS + 60
CASCADE = "cascade_2025-10-10"
MEDIUM, CRITICAL = 2, 4


def two(wobble_bps: float = 1.0, seed: int = 1) -> SideBySide:
    """Return two venues that agreed, but for a wobble, for longer than it takes to know them."""
    world = SideBySide([spot("a", "ATOM", kind="perpetual"), spot("b", "ATOM")])
    wobble = np.random.default_rng(seed).normal(0.0, wobble_bps * 1e-4, (WARM_S, 2))
    world.run(WARM_S, lambda s: (100.0 * np.exp(wobble[s])).tolist())
    assert not world.spoken
    return world


def test_the_one_that_moves_away_is_named_and_the_other_is_its_evidence() -> None:
    world = two()
    world.run(120, lambda s: [100.0 - 0.02 * min(s, 100), 100.0 + 0.001 * (s % 2)])
    assert {each.instrument for each in world.spoken} == {"a:ATOM-USD"}
    assert world.spoken[-1].evidence["peer"] == "b:ATOM-USD"
    assert "below" in world.spoken[-1].message
    assert world.ratio(1) == 0.0


def test_it_names_the_other_one_when_that_moves() -> None:
    world = two()
    world.run(120, lambda s: [100.0 + 0.001 * (s % 2), 100.0 + 0.02 * min(s, 100)])
    assert {each.instrument for each in world.spoken} == {"b:ATOM-USD"}
    assert "above" in world.spoken[-1].message


def test_a_fall_of_both_is_no_dislocation() -> None:
    world = two()
    world.run(300, lambda s: [100.0 - 0.1 * s, 100.0 - 0.1 * s])
    assert not world.spoken


def test_a_peer_that_is_a_few_seconds_late_in_a_crash_is_no_dislocation() -> None:
    world = two()
    world.run(300, lambda s: [100.0 - 0.05 * s, 100.0 - 0.05 * max(s - 5, 0)])
    assert not world.spoken


def test_one_odd_print_is_no_dislocation_however_long_it_stands() -> None:
    world = two()
    world.run(200, lambda s: [95.0 if s == 0 else None, 100.0 + 0.001 * (s % 2)])
    assert not world.spoken


def test_a_gap_that_closes_within_a_minute_is_no_dislocation() -> None:
    world = two()
    world.run(20, lambda s: [98.0 + 0.001 * s, 100.0])
    world.run(60, lambda _: [100.0, 100.0])
    assert not world.spoken


def test_a_gap_below_the_cost_of_trading_it_is_no_dislocation() -> None:
    world = two(wobble_bps=0.1)
    world.run(600, lambda s: [99.75 + 0.001 * (s % 2), 100.0])
    assert not world.spoken
    world = two(wobble_bps=0.1)
    world.run(600, lambda s: [99.6 + 0.001 * (s % 2), 100.0])
    assert world.spoken


def test_the_line_is_in_units_of_its_own_past() -> None:
    for wobble_bps, speaks in ((1.0, True), (40.0, False)):
        world = two(wobble_bps)
        world.run(120, lambda s: [99.0 + 0.001 * (s % 2), 100.0 + 0.001 * (s % 2)])
        assert bool(world.spoken) is speaks


def test_a_wide_spread_widens_the_line() -> None:
    for half_spread, speaks in ((0.01, True), (1.0, False)):
        world = two()
        world.board["bid"][0], world.board["ask"][0] = 99.0 - half_spread, 99.0 + half_spread
        world.run(120, lambda s: [99.0 + 0.001 * (s % 2), 100.0 + 0.001 * (s % 2)])
        assert bool(world.spoken) is speaks


def test_two_other_venues_outvote_the_one_that_stood_still() -> None:
    world = SideBySide([spot(venue, "ATOM") for venue in "abc"])
    world.run(WARM_S, lambda _: [100.0, 100.0, 100.0])
    world.run(200, lambda s: [100.0 + 0.001 * (s % 2)] + [97.0 + 0.001 * (s % 2)] * 2)
    assert {each.instrument for each in world.spoken} == {"a:ATOM-USD"}
    assert world.spoken[-1].evidence["peers"] == 2


def test_before_its_past_is_known_it_says_nothing() -> None:
    world = SideBySide([spot("a", "ATOM"), spot("b", "ATOM")])
    world.run(400, lambda s: [100.0 - 0.01 * s, 100.0])
    assert not world.spoken
    assert np.isnan(world.ratio(0))


def test_an_untrusted_peer_is_not_used() -> None:
    world = two()
    world.board["trusted"][1] = False
    world.run(200, lambda _: [100.0, 80.0])
    assert not world.spoken
    assert np.isnan(world.ratio(0))


def test_stablecoins_are_left_to_depeg() -> None:
    world = SideBySide([spot("a", "USDE", "USDT"), spot("b", "USDE", "USDT")])
    world.run(WARM_S, lambda _: [1.0, 1.0])
    world.run(200, lambda s: [0.6 + 0.001 * (s % 2), 1.0])
    assert not world.spoken


def at(text: str) -> int:
    return parse_time_ns(f"2025-10-10T{text}")


def clock(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns / SECOND_NS, tz=UTC).strftime("%H:%M:%S")


@pytest.fixture(scope="module")
def atom(shared_data: Path) -> SideBySide:
    folder = shared_data / CASCADE
    perpetual = read_trades(
        folder / "coinm_trades/binance-delivery_trades_2025-10-10_ATOMUSD_PERP.csv.gz",
        spot("binance-coinm", "ATOM", kind="perpetual"),
    )
    coinbase = read_trades(
        folder / "spot_trades/coinbase_trades_2025-10-10_ATOM-USD.csv.gz", spot("coinbase", "ATOM")
    )
    return replay([perpetual, coinbase], Dislocation)


def test_atom_is_quiet_before_the_cascade(atom: SideBySide) -> None:
    assert atom.worst(before_ns=at("20:45")) < MEDIUM


def test_the_atom_perpetual_is_dislocated_before_it_collapses(atom: SideBySide) -> None:
    first = next(each for each in atom.spoken if each.severity >= MEDIUM)
    assert first.instrument == "binance-coinm:ATOM-USD"
    assert at("20:55") < first.time_ns < at("20:58"), clock(first.time_ns)
    assert first.evidence["peer"] == "coinbase:ATOM-USD"
    critical = next(each for each in atom.spoken if each.severity == CRITICAL)
    assert critical.time_ns < at("21:18"), clock(critical.time_ns)


def test_coinbase_is_not_accused_while_the_perpetual_collapses(atom: SideBySide) -> None:
    accused = {each.instrument for each in atom.spoken if each.time_ns < at("21:30")}
    assert accused == {"binance-coinm:ATOM-USD"}


def bitcoin(shared_data: Path) -> list[Recorded]:
    folder = shared_data / CASCADE
    candles = [folder / f"BTCUSD_PERP-1m-2025-10-{day}.zip" for day in ("09", "10")]
    return [
        read_trades(folder / "spot_trades/gemini_trades_2025-10-10_BTCUSD.csv.gz", spot("gemini", "BTC")),
        read_candles(candles, spot("binance-coinm", "BTC", kind="perpetual")),
    ]


def test_gemini_and_the_mark_agree_until_the_cascade(shared_data: Path) -> None:
    world = replay(bitcoin(shared_data), Dislocation)
    assert world.worst(before_ns=at("20:45")) == 0


def test_late_gemini_trades_dislocate_nothing_while_the_feed_is_late(shared_data: Path) -> None:
    world = replay(bitcoin(shared_data), Dislocation, end_ns=at("21:12"))
    assert not world.spoken


def test_bitcoin_across_three_dollars_is_quiet_in_calm_weeks(shared_data: Path) -> None:
    folder = shared_data / "depeg/usdc_2023-03"
    pairs = [("binance", "BTC", "USDT"), ("coinbase", "BTC", "USD"), ("coinbase", "USDT", "USD")]
    recorded = [
        read_bars(folder / f"{venue}_{base}{quote}.parquet".lower(), spot(venue, base, quote))
        for venue, base, quote in pairs
    ]
    world = replay(recorded, Dislocation, end_ns=parse_time_ns("2023-03-10T20:00"))
    assert world.worst() == 0
