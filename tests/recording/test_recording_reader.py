"""Any supported files in, one sequence of rows out: merged, counted, with every fault told in order."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recording_samples import NOON_US, SAMPLES, SNAPSHOT, TRADE_FRAME, Place, _binance, read

from holdfast.app.recording import Recording
from holdfast.error import CallerError
from holdfast.event import Quarantined, ResyncRequested
from holdfast.instrument import Instruments
from holdfast.tape import BOOK_GAP, BOOK_RESET, LAST, LEVEL, TRADE

MIXED = [name for name in sorted(SAMPLES) if name != "listing"]


def _all(tmp_path: Path) -> list[Path]:
    paths = []
    for name in MIXED:
        path = tmp_path / name / SAMPLES[name].name
        path.parent.mkdir()
        bad = SAMPLES[name].bad
        path.write_bytes(
            SAMPLES[name].data.rstrip(b"\n") + b"\n" + bad + b"\n" if bad else SAMPLES[name].data
        )
        paths.append(path)
    return paths


@pytest.mark.parametrize("block_bytes", [1, 100, 1000])
def test_everything_at_once_is_one_order_whatever_the_blocks(tmp_path: Path, block_bytes: int) -> None:
    paths = _all(tmp_path)
    whole, one = read(paths)
    parts, many = read(paths, block_bytes=block_bytes)
    assert parts.tobytes() == whole.tobytes()
    assert many.faults == one.faults
    assert [i.name for i in many.instruments.all] == [i.name for i in one.instruments.all]
    assert (np.diff(whole["received_ns"]) >= 0).all()
    assert one.messages == one.tally.used + one.quarantined
    assert one.quarantined == sum(bool(SAMPLES[name].bad) for name in MIXED)
    assert one.rows_in == len(whole) + one.quarantined


def test_instruments_are_numbered_by_first_appearance(tmp_path: Path) -> None:
    rows, recording = read(_all(tmp_path))
    _, first = np.unique(rows["instrument"], return_index=True)
    assert (np.diff(first) > 0).all()
    assert len(recording.instruments) == len(first)


def test_a_fault_is_told_before_the_rows_that_come_after_it(tmp_path: Path) -> None:
    sample = SAMPLES["tardis-trades"]
    path = tmp_path / sample.name
    head, *lines = sample.data.split(b"\n")
    path.write_bytes(b"\n".join([head, sample.bad, *lines]))
    heard: list[object] = []
    recording = Recording([path], Instruments(), on_fault=heard.append)
    for _ in recording.batches():
        assert len(heard) == 1
    assert heard == recording.faults


def test_progress_ends_at_the_whole(tmp_path: Path) -> None:
    paths = _all(tmp_path)
    seen: list[tuple[int, int]] = []
    read(paths, on_progress=lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] == seen[-1][1] == sum(path.stat().st_size for path in paths)


def test_an_unknown_format_names_the_known_ones_and_shows_the_file(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"dear diary, today the market fell\n")
    with pytest.raises(CallerError, match=r"dear diary.*Tardis csv of trades.*\[format\.unknown\]") as caught:
        Recording([path], Instruments())
    assert caught.value.where == str(path)


def test_an_unknown_file_in_a_folder_is_a_fault_and_the_rest_goes_on(tmp_path: Path, place: Place) -> None:
    place(SAMPLES["tardis-trades"])
    (tmp_path / "notes.txt").write_bytes(b"dear diary\n")
    (tmp_path / "nothing.csv").write_bytes(b"")
    rows, recording = read([tmp_path])
    assert len(rows) == 2
    assert sorted(fault.code for fault in recording.faults) == ["format.empty", "format.unknown"]


def test_a_header_alone_is_a_file_without_messages(tmp_path: Path) -> None:
    sample = SAMPLES["tardis-trades"]
    path = tmp_path / sample.name
    path.write_bytes(sample.data.split(b"\n")[0])
    rows, recording = read([path])
    assert (len(rows), recording.messages, recording.faults) == (0, 0, [])


def test_a_wrong_header_is_an_unknown_format(tmp_path: Path) -> None:
    path = tmp_path / "trades.csv"
    path.write_bytes(SAMPLES["tardis-trades"].data.replace(b"amount", b"volume"))
    with pytest.raises(CallerError, match=r"format\.unknown"):
        Recording([path], Instruments())


def test_the_same_file_given_twice_is_read_once(tmp_path: Path, place: Place) -> None:
    path = place(SAMPLES["tardis-trades"])
    copy = tmp_path / "copy.csv"
    copy.write_bytes(path.read_bytes())
    link = tmp_path / "link.csv"
    os.symlink(path, link)
    rows, recording = read([path, path, copy, link])
    assert len(rows) == 2
    assert [(fault.code, fault.file) for fault in recording.faults] == [("recording.duplicate", str(copy))]


def test_a_recording_is_read_once(place: Place) -> None:
    _, recording = read([place(SAMPLES["tardis-trades"])])
    with pytest.raises(CallerError, match=r"recording\.read"):
        list(recording.batches())


def test_a_listing_is_the_law_for_every_input_of_its_venue(tmp_path: Path) -> None:
    listing = tmp_path / "instruments.json"
    listing.write_bytes(SAMPLES["listing"].data)
    trades = tmp_path / "okex_trades_2025-10-10_PERPETUALS.csv"
    head, line, _, _ = SAMPLES["tardis-trades"].data.split(b"\n")
    known = line.replace(b"binance-futures,BTCUSDT", b"okex,BTC-USDT")
    trades.write_bytes(b"\n".join([head, known, known.replace(b"BTC-USDT", b"ETH-USDT"), b""]))
    rows, recording = read([trades, listing])
    assert rows["price"].tolist() == [1001]  # on the listed grid of one decimal
    assert recording.instruments[0].tick_size == "0.1"
    assert [fault.code for fault in recording.faults] == ["instrument.unlisted"]
    free, _ = read([trades])
    assert len(free) == 2


def test_two_grids_of_one_instrument_become_one(tmp_path: Path) -> None:
    trades = tmp_path / "binance-futures_trades.csv"
    head, first, second, _ = SAMPLES["tardis-trades"].data.split(b"\n")
    off = second.replace(b"100.05", b"100.055")
    trades.write_bytes(b"\n".join([head, first, off, second, b""]))
    capture = tmp_path / "capture"
    exchange = (
        '{"timezone":"UTC","futuresType":"U_MARGINED","symbols":[{"symbol":"BTCUSDT","pair":"BTCUSDT","contractType":'
        '"PERPETUAL","status":"TRADING","baseAsset":"BTC","quoteAsset":"USDT","marginAsset":"USDT","filters":[{"filterType":'
        '"PRICE_FILTER","tickSize":"0.01"},{"filterType":"LOT_SIZE","stepSize":"0.001"}]}]}'
    )
    begin = NOON_US // 10**6 - 1
    url = "https://fapi.binance.com/fapi/v1/exchangeInfo"
    capture.write_text(f"{url} -> {begin}.1: {exchange}\n{begin}.2: {TRADE_FRAME}\n")
    rows, recording = read([trades, capture])
    assert len(recording.instruments) == 1
    assert rows["price"].tolist() == [10010, 10010, 10005]
    assert rows["size"].tolist() == [500, 2000, 1]
    assert [fault.code for fault in recording.faults] == ["quantity.off_grid"]
    assert recording.messages == recording.tally.used + recording.quarantined


def _lines(*frames: tuple[float, str]) -> bytes:
    return "".join(f"{int((NOON_US // 10**6 + at) * 10**9)} {body}\n" for at, body in frames).encode()


def test_captures_of_one_venue_share_one_feed_by_time(tmp_path: Path) -> None:
    rest, socket = tmp_path / "rest", tmp_path / "socket"
    stamp = NOON_US // 10**6
    rest.write_text(
        f"https://fapi.binance.com/fapi/v1/depth?symbol=BTCUSDT&limit=1000 -> {stamp}.5: {SNAPSHOT}\n"
    )
    frames = [_binance(9, 8), _binance(10, 9), _binance(11, 10)]
    socket.write_text(
        "wss://fstream.binance.com/ws <-> 1760097599.5\n"
        + "".join(f"{stamp}.{at}: {body}\n" for at, body in zip((1, 6, 7), frames, strict=True))
    )
    rows, recording = read([socket, rest])
    assert rows["kind"].tolist() == [BOOK_RESET, LEVEL, LEVEL, LEVEL, LEVEL, LEVEL, LEVEL]
    assert (recording.messages, recording.quarantined) == (5, 0)


def test_a_gap_is_told_as_a_row_and_a_request(tmp_path: Path) -> None:
    path = tmp_path / "capture"
    path.write_bytes(_lines((0, SNAPSHOT), (1, _binance(10, 9)), (2, _binance(13, 12)), (3, TRADE_FRAME)))
    rows, recording = read([path])
    assert rows["kind"].tolist()[-2:] == [BOOK_GAP, TRADE]
    assert [type(fault) for fault in recording.faults] == [ResyncRequested]


def test_a_reconnection_makes_the_books_stale(tmp_path: Path) -> None:
    path = tmp_path / "capture"
    stamp = NOON_US // 10**6
    ws = "wss://fstream.binance.com/ws"
    text = f"{ws} <-> {stamp}.1\nhttps://fapi.binance.com/fapi/v1/depth?symbol=BTCUSDT -> {stamp}.2: {SNAPSHOT}\n"
    path.write_text(f"{text}{stamp}.3: {_binance(10, 9)}\n{ws} <-> {stamp}.4\n{stamp}.5: {TRADE_FRAME}\n")
    rows, _ = read([path])
    assert rows["kind"].tolist()[-2:] == [BOOK_GAP, TRADE]


def test_a_frame_that_no_feed_reads_is_quarantined_with_file_line_and_sample(tmp_path: Path) -> None:
    path = tmp_path / "capture.gz"
    broken = _binance(11, 10)[:-1]
    path.write_bytes(
        gzip.compress(_lines((0, SNAPSHOT), (1, _binance(10, 9)), (2, broken), (3, TRADE_FRAME)))
    )
    rows, recording = read([path])
    quarantined = [fault for fault in recording.faults if isinstance(fault, Quarantined)]
    assert [(fault.file, fault.line) for fault in quarantined] == [(str(path), 3)]
    assert quarantined[0].sample == broken[:120]
    assert BOOK_GAP in rows["kind"]
    assert (recording.messages, recording.quarantined) == (4, 1)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_garbage_between_frames_never_stops_a_run_and_is_counted(data: st.DataObject, tmp_path: Path) -> None:
    good = [SNAPSHOT, _binance(10, 9), TRADE_FRAME, _binance(11, 10)]
    junk = data.draw(
        st.lists(st.binary(min_size=1, max_size=40).filter(lambda b: b.strip(b"\r\n")), max_size=6)
    )
    lines = _lines(*enumerate(good)).splitlines(keepends=True)
    for piece in junk:
        lines.insert(data.draw(st.integers(1, len(lines))), piece.replace(b"\n", b" ") + b"\n")
    path = tmp_path / "capture"
    path.write_bytes(b"".join(lines))
    rows, one = read([path])
    parts, many = read([path], block_bytes=data.draw(st.integers(1, 200)))
    assert rows.tobytes() == parts.tobytes()
    assert one.faults == many.faults
    assert one.messages == one.tally.used + one.quarantined
    assert one.messages - one.quarantined <= len(good) <= one.messages
    assert rows["flags"][-1] & LAST


def test_times_in_seconds_are_exact_to_the_nanosecond(place: Place) -> None:
    rows, _ = read([place(SAMPLES["capture-s"])])
    assert sorted({int(ns) - NOON_US * 1000 for ns in rows["received_ns"]}) == [
        100_000_000,
        200_000_100,
        300_000_000,
    ]
