"""What the rows say: books rebuilt from the tape with plain dicts, the rules of a tape checked on the way."""

from holdfast import tape
from holdfast.instrument import Instruments
from holdfast.tape import Rows

EMPTY, LIVE, STALE = "empty", "live", "stale"


class TapedBook:
    """The book of one instrument as its rows tell it; prices and sizes in units."""

    def __init__(self) -> None:
        self.state = EMPTY
        self.sides: dict[int, dict[int, int]] = {1: {}, -1: {}}


class TapedBooks:
    """All books of a tape. Raises: AssertionError where the tape breaks one of its own rules."""

    def __init__(self, instruments: Instruments) -> None:
        self.instruments = instruments
        self.books: dict[int, TapedBook] = {}
        self.touched: dict[int, set[tuple[int, int]]] = {}

    def take(self, rows: Rows) -> None:
        """Read the rows of one or more messages; remember which levels they touched."""
        self.touched = {}
        if len(rows):
            assert rows["flags"][-1] & tape.LAST, "the last row of a message has no LAST"
        resetting = False
        for row in rows.tolist():
            _, _, price, size, value, number, kind, side, flags = row
            assert kind in tape.KIND_NAMES
            assert 0 <= number < len(self.instruments)
            book = self.books.setdefault(number, TapedBook())
            touched = self.touched.setdefault(number, set())
            if kind == tape.BOOK_RESET:
                touched.update((side, price) for side, levels in book.sides.items() for price in levels)
                book.sides = {1: {}, -1: {}}
                book.state, resetting = LIVE, True
            elif kind == tape.BOOK_GAP:
                assert book.state != STALE, "a second gap of a book that is stale"
                assert value in (1.0, 2.0, 3.0, 4.0, 5.0)
                book.state = STALE
            elif kind == tape.LEVEL:
                assert book.state == LIVE, "a level of a book that is not live"
                assert side in (1, -1)
                assert size >= 0
                assert bool(flags & tape.SNAPSHOT) or not resetting
                touched.add((side, price))
                if size:
                    book.sides[side][price] = size
                else:
                    book.sides[side].pop(price, None)
            if flags & tape.LAST:
                resetting = False

    def state(self, number: int) -> str:
        """Return where a book stands."""
        return self.books[number].state if number in self.books else EMPTY
