"""Replay and the command line, as a user runs them."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HEADER = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"


def trades(count: int = 2_000, start_us: int = 1_760_000_000_000_000) -> str:
    lines = []
    for k in range(count):
        sent_us, price = start_us + k * 500_000, 4 + (k % 7) * 0.001
        lines.append(f"coinbase,ATOM-USD,{sent_us},{sent_us + 40_000},{k},buy,{price:.3f},1.5\n")
    return HEADER + "".join(lines)


def holdfast(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "XDG_DATA_HOME": str(tmp_path / "data")}
    return subprocess.run(
        [sys.executable, "-m", "holdfast", *arguments], env=env, capture_output=True, text=True, check=False
    )


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "trades.csv"
    path.write_text(trades())
    return path


def summary_of(out: Path) -> dict:
    return json.loads((out / "summary.json").read_text())


def test_a_replay_writes_everything_it_promises(tmp_path: Path, recording: Path) -> None:
    out = tmp_path / "out"
    ran = holdfast(tmp_path, "replay", str(recording), "--out", str(out))
    assert ran.returncode == 0, ran.stderr
    written = {path.name for path in out.iterdir()}
    assert written == {
        "summary.json",
        "alerts.jsonl",
        "decisions.jsonl",
        "quarantine.jsonl",
        "report.html",
        "ledger",
    }
    summary = summary_of(out)
    assert summary["messages"] == summary["rows"] == summary["rows_used"] == 2_000
    assert summary["feeds"]["coinbase:ATOM-USD"]["latency_ms"]["p50"] == pytest.approx(40.0, rel=0.05)
    assert summary["instruments"][0]["symbol"] == "ATOM-USD"


def test_a_second_replay_gives_the_same_digest_and_replaces_the_first(
    tmp_path: Path, recording: Path
) -> None:
    out = tmp_path / "out"
    digests = []
    for _ in range(2):
        assert holdfast(tmp_path, "replay", str(recording), "--out", str(out)).returncode == 0
        digests.append(summary_of(out)["digest"])
    assert digests[0] == digests[1]


def test_a_malformed_line_is_quarantined_with_its_place_and_the_rest_goes_on(tmp_path: Path) -> None:
    lines = trades().splitlines(keepends=True)
    lines[100] = lines[100].replace("buy", "bought?")
    bad = tmp_path / "bad.csv"
    bad.write_text("".join(lines))
    out = tmp_path / "out"
    assert holdfast(tmp_path, "replay", str(bad), "--out", str(out)).returncode == 0
    summary = summary_of(out)
    assert (summary["rows_used"], summary["quarantined"]) == (1_999, 1)
    assert summary["rows"] == summary["rows_used"] + summary["quarantined"]
    told = json.loads((out / "quarantine.jsonl").read_text())
    assert (Path(told["file"]).name, told["line"]) == ("bad.csv", 101)


def test_a_truncated_archive_is_read_up_to_the_break_and_the_exit_code_says_so(tmp_path: Path) -> None:
    cut = tmp_path / "cut.csv.gz"
    whole = gzip.compress(trades(20_000).encode())
    cut.write_bytes(whole[: len(whole) * 2 // 3])
    out = tmp_path / "out"
    ran = holdfast(tmp_path, "replay", str(cut), "--out", str(out))
    assert ran.returncode == 3
    assert "breaks off" in ran.stderr
    assert 1_000 < summary_of(out)["rows_used"] < 20_000


def test_an_unknown_format_names_the_formats_it_knows_and_writes_nothing(tmp_path: Path) -> None:
    odd = tmp_path / "odd.txt"
    odd.write_text("once upon a time\nthere was a market\n")
    ran = holdfast(tmp_path, "replay", str(odd), "--out", str(tmp_path / "out"))
    assert ran.returncode == 2
    assert "tardis" in ran.stderr.replace("\n", " ").lower()
    assert not (tmp_path / "out").exists()


def test_a_wrong_rule_is_refused_with_its_place_before_anything_runs(tmp_path: Path, recording: Path) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text("title: x\ncondition: score > 200\n")
    ran = holdfast(tmp_path, "replay", str(recording), "--out", str(tmp_path / "out"), "--rules", str(rules))
    assert ran.returncode == 2
    assert "rules.yml" in ran.stderr
    assert not (tmp_path / "out").exists()


def test_a_flipped_byte_in_the_ledger_is_named(tmp_path: Path, recording: Path) -> None:
    out = tmp_path / "out"
    assert holdfast(tmp_path, "replay", str(recording), "--out", str(out)).returncode == 0
    assert holdfast(tmp_path, "verify", str(out / "ledger")).returncode == 0
    bundle = next(path for path in (out / "ledger" / "tile" / "entries").rglob("*") if path.is_file())
    data = bytearray(bundle.read_bytes())
    data[len(data) // 2] ^= 1
    bundle.write_bytes(data)
    ran = holdfast(tmp_path, "verify", str(out / "ledger"))
    assert ran.returncode == 1
    assert "entry" in ran.stdout


def test_a_converted_tape_replays_to_the_same_digest(tmp_path: Path, recording: Path) -> None:
    tape = tmp_path / "tape.parquet"
    assert holdfast(tmp_path, "convert", str(recording), "--out", str(tape)).returncode == 0
    digests = []
    for source in (recording, tape):
        out = tmp_path / f"out-{source.name}"
        assert holdfast(tmp_path, "replay", str(source), "--out", str(out)).returncode == 0
        digests.append(summary_of(out)["digest"])
    assert digests[0] == digests[1]
