"""Bybit v5 linear as its recorders write it: a file of REST answers (the listing) and one of the websocket.

Lines are `<local_s>: <json>`. Topics: books of 50 levels, a snapshot and then deltas numbered one by one;
trades; tickers; liquidations. One line is broken off in the middle, as recorders' lines are: it belongs
into quarantine and nothing else may come of it.
"""

import json
from pathlib import Path
from typing import Any, Final

import numpy as np

from holdfast.clock import MILLISECOND_NS, SECOND_NS
from holdfast.lab.storm.market import Contract, Levels, Market, Step
from holdfast.lab.storm.weather import START_NS
from holdfast.lab.storm.wire import Message, stamped_line, write_capture

HOST: Final = "bybit.com"
BROKEN_STEP: Final = 3_000
FIRST_UPDATE: Final = 18_521_288
FIRST_SEQUENCE: Final = 7_961_638_724


def write_bybit(folder: Path, market: Market, random: np.random.Generator) -> list[Path]:
    """Write the venue's two captures."""
    opened_ns = START_NS - 2 * SECOND_NS
    symbol = market.contract.symbol
    page = {"category": "linear", "list": [_listing(market.contract)], "nextPageCursor": ""}
    answer = {
        "retCode": 0,
        "retMsg": "OK",
        "result": page,
        "retExtInfo": {},
        "time": opened_ns // MILLISECOND_NS,
    }
    asked = f"https://api.{HOST}/v5/market/instruments-info?category=linear -> "
    rest = write_capture(
        folder / "BYBIT.0.gz",
        [],
        stamped_line,
        random,
        base_ms=0.0,
        head=[asked + stamped_line(opened_ns, _json(answer))],
    )
    topics = [f"{topic}.{symbol}" for topic in ("orderbook.50", "publicTrade", "tickers", "allLiquidation")]
    socket = f"wss://stream.{HOST}/v5/public/linear"
    head = [
        f"{socket} <-> {opened_ns / SECOND_NS:.6f}\n",
        f"{socket} <- {stamped_line(opened_ns + SECOND_NS, _json({'op': 'subscribe', 'args': topics}))}",
    ]
    messages = [message for step in market.steps() for message in _speak(market, step)]
    heard = write_capture(folder / "BYBIT.ws.1.0.gz", messages, stamped_line, random, base_ms=14.0, head=head)
    return [rest, heard]


def _json(content: object) -> str:
    return json.dumps(content, separators=(",", ":"))


def _listing(contract: Contract) -> dict[str, Any]:
    return {
        "symbol": contract.symbol,
        "contractType": "LinearPerpetual",
        "status": "Trading",
        "baseCoin": contract.symbol.removesuffix("USDT"),
        "quoteCoin": "USDT",
        "settleCoin": "USDT",
        "launchTime": "1584230400000",
        "deliveryTime": "0",
        "priceScale": str(contract.price_decimals),
        "priceFilter": {
            "minPrice": contract.price_text(1),
            "maxPrice": "1999999.80",
            "tickSize": contract.price_text(1),
        },
        "lotSizeFilter": {"minOrderQty": contract.size_text(1), "qtyStep": contract.size_text(1)},
        "fundingInterval": 480,
    }


def _speak(market: Market, step: Step) -> list[Message]:
    contract, ms = market.contract, step.time_ns // MILLISECOND_NS
    symbol, price, size = contract.symbol, contract.price_text, contract.size_text
    kind = "delta" if step.number else "snapshot"
    sides = f'"b":{_levels(contract, step.bids, 1)},"a":{_levels(contract, step.asks, -1)}'
    numbers = f'"u":{FIRST_UPDATE + step.number},"seq":{FIRST_SEQUENCE + 5 * step.number}'
    book = f'"data":{{"s":"{symbol}",{sides},{numbers}}},"cts":{ms}'
    said = [_message(step.time_ns, f"orderbook.50.{symbol}", kind, book)]
    for trade in step.trades:
        at, side = trade.time_ns // MILLISECOND_NS, "Sell" if trade.side < 0 else "Buy"
        number = f"{step.number:08x}-{trade.time_ns % SECOND_NS:08x}"
        one = (
            f'"data":[{{"T":{at},"s":"{symbol}","S":"{side}","v":"{size(trade.lots)}","p":"{price(trade.price)}",'
            f'"L":"{"MinusTick" if trade.side < 0 else "PlusTick"}","i":"{number}","BT":false}}]'
        )
        said.append(_message(trade.time_ns, f"publicTrade.{symbol}", "snapshot", one))
    for order in step.forced:
        at, position = order.time_ns // MILLISECOND_NS, "Buy" if order.side < 0 else "Sell"
        what = f'"S":"{position}","v":"{size(order.lots)}","p":"{price(order.price)}"'
        one = f'"data":[{{"T":{at},"s":"{symbol}",{what}}}]'
        said.append(_message(order.time_ns, f"allLiquidation.{symbol}", "snapshot", one))
    if step.number % 10 == 0:
        said.append(_message(step.time_ns, f"tickers.{symbol}", kind, _ticker(market, step)))
    if step.number == BROKEN_STEP:
        said.append(Message(step.time_ns + 1, f'{{"topic":"publicTrade.{symbol}","type":"snap'))
    return said


def _message(sent_ns: int, topic: str, kind: str, rest: str) -> Message:
    return Message(
        sent_ns, f'{{"topic":"{topic}","type":"{kind}","ts":{sent_ns // MILLISECOND_NS + 2},{rest}}}'
    )


def _levels(contract: Contract, levels: Levels, sign: int) -> str:
    ordered = sorted(levels, reverse=sign > 0)
    return (
        "["
        + ",".join(f'["{contract.price_text(p)}","{contract.size_text(levels[p])}"]' for p in ordered)
        + "]"
    )


def _ticker(market: Market, step: Step) -> str:
    contract, mid = market.contract, float(market.mid[step.number])
    (bid, bid_lots), (ask, ask_lots) = step.bid, step.ask
    interest = 51_234.5 * float(market.weather.interest[step.number])
    return (
        f'"data":{{"symbol":"{contract.symbol}","lastPrice":"{contract.price_text(bid)}","markPrice":"{mid:.2f}",'
        f'"indexPrice":"{mid * 0.9999:.2f}","openInterest":"{interest:.3f}","fundingRate":"0.0001",'
        f'"bid1Price":"{contract.price_text(bid)}","bid1Size":"{contract.size_text(bid_lots)}",'
        f'"ask1Price":"{contract.price_text(ask)}","ask1Size":"{contract.size_text(ask_lots)}"}},'
        f'"cs":{FIRST_SEQUENCE + 5 * step.number}'
    )
