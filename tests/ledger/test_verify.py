"""Verification: a sound ledger is proven, and of a damaged one the first broken place is named."""

import os
import shutil
import subprocess
from pathlib import Path
from random import Random

import pytest
from small_ledgers import ORIGIN, MakeLedger, files_of, make_records

from holdfast.error import CallerError
from holdfast.event import AlertCleared, Scope
from holdfast.keys.file_signer import FileSigner
from holdfast.ledger.checkpoint import Checkpoint
from holdfast.ledger.merkle import leaf_hash
from holdfast.ledger.record import RunEnded, encode
from holdfast.ledger.report import FINDINGS_MAX
from holdfast.ledger.tiles import ENTRIES, Tile, encode_entries, parse_path, split_entries
from holdfast.ledger.verify import verify
from holdfast.ledger.writer import LedgerWriter


def entry_at(data: bytes, at: int) -> int:
    """Return which entry of a bundle the byte at `at` belongs to, its length included."""
    ends, end = [], 0
    for entry in split_entries(data)[0]:
        end += 2 + len(entry)
        ends.append(end)
    return next(index for index, end in enumerate(ends) if at < end)


def put_byte(path: Path, at: int, byte: int) -> None:
    """Write one byte in place (to write the whole file anew would have some disks flush it each time)."""
    with path.open("r+b") as file:
        file.seek(at)
        file.write(bytes([byte]))


def flip_and_check(folder: Path, path: str, data: bytes, at: int, bits: int) -> None:
    """Change one byte of one file; verification must fail and name the file, and the entry if it is one's."""
    put_byte(folder / path, at, data[at] ^ bits)
    report = verify(folder)
    put_byte(folder / path, at, data[at])
    assert not report.ok, f"{path} byte {at} xor {bits:#x} passed"
    assert report.exit_code == 1
    first = report.first
    assert first
    assert first.path == path, f"{path} byte {at} xor {bits:#x}: blamed {first}"
    tile = parse_path(path)
    if tile and tile.level == ENTRIES and first.code != "replaced":
        assert first.entry == 256 * tile.number + entry_at(data, at)
        assert f"BROKEN: first at entry {first.entry} in {path}" in report.lines()[-1]
    else:
        assert path in report.lines()[-1]


def test_a_sound_ledger_is_proven(tmp_path: Path, make_ledger: MakeLedger, signer: FileSigner) -> None:
    report = verify(make_ledger(tmp_path / "ledger", [3, 600]), signer.verifier_key)
    assert report.ok
    assert report.exit_code == 0
    assert report.first is None
    assert (report.size, report.entries_checked, report.origin) == (600, 600, ORIGIN)
    assert report.files_checked == 9
    text = "\n".join(report.lines())
    assert "given by the caller" in text
    assert "record 0: 1 rules, 1 inputs, holdfast 0.1.0" in text
    assert "the run ended in order" in text
    assert report.lines()[-1] == "PROVEN: 600 entries"


@pytest.mark.parametrize("sizes", [[1], [2], [256], [3, 7, 12]])
def test_any_byte_flipped_in_a_small_ledger_is_named(
    tmp_path: Path, make_ledger: MakeLedger, sizes: list[int]
) -> None:
    folder = make_ledger(tmp_path / "ledger", sizes)
    random = Random(1)
    for path, data in files_of(folder).items():
        for at in range(0, len(data), 1 if len(data) < 2500 else 23):
            flip_and_check(folder, path, data, at, 1 << random.randrange(8))
    assert verify(folder).ok


@pytest.mark.parametrize("path", ["checkpoint", "key.vkey"])
def test_any_bit_flipped_in_the_head_is_named(tmp_path: Path, make_ledger: MakeLedger, path: str) -> None:
    folder = make_ledger(tmp_path / "ledger", [4])
    data = (folder / path).read_bytes()
    for at in range(len(data)):
        for bit in range(8):
            flip_and_check(folder, path, data, at, 1 << bit)


@pytest.fixture(scope="module")
def big_ledger(tmp_path_factory: pytest.TempPathFactory, signer: FileSigner) -> Path:
    """Write a ledger with three levels of tiles and partial ones of earlier sizes."""
    folder = tmp_path_factory.mktemp("big") / "ledger"
    entries = [make_records(1)[0], *(encode(AlertCleared(at, "d", Scope())) for at in range(1, 66_000))]
    with LedgerWriter.create(folder, ORIGIN, signer) as writer:
        for size in (65_800, 65_900, 66_000):
            writer.append_many(entries[writer.size : size])
            writer.commit()
    return folder


