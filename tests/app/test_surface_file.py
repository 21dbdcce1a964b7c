"""Snapshot files: read line by line, bad lines put aside, and reported as JSON."""

import gzip
import json
from pathlib import Path

import pytest

from holdfast.app.risk.surface_file import read_snapshot, surface_report
from holdfast.error import CallerError

CALM = "deribit_chain/deribit_options_snapshot_20251230T173115Z.csv.gz"
JUNE = "deribit_chain/deribit_options_snapshot_20260610T123339Z.csv.gz"


def test_a_report_is_plain_json_with_every_expiry(shared_data: Path) -> None:
    report = surface_report(shared_data / CALM)
    again = json.loads(json.dumps(report, allow_nan=False))
    assert sorted(again["assets"]) == ["BTC", "ETH"]
    for asset in again["assets"].values():
        assert len(asset["expiries"]) == 12
        assert asset["flags"] == []
        assert asset["fit"]["inside_share"] > 0.95
        assert asset["fit"]["used"] + sum(asset["refused"].values()) == asset["quotes"]
        for expiry in asset["expiries"]:
            assert 0.2 < expiry["atm_volatility"] < 1.5
            assert set(expiry["svi"]) == {"a", "b", "rho", "m", "s"}


def test_a_file_without_forwards_and_a_third_of_its_quotes_still_fits(shared_data: Path) -> None:
    report = surface_report(shared_data / JUNE)
    for asset in report["assets"].values():
        assert len(asset["expiries"]) == 11
        assert asset["refused"]["one-sided"] > 50
        assert asset["fit"]["inside_share"] > 0.95
        spot = asset["spot"]
        assert all(abs(one["forward"] / spot - 1.0) < 0.04 for one in asset["expiries"])


def test_bad_lines_are_quarantined_with_their_place_and_the_rest_is_the_same(
    shared_data: Path, tmp_path: Path
) -> None:
    lines = gzip.decompress((shared_data / CALM).read_bytes()).split(b"\n")
    whole = read_snapshot(shared_data / CALM)
    lines[5] = lines[5].replace(b"2025-12-30T", b"2025-13-30T", 1)
    lines[9] = lines[9][:40]
    lines.insert(20, b"x" * 50)
    broken = tmp_path / "broken.csv"
    broken.write_bytes(b"\n".join(lines))
    read = read_snapshot(broken)
    assert [one.line for one in read.quarantined] == [6, 10, 21]
    assert sum(map(len, read.names.values())) == sum(map(len, whole.names.values())) - 2


def test_a_member_of_an_archive_is_named_and_several_are_refused(shared_data: Path) -> None:
    archive = shared_data / "deribit_chain/snapshots_full_20260124_20260228.tar.xz"
    loose = "deribit_options_snapshot_20260205T212937Z.csv"
    one = read_snapshot(Path(f"{archive}!{loose}"))
    other = read_snapshot(shared_data / f"deribit_chain/{loose}.gz")
    assert one.names == other.names
    with pytest.raises(CallerError, match=r"snapshot\.several"):
        read_snapshot(archive)


def test_what_is_no_snapshot_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text("time,price\n1,2\n")
    with pytest.raises(CallerError, match=r"snapshot\.unknown"):
        surface_report(other)
    with pytest.raises(CallerError, match=r"path\.missing"):
        surface_report(tmp_path / "nothing.csv")
