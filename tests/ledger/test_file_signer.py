"""The file signer: a key that only its owner can read."""

import stat
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from holdfast.error import CallerError
from holdfast.keys.file_signer import FileSigner
from holdfast.signer import Signer


def test_a_key_made_is_the_key_loaded(tmp_path: Path) -> None:
    made: Signer = FileSigner.create(tmp_path / "key", "desk.example/one")
    loaded = FileSigner.load(tmp_path / "key")
    assert loaded.name == "desk.example/one"
    assert loaded.public_key == made.public_key
    assert len(loaded.public_key) == 32
    assert loaded.sign(b"text") == made.sign(b"text")


def test_a_signature_fits_its_text_and_no_other(tmp_path: Path) -> None:
    signer = FileSigner.create(tmp_path / "key", "desk")
    public = Ed25519PublicKey.from_public_bytes(signer.public_key)
    public.verify(signer.sign(b"text"), b"text")
    with pytest.raises(InvalidSignature):
        public.verify(signer.sign(b"text"), b"next")


def test_two_keys_are_never_the_same(tmp_path: Path) -> None:
    one, two = (FileSigner.create(tmp_path / name, "desk") for name in ("one", "two"))
    assert one.public_key != two.public_key


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    FileSigner.create(tmp_path / "key", "desk")
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o601])
def test_a_key_that_others_may_read_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    FileSigner.create(tmp_path / "key", "desk")
    (tmp_path / "key").chmod(mode)
    with pytest.raises(CallerError, match=f"mode {mode:04o}.*chmod 600") as caught:
        FileSigner.load(tmp_path / "key")
    assert caught.value.code == "key.readable_by_others"
    (tmp_path / "key").chmod(0o400)
    assert FileSigner.load(tmp_path / "key").name == "desk"


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    FileSigner.create(tmp_path / "key", "desk")
    before = (tmp_path / "key").read_bytes()
    with pytest.raises(CallerError) as caught:
        FileSigner.create(tmp_path / "key", "desk")
    assert caught.value.code == "key.exists"
    assert (tmp_path / "key").read_bytes() == before


@pytest.mark.parametrize("name", ["", "two words", "a+b"])
def test_a_name_that_no_key_may_bear_leaves_no_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(CallerError) as caught:
        FileSigner.create(tmp_path / "key", name)
    assert caught.value.code == "key.name"
    assert not (tmp_path / "key").exists()


def test_a_missing_key_says_so(tmp_path: Path) -> None:
    for path in (tmp_path / "key", tmp_path):
        with pytest.raises(CallerError) as caught:
            FileSigner.load(path)
        assert caught.value.code == "key.missing"


def test_a_damaged_key_is_refused_whichever_letter_changed(tmp_path: Path) -> None:
    path = tmp_path / "key"
    FileSigner.create(path, "desk")
    line = path.read_bytes()
    damaged = [line[:at] + bytes([line[at] ^ 1]) + line[at + 1 :] for at in range(len(line) - 1)]
    for content in (*damaged, b"", line[:-10], line + b"x", b"\xff" * 90):
        path.write_bytes(content)
        with pytest.raises(CallerError) as caught:
            FileSigner.load(path)
        assert caught.value.code == "key.malformed", content


def test_a_signer_shown_or_an_error_never_shows_the_secret(tmp_path: Path) -> None:
    signer = FileSigner.create(tmp_path / "key", "desk")
    secret = (tmp_path / "key").read_text().strip().split("+", 4)[4]  # in Base64 a "+" may stand too
    assert secret not in repr(signer)
    assert signer.verifier_key in repr(signer)
    (tmp_path / "key").write_text(f"PRIVATE+KEY+desk+00000000+{secret}\n")
    with pytest.raises(CallerError) as caught:
        FileSigner.load(tmp_path / "key")
    assert secret not in str(caught.value)