def test_random_bytes_flipped_in_a_big_ledger_are_named(big_ledger: Path) -> None:
    random = Random(7)
    paths = sorted(files_of(big_ledger))
    one_of_each = {path.rpartition("/")[0]: path for path in paths}
    for path in [
        *one_of_each.values(),
        *random.sample(paths, 8 if not os.environ.get("HOLDFAST_LONG") else 400),
    ]:
        data = (big_ledger / path).read_bytes()
        flip_and_check(big_ledger, path, data, random.randrange(len(data)), 1 << random.randrange(8))
    assert verify(big_ledger).ok


def test_several_broken_places_are_all_named_the_lowest_entry_first(
    tmp_path: Path, make_ledger: MakeLedger
) -> None:
    folder = make_ledger(tmp_path / "ledger", [700])
    for path, at in (("tile/entries/002.p/188", 9), ("tile/entries/000", 3000), ("tile/0/001", 40)):
        data = (folder / path).read_bytes()
        (folder / path).write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    report = verify(folder)
    assert {finding.path for finding in report.findings} == {
        "tile/entries/000",
        "tile/0/001",
        "tile/entries/002.p/188",
    }
    assert report.first
    assert report.first.path == "tile/entries/000"
    (tile,) = [finding for finding in report.findings if finding.path == "tile/0/001"]
    assert tile.expected.startswith("hash 1 ")


def test_entries_and_tiles_rewritten_to_fit_each_other_do_not_fit_the_signature(
    tmp_path: Path, make_ledger: MakeLedger, signer: FileSigner
) -> None:
    """Forge an entry and every tile above it, without the key: only the signed root tells."""
    for size, index, where in ((700, 300, "entry 256 in tile/entries/001"), (700, 699, "checkpoint")):
        folder = make_ledger(tmp_path / f"ledger-{index}", [size])
        entries = make_records(size)
        entries[index] = encode(RunEnded(digest="forged"))
        with LedgerWriter.create(tmp_path / f"forged-{index}", ORIGIN, signer) as writer:
            writer.append_many(entries)
        number = index // 256
        forged_files = files_of(tmp_path / f"forged-{index}")
        for path, data in forged_files.items():
            tile = parse_path(path)
            if tile and tile.level in (ENTRIES, 0) and tile.number == number:
                (folder / path).write_bytes(data)
        report = verify(folder)
        assert report.first
        assert (report.first.code, report.first.where) == ("rewritten", where)
        for path, data in forged_files.items():
            if path != "checkpoint":
                (folder / path).write_bytes(data)
        report = verify(folder)
        assert report.first
        assert (report.first.code, report.first.path) == ("rewritten", "checkpoint")


def test_a_forger_with_another_key_is_found_only_by_the_key_given(
    tmp_path: Path, make_ledger: MakeLedger, signer: FileSigner
) -> None:
    make_ledger(tmp_path / "ledger", [5])
    stranger = FileSigner.create(tmp_path / "key", ORIGIN)
    with LedgerWriter.create(tmp_path / "forged", ORIGIN, stranger) as writer:
        writer.append_many(make_records(5))
    trusting = verify(tmp_path / "forged")
    assert trusting.ok
    assert "taken on trust from the ledger's own folder" in "\n".join(trusting.lines())
    report = verify(tmp_path / "forged", signer.verifier_key)
    assert {finding.path for finding in report.findings} == {"key.vkey", "checkpoint"}
    assert verify(tmp_path / "ledger", signer.verifier_key).ok


def test_a_key_that_is_none_is_the_callers_fault(tmp_path: Path, make_ledger: MakeLedger) -> None:
    folder = make_ledger(tmp_path / "ledger", [5])
    with pytest.raises(CallerError) as caught:
        verify(folder, "not a key")
    assert caught.value.code == "verify.key"


