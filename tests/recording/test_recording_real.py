"""Real recordings, against a slow and independent reading with the csv module and exact decimals."""

import csv
import gzip
import io
import lzma
import tarfile
from collections import Counter
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from recording_samples import read

from holdfast import tape
from holdfast.clock import parse_time_ns
from holdfast.tape import KIND_NAMES, LAST, Rows


def _kinds(rows: Rows) -> dict[str, int]:
    numbers, counts = np.unique(rows["kind"], return_counts=True)
    return {KIND_NAMES[n]: c for n, c in zip(numbers.tolist(), counts.tolist(), strict=True)}


def _dicts(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt") as file:
        return list(csv.DictReader(file))


TRADES = [
    ("coinm_trades/binance-delivery_trades_2025-10-10_AAVEUSD_PERP.csv.gz", "binance-coinm:AAVEUSD_PERP"),
    ("coinm_trades/binance-delivery_trades_2025-10-10_ATOMUSD_PERP.csv.gz", "binance-coinm:ATOMUSD_PERP"),
    ("coinm_trades/binance-delivery_trades_2025-10-10_TRXUSD_PERP.csv.gz", "binance-coinm:TRXUSD_PERP"),
    ("spot_trades/coinbase_trades_2025-10-10_ATOM-USD.csv.gz", "coinbase:ATOM-USD"),
    ("spot_trades/coinbase_trades_2025-10-10_ENA-USD.csv.gz", "coinbase:ENA-USD"),
    ("spot_trades/gemini_trades_2025-10-10_BTCUSD.csv.gz", "gemini:BTCUSD"),
]


@pytest.mark.parametrize(("name", "instrument"), TRADES)
def test_trades_equal_a_slow_exact_reading(shared_data: Path, name: str, instrument: str) -> None:
    path = shared_data / "cascade_2025-10-10" / name
    rows, recording = read([path])
    slow = _dicts(path)
    assert (len(rows), recording.messages, recording.quarantined) == (len(slow), len(slow), 0)
    assert [i.name for i in recording.instruments.all] == [instrument]
    order = np.argsort(np.maximum.accumulate([int(r["local_timestamp"]) for r in slow]), kind="stable")
    assert (order == np.arange(len(slow))).all()
    assert rows["price"].tolist() == [int(Decimal(r["price"]).scaleb(9)) for r in slow]
    assert rows["size"].tolist() == [int(Decimal(r["amount"]).scaleb(8)) for r in slow]
    assert rows["side"].tolist() == [{"buy": 1, "sell": -1}[r["side"]] for r in slow]
    assert rows["exchange_ns"].tolist() == [int(r["timestamp"]) * 1000 for r in slow]
    assert rows["received_ns"].tolist() == [int(r["local_timestamp"]) * 1000 for r in slow]
    assert (rows["flags"] == LAST).all()


@pytest.mark.parametrize("right", ["C", "P"])
def test_an_option_is_read_field_by_field(shared_data: Path, right: str) -> None:
    name = f"okex-options_options_chain_2025-10-10_BTC-USD-251031-80000-{right}.csv.gz"
    path = shared_data / "cascade_2025-10-10" / "okx_options" / name
    rows, recording = read([path])
    slow = _dicts(path)
    assert (recording.messages, recording.quarantined) == (len(slow), 0)
    option = recording.instruments[0]
    assert option.name == f"okx:BTC-USD-251031-80000-{right}"
    assert (option.strike, option.inverse, option.settle) == (80000.0, True, "BTC")
    assert option.expiry_ns == parse_time_ns("2025-10-31T08:00:00Z")
    assert option.option_type == {"C": "call", "P": "put"}[right]
    for column, kind, side in (
        ("bid_iv", tape.IMPLIED_VOL, 1),
        ("ask_iv", tape.IMPLIED_VOL, -1),
        ("mark_iv", tape.IMPLIED_VOL, 0),
        ("mark_price", tape.MARK, 0),
        ("underlying_price", tape.FORWARD, 0),
        ("open_interest", tape.OPEN_INTEREST, 0),
        ("delta", tape.DELTA, 0),
        ("vega", tape.VEGA, 0),
    ):
        mine = rows[(rows["kind"] == kind) & (rows["side"] == side)]
        assert mine["value"].tolist() == [float(r[column]) for r in slow if r[column]]
    for name, side in (("bid", 1), ("ask", -1)):
        tops = rows[(rows["kind"] == tape.TOP) & (rows["side"] == side)]
        assert tops["price"].tolist() == [
            int(Decimal(r[f"{name}_price"]).scaleb(9)) for r in slow if r[f"{name}_price"]
        ]
        pulled = rows[(rows["kind"] == tape.QUOTE_PULLED) & (rows["side"] == side)]
        missing = [r for r in slow if not r[f"{name}_price"] and r["mark_price"]]
        assert pulled["received_ns"].tolist() == [int(r["local_timestamp"]) * 1000 for r in missing]


def test_depth_bands_come_in_groups_and_the_bad_time_is_told(shared_data: Path) -> None:
    path = shared_data / "cascade_2025-10-10" / "BTCUSDT-bookDepth-2025-10-10.csv.gz"
    rows, recording = read([path])
    assert (recording.messages, recording.quarantined) == (28790, 1)
    fault = recording.faults[0]
    assert (fault.line, fault.code) == (25883, "time.malformed")
    assert fault.sample.startswith(" 2025-10-10 21:34:32,-4,")
    bad = np.flatnonzero(rows["kind"] == tape.TIME_BAD)
    assert rows["received_ns"][bad].tolist() == [parse_time_ns("2025-10-10T21:34:32Z")]
    sizes = np.diff(np.append(-1, np.flatnonzero(rows["flags"] & LAST)))
    assert Counter(sizes.tolist()) == {10: 2879}
    bands = rows[rows["kind"] == tape.BAND]
    assert sorted(set(bands["price"].tolist())) == [-500, -400, -300, -200, -100, 100, 200, 300, 400, 500]
    assert (bands["side"] == -np.sign(bands["price"])).all()
    slow = [r for r in _dicts(path) if not r["timestamp"].startswith(" ")]
    assert bands["size"].tolist() == [int(Decimal(r["depth"]).scaleb(8)) for r in slow]
    prices = np.array([float(r["weighted_avg_price"]) for r in slow])
    assert np.abs(bands["value"] / prices - 1).max() < 1e-9


@pytest.mark.parametrize("day", ["09", "10"])
def test_candles_of_index_prices_have_no_volume(shared_data: Path, day: str) -> None:
    rows, recording = read([shared_data / "cascade_2025-10-10" / f"BTCUSD_PERP-1m-2025-10-{day}.zip"])
    assert (recording.messages, len(rows)) == (1440, 5760)
    assert recording.instruments[0].name == "binance-coinm:BTCUSD_PERP"
    closes = rows[rows["kind"] == tape.BAR_CLOSE]
    assert np.isnan(closes["value"]).all()
    assert (np.diff(closes["exchange_ns"]) == 60 * 10**9).all()
    assert closes["exchange_ns"][-1] == parse_time_ns("2025-10-10T00:00:00Z") + (day == "10") * 86400 * 10**9


BARS = {
    "usdc_2023-03/binance_btcusdc.parquet": ("binance-spot:BTCUSDC", 30240),
    "usdc_2023-03/binance_btcusdt.parquet": ("binance-spot:BTCUSDT", 30240),
    "usdc_2023-03/binance_usdcusdt.parquet": ("binance-spot:USDCUSDT", 30240),
    "usdc_2023-03/coinbase_btcusd.parquet": ("coinbase:BTCUSD", 29950),
    "usdc_2023-03/coinbase_btcusdt.parquet": ("coinbase:BTCUSDT", 24478),
    "usdc_2023-03/coinbase_usdtusd.parquet": ("coinbase:USDTUSD", 29927),
    "usdc_2023-03/kraken_usdcusd.parquet": ("kraken:USDCUSD", 20934),
    "usde_2025-10/usde_minute_binance.parquet": ("binance-spot:USDE", 184125),
}


@pytest.mark.parametrize("name", sorted(BARS))
def test_minutes_are_exact_and_stand_at_their_end(shared_data: Path, name: str) -> None:
    path = shared_data / "depeg" / name
    rows, recording = read([path])
    instrument, count = BARS[name]
    assert (recording.instruments[0].name, recording.messages, recording.quarantined) == (
        instrument,
        count,
        0,
    )
    table = pq.read_table(path)
    column = "timestamp" if "timestamp" in table.column_names else "__index_level_0__"
    starts = table[column].to_numpy().astype(np.int64)
    for kind, key in (
        (tape.BAR_OPEN, "open"),
        (tape.BAR_HIGH, "high"),
        (tape.BAR_LOW, "low"),
        (tape.BAR_CLOSE, "close"),
    ):
        mine = rows[rows["kind"] == kind]
        assert (mine["exchange_ns"] == starts + 60 * 10**9).all()
        assert mine["price"].tolist() == [int(Decimal(repr(v)).scaleb(9)) for v in table[key].to_pylist()]


def test_the_pool_is_a_bar_a_block(shared_data: Path) -> None:
    rows, recording = read([shared_data / "depeg" / "usde_2025-10" / "uniswap_usde.parquet"])
    assert (recording.messages, len(rows), recording.instruments[0].name) == (2980, 11920, "uniswap:USDE")
    closes = rows[rows["kind"] == tape.BAR_CLOSE]["price"]
    assert (closes.min(), closes.max()) == (994133161, 1000130471)
    lows = read([shared_data / "depeg" / "usde_2025-10" / "usde_minute_binance.parquet"])[0]
    assert lows[lows["kind"] == tape.BAR_LOW]["price"].min() == 650_000_000


def test_the_month_of_minutes(shared_data: Path) -> None:
    path = shared_data / "klines" / "btc-perp-20211231-20220201_1m.csv.gz"
    rows, recording = read([path])
    slow = _dicts(path)
    assert (recording.messages, recording.quarantined, len(rows)) == (len(slow), 0, 4 * len(slow))
    closes = rows[rows["kind"] == tape.BAR_CLOSE]
    assert closes["price"].tolist() == [int(Decimal(r["close"]).scaleb(9)) for r in slow]
    assert closes["value"].tolist() == [float(r["volume"]) for r in slow]
    assert closes["received_ns"][0] == parse_time_ns("2021-12-31T23:02:00Z")


CHAINS = {
    "20251230T173115Z": (1304, 33, 0, 1304),
    "20260205T042952Z": (1700, 247, 164, 1700),
    "20260205T212937Z": (1840, 605, 459, 1840),
    "20260206T043012Z": (1884, 157, 19, 1884),
    "20260209T045250Z": (1620, 88, 19, 1620),
    "20260610T123339Z": (1708, 506, 410, 1708 - 232),
}


@pytest.mark.parametrize("stamp", sorted(CHAINS))
def test_a_chain_snapshot_states_every_quote(shared_data: Path, stamp: str) -> None:
    path = shared_data / "deribit_chain" / f"deribit_options_snapshot_{stamp}.csv.gz"
    rows, recording = read([path])
    lines, bids_missing, asks_missing, forwards = CHAINS[stamp]
    kinds = _kinds(rows)
    assert (recording.messages, recording.quarantined, len(recording.instruments)) == (lines, 0, lines)
    pulled = rows[rows["kind"] == tape.QUOTE_PULLED]
    assert ((pulled["side"] == 1).sum(), (pulled["side"] == -1).sum()) == (bids_missing, asks_missing)
    assert kinds["top"] == 2 * lines - bids_missing - asks_missing
    assert (kinds["forward"], kinds["implied_vol"], kinds["index"]) == (forwards, lines, lines)
    slow = _dicts(path)
    bids = rows[(rows["kind"] == tape.TOP) & (rows["side"] == 1)]
    assert bids["price"].tolist() == [int(Decimal(r["bid_price"]).scaleb(9)) for r in slow if r["bid_price"]]
    assert all(
        i.inverse and i.kind == "option" and i.strike and i.option_type for i in recording.instruments.all
    )
    assert rows["received_ns"][0] == parse_time_ns(slow[0]["timestamp"])


def test_the_archive_of_chains_is_read_whole_in_time_order(shared_data: Path) -> None:
    path = shared_data / "deribit_chain" / "snapshots_full_20260124_20260228.tar.xz"
    rows, recording = read([path])
    assert (recording.messages, recording.quarantined) == (225_350, 0)
    moments = np.unique(rows["received_ns"])
    assert len(moments) == 142
    assert (np.diff(rows["received_ns"]) >= 0).all()
    with tarfile.open(path) as archive:
        member = archive.extractfile(archive.next())  # type: ignore[arg-type]
        assert member
        first = list(csv.DictReader(io.TextIOWrapper(member)))
    marks = rows[(rows["kind"] == tape.MARK) & (rows["received_ns"] == moments[0])]
    assert marks["value"].tolist() == [float(r["mark_price"]) for r in first]


CAPTURES = {
    "usdm/btcusdt_20240808.gz": (93954, {"top": 2 * 66089, "trade": 21313, "book_reset": 1}),
    "usdm/ethusdt_20240808.gz": (74655, {"book_reset": 1}),
    "spot/btcusdt_20240808.gz": (41249, {"top": 2 * 28040, "trade": 9757, "book_reset": 1}),
    "spot/btcusdt_20240809.gz": (58325, {}),
}


@pytest.mark.parametrize("name", sorted(CAPTURES))
def test_a_binance_capture_is_used_whole(shared_data: Path, name: str) -> None:
    rows, recording = read([shared_data / "orderbook" / "binance" / name])
    messages, counts = CAPTURES[name]
    assert (recording.messages, recording.quarantined, recording.faults) == (messages, 0, [])
    assert counts.items() <= _kinds(rows).items()


def test_captures_of_one_venue_read_together_give_what_they_give_apart(shared_data: Path) -> None:
    paths = [
        shared_data / "orderbook" / "binance" / "usdm" / f"{coin}usdt_20240808.gz" for coin in ("btc", "eth")
    ]
    rows, recording = read(paths)
    assert recording.faults == []
    for path in paths:
        alone, one = read([path])
        number = recording.instruments.find("binance-usdm", one.instruments[0].symbol)
        mine = rows[rows["instrument"] == number].copy()
        mine["instrument"] = 0
        assert mine.tobytes() == alone.tobytes()


def _lines(path: Path) -> int:
    with gzip.open(path) as file:
        return sum(1 for line in file if line.strip())


VENUES = {"BINANCE_FUTURES": 1542, "BITMEX": 2126, "KRAKEN_FUTURES": 7181, "OKX": 440, "DERIBIT": 143}


@pytest.mark.parametrize("venue", sorted(VENUES))
def test_every_frame_of_a_client_is_used_or_quarantined(shared_data: Path, venue: str) -> None:
    paths = sorted((shared_data / "raw_ws").glob(f"{venue}.*"))
    rows, recording = read(paths)
    assert recording.messages == VENUES[venue] == sum(_lines(path) for path in paths)
    assert recording.quarantined <= recording.messages // 1000
    assert len(rows)
    parts, again = read(paths, block_bytes=40_000)
    assert parts.tobytes() == rows.tobytes()
    assert again.faults == recording.faults


def test_single_orders_become_a_book_where_it_is_proven(shared_data: Path) -> None:
    path = shared_data / "orderbook" / "bitstamp_l3" / "orders.csv.xz"
    rows, recording = read([path])
    with lzma.open(path, "rt") as file:
        assert recording.messages == sum(1 for _ in csv.DictReader(file)) == 50_414
    assert recording.quarantined == 0
    kinds = _kinds(rows)
    assert kinds["book_reset"] - kinds.get("book_gap", 0) in (0, 1)


def test_the_bybit_archive(shared_data: Path) -> None:
    rows, recording = read([shared_data / "orderbook" / "bybit" / "xrpusdt-ob500.data.zip"])
    assert (recording.messages, recording.quarantined, _kinds(rows)["book_reset"]) == (50, 0, 1)
    assert recording.instruments[0].name == "bybit-linear:XRPUSDT"
    first, last = (parse_time_ns(f"2024-12-01T00:00:0{at}Z") for at in ("0.691", "5.490"))
    assert (rows["received_ns"][0], rows["received_ns"][-1]) == (first, last)


@pytest.mark.parametrize("block_bytes", [5_000, 70_001])
def test_the_day_of_the_cascade_is_one_order_whatever_the_blocks(shared_data: Path, block_bytes: int) -> None:
    folder = shared_data / "cascade_2025-10-10"
    paths = [*sorted(folder.glob("*")), *sorted((folder / "spot_trades").glob("*"))]
    paths = [path for path in paths if path.is_file()]
    rows, recording = read(paths)
    parts, again = read(paths, block_bytes=block_bytes)
    assert parts.tobytes() == rows.tobytes()
    assert again.faults == recording.faults
    assert (np.diff(rows["received_ns"]) >= 0).all()
