"""Binance USD-M as its recorders write it: one file an instrument, `<local_ns> <json>` a line.

Streams: diff depth with `U`, `u`, `pu`; best quotes with the same update ids; trades; forced orders (one a
second at most); marks. A REST depth snapshot stands between them, once at the start and once where lost
changes were healed.
"""

from pathlib import Path
from typing import Final

import numpy as np

from holdfast.clock import MILLISECOND_NS, SECOND_NS
from holdfast.lab.storm.market import Contract, Levels, Market, Print, Step
from holdfast.lab.storm.wire import Message, raw_line, write_capture

SNAPSHOT_STEP: Final = 5
FIRST_ID: Final = 5_123_107_832_006
FUNDING: Final = "0.00010000"
FUNDING_MS: Final = 8 * 3_600_000


def write_binance(path: Path, market: Market, random: np.random.Generator, lost: range, healed: int) -> Path:
    """Write an instrument's capture; depth of `lost` steps is missing, a snapshot comes at `healed`."""
    venue = _Binance(market, random)
    messages: list[Message] = []
    snapshots = (SNAPSHOT_STEP, healed)
    for step in market.steps():
        messages += venue.speak(step, is_lost=step.number in lost, is_snapshot=step.number in snapshots)
    return write_capture(path, messages, raw_line, random, base_ms=9.0)


class _Binance:
    def __init__(self, market: Market, random: np.random.Generator) -> None:
        self._market = market
        self._contract: Contract = market.contract
        self._stream = market.contract.symbol.lower()
        self._widths: list[int] = random.integers(6, 90, 4_096).tolist()
        self._update = FIRST_ID + int(random.integers(10**9))
        self._trade = 5_266_583_935
        self._forced_ns = 0

    def speak(self, step: Step, *, is_lost: bool, is_snapshot: bool) -> list[Message]:
        ms = step.time_ns // MILLISECOND_NS
        before, self._update = self._update, self._update + self._widths[step.number % len(self._widths)]
        said: list[Message] = []
        if not is_lost:
            depth = (
                f'"e":"depthUpdate","E":{ms + 1},"T":{ms},"s":"{self._contract.symbol}","U":{before + 1},'
                f'"u":{self._update},"pu":{before},"b":{self._levels(step.bids)},"a":{self._levels(step.asks)}'
            )
            said.append(self._message(step.time_ns, "depth@100ms", depth))
        said.append(self._message(step.time_ns, "bookTicker", self._quote(step, ms)))
        if is_snapshot:
            said.append(Message(step.time_ns, self._snapshot(ms)))
        said += [self._message(p.time_ns, "trade", self._print(p)) for p in step.trades]
        for order in step.forced:
            if order.time_ns - self._forced_ns >= SECOND_NS:
                self._forced_ns = order.time_ns
                said.append(self._message(order.time_ns, "forceOrder", self._forced(order)))
        if step.number % 10 == 0:
            said.append(self._message(step.time_ns, "markPrice@1s", self._mark(step.number, ms)))
        return said

    def _message(self, sent_ns: int, stream: str, data: str) -> Message:
        return Message(sent_ns, f'{{"stream":"{self._stream}@{stream}","data":{{{data}}}}}')

    def _levels(self, levels: Levels) -> str:
        price, size = self._contract.price_text, self._contract.size_text
        return "[" + ",".join(f'["{price(p)}","{size(levels[p])}"]' for p in sorted(levels)) + "]"

    def _quote(self, step: Step, ms: int) -> str:
        price, size = self._contract.price_text, self._contract.size_text
        (bid, bid_lots), (ask, ask_lots) = step.bid, step.ask
        return (
            f'"e":"bookTicker","u":{self._update},"s":"{self._contract.symbol}",'
            f'"b":"{price(bid)}","B":"{size(bid_lots)}","a":"{price(ask)}","A":"{size(ask_lots)}",'
            f'"T":{ms},"E":{ms + 1}'
        )

    def _snapshot(self, ms: int) -> str:
        bids, asks = (self._levels(side.levels) for side in (self._market.bids, self._market.asks))
        return f'{{"lastUpdateId":{self._update},"E":{ms + 1},"T":{ms},"bids":{bids},"asks":{asks}}}'

    def _print(self, trade: Print) -> str:
        self._trade += 1
        ms = trade.time_ns // MILLISECOND_NS
        price, size = self._contract.price_text(trade.price), self._contract.size_text(trade.lots)
        return (
            f'"e":"trade","E":{ms},"T":{ms},"s":"{self._contract.symbol}","t":{self._trade},"p":"{price}",'
            f'"q":"{size}","X":"MARKET","m":{"true" if trade.side < 0 else "false"}'
        )

    def _forced(self, order: Print) -> str:
        ms = order.time_ns // MILLISECOND_NS
        price, size = self._contract.price_text(order.price), self._contract.size_text(order.lots)
        side = "SELL" if order.side < 0 else "BUY"
        return (
            f'"e":"forceOrder","E":{ms},"o":{{"s":"{self._contract.symbol}","S":"{side}","o":"LIMIT","f":"IOC",'
            f'"q":"{size}","p":"{price}","ap":"{price}","X":"FILLED","l":"{size}","z":"{size}","T":{ms}}}'
        )

    def _mark(self, number: int, ms: int) -> str:
        mid = float(self._market.mid[number])
        return (
            f'"e":"markPriceUpdate","E":{ms},"s":"{self._contract.symbol}","p":"{mid:.8f}",'
            f'"i":"{mid * 1.0002:.8f}","P":"{mid:.8f}","r":"{FUNDING}",'
            f'"T":{(ms // FUNDING_MS + 1) * FUNDING_MS}'
        )
