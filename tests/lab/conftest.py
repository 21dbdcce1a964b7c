"""One storm and one replay of it for all tests of the lab."""

from pathlib import Path
from typing import Any

import pytest

from holdfast.app.replay import replay
from holdfast.lab.storm import write_storm
from holdfast.settings import Settings


@pytest.fixture(scope="session")
def storm(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return the recordings of the storm of seed 7."""
    return write_storm(tmp_path_factory.mktemp("storm"), 7)


@pytest.fixture(scope="session")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that its replay is written to."""
    return tmp_path_factory.mktemp("replay") / "out"


@pytest.fixture(scope="session")
def summary(storm: list[Path], replayed: Path) -> dict[str, Any]:
    """Return the summary of its replay."""
    return replay(storm, replayed, Settings())
