"""Every Deribit message by hand: the frame, and exactly the rows it becomes."""

import json

import pytest
from twins import as_text, deribit

from holdfast.error import OutsideError

OPTION, PERPETUAL = "ETH-30JUL21-2800-C", "BTC-PERPETUAL"


def notification(channel: str, data: object) -> bytes:
    """Write a notification as the venue does: no blanks, and its order of keys."""
    message = {"jsonrpc": "2.0", "method": "subscription", "params": {"channel": channel, "data": data}}
    return json.dumps(message, separators=(",", ":")).encode()


def trade(**changes: object) -> dict[str, object]:
    return {
        "trade_seq": 30289442,
        "trade_id": "48079269",
        "timestamp": 1590484512188,
        "tick_direction": 2,
        "price": 8950.5,
        "mark_price": 8948.9,
        "instrument_name": PERPETUAL,
        "index_price": 8955.88,
        "direction": "sell",
        "amount": 10.0,
    } | changes


OPTION_TICKER = {
    "underlying_price": 2003.61, "underlying_index": "ETH-30JUL21", "timestamp": 1626993723632,
    "stats": {"volume": 869.0, "price_change": None, "low": 0.0015, "high": 0.0025}, "state": "open",
    "settlement_price": 0.0, "open_interest": 12685.0, "min_price": 0.0001, "max_price": 0.025,
    "mark_price": 0.001972, "mark_iv": 120.74, "last_price": 0.002, "interest_rate": 0.0,
    "instrument_name": OPTION, "index_price": 2006.72,
    "greeks": {"vega": 0.20072, "theta": -1.64029, "rho": 0.01188, "gamma": 0.0002, "delta": 0.03127},
    "estimated_delivery_price": 2006.72, "bid_iv": 115.62, "best_bid_price": 0.0015, "best_bid_amount": 4714.0,
    "best_ask_price": 0.0025, "best_ask_amount": 873.0, "ask_iv": 125.63,
}  # fmt: skip
OPTION_ROWS = [
    "top ETH-30JUL21-2800-C bid 0.0015 x 4714 @1626993723632",
    "top ETH-30JUL21-2800-C ask 0.0025 x 873 @1626993723632",
    "mark ETH-30JUL21-2800-C =0.001972 @1626993723632",
    "index ETH-30JUL21-2800-C =2006.72 @1626993723632",
    "open_interest ETH-30JUL21-2800-C =12685.0 @1626993723632",
    "implied_vol ETH-30JUL21-2800-C bid =1.1562000000000001 @1626993723632",
    "implied_vol ETH-30JUL21-2800-C ask =1.2563 @1626993723632",
    "implied_vol ETH-30JUL21-2800-C =1.2074 @1626993723632",
    "forward ETH-30JUL21-2800-C =2003.61 @1626993723632",
    "delta ETH-30JUL21-2800-C =0.03127 @1626993723632",
    "vega ETH-30JUL21-2800-C =0.20072 @1626993723632 last",
]
PERPETUAL_TICKER = {
    "timestamp": 1623060194301, "stats": {"volume_usd": 284061480.0, "volume": 7871.02139035, "price_change": 0.7229},
    "state": "open", "settlement_price": 36169.49, "open_interest": 502097590, "min_price": 35898.37,
    "max_price": 36991.72, "mark_price": 36446.51, "last_price": 36457.5, "instrument_name": PERPETUAL,
    "index_price": 36441.64, "funding_8h": 2.11e-5, "estimated_delivery_price": 36441.64,
    "current_funding": -1.0e-6, "best_bid_price": 36442.5, "best_bid_amount": 5000.0, "best_ask_price": 36443.0,
    "best_ask_amount": 100.0,
}  # fmt: skip

