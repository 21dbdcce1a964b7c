"""The reader: entries and proofs as of a checkpoint."""

from pathlib import Path

import pytest
from small_ledgers import MakeLedger, Records

from holdfast.error import CallerError, OutsideError
from holdfast.keys.file_signer import FileSigner
from holdfast.ledger.merkle import check_consistency, check_inclusion, leaf_hash
from holdfast.ledger.reader import LedgerReader
from holdfast.ledger.writer import LedgerWriter


def test_every_entry_is_proven_and_no_other_entry_by_that_proof(
    tmp_path: Path, make_ledger: MakeLedger
) -> None:
    reader = LedgerReader(make_ledger(tmp_path / "ledger", [600]))
    for index in range(600):
        leaf, proof = leaf_hash(reader.entry(index)), reader.prove(index)
        assert reader.leaf(index) == leaf
        assert check_inclusion(index, reader.size, leaf, proof, reader.root)
        assert not check_inclusion((index + 1) % 600, reader.size, leaf, proof, reader.root)


def test_every_earlier_size_is_proven_to_be_the_beginning(tmp_path: Path, make_ledger: MakeLedger) -> None:
    reader = LedgerReader(make_ledger(tmp_path / "ledger", [600]))
    for old_size in range(601):
        proof = reader.prove_consistency(old_size)
        assert check_consistency(old_size, reader.size, reader.root_at(old_size), reader.root, proof)


def test_entries_are_served_in_any_range(tmp_path: Path, make_ledger: MakeLedger, records: Records) -> None:
    reader = LedgerReader(make_ledger(tmp_path / "ledger", [600]))
    entries = records(600)
    for start, stop in ((0, 600), (0, None), (255, 257), (256, 256), (599, 9999), (100, 50), (600, None)):
        assert list(reader.entries(start, stop)) == entries[start:stop]


def test_what_is_not_there_is_not_served(tmp_path: Path, make_ledger: MakeLedger) -> None:
    reader = LedgerReader(make_ledger(tmp_path / "ledger", [5]))
    for ask in (
        lambda: reader.entry(5),
        lambda: reader.entry(-1),
        lambda: reader.prove(5),
        lambda: reader.leaf(5),
        lambda: reader.prove_consistency(6),
        lambda: reader.root_at(6),
    ):
        with pytest.raises(IndexError):
            ask()


def test_a_reader_keeps_its_tree_while_a_writer_goes_on(
    tmp_path: Path, make_ledger: MakeLedger, records: Records, signer: FileSigner
) -> None:
    folder = make_ledger(tmp_path / "ledger", [300])
    reader, entries = LedgerReader(folder), records(300)
    with LedgerWriter.open(folder, signer) as writer:
        writer.append_many([b"{}"] * 1000)  # the partial tiles that the reader started from go away
    assert list(reader.entries()) == entries
    assert reader.root_at(300) == reader.root
    assert check_inclusion(299, 300, leaf_hash(entries[299]), reader.prove(299), reader.root)
    assert LedgerReader(folder).size == 1300


def test_only_the_key_given_is_believed(tmp_path: Path, make_ledger: MakeLedger, signer: FileSigner) -> None:
    folder = make_ledger(tmp_path / "ledger", [5])
    stranger = FileSigner.create(tmp_path / "key", signer.name)
    assert LedgerReader(folder, signer.verifier_key).key == signer.verifier_key
    with pytest.raises(OutsideError) as caught:
        LedgerReader(folder, stranger.verifier_key)
    assert caught.value.code == "note.unsigned"


def test_a_missing_ledger_and_a_missing_tile_say_so(tmp_path: Path, make_ledger: MakeLedger) -> None:
    with pytest.raises(CallerError) as missing:
        LedgerReader(tmp_path / "absent")
    assert missing.value.code == "ledger.missing"
    folder = make_ledger(tmp_path / "ledger", [5])
    reader = LedgerReader(folder)
    (folder / "tile/0/000.p/5").unlink()
    (folder / "tile/entries/000.p/5").write_bytes(b"\x00")
    for ask in (lambda: reader.prove(0), lambda: reader.entry(0)):
        with pytest.raises(OutsideError) as damaged:
            ask()
        assert damaged.value.code == "ledger.damaged"
