"""Records: one event, one spelling."""

import math
from decimal import Decimal
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.action import Action
from holdfast.error import CallerError, OutsideError
from holdfast.event import (
    Alert,
    AlertCleared,
    Decided,
    LevelMoved,
    Quarantined,
    ResyncRequested,
    RiskMeasured,
    Scope,
    ScoreMoved,
)
from holdfast.ledger.record import (
    InputRecord,
    Record,
    RuleRecord,
    RunEnded,
    RunStarted,
    decode,
    encode,
    record_fault,
)
from holdfast.receipt import Intended

PLAIN = {int: 7, float: 0.25, str: "é", bool: True, Decimal: Decimal("1.50"), Any: None}


def made(kind: Any) -> Any:
    """Return a value of a type, with something in every field and collection; of a union, of its last member."""
    if kind in PLAIN:
        return PLAIN[kind]
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return inner[-1]
    if origin in (Union, UnionType):
        return made([one for one in inner if one is not NoneType][-1])
    if origin is tuple:
        return (made(inner[0]),)
    if origin is dict:
        return {made(inner[0]): made(inner[1])}
    return kind(**{field.name: made(field.type) for field in msgspec.structs.fields(kind)})


SCOPE = Scope("deribit", "BTC-PERPETUAL")
RECORDS: list[Record] = [
    Alert(1, "price_shock", SCOPE, "critical", 7.5, 4.0, {"mid": 1.0, "bound": "evt"}, "é\n\u2028"),
    AlertCleared(2, "price_shock", SCOPE),
    ScoreMoved(3, Scope(), 81.0, {"volatility": 60.0, "liquidity": 21.0}),
    LevelMoved(4, Scope("deribit"), "normal", "halt", "score 81"),
    ResyncRequested(5, "deribit", "BTC-PERPETUAL", "gap"),
    Quarantined("a.gz", 17, "frame.malformed", "not JSON", "{"),
    Decided(6, SCOPE, "r1", "1.0", "Halt", "cancel_all", "halt", {"score": 81.0, "armed": False}),
    RiskMeasured(7, 6, SCOPE, {"equity": 1.5, "margin_ratio": 0.25}, ("BTC: no price [price.absent]",)),
    RunStarted(
        {"speed": 1.5, "paths": ["a"], "x": None}, (RuleRecord("r", "1", "ab"),), (InputRecord("a", 3),), {}
    ),
    RunEnded("ab"),
    *(made(kind) for kind in get_args(Record)),
    *(Intended(8, "run/step/0", made(kind), "because") for kind in get_args(Action)),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_record_is_read_back_and_has_one_spelling(record: Record) -> None:
    data = encode(record)
    assert decode(data) == record
    assert encode(decode(data)) == data
    assert record_fault(data) == ""
    assert b"\n" not in data
    assert msgspec.json.decode(data)["type"] == type(record).__name__


def test_keys_are_sorted_and_nothing_is_wasted() -> None:
    assert (
        encode(LevelMoved(4, Scope("deribit"), "normal", "halt", "é"))
        == (
            '{"because":"é","from":"normal","scope":{"instrument":"","venue":"deribit"},"time_ns":4,"to":"halt","type":"LevelMoved"}'
        ).encode()
    )


@given(st.dictionaries(st.text(max_size=5), st.floats(allow_nan=False, allow_infinity=False) | st.text()))
def test_any_evidence_is_read_back(evidence: dict[str, float | str]) -> None:
    alert = Alert(1, "d", SCOPE, "low", 0.1, 1.0, evidence, "")
    data = encode(alert)
    assert decode(data) == alert
    assert record_fault(data) == ""


def test_numbers_of_other_libraries_are_the_numbers_they_equal() -> None:
    plain = encode(Alert(1, "d", SCOPE, "low", 0.5, 3.0, {"n": 2.0}, ""))
    foreign = Alert(np.int64(1), "d", SCOPE, "low", np.float64(0.5), np.float32(3), {"n": np.int32(2)}, "")  # type: ignore[arg-type]
    assert encode(foreign) == plain
    assert encode(Alert(1, "d", SCOPE, "low", 0.5, 3, {"n": 2}, "")) == plain


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, "text", None, object()])
def test_what_json_cannot_say_is_refused(value: float) -> None:
    with pytest.raises(CallerError) as caught:
        encode(Alert(1, "d", SCOPE, "low", value, 1.0, {}, ""))
    assert caught.value.code == "record.unwritable"
    with pytest.raises(CallerError):
        encode(ScoreMoved(3, Scope(), 81.0, {"volatility": value}))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'"RunEnded"',
        b'{"digest":"ab"}',
        b'{"digest":1,"type":"RunEnded"}',
        b'{"digest":"ab","type":"Unheard"}',
        b'{"digest":"ab","type":"RunEnded"',
        b"\xff\x00",
        b"[" * 100_000,
    ],
)
def test_what_is_no_record_is_refused(data: bytes) -> None:
    assert record_fault(data)
    with pytest.raises(OutsideError) as caught:
        decode(data)
    assert caught.value.code == "record.malformed"


@pytest.mark.parametrize(
    "data",
    [
        b'{"type":"RunEnded","digest":"ab"}',
        b'{"digest":"ab", "type":"RunEnded"}',
        b'{"digest":"ab","type":"RunEnded"}\n',
        b'{"digest":"\\u0061b","type":"RunEnded"}',
        b'{"digest":"x","digest":"ab","type":"RunEnded"}',
    ],
)
def test_another_spelling_is_a_fault_though_it_can_be_read(data: bytes) -> None:
    assert decode(data) == RunEnded("ab")
    assert record_fault(data) == "not in canonical form"


def test_a_record_with_keys_of_another_version_is_sound() -> None:
    assert record_fault(b'{"digest":"ab","later":[1,2.5],"type":"RunEnded"}') == ""


@given(st.binary(max_size=60))
def test_no_bytes_crash_the_check_of_records(data: bytes) -> None:
    assert isinstance(record_fault(data), str)