MESSAGES = {
    "option ticker": (notification(f"ticker.{OPTION}.raw", OPTION_TICKER), OPTION_ROWS),
    "perpetual ticker": (
        notification(f"ticker.{PERPETUAL}.100ms", PERPETUAL_TICKER),
        [
            "top BTC-PERPETUAL bid 36442.5 x 5000 @1623060194301",
            "top BTC-PERPETUAL ask 36443 x 100 @1623060194301",
            "mark BTC-PERPETUAL =36446.51 @1623060194301",
            "index BTC-PERPETUAL =36441.64 @1623060194301",
            "funding BTC-PERPETUAL =-1e-06 @1623060194301",
            "open_interest BTC-PERPETUAL =502097590.0 @1623060194301 last",
        ],
    ),
    "ticker of an option that nobody quotes": (
        notification(
            f"ticker.{OPTION}.raw",
            {"timestamp": 9, "instrument_name": OPTION, "best_bid_price": None, "best_bid_amount": 0.0,
             "best_ask_price": 0.0, "best_ask_amount": 0.0, "bid_iv": 0.0, "ask_iv": None, "mark_iv": 0.0,
             "mark_price": 0.0, "greeks": {"delta": 0.0, "vega": None}},
        ),
        ["mark ETH-30JUL21-2800-C =0.0 @9", "delta ETH-30JUL21-2800-C =0.0 @9 last"],
    ),
    "quote": (
        notification(
            f"quote.{PERPETUAL}",
            {"timestamp": 1550658624149, "instrument_name": PERPETUAL, "best_bid_price": 3914.97,
             "best_bid_amount": 40.0, "best_ask_price": 3996.61, "best_ask_amount": 50.0},
        ),
        [
            "top BTC-PERPETUAL bid 3914.97 x 40 @1550658624149",
            "top BTC-PERPETUAL ask 3996.61 x 50 @1550658624149 last",
        ],
    ),
    "trades": (
        notification(
            f"trades.{PERPETUAL}.raw", [trade(), trade(direction="buy", price=8951, timestamp=1590484512190)]
        ),
        [
            "trade BTC-PERPETUAL ask 8950.5 x 10 @1590484512188 last",
            "trade BTC-PERPETUAL bid 8951 x 10 @1590484512190 last",
        ],
    ),
    "trades of a whole currency": (
        notification("trades.future.BTC.100ms", [trade()]),
        ["trade BTC-PERPETUAL ask 8950.5 x 10 @1590484512188 last"],
    ),
    "the taker was liquidated": (
        notification(f"trades.{PERPETUAL}.raw", [trade(liquidation="T")]),
        [
            "trade BTC-PERPETUAL ask 8950.5 x 10 @1590484512188",
            "liquidation BTC-PERPETUAL ask 8950.5 x 10 @1590484512188 last",
        ],
    ),
    "the maker was liquidated": (
        notification(f"trades.{PERPETUAL}.raw", [trade(liquidation="M")]),
        [
            "trade BTC-PERPETUAL ask 8950.5 x 10 @1590484512188",
            "liquidation BTC-PERPETUAL bid 8950.5 x 10 @1590484512188 last",
        ],
    ),
    "both were liquidated": (
        notification(f"trades.{PERPETUAL}.raw", [trade(liquidation="MT")]),
        [
            "trade BTC-PERPETUAL ask 8950.5 x 10 @1590484512188",
            "liquidation BTC-PERPETUAL ask 8950.5 x 10 @1590484512188",
            "liquidation BTC-PERPETUAL bid 8950.5 x 10 @1590484512188 last",
        ],
    ),
    "book snapshot": (
        notification(
            f"book.{OPTION}.raw",
            {"type": "snapshot", "timestamp": 1626993723632, "instrument_name": OPTION, "change_id": 7,
             "bids": [["new", 0.0015, 4714.0]], "asks": [["new", 0.0025, 873.0], ["new", 0.003, 167.0]]},
        ),
        [
            "book_reset ETH-30JUL21-2800-C @1626993723632 snapshot",
            "level ETH-30JUL21-2800-C bid 0.0015 x 4714 @1626993723632 snapshot",
            "level ETH-30JUL21-2800-C ask 0.0025 x 873 @1626993723632 snapshot",
            "level ETH-30JUL21-2800-C ask 0.003 x 167 @1626993723632 last snapshot",
        ],
    ),
    "empty book": (
        notification(
            f"book.{OPTION}.raw",
            {"type": "snapshot", "timestamp": 5, "instrument_name": OPTION, "change_id": 7, "bids": [], "asks": []},
        ),
        ["book_reset ETH-30JUL21-2800-C @5 last snapshot"],
    ),
    "grouped book, full on one side": (
        notification(
            f"book.{PERPETUAL}.none.2.100ms",
            {"timestamp": 5, "instrument_name": PERPETUAL, "change_id": 7, "bids": [[161.0, 20.0], [160.5, 40.0]],
             "asks": [[161.5, 10.0]]},
        ),
        [
            "book_reset BTC-PERPETUAL @5 snapshot",
            "level BTC-PERPETUAL bid 161 x 20 @5 snapshot",
            "level BTC-PERPETUAL bid 160.5 x 40 @5 snapshot horizon",
            "level BTC-PERPETUAL ask 161.5 x 10 @5 last snapshot",
        ],
    ),
    "price index": (
        notification(
            "deribit_price_index.btc_usd", {"timestamp": 1550588002899, "price": 3937.89, "index_name": "btc_usd"}
        ),
        ["index BTC-PERPETUAL =3937.89 @1550588002899 last"],
    ),
    "volatility index": (
        notification(
            "deribit_volatility_index.btc_usd",
            {"volatility": 129.36, "timestamp": 1619777946007, "index_name": "btc_usd"},
        ),
        ["implied_vol BTC-PERPETUAL =1.2936 @1619777946007 last"],
    ),
    "perpetual": (
        notification(
            f"perpetual.{PERPETUAL}.100ms", {"timestamp": 5, "interest": 0.005, "index_price": 7872.88}
        ),
        ["index BTC-PERPETUAL =7872.88 @5", "funding BTC-PERPETUAL =0.005 @5 last"],
    ),
    "marks of options": (
        notification(
            "markprice.options.eth_usd", [{"timestamp": 5, "instrument_name": OPTION, "mark_price": 0.002, "iv": 1.2}]
        ),
        ["mark ETH-30JUL21-2800-C =0.002 @5", "implied_vol ETH-30JUL21-2800-C =1.2 @5 last"],
    ),
    "heartbeat": (b'{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"test_request"}}', []),
    "subscribed": (b'{"jsonrpc":"2.0","id":0,"result":["book.BTC-PERPETUAL.raw"],"usIn":1,"usOut":2}', []),
    "test": (b'{"jsonrpc":"2.0","id":8212,"result":{"version":"1.2.26"},"testnet":false}', []),
    "authenticated": (b'{"jsonrpc":"2.0","id":1,"result":{"access_token":"","expires_in":900}}', []),
    "state of the platform": (notification("platform_state", {"locked": False}), []),
}  # fmt: skip

