"""Recovery: whatever the moment of the crash, what was committed is there, in order, and proven."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from random import Random

import pytest
from crashing_disk import CrashingDisk
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from small_ledgers import ORIGIN, MakeLedger, files_of, make_records

from holdfast.error import CallerError
from holdfast.keys.file_signer import FileSigner
from holdfast.ledger.merkle import check_consistency, leaf_hash
from holdfast.ledger.reader import LedgerReader
from holdfast.ledger.recovery import Recovery
from holdfast.ledger.tiles import encode_entries, split_entries
from holdfast.ledger.verify import verify
from holdfast.ledger.writer import LedgerWriter

ENTRIES = make_records(700)


@pytest.fixture(autouse=True)
def no_wait_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip the waiting for the real disk: what is durable is in the crashing disk's books."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


def run_until_crash(folder: Path, signer: FileSigner, disk: CrashingDisk, sizes: tuple[int, ...]) -> int:
    """Write a ledger on a crashing disk and return the size whose commit returned."""
    committed = -1
    writer: LedgerWriter | None = None
    with disk.plugged_in():
        writer = LedgerWriter.create(folder, ORIGIN, signer)
        committed = 0
        for size in sizes:
            writer.append_many(ENTRIES[writer.size : size])
            writer.commit()
            committed = size
    if writer is not None:
        writer.close()
    return committed


def reopen(folder: Path, signer: FileSigner, committed: int) -> Recovery | None:
    """Open after a crash, check that nothing committed is lost or changed, and that writing goes on."""
    if committed < 0 and not (folder / "key.vkey").exists():
        with pytest.raises(CallerError, match="create the ledger first"):
            LedgerWriter.open(folder, signer)
        writer = LedgerWriter.create(folder, ORIGIN, signer)
    else:
        writer = LedgerWriter.open(folder, signer)
    with writer:
        assert writer.size >= committed
        assert list(LedgerReader(folder).entries()) == ENTRIES[: writer.size]
        if writer.size:
            assert verify(folder, signer.verifier_key).findings == ()
        writer.append_many(ENTRIES[writer.size :])
    assert list(LedgerReader(folder).entries()) == ENTRIES
    assert verify(folder, signer.verifier_key).findings == ()
    return writer.recovery


SIZES = (3, 200, 255, 260, 530, 531)


def test_a_crash_at_any_operation_loses_nothing_committed(tmp_path: Path, signer: FileSigner) -> None:
    whole = CrashingDisk()
    assert run_until_crash(tmp_path / "whole", signer, whole, SIZES) == SIZES[-1]
    assert whole.count > 100
    kept = 0
    for dies_at in range(whole.count):
        folder = tmp_path / f"killed-{dies_at}"
        disk = CrashingDisk(dies_at)
        committed = run_until_crash(folder, signer, disk, SIZES)
        assert disk.died
        recovery = reopen(folder, signer, committed)
        kept += bool(recovery and recovery.kept)
        shutil.rmtree(folder)
    assert kept > 10, "no crash left whole entries beyond the checkpoint, so keeping them was not tested"


@pytest.mark.parametrize("seed", range(3))
def test_a_loss_of_power_at_any_operation_loses_nothing_committed(
    tmp_path: Path, signer: FileSigner, seed: int
) -> None:
    random, cut = Random(seed), 0
    for dies_at in range(0, 160, 2):
        folder = tmp_path / f"dark-{dies_at}"
        disk = CrashingDisk(dies_at + seed % 2)
        committed = run_until_crash(folder, signer, disk, SIZES)
        disk.lose_power(random)
        recovery = reopen(folder, signer, committed)
        cut += bool(recovery and recovery.cut)
        shutil.rmtree(folder, ignore_errors=True)
    assert cut > 5, "no loss of power left torn files, so cutting was not tested"


def test_a_crash_during_recovery_is_recovered(tmp_path: Path, signer: FileSigner) -> None:
    run_until_crash(tmp_path / "first", signer, CrashingDisk(70), (3, 700))
    for dies_at in range(40):
        folder = tmp_path / f"again-{dies_at}"
        shutil.copytree(tmp_path / "first", folder)
        disk = CrashingDisk(dies_at)
        with disk.plugged_in():
            LedgerWriter.open(folder, signer).close()
        reopen(folder, signer, 3)
        if not disk.died:
            break
    else:
        pytest.fail("recovery never came to its end")


def take_back(folder: Path, head: bytes, entries: list[bytes], size: int) -> None:
    """Put an old checkpoint back, with the partial files it stands on, which full ones have replaced."""
    (folder / "checkpoint").write_bytes(head)
    number, width = divmod(size, 256)
    first = size - width
    for kind, data in (
        ("0", b"".join(leaf_hash(entry) for entry in entries[first:size])),
        ("entries", encode_entries(entries[first:size])),
    ):
        place = folder / f"tile/{kind}/{number:03d}.p"
        place.mkdir(exist_ok=True)
        (place / str(width)).write_bytes(data)


def test_what_was_cut_and_what_was_kept_is_said(tmp_path: Path, signer: FileSigner) -> None:
    folder, entries = tmp_path / "ledger", make_records(1000)
    with LedgerWriter.create(folder, ORIGIN, signer) as writer:
        writer.append_many(entries[:300])
    head = (folder / "checkpoint").read_bytes()
    with LedgerWriter.open(folder, signer) as writer:
        assert writer.recovery == Recovery(300, 0, 0, ())
        assert str(writer.recovery) == "300 entries, closed properly"
        writer.append_many(entries[300:])
    take_back(folder, head, entries, 300)
    torn = folder / "tile/entries/003.p/232"
    torn_bytes = torn.read_bytes()[:5000]
    torn.write_bytes(torn_bytes)
    assert not verify(folder).ok
    with LedgerWriter.open(folder, signer) as writer:
        recovery = writer.recovery
        assert recovery is not None
        assert (recovery.committed, recovery.kept) == (300, 468)
        assert recovery.lost == len(split_entries(torn_bytes)[0]) > 10
        assert recovery.cut == ("tile/0/003.p/232", "tile/entries/003.p/232")
        assert "468 whole ones kept" in str(recovery)
        assert "tile/entries/003.p/232" in str(recovery)
        assert not recovery.clean
    assert verify(folder).ok
    assert list(LedgerReader(folder).entries()) == entries[:768]


def test_what_does_not_continue_the_signed_tree_is_cut(tmp_path: Path, signer: FileSigner) -> None:
    """A bundle and a tile that agree with each other, but not with what was signed, are no tail of ours."""
    folder, entries = tmp_path / "ledger", make_records(512)
    with LedgerWriter.create(folder, ORIGIN, signer) as writer:
        writer.append_many(entries[:300])
    forged = [*entries[256:299], b"{}", *entries[300:]]
    (folder / "tile/entries/001").write_bytes(encode_entries(forged))
    (folder / "tile/0/001").write_bytes(b"".join(leaf_hash(entry) for entry in forged))
    with LedgerWriter.open(folder, signer) as writer:
        assert writer.recovery == Recovery(300, 0, 212, ("tile/0/001", "tile/entries/001"))
    assert list(LedgerReader(folder).entries()) == entries[:300]


def test_files_that_no_ledger_writes_are_left_alone(
    tmp_path: Path, make_ledger: MakeLedger, signer: FileSigner
) -> None:
    folder = make_ledger(tmp_path / "ledger", [5])
    (folder / "notes.txt").write_text("mine")
    (folder / "tile/0/000.tmp").write_text("torn")
    with LedgerWriter.open(folder, signer) as writer:
        assert writer.recovery
        assert writer.recovery.cut == ("tile/0/000.tmp",)
    assert files_of(folder)["notes.txt"] == b"mine"
    report = verify(folder)
    assert [finding.path for finding in report.findings] == ["notes.txt"]


WRITER_PROGRAM = """
import sys
from holdfast.keys.file_signer import FileSigner
from holdfast.ledger.writer import LedgerWriter
from small_ledgers import ORIGIN, make_records
signer = FileSigner.load(sys.argv[2])
entries = make_records(100_000)
with LedgerWriter.create(sys.argv[1], ORIGIN, signer) as writer:
    while writer.size < len(entries):
        writer.append_many(entries[writer.size : writer.size + 37])
        if writer.size % 5 == 0:
            writer.commit()
            print(writer.committed, flush=True)
