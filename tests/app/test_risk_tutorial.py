"""The tutorial runs from first cell to last, on recordings and on a fresh clone, and is committed without outputs."""

import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "examples" / "risk" / "tutorial.ipynb"
DEFAULT = 'ROOT.parent / "shared" / "data"'


def _cells() -> list[dict[str, Any]]:
    return json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]


def _run(recordings: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run every code cell in one namespace, with the recordings of a folder."""
    monkeypatch.chdir(NOTEBOOK.parent)
    space: dict[str, Any] = {}
    sources = ["".join(cell["source"]) for cell in _cells() if cell["cell_type"] == "code"]
    assert DEFAULT in sources[0]
    sources[0] = sources[0].replace(DEFAULT, f"Path({str(recordings)!r})")
    for number, source in enumerate(sources, start=1):
        exec(compile(source, f"tutorial.ipynb cell {number}", "exec"), space)
    return space


def test_it_runs_on_a_real_chain(
    shared_data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    space = _run(shared_data, monkeypatch)
    told = capsys.readouterr().out
    assert len(space["fitted"].fits["BTC"].expiries) >= 10
    assert space["samples"]
    assert "99% of a day: VaR" in told
    margins = space["margins"]
    assert margins["deribit-sm"].im > margins["deribit-pm"].im > 0.0  # the book is partly hedged
    assert space["hedge"].deviation_after < space["hedge"].deviation_before
    assert "partial: False" in told


def test_it_runs_on_the_example_market_where_there_are_no_recordings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    space = _run(tmp_path, monkeypatch)
    told = capsys.readouterr().out
    assert space["CHAIN"].name == "market.json"
    assert "no history: VaR is missing, not guessed" in told
    assert "missing" not in told.split("worth")[1].split("-40%")[0]


def test_it_is_committed_without_outputs() -> None:
    for cell in _cells():
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None
