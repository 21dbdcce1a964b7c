"""A chain of options priced by Black-76 with a known forward, smile and spread, put on a board."""

import math
from collections.abc import Callable, Sequence

import numpy as np

from holdfast.instrument import Instrument, Instruments
from holdfast.market.board import new_board
from holdfast.market.chain import Chains

SECOND_NS = 1_000_000_000
DAY_NS = 86_400 * SECOND_NS
START_NS = 1_770_000_000 * SECOND_NS
Smile = Callable[[float, float], float]


def flat(level: float) -> Smile:
    """Return a smile that is none."""
    return lambda _moneyness, _years: level


def black(forward: float, strike: float, years: float, volatility: float, is_call: bool) -> float:
    """Return the Black-76 price in quote units, without discounting."""
    deviation = volatility * math.sqrt(years)
    d1 = math.log(forward / strike) / deviation + 0.5 * deviation
    sign = 1.0 if is_call else -1.0
    return sign * (forward * _normal(sign * d1) - strike * _normal(sign * (d1 - deviation)))


def _normal(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


class SyntheticChain:
    """Options on BTC of one venue: every strike of every expiry, call and put."""

    def __init__(
        self,
        strikes: Sequence[float] = tuple(range(40_000, 200_001, 5_000)),
        days: Sequence[float] = (3.0, 7.0, 14.0, 30.0, 60.0, 90.0, 180.0),
        *,
        inverse: bool = True,
        before: int = 0,
    ) -> None:
        self.instruments = Instruments()
        for n in range(before):
            self.instruments.add(
                Instrument(venue="v", symbol=f"other{n}", kind="spot", base="BTC", quote="USD")
            )
        self.options: list[tuple[int, float, float, bool]] = []
        for day in days:
            for strike in strikes:
                for right in ("call", "put"):
                    number = self.instruments.add(
                        Instrument(
                            venue="v", symbol=f"{day}-{strike}-{right}", kind="option", base="BTC",
                            quote="USD", settle="BTC" if inverse else "USDC", inverse=inverse,
                            strike=float(strike), expiry_ns=START_NS + int(day * DAY_NS),
                            option_type=right, listed=False,
                        )
                    )  # fmt: skip
                    self.options.append((number, day, float(strike), right == "call"))
        self.inverse = inverse
        self.board = new_board(len(self.instruments))
        self.chains = Chains(self.instruments)

    def put(
        self,
        now_ns: int,
        smile: Smile,
        forward: float = 100_000.0,
        *,
        half_spread: float = 0.0005,
        tells_forward: bool = True,
        index: float = math.nan,
    ) -> None:
        """Put the whole chain on the board as of `now_ns`: mark, volatility, and quotes around the mark.

        `half_spread` is a share of the forward; a bid that would not be positive is not there.
        """
        unit = forward if self.inverse else 1.0
        for number, day, strike, is_call in self.options:
            years = (START_NS + day * DAY_NS - now_ns) / (365 * DAY_NS)
            if years <= 0.0:
                continue
            volatility = smile(math.log(strike / forward), years)
            quote = self.board[number]
            mark = black(forward, strike, years, volatility, is_call) / unit
            half = half_spread * forward / unit
            quote["mark"], quote["mark_vol"], quote["row_ns"] = mark, volatility, now_ns
            quote["bid"], quote["ask"] = (mark - half if mark > half else math.nan), mark + half
            quote["has_bid"], quote["has_ask"] = mark > half, True
            quote["forward"] = forward if tells_forward else math.nan
            quote["index"] = index

    def look(self, now_ns: int) -> np.void:
        """Look at the chain a moment later and return what was found."""
        self.chains.look(now_ns + SECOND_NS // 2, self.board)
        return self.chains.looks[0]

    def withdraw(self, side: str, numbers: Sequence[int]) -> None:
        """Take quotes of a side away."""
        for number in numbers:
            self.board[number][side] = math.nan
            self.board[number][f"has_{side}"] = False
