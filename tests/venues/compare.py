"""Hold a feed against a reference, message by message: the same levels wherever both say they are in sync."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from captures import SENT
from reference import Reference
from samples import REST, Step
from taped import LIVE, TapedBooks

from holdfast.error import OutsideError
from holdfast.instrument import Instruments
from holdfast.quantity import from_units
from holdfast.tape import RowBuffer
from holdfast.venues.registry import FEEDS


@dataclass
class Comparison:
    """What came out: messages, refusals, and at how many messages and levels the books were compared."""

    messages: int = 0
    compared: int = 0
    levels: int = 0
    out_of_sync: int = 0
    requests: int = 0
    refused: list[str] = field(default_factory=list[str])


def compare(venue: str, capture: Iterable[tuple[int, Step]], reference: Reference) -> Comparison:
    """Drive both through a capture. Raises: AssertionError at the first message after which they differ."""
    instruments = Instruments()
    feed = FEEDS[venue](instruments, RowBuffer())
    taped = TapedBooks(instruments)
    result = Comparison()
    for received_ns, step in capture:
        result.messages += 1
        touched = {}
        try:
            if step.role == REST:
                feed.on_rest(received_ns, step.url, step.body)
            elif step.role == SENT:
                feed.on_sent(received_ns, step.body)
            else:
                touched = reference.on_frame(step.body)
                feed.on_frame(received_ns, step.body)
        except OutsideError as error:
            result.refused.append(str(error))
        taped.take(feed.rows.take())
        for symbol, places in touched.items():
            number = instruments.find(venue, symbol)
            if symbol not in reference.in_sync or taped.state(number) != LIVE:
                result.out_of_sync += 1
                continue
            result.compared += 1
            _same(taped, number, reference.books[symbol], places)
            result.levels += len(places)
    for symbol in reference.in_sync:
        _same_whole(taped, instruments.find(venue, symbol), reference.books[symbol])
    result.requests = len(feed.requests)
    return result


def _same(
    taped: TapedBooks, number: int, book: dict[int, dict[Decimal, Decimal]], places: set[tuple[int, Decimal]]
) -> None:
    """Compare every level that either of them touched."""
    instrument, sides = taped.instruments[number], taped.books[number].sides
    ours = {(side, from_units(price, instrument.price_decimals)) for side, price in taped.touched[number]}
    for side, price in places | ours:
        units = sides[side].get(int(price.scaleb(instrument.price_decimals)), 0)
        assert from_units(units, instrument.size_decimals) == book[side].get(price, 0), (
            instrument.name,
            side,
            price,
        )


def _same_whole(taped: TapedBooks, number: int, book: dict[int, dict[Decimal, Decimal]]) -> None:
    instrument = taped.instruments[number]
    for side in (1, -1):
        ours = {
            from_units(price, instrument.price_decimals): from_units(size, instrument.size_decimals)
            for price, size in taped.books[number].sides[side].items()
        }
        assert ours == book[side], (instrument.name, side)
