"""The page of the desk's own flow speaks of every live detector and every measurement, from the code."""

import importlib
import re
from pathlib import Path

from holdfast.detectors.live import LiveDetector
from holdfast.detectors.live_watch import OWN, SYSTEM

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "own-flow.md").read_text()


def table() -> str:
    rows = ["| detector | what it says | clears after |", "|---|---|---|"]
    for kind in (*OWN, *SYSTEM):
        first = (importlib.import_module(kind.__module__).__doc__ or "").partition("\n")[0].partition(": ")[2]
        rows.append(f"| `{kind.name}` | {first} | {kind.clear_after_s:g} s |")
    return "\n".join(rows)


def test_the_table_of_detectors_is_that_of_the_code() -> None:
    found = re.search(r"<!-- live detectors -->\n(.*?)\n<!-- /live detectors -->", PAGE, re.DOTALL)
    assert found
    assert found[1] == table()


def test_every_live_detector_has_its_place() -> None:
    kinds: list[type[LiveDetector]] = [*OWN, *SYSTEM]
    assert [kind.name for kind in kinds if f"::: {kind.__module__}\n" not in PAGE] == []


def test_every_measurement_that_is_listened_to_is_told() -> None:
    folder = ROOT / "holdfast" / "detectors" / "system"
    names = {
        name
        for path in folder.glob("*.py")
        for name in re.findall(r'event\.name [!=]= "(\w+)"', path.read_text())
    }
    assert len(names) > 5
    assert {name for name in names if f"| `{name}` |" not in PAGE} == set()
