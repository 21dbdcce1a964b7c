"""The verifier that is not ours: built from the Go project's own packages, for every test that has a ledger to show it.

Use: `from go_verifier import go_verifier, judge` in a test file makes the fixture `go_verifier` known there.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

GO_PACKAGES = Path("/usr/share/gocode")
SOURCE = Path(__file__).parent / "ledger" / "foreign" / "verify.go"


@pytest.fixture(scope="module")
def go_verifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the verifier from the Go project's own packages; skip where they are not installed."""
    if shutil.which("go") is None or not (GO_PACKAGES / "src/golang.org/x/mod/sumdb").is_dir():
        pytest.skip("Go's verifier is not here: apt-get install golang-go golang-golang-x-mod-dev")
    target = tmp_path_factory.mktemp("go") / "verify"
    settings = {"GO111MODULE": "off", "GOPATH": str(GO_PACKAGES), "GOFLAGS": "", "GOCACHE": f"{target}.cache"}
    subprocess.run(["go", "build", "-o", target, SOURCE], check=True, env={**os.environ, **settings})
    return target


def judge(verifier: Path, folder: Path, key: str, proofs: str = "") -> subprocess.CompletedProcess[str]:
    """Have it judge a ledger by a key, and proofs of it."""
    return subprocess.run([verifier, folder, key], input=proofs, capture_output=True, text=True, check=False)