@pytest.mark.parametrize(
    "path",
    [
        "checkpoint",
        "key.vkey",
        "tile/0/000",
        "tile/0/001.p/44",
        "tile/1/000.p/1",
        "tile/entries/000",
        "tile/entries/001.p/44",
    ],
)
def test_a_missing_file_is_named_and_so_is_one_that_is_no_plain_file(
    tmp_path: Path, make_ledger: MakeLedger, path: str
) -> None:
    folder = make_ledger(tmp_path / "ledger", [300])
    (folder / path).rename(tmp_path / "aside")
    for make in (
        lambda: None,
        (folder / path).mkdir,
        lambda: (folder / path).symlink_to(tmp_path / "aside"),
        lambda: os.mkfifo(folder / path),
    ):
        make()
        report = verify(folder)
        assert report.first
        assert (report.first.code, report.first.path) == ("missing", path)
        if (folder / path).is_dir() and not (folder / path).is_symlink():
            (folder / path).rmdir()
        else:
            (folder / path).unlink(missing_ok=True)


@pytest.mark.parametrize(
    "path",
    [
        "notes.txt",
        "tile/0/002",
        "tile/0/001",
        "tile/0/001.p/45",
        "tile/entries/001.p/300",
        "tile/entries/x000/000",
        "tile/2/000.p/1",
        "tile/9/000",
        "tile/0/000.tmp",
        "checkpoint.tmp",
        "tile/\udcff\udcfe",
        "tile/line\nbreak",
    ],
)
def test_a_surplus_file_is_named(tmp_path: Path, make_ledger: MakeLedger, path: str) -> None:
    folder = make_ledger(tmp_path / "ledger", [300])
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_bytes(b"x" * 32)
    report = verify(folder)
    assert [(finding.code, finding.path) for finding in report.findings] == [("surplus", path)]
    assert all(line.isprintable() for line in report.lines())
    (folder / path).unlink()
    assert verify(folder).ok


def test_entries_that_nobody_signed_for_are_surplus(
    tmp_path: Path, make_ledger: MakeLedger, signer: FileSigner
) -> None:
    folder = make_ledger(tmp_path / "ledger", [300])
    writer = LedgerWriter.open(folder, signer)
    writer.append_many([encode(RunEnded(digest="x"))] * 300)
    assert {finding.path for finding in verify(folder).findings} == {"tile/0/001", "tile/entries/001"}
    writer.close()
    assert verify(folder).ok


