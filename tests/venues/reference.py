"""Slow decoders of the venues' books, written from the venues' rules alone: plain dicts, Decimal, no shared
code.

Each one takes frames and says for every message which symbol's book it touched and at which prices. A book is
in sync from its snapshot until its sequence breaks.
"""

import json
import zlib
from collections import defaultdict
from decimal import Decimal
from typing import Any

Touched = dict[str, set[tuple[int, Decimal]]]


def parse(frame: bytes) -> Any:
    """Read JSON with every number as the Decimal that was written."""
    return json.loads(frame, parse_float=Decimal, parse_int=Decimal)


class Reference:
    """Books by symbol: bids under 1, asks under -1."""

    def __init__(self) -> None:
        self.books: dict[str, dict[int, dict[Decimal, Decimal]]] = {}
        self.in_sync: set[str] = set()
        self.breaks: list[str] = []

    def reset(self, symbol: str) -> Touched:
        """Forget a book; what it had is touched."""
        old = self.books.get(symbol, {1: {}, -1: {}})
        self.books[symbol] = {1: {}, -1: {}}
        self.in_sync.add(symbol)
        return {symbol: {(side, price) for side in (1, -1) for price in old[side]}}

    def set(self, touched: Touched, symbol: str, side: int, price: Decimal, size: Decimal) -> None:
        """Set or remove a level."""
        touched.setdefault(symbol, set()).add((side, price))
        if size:
            self.books[symbol][side][price] = size
        else:
            self.books[symbol][side].pop(price, None)

    def lose(self, symbol: str) -> Touched:
        """Note a break."""
        self.breaks.append(symbol)
        self.in_sync.discard(symbol)
        return {}

    def on_frame(self, frame: bytes) -> Touched:
        """Take one message."""
        raise NotImplementedError


class OkxReference(Reference):
    """OKX `books`: the checksum is over the venue's own text of the best 25 levels a side."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: dict[str, dict[str, dict[str, str]]] = {}
        self.sequence: dict[str, int] = {}
        self.checksums = 0

    def on_frame(self, frame: bytes) -> Touched:
        message = parse(frame)
        if message.get("arg", {}).get("channel") != "books" or "data" not in message:
            return {}
        symbol = message["arg"]["instId"]
        touched: Touched = {}
        if message["action"] == "snapshot":
            touched = self.reset(symbol)
            self.texts[symbol] = {"bids": {}, "asks": {}}
        elif symbol not in self.in_sync:
            return {}
        for push in message["data"]:
            counted = message["action"] != "snapshot" and "prevSeqId" in push
            if counted and int(push["prevSeqId"]) != self.sequence[symbol]:
                return self.lose(symbol)
            self.sequence[symbol] = int(push.get("seqId", 0))
            for name, side in (("bids", 1), ("asks", -1)):
                for price, size, *_ in push[name]:
                    self.set(touched, symbol, side, Decimal(price), Decimal(size))
                    texts = self.texts[symbol][name]
                    for same in [text for text in texts if Decimal(text) == Decimal(price)]:
                        del texts[same]
                    if Decimal(size):
                        texts[price] = size
            if push.get("checksum"):
                self.checksums += 1
                if self._checksum(symbol) != int(push["checksum"]):
                    return self.lose(symbol)
        return touched

    def _checksum(self, symbol: str) -> int:
        bids = sorted(self.texts[symbol]["bids"].items(), key=lambda level: -Decimal(level[0]))[:25]
        asks = sorted(self.texts[symbol]["asks"].items(), key=lambda level: Decimal(level[0]))[:25]
        words: list[str] = []
        for i in range(25):
            words += [f"{p}:{s}" for p, s in bids[i : i + 1]]
            words += [f"{p}:{s}" for p, s in asks[i : i + 1]]
        unsigned = zlib.crc32(":".join(words).encode("ascii"))
        return unsigned if unsigned < 2**31 else unsigned - 2**32


class BybitReference(Reference):
    """Bybit `orderbook`: u counts up by one, u 1 is a restart."""

    def __init__(self) -> None:
        super().__init__()
        self.sequence: dict[str, int] = {}

    def on_frame(self, frame: bytes) -> Touched:
        message = parse(frame)
        if not message.get("topic", "").startswith("orderbook.") or message["topic"].startswith(
            "orderbook.1."
        ):
            return {}
        data = message["data"]
        symbol, update = data["s"], int(data["u"])
        touched: Touched = {}
        if message["type"] == "snapshot" or update == 1:
            touched = self.reset(symbol)
        elif symbol not in self.in_sync:
            return {}
        elif update != self.sequence[symbol] + 1:
            return self.lose(symbol)
        self.sequence[symbol] = update
        for name, side in (("b", 1), ("a", -1)):
            for price, size in data[name]:
                self.set(touched, symbol, side, Decimal(price), Decimal(size))
        return touched


class BitmexReference(Reference):
    """BitMEX `orderBookL2`: rows keyed by id, from the partial on."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: dict[str, dict[int, tuple[int, Decimal]]] = defaultdict(dict)

    def on_frame(self, frame: bytes) -> Touched:
        message = parse(frame)
        if message.get("table") != "orderBookL2":
            return {}
        touched: Touched = {}
        if message["action"] == "partial":
            for symbol in {message["filter"].get("symbol"), *(row["symbol"] for row in message["data"])} - {
                None
            }:
                touched |= self.reset(symbol)
                self.ids[symbol] = {}
        for row in message["data"]:
            symbol, number = row["symbol"], int(row["id"])
            if symbol not in self.in_sync:
                continue
            if message["action"] in ("partial", "insert"):
                place = (1 if row["side"] == "Buy" else -1, row["price"])
                self.ids[symbol][number] = place
                self.set(touched, symbol, *place, row["size"])
            elif number not in self.ids[symbol]:
                return self.lose(symbol)
            elif message["action"] == "delete":
                self.set(touched, symbol, *self.ids[symbol].pop(number), Decimal(0))
            else:
                self.set(touched, symbol, *self.ids[symbol][number], row["size"])
        return touched


class KrakenReference(Reference):
    """Kraken Futures `book_snapshot` and `book`: seq counts up by one for each product."""

    def __init__(self) -> None:
        super().__init__()
        self.sequence: dict[str, int] = {}

    def on_frame(self, frame: bytes) -> Touched:
        message = parse(frame)
        if message.get("feed") not in ("book", "book_snapshot") or "event" in message:
            return {}
        symbol, sequence = message["product_id"], int(message["seq"])
        if message["feed"] == "book_snapshot":
            touched = self.reset(symbol)
            self.sequence[symbol] = sequence
            for name, side in (("bids", 1), ("asks", -1)):
                for level in message[name]:
                    self.set(touched, symbol, side, level["price"], level["qty"])
            return touched
        if symbol not in self.in_sync:
            return {}
        if sequence != self.sequence[symbol] + 1:
            return self.lose(symbol)
        self.sequence[symbol] = sequence
        touched = {}
        self.set(touched, symbol, 1 if message["side"] == "buy" else -1, message["price"], message["qty"])
        return touched
