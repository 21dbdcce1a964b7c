"""A verifier that we did not write accepts our ledgers and our proofs, and refuses damaged ones."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from small_ledgers import ORIGIN, MakeLedger

from holdfast.keys.file_signer import FileSigner
from holdfast.ledger.reader import LedgerReader
from holdfast.ledger.writer import LedgerWriter

GO_PACKAGES = Path("/usr/share/gocode")
SOURCE = Path(__file__).parent / "foreign" / "verify.go"


@pytest.fixture(scope="module")
def go_verifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the verifier from the Go project's own packages; skip where they are not installed."""
    if shutil.which("go") is None or not (GO_PACKAGES / "src/golang.org/x/mod/sumdb").is_dir():
        pytest.skip("Go's verifier is not here: apt-get install golang-go golang-golang-x-mod-dev")
    target = tmp_path_factory.mktemp("go") / "verify"
    settings = {"GO111MODULE": "off", "GOPATH": str(GO_PACKAGES), "GOFLAGS": "", "GOCACHE": f"{target}.cache"}
    subprocess.run(["go", "build", "-o", target, SOURCE], check=True, env={**os.environ, **settings})
    return target


def run(go_verifier: Path, folder: Path, key: str, proofs: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [go_verifier, folder, key], input=proofs, capture_output=True, text=True, check=False
    )


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
    done = run(go_verifier, folder, signer.verifier_key, proofs)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"accepted {sizes[-1]} entries")
    assert f"{proofs.count(chr(10))} proofs" in done.stdout


def test_go_accepts_three_levels_of_tiles(tmp_path: Path, signer: FileSigner, go_verifier: Path) -> None:
    with LedgerWriter.create(tmp_path / "ledger", ORIGIN, signer) as writer:
        writer.append_many([b'{"n":%d}' % at for at in range(66_000)])
    done = run(go_verifier, tmp_path / "ledger", signer.verifier_key, proofs_of(tmp_path / "ledger"))
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
    assert run(go_verifier, folder, signer.verifier_key).returncode != 0


def test_go_refuses_another_key_and_a_false_proof(
    tmp_path: Path, make_ledger: MakeLedger, signer: FileSigner, go_verifier: Path
) -> None:
    folder = make_ledger(tmp_path / "ledger", [300])
    stranger = FileSigner.create(tmp_path / "key", signer.name)
    assert run(go_verifier, folder, stranger.verifier_key).returncode != 0
    for line in ("inclusion 7 " + "ab" * 32, "consistency 7 " + "ab" * 32):
        assert run(go_verifier, folder, signer.verifier_key, line + "\n").returncode != 0
