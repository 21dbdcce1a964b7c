"""Who is compared with whom."""

import numpy as np

from holdfast.instrument import Instrument, Instruments
from holdfast.market.board import new_board
from holdfast.market.member import (
    DIRECT,
    INVERSE,
    MEMBERS_MAX,
    NONE,
    SYNTHETIC,
    TELLS_NOTHING,
    UNDERLYINGS_MAX,
    Members,
)
from tests.market.side_by_side import spot


def admitted(*instruments: Instrument) -> Members:
    """Return members after all instruments have shown a price."""
    table = Instruments()
    for instrument in instruments:
        table.add(instrument)
    board = new_board(len(table))
    board["price"] = 1.0
    members = Members(table)
    members.admit(board)
    return members


def test_dollar_like_quotes_of_one_asset_are_one_underlying() -> None:
    members = admitted(spot("a", "BTC", "USDT"), spot("b", "XBT", "USD"), spot("c", "BTC", "USDC"))
    assert members.groups == 1
    assert set(members.table["group"][:3]) == {0}


def test_other_quotes_and_options_are_left_out() -> None:
    option = Instrument(
        venue="a", symbol="o", kind="option", base="BTC", quote="USD", strike=1.0, option_type="call"
    )
    members = admitted(spot("a", "BTC", "EUR"), option, spot("a", "ETH", "BTC"), spot("a", "USD", "USDT"))
    assert members.count == 0


def test_a_stablecoin_is_no_underlying() -> None:
    members = admitted(spot("a", "USDC", "USDT"))
    assert members.groups == 0
    assert members.table["group"][0] == NONE


def test_a_listing_costs_nothing_until_it_shows_a_price() -> None:
    table = Instruments()
    for n in range(3 * MEMBERS_MAX):
        table.add(spot("a", f"COIN{n}"))
    board = new_board(len(table))
    board["price"][[7, 900]] = 5.0
    members = Members(table)
    members.admit(board)
    assert [int(members.table["instrument"][slot]) for slot in range(members.count)] == [7, 900]


def test_an_untrusted_price_does_not_join() -> None:
    table = Instruments()
    table.add(spot("a", "BTC"))
    board = new_board(1)
    board["price"], board["trusted"] = 5.0, False
    members = Members(table)
    members.admit(board)
    assert members.count == 0


def test_instruments_may_be_added_while_running() -> None:
    table = Instruments()
    table.add(spot("a", "BTC"))
    members = Members(table)
    board = new_board(4)
    board["price"] = 5.0
    members.admit(board)
    table.add(spot("b", "BTC"))
    table.add(spot("b", "ETH"))
    members.admit(board)
    assert members.count == 3
    assert members.table["group"][:3].tolist() == [0, 0, 1]
    assert members.order[:2].tolist() == [0, 1]


def test_what_finds_no_room_is_counted() -> None:
    members = admitted(*(spot("a", f"COIN{n}") for n in range(UNDERLYINGS_MAX + 3)))
    assert members.groups == UNDERLYINGS_MAX
    assert members.left_out == 3
    assert admitted(spot("a", "BTC")).left_out == 0


def test_a_direct_pair_goes_before_the_inverse_and_the_synthetic() -> None:
    members = admitted(
        spot("a", "USDC", "USDT"),  # tells USDC; nothing tells USDT directly, so also USDT by its inverse
        spot("a", "BTC", "USDT"),
        spot("a", "BTC", "USDC"),  # a direct pair exists
        spot("b", "BTC", "USD"),
        spot("b", "BTC", "USDT"),  # the only way on b
    )
    assert members.table["tells_base"][:5].tolist() == [DIRECT] + [TELLS_NOTHING] * 4
    assert members.table["tells_quote"][:5].tolist() == [
        INVERSE, TELLS_NOTHING, TELLS_NOTHING, TELLS_NOTHING, SYNTHETIC,
    ]  # fmt: skip


def test_a_perpetual_tells_no_stablecoin_price() -> None:
    members = admitted(spot("a", "BTC", "USD"), spot("a", "BTC", "USDT", "perpetual"))
    assert not np.any(members.table["tells_quote"][:2])
