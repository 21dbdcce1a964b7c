"""A test on real recordings may not hide: where they are present and required, its skip is a failure."""

import os
import subprocess
import sys
from pathlib import Path

CONFTEST = Path(__file__).resolve().parents[1] / "conftest.py"
SKIPPING = 'def test_skips(shared_data):\n    import pytest\n    pytest.skip("no file")\n'
OTHER = 'import pytest\n\n@pytest.mark.skip(reason="needs a GPU")\ndef test_other():\n    raise SystemError\n'
SYSTEM = 'import pytest\n\ndef test_server():\n    pytest.skip("no server: apt-get install postgresql")\n'
WHOLE = 'import pytest\n\npytest.skip("no shared recordings", allow_module_level=True)\n'


def _outcome(root: Path, body: str, *, is_required: bool, is_present: bool = True) -> int:
    """Run one test file beside our conftest in a little project of its own; return pytest's exit code."""
    tests = root / "project" / "tests"
    tests.mkdir(parents=True)
    (tests / "conftest.py").write_bytes(CONFTEST.read_bytes())
    (tests / "test_it.py").write_text(body)
    if is_present:
        (root / "shared" / "data").mkdir(parents=True)
    environment = {
        name: text for name, text in os.environ.items() if not name.startswith(("HOLDFAST_", "PYTEST_"))
    }
    if is_required:
        environment["HOLDFAST_REQUIRE_SHARED"] = "1"
        environment["HOLDFAST_REQUIRE_SYSTEM"] = "1"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tests)]
    return subprocess.run(command, env=environment, cwd=root, capture_output=True, check=False).returncode


def test_a_skip_on_present_recordings_fails_where_they_are_required(tmp_path: Path) -> None:
    assert _outcome(tmp_path, SKIPPING, is_required=True) == 1


def test_a_file_that_skips_itself_over_recordings_fails_where_they_are_required(tmp_path: Path) -> None:
    assert _outcome(tmp_path, WHOLE, is_required=True) != 0


def test_a_skip_is_a_skip_where_recordings_are_not_required(tmp_path: Path) -> None:
    assert _outcome(tmp_path, SKIPPING, is_required=False) == 0


def test_a_skip_is_a_skip_where_recordings_are_absent(tmp_path: Path) -> None:
    assert _outcome(tmp_path, SKIPPING, is_required=True, is_present=False) == 0


def test_a_skip_for_another_reason_stays_a_skip(tmp_path: Path) -> None:
    assert _outcome(tmp_path, OTHER, is_required=True) == 0


def test_a_skip_for_want_of_a_system_package_fails_where_it_is_to_be_installed(tmp_path: Path) -> None:
    assert _outcome(tmp_path, SYSTEM, is_required=True, is_present=False) == 1


def test_a_skip_for_want_of_a_system_package_is_a_skip_elsewhere(tmp_path: Path) -> None:
    assert _outcome(tmp_path, SYSTEM, is_required=False) == 0
