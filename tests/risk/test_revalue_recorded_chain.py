"""A real chain as a desk: its value is the venue's, its deltas too, and the recorded crash loses what the event says."""

from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest

from holdfast.app.risk.events import default_events
from holdfast.risk import revalue, valuation
from holdfast.risk.legs import LEG, OPTION_INVERSE, Legs
from holdfast.risk.scenarios.historical import historical
from tests.risk.scenarios.recorded_moves import CHAIN_FROM, CHAIN_TO


def chain(data: Path, name: str) -> pd.DataFrame:
    table = pd.read_csv(data / "deribit_chain" / name)
    return table[(table.implied_volatility > 0) & (table.time_to_maturity > 1.0 / 365)].set_index(
        "instrument_name"
    )


def desk_of(table: pd.DataFrame) -> Legs:
    """Hold one of every option, with the venue's own mark volatility."""
    index = {asset: table.index_price[table.currency == asset].median() for asset in ("BTC", "ETH")}
    rows = np.zeros(len(table), dtype=LEG)
    rows["kind"], rows["quantity"], rows["discount"] = OPTION_INVERSE, 1.0, 1.0
    rows["asset"] = rows["settle"] = np.where(table.currency == "BTC", 1, 2)
    rows["position"] = np.arange(len(rows))
    rows["ratio"] = table.futures_price / table.currency.map(index)
    rows["strike"], rows["years"] = table.strike, table.time_to_maturity
    rows["volatility"] = table.implied_volatility
    rows["sign"] = np.where(table.option_type == "call", 1.0, -1.0)
    return Legs(
        legs=rows, assets=("USD", "BTC", "ETH"), prices=np.array([1.0, index["BTC"], index["ETH"]]),
        accounts=(("deribit", "main"),), names=tuple(table.index), missing=(),
    )  # fmt: skip


@pytest.fixture(scope="module")
def before(shared_data: Path) -> pd.DataFrame:
    return chain(shared_data, CHAIN_FROM)


@pytest.fixture(scope="module")
def after(shared_data: Path) -> pd.DataFrame:
    return chain(shared_data, CHAIN_TO)


def test_every_option_is_worth_its_mark_and_has_the_venues_delta_and_vega(before: pd.DataFrame) -> None:
    legs = desk_of(before)
    valued = valuation.value(legs)
    prices = legs.prices[legs.legs["asset"]]
    coins = valued.numbers[:, valuation.VALUE] / prices
    assert np.abs(coins - before.mark_price).max() < 3e-3
    assert np.median(np.abs(coins - before.mark_price)) < 5e-5  # the volatility is shown to two decimals
    # the venue shows Black's delta: that of the value in dollars, the premium in coin included
    delta = valued.numbers[:, valuation.DELTA_ASSET]
    assert np.median(np.abs(delta - before.delta)) < 2e-3
    assert np.abs(delta - before.delta).max() < 0.03
    vega = 0.01 * valued.numbers[:, valuation.VEGA_RAW]
    assert np.median(np.abs(vega / before.vega - 1.0)[before.vega > 1.0]) < 0.02
    assert len(before) > 1_000


def test_the_crash_as_an_event_is_what_the_chain_did(before: pd.DataFrame, after: pd.DataFrame) -> None:
    """Options are chosen that live on through it, near the money; a scenario knows tenor, spot and skew, not each strike."""
    both = before.index.intersection(after.index)
    table = before.loc[both]
    moneyness = np.log(table.strike / table.futures_price) / np.sqrt(table.time_to_maturity)
    table = table[
        (moneyness.abs() < 0.5) & (table.time_to_maturity > 5.0 / 365) & (table.time_to_maturity < 0.7)
    ]
    legs = desk_of(table)
    event = default_events().events["crash-2026"]
    scenario = historical(legs, event)
    hours = msgspec.structs.replace(scenario.shocks, horizon_years=17.0 / 24.0 / 365.0)
    aged = revalue.leg_values(legs, hours)[0]
    end = after.loc[table.index]
    index = end.groupby("currency").index_price.transform("median")
    measured = (end.mark_price * index).to_numpy()
    now = revalue.values(legs)
    told, was = aged - now, measured - now
    for coin in ("BTC", "ETH"):
        mine = (table.currency == coin).to_numpy()
        assert np.corrcoef(told[mine], was[mine])[0, 1] > 0.99
        assert np.median(np.abs(told - was)[mine]) < 0.1 * np.median(np.abs(was[mine]))
        assert told[mine].sum() == pytest.approx(was[mine].sum(), rel=0.15), coin
    assert len(table) > 150
