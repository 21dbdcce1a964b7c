"""Fixtures that every test may use."""

import os
from collections.abc import Generator
from pathlib import Path

import hypothesis
import pytest

# A kernel compiles at its first call, so no deadline; CI draws the same examples each time.
hypothesis.settings.register_profile("holdfast", deadline=None, derandomize=bool(os.environ.get("CI")))
hypothesis.settings.load_profile("holdfast")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real recordings; skip where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("real recordings are not at ../shared/data")
    return SHARED_DATA


@pytest.fixture(scope="session")
def long_run() -> bool:
    """Tell whether the long suite runs (make test-long)."""
    return bool(os.environ.get("HOLDFAST_LONG"))


def _must_not_skip(report: pytest.TestReport | pytest.CollectReport, wants_shared: bool) -> bool:
    """Tell whether a skip hides a check that can be made here.

    On real recordings that are present (HOLDFAST_REQUIRE_SHARED), or with a system package that is to be installed
    (HOLDFAST_REQUIRE_SYSTEM): such a skip says `apt-get install`.
    """
    if not report.skipped or hasattr(report, "wasxfail"):
        return False
    if os.environ.get("HOLDFAST_REQUIRE_SYSTEM") and "apt-get install" in str(report.longrepr):
        return True
    if not (os.environ.get("HOLDFAST_REQUIRE_SHARED") and SHARED_DATA.is_dir()):
        return False
    return wants_shared or "shared" in str(report.longrepr)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn the skip of a test on real recordings into a failure where they are present and required."""
    report = yield
    if _must_not_skip(report, "shared_data" in getattr(item, "fixturenames", ())):
        report.outcome = "failed"
        report.longrepr = f"skipped although it can be checked here: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Do the same for a whole file that skips itself."""
    report = yield
    if _must_not_skip(report, wants_shared=False):
        report.outcome = "failed"
        report.longrepr = f"skipped although it can be checked here: {report.longrepr}"
    return report
