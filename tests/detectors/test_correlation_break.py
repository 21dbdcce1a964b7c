"""Correlation break: it used to move with the others, they still move, it does not."""

from pathlib import Path

import numpy as np

from holdfast.clock import parse_time_ns
from holdfast.detectors.correlation_break import CorrelationBreak
from holdfast.instrument import Instrument
from tests.market.side_by_side import SideBySide, read_bars, read_trades, replay, spot

TWO_VENUES = [spot("a", "ATOM"), spot("b", "ATOM")]
TWO_ASSETS = [spot("a", "ATOM"), spot("a", "AAVE")]
STEP_S = 10
HOURS = 360


def moves(seed: int, hours: float, size: float = 5e-4) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, size, int(hours * HOURS))


def run(instruments: list[Instrument], *parts: tuple[np.ndarray, np.ndarray]) -> SideBySide:
    """Run parts of two paths, one after the other."""
    world = SideBySide(instruments, CorrelationBreak)
    paths = 100.0 * np.exp(np.cumsum(np.concatenate([np.stack(part) for part in parts], axis=1), axis=1))
    world.run(STEP_S * paths.shape[1], lambda s: paths[:, s // STEP_S].tolist(), step=STEP_S)
    return world


def together(hours: float, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    shared = moves(seed, hours)
    return shared, shared + moves(seed + 1, hours, 5e-5)


def test_venues_that_go_apart_break_their_correlation() -> None:
    world = run(TWO_VENUES, together(4), (moves(5, 1), moves(6, 1)))
    assert {each.instrument for each in world.spoken} == {"a:ATOM-USD", "b:ATOM-USD"}
    assert "and its like" in world.spoken[0].message


def test_assets_that_go_apart_break_with_the_market() -> None:
    world = run(TWO_ASSETS, together(4), (moves(5, 1), moves(6, 1)))
    assert world.spoken
    assert world.spoken[0].evidence["against_market"] == 1
    assert "the other underlyings" in world.spoken[0].message


def test_going_on_together_breaks_nothing() -> None:
    assert not run(TWO_VENUES, together(4), together(4, 9)).spoken


def test_strangers_have_nothing_to_break() -> None:
    world = run(TWO_ASSETS, (moves(3, 4), moves(4, 4)), (moves(5, 1), -moves(5, 1)))
    assert not world.spoken


def test_a_crash_of_both_breaks_nothing() -> None:
    fall = np.full(HOURS // 2, -2e-3)
    shared = moves(7, 0.5, 2e-3)
    assert not run(TWO_VENUES, together(4), (fall + shared, fall + shared)).spoken


def test_noise_in_a_market_that_stands_still_breaks_nothing() -> None:
    world = run(TWO_VENUES, together(4), (moves(5, 1, 2e-5), moves(6, 1, 2e-5)))
    assert not world.spoken


def test_no_data_breaks_nothing() -> None:
    world = run(TWO_VENUES, together(4))
    path = 100.0 * np.exp(np.cumsum(moves(8, 2)))
    world.run(7200, lambda s: [float(path[s // STEP_S]), None], step=STEP_S)
    assert not world.spoken
    assert np.isnan(world.ratio(1))


def test_an_untrusted_feed_breaks_nothing() -> None:
    world = run(TWO_VENUES, together(4))
    world.board["trusted"][1] = False
    paths = 100.0 * np.exp(np.cumsum(np.stack([moves(5, 1), moves(6, 1)]), axis=1))
    world.run(3600, lambda s: paths[:, s // STEP_S].tolist(), step=STEP_S)
    assert not world.spoken


def test_a_young_pair_has_nothing_to_break() -> None:
    assert not run(TWO_VENUES, together(0.4), (moves(5, 0.3), moves(6, 0.3))).spoken


def test_the_atom_perpetual_breaks_with_coinbase_and_not_before_the_cascade(shared_data: Path) -> None:
    folder = shared_data / "cascade_2025-10-10"
    recorded = [
        read_trades(
            folder / "coinm_trades/binance-delivery_trades_2025-10-10_ATOMUSD_PERP.csv.gz",
            spot("binance-coinm", "ATOM", kind="perpetual"),
        ),
        read_trades(
            folder / "spot_trades/coinbase_trades_2025-10-10_ATOM-USD.csv.gz", spot("coinbase", "ATOM")
        ),
    ]
    world = replay(recorded, CorrelationBreak)
    assert world.worst(before_ns=parse_time_ns("2025-10-10T20:45")) == 0
    assert any(each.instrument == "binance-coinm:ATOM-USD" for each in world.spoken)


def test_three_perpetuals_fall_together_all_day(shared_data: Path) -> None:
    folder = shared_data / "cascade_2025-10-10/coinm_trades"
    recorded = [
        read_trades(
            folder / f"binance-delivery_trades_2025-10-10_{base}USD_PERP.csv.gz",
            spot("binance-coinm", base, kind="perpetual"),
        )
        for base in ("AAVE", "ATOM", "TRX")
    ]
    start, end = parse_time_ns("2025-10-10T12:00"), parse_time_ns("2025-10-10T21:10")
    world = replay(recorded, CorrelationBreak, start, end)
    assert not world.spoken
    assert world.underlyings.co_movement.mean_correlation > 0.5


def test_bitcoin_on_two_venues_is_quiet_in_a_calm_week(shared_data: Path) -> None:
    folder = shared_data / "depeg/usdc_2023-03"
    recorded = [
        read_bars(folder / "binance_btcusdt.parquet", spot("binance", "BTC", "USDT")),
        read_bars(folder / "coinbase_btcusd.parquet", spot("coinbase", "BTC")),
    ]
    world = replay(recorded, CorrelationBreak, end_ns=parse_time_ns("2023-03-10"))
    assert world.worst() <= 1
    assert len(world.spoken) <= 2
