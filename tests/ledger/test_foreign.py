"""A verifier that we did not write accepts our ledgers and our proofs, and refuses damaged ones."""

from pathlib import Path

import pytest
from go_verifier import go_verifier, judge
from small_ledgers import ORIGIN, MakeLedger

from holdfast.keys.file_signer import FileSigner
from holdfast.ledger.reader import LedgerReader
from holdfast.ledger.writer import LedgerWriter

__all__ = ["go_verifier"]


def proofs_of(folder: Path) -> str:
    reader = LedgerReader(folder)
    steps = max(1, reader.size // 40)
    lines = [
        ["inclusion", str(at), *(h.hex() for h in reader.prove(at))] for at in range(0, reader.size, steps)
    ]
    for old in range(1, reader.size + 1, steps):
        hashes = [reader.root_at(old), *reader.prove_consistency(old)]
        lines.append(["consistency", str(old), *(h.hex() for h in hashes)])
    return "".join(" ".join(words) + "\n" for words in lines)


@pytest.mark.parametrize("sizes", [[1], [2, 3], [255], [256], [257], [3, 300, 777], [1024]])
def test_go_accepts_our_ledgers_and_our_proofs(
    tmp_path: Path, make_ledger: MakeLedger, signer: FileSigner, go_verifier: Path, sizes: list[int]
) -> None:
    folder = make_ledger(tmp_path / "ledger", sizes)
    proofs = proofs_of(folder)
    done = judge(go_verifier, folder, signer.verifier_key, proofs)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"accepted {sizes[-1]} entries")
    assert f"{proofs.count(chr(10))} proofs" in done.stdout


def test_go_accepts_three_levels_of_tiles(tmp_path: Path, signer: FileSigner, go_verifier: Path) -> None:
    with LedgerWriter.create(tmp_path / "ledger", ORIGIN, signer) as writer:
        writer.append_many([b'{"n":%d}' % at for at in range(66_000)])
    done = judge(go_verifier, tmp_path / "ledger", signer.verifier_key, proofs_of(tmp_path / "ledger"))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "path", ["checkpoint", "tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/000"]
)
def test_go_refuses_a_changed_file(
    tmp_path: Path, make_ledger: MakeLedger, signer: FileSigner, go_verifier: Path, path: str
) -> None:
    folder = make_ledger(tmp_path / "ledger", [300])
    data = (folder / path).read_bytes()
    (folder / path).write_bytes(data[:20] + bytes([data[20] ^ 1]) + data[21:])
    assert judge(go_verifier, folder, signer.verifier_key).returncode != 0


def test_go_refuses_another_key_and_a_false_proof(
    tmp_path: Path, make_ledger: MakeLedger, signer: FileSigner, go_verifier: Path
) -> None:
    folder = make_ledger(tmp_path / "ledger", [300])
    stranger = FileSigner.create(tmp_path / "key", signer.name)
    assert judge(go_verifier, folder, stranger.verifier_key).returncode != 0
    for line in ("inclusion 7 " + "ab" * 32, "consistency 7 " + "ab" * 32):
        assert judge(go_verifier, folder, signer.verifier_key, line + "\n").returncode != 0
