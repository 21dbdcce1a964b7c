"""Every Binance message by hand: the frame, and exactly the rows it becomes."""

import pytest
from twins import as_text, binance

from holdfast.error import OutsideError

USDM, COINM, SPOT = "binance-usdm", "binance-coinm", "binance-spot"

MESSAGES = {
    "usdm ticker, wrapped": (
        USDM,
        '{"stream":"btcusdt@bookTicker","data":{"e":"bookTicker","u":7,"s":"BTCUSDT","b":"61800.20","B":"2.507",'
        '"a":"61800.30","A":"2.510","T":1723161256313,"E":1723161256314}}',
        [
            "top BTCUSDT bid 61800.2 x 2.507 @1723161256313",
            "top BTCUSDT ask 61800.3 x 2.51 @1723161256313 last",
        ],
    ),
    "spot ticker, bare, without type and time": (
        SPOT,
        '{"u":400900217,"s":"BNBUSDT","b":"25.35190000","B":"31.21000000","a":"25.36520000","A":"40.66000000"}',
        ["top BNBUSDT bid 25.3519 x 31.21 @0", "top BNBUSDT ask 25.3652 x 40.66 @0 last"],
    ),
    "coinm ticker": (
        COINM,
        '{"e":"bookTicker","u":17242169,"s":"BTCUSD_200626","ps":"BTCUSD","b":"9548.1","B":"52","a":"9548.5",'
        '"A":"11","T":1591268628155,"E":1591268628166}',
        [
            "top BTCUSD_200626 bid 9548.1 x 52 @1591268628155",
            "top BTCUSD_200626 ask 9548.5 x 11 @1591268628155 last",
        ],
    ),
    "trade, the buyer took": (
        USDM,
        '{"e":"trade","E":1723161256322,"T":1723161256321,"s":"BTCUSDT","t":5266583935,"p":"61800.30",'
        '"q":"0.006","X":"MARKET","m":false}',
        ["trade BTCUSDT bid 61800.3 x 0.006 @1723161256321 last"],
    ),
    "spot trade, the seller took": (
        SPOT,
        '{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735683259,"p":"61837.63000000","q":"0.02000000",'
        '"T":1723161255342,"m":true,"M":true}',
        ["trade BTCUSDT ask 61837.63 x 0.02 @1723161255342 last"],
    ),
    "spot trade with microseconds": (
        SPOT,
        '{"e":"trade","E":1723161255343000,"s":"BTCUSDT","t":3,"p":"61837.63","q":"0.02","T":1723161255342000,'
        '"m":true,"M":true}',
        ["trade BTCUSDT ask 61837.63 x 0.02 @1723161255342 last"],
    ),
    "insurance fund trade": (
        USDM,
        '{"e":"trade","E":1,"T":1,"s":"BTCUSDT","t":5,"p":"70000.00","q":"0.006","X":"INSURANCE_FUND","m":false}',
        [],
    ),
    "trade that is none": (
        USDM,
        '{"e":"trade","E":1,"T":1,"s":"BTCUSDT","t":5,"p":"0","q":"0","X":"NA","m":true}',
        [],
    ),
    "aggregated trade": (
        USDM,
        '{"e":"aggTrade","E":1626992741575,"a":16599292,"s":"CTKUSDT","p":"1.01100","q":"10","f":23961322,'
        '"l":23961322,"T":1626992741421,"m":false}',
        ["trade CTKUSDT bid 1.011 x 10 @1626992741421 last"],
    ),
    "mark price of a perpetual": (
        USDM,
        '{"e":"markPriceUpdate","E":1562305380000,"s":"BTCUSDT","p":"11794.15000000","i":"11784.62659091",'
        '"P":"11784.25641265","r":"0.00038167","T":1562306400000}',
        [
            "mark BTCUSDT =11794.15 @1562305380000",
            "index BTCUSDT =11784.62659091 @1562305380000",
            "funding BTCUSDT =0.00038167 @1562305380000 last",
        ],
    ),
    "negative funding without an index": (
        COINM,
        '{"e":"markPriceUpdate","E":1596095725000,"s":"BTCUSD_PERP","p":"10934.62615417","P":"10962.17178236",'
        '"r":"-0.00000120","T":1596096000000}',
        [
            "mark BTCUSD_PERP =10934.62615417 @1596095725000",
            "funding BTCUSD_PERP =-1.2e-06 @1596095725000 last",
        ],
    ),
    "mark price of a dated contract has no funding": (
        COINM,
        '{"e":"markPriceUpdate","E":1596095725000,"s":"BTCUSD_201225","p":"10934.62615417",'
        '"P":"10962.17178236","r":"","T":0}',
        ["mark BTCUSD_201225 =10934.62615417 @1596095725000 last"],
    ),
    "mark prices of all, each a message of its own": (
        USDM,
        '{"stream":"!markPrice@arr","data":[{"e":"markPriceUpdate","E":5,"s":"BTCUSDT","p":"1.5","r":"0","T":0},'
        '{"e":"markPriceUpdate","E":5,"s":"ETHUSDT","p":"2.5","r":"0","T":0}]}',
        [
            "mark BTCUSDT =1.5 @5",
            "funding BTCUSDT =0.0 @5 last",
            "mark ETHUSDT =2.5 @5",
            "funding ETHUSDT =0.0 @5 last",
        ],
    ),
    "forced order, filled": (
        USDM,
        '{"e":"forceOrder","E":1568014460893,"o":{"s":"BTCUSDT","S":"SELL","o":"LIMIT","f":"IOC","q":"0.014",'
        '"p":"9910","ap":"9911.1234567895","X":"FILLED","l":"0.004","z":"0.010","T":1568014460891}}',
        ["liquidation BTCUSDT ask 9911.12345679 x 0.01 @1568014460891 last"],
    ),
    "forced order, not filled yet": (
        USDM,
        '{"e":"forceOrder","E":1568014460893,"o":{"s":"BTCUSDT","S":"BUY","o":"LIMIT","f":"IOC","q":"0.014",'
        '"p":"9910","ap":"0","X":"NEW","l":"0","z":"0","T":1568014460891}}',
        ["liquidation BTCUSDT bid 9910 x 0.014 @1568014460891 last"],
    ),
    "closed candle": (
        USDM,
        '{"e":"kline","E":1626992760010,"s":"CTKUSDT","k":{"t":1626992700000,"T":1626992759999,"s":"CTKUSDT",'
        '"i":"1m","f":1,"L":2,"o":"1.01000","c":"1.01100","h":"1.01200","l":"1.00900","v":"3917","n":48,'
        '"x":true,"q":"3957.89900","V":"1729","Q":"1748.01900","B":"0"}}',
        [
            "bar_open CTKUSDT 1.01 x 0 @1626992760000",
            "bar_high CTKUSDT 1.012 x 0 @1626992760000",
            "bar_low CTKUSDT 1.009 x 0 @1626992760000",
            "bar_close CTKUSDT 1.011 x 0 =3917.0 @1626992760000 last",
        ],
    ),
    "closed candle in contracts counts base volume": (
        COINM,
        '{"e":"kline","E":1,"s":"BTCUSD_PERP","k":{"t":0,"T":59999,"s":"BTCUSD_PERP","i":"1m","f":1,"L":2,'
        '"o":"9500","c":"9500","h":"9500","l":"9500","v":"190","n":4,"x":true,"q":"2","V":"1","Q":"1","B":"0"}}',
        [
            "bar_open BTCUSD_PERP 9500 x 0 @60000",
            "bar_high BTCUSD_PERP 9500 x 0 @60000",
            "bar_low BTCUSD_PERP 9500 x 0 @60000",
            "bar_close BTCUSD_PERP 9500 x 0 =2.0 @60000 last",
        ],
    ),
    "open candle": (
        USDM,
        '{"e":"kline","E":1,"s":"CTKUSDT","k":{"t":0,"T":59999,"s":"CTKUSDT","i":"1m","f":1,"L":2,"o":"1","c":"1",'
        '"h":"1","l":"1","v":"1","n":48,"x":false,"q":"1","V":"1","Q":"1","B":"0"}}',
        [],
    ),
    "partial book of spot": (
        SPOT,
        '{"stream":"btcusdt@depth5@100ms","data":{"lastUpdateId":160,"bids":[["10.0","1"],["9.9","2"]],'
        '"asks":[["10.1","3"],["10.2","1"],["10.3","1"],["10.4","1"],["10.5","4"]]}}',
        [
            "book_reset BTCUSDT @0 snapshot",
            "level BTCUSDT bid 10 x 1 @0 snapshot",
            "level BTCUSDT bid 9.9 x 2 @0 snapshot",
            "level BTCUSDT ask 10.1 x 3 @0 snapshot",
            "level BTCUSDT ask 10.2 x 1 @0 snapshot",
            "level BTCUSDT ask 10.3 x 1 @0 snapshot",
            "level BTCUSDT ask 10.4 x 1 @0 snapshot",
            "level BTCUSDT ask 10.5 x 4 @0 last snapshot horizon",
        ],
    ),
    "partial book of futures": (
        USDM,
        '{"stream":"btcusdt@depth5","data":{"e":"depthUpdate","E":2,"T":1,"s":"BTCUSDT","U":1,"u":9,"pu":0,'
        '"b":[["10.0","1"]],"a":[["10.1","3"]]}}',
        [
            "book_reset BTCUSDT @1 snapshot",
            "level BTCUSDT bid 10 x 1 @1 snapshot",
            "level BTCUSDT ask 10.1 x 3 @1 last snapshot",
        ],
    ),
    "day ticker": (USDM, '{"e":"24hrTicker","E":1,"s":"BTCUSDT","p":"1"}', []),
    "small day tickers": (SPOT, '[{"e":"24hrMiniTicker","E":1,"s":"BTCUSDT","c":"1"}]', []),
    "contract news": (COINM, '{"e":"contractInfo","E":1,"s":"BTCUSD_PERP","ps":"BTCUSD"}', []),
    "acknowledgement": (USDM, '{"result":null,"id":1}', []),
}


