"""Fixtures of the ledger's tests: a key, records, and small ledgers."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from small_ledgers import ORIGIN, MakeLedger, Records, make_ledger_in, make_records

from holdfast.keys.file_signer import FileSigner


@pytest.fixture(scope="session")
def signer(tmp_path_factory: pytest.TempPathFactory) -> FileSigner:
    """Return a key made for this session."""
    return FileSigner.create(tmp_path_factory.mktemp("keys") / "ledger.key", ORIGIN)


@pytest.fixture(scope="session")
def records() -> Records:
    """Return a function that makes so many records."""
    return make_records


@pytest.fixture(scope="session")
def make_ledger(signer: FileSigner) -> MakeLedger:
    """Return a function that writes a closed ledger, committing at each of the sizes given."""

    def make(folder: Path, sizes: Sequence[int]) -> Path:
        return make_ledger_in(folder, sizes, signer)

    return make
