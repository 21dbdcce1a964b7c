"""Uniswap v3: a swap across ticks of a pool whose liquidity is given, exactly as the contract would settle it.

Rules:

1. The pool is its price, its tick, the liquidity in range, and what each initialised tick adds when crossed upwards.
2. A swap goes from stop to stop until the amount is used or the price limit is met: to the next initialised tick, or
   to the end of the contract's word of 256 tick spacings, where it rounds again though nothing changes. Through
   ticks without liquidity the price runs on and nothing trades. What was not used is said.
3. A downward swap that ends on a stop has passed it: the price is the tick's, the pool's tick the one below.

Source: Uniswap v3 core whitepaper (2021) section 6.2.
Limits: protocol fee, oracle and fee growth are not modelled: they do not change what the trader gets.
"""

from bisect import bisect_right
from typing import Final

import msgspec

from holdfast.error import CallerError
from holdfast.risk.liquidity.amm.swap_step import FEE_SCALE, swap_step
from holdfast.risk.liquidity.amm.tick import (
    SQRT_PRICE_LOWEST,
    SQRT_PRICE_MAX,
    TICK_MAX,
    sqrt_price_at,
    tick_at,
)

LIQUIDITY_MAX: Final = (1 << 128) - 1
WORD_MASK: Final = 255


class Pool(msgspec.Struct, frozen=True, kw_only=True):
    """A pool. Units: sqrt_price Q64.96, liquidity raw, fee in millionths; `ticks` pairs of tick and net liquidity,
    ascending.

    Raises: CallerError `amm.pool` where they are none, or liquidity would turn negative on either side.
    """

    sqrt_price: int
    liquidity: int
    fee: int
    tick_spacing: int
    ticks: tuple[tuple[int, int], ...] = ()
    tick: int | None = None

    @property
    def current_tick(self) -> int:
        """Return the tick whose range the price is in."""
        return tick_at(self.sqrt_price) if self.tick is None else self.tick

    def __post_init__(self) -> None:
        wrong = ""
        ticks = [tick for tick, _ in self.ticks]
        if not SQRT_PRICE_LOWEST <= self.sqrt_price < SQRT_PRICE_MAX:
            wrong = "its price is outside the prices of ticks"
        elif not 0 <= self.liquidity <= LIQUIDITY_MAX or not 0 <= self.fee < FEE_SCALE:
            wrong = "liquidity is negative or beyond 128 bits, or the fee takes all"
        elif any(abs(tick) > TICK_MAX for tick in ticks) or ticks != sorted(set(ticks)):
            wrong = "ticks must ascend within the bounds"
        elif self.tick_spacing < 1 or any(tick % self.tick_spacing for tick in ticks):
            wrong = "a tick is no multiple of the spacing"
        elif self.tick is not None and not self._tick_fits(self.tick):
            wrong = f"its price is not in the range of tick {self.tick}"
        elif not self._stays_positive():
            wrong = "liquidity turns negative at some tick"
        if wrong:
            raise CallerError("amm.pool", wrong, remedy="read the pool and its ticks at one block")

    def _tick_fits(self, tick: int) -> bool:
        own = tick_at(self.sqrt_price)
        return tick == own or (tick == own - 1 and self.sqrt_price == sqrt_price_at(own))

    def _stays_positive(self) -> bool:
        here = self.current_tick
        above = below = self.liquidity
        lowest = self.liquidity
        for tick, net in self.ticks:
            if tick > here:
                above += net
                lowest = min(lowest, above)
        for tick, net in reversed(self.ticks):
            if tick <= here:
                below -= net
                lowest = min(lowest, below)
        return lowest >= 0


class PoolSwap(msgspec.Struct, frozen=True, kw_only=True):
    """What a swap moved, and the pool after it.

    Units: raw token units; `amount_in` fee included, `fee` of it; `unused` of the amount asked for (input or output).
    """

    amount_in: int
    amount_out: int
    fee: int
    unused: int
    crossed: int
    after: Pool


def swap(pool: Pool, amount: int, *, zero_for_one: bool, limit: int = 0) -> PoolSwap:
    """Swap an exact amount of input (positive) or for an exact amount of output (negative).

    Units: limit a root price in Q64.96 that the swap stops at, 0 for none.
    Raises: CallerError `amm.amount` for 0, `amm.limit` for a limit on the wrong side.
    Cost: about 10 us a stop.
    """
    if amount == 0:
        raise CallerError("amm.amount", "0 is no amount to swap")
    bound = limit or (SQRT_PRICE_LOWEST + 1 if zero_for_one else SQRT_PRICE_MAX - 1)
    if not (
        SQRT_PRICE_LOWEST < bound < pool.sqrt_price
        if zero_for_one
        else pool.sqrt_price < bound < SQRT_PRICE_MAX
    ):
        raise CallerError("amm.limit", "the limit is not on the side that the swap moves the price to")
    numbers = [tick for tick, _ in pool.ticks]
    nets = dict(pool.ticks)
    tick, price, liquidity, remaining = pool.current_tick, pool.sqrt_price, pool.liquidity, amount
    paid = got = fees = crossed = 0
    while remaining != 0 and price != bound:
        stop = _stop(numbers, tick, pool.tick_spacing, zero_for_one)
        at_stop = sqrt_price_at(stop)
        target = max(at_stop, bound) if zero_for_one else min(at_stop, bound)
        step = swap_step(price, target, liquidity, remaining, pool.fee)
        paid += step.amount_in + step.fee
        got += step.amount_out
        fees += step.fee
        remaining -= step.amount_in + step.fee if amount > 0 else -step.amount_out
        if step.sqrt_price == at_stop:
            net = nets.get(stop)
            if net is not None:
                liquidity += -net if zero_for_one else net
                crossed += 1
            tick = stop - 1 if zero_for_one else stop
        elif step.sqrt_price != price:
            tick = tick_at(step.sqrt_price)
        price = step.sqrt_price
    return PoolSwap(
        amount_in=paid,
        amount_out=got,
        fee=fees,
        unused=abs(remaining),
        crossed=crossed,
        after=msgspec.structs.replace(pool, sqrt_price=price, liquidity=liquidity, tick=tick),
    )


def _stop(ticks: list[int], tick: int, spacing: int, down: bool) -> int:
    """Return the next initialised tick at or below (down), or above, within the contract's word; else the word's
    end.
    """
    place = tick // spacing
    if down:
        lowest = (place & ~WORD_MASK) * spacing
        below = bisect_right(ticks, tick) - 1
        known = ticks[below] if below >= 0 else -TICK_MAX - 1
        return max(known if known >= lowest else lowest, -TICK_MAX)
    highest = ((place + 1) | WORD_MASK) * spacing
    above = bisect_right(ticks, tick)
    known = ticks[above] if above < len(ticks) else TICK_MAX + 1
    return min(known if known <= highest else highest, TICK_MAX)
