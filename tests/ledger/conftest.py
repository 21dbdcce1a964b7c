"""What the ledger's tests share: a key, records, and small ledgers."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from holdfast.event import Alert, Scope
from holdfast.keys.file_signer import FileSigner
from holdfast.ledger.record import InputRecord, RuleRecord, RunEnded, RunStarted, encode
from holdfast.ledger.writer import LedgerWriter

ORIGIN = "desk.example/one"

Records = Callable[[int], list[bytes]]
MakeLedger = Callable[..., Path]


@pytest.fixture(scope="session")
def signer(tmp_path_factory: pytest.TempPathFactory) -> FileSigner:
    """Return a key made for this session."""
    return FileSigner.create(tmp_path_factory.mktemp("keys") / "ledger.key", ORIGIN)


@pytest.fixture(scope="session")
def records() -> Records:
    """Return a function that makes so many records: a run's start, short and long alerts, its end."""

    def make(count: int) -> list[bytes]:
        start = RunStarted(
            settings={"speed": 0.0, "inputs": ["a.gz"]},
            rules=(RuleRecord("halt-on-crash", "1.2", "ab" * 32),),
            inputs=(InputRecord("a.gz", 17),),
            versions={"holdfast": "0.1.0"},
        )
        alerts = [
            Alert(at, "price_shock", Scope("v"), "low", at / 7, 2.5, {"mid": 1e-9 * at}, "x" * (at % 90))
            for at in range(1, count - 1)
        ]
        return [encode(record) for record in (start, *alerts, RunEnded(digest="cd" * 8))][:count]

    return make


@pytest.fixture(scope="session")
def make_ledger(signer: FileSigner, records: Records) -> MakeLedger:
    """Return a function that writes a closed ledger, committing after each of the sizes given."""

    def make(folder: Path, sizes: Sequence[int]) -> Path:
        entries = records(max(sizes))
        with LedgerWriter.create(folder, ORIGIN, signer) as writer:
            for size in sizes:
                writer.append_many(entries[writer.size : size])
                writer.commit()
        return folder

    return make
