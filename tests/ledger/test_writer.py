"""The writer: append-only, durable in order, one at a time."""

from pathlib import Path

import pytest
from small_ledgers import ORIGIN, MakeLedger, Records, files_of

from holdfast.error import BrokenInvariant, CallerError, OutsideError
from holdfast.keys.file_signer import FileSigner
from holdfast.ledger.merkle import EMPTY_ROOT, check_consistency
from holdfast.ledger.reader import LedgerReader
from holdfast.ledger.tiles import ENTRY_BYTES_MAX, parse_path
from holdfast.ledger.verify import verify
from holdfast.ledger.writer import LedgerWriter


@pytest.mark.parametrize("size", [1, 255, 256, 257, 511, 512, 700])
def test_what_was_appended_is_read_back_and_proven(
    tmp_path: Path, make_ledger: MakeLedger, records: Records, signer: FileSigner, size: int
) -> None:
    reader = LedgerReader(make_ledger(tmp_path / "ledger", [size]), signer.verifier_key)
    assert list(reader.entries()) == records(size)
    assert verify(tmp_path / "ledger", signer.verifier_key).ok


def test_three_levels_of_tiles_are_written(tmp_path: Path, signer: FileSigner) -> None:
    with LedgerWriter.create(tmp_path / "ledger", ORIGIN, signer) as writer:
        assert writer.append_many([b"{}"] * 70_000) == 0
    names = set(files_of(tmp_path / "ledger"))
    assert {
        "tile/0/273.p/112",
        "tile/entries/273.p/112",
        "tile/1/000",
        "tile/1/001.p/17",
        "tile/2/000.p/1",
    } <= names
    assert len(names) == 2 + 2 * 274 + 3
    reader = LedgerReader(tmp_path / "ledger")
    assert reader.root_at(70_000) == reader.root


def test_batches_and_single_entries_make_the_same_ledger(
    tmp_path: Path, records: Records, signer: FileSigner
) -> None:
    entries = records(600)
    with LedgerWriter.create(tmp_path / "one", ORIGIN, signer) as writer:
        assert [writer.append(entry) for entry in entries] == list(range(600))
    with LedgerWriter.create(tmp_path / "many", ORIGIN, signer) as writer:
        assert [writer.append_many(entries[at : at + 77]) for at in range(0, 600, 77)] == list(
            range(0, 600, 77)
        )
    assert files_of(tmp_path / "one") == files_of(tmp_path / "many")


def test_an_empty_ledger_has_the_root_of_nothing(tmp_path: Path, signer: FileSigner) -> None:
    LedgerWriter.create(tmp_path / "ledger", ORIGIN, signer).close()
    reader = LedgerReader(tmp_path / "ledger")
    assert (reader.size, reader.root, list(reader.entries())) == (0, EMPTY_ROOT, [])


def test_full_tiles_never_change_and_each_checkpoint_continues_the_one_before(
    tmp_path: Path, records: Records, signer: FileSigner
) -> None:
    folder, entries = tmp_path / "ledger", records(900)
    LedgerWriter.create(folder, ORIGIN, signer).close()
    heads: list[tuple[int, bytes]] = []
    full: dict[str, bytes] = {}
    for size in (1, 2, 256, 300, 512, 700, 900):
        with LedgerWriter.open(folder, signer) as writer:
            writer.append_many(entries[writer.size : size])
        now = files_of(folder)
        assert {name: now[name] for name in full} == full
        full = {name: data for name, data in now.items() if (tile := parse_path(name)) and tile.width == 256}
        reader = LedgerReader(folder, signer.verifier_key)
        for old_size, old_root in heads:
            proof = reader.prove_consistency(old_size)
            assert check_consistency(old_size, reader.size, old_root, reader.root, proof)
            assert not check_consistency(old_size, reader.size, reader.root, reader.root, proof)
        heads.append((reader.size, reader.root))
    assert verify(folder, signer.verifier_key).ok


def test_a_checkpoint_of_an_earlier_size_keeps_its_partial_tiles_until_they_are_full(
    tmp_path: Path, make_ledger: MakeLedger
) -> None:
    names = set(files_of(make_ledger(tmp_path / "young", [3, 7])))
    assert {"tile/0/000.p/3", "tile/0/000.p/7", "tile/entries/000.p/3", "tile/entries/000.p/7"} <= names
    names = set(files_of(make_ledger(tmp_path / "grown", [3, 7, 260])))
    assert not any(name.startswith(("tile/0/000.p", "tile/entries/000.p")) for name in names)
    assert verify(tmp_path / "young").ok
    assert verify(tmp_path / "grown").ok


def test_a_commit_of_nothing_new_writes_nothing(tmp_path: Path, signer: FileSigner) -> None:
    with LedgerWriter.create(tmp_path / "ledger", ORIGIN, signer) as writer:
        writer.append(b"{}")
        first = writer.commit()
        stamp = (tmp_path / "ledger" / "checkpoint").stat().st_ino
        assert writer.commit() == first
        assert (tmp_path / "ledger" / "checkpoint").stat().st_ino == stamp
        assert (tmp_path / "ledger" / "checkpoint").read_text() == first


