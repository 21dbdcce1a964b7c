"""The scanning primitives against the standard library and exact decimals, compiled and as plain Python."""

import json
import random
import warnings
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from holdfast.instrument import Instrument
from holdfast.venues import scan
from holdfast.venues.slots import Slots, scan_slot


def buffer_of(text: str | bytes) -> scan.Bytes:
    raw = text if isinstance(text, bytes) else text.encode()
    return np.frombuffer(raw + b"\0", dtype=np.uint8)


def both(function: object, *arguments: object) -> object:
    """Call a kernel compiled and as plain Python; the two must agree."""
    compiled = function(*arguments)  # type: ignore[operator]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # wrapping digits are refused after the loop
        plain = function.py_func(*arguments)  # type: ignore[attr-defined]
    assert compiled == plain
    return compiled


@given(whole=st.integers(0, 10**20), fraction=st.text("0123456789", max_size=20), decimals=st.integers(0, 12))
@example(whole=0, fraction="", decimals=0)
@example(whole=10**17, fraction="0" * 18, decimals=0)
def test_units_are_exact_or_refused(whole: int, fraction: str, decimals: int) -> None:
    text = f"{whole}.{fraction}" if fraction else str(whole)
    position, units = both(scan.scan_units, buffer_of(text), 0, decimals)
    scaled = Decimal(text).scaleb(decimals)
    if position >= 0:
        assert position == len(text)
        assert units == scaled
    else:
        assert len(str(whole)) + decimals > 18 or scaled != int(scaled)


@pytest.mark.parametrize("text", ["", ".5", "5.", "-1", "+1", "01", "00.5", "x", " 1"])
def test_what_is_no_plain_decimal_is_refused(text: str) -> None:
    assert both(scan.scan_units, buffer_of(text), 0, 3)[0] == -1


@given(st.floats(allow_nan=False, allow_infinity=False) | st.decimals(-1000, 1000, places=6).map(float))
def test_a_float_is_the_nearest_one_or_refused(value: float) -> None:
    text = json.dumps(value)
    position, read = both(scan.scan_float, buffer_of(text), 0)
    if position >= 0:
        assert position == len(text)
        assert np.float64(read).tobytes() == np.float64(value).tobytes()


@pytest.mark.parametrize(
    "text", ["0.00016", "61800.25", "-3e-05", "1.5E+3", "0", "-0.0", "120.74", "9007199254740992"]
)
def test_floats_that_venues_write_are_read(text: str) -> None:
    position, read = both(scan.scan_float, buffer_of(text), 0)
    assert position == len(text)
    assert np.float64(read).tobytes() == np.float64(float(text)).tobytes()


@pytest.mark.parametrize(
    "text", ["", "-", ".5", "5.", "01", "1e", "1e+", "1e1234", "nan", "9007199254740993", "1e23"]
)
def test_a_float_that_needs_care_is_refused(text: str) -> None:
    assert both(scan.scan_float, buffer_of(text), 0)[0] == -1


@given(st.integers(0, 10**20))
def test_an_integer_of_18_digits_is_read(value: int) -> None:
    position, read = both(scan.scan_integer, buffer_of(str(value)), 0)
    assert (position, read) == ((len(str(value)), value) if value < 10**18 else (-1, 0))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 10**6) | st.text("abcXYZ_. ", max_size=5) | st.just(-0.25),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3),
)


@given(VALUES, st.integers(0, 2**32))
def test_a_value_is_skipped_whole_and_a_damaged_one_only_if_it_is_still_json(
    value: object, seed: int
) -> None:
    text = json.dumps(value, separators=(",", ":"))
    assert both(scan.skip_value, buffer_of(text + ","), 0) == len(text)
    chance = random.Random(seed)
    at = chance.randrange(len(text))
    damaged = text[:at] + chance.choice('{}[]",:0.x\\') + text[at + chance.randrange(2) :]
    end = both(scan.skip_value, buffer_of(damaged), 0)
    if end >= 0:
        json.loads(damaged[:end])


def test_nesting_has_a_limit() -> None:
    deepest = scan.NESTING_MAX
    assert scan.skip_value(buffer_of("[" * deepest + "]" * deepest), 0) == 2 * deepest
    assert scan.skip_value(buffer_of("[" * (deepest + 1) + "]" * (deepest + 1)), 0) == -1


def test_symbols_that_share_a_beginning_are_told_apart() -> None:
    slots = Slots()
    symbols = [("A" * length) for length in range(1, 33)] + [f"{'B' * 24}{i:08}" for i in range(300)]
    for number, symbol in enumerate(symbols):
        slots.add(number, Instrument(venue="v", symbol=symbol, kind="spot", base="A", quote="B"))
    for number, symbol in enumerate(symbols):
        position, slot = both(scan_slot, buffer_of(symbol + '"'), 0, slots.array, 0x22)
        assert position == len(symbol)
        assert slots.array[slot]["number"] == number == slots.of(number)["number"]
    assert both(scan_slot, buffer_of('AB"'), 0, slots.array, 0x22)[0] == -1
    assert both(scan_slot, buffer_of("A" * 33 + '"'), 0, slots.array, 0x22)[0] == -1
