"""Fixtures of the recording tests."""

from pathlib import Path

import pytest
from recording_samples import SAMPLES, Place, Sample


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Return a function that writes a sample to disk."""

    def write(sample: Sample) -> Path:
        path = tmp_path / sample.name
        path.write_bytes(sample.data)
        return path

    return write


@pytest.fixture(params=sorted(SAMPLES))
def sample(request: pytest.FixtureRequest) -> Sample:
    """Return the sample of each format in turn."""
    return SAMPLES[request.param]
