"""The governor over time: windows, cooldowns and message rates, counted from the journal."""

from decimal import Decimal

import hypothesis.strategies as st
from hypothesis import given

from holdfast.action import Action, CancelAll, Tell
from holdfast.clock import SECOND_NS
from holdfast.event import Filled, OrderReported
from holdfast.policy.governor.governor import Governor, judged
from holdfast.policy.governor.limits import DeskLimits, GovernorSettings, Limits
from holdfast.receipt import Intended, Receipt, Settled
from tests.policy.test_governor_orders import code, desk, order, under
from tests.response.desk_double import START, Desk

QUICK = 1_000  # messages a second, where rates are not the matter


class Journal:
    """A governor with the records that made it."""

    def __init__(self, settings: GovernorSettings, on: Desk | None = None) -> None:
        self.records: list[Receipt | OrderReported | Filled] = []
        self.desk = on or desk()
        self.governor = under(settings)
        self.settings = settings
        self.now_ns = START
        self.number = 0

    def fold(self, record: Receipt | OrderReported | Filled) -> None:
        self.records.append(record)
        self.governor.fold(record)

    def ask(self, action: Action, playbook: str = "p", run: str = "r") -> str:
        """Judge, and if it is allowed intend it, as a node does. Return the code of a refusal."""
        key = f"{run}/s/{self.number}"
        verdict = self.governor.judge(self.now_ns, action, playbook, self.desk.view, run=run)
        self.fold(judged(self.now_ns, key, action, playbook, verdict))
        if not code(verdict):
            self.fold(Intended(self.now_ns, key, action, "why", f"hf-{self.number}"))
            self.number += 1
        return code(verdict)

    def refolded(self) -> Governor:
        """Return the governor of a process that starts now."""
        fresh = under(self.settings)
        for record in self.records:
            fresh.fold(record)
        return fresh


def settings(desk_row: DeskLimits | None = None, **fields: object) -> GovernorSettings:
    return GovernorSettings(
        desk=desk_row or DeskLimits(order_notional_usd_max=1e9),
        messages_per_s_max=QUICK,
        **fields,  # type: ignore[arg-type]
    )


def test_the_count_of_a_window_is_held_and_comes_back_when_it_has_passed() -> None:
    journal = Journal(settings(DeskLimits(count_max=2, window_s=60.0)))
    assert [journal.ask(order()) for _ in range(3)] == ["", "", "governor.count"]
    journal.now_ns += 59 * SECOND_NS
    assert journal.ask(order()) == "governor.count"
    journal.now_ns += SECOND_NS
    assert journal.ask(order()) == ""


def test_the_notional_of_a_window_is_held() -> None:
    journal = Journal(settings(DeskLimits(notional_usd_max=250_000.0)))
    assert [journal.ask(order()) for _ in range(3)] == ["", "", "governor.notional"]
    assert journal.ask(order(quantity="0.5")) == ""


def test_the_loss_of_a_window_is_held() -> None:
    journal = Journal(settings(DeskLimits(loss_usd_max=1_500.0)))
    assert [journal.ask(order(price="99000")) for _ in range(2)] == ["", "governor.loss"]
    assert journal.ask(order(price="99500")) == ""
    assert journal.ask(order(price="99999.9")) == "governor.loss"
    assert journal.ask(order(price="100000")) == ""


def test_what_came_to_nothing_gives_its_dollars_back_but_not_its_count() -> None:
    journal = Journal(settings(DeskLimits(notional_usd_max=100_000.0, count_max=3)))
    assert journal.ask(order()) == ""
    assert journal.ask(order()) == "governor.notional"
    journal.fold(Settled(START, "r/s/0", "expired"))
    assert journal.ask(order()) == ""
    journal.fold(Settled(START, "r/s/1", "refused"))
    assert journal.ask(order()) == ""
    journal.fold(Settled(START, "r/s/2", "refused"))
    assert journal.ask(order()) == "governor.count"


def test_what_filled_in_part_counts_in_part() -> None:
    journal = Journal(settings(DeskLimits(notional_usd_max=100_000.0)))
    assert journal.ask(order()) == ""
    report = OrderReported(
        time_ns=START,
        venue="binance",
        account="main",
        instrument="BTCUSDT",
        order_id="1",
        client_id="hf-0",
        side="sell",
        quantity=Decimal(1),
        filled=Decimal("0.25"),
        state="cancelled",
    )
    journal.fold(report)
    assert journal.ask(order(quantity="0.75")) == "governor.notional"  # its fate is not known yet
    journal.fold(Settled(START, "r/s/0", "done"))
    assert journal.ask(order(quantity="0.76")) == "governor.notional"
    assert journal.ask(order(quantity="0.75")) == ""


def test_a_fill_that_is_told_twice_counts_once_and_one_that_comes_late_counts() -> None:
    journal = Journal(settings(DeskLimits(notional_usd_max=100_000.0)))
    assert journal.ask(order()) == ""
    journal.fold(Settled(START, "r/s/0", "done"))
    fill = Filled(
        time_ns=START,
        venue="binance",
        account="main",
        instrument="BTCUSDT",
        trade_id="t1",
        order_id="1",
        client_id="hf-0",
        side="sell",
        price=Decimal(100_000),
        quantity=Decimal("0.4"),
    )
    journal.fold(fill)
    journal.fold(fill)
    assert journal.ask(order(quantity="0.61")) == "governor.notional"
    assert journal.ask(order(quantity="0.6")) == ""


