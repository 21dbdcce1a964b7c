"""OKX v5: hand-made messages in the venue's current shapes."""

from typing import Any

from sample import Case, answered, frame, sent


def okx_case() -> Case:
    """Return the case of OKX v5."""
    symbol = "BTC-USDT-SWAP"
    listed = {
        "instType": "SWAP", "instId": symbol, "uly": "BTC-USDT", "baseCcy": "", "quoteCcy": "",
        "settleCcy": "USDT", "ctVal": "0.01", "ctMult": "1", "ctValCcy": "BTC", "ctType": "linear",
        "tickSz": "0.1", "lotSz": "0.01", "expTime": "", "stk": "", "optType": "", "state": "live",
    }  # fmt: skip
    option = {
        **listed, "instType": "OPTION", "instId": "BTC-USD-261225-100000-C", "uly": "BTC-USD",
        "settleCcy": "BTC", "ctVal": "1", "ctMult": "0.01", "ctType": "", "tickSz": "0.0001", "lotSz": "1",
        "expTime": "1798185600000", "stk": "100000", "optType": "C",
    }  # fmt: skip

    def book(action: str, sequence: int, before: int, bids: list[list[str]], asks: list[list[str]]) -> Any:
        data = {
            "asks": asks,
            "bids": bids,
            "ts": "1700000000100",
            "checksum": 0,
            "seqId": sequence,
            "prevSeqId": before,
        }
        return {"arg": {"channel": "books", "instId": symbol}, "action": action, "data": [data]}

    def push(channel: str, instrument: str, **data: Any) -> bytes:
        entry = {"instId": instrument, "ts": "1700000000100", **data}
        return frame({"arg": {"channel": channel, "instId": instrument}, "data": [entry]})

    whole = sent(
        book(
            "snapshot", 10, -1, [["100.1", "5", "0", "1"], ["100", "2", "0", "1"]], [["100.3", "1", "0", "1"]]
        )
    )
    levels = {"bids": [["100.1", "5", "0", "1"]], "asks": [], "seqId": 11}
    detail = {
        "side": "sell",
        "posSide": "long",
        "bkPx": "99.123",
        "bkLoss": "0",
        "sz": "3",
        "ccy": "",
        "ts": "1700000000090",
    }
    five = {"bids": [["100.1", "5", "0", "1"]], "asks": [["100.3", "1", "0", "2"]], "seqId": 11}
    greeks = {
        "uly": "BTC-USD", "delta": "0.4", "deltaBS": "0.45", "vega": "0.001", "vegaBS": "110.5",
        "markVol": "0.52", "bidVol": "0", "askVol": "0.55", "fwdPx": "61000.5",
    }  # fmt: skip
    return Case(
        symbol=symbol,
        listing=answered(
            "https://www.okx.com/api/v5/public/instruments?instType=SWAP",
            {"code": "0", "msg": "", "data": [listed, option]},
        ),
        opening=(whole,),
        update=frame(book("update", 12, 10, [["100.1", "0", "0", "0"]], [["100.2", "7", "0", "1"]])),
        gap=frame(book("update", 20, 15, [["99.9", "1", "0", "1"]], [])),
        after_gap=frame(book("update", 21, 20, [["99.8", "1", "0", "1"]], [])),
        reopening=(whole,),
        unlisted=push("trades", "DOGE-USDT-SWAP", tradeId="1", px="1", sz="1", side="buy"),
        others=(
            push("tickers", symbol, bidPx="100.1", bidSz="5", askPx="", askSz=""),
            push("bbo-tbt", symbol, **levels),
            push("trades", symbol, tradeId="1", px="100.2", sz="0.5", side="buy", count="1"),
            push("mark-price", symbol, instType="SWAP", markPx="100.15"),
            push("index-tickers", "BTC-USDT", idxPx="100.12"),
            push(
                "funding-rate", symbol, fundingRate="0.0001", nextFundingRate="", fundingTime="1700006400000"
            ),
            push("open-interest", symbol, oi="1000", oiCcy="10"),
            frame(
                {
                    "arg": {"channel": "liquidation-orders", "instType": "SWAP"},
                    "data": [{"instId": symbol, "instType": "SWAP", "details": [detail], "uly": "BTC-USDT"}],
                }
            ),
            push("opt-summary", "BTC-USD-261225-100000-C", **greeks),
            frame(
                {
                    "arg": {"channel": "books5", "instId": "BTC-USD-261225-100000-C"},
                    "data": [
                        {**five, "bids": [["0.0101", "5", "0", "1"]], "asks": [], "ts": "1700000000100"}
                    ],
                }
            ),
        ),
        quiet=(
            b"pong",
            frame({"event": "subscribe", "arg": {"channel": "books", "instId": symbol}, "connId": "a"}),
            frame({"event": "error", "code": "60012", "msg": "Invalid request", "connId": "a"}),
            frame({"event": "notice", "code": "64008", "msg": "closing soon", "connId": "a"}),
            push("price-limit", symbol, buyLmt="110", sellLmt="90"),
            push("estimated-price", symbol, settlePx="100"),
        ),
        unknown=push("weather", symbol),
    )
