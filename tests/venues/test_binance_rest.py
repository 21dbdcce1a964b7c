"""Binance REST answers, and what tells its markets apart."""

import json

import pytest
from twins import as_text, binance

from holdfast.error import OutsideError
from holdfast.venues.binance import market_of, market_of_url

USDM, COINM, SPOT = "binance-usdm", "binance-coinm", "binance-spot"
RULES = [
    {"filterType": "PRICE_FILTER", "minPrice": "0.01", "tickSize": "0.10"},
    {"filterType": "LOT_SIZE", "stepSize": "0.001"},
]


def listing(**entry: object) -> bytes:
    plain = {"symbol": "BTCUSDT", "baseAsset": "BTC", "quoteAsset": "USDT", "filters": RULES}
    return json.dumps({"timezone": "UTC", "symbols": [plain | entry]}).encode()


def test_a_perpetual_is_listed_on_the_finer_of_its_two_grids() -> None:
    feed = binance(USDM)
    feed.on_rest(1, "", listing(contractType="PERPETUAL", deliveryDate=4133404800000, marginAsset="USDT",
                                pricePrecision=2, quantityPrecision=3))  # fmt: skip
    found = feed.instruments[0]
    assert (found.kind, found.base, found.quote, found.settle) == ("perpetual", "BTC", "USDT", "USDT")
    assert (found.tick_size, found.lot_size, found.price_decimals, found.size_decimals) == (
        "0.10",
        "0.001",
        2,
        3,
    )
    assert (found.inverse, found.contract_size, found.expiry_ns, found.listed) == (False, 1.0, 0, True)


def test_a_dated_coin_margined_contract_is_inverse_and_expires() -> None:
    feed = binance(COINM)
    body = listing(symbol="BTCUSD_240927", quoteAsset="USD", contractType="CURRENT_QUARTER", marginAsset="BTC",
                   deliveryDate=1727424000000, contractSize=100, pricePrecision=1, quantityPrecision=0)  # fmt: skip
    feed.on_rest(1, "https://dapi.binance.com/dapi/v1/exchangeInfo", body)
    found = feed.instruments[0]
    assert (found.kind, found.inverse, found.contract_size) == ("future", True, 100.0)
    assert (found.settle, found.expiry_ns) == ("BTC", 1727424000000 * 10**6)


def test_a_spot_pair_is_listed_with_the_precision_of_its_text() -> None:
    feed = binance(SPOT)
    feed.on_rest(1, "", listing(quotePrecision=8, baseAssetPrecision=8))
    found = feed.instruments[0]
    assert (found.kind, found.price_decimals, found.size_decimals) == ("spot", 8, 8)


@pytest.mark.parametrize(
    "filters", [[], [RULES[0]], [{"filterType": "PRICE_FILTER", "tickSize": "?"}, RULES[1]]]
)
def test_an_entry_without_a_grid_is_refused(filters: list[object]) -> None:
    feed = binance(USDM)
    with pytest.raises(OutsideError) as refusal:
        feed.on_rest(1, "", listing(filters=filters))
    assert refusal.value.code == "listing.malformed"
    assert len(feed.instruments) == 0


def test_what_a_listing_does_not_name_is_held_back() -> None:
    feed = binance(USDM)
    feed.on_rest(1, "", listing(contractType="PERPETUAL"))
    with pytest.raises(OutsideError) as refusal:
        feed.on_frame(2, b'{"e":"trade","T":1,"s":"ETHUSDT","p":"1","q":"1","m":true}')
    assert refusal.value.code == "instrument.unlisted"
    assert as_text(feed) == []


@pytest.mark.parametrize(
    ("market", "symbol", "kind", "base", "quote", "expiry_ms"),
    [
        (USDM, "BTCUSDT", "perpetual", "BTC", "USDT", 0),
        (USDM, "1000PEPEUSDC", "perpetual", "1000PEPE", "USDC", 0),
        (USDM, "BTCUSDT_240927", "future", "BTC", "USDT", 1727424000000),
        (COINM, "BTCUSD_PERP", "perpetual", "BTC", "USD", 0),
        (COINM, "ETHUSD_201225", "future", "ETH", "USD", 1608883200000),
        (SPOT, "BTCFDUSD", "spot", "BTC", "FDUSD", 0),
        (SPOT, "ETHBTC", "spot", "ETH", "BTC", 0),
    ],
)
def test_without_a_listing_a_symbol_says_what_it_is(
    market: str, symbol: str, kind: str, base: str, quote: str, expiry_ms: int
) -> None:
    feed = binance(market)
    feed.on_frame(1, b'{"e":"trade","T":1,"s":"%s","p":"1","q":"1","m":true}' % symbol.encode())
    found = feed.instruments[0]
    assert (found.kind, found.base, found.quote) == (kind, base, quote)
    assert (found.inverse, found.expiry_ns, found.listed) == (market == COINM, expiry_ms * 10**6, False)


