"""The page of consistency tells every code that rules and playbooks can be refused with."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "consistency.md").read_text()


def test_every_code_is_told_and_every_code_that_is_told_exists() -> None:
    sources = "".join(
        path.read_text() for path in (ROOT / "holdfast" / "policy" / "consistency").glob("*.py")
    )
    codes = set(re.findall(r'"(consistency\.[a-z_]+)"', sources)) - {"consistency.refused"}
    assert len(codes) > 7
    assert codes == set(re.findall(r"`(consistency\.[a-z_]+)`", PAGE))
