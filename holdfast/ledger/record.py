"""Records: what the entries of a ledger say, as canonical JSON.

1. A record is one event as one JSON object on one line: keys sorted, no blanks, UTF-8, floats in their
   shortest form, and `type` naming the event. The same event is always the same bytes.
2. Record 0 is `RunStarted`: whatever decided is in the ledger before the first decision.
3. Nothing enters that cannot be read back: NaN and infinity have no JSON form and are refused.
"""

import numbers
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from holdfast.error import CallerError, OutsideError
from holdfast.event import Event
from holdfast.receipt import Receipt


class RuleRecord(msgspec.Struct, frozen=True):
    """One rule that was in force: its id, its version, and the hash of its text."""

    id: str
    version: str
    sha256: str


class InputRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """One input of a run: its name and size in bytes, and its hash where the run read it whole."""

    name: str
    size: int
    sha256: str = ""


class RunStarted(msgspec.Struct, frozen=True, tag=True):
    """A run began: the decoded settings, the rules, the inputs, and the versions of what computes."""

    settings: dict[str, Any]
    rules: tuple[RuleRecord, ...]
    inputs: tuple[InputRecord, ...]
    versions: dict[str, str]


class RunEnded(msgspec.Struct, frozen=True, tag=True):
    """A run ended in order, with this digest of its state and decisions."""

    digest: str


Record = Event | Receipt | RunStarted | RunEnded

_DECODER: Final = msgspec.json.Decoder(Record)
_ANY_DECODER: Final = msgspec.json.Decoder()


def _plain_number(value: object) -> object:
    """Turn another library's scalar into the Python number it equals."""
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    raise TypeError(f"a {type(value).__name__} has no place in a record")


_ENCODER: Final = msgspec.json.Encoder(order="sorted", enc_hook=_plain_number)


def encode(record: Record) -> bytes:
    """Return the canonical bytes of a record.

    Raises: CallerError `record.unwritable` for what JSON cannot say (NaN, infinity) or what the event's type
    forbids.
    Cost: about 3 us, because every record is read back before it is trusted.

    >>> encode(RunEnded(digest="ab"))
    b'{"digest":"ab","type":"RunEnded"}'
    """
    try:
        return _ENCODER.encode(_DECODER.decode(_ENCODER.encode(record)))
    except (msgspec.MsgspecError, TypeError, ValueError, OverflowError) as error:
        raise CallerError(
            "record.unwritable",
            f"{type(record).__name__}: {error}",
            remedy="leave out what is not a finite number or text",
        ) from error


def decode(data: bytes) -> Record:
    """Return the record of an entry. Raises: OutsideError `record.malformed`."""
    try:
        return _DECODER.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise OutsideError("record.malformed", str(error)) from error


def record_fault(data: bytes) -> str:
    """Return what is wrong with an entry as a record, or nothing.

    A record of a later or earlier Holdfast may have keys that ours lacks: it need only be canonical and
    decodable.
    Cost: about 2 us.
    """
    try:
        record = _DECODER.decode(data)
        if _ENCODER.encode(record) == data:
            return ""
        content: object = _ANY_DECODER.decode(data)
        canonical = isinstance(content, Mapping) and _ENCODER.encode(content) == data
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError, OverflowError) as error:
        return str(error) or type(error).__name__
    return "" if canonical else "not in canonical form"


def settings_record(settings: msgspec.Struct) -> dict[str, Any]:
    """Return decoded settings as `RunStarted` takes them."""
    return msgspec.to_builtins(settings)
