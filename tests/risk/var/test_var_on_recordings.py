"""The models on real series: January 2022 by the hour, 2025-10-10 by the minute, Deribit chains through 2026-02-05."""

import csv
import gzip
import io
import json
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

from holdfast.risk.missing import Missing
from holdfast.risk.var.filtered import filtered
from holdfast.risk.var.historical import historical
from holdfast.risk.var.measure import RiskMeasure, measure
from holdfast.risk.var.monte_carlo import JointModel, joint_model, monte_carlo
from holdfast.risk.var.returns import Panel, Series, panel_of
from holdfast.risk.var.sample import Sample
from holdfast.risk.var.spot_volatility import SpotVolatility, spot_volatility
from holdfast.risk.var.tail import Tail, tail_of

MINUTE_NS = 60 * 10**9
HOUR_NS = 60 * MINUTE_NS
DAY_NS = 24 * HOUR_NS
CASCADE_DAY = int(np.datetime64("2025-10-10T00:00", "ns").astype(np.int64))


def at_minute(text: str) -> int:
    return int(np.datetime64(f"2025-10-10T{text}", "ns").astype(np.int64))


def measured(profits: NDArray[np.float64], level: float, overlap: int = 1) -> RiskMeasure:
    found = measure(profits, level, model="test", horizon_years=1.0, overlap=overlap)
    assert isinstance(found, RiskMeasure), found
    return found


