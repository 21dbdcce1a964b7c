"""Event files: the shipped figures are what the recordings say; a file's mistakes are told with their places."""

from pathlib import Path

import pytest

from holdfast.app.risk.events import EventFile, default_events, parse_events, read_events
from holdfast.error import CallerError
from holdfast.risk.scenarios.historical import historical
from holdfast.risk.scenarios.scenario import outcome
from tests.risk.scenarios.recorded_moves import MEASURES, february_2026
from tests.risk.scenarios.small_desk import AAVE, BINANCE, BTC, DERIBIT, USDT, cash, desk, perpetual

ROUNDED = 0.00051  # figures in the file have three or four decimals


@pytest.fixture(scope="module")
def shipped() -> EventFile:
    return default_events()


@pytest.mark.parametrize("name", MEASURES)
def test_the_shipped_figures_are_those_of_the_recordings(
    name: str, shipped: EventFile, shared_data: Path
) -> None:
    measured, event = MEASURES[name](shared_data), shipped.events[name]
    assert set(measured) == set(event.moves)
    for asset, move in measured.items():
        told = event.moves[asset]
        for field in ("spot_log", "volatility_shift", "basis_log", "skew_shift", "rate_shift"):
            assert getattr(told, field) == pytest.approx(getattr(move, field), abs=ROUNDED), (asset, field)
        assert told.venue == move.venue
        assert told.source, "every figure says where it is from"


def test_the_shipped_term_of_volatility_is_that_of_the_chains(shipped: EventFile, shared_data: Path) -> None:
    assert shipped.events["crash-2026"].term_power == pytest.approx(february_2026(shared_data)[1], abs=0.005)


def test_every_recorded_event_is_shipped(shipped: EventFile) -> None:
    assert set(shipped.events) == set(MEASURES)


def test_the_cascade_takes_more_from_a_thin_perpetual_than_from_its_coin(shipped: EventFile) -> None:
    cascade = shipped.events["cascade-2025"]
    coins = outcome(historical(desk(cash(AAVE, 100.0, DERIBIT)), cascade, pegged=shipped.pegged))
    perps = outcome(
        historical(desk(perpetual(BTC, 1.0, BINANCE, entry=100_000.0)), cascade, pegged=shipped.pegged)
    )
    assert coins.profit == pytest.approx(20_000.0 * (63.42 / 259.53 - 1.0), rel=0.01)
    assert perps.profit == pytest.approx(-12_280.0, rel=0.001)
    assert not outcome(historical(desk(cash(USDT, 1e6, BINANCE)), cascade, pegged=shipped.pegged)).profit


GOOD = """
events:
  - name: mine
    date: 2024-08-05
    moves: {BTC: {spot_log: -0.2, volatility_shift: 0.8}}
"""


def test_a_desks_own_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "events.yml"
    path.write_text(GOOD)
    event = read_events(path).events["mine"]
    assert event.moves["BTC"].volatility_shift == 0.8
    assert event.date.isoformat() == "2024-08-05"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("spot_log", "spot_lgo"), r"events\[0\]\.moves\.BTC\.spot_lgo: is unknown \(did you mean spot_log\?\)"),
        (("-0.2", "-20"), r"events\[0\]\.moves\.BTC\.spot_log: -20 is no move.*not percent"),
        (("-0.2", "'much'"), r"events\[0\]\.moves\.BTC\.spot_log: must be a number, not 'much'"),
        (("-0.2", ".nan"), r"spot_log: must be a number"),
        (("0.8", "-1.0"), "would leave no volatility"),
        (("2024-08-05", "August"), r"events\[0\]\.date: must be a date such as 2025-10-10, not 'August'"),
        (("name: mine", "title: mine"), r"events\[0\]\.name: must be a text"),
        (("{BTC: {spot_log: -0.2, volatility_shift: 0.8}}", "[]"), r"events\[0\]\.moves: must say by asset"),
        (("{spot_log: -0.2, volatility_shift: 0.8}", "-0.2"), r"moves\.BTC: must be a mapping such as"),
        (("date:", "others_like: ETH\n    date:"), r"events\[0\]\.others_like: 'ETH' is not among its moves"),
        (("date:", "term_power: steep\n    date:"), r"events\[0\]\.term_power: must be a number from 0 to 2"),
        (("events:", "evnts:"), "no list called events"),
        (("events:", "peged: [USDT]\nevents:"), r"peged: is unknown \(did you mean pegged\?\)"),
        (("events:", "pegged: USDT\nevents:"), "pegged: must be a list"),
        (("events:", "events: ["), "while parsing"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(change: tuple[str, str], told: str) -> None:
    assert change[0] in GOOD
    with pytest.raises(CallerError, match=f"mine.yml: .*{told}"):
        parse_events(GOOD.replace(*change), "mine.yml")


def test_all_mistakes_of_a_file_are_told_at_once() -> None:
    text = GOOD + GOOD.replace("events:\n", "").replace("-0.2", "x") + "  - 7\n"
    with pytest.raises(CallerError) as error:
        parse_events(text, "mine.yml")
    assert "events[1].moves.BTC.spot_log" in str(error.value)
    assert "events[2]: must be a mapping" in str(error.value)


def test_an_event_named_twice_is_told() -> None:
    with pytest.raises(CallerError, match=r"events\[1\]\.name: 'mine' is the name of an earlier event"):
        parse_events(GOOD + GOOD.replace("events:\n", ""), "mine.yml")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CallerError, match=r"events\.unreadable"):
        read_events(tmp_path / "none.yml")