@pytest.mark.parametrize(("market", "frame", "rows"), MESSAGES.values(), ids=MESSAGES)
@pytest.mark.parametrize("known", [False, True], ids=["first", "known"])
def test_a_message_becomes_exactly_these_rows(market: str, frame: str, rows: list[str], known: bool) -> None:
    feed = binance(market)
    if known:  # the instrument has its slot already: the kernel may take it
        feed.on_frame(1, frame.encode())
        feed.rows.take()
    feed.on_frame(5, frame.encode())
    assert as_text(feed) == rows
    assert feed.requests == []


KERNEL_TAKES = {
    "usdm ticker, wrapped",
    "spot ticker, bare, without type and time",
    "coinm ticker",
    "trade, the buyer took",
    "spot trade, the seller took",
    "spot trade with microseconds",
    "aggregated trade",
    "mark price of a perpetual",
    "negative funding without an index",
}


@pytest.mark.parametrize("name", MESSAGES)
def test_the_kernel_takes_the_frequent_messages_and_only_those(name: str) -> None:
    market, frame, _ = MESSAGES[name]
    feed = binance(market)
    feed.on_frame(1, frame.encode())
    before = feed.fallbacks
    feed.on_frame(2, frame.encode())
    assert (feed.fallbacks == before) == (name in KERNEL_TAKES)


