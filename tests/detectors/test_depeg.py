"""Depeg: a stablecoin off its peg for minutes, told apart as venue-local, broad or unknown."""

from pathlib import Path

import numpy as np
import pytest

from holdfast.clock import parse_time_ns
from holdfast.detectors.depeg import Depeg
from tests.market.side_by_side import Recorded, SideBySide, read_bars, read_blocks, replay, spot

LOW, MEDIUM, HIGH, CRITICAL = 1, 2, 3, 4
USDC = "depeg/usdc_2023-03"
USDE = "depeg/usde_2025-10"


def coin_world(*venues: str) -> SideBySide:
    """Return a coin at its peg on some venues for half an hour."""
    world = SideBySide([spot(venue, "USDE", "USDT") for venue in venues], Depeg)
    world.run(1800, lambda s: [1.0 + 0.0001 * (s // 30 % 2)] * len(venues), step=30)
    assert not world.spoken
    return world


def off(price: float, s: int) -> float:
    return price + 0.0003 * (s // 30 % 3)


def kinds(world: SideBySide) -> list[str]:
    return [str(each.evidence["kind"]) for each in world.spoken]


def test_a_coin_off_on_one_of_three_venues_is_venue_local() -> None:
    world = coin_world("a", "b", "c")
    world.run(900, lambda s: [off(0.9, s), 1.0, 1.0], step=30)
    assert set(kinds(world)) == {"venue-local"}
    said = world.spoken[-1]
    assert (said.instrument, said.evidence["coin"]) == ("a:USDE-USDT", "USDE")
    assert (said.evidence["venues_off"], said.evidence["venues_at_peg"]) == (1, 2)
    assert said.evidence["worst"] == pytest.approx(0.9, abs=0.001)
    assert said.evidence["median"] == pytest.approx(1.0, abs=0.001)
    assert "venue-local" in said.message


def test_a_coin_off_everywhere_is_broad() -> None:
    world = coin_world("a", "b", "c")
    world.run(900, lambda s: [off(0.9, s), off(0.91, s), off(0.92, s)], step=30)
    last = {each.instrument: each for each in world.spoken}
    assert {each.evidence["kind"] for each in last.values()} == {"broad"}
    assert len(last) == 3


def test_one_venue_alone_cannot_tell() -> None:
    world = coin_world("a")
    world.run(900, lambda s: [off(0.9, s)], step=30)
    assert set(kinds(world)) == {"unknown"}


def test_when_a_local_one_turns_broad_the_alert_speaks_again() -> None:
    for price in (0.985, 0.9):
        world = coin_world("a", "b")
        world.run(900, lambda s, price=price: [off(price, s), 1.0], step=30)
        local = world.spoken[-1]
        assert local.evidence["kind"] == "venue-local"
        world.run(900, lambda s, price=price: [off(price, s), off(price, s)], step=30)
        here = [each for each in world.spoken if each.instrument == "a:USDE-USDT"]
        assert here[-1].evidence["kind"] == "broad"
        assert here[-1].severity > local.severity


def test_a_local_one_never_reaches_critical_but_a_lone_one_does() -> None:
    local, lone = coin_world("a", "b"), coin_world("a")
    local.run(900, lambda s: [off(0.5, s), 1.0], step=30)
    lone.run(900, lambda s: [off(0.5, s)], step=30)
    assert local.worst() == HIGH
    assert lone.worst() == CRITICAL


def test_one_print_is_no_depeg_however_long_it_stands() -> None:
    world = coin_world("a", "b")
    world.run(1200, lambda _: [0.9, 1.0], step=30)
    assert not world.spoken
    assert np.isnan(world.ratio(0))


def test_two_minutes_off_are_no_depeg() -> None:
    world = coin_world("a", "b")
    world.run(120, lambda s: [off(0.9, s), 1.0], step=30)
    world.run(900, lambda _: [1.0, 1.0], step=30)
    assert not world.spoken


def test_half_a_percent_is_no_depeg() -> None:
    world = coin_world("a", "b")
    world.run(3600, lambda s: [off(0.994, s), off(0.994, s)], step=30)
    assert not world.spoken


def test_a_coin_that_always_trades_wide_has_a_wider_line() -> None:
    wide = SideBySide([spot("a", "USDE", "USDT")], Depeg)
    wide.run(20_000, lambda s: [off(0.995, s)], step=30)
    wide.run(900, lambda s: [off(0.985, s)], step=30)
    assert not wide.spoken


def test_a_premium_is_a_depeg_too_and_says_so() -> None:
    world = coin_world("a")
    world.run(900, lambda s: [off(1.02, s)], step=30)
    assert "above its peg" in world.spoken[0].message


def test_a_premium_of_the_numeraire_is_no_depeg_of_the_coin() -> None:
    world = SideBySide([spot("a", "USDC", "USDT"), spot("b", "USDT", "USD")], Depeg)
    world.run(1800, lambda _: [1.0, 1.0], step=30)
    world.run(1800, lambda s: [off(0.985, s), off(1.0, s) / 0.985], step=30)
    assert {each.evidence["coin"] for each in world.spoken} == {"USDT"}


def test_a_synthetic_price_tells_of_the_coin_that_pays() -> None:
    world = SideBySide([spot("a", "BTC", "USDT"), spot("a", "BTC", "USDC")], Depeg)
    world.run(1800, lambda _: [100.0, 100.0], step=30)
    world.run(900, lambda s: [100.0, off(111.0, s)], step=30)
    assert {(each.instrument, each.evidence["coin"]) for each in world.spoken} == {("a:BTC-USDC", "USDC")}


def test_an_untrusted_feed_says_nothing_and_is_no_witness() -> None:
    world = coin_world("a", "b")
    world.board["trusted"][1] = False
    world.run(1800, lambda s: [off(0.9, s), 1.0], step=30)
    assert {each.instrument for each in world.spoken} == {"a:USDE-USDT"}
    assert np.isnan(world.ratio(1))
    assert world.detector.evidence_of(world.findings[0])["kind"] == "unknown"


def usde(shared_data: Path) -> list[Recorded]:
    return [
        read_bars(shared_data / USDE / "usde_minute_binance.parquet", spot("binance", "USDE", "USDT")),
        read_blocks(shared_data / USDE / "uniswap_usde.parquet", spot("uniswap", "USDE", "USDT")),
    ]


def test_usde_is_venue_local_beside_the_pool(shared_data: Path) -> None:
    days = [parse_time_ns(f"2025-10-{day}") for day in ("09", "12")]
    world = replay(usde(shared_data), Depeg, *days)
    assert {each.instrument for each in world.spoken} == {"binance:USDE-USDT"}
    assert set(kinds(world)) == {"venue-local"}
    assert world.worst() == HIGH
    first = world.spoken[0].time_ns
    assert parse_time_ns("2025-10-10T21:20") < first < parse_time_ns("2025-10-10T21:26")


def test_usde_by_binance_alone_is_unknown(shared_data: Path) -> None:
    days = [parse_time_ns(f"2025-10-{day}") for day in ("09", "12")]
    world = replay(usde(shared_data)[:1], Depeg, *days)
    assert set(kinds(world)) == {"unknown"}
    assert world.worst() == CRITICAL


def test_usde_is_quiet_in_the_month_before_and_the_weeks_after(shared_data: Path) -> None:
    for span in (("2025-09-09", "2025-10-10T21:18"), ("2025-10-12", "2025-10-26")):
        world = replay(usde(shared_data)[:1], Depeg, *(parse_time_ns(text) for text in span))
        assert not world.spoken


def usdc(shared_data: Path, *names: tuple[str, str, str]) -> list[Recorded]:
    folder = shared_data / USDC
    return [
        read_bars(folder / f"{venue}_{base}{quote}.parquet".lower(), spot(venue, base, quote))
        for venue, base, quote in names
    ]


PAIRS = (
    ("binance", "USDC", "USDT"), ("kraken", "USDC", "USD"), ("coinbase", "USDT", "USD"),
    ("binance", "BTC", "USDT"), ("binance", "BTC", "USDC"),
)  # fmt: skip


@pytest.fixture(scope="module")
def march(shared_data: Path) -> SideBySide:
    return replay(usdc(shared_data, *PAIRS), Depeg)


def about(world: SideBySide, coin: str) -> list[tuple[int, int, str]]:
    said = (each for each in world.spoken if each.evidence["coin"] == coin)
    return [(each.time_ns, each.severity, str(each.evidence["kind"])) for each in said]


def test_usdc_in_march_2023_is_broad(march: SideBySide) -> None:
    critical = [each for each in about(march, "USDC") if each[1] == CRITICAL]
    assert critical[0][0] < parse_time_ns("2023-03-11T04:00")
    assert {kind for _, _, kind in critical} == {"broad"}


def test_usdc_is_quiet_before_and_after_its_crisis(march: SideBySide) -> None:
    begin, end = parse_time_ns("2023-03-11T00:00"), parse_time_ns("2023-03-14T00:00")
    assert all(begin < each.time_ns < end for each in march.spoken)


def test_the_premium_of_tether_is_never_more_than_medium(march: SideBySide) -> None:
    said = about(march, "USDT")
    assert said
    assert max(severity for _, severity, _ in said) == MEDIUM


def test_usdc_is_broad_without_knowing_tether(shared_data: Path) -> None:
    world = replay(usdc(shared_data, *PAIRS[:2]), Depeg)
    critical = [each for each in world.spoken if each.severity == CRITICAL]
    assert {each.instrument for each in critical} == {"binance:USDC-USDT", "kraken:USDC-USD"}
    assert {each.evidence["kind"] for each in critical} == {"broad"}


def test_usdc_shows_where_only_bitcoin_is_quoted_in_it(shared_data: Path) -> None:
    world = replay(usdc(shared_data, *PAIRS[3:]), Depeg)
    assert world.worst() == CRITICAL
    assert {each.instrument for each in world.spoken} == {"binance:BTC-USDC"}
    assert world.worst(before_ns=parse_time_ns("2023-03-11T00:00")) == 0