def test_open_interest_and_premium_index_become_rows() -> None:
    feed = binance(USDM)
    feed.on_rest(1, "", b'{"symbol":"BTCUSDT","openInterest":"10659.509","time":1589437530011}')
    premium = {"symbol": "BTCUSDT", "markPrice": "11793.63", "indexPrice": "11781.80", "lastFundingRate": "0.0001",
               "interestRate": "0.0001", "nextFundingTime": 1, "time": 1597370495002}  # fmt: skip
    feed.on_rest(2, "", json.dumps(premium).encode())
    feed.on_rest(3, "", json.dumps([premium | {"lastFundingRate": ""}]).encode())
    assert as_text(feed) == [
        "open_interest BTCUSDT =10659.509 @1589437530011 last",
        "mark BTCUSDT =11793.63 @1597370495002",
        "index BTCUSDT =11781.8 @1597370495002",
        "funding BTCUSDT =0.0001 @1597370495002 last",
        "mark BTCUSDT =11793.63 @1597370495002",
        "index BTCUSDT =11781.8 @1597370495002 last",
    ]


@pytest.mark.parametrize("body", [b"{}", b'{"serverTime":1}'])
def test_a_ping_or_time_says_nothing(body: bytes) -> None:
    feed = binance(USDM)
    feed.on_rest(1, "", body)
    assert as_text(feed) == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"code":-1121,"msg":"Invalid symbol."}', "venue.error"),
        (b'{"weather":"fine"}', "frame.unknown"),
        (b"[[1,2,3]]", "frame.malformed"),
        (b'[{"price":"1"}]', "frame.unknown"),
        (b'{"lastUpdateId":1,"bids":[["x","1"]],"asks":[]}', "snapshot.unattached"),
        (b'{"symbol":"BTCUSDT","openInterest":"much","time":1}', "quantity.malformed"),
        (b"<html>", "frame.malformed"),
    ],
)
def test_a_bad_answer_is_refused_with_its_reason(body: bytes, code: str) -> None:
    feed = binance(USDM)
    with pytest.raises(OutsideError) as refusal:
        feed.on_rest(1, "", body)
    assert refusal.value.code == code
    assert as_text(feed) == []


@pytest.mark.parametrize(
    ("frame", "market"),
    [
        (b'{"e":"depthUpdate","s":"BTCUSDT","U":1,"u":2,"pu":0,"b":[],"a":[]}', USDM),
        (b'{"e":"depthUpdate","s":"BTCUSD_PERP","ps":"BTCUSD","U":1,"u":2,"pu":0,"b":[],"a":[]}', COINM),
        (b'{"e":"depthUpdate","s":"BTCUSDT","U":1,"u":2,"b":[],"a":[]}', SPOT),
        (b'{"e":"trade","s":"BTCUSDT","p":"1","q":"1","T":1,"m":true,"M":true}', SPOT),
        (b'{"e":"trade","s":"BTCUSDT","p":"1","q":"1","T":1,"X":"MARKET","m":true}', USDM),
        (b'{"e":"aggTrade","s":"BTCUSDT","p":"1","q":"1","T":1,"m":true,"M":true}', SPOT),
        (b'{"e":"aggTrade","s":"BTCUSDT","p":"1","q":"1","T":1,"m":true}', USDM),
        (b'{"e":"aggTrade","s":"BTCUSD_201225","p":"1","q":"1","T":1,"m":true}', COINM),
        (b'{"u":1,"s":"BNBUSDT","b":"1","B":"1","a":"2","A":"1"}', SPOT),
        (b'{"lastUpdateId":1,"E":1,"T":1,"bids":[],"asks":[]}', USDM),
        (b'{"lastUpdateId":1,"bids":[],"asks":[]}', SPOT),
        (b'{"result":null,"id":1}', ""),
    ],
)
def test_a_frame_tells_its_market(frame: bytes, market: str) -> None:
    assert market_of(frame) == market


@pytest.mark.parametrize(
    ("url", "market"),
    [
        ("https://fapi.binance.com/fapi/v1/exchangeInfo", USDM),
        ("wss://fstream.binance.com/stream?streams=btcusdt@depth", USDM),
        ("https://dapi.binance.com/dapi/v1/depth?symbol=BTCUSD_PERP", COINM),
        ("https://api.binance.com/api/v3/depth?symbol=BTCUSDT", SPOT),
        ("wss://stream.binance.com:9443/ws", SPOT),
        ("https://www.deribit.com/api/v2/public/get_instruments", ""),
    ],
)
def test_an_address_tells_its_market(url: str, market: str) -> None:
    assert market_of_url(url) == market