KERNEL_TAKES = {
    "option ticker",
    "perpetual ticker",
    "ticker of an option that nobody quotes",
    "quote",
    "trades",
}


@pytest.mark.parametrize(("frame", "rows"), MESSAGES.values(), ids=MESSAGES)
@pytest.mark.parametrize("known", [False, True], ids=["first", "known"])
def test_a_message_becomes_exactly_these_rows(frame: bytes, rows: list[str], known: bool) -> None:
    feed = deribit()
    if known:
        feed.on_frame(1, frame)
        feed.rows.take()
    feed.on_frame(2, frame)
    assert as_text(feed) == rows
    assert feed.requests == []


@pytest.mark.parametrize("name", MESSAGES)
def test_the_kernel_takes_the_frequent_messages_and_only_those(name: str) -> None:
    feed = deribit()
    feed.on_frame(1, MESSAGES[name][0])
    before = feed.fallbacks
    feed.on_frame(2, MESSAGES[name][0])
    assert (feed.fallbacks == before) == (name in KERNEL_TAKES)


BOOK = {
    "type": "snapshot",
    "timestamp": 1,
    "instrument_name": PERPETUAL,
    "change_id": 7,
    "bids": [],
    "asks": [],
}

REFUSALS = {
    "no JSON": (b"\xff", "frame.malformed"),
    "cut off": (MESSAGES["option ticker"][0][:-30], "frame.malformed"),
    "ticker without a time": (
        notification(f"ticker.{OPTION}.raw", {"instrument_name": OPTION}),
        "frame.malformed",
    ),
    "time before time": (
        notification(f"trades.{PERPETUAL}.raw", [trade(timestamp=-1)]),
        "frame.malformed",
    ),
    "no direction": (notification(f"trades.{PERPETUAL}.raw", [trade(direction="up")]), "frame.malformed"),
    "liquidation of nobody": (
        notification(f"trades.{PERPETUAL}.raw", [trade(liquidation="X")]),
        "frame.malformed",
    ),
    "trade below zero": (notification(f"trades.{PERPETUAL}.raw", [trade(price=-1.0)]), "frame.malformed"),
    "trade for nothing": (notification(f"trades.{PERPETUAL}.raw", [trade(amount=0)]), "frame.malformed"),
    "trade off the grid": (
        notification(f"trades.{PERPETUAL}.raw", [trade(price=1e-12)]),
        "quantity.off_grid",
    ),
    "the second trade is bad": (
        notification(f"trades.{PERPETUAL}.raw", [trade(), trade(direction="up")]),
        "frame.malformed",
    ),
    "level of no action": (
        notification(f"book.{PERPETUAL}.raw", BOOK | {"bids": [["moved", 1.0, 1.0]]}),
        "frame.malformed",
    ),
    "book of no type": (notification(f"book.{PERPETUAL}.raw", BOOK | {"type": "dream"}), "frame.malformed"),
    "a new kind of channel": (notification("moon_phase.full", {}), "frame.unknown"),
    "a request of the venue": (b'{"jsonrpc":"2.0","method":"dance"}', "frame.unknown"),
    "an error of the venue": (
        b'{"jsonrpc":"2.0","id":1,"error":{"code":11050,"message":"bad_request"}}',
        "venue.error",
    ),
    "a combination": (
        notification("trades.BTC-FS-30JUL21_PERP.raw", [trade(instrument_name="BTC-FS-30JUL21_PERP")]),
        "instrument.unreadable",
    ),
    "a day that no month has": (
        notification("trades.BTC-32JUL21.raw", [trade(instrument_name="BTC-32JUL21")]),
        "instrument.unreadable",
    ),
}