REFUSALS = {
    "no JSON": (USDM, b"\x00\xff", "frame.malformed"),
    "cut off": (USDM, MESSAGES["usdm ticker, wrapped"][1][:-9].encode(), "frame.malformed"),
    "empty": (USDM, b"", "frame.malformed"),
    "price of words": (
        USDM,
        b'{"e":"trade","T":1,"s":"BTCUSDT","p":"dear","q":"1","m":true}',
        "quantity.malformed",
    ),
    "price below zero": (
        USDM,
        b'{"e":"trade","T":1,"s":"BTCUSDT","p":"-1","q":"1","m":true}',
        "quantity.negative",
    ),
    "price off the grid": (
        USDM,
        b'{"e":"trade","T":1,"s":"BTCUSDT","p":"0.0000000001","q":"1","m":true}',
        "quantity.off_grid",
    ),
    "price too large": (
        USDM,
        b'{"e":"trade","T":1,"s":"BTCUSDT","p":"99999999999999999999","q":"1","m":true}',
        "quantity.too_large",
    ),
    "trade for nothing": (
        USDM,
        b'{"e":"trade","T":1,"s":"BTCUSDT","p":"0","q":"1","m":true}',
        "frame.malformed",
    ),
    "time before time": (
        USDM,
        b'{"e":"trade","T":-1,"s":"BTCUSDT","p":"1","q":"1","m":true}',
        "frame.malformed",
    ),
    "futures diff without pu": (
        USDM,
        b'{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":1,"u":2,"b":[],"a":[]}',
        "frame.malformed",
    ),
    "diff that ends before it begins": (
        SPOT,
        b'{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":3,"u":2,"b":[],"a":[]}',
        "frame.malformed",
    ),
    "forced order of no side": (
        USDM,
        b'{"e":"forceOrder","o":{"s":"BTCUSDT","S":"HOLD","q":"1","p":"1","T":1}}',
        "frame.malformed",
    ),
    "a new kind of event": (USDM, b'{"e":"moonPhase","s":"BTCUSDT"}', "frame.unknown"),
    "no event at all": (USDM, b'{"hello":"world"}', "frame.unknown"),
    "spot ticker on futures": (
        USDM,
        MESSAGES["spot ticker, bare, without type and time"][1].encode(),
        "frame.unknown",
    ),
    "an error of the venue": (USDM, b'{"error":{"code":2,"msg":"Invalid request"},"id":1}', "venue.error"),
    "a symbol that says nothing": (
        USDM,
        b'{"e":"trade","T":1,"s":"FOO","p":"1","q":"1","m":true}',
        "instrument.unreadable",
    ),
}


