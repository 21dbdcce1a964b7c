"""Signed notes and checkpoints: the published example, and every refusal."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.error import CallerError, OutsideError
from holdfast.keys.file_signer import FileSigner
from holdfast.ledger.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint
from holdfast.ledger.note import NOTE_BYTES_MAX, open_note, parse_key, sign_note
from holdfast.signer import verifier_key

# The example in the documentation of golang.org/x/mod/sumdb/note.
PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
SIGNATURE = (
    "\u2014 PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
OTHER = (
    "\u2014 EnochRoot "
    "rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"
)


@pytest.fixture
def peter(tmp_path: Path) -> FileSigner:
    path = tmp_path / "peter"
    path.write_text(PRIVATE)
    path.chmod(0o600)
    return FileSigner.load(path)


def test_the_published_key_signs_the_published_note(peter: FileSigner) -> None:
    assert peter.verifier_key == PUBLIC == str(parse_key(PUBLIC))
    assert sign_note(TEXT, "PeterNeumann", peter) == f"{TEXT}\n{SIGNATURE}"


def test_the_published_note_is_opened_also_with_signatures_of_strangers() -> None:
    key = parse_key(PUBLIC)
    assert open_note(f"{TEXT}\n{SIGNATURE}".encode(), key).text == TEXT
    note = open_note(f"{TEXT}\n{OTHER}{SIGNATURE}".encode(), key)
    assert (note.text, note.others) == (TEXT, 1)


def test_a_text_may_hold_empty_lines(peter: FileSigner) -> None:
    text = "one\n\n\nthree\n"
    assert open_note(sign_note(text, peter.name, peter).encode(), parse_key(PUBLIC)).text == text


@pytest.mark.parametrize(
    ("note", "code"),
    [
        (f"{TEXT}\n{OTHER}", "note.unsigned"),
        (f"{TEXT.replace('answer', 'Answer')}\n{SIGNATURE}", "note.bad_signature"),
        (f"{TEXT}\n{SIGNATURE.replace('Peter', 'Pieter')}", "note.unsigned"),
        (f"{TEXT}\n{SIGNATURE.replace('x08go', 'x18go')}", "note.unsigned"),
        (f"{TEXT}\n{SIGNATURE.replace('AM=', 'AN=')}", "note.malformed"),
        (f"{TEXT}\n{SIGNATURE.replace('AM=', 'AM')}", "note.malformed"),
        (f"{TEXT}\n{SIGNATURE[:-1]}", "note.malformed"),
        (f"{TEXT}\n{SIGNATURE}\n", "note.malformed"),
        (f"{TEXT}{SIGNATURE}", "note.malformed"),
        (f"{TEXT}\n", "note.malformed"),
        (f"{TEXT}\n{SIGNATURE.replace(' P', '  P')}", "note.malformed"),
        (f"{TEXT}\n{SIGNATURE.replace(chr(0x2014), '-')}", "note.malformed"),
        (f"\ttab{TEXT}\n{SIGNATURE}", "note.malformed"),
        (f"{TEXT}\n" + OTHER * 101, "note.malformed"),
        ("", "note.malformed"),
        ("x" * (NOTE_BYTES_MAX + 1), "note.malformed"),
    ],
)
def test_a_note_that_is_not_exactly_right_is_refused(note: str, code: str) -> None:
    with pytest.raises(OutsideError) as caught:
        open_note(note.encode(), parse_key(PUBLIC))
    assert caught.value.code == code


def test_a_note_that_is_not_text_is_refused() -> None:
    with pytest.raises(OutsideError, match="not UTF-8 at byte 0"):
        open_note(b"\xff" + TEXT.encode(), parse_key(PUBLIC))


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_reader_of_notes(data: bytes) -> None:
    for note in (data, TEXT.encode() + b"\n" + data, data + b"\n" + SIGNATURE.encode()):
        with pytest.raises(OutsideError):
            open_note(note, parse_key(PUBLIC))


@pytest.mark.parametrize("at", range(len(PUBLIC)))
def test_a_key_with_one_letter_changed_is_none(at: int) -> None:
    for letter in {chr(ord(PUBLIC[at]) ^ 0x20), chr(ord(PUBLIC[at]) ^ 1), "\n"} - {PUBLIC[at]}:
        with pytest.raises(OutsideError) as caught:
            parse_key(PUBLIC[:at] + letter + PUBLIC[at + 1 :])
        assert caught.value.code == "key.malformed"


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u00a0b", "a\nb", "a\x00b", "a\ud800b"])
def test_a_name_that_no_key_may_bear_is_refused(name: str) -> None:
    with pytest.raises(CallerError) as caught:
        verifier_key(name, bytes(32))
    assert caught.value.code == "key.name"


def test_a_checkpoint_is_signed_and_read_back(peter: FileSigner) -> None:
    checkpoint = Checkpoint("PeterNeumann", 42, bytes(range(32)))
    note = checkpoint.sign(peter)
    assert note.split("\n")[:3] == ["PeterNeumann", "42", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="]
    assert open_checkpoint(note.encode(), parse_key(PUBLIC))[0] == checkpoint


def test_a_checkpoint_of_another_log_is_refused_though_its_signature_is_good(peter: FileSigner) -> None:
    note = sign_note(f"elsewhere\n0\n{'A' * 43}=\n", "PeterNeumann", peter)
    with pytest.raises(OutsideError) as caught:
        open_checkpoint(note.encode(), parse_key(PUBLIC))
    assert caught.value.code == "checkpoint.origin"


def test_lines_after_the_root_are_allowed() -> None:
    assert parse_checkpoint(f"a\n0\n{'A' * 43}=\nmore\n").size == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a\n0\n",
        f"a\n0\n{'A' * 43}=",
        f"\n0\n{'A' * 43}=\n",
        f"a\n00\n{'A' * 43}=\n",
        f"a\n-1\n{'A' * 43}=\n",
        f"a\n٣\n{'A' * 43}=\n",
        f"a\n{2**63}\n{'A' * 43}=\n",
        f"a\n0\n{'A' * 42}B=\n",
        f"a\n0\n{'A' * 40}\n",
        f"a\n0\n{'é' * 4}\n",
        f"a\n0\n{'A' * 43}=\n\n",
    ],
)
def test_a_checkpoint_that_is_not_exactly_right_is_refused(text: str) -> None:
    with pytest.raises(OutsideError) as caught:
        parse_checkpoint(text)
    assert caught.value.code == "checkpoint.malformed"