def january(shared_data: Path) -> Series:
    with gzip.open(shared_data / "klines" / "btc-perp-20211231-20220201_1m.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    times = np.array([row["timestamp"] for row in rows], dtype="datetime64[ns]").astype(np.int64)
    return Series(
        asset="BTC", times_ns=times + MINUTE_NS, values=np.array([float(row["close"]) for row in rows])
    )


def cascade_trades(shared_data: Path, asset: str) -> Series:
    name = f"binance-delivery_trades_2025-10-10_{asset}USD_PERP.csv.gz"
    with gzip.open(shared_data / "cascade_2025-10-10" / "coinm_trades" / name, "rt") as file:
        columns = [(row["timestamp"], row["price"]) for row in csv.DictReader(file)]
    times = np.array([int(time) for time, _ in columns], dtype=np.int64) * 1_000
    prices = np.array([float(price) for _, price in columns])
    order = np.argsort(times, kind="stable")
    last = np.append(np.diff(times[order]) > 0, True)  # the last trade of each moment
    return Series(asset=asset, times_ns=times[order][last], values=prices[order][last])


def cascade_btc(shared_data: Path) -> Series:
    times: list[int] = []
    values: list[float] = []
    for day in ("09", "10"):
        with zipfile.ZipFile(
            shared_data / "cascade_2025-10-10" / f"BTCUSD_PERP-1m-2025-10-{day}.zip"
        ) as archive:
            lines = io.TextIOWrapper(archive.open(archive.namelist()[0]))
            rows = [row for row in csv.reader(lines) if row[0].isdigit()]
        times += [(int(row[6]) + 1) * 10**6 for row in rows]
        values += [float(row[4]) for row in rows]
    return Series(asset="BTC", times_ns=np.array(times), values=np.array(values))


@pytest.fixture(scope="module")
def cascade(shared_data: Path) -> list[Series]:
    return [
        cascade_btc(shared_data),
        *(cascade_trades(shared_data, asset) for asset in ("AAVE", "ATOM", "TRX")),
    ]


def until(histories: list[Series], end_ns: int, step_ns: int = MINUTE_NS) -> Panel:
    return panel_of(
        [
            Series(
                asset=one.asset,
                times_ns=one.times_ns[one.times_ns <= end_ns],
                values=one.values[one.times_ns <= end_ns],
            )
            for one in histories
        ],
        step_ns,
    )


def test_minutes_in_which_nothing_traded_are_left_out_and_counted(cascade: list[Series]) -> None:
    panel = until(cascade, CASCADE_DAY + DAY_NS)
    told = {one.where: one.reason for one in panel.missing if one.code == "returns.gap"}
    assert set(told) == {"ATOM", "TRX"}  # BTC and AAVE traded or were marked in every minute
    assert "38 of 1,439 times" in told["ATOM"]
    assert "284 of 1,439 times" in told["TRX"]
    assert len(panel.log_returns) == 928
    assert len(until(cascade[:3], CASCADE_DAY + DAY_NS).log_returns) > 1_350  # without TRX
    assert panel.log_returns[:, 2].min() < -0.35  # ATOM within one minute
    assert [one.where for one in panel.missing if one.code == "returns.cut"] == [
        "BTC"
    ]  # two days of it, one of them


def test_hourly_bitcoin_in_january_exceeds_filtered_var_about_as_often_as_it_says(shared_data: Path) -> None:
    panel = panel_of([january(shared_data)], HOUR_NS)
    assert len(panel.log_returns) == 749
    window, exceeded, worse, told = 400, 0, 0, 0
    for now in range(window, 749):
        history = Panel(
            step_ns=HOUR_NS,
            ends_ns=panel.ends_ns[now - window : now],
            assets=("BTC",),
            of=("spot",),
            log_returns=panel.log_returns[now - window : now],
        )
        sample = filtered(history, steps=1, paths=1, seed=1)
        assert isinstance(sample, Sample)
        found = measured(np.expm1(sample.spot_log[:, 0]), 0.95)
        loss = -float(np.expm1(panel.log_returns[now, 0]))
        told += 1
        exceeded += loss > found.var
        worse += loss > 3.0 * found.es
    assert binom.cdf(exceeded, told, 0.05) > 0.005
    assert binom.sf(exceeded - 1, told, 0.05) > 0.005
    assert worse <= 2


def test_models_agree_within_a_factor_over_an_hour_a_day_and_ten(shared_data: Path) -> None:
    panel = panel_of([january(shared_data)], HOUR_NS)
    model = joint_model(panel)
    assert isinstance(model, JointModel)
    for steps in (1, 24, 240):
        samples = {
            "historical": historical(panel, steps=steps),
            "filtered": filtered(panel, steps=steps, paths=10_000, seed=1),
            "monte carlo": monte_carlo(model, horizon_years=steps / 8_760.0, paths=10_000, seed=1),
        }
        found: dict[str, RiskMeasure] = {}
        for name, sample in samples.items():
            assert isinstance(sample, Sample), sample
            found[name] = measured(np.expm1(sample.spot_log[:, 0]), 0.95, sample.overlap)
        values = [one.var for one in found.values()]
        assert max(values) / min(values) < 2.0
    assert (
        found["historical"].var_error > 3.0 * found["filtered"].var_error
    )  # three stretches of ten days, not 510


def long_perpetuals(sample: Sample) -> NDArray[np.float64]:
    """Return the profit of a dollar long of AAVE and one of ATOM."""
    return np.expm1(sample.spot_log[:, [sample.assets.index("AAVE"), sample.assets.index("ATOM")]]).sum(
        axis=1
    )


def within_the_hour(cascade: list[Series], start_ns: int) -> float:
    """Return the worst loss of those two dollars within the hour that followed."""
    values = []
    for one in cascade[1:3]:
        grid = start_ns + np.arange(61) * MINUTE_NS
        values.append(one.values[np.searchsorted(one.times_ns, grid, side="right") - 1])
    return float(-sum(value / value[0] - 1.0 for value in values).min())


def test_the_cascade_was_beyond_every_model_and_no_model_forgot_it_an_hour_later(
    cascade: list[Series],
) -> None:
    shortfalls: dict[str, list[float]] = {"filtered": [], "monte carlo": []}
    for now in (at_minute("14:00"), at_minute("20:45"), at_minute("22:15")):
        panel = until(cascade[:3], now)
        model = joint_model(panel)
        assert isinstance(model, JointModel)
        samples = (
            filtered(panel, steps=60, paths=8_000, seed=1),
            monte_carlo(model, horizon_years=1.0 / 8_760.0, paths=8_000, seed=1),
        )
        for name, sample in zip(shortfalls, samples, strict=True):
            assert isinstance(sample, Sample), sample
            shortfalls[name].append(measured(long_perpetuals(sample), 0.99).es)
    lost = within_the_hour(cascade, at_minute("20:45"))
    assert lost > 1.2  # of two dollars
    for calm, eve, after in shortfalls.values():
        assert eve > 1.3 * calm  # they saw the afternoon's fall
        assert (
            lost > 8.0 * eve
        )  # and what followed was no event of their worlds: that is what scenarios are for
        assert after > 5.0 * eve
    assert within_the_hour(cascade, at_minute("14:00")) < shortfalls["filtered"][0]


def test_the_tail_of_the_crash_day_is_heavier_than_that_of_the_hours_before(cascade: list[Series]) -> None:
    shapes = []
    for now in (at_minute("20:45"), at_minute("23:59")):
        panel = until(cascade[:3], now)
        found = tail_of(panel.log_returns[:, 1], model="AAVE by the minute")
        assert isinstance(found, Tail), found
        shapes.append((found.shape, found.shape_error))
    assert shapes[1][0] > shapes[0][0] + shapes[0][1]
    assert shapes[1][0] > 0.5  # infinite variance, on that day


def test_a_day_of_minutes_is_no_history_for_a_day_and_says_so(cascade: list[Series]) -> None:
    panel = until(cascade[:3], at_minute("14:00"))
    day = filtered(panel, steps=1_440, paths=100, seed=1)
    assert isinstance(day, Missing)
    assert day.code == "history.short"


def test_twenty_days_of_dvol_beside_spot_are_too_few_for_a_regression(shared_data: Path) -> None:
    table = pyarrow.parquet.read_table(shared_data / "depeg" / "usdc_2023-03" / "coinbase_btcusd.parquet")
    times = np.array(table["start"].to_numpy(), dtype=np.int64) * 10**9 + MINUTE_NS
    spot = Series(asset="BTC", times_ns=times, values=np.array(table["close"].to_numpy(), dtype=float))
    index = json.loads((shared_data / "deribit_chain" / "dvol_btc.json").read_text())
    dvol = Series(
        asset="BTC",
        of="volatility",
        times_ns=np.array([row[0] for row in index]) * 10**6 + DAY_NS,  # a day's value is that of its end
        values=np.array([row[1] for row in index]) / 100.0,
    )
    panel = panel_of([spot, dvol], DAY_NS)
    assert 18 <= len(panel.log_returns) <= 21
    refused = spot_volatility(panel, "BTC")
    assert isinstance(refused, Missing)
    assert refused.code == "history.short"
    alone = panel_of([dvol], DAY_NS)
    assert [one.code for one in alone.missing] == ["returns.gap"]  # the index lacks its last day but one
    assert len(alone.log_returns) == 1_100


def chain_series(shared_data: Path) -> list[Series]:
    """Return index prices and 30-day at-the-money volatilities of BTC and ETH, four a day, from the whole chains."""
    rows: list[tuple[int, str, float, float]] = []
    with tarfile.open(shared_data / "deribit_chain" / "snapshots_full_20260124_20260228.tar.xz") as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            if file is None or ".csv" not in member.name:
                continue
            data = file.read()
            text = gzip.decompress(data).decode() if member.name.endswith("gz") else data.decode()
            quotes: dict[str, dict[float, list[tuple[float, float]]]] = {}
            spots: dict[str, tuple[int, float]] = {}
            for row in csv.DictReader(io.StringIO(text)):
                if not row["implied_volatility"]:
                    continue
                years = float(row["time_to_maturity"])
                away = abs(np.log(float(row["strike"]) / float(row["futures_price"])))
                coin = quotes.setdefault(row["currency"], {})
                coin.setdefault(years, []).append((away, float(row["implied_volatility"]) / 100.0))
                when = int(np.datetime64(row["timestamp"][:19], "ns").astype(np.int64))
                spots[row["currency"]] = when, float(row["index_price"])
            for currency, coin in quotes.items():
                years = np.array(sorted(one for one in coin if one > 0.01))
                near = [np.mean([volatility for _, volatility in sorted(coin[one])[:2]]) for one in years]
                variance = np.interp(30.0 / 365.0, years, np.square(near) * years)
                rows.append(
                    (
                        spots[currency][0],
                        currency,
                        spots[currency][1],
                        float(np.sqrt(variance * 365.0 / 30.0)),
                    )
                )
    rows.sort()
    found: list[Series] = []
    for currency in ("BTC", "ETH"):
        own = [row for row in rows if row[1] == currency]
        times = np.array([row[0] for row in own])
        found.append(Series(asset=currency, times_ns=times, values=np.array([row[2] for row in own])))
        found.append(
            Series(asset=currency, of="volatility", times_ns=times, values=np.array([row[3] for row in own]))
        )
    return found


def test_through_february_2026_volatility_rose_with_every_fall_and_the_models_keep_it(
    shared_data: Path,
) -> None:
    panel = panel_of(chain_series(shared_data), 6 * HOUR_NS)
    assert len(panel.log_returns) == 138
    for asset, low, high in (("BTC", -3.2, -1.7), ("ETH", -1.6, -0.8)):
        slopes = spot_volatility(panel, asset)
        assert isinstance(slopes, SpotVolatility)
        assert low < slopes.down < high
        assert slopes.down < slopes.up < 0.0  # in this fall volatility eased on every rise
        assert slopes.explained > 0.4
    model = joint_model(panel)
    assert isinstance(model, JointModel)
    assert model.copula.freedom < 12.0
    sample = monte_carlo(model, horizon_years=1.0 / 365.0, paths=20_000, seed=1)
    paths = filtered(panel, steps=4, paths=20_000, seed=1)
    assert isinstance(paths, Sample)
    for one in (sample, paths):
        for asset in (0, 1):
            assert np.corrcoef(one.spot_log[:, asset], one.volatility_shift[:, asset])[0, 1] < -0.5
    ratio = sample.spot_log.std(axis=0) / paths.spot_log.std(axis=0)
    assert ((ratio > 0.6) & (ratio < 1.7)).all()
