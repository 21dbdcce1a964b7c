"""Unwinding a desk: what the book takes, what is worked, and what cannot be said."""

import math
from dataclasses import dataclass, field

import msgspec
import numpy as np
import pytest

from holdfast.clock import SECOND_NS
from holdfast.error import CallerError
from holdfast.risk.contract import Contract
from holdfast.risk.liquidity.impact import Impact
from holdfast.risk.liquidity.unwind import Turnover, UnwindTerms, unwind
from holdfast.risk.market import Depth, Mark, Price, RiskMarket
from holdfast.risk.portfolio import Portfolio, Position

NOW = 1_760_000_000 * SECOND_NS
BOOK = Depth(
    NOW,
    np.array([[99.9, 10.0], [99.6, 20.0], [98.0, 500.0]]),
    np.array([[100.1, 10.0], [100.4, 20.0], [102.0, 500.0]]),
)
TURNOVER = Turnover(daily_volume=1_000.0, daily_volatility=0.04)


def position(
    quantity: float, symbol: str = "SOL-PERP", *, inverse: bool = False, quote: str = "USD"
) -> Position:
    contract = Contract(
        venue="v",
        symbol=symbol,
        kind="perpetual",
        asset="SOL",
        quote=quote,
        settle="SOL" if inverse else quote,
        inverse=inverse,
    )
    return Position(account="main", contract=contract, quantity=quantity)


@dataclass
class World:
    depths: dict[str, Depth] = field(default_factory=lambda: {"v:SOL-PERP": BOOK})
    prices: dict[str, Price] = field(default_factory=dict)

    def market(self) -> RiskMarket:
        return RiskMarket(time_ns=NOW, depths=self.depths, prices=self.prices)


def test_what_is_near_the_mid_is_taken_and_the_rest_is_worked() -> None:
    result = unwind(
        Portfolio(name="p", positions=(position(130.0),)), World().market(), {"v:SOL-PERP": TURNOVER}
    )
    (line,) = result.lines
    assert (line.taken, line.worked) == (30.0, 100.0)
    assert line.taken_cost == pytest.approx(10 * 0.1 + 20 * 0.4)
    assert line.days == pytest.approx(1.0)
    impact = Impact().average(100.0, 1_000.0, 0.04)
    assert line.worked_cost == pytest.approx(100.0 * (0.1 + 100.0 * impact))
    assert line.deviation == pytest.approx(100.0 * 100.0 * 0.04 * math.sqrt(1.0 / 3.0))
    assert (result.cost, result.days) == (pytest.approx(line.cost), line.days)
    assert not result.missing


def test_what_fits_costs_no_time_and_needs_no_turnover() -> None:
    result = unwind(Portfolio(name="p", positions=(position(-5.0),)), World().market(), {})
    assert (result.days, result.deviation) == (0.0, 0.0)
    assert result.cost == pytest.approx(0.5)


def test_an_inverse_position_is_counted_in_coins() -> None:
    result = unwind(Portfolio(name="p", positions=(position(1_000.0, inverse=True),)), World().market(), {})
    assert result.lines[0].size == pytest.approx(10.0)


def test_a_quote_currency_is_turned_into_base_or_told_missing() -> None:
    desk = Portfolio(name="p", positions=(position(5.0, quote="USDT"),))
    priced = unwind(desk, World(prices={"USDT": Price(0.5, NOW)}).market(), {})
    assert priced.cost == pytest.approx(0.25)
    gone = unwind(desk, World().market(), {})
    assert ([gap.code for gap in gone.missing], gone.lines, gone.cost) == (["price.absent"], (), 0.0)


@pytest.mark.parametrize(
    ("depths", "turnovers", "code"),
    [
        ({}, {}, "depth.absent"),
        ({"v:SOL-PERP": Depth(NOW - 61 * SECOND_NS, BOOK.bids, BOOK.asks)}, {}, "depth.stale"),
        ({"v:SOL-PERP": Depth(NOW, np.empty((0, 2)), BOOK.asks)}, {}, "depth.empty"),
        ({"v:SOL-PERP": BOOK}, {}, "volume.absent"),
    ],
)
def test_a_position_without_a_book_or_a_volume_is_told_and_in_no_total(
    depths: dict[str, Depth], turnovers: dict[str, Turnover], code: str
) -> None:
    result = unwind(
        Portfolio(name="p", positions=(position(130.0),)), World(depths=depths).market(), turnovers
    )
    assert [gap.code for gap in result.missing] == [code]
    assert (result.lines, result.cost, result.days) == ((), 0.0, 0.0)


def test_the_desk_needs_as_long_as_its_slowest_position() -> None:
    depths = {"v:SOL-PERP": BOOK, "v:OTHER": BOOK}
    desk = Portfolio(name="p", positions=(position(50.0), position(230.0, "OTHER")))
    result = unwind(desk, World(depths=depths).market(), {"v:SOL-PERP": TURNOVER, "v:OTHER": TURNOVER})
    assert result.days == pytest.approx(2.0)
    assert result.cost == pytest.approx(sum(line.cost for line in result.lines))


def test_a_larger_share_of_the_volume_is_quicker_and_dearer() -> None:
    desk = Portfolio(name="p", positions=(position(1_030.0),))
    slow, fast = (
        unwind(desk, World().market(), {"v:SOL-PERP": TURNOVER}, UnwindTerms(participation=share))
        for share in (0.05, 0.5)
    )
    assert fast.days < slow.days
    assert fast.cost > slow.cost
    assert fast.deviation < slow.deviation


@pytest.mark.parametrize(
    "terms", [{"participation": 0.0}, {"participation": 1.5}, {"slippage_max": -0.1}, {"stale_s": -1.0}]
)
def test_terms_that_are_none_are_refused(terms: dict[str, float]) -> None:
    with pytest.raises(CallerError, match=r"unwind\.terms"):
        UnwindTerms(**terms)


def test_a_turnover_that_is_none_is_refused() -> None:
    with pytest.raises(CallerError, match=r"unwind\.turnover"):
        Turnover(daily_volume=0.0, daily_volatility=0.1)


def test_without_a_book_a_perpetual_is_worked_at_its_mark_and_the_unknown_spread_is_told() -> None:
    marked = msgspec.structs.replace(
        World(depths={}).market(), marks={"v:SOL-PERP": Mark(price=100.0, time_ns=NOW)}
    )
    result = unwind(Portfolio(name="p", positions=(position(130.0),)), marked, {"v:SOL-PERP": TURNOVER})
    assert [gap.code for gap in result.missing] == ["depth.absent"]
    [line] = result.lines
    assert (line.taken, line.worked) == (0.0, 130.0)
    assert line.days == pytest.approx(130.0 / (0.1 * TURNOVER.daily_volume))
    assert result.cost == pytest.approx(line.worked_cost)
    assert result.cost > 0.0
