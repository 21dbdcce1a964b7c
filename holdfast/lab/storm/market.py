"""One instrument in the storm: its touch at every step, its book as changes, its trades and forced orders.

Prices are counts of the tick and sizes counts of the lot, as on the tape. A side of the book rests on two
grids around the touch, a fine one for ten basis points and a coarse one for a hundred, and on the touch
itself; sizes change a few at a time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from holdfast.clock import SECOND_NS
from holdfast.lab.storm.weather import START_NS, STEP_NS, STEPS, Curve, Weather, wander

LEVELS_A_GRID: Final = 20
COARSE: Final = 10  # steps of the fine grid in one of the coarse grid
DRAWS: Final = 1 << 14  # sizes are drawn in advance and used in turn


@dataclass(frozen=True, kw_only=True)
class Contract:
    """What is traded: prices are in ticks of `10**-price_decimals * tick`, sizes in lots likewise.

    `beta` is how much of the market's move it takes; `lots` a usual size at a level; `trades` a usual count
    a second.
    """

    symbol: str
    price: float
    beta: float
    tick: int
    price_decimals: int
    lot: int
    size_decimals: int
    lots: float
    trades: float

    def price_text(self, ticks: int) -> str:
        """Return a price as the venue writes it."""
        return f"{ticks * self.tick / 10**self.price_decimals:.{self.price_decimals}f}"

    def size_text(self, lots: int) -> str:
        """Return a size as the venue writes it."""
        return f"{lots * self.lot / 10**self.size_decimals:.{self.size_decimals}f}"

    @property
    def step(self) -> float:
        """Return the tick as a price."""
        return self.tick / 10**self.price_decimals


@dataclass(frozen=True)
class Print:
    """A trade, or a forced order: side is the aggressor's."""

    time_ns: int
    price: int
    lots: int
    side: int


Levels = dict[int, int]


@dataclass(frozen=True)
class Step:
    """What one instrument did in a tenth of a second; a level of size 0 is gone."""

    number: int
    time_ns: int
    bids: Levels
    asks: Levels
    bid: tuple[int, int]
    ask: tuple[int, int]
    trades: list[Print]
    forced: list[Print]


class Side:
    """One side of a book: `move` makes the changes of one step, `levels` is all of it."""

    def __init__(self, sign: int, fine: int, usual: float, random: np.random.Generator) -> None:
        self.sign = sign
        self.levels: Levels = {}
        self._fine = fine
        self._usual = usual
        self._sizes: list[float] = random.lognormal(0.0, 0.6, DRAWS).tolist()
        self._picks: list[float] = random.random(DRAWS).tolist()
        self._draw = 0

    def move(self, touch: int, depth: float) -> Levels:
        """Bring the side to a new touch and return what changed."""
        wanted = [touch]
        for grid in (self._fine, self._fine * COARSE):
            first = touch // grid * grid if self.sign > 0 else -(-touch // grid) * grid
            wanted.extend(range(first, first - self.sign * grid * LEVELS_A_GRID, -self.sign * grid))
        held = self.levels
        changes: Levels = dict.fromkeys(held.keys() - wanted, 0)
        for price in changes:
            del held[price]
        refreshed = wanted[int(self._picks[self._draw % DRAWS] * len(wanted))]
        for price in wanted:
            if price not in held or price == refreshed:
                held[price] = changes[price] = self._size(depth)
        return changes

    def _size(self, depth: float) -> int:
        self._draw += 1
        return max(1, round(self._usual * depth * self._sizes[self._draw % DRAWS]))


class Market:
    """An instrument's whole storm, step by step; `bids` and `asks` are as of the last step given.

    `own` is what its log price does besides the market's move; `frozen` says when its asks stand still.
    """

    def __init__(
        self,
        contract: Contract,
        weather: Weather,
        random: np.random.Generator,
        own: Curve,
        frozen: tuple[float, float] | None = None,
    ) -> None:
        self.contract = contract
        self.weather = weather
        apart = wander(random, size=0.00008, seconds=20.0) * np.sqrt(weather.turbulence)
        log_price = contract.beta * weather.move + own + apart
        self.mid: Curve = contract.price * np.exp(log_price)
        half = np.maximum(self.mid * weather.half_spread, contract.step / 2)
        self._bids = np.floor((self.mid - half) / contract.step).astype(np.int64).tolist()
        self._asks = np.ceil((self.mid + half) / contract.step).astype(np.int64).tolist()
        self._frozen = frozen
        fine = max(1, round(contract.price * 5e-5 / contract.step))
        self.bids = Side(1, fine, contract.lots, random)
        self.asks = Side(-1, fine, contract.lots, random)
        self._random = random

    def steps(self) -> Iterator[Step]:
        """Yield every step; a frozen ask side keeps its last touch and sizes."""
        weather, contract, random = self.weather, self.contract, self._random
        trades = random.poisson(weather.trades * contract.trades * STEP_NS / SECOND_NS).tolist()
        is_forced = (random.random(STEPS) < weather.forced * STEP_NS / SECOND_NS).tolist()
        seconds, depth, sellers = weather.seconds.tolist(), weather.depth.tolist(), weather.sellers.tolist()
        ask = self._asks[0]
        for i in range(STEPS):
            time_ns = START_NS + i * STEP_NS
            bid = self._bids[i]
            is_frozen = self._frozen is not None and self._frozen[0] <= seconds[i] < self._frozen[1]
            ask = max(ask if is_frozen else self._asks[i], bid + 1)
            bids = self.bids.move(bid, depth[i])
            asks = {} if is_frozen else self.asks.move(ask, depth[i])
            yield Step(
                number=i,
                time_ns=time_ns,
                bids=bids,
                asks=asks,
                bid=(bid, self.bids.levels[bid]),
                ask=(ask, self.asks.levels[ask]),
                trades=self._prints(trades[i], time_ns, (bid, ask), sellers[i], 0.35) if trades[i] else [],
                forced=self._prints(1, time_ns, (bid, ask), 1.0, 3.0) if is_forced[i] else [],
            )

    def _prints(
        self, count: int, time_ns: int, touch: tuple[int, int], sellers: float, size: float
    ) -> list[Print]:
        random = self._random
        offsets = np.sort(random.integers(1, STEP_NS // 1_000_000, count)) * 1_000_000
        sells = random.random(count) < sellers
        lots = np.maximum(1, np.rint(random.lognormal(-0.5, 0.9, count) * self.contract.lots * size))
        return [
            Print(time_ns + at, touch[0] if sell else touch[1], amount, -1 if sell else 1)
            for at, sell, amount in zip(
                offsets.tolist(), sells.tolist(), lots.astype(int).tolist(), strict=True
            )
        ]
