"""The worker: asked when something moved, answered at a fixed place; errors come through; the dead are replaced once."""

import multiprocessing
import time
from pathlib import Path

import numpy as np
import pytest

from holdfast import tape
from holdfast.app.key_file import desk_signer
from holdfast.app.risk.history import MINUTES_MAX, PriceHistory
from holdfast.app.risk.observed import observe, turnovers_of
from holdfast.app.risk.worker import REFRESH_MIN_S, REFRESH_S, RecordedRisk, RiskWorker, entered
from holdfast.app.rule_files import load_rules
from holdfast.clock import MINUTE_NS, SECOND_NS
from holdfast.engine import State
from holdfast.error import BrokenInvariant, CallerError
from holdfast.event import RiskMeasured
from holdfast.instrument import Instruments, listed
from holdfast.ledger.record import RunEnded, encode
from holdfast.ledger.writer import LedgerWriter
from holdfast.policy.desk import Desk
from holdfast.policy.escalation import Escalation
from holdfast.risk.contract import contract_of
from holdfast.risk.market import Price, RiskMarket
from holdfast.risk.portfolio import Account, Balance, Portfolio, Position
from holdfast.settings import KeySettings, Settings
from tests.market.rows import row, rows

PERPETUAL = listed(
    "0.1",
    "0.001",
    venue="binance-usdm",
    symbol="BTCUSDT",
    kind="perpetual",
    base="BTC",
    quote="USDT",
    settle="USDT",
)
DESK = Portfolio(
    name="desk",
    positions=(Position(account="a", contract=contract_of(PERPETUAL), quantity=2.0),),
    balances=(Balance(venue="binance-usdm", account="a", asset="USDT", amount=20_000.0),),
    accounts=(Account(venue="binance-usdm", name="a", margin_model="binance-usdm"),),
)


def told(prices: list[float]) -> tape.Rows:
    """Return one trade a second, at these prices."""
    return rows(
        *(
            row(tape.TRADE, at=second + 0.1, side=1, price=round(price * 10), size=1_000, flags=tape.LAST)
            for second, price in enumerate(prices)
        )
    )


def carried(prices: list[float], source: RiskWorker) -> list[RiskMeasured]:
    instruments = Instruments()
    instruments.add(PERPETUAL)
    state = State(instruments, Desk(load_rules(None), Escalation()), risk=source)
    events = [*state.step(told(prices)), *state.finish()]
    return [one for one in events if isinstance(one, RiskMeasured) and not one.scope.venue]


@pytest.fixture(scope="module")
def calm() -> list[RiskMeasured]:
    with RiskWorker(DESK) as worker:
        return carried([100_000.0] * 150 + [98_000.0] * 20, worker)


def test_it_answers_each_minute_and_at_once_when_the_market_moved(calm: list[RiskMeasured]) -> None:
    asked = [one.as_of_ns for one in calm]
    waits = np.diff(np.array(asked)) // SECOND_NS
    assert waits.tolist() == [REFRESH_S, REFRESH_S, 30]
    assert min(waits) >= REFRESH_MIN_S
    moved = next(one for one in calm if one.values["profit"] < 0.0)
    assert moved.as_of_ns // SECOND_NS - asked[0] // SECOND_NS == 150
    assert moved.values["profit"] == pytest.approx(-4_000.0)


def test_an_answer_enters_at_the_next_sweep(calm: list[RiskMeasured]) -> None:
    assert {one.time_ns - one.as_of_ns for one in calm} == {SECOND_NS}


def test_a_perpetual_without_an_entry_price_gains_from_the_first_mark_seen(calm: list[RiskMeasured]) -> None:
    assert calm[0].values["profit"] == 0.0
    assert calm[0].values["equity"] == pytest.approx(20_000.0)


def test_what_needs_a_history_is_missing_until_there_is_one(calm: list[RiskMeasured]) -> None:
    assert "expected_shortfall_1d" not in calm[0].values
    assert any("returns.none" in text or "history.short" in text for text in calm[0].missing)
    assert calm[0].values["margin_ratio"] == pytest.approx(0.04, abs=0.02)


def test_an_error_in_the_worker_reaches_the_run() -> None:
    wrong = Portfolio(
        name="desk",
        positions=DESK.positions,
        accounts=(Account(venue="binance-usdm", name="a", margin_model="tiers"),),
    )
    with RiskWorker(wrong) as worker, pytest.raises(CallerError, match=r"margin\.unknown_model"):
        carried([100_000.0] * 10, worker)


@pytest.mark.parametrize("pause_s", [0.0, 0.5], ids=["at work", "while it has nothing to do"])
def test_a_worker_that_dies_is_replaced_once_and_its_second_death_ends_the_run(pause_s: float) -> None:
    with RiskWorker(DESK) as worker:

        def killing(now_ns: int, state: State) -> list[RiskMeasured]:
            answers = list(worker(now_ns, state))
            for process in multiprocessing.active_children():
                process.kill()
                time.sleep(pause_s)  # long enough, or not, for the pool to see the death by itself
            return answers

        instruments = Instruments()
        instruments.add(PERPETUAL)
        state = State(instruments, Desk(load_rules(None), Escalation()), risk=killing)
        with pytest.raises(BrokenInvariant, match=r"risk\.worker_died"):
            state.step(told([100_000.0] * 200))


def test_a_ledger_without_measurements_is_refused(tmp_path: Path) -> None:
    signer = desk_signer(Settings(key=KeySettings(path=str(tmp_path / "key"))))
    with LedgerWriter.create(tmp_path / "ledger", "holdfast/desk", signer) as ledger:
        ledger.append(encode(RunEnded(digest="ab")))
        ledger.commit()
    with pytest.raises(CallerError, match=r"risk\.not_recorded"):
        RecordedRisk(tmp_path / "ledger")


def test_the_history_is_bounded_and_takes_no_price_twice() -> None:
    history = PriceHistory()
    for minute in range(2 * MINUTES_MAX + 10):
        now_ns = minute * MINUTE_NS
        assert history.is_due(now_ns)
        fresh = {
            "BTC": Price(100.0 + minute, now_ns),
            "ETH": Price(5.0, 0),
            "USDT": Price(1.0, now_ns, "par"),
        }
        history.take(RiskMarket(time_ns=now_ns, prices=fresh))
        assert not history.is_due(now_ns + SECOND_NS)
    series = history.series()
    assert len(series["BTC"][1]) <= MINUTES_MAX
    assert series["BTC"][1][-1] == 100.0 + 2 * MINUTES_MAX + 9
    assert len(series["ETH"][1]) == 1  # no row since the first minute: no news
    assert "USDT" not in series


def test_only_what_was_traded_has_a_turnover_and_entries_are_filled_once() -> None:
    instruments = Instruments()
    instruments.add(PERPETUAL)
    state = State(instruments, Desk(load_rules(None), Escalation()))
    assert turnovers_of(state, DESK) == {}
    state.step(told([100_000.0 + 10.0 * (second % 3) for second in range(400)]))
    [(name, turnover)] = turnovers_of(state, DESK).items()
    assert name == "binance-usdm:BTCUSDT"
    assert turnover.daily_volume == pytest.approx(86_400.0, rel=0.2)  # one coin a second
    market = observe(10**12, state, DESK)
    assert market.prices["USDT"].source == "par"
    once = entered(DESK, market)
    assert once.positions[0].entry_price == market.marks[name].price
    assert entered(once, market) == once