def test_what_was_abandoned_counts_in_full() -> None:
    journal = Journal(settings(DeskLimits(notional_usd_max=100_000.0)))
    assert journal.ask(order()) == ""
    journal.fold(Settled(START, "r/s/0", "abandoned"))
    assert journal.ask(order(quantity="0.001")) == "governor.notional"


def test_a_row_counts_only_what_falls_under_it() -> None:
    journal = Journal(settings(playbooks={"p": Limits(count_max=1)}, venues={"okx": Limits(count_max=0)}))
    assert journal.ask(order(), "q") == ""
    assert journal.ask(order(), "p") == ""
    assert journal.ask(order(), "p") == "governor.count"
    assert journal.ask(order(), "q") == ""


def test_a_cooldown_is_between_runs_and_not_within_one() -> None:
    journal = Journal(settings(playbooks={"p": Limits(cooldown_s=30.0)}))
    assert journal.ask(order(), run="one") == ""
    assert journal.ask(order(), run="one") == ""
    assert journal.ask(order(), run="two") == "governor.cooldown"
    journal.now_ns += 29 * SECOND_NS
    assert journal.ask(order(), run="two") == "governor.cooldown"
    journal.now_ns += SECOND_NS
    assert journal.ask(order(), run="two") == ""


def test_words_are_limited_by_a_row_of_their_own_only() -> None:
    journal = Journal(settings(DeskLimits(count_max=0)))
    assert [journal.ask(Tell("t", "x")) for _ in range(5)] == [""] * 5
    named = Journal(settings(actions={"tell": Limits(count_max=2)}))
    assert [named.ask(Tell("t", "x")) for _ in range(3)] == ["", "", "governor.count"]


def test_the_message_rate_is_a_venues_own_and_brakes_have_a_reserve() -> None:
    journal = Journal(GovernorSettings(messages_per_s_max=3, brake_messages_per_s_max=2))
    assert [journal.ask(order(quantity="0.1")) for _ in range(4)] == ["", "", "", "governor.messages"]
    brake = CancelAll("binance", "main")
    assert [journal.ask(brake) for _ in range(3)] == ["", "", "governor.messages"]
    assert journal.ask(CancelAll("deribit", "main")) == ""
    journal.now_ns += SECOND_NS
    assert journal.ask(order(quantity="0.1")) == ""
    assert journal.ask(brake) == ""


def test_a_flood_of_brakes_is_held_and_leaves_the_moves_waiting() -> None:
    journal = Journal(GovernorSettings(messages_per_s_max=2, brake_messages_per_s_max=2))
    brake = CancelAll("binance", "main")
    assert [journal.ask(brake) for _ in range(3)] == ["", "", "governor.messages"]
    assert journal.ask(order()) == "governor.messages"


def test_refusals_are_not_counted() -> None:
    journal = Journal(settings(DeskLimits(count_max=1, order_notional_usd_max=50_000.0)))
    for _ in range(5):
        assert journal.ask(order()) == "governor.order_notional"
    assert journal.ask(order(quantity="0.1")) == ""


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["ask", "brake", "settle", "fill", "wait"]),
            st.integers(1, 30),
            st.sampled_from(["done", "refused", "expired", "abandoned"]),
        ),
        max_size=40,
    )
)
def test_limits_hold_whatever_happens_and_a_restart_counts_the_same(
    steps: list[tuple[str, int, str]],
) -> None:
    row = DeskLimits(count_max=6, notional_usd_max=300_000.0, loss_usd_max=2_000.0, window_s=60.0)
    journal = Journal(GovernorSettings(desk=row, messages_per_s_max=4, brake_messages_per_s_max=2))
    allowed: list[tuple[int, str, float, float]] = []
    settled: dict[str, str] = {}
    for what, amount, outcome in steps:
        if what == "ask":
            asked = order(quantity=f"{amount / 10}", price="99500")
            fresh = journal.refolded()
            live = journal.governor.judge(journal.now_ns, asked, "p", journal.desk.view, run="r")
            assert fresh.judge(journal.now_ns, asked, "p", journal.desk.view, run="r") == live
            key = f"r/s/{journal.number}"
            if not journal.ask(asked):
                allowed.append((journal.now_ns, key, amount * 10_000.0, amount * 50.0))
        elif what == "brake":
            journal.ask(CancelAll("binance", "main"))
        elif what == "settle" and allowed:
            key = allowed[amount % len(allowed)][1]
            if key not in settled:
                settled[key] = outcome
                journal.fold(Settled(journal.now_ns, key, outcome))  # type: ignore[arg-type]
        elif what == "wait":
            journal.now_ns += amount * SECOND_NS
        # orders that were done had not filled here, so only what is open or abandoned may count
        recent = [one for one in allowed if one[0] > journal.now_ns - 60 * SECOND_NS]
        worth = [one for one in recent if settled.get(one[1], "abandoned") == "abandoned"]
        assert len(recent) <= 6
        assert sum(one[2] for one in worth) <= 300_000.0 + 1e-6
        assert sum(one[3] for one in worth) <= 2_000.0 + 1e-6