@pytest.mark.parametrize(("frame", "code"), REFUSALS.values(), ids=REFUSALS)
def test_a_bad_message_is_refused_with_its_reason_and_leaves_nothing(frame: bytes, code: str) -> None:
    feed = deribit()
    with pytest.raises(OutsideError) as refusal:
        feed.on_frame(5, frame)
    assert refusal.value.code == code
    assert as_text(feed) == []
    assert feed.requests == []


@pytest.mark.parametrize("nothing", [None, 0, 0.0])
def test_a_side_that_loses_its_quote_is_pulled_once(nothing: object) -> None:
    feed = deribit()
    quote = {"timestamp": 1, "instrument_name": PERPETUAL, "best_ask_price": 11.0, "best_ask_amount": 4.0}
    for bid in (nothing, 10.0, nothing, nothing, 9.5):
        sides = {"best_bid_price": bid, "best_bid_amount": 5.0 if bid else nothing}
        feed.on_frame(1, notification(f"quote.{PERPETUAL}", quote | sides))
    assert [line for line in as_text(feed) if "bid" in line] == [
        "top BTC-PERPETUAL bid 10 x 5 @1",
        "quote_pulled BTC-PERPETUAL bid @1",
        "top BTC-PERPETUAL bid 9.5 x 5 @1",
    ]
    assert feed.fallbacks == 1


def test_an_index_without_a_listed_perpetual_has_no_row() -> None:
    feed = deribit()
    listing = {"instrument_name": "BTC-PERPETUAL", "kind": "future", "base_currency": "BTC", "quote_currency": "USD",
               "tick_size": 0.5, "min_trade_amount": 10, "contract_size": 10, "settlement_period": "perpetual"}  # fmt: skip
    feed.on_rest(1, "", json.dumps({"result": [listing]}).encode())
    for name in ("usdc_usd", "btc_usd"):
        data = {"timestamp": 5, "price": 1.0, "index_name": name}
        feed.on_frame(2, notification(f"deribit_price_index.{name}", data))
    assert as_text(feed) == ["index BTC-PERPETUAL =1.0 @5 last"]