def test_folders_in_folders_in_folders_do_not_exhaust_it(tmp_path: Path, make_ledger: MakeLedger) -> None:
    folder = make_ledger(tmp_path / "ledger", [5])
    place = os.open(folder / "tile", os.O_RDONLY)
    for _ in range(2100):  # deeper than a path can name
        os.mkdir("d", dir_fd=place)
        inner = os.open("d", os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = inner
    os.close(place)
    report = verify(folder)
    assert [finding.code for finding in report.findings] == ["surplus"]
    subprocess.run(["rm", "-rf", folder], check=True)


def test_a_folder_that_is_no_ledger_is_not_proven(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for folder in (tmp_path / "absent", tmp_path / "file", tmp_path):
        report = verify(folder)
        assert report.exit_code == 1
        assert report.lines()[-1].startswith("BROKEN")


def test_record_0_must_start_a_run(tmp_path: Path, signer: FileSigner) -> None:
    with LedgerWriter.create(tmp_path / "ledger", ORIGIN, signer) as writer:
        writer.append_many([encode(RunEnded(digest="x")), *make_records(3)])
    report = verify(tmp_path / "ledger")
    assert [(finding.entry, finding.expected, finding.found) for finding in report.findings] == [
        (0, "record 0, RunStarted", "RunEnded")
    ]
    LedgerWriter.create(tmp_path / "empty", ORIGIN, signer).close()
    assert [finding.found for finding in verify(tmp_path / "empty").findings] == ["an empty ledger"]


def test_an_entry_that_is_no_record_is_named(tmp_path: Path, signer: FileSigner) -> None:
    entries = make_records(600)
    entries[256] = b"{}"
    entries[299:302] = [b"", b'{"type":"RunEnded","digest":"x"}', b"\xff"]
    with LedgerWriter.create(tmp_path / "ledger", ORIGIN, signer) as writer:
        writer.append_many(entries)
    report = verify(tmp_path / "ledger")
    assert [(finding.code, finding.entry) for finding in report.findings] == [
        ("record", 256),
        ("record", 299),
        ("record", 300),
        ("record", 301),
    ]
    assert report.findings[2].found == "not in canonical form"


def test_a_run_that_did_not_end_is_noted(tmp_path: Path, signer: FileSigner) -> None:
    with LedgerWriter.create(tmp_path / "ledger", ORIGIN, signer) as writer:
        writer.append_many(make_records(9)[:5])
    report = verify(tmp_path / "ledger")
    assert report.ok
    assert any("did not end in order" in note for note in report.notes)


def test_signatures_of_witnesses_are_passed_over_and_noted(tmp_path: Path, make_ledger: MakeLedger) -> None:
    folder = make_ledger(tmp_path / "ledger", [5])
    with (folder / "checkpoint").open("a") as file:
        file.write("\u2014 witness.example AAAAAAAA\n")
    report = verify(folder)
    assert report.ok
    assert any("keys not known here, passed over: 1" in note for note in report.notes)


def test_a_signed_size_that_no_disk_could_hold_ends_soon(tmp_path: Path, signer: FileSigner) -> None:
    LedgerWriter.create(tmp_path / "ledger", ORIGIN, signer).close()
    note = Checkpoint(ORIGIN, 2**62, leaf_hash(b"")).sign(signer)
    (tmp_path / "ledger" / "checkpoint").write_text(note)
    report = verify(tmp_path / "ledger")
    assert len(report.findings) == FINDINGS_MAX
    assert report.first
    assert report.first.entry == 0
    assert f"{FINDINGS_MAX} or more" in "\n".join(report.lines())


def garble(folder: Path, random: Random) -> str:
    """Do one bad thing to a ledger's files."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    if not paths:
        return "nothing left"
    path, other = random.choice(paths), random.choice(paths)
    data = path.read_bytes()
    what = random.choice(["cut", "extend", "delete", "swap", "blank", "noise", "shift", "folder", "surplus"])
    if what == "cut":
        path.write_bytes(data[: random.randrange(len(data))])
    elif what == "extend":
        path.write_bytes(data + random.choice([b"\x00", b"\n", bytes(2), random.randbytes(40), data]))
    elif what == "swap":
        path.write_bytes(other.read_bytes())
        other.write_bytes(data)
    elif what == "blank":
        path.write_bytes(bytes(len(data)))
    elif what == "noise":
        path.write_bytes(random.randbytes(random.randrange(20_000)))
    elif what == "shift":
        path.write_bytes(data[1:] + data[:1])
    elif what == "surplus":
        (path.parent / f"{len(list(path.parent.iterdir()))}.z").write_bytes(data)
    else:
        path.unlink()
        if what == "folder":
            path.mkdir()
    return f"{what} {path.relative_to(folder)}"


@pytest.mark.parametrize("sizes", [[5], [3, 600]])
def test_no_garbage_crashes_it_and_none_passes(
    tmp_path: Path, make_ledger: MakeLedger, signer: FileSigner, sizes: list[int]
) -> None:
    sound = make_ledger(tmp_path / "sound", sizes)
    before = files_of(sound)
    random = Random(3)
    for attempt in range(2000 if os.environ.get("HOLDFAST_LONG") else 150):
        folder = tmp_path / f"garbled-{attempt}"
        shutil.copytree(sound, folder)
        done = [garble(folder, random) for _ in range(random.choice([1, 1, 1, 2, 5]))]
        key = random.choice([None, signer.verifier_key])
        report = verify(folder, key)
        assert report.ok == (files_of(folder) == before), done
        assert all(line.isprintable() for line in report.lines())
        shutil.rmtree(folder)


def test_a_replaced_partial_file_must_be_the_beginning_of_what_replaced_it(
    tmp_path: Path, make_ledger: MakeLedger
) -> None:
    folder = make_ledger(tmp_path / "ledger", [3, 9])
    old = folder / Tile(ENTRIES, 0, 3).path
    for content in (
        encode_entries(make_records(9)[:2]),
        encode_entries([b"{}"] * 3),
        old.read_bytes()[:-1],
        b"",
    ):
        whole = old.read_bytes()
        old.write_bytes(content)
        assert [(finding.code, finding.path) for finding in verify(folder).findings] == [
            ("replaced", "tile/entries/000.p/3")
        ]
        old.write_bytes(whole)
    assert verify(folder).ok
    old.unlink()
    assert verify(folder).ok, "a partial file that was replaced may be gone"
