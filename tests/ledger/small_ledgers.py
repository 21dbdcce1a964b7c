"""Records and small ledgers for the tests of the ledger."""

from collections.abc import Callable, Sequence
from pathlib import Path

from holdfast.event import Alert, Scope
from holdfast.ledger.record import InputRecord, RuleRecord, RunEnded, RunStarted, encode
from holdfast.ledger.writer import LedgerWriter
from holdfast.signer import Signer

ORIGIN = "desk.example/one"

Records = Callable[[int], list[bytes]]
MakeLedger = Callable[..., Path]


def make_records(count: int) -> list[bytes]:
    """Return so many records: a run's start, short and long alerts, its end."""
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


def make_ledger_in(folder: Path, sizes: Sequence[int], signer: Signer) -> Path:
    """Write a closed ledger, committing at each of the sizes given."""
    entries = make_records(max(sizes))
    with LedgerWriter.create(folder, ORIGIN, signer) as writer:
        for size in sizes:
            writer.append_many(entries[writer.size : size])
            writer.commit()
    return folder


def files_of(folder: Path) -> dict[str, bytes]:
    """Return every file in a folder by its path within."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
