"""`holdfast drill`, with real processes: a guard that does right passes, one that does not is found, and nothing is left."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from holdfast.error import CallerError
from holdfast.lab.drill.drill import Drill
from holdfast.lab.drill.fault import FAULTS

BROKEN = Path(__file__).with_name("broken_guard.py")
WAIT_S = 900
MUTE_SEED = 37  # whose first rounds have mute venues


def call(*options: str) -> subprocess.CompletedProcess[str]:
    """Run `holdfast drill` to its end."""
    command = [sys.executable, "-m", "holdfast", "drill", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S, check=False)


def test_a_guard_that_is_killed_cut_off_and_lied_to_doubles_and_loses_nothing(tmp_path: Path) -> None:
    named = ("kill", "disconnect", "server_error")
    ended = call("--rounds", "3", "--seed", "3", "--json", "--out", str(tmp_path / "out"), *_each(named))
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert (told["rounds"], told["doubled"], told["lost"], told["wrong"]) == (3, 0, 0, [])
    assert set(told["faults"]) == set(named)
    for fault in told["faults"].values():
        assert fault["rounds"] == 1
        assert fault["effects"] > 10
        assert 0 < fault["recovery_s"]["p50"] <= fault["recovery_s"]["max"]
    assert (tmp_path / "out" / "site-1" / "state" / "journal.sqlite").exists()
    assert json.loads((tmp_path / "out" / "drill.json").read_text())["each"][0]["number"] == 1


def test_a_guard_that_tries_again_on_an_unknown_answer_is_found() -> None:
    guard = (sys.executable, str(BROKEN), "RetriesOnUnknown")
    report = Drill(2, MUTE_SEED, faults=["server_error"], guard=guard).run()
    assert not report.is_clean
    assert report.as_json()["doubled"] > 0


def test_a_fault_that_there_is_not_and_no_rounds_are_refused() -> None:
    with pytest.raises(CallerError, match="kill"):
        Drill(1, 1, faults=["kil"])
    with pytest.raises(CallerError, match="at least"):
        Drill(0, 1)
    assert call("--fault", "kil").returncode == 2


@pytest.mark.long
def test_every_fault_again_and_again_doubles_and_loses_nothing() -> None:
    ended = call("--rounds", str(3 * len(FAULTS)), "--seed", "4", "--json")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["effects"] > 0


@pytest.mark.long
def test_with_a_database_as_journal_too() -> None:
    ended = call(
        "--rounds", "6", "--journal", "postgresql", "--json", *_each(("kill", "takeover", "timeout"))
    )
    assert ended.returncode == 0, ended.stderr


@pytest.mark.long
def test_an_interrupted_drill_leaves_no_process_and_no_folder(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "holdfast", "drill", "--fault", "stop"]
    drill = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    children: list[psutil.Process] = []
    begun_s = time.monotonic()
    while len(children) < 2 and time.monotonic() - begun_s < WAIT_S:  # the world and the guard
        time.sleep(0.05)
        children = psutil.Process(drill.pid).children(recursive=True)
    assert len(children) >= 2
    drill.send_signal(signal.SIGINT)
    assert drill.wait(WAIT_S) != 0
    assert [one for one in children if one.is_running() and one.status() != psutil.STATUS_ZOMBIE] == []
    assert list(tmp_path.glob("holdfast-drill-*")) == []


def _each(names: tuple[str, ...]) -> list[str]:
    return [word for name in names for word in ("--fault", name)]
