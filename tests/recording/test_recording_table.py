"""Csv text becomes integers exactly as a slow reader reads it, however it is written."""

import csv
import io
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from holdfast.app.recording.csv_lines import Lines
from holdfast.app.recording.csv_table import Table
from holdfast.error import OutsideError
from holdfast.quantity import to_units


class Bytes:
    """A stream over bytes in memory."""

    broken = None

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def read(self, size: int) -> bytes:
        return self._file.read(size)

    def close(self) -> None: ...


def _table(text: str, columns: list[str], block_bytes: int = 1 << 20) -> Table:
    return Table(next(iter(Lines(Bytes(text.encode()), block_bytes).blocks())), columns)


FINENESS = {"quantity.off_grid", "quantity.too_large"}
number = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False, places=4).map(str),
    st.integers(-(10**20), 10**20).map(str),
    st.floats(allow_nan=True, allow_infinity=True).map(repr),
    st.text("0123456789.-+eE nainf", max_size=24),
)


@settings(max_examples=400, deadline=None)
@given(texts=st.lists(number, min_size=1, max_size=20), decimals=st.integers(0, 12))
@example(
    texts=["9223372036854775807", "9223372036854775808", "-9223372036854775807", "922337203685477580.8"],
    decimals=0,
)
@example(texts=["1e-3", "1.", ".5", ".", "-", "+1", "--1", "0.000", "1.0000000000000000000000"], decimals=3)
def test_units_are_those_of_exact_decimals(texts: list[str], decimals: int) -> None:
    table = _table("".join(f"{text},x\n" for text in texts), ["n", "x"])
    units = table.units("n", decimals)
    for position, text in enumerate(texts):
        try:
            expected = to_units(text, decimals)
        except OutsideError as error:
            assert table.failed[position], text
            codes = {error.code} if text else {"field.empty"}
            if codes & FINENESS:  # one that is both too fine and too large may be called either
                codes = FINENESS
            assert table.failures[position].code in codes, (text, table.failures[position])
        else:
            assert not table.failed[position], (text, table.failures[position])
            assert units[position] == expected == int(Decimal(text).scaleb(decimals))


@settings(max_examples=400, deadline=None)
@given(texts=st.lists(number, min_size=1, max_size=20))
@example(
    texts=["0.3453012833632964", "9007199254740993", "0.1", "123456789012345678901234567890", "4.9e-324"]
)
def test_floats_are_the_nearest_to_their_text(texts: list[str]) -> None:
    table = _table("".join(f"{text},x\n" for text in texts), ["n", "x"])
    values = table.floats("n")
    for position, text in enumerate(texts):
        try:
            expected = float(text) if text else np.nan
        except ValueError:
            assert table.failed[position]
            continue
        if np.isinf(expected):
            assert table.failed[position]
        else:
            assert np.array([values[position]]).tobytes() == np.array([expected]).tobytes() or (
                np.isnan(values[position]) and np.isnan(expected)
            )


field = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\x00"), max_size=8)


@settings(max_examples=300, deadline=None)
@given(rows=st.lists(st.tuples(field, field, field), min_size=1, max_size=12), block_bytes=st.integers(1, 60))
def test_fields_are_those_of_the_csv_module(rows: list[tuple[str, str, str]], block_bytes: int) -> None:
    sink = io.StringIO()
    csv.writer(sink, lineterminator="\n").writerows(rows)
    found: list[tuple[str, ...]] = []
    data = sink.getvalue().encode().removeprefix(b"\xef\xbb\xbf")
    for block in Lines(Bytes(data), block_bytes).blocks():
        table = Table(block, ["a", "b", "c"])
        assert not table.failures
        found += [tuple(table.text(c, i).decode() for c in "abc") for i in range(len(table))]
    assert found == [tuple(row) for row in csv.reader(io.StringIO(data.decode(), newline="\n"))]


def test_blank_lines_are_no_lines_but_are_counted_in_line_numbers() -> None:
    blocks = list(Lines(Bytes(b"a,1\n\n\r\nb,2\nc,3"), 4).blocks())
    assert [int(n) for block in blocks for n in block.numbers] == [1, 4, 5]


@pytest.mark.parametrize("line", ["1,2", "1,2,3,4", '"1,2,3', '1,"2"x,3', ""])
def test_a_line_of_the_wrong_shape_fails_alone(line: str) -> None:
    table = _table(f"1,2,3\n{line}\n4,5,6\n", ["a", "b", "c"])
    units = table.units("a", 0)
    assert units[[0, -1]].tolist() == [1, 4]
    assert [error.code for error in table.failures.values()] == (["line.malformed"] if line else [])


def test_a_comma_inside_quotes_is_data() -> None:
    table = _table('1,"2,5",3\n"4",5,"6"\n', ["a", "b", "c"])
    assert table.text("b", 0) == b"2,5"
    assert table.units("a", 0).tolist() == [1, 4]
