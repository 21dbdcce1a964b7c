"""Fixtures that every test may use."""

import os
from pathlib import Path

import pytest

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
