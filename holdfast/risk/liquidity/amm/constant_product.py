"""Constant product: a Uniswap v2 pair, x y = k, with its fee and rounding, in integers.

Rules: amounts and reserves are raw token units. What comes out is rounded down, what must go in is rounded up, so
the product never falls. The fee is of the input and stays in the pool.

Source: Uniswap v2 core whitepaper (2020) and its periphery library: 997 / 1000.
Limits: tokens that take a fee on transfer, and the protocol's share of the fee on mints, are not modelled.
"""

from typing import Final

import msgspec

from holdfast.error import CallerError
from holdfast.risk.missing import Missing

RESERVE_MAX: Final = 2**112 - 1
FEE_SCALE: Final = 1000


class Pair(msgspec.Struct, frozen=True):
    """A pool of two tokens. Units: raw token units; fee in thousandths of the input.

    Raises: CallerError `amm.pool` where a reserve is not in 1 to 2^112 - 1.
    """

    reserve0: int
    reserve1: int
    fee: int = 3

    def __post_init__(self) -> None:
        if (
            not 0 < self.reserve0 <= RESERVE_MAX
            or not 0 < self.reserve1 <= RESERVE_MAX
            or not 0 <= self.fee < FEE_SCALE
        ):
            raise CallerError("amm.pool", "a pair needs reserves of 1 to 2^112 - 1 and a fee below all")


class PairSwap(msgspec.Struct, frozen=True):
    """What one swap moved, and the pool after it. `slippage` is against the price before it, fee included."""

    amount_in: int
    amount_out: int
    slippage: float
    after: Pair


def swap_in(pair: Pair, amount_in: int, *, zero_for_one: bool) -> PairSwap | Missing:
    """Give an exact amount of one token for the other.

    Raises: CallerError `amm.amount` for an amount below 1.

    >>> swap_in(Pair(5 * 10**18, 10 * 10**18), 10**18, zero_for_one=True).amount_out
    1662497915624478906
    """
    _check(amount_in)
    into, out_of = (pair.reserve0, pair.reserve1) if zero_for_one else (pair.reserve1, pair.reserve0)
    kept = amount_in * (FEE_SCALE - pair.fee)
    amount_out = kept * out_of // (into * FEE_SCALE + kept)
    return _moved(pair, amount_in, amount_out, zero_for_one)


def swap_out(pair: Pair, amount_out: int, *, zero_for_one: bool) -> PairSwap | Missing:
    """Take an exact amount of the other token, at the least amount in that the pool accepts.

    Raises: CallerError `amm.amount` for an amount below 1.
    """
    _check(amount_out)
    into, out_of = (pair.reserve0, pair.reserve1) if zero_for_one else (pair.reserve1, pair.reserve0)
    if amount_out >= out_of:
        return Missing("pool", "amm.depth", f"{amount_out} is not less than the reserve {out_of}")
    amount_in = into * amount_out * FEE_SCALE // ((out_of - amount_out) * (FEE_SCALE - pair.fee)) + 1
    return _moved(pair, amount_in, amount_out, zero_for_one)


def _moved(pair: Pair, amount_in: int, amount_out: int, zero_for_one: bool) -> PairSwap | Missing:
    into, out_of = (pair.reserve0, pair.reserve1) if zero_for_one else (pair.reserve1, pair.reserve0)
    if into + amount_in > RESERVE_MAX:
        return Missing("pool", "amm.overflow", "the reserve would pass 2^112 - 1: the contract reverts")
    if amount_out == 0:
        return Missing("pool", "amm.dust", "so little in buys nothing: the contract reverts")
    more, less = into + amount_in, out_of - amount_out
    after = Pair(more, less, pair.fee) if zero_for_one else Pair(less, more, pair.fee)
    return PairSwap(amount_in, amount_out, 1.0 - amount_out * into / (amount_in * out_of), after)


def _check(amount: int) -> None:
    if amount < 1:
        raise CallerError("amm.amount", f"{amount} is no amount to swap")
