"""Market files: a JSON of prices is taken at its word and refused where it is wrong; recordings go through the fold."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from holdfast.app.risk.market_file import read_market
from holdfast.app.risk.surfaces import with_surfaces
from holdfast.clock import parse_time_ns
from holdfast.error import CallerError
from holdfast.risk.contract import Contract
from holdfast.risk.legs import compile_legs
from holdfast.risk.portfolio import Balance, Portfolio, Position

TIME = "2026-02-05T12:00:00Z"
STATED: dict[str, Any] = {
    "time": TIME,
    "prices": {"BTC": 70_000.0, "USDT": 0.999},
    "marks": {
        "deribit:BTC-27MAR26-80000-C": {"price": 0.021, "volatility": 0.55, "bid": 0.0205, "ask": 0.0215}
    },
    "forwards": {"BTC": {"2026-03-27T08:00:00Z": 70_600.0, "2026-06-26T08:00:00Z": 71_500.0}},
}
OPTION = Contract(
    venue="deribit", symbol="BTC-27MAR26-80000-C", kind="option", asset="BTC", quote="USD", settle="BTC", inverse=True,
    strike=80_000.0, option_type="call", expiry_ns=parse_time_ns("2026-03-27T08:00:00Z"),
)  # fmt: skip
DESK = Portfolio(
    name="desk",
    positions=(Position(account="a", contract=OPTION, quantity=-2.0),),
    balances=(Balance(venue="deribit", account="a", asset="BTC", amount=1.0),),
)


def stated(folder: Path, **changes: Any) -> Path:
    path = folder / "market.json"
    path.write_text(json.dumps({**STATED, **changes}))
    return path


def test_a_stated_market_prices_a_portfolio(tmp_path: Path) -> None:
    market = read_market([stated(tmp_path)], DESK).market
    legs = compile_legs(DESK, market)
    assert legs.missing == ()
    assert market.curves["BTC"].forward(OPTION.expiry_ns) == pytest.approx(70_600.0)
    assert float(legs.legs["volatility"][0]) == 0.55


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"time": "noon"}, "not a time"),
        ({"prices": {"BTC": -1.0}}, "is not a price"),
        ({"prices": {"BTC": "much"}}, "Expected `float`"),
        ({"prices": {}}, "no price of BTC"),
        ({"marks": {"deribit:X": {"volatility": 0.5}}}, "marks.deribit:X.price"),
        ({"marks": {"deribit:X": {"price": 1.0, "vol": 0.5}}}, "unknown key 'vol'"),
        ({"forwards": {"BTC": {"2026-03-27T08:00:00Z": 0.0}}}, "is not a price"),
        ({"spots": {}}, "unknown field `spots`"),
    ],
)
def test_a_stated_market_that_is_wrong_is_refused_with_the_place(
    tmp_path: Path, changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(CallerError, match=r"market\.unreadable") as caught:
        read_market([stated(tmp_path, **changes)], DESK)
    assert says in str(caught.value)


def test_a_stated_market_stands_alone(tmp_path: Path) -> None:
    path = stated(tmp_path)
    with pytest.raises(CallerError, match=r"market\.mixed"):
        read_market([path, path], DESK)


def test_a_file_without_a_usable_row_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "trades.csv"
    path.write_text("exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n")
    with pytest.raises(CallerError):
        read_market([path], DESK)


def test_a_recorded_chain_is_a_market_with_surfaces(shared_data: Path) -> None:
    seen = read_market(
        [shared_data / "deribit_chain" / "deribit_options_snapshot_20260205T212937Z.csv.gz"], DESK
    )
    assert seen.market.prices["BTC"].source == "index"
    assert seen.market.prices["BTC"].value == pytest.approx(63_719.0, abs=1.0)
    assert "ETH" not in seen.market.prices  # the portfolio holds none
    fitted = with_surfaces(seen.market, seen.chains)
    legs = compile_legs(DESK, fitted.market)
    assert legs.missing == ()
    assert set(fitted.market.surfaces) == {"BTC"}
    assert len(fitted.market.curves["BTC"].expiries_ns) >= 10
    own = float(legs.legs["volatility"][0])
    years = float(legs.legs["years"][0])
    moneyness = math.log(80_000.0 / fitted.market.curves["BTC"].forward(OPTION.expiry_ns))
    assert fitted.market.surfaces["BTC"].volatility(moneyness, years) == pytest.approx(own, abs=0.01)