"""


@pytest.mark.parametrize("lines", [1, 6, 40])
def test_a_writer_killed_is_recovered(tmp_path: Path, lines: int) -> None:
    signer = FileSigner.create(tmp_path / "key", ORIGIN)
    with subprocess.Popen(
        [sys.executable, "-c", WRITER_PROGRAM, tmp_path / "ledger", tmp_path / "key"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
    ) as process:
        assert process.stdout
        committed = [int(process.stdout.readline()) for _ in range(lines)][-1]
        process.send_signal(signal.SIGKILL)
    with LedgerWriter.open(tmp_path / "ledger", signer) as writer:
        assert writer.size >= committed
        size = writer.size
    assert list(LedgerReader(tmp_path / "ledger").entries()) == make_records(100_000)[:size]
    assert verify(tmp_path / "ledger", signer.verifier_key).ok


class LedgerMachine(RuleBasedStateMachine):
    """Append, commit, close and crash in any order; the ledger is always a beginning of what was appended."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ledger-"))
        self.signer = FileSigner.create(self.folder / "key", ORIGIN)
        self.path = self.folder / "ledger"
        self.writer = LedgerWriter.create(self.path, ORIGIN, self.signer)
        self.entries: list[bytes] = []
        self.heads: list[tuple[int, bytes]] = []

    def _batch(self, count: int) -> list[bytes]:
        return [b'{"n":%d}' % at for at in range(self.writer.size, self.writer.size + count)]

    def _note_head(self) -> None:
        reader = LedgerReader(self.path, self.signer.verifier_key)
        assert reader.size == self.writer.committed
        self.heads.append((reader.size, reader.root))

    @rule(count=st.sampled_from([1, 2, 30, 255, 256, 300]))
    def append(self, count: int) -> None:
        batch = self._batch(count)
        assert self.writer.append_many(batch) == len(self.entries)
        self.entries += batch

    @rule()
    def commit(self) -> None:
        self.writer.commit()
        assert self.writer.committed == len(self.entries)
        self._note_head()

    @rule()
    def close_and_open(self) -> None:
        self.writer.close()
        self.writer = LedgerWriter.open(self.path, self.signer)
        assert self.writer.recovery
        assert self.writer.recovery.clean
        assert self.writer.size == len(self.entries)
        self._note_head()

    @rule(
        count=st.sampled_from([0, 1, 200, 600]),
        dies_at=st.integers(0, 30),
        dark=st.booleans(),
        seed=st.integers(0, 99),
    )
    def crash(self, count: int, dies_at: int, dark: bool, seed: int) -> None:
        committed, batch, disk = self.writer.committed, self._batch(count), CrashingDisk(dies_at)
        with disk.plugged_in():
            self.writer.append_many(batch)
            self.writer.commit()
            committed = self.writer.committed
        self.entries += batch
        if not disk.died:
            self._note_head()
            return
        self.writer.close()
        if dark:
            disk.lose_power(Random(seed))
        self.writer = LedgerWriter.open(self.path, self.signer)
        assert committed <= self.writer.size <= len(self.entries)
        del self.entries[self.writer.size :]
        self._note_head()

    @precondition(lambda self: len(self.heads) > 1)
    @rule(data=st.data())
    def an_old_head_is_consistent_with_the_last(self, data: st.DataObject) -> None:
        reader = LedgerReader(self.path, self.signer.verifier_key)
        size, root = data.draw(st.sampled_from(self.heads))
        proof = reader.prove_consistency(size)
        assert check_consistency(size, reader.size, root, reader.root, proof)

    @rule()
    def what_is_committed_is_read_and_proven(self) -> None:
        reader = LedgerReader(self.path, self.signer.verifier_key)
        assert list(reader.entries()) == self.entries[: reader.size]
        if self.writer.committed == len(self.entries):
            self.writer.close()
            codes = {finding.code for finding in verify(self.path, self.signer.verifier_key).findings}
            assert codes <= {"record"}, "the entries are no records; nothing else may be wrong"
            self.writer = LedgerWriter.open(self.path, self.signer)

    @invariant()
    def the_size_is_what_was_appended(self) -> None:
        if hasattr(self, "writer"):
            assert self.writer.size == len(self.entries)

    def teardown(self) -> None:
        if hasattr(self, "writer"):
            self.writer.close()
            shutil.rmtree(self.folder)


TestLedgerMachine = LedgerMachine.TestCase
TestLedgerMachine.settings = settings(
    max_examples=400 if os.environ.get("HOLDFAST_LONG") else 40, stateful_step_count=20, deadline=None
)