def test_the_longest_entry_is_taken_and_a_longer_one_is_refused_whole(
    tmp_path: Path, signer: FileSigner
) -> None:
    with LedgerWriter.create(tmp_path / "ledger", ORIGIN, signer) as writer:
        assert writer.append(b"x" * ENTRY_BYTES_MAX) == 0
        with pytest.raises(CallerError, match="65536 bytes") as caught:
            writer.append_many([b"short", b"x" * (ENTRY_BYTES_MAX + 1)])
        assert caught.value.code == "ledger.entry_too_long"
        assert writer.size == 1
        assert writer.append(b"") == 1
    assert list(LedgerReader(tmp_path / "ledger").entries()) == [b"x" * ENTRY_BYTES_MAX, b""]


def test_a_folder_with_anything_in_it_is_not_taken(tmp_path: Path, signer: FileSigner) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(CallerError) as caught:
        LedgerWriter.create(tmp_path, ORIGIN, signer)
    assert caught.value.code == "ledger.exists"
    assert files_of(tmp_path) == {"notes.txt": b"mine"}


def test_a_second_writer_is_refused_until_the_first_has_gone(
    tmp_path: Path, make_ledger: MakeLedger, signer: FileSigner
) -> None:
    folder = make_ledger(tmp_path / "ledger", [5])
    first = LedgerWriter.open(folder, signer)
    with pytest.raises(CallerError) as caught:
        LedgerWriter.open(folder, signer)
    assert caught.value.code == "ledger.busy"
    first.close()
    LedgerWriter.open(folder, signer).close()


def test_another_key_cannot_continue_a_ledger(
    tmp_path: Path, make_ledger: MakeLedger, signer: FileSigner
) -> None:
    folder = make_ledger(tmp_path / "ledger", [5])
    stranger = FileSigner.create(tmp_path / "key", ORIGIN)
    before = files_of(folder)
    with pytest.raises(CallerError) as caught:
        LedgerWriter.open(folder, stranger)
    assert caught.value.code == "ledger.wrong_key"
    assert files_of(folder) == before
    LedgerWriter.open(folder, signer).close()


def test_no_ledger_is_opened_where_there_is_none(tmp_path: Path, signer: FileSigner) -> None:
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(CallerError) as caught:
            LedgerWriter.open(folder, signer)
        assert caught.value.code == "ledger.missing"


@pytest.mark.parametrize(
    "path", ["checkpoint", "key.vkey", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/001.p/44"]
)
def test_a_ledger_that_does_not_fit_its_checkpoint_is_not_continued(
    tmp_path: Path, make_ledger: MakeLedger, signer: FileSigner, path: str
) -> None:
    folder = make_ledger(tmp_path / "ledger", [300])
    whole = (folder / path).read_bytes()
    for content in (None, b"", whole[:-1], whole + b"x", bytes([whole[0] ^ 1]) + whole[1:]):
        (folder / path).unlink(missing_ok=True)
        if content is not None:
            (folder / path).write_bytes(content)
        before = files_of(folder)
        with pytest.raises(OutsideError) as caught:
            LedgerWriter.open(folder, signer)
        assert caught.value.code == "ledger.damaged"
        assert files_of(folder) == before
    (folder / path).write_bytes(whole)
    LedgerWriter.open(folder, signer).close()


def test_a_closed_writer_takes_nothing(tmp_path: Path, signer: FileSigner) -> None:
    writer = LedgerWriter.create(tmp_path / "ledger", ORIGIN, signer)
    writer.close()
    writer.close()
    for use in (writer.commit, lambda: writer.append(b"{}")):
        with pytest.raises(CallerError) as caught:
            use()
        assert caught.value.code == "ledger.closed"


def test_after_a_failed_write_the_writer_refuses_and_opening_again_mends(
    tmp_path: Path, records: Records, signer: FileSigner
) -> None:
    folder, entries = tmp_path / "ledger", records(300)
    writer = LedgerWriter.create(folder, ORIGIN, signer)
    writer.append_many(entries[:10])
    writer.commit()
    (folder / "tile/entries/000").mkdir()  # the full bundle cannot be put in its place
    with pytest.raises(OSError, match="directory"):
        writer.append_many(entries[10:])
    for use in (writer.commit, lambda: writer.append(b"{}")):
        with pytest.raises(BrokenInvariant) as caught:
            use()
        assert caught.value.code == "ledger.writer_broken"
    writer.close()
    (folder / "tile/entries/000").rmdir()
    with LedgerWriter.open(folder, signer) as again:
        assert again.size == 10
        again.append_many(entries[10:])
    assert verify(folder, signer.verifier_key).ok
