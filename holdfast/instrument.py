"""Instruments: what a venue lists, and the table that gives each one its number.

An instrument comes from the venue's own listing. A recording that carries no listing at all describes its own
instruments (`listed` is False): its grid is then fine enough for any text it can hold, and contract terms stay unknown.
Once a listing of a venue was seen, an instrument that it does not name is held back, never guessed.
"""

from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.error import OutsideError
from holdfast.quantity import decimals_of

Kind = Literal["spot", "perpetual", "future", "option"]
KINDS: tuple[Kind, ...] = ("spot", "perpetual", "future", "option")

UNLISTED_PRICE_DECIMALS = 9
UNLISTED_SIZE_DECIMALS = 8


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """One tradable contract of one venue, in the venue's own words.

    Units: tick_size and lot_size are decimal text in quote and size units; contract_size is base units a contract
    (quote units when `inverse`); expiry_ns UTC nanoseconds, 0 for none; strike in quote units, 0 for none.
    """

    venue: str
    symbol: str
    kind: Kind
    base: str
    quote: str
    settle: str = ""
    tick_size: str = ""
    lot_size: str = ""
    price_decimals: int = UNLISTED_PRICE_DECIMALS
    size_decimals: int = UNLISTED_SIZE_DECIMALS
    contract_size: float = 1.0
    inverse: bool = False
    expiry_ns: int = 0
    strike: float = 0.0
    option_type: Literal["", "call", "put"] = ""
    listed: bool = True

    @property
    def name(self) -> str:
        """Return `venue:symbol`, the name used in reports and messages."""
        return f"{self.venue}:{self.symbol}"


def listed(tick_size: str, lot_size: str, **terms: object) -> Instrument:
    """Build a listed instrument, its decimal grid derived from the venue's tick and lot.

    >>> listed("0.10", "0.001", venue="v", symbol="s", kind="perpetual", base="BTC", quote="USDT").price_decimals
    1
    """
    fields = {
        "tick_size": tick_size,
        "lot_size": lot_size,
        "price_decimals": decimals_of(tick_size),
        "size_decimals": decimals_of(lot_size),
        **terms,
    }
    return msgspec.convert(fields, Instrument)


class Instruments:
    """The numbered table of all instruments of a run: codecs look up, the market reads its arrays."""

    def __init__(self) -> None:
        self.all: list[Instrument] = []
        self._ids: dict[tuple[str, str], int] = {}
        self._venues_listed: set[str] = set()

    def __len__(self) -> int:
        return len(self.all)

    def __getitem__(self, number: int) -> Instrument:
        return self.all[number]

    def add(self, instrument: Instrument) -> int:
        """Number an instrument; the same venue and symbol keeps its number and takes no second definition."""
        key = (instrument.venue, instrument.symbol)
        if instrument.listed:
            self._venues_listed.add(instrument.venue)
        known = self._ids.get(key)
        if known is not None:
            return known
        self._ids[key] = len(self.all)
        self.all.append(instrument)
        return len(self.all) - 1

    def find(self, venue: str, symbol: str) -> int:
        """Return an instrument's number, or -1."""
        return self._ids.get((venue, symbol), -1)

    def find_or_describe(
        self, venue: str, symbol: str, kind: Kind, base: str, quote: str, **terms: object
    ) -> int:
        """Return the number of an instrument, describing it from the recording if no listing of the venue was seen.

        Raises: OutsideError `instrument.unlisted` when the venue's listing was seen and does not name it.
        """
        number = self.find(venue, symbol)
        if number >= 0:
            return number
        if venue in self._venues_listed:
            raise OutsideError(
                "instrument.unlisted",
                f"{venue} does not list {symbol}",
                remedy="give its listing as one more input, or leave it in quarantine",
            )
        fields = {
            "venue": venue,
            "symbol": symbol,
            "kind": kind,
            "base": base,
            "quote": quote,
            "listed": False,
            **terms,
        }
        return self.add(msgspec.convert(fields, Instrument))

    def price_steps(self) -> NDArray[np.float64]:
        """Return the size of one price unit of each instrument, in quote units. Shape: (len(self),)."""
        return np.array([10.0**-i.price_decimals for i in self.all], dtype=np.float64)

    def size_steps(self) -> NDArray[np.float64]:
        """Return the size of one size unit of each instrument, in the venue's size unit. Shape: (len(self),)."""
        return np.array([10.0**-i.size_decimals for i in self.all], dtype=np.float64)
