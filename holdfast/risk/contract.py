"""Contract: the terms of what a desk holds, listed on a venue or over the counter, in the words of pricing."""

from typing import Literal

import msgspec

from holdfast.error import CallerError
from holdfast.instrument import Instrument, Kind

Payoff = Literal["european", "american", "digital", "barrier"]
BarrierType = Literal["", "down-out", "down-in", "up-out", "up-in"]


class Contract(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one position is a position in.

    Units: strike, barrier and rebate in quote units; contract_size asset units a contract (quote units for an inverse
    perpetual or future); expiry_ns UTC nanoseconds, 0 for none. A digital pays one quote unit for each asset unit.
    `settle` is the currency that profit is paid in: the asset itself when `inverse`.
    Raises: CallerError `contract.incomplete` where the terms contradict each other.
    """

    venue: str
    symbol: str
    kind: Kind
    asset: str
    quote: str
    settle: str
    inverse: bool = False
    contract_size: float = 1.0
    expiry_ns: int = 0
    strike: float = 0.0
    option_type: Literal["", "call", "put"] = ""
    payoff: Payoff = "european"
    barrier: float = 0.0
    barrier_type: BarrierType = ""
    rebate: float = 0.0

    def __post_init__(self) -> None:
        wrong = ""
        if self.kind == "option" and not (self.strike > 0.0 and self.option_type and self.expiry_ns > 0):
            wrong = "an option needs a strike, a type (call or put) and an expiry"
        elif self.kind == "future" and self.expiry_ns <= 0:
            wrong = "a future needs an expiry"
        elif self.payoff == "barrier" and not (self.barrier > 0.0 and self.barrier_type):
            wrong = "a barrier option needs a barrier and its type"
        elif not 0.0 < self.contract_size < float("inf"):
            wrong = f"contract_size {self.contract_size:g} is not a size"
        if wrong:
            raise CallerError("contract.incomplete", wrong, where=self.name)

    @property
    def name(self) -> str:
        """Return `venue:symbol`, the name used in reports and messages."""
        return f"{self.venue}:{self.symbol}"


def contract_of(instrument: Instrument) -> Contract:
    """Return the terms of a listed instrument. An unlisted one's contract size is taken to be 1."""
    return Contract(
        venue=instrument.venue,
        symbol=instrument.symbol,
        kind=instrument.kind,
        asset=instrument.base,
        quote="USD" if instrument.inverse else instrument.quote,
        settle=instrument.settle or (instrument.base if instrument.inverse else instrument.quote),
        inverse=instrument.inverse,
        contract_size=instrument.contract_size,
        expiry_ns=instrument.expiry_ns,
        strike=instrument.strike,
        option_type=instrument.option_type,
    )
