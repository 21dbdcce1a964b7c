"""Tools of the feed tests: feeds without their kernel, a slow book, recordings as events, rows as text."""

import gzip
import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from holdfast import tape
from holdfast.error import OutsideError
from holdfast.instrument import Instruments
from holdfast.quantity import from_units
from holdfast.tape import RowBuffer, Rows
from holdfast.venues.binance import BinanceFeed
from holdfast.venues.binance.market import Market
from holdfast.venues.deribit import DeribitFeed
from holdfast.venues.scan import Bytes
from holdfast.venues.scanned import ScannedFeed
from holdfast.venues.slots import Slot

RAW_LINE = re.compile(rb"(?:(\S+) (->|<->|<-) )?(\d+(?:\.\d+)?)(?:: (.*))?")


class SlowBinanceFeed(BinanceFeed):
    """A Binance feed whose kernel takes nothing."""

    def _scan(
        self, buffer: Bytes, ends_times: np.ndarray, frames: int, rows: Rows, count: int, slots: Slot
    ) -> int:
        del buffer, ends_times, frames, rows, slots
        return count


class SlowDeribitFeed(DeribitFeed):
    """A Deribit feed whose kernel takes nothing."""

    def _scan(
        self, buffer: Bytes, ends_times: np.ndarray, frames: int, rows: Rows, count: int, slots: Slot
    ) -> int:
        del buffer, ends_times, frames, rows, slots
        return count


def binance(market: Market) -> BinanceFeed:
    return BinanceFeed(Instruments(), RowBuffer(), market)


def deribit() -> DeribitFeed:
    return DeribitFeed(Instruments(), RowBuffer())


class Message(NamedTuple):
    """One recorded message: `way` is "" for a frame, "->" for a REST answer, "<-" for what the client sent."""

    received_ns: int
    url: str
    way: str
    body: bytes


def plain_messages(path: Path) -> list[Message]:
    """Read a capture of lines `<ns> <json>`; the REST snapshot in it has no address."""
    found: list[Message] = []
    with gzip.open(path) as lines:
        for line in lines:
            time, _, body = line.rstrip(b"\n").partition(b" ")
            way = "->" if body.startswith(b'{"lastUpdateId"') else ""
            found.append(Message(int(time), "", way, body))
    return found


def raw_messages(path: Path) -> Iterator[Message]:
    """Read a capture of what one client received and sent."""
    with gzip.open(path) as lines:
        for line in lines:
            match = RAW_LINE.fullmatch(line.rstrip(b"\n"))
            if match and match[4]:
                whole, _, fraction = match[3].partition(b".")
                time_ns = int(whole) * 10**9 + int(fraction.ljust(9, b"0")[:9])
                yield Message(time_ns, (match[1] or b"").decode(), (match[2] or b"").decode(), match[4])


def give(feed: ScannedFeed, message: Message) -> str:
    """Give a feed one message; return the code of its refusal, "" if it took it."""
    try:
        if message.way == "->":
            feed.on_rest(message.received_ns, message.url, message.body)
        elif message.way == "":
            feed.on_frame(message.received_ns, message.body)
    except OutsideError as error:
        return error.code
    return ""


def give_all(feed: ScannedFeed, messages: Sequence[Message], chance: random.Random) -> list[str]:
    """Give a feed many messages in runs of random length; return each one's refusal."""
    codes = [""] * len(messages)
    position = 0
    while position < len(messages):
        end = min(len(messages), position + chance.randrange(1, 40))
        run = messages[position:end]
        frames = next((i for i, message in enumerate(run) if message.way), len(run))
        taken = feed.on_frames([m.received_ns for m in run[:frames]], [m.body for m in run[:frames]])
        position += taken
        if taken < frames or not frames:
            codes[position] = give(feed, messages[position])
            position += 1
    return codes


def as_text(feed: ScannedFeed) -> list[str]:
    """Take the rows of a feed as readable lines: `kind symbol side price x size =value @exchange_ms flags`."""
    names = ((tape.LAST, "last"), (tape.SNAPSHOT, "snapshot"), (tape.HORIZON, "horizon"))
    lines: list[str] = []
    for row in feed.rows.take():
        instrument = feed.instruments[int(row["instrument"])]
        price = from_units(int(row["price"]), instrument.price_decimals).normalize()
        size = from_units(int(row["size"]), instrument.size_decimals).normalize()
        parts = [tape.KIND_NAMES[int(row["kind"])], instrument.symbol]
        parts += [{1: "bid", -1: "ask"}[int(row["side"])]] if row["side"] else []
        parts += [f"{price:f} x {size:f}"] if row["price"] or row["size"] else []
        parts += [f"={float(row['value'])!r}"] if not np.isnan(row["value"]) else []
        parts += [f"@{int(row['exchange_ns']) // 10**6}"]
        parts += [name for flag, name in names if int(row["flags"]) & flag]
        lines.append(" ".join(parts))
    return lines


class SlowBook:
    """A book of dictionaries, fed with rows, judged where a message ends."""

    def __init__(self) -> None:
        self.sides: dict[int, dict[int, int]] = {1: {}, -1: {}}
        self.live = False

    def take(self, rows: Rows, instrument: int = 0) -> None:
        for row in rows[rows["instrument"] == instrument]:
            kind, side = int(row["kind"]), int(row["side"])
            if kind == tape.BOOK_RESET:
                self.sides, self.live = {1: {}, -1: {}}, True
            elif kind == tape.BOOK_GAP:
                self.live = False
            elif kind == tape.LEVEL:
                assert self.live, "a LEVEL row for a book that is not live"
                if row["size"]:
                    self.sides[side][int(row["price"])] = int(row["size"])
                else:
                    self.sides[side].pop(int(row["price"]), None)

    def best(self, side: int) -> tuple[int, int]:
        levels = self.sides[side]
        price = max(levels) if side > 0 else min(levels)
        return price, levels[price]
