"""Tiles: names and bytes as the specification writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.ledger.tiles import (
    ENTRIES,
    ENTRY_BYTES_MAX,
    Tile,
    encode_entries,
    levels_of,
    parse_path,
    split_entries,
    tail_tiles,
    width_of,
)

tiles = st.builds(Tile, st.integers(-1, 7), st.integers(0, 10**12), st.integers(1, 256))


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 999, 255), "tile/0/999.p/255"),
        (Tile(1, 1000), "tile/1/x001/000"),
        (Tile(ENTRIES, 1234067), "tile/entries/x001/x234/067"),
        (Tile(ENTRIES, 1234067, 8), "tile/entries/x001/x234/067.p/8"),
    ],
)
def test_a_path_is_written_and_read_as_the_specification_says(tile: Tile, path: str) -> None:
    assert tile.path == path
    assert parse_path(path) == tile


@given(tiles)
def test_every_path_is_read_back(tile: Tile) -> None:
    assert parse_path(tile.path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/0",
        "tile/0/0000",
        "tile/00/000",
        "tile/8/000",
        "tile/-1/000",
        "tile/data/000",
        "tile/0/x000/001",
        "tile/0/001/002",
        "tile/0/x001",
        "tile/0/000.p",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/012",
        "tile/0/000.p/1/2",
        "tile/0/٠٠٠",
        "tile/0/000\n",
        "/tile/0/000",
        "tile/0/000.tmp",
        "checkpoint",
        "",
    ],
)
def test_what_no_ledger_writes_is_no_tile(path: str) -> None:
    assert parse_path(path) is None


def test_a_tree_of_70000_has_the_tiles_of_the_specifications_example() -> None:
    assert list(tail_tiles(70_000)) == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert [width_of(0, number, 70_000) for number in (0, 272, 273, 274)] == [256, 256, 112, 0]
    assert [width_of(1, number, 70_000) for number in (0, 1, 2)] == [256, 17, 0]
    assert list(tail_tiles(256)) == [Tile(1, 0, 1)]
    assert [levels_of(size) for size in (0, 1, 255, 256, 65_535, 65_536)] == [1, 1, 1, 2, 2, 3]


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_a_bundle_is_read_back(entries: list[bytes]) -> None:
    data = encode_entries(entries)
    assert split_entries(data) == (entries, len(data))


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=20), st.data())
def test_a_torn_bundle_gives_its_whole_entries(entries: list[bytes], data: st.DataObject) -> None:
    whole = encode_entries(entries)
    cut = data.draw(st.integers(0, len(whole) - 1))
    found, used = split_entries(whole[:cut])
    assert used <= cut
    assert found == entries[: len(found)]
    assert len(found) < len(entries)


def test_lengths_are_two_bytes_with_the_high_one_first() -> None:
    assert encode_entries([b"ab", b"", b"c" * 258]) == b"\x00\x02ab\x00\x00\x01\x02" + b"c" * 258
    longest = bytes(ENTRY_BYTES_MAX)
    assert split_entries(encode_entries([longest])) == ([longest], ENTRY_BYTES_MAX + 2)
    with pytest.raises(OverflowError):
        encode_entries([longest + b"x"])