@pytest.mark.parametrize(("market", "frame", "code"), REFUSALS.values(), ids=REFUSALS)
def test_a_bad_message_is_refused_with_its_reason_and_leaves_nothing(
    market: str, frame: bytes, code: str
) -> None:
    feed = binance(market)
    with pytest.raises(OutsideError) as refusal:
        feed.on_frame(5, frame)
    assert refusal.value.code == code
    assert as_text(feed) == []
    assert feed.requests == []


def test_a_side_that_loses_its_quote_is_pulled_once() -> None:
    feed = binance(SPOT)
    ticker = '{"u":1,"s":"BNBUSDT","b":"%s","B":"%s","a":"25.3","A":"4"}'
    for bid, size in (("0.00", "0.00"), ("25.2", "1"), ("0.00", "0.00"), ("0.00", "0.00"), ("25.1", "2")):
        feed.on_frame(1, (ticker % (bid, size)).encode())
    ask = "top BNBUSDT ask 25.3 x 4 @0 last"
    assert as_text(feed) == [
        ask,
        "top BNBUSDT bid 25.2 x 1 @0",
        ask,
        "quote_pulled BNBUSDT bid @0",
        ask,
        ask,
        "top BNBUSDT bid 25.1 x 2 @0",
        ask,
    ]


def test_trades_that_come_single_and_aggregated_count_once() -> None:
    feed = binance(USDM)
    single = MESSAGES["trade, the buyer took"][1]
    for frame in (single, single.replace('"e":"trade"', '"e":"aggTrade"'), single):
        feed.on_frame(1, frame.encode())
    assert len(as_text(feed)) == 2


def test_an_index_of_a_pair_stands_on_each_of_its_contracts() -> None:
    feed = binance(COINM)
    for symbol in ("BTCUSD_PERP", "ETHUSD_PERP", "BTCUSD_201225"):
        feed.on_frame(1, b'{"e":"contractInfo"}')
        frame = MESSAGES["mark price of a dated contract has no funding"][1]
        feed.on_frame(1, frame.replace("BTCUSD_201225", symbol).encode())
    feed.rows.take()
    feed.on_frame(2, b'{"e":"indexPriceUpdate","E":7,"i":"BTCUSD","p":"9636.57860000"}')
    assert as_text(feed) == [
        "index BTCUSD_PERP =9636.5786 @7 last",
        "index BTCUSD_201225 =9636.5786 @7 last",
    ]
