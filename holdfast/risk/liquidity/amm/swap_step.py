"""Swap step: one stretch of constant liquidity in Uniswap v3, with the contract's rounding, in integers.

Rules: what the trader pays is rounded up, what he gets is rounded down, and the price is rounded so that the pool
never gives too much: up when token0 comes in or goes out, down when token1 does. Prices are roots in Q64.96,
liquidity and amounts raw units, fees in millionths of the input.

Source: Uniswap v3 core whitepaper (2021) section 6.2.3.
"""

from typing import Final

import msgspec

from holdfast.error import CallerError
from holdfast.risk.liquidity.amm.tick import Q96

FEE_SCALE: Final = 1_000_000
UINT160_MAX: Final = (1 << 160) - 1


class Step(msgspec.Struct, frozen=True):
    """What one stretch moved: the price after it, amounts in (without fee) and out, and the fee."""

    sqrt_price: int
    amount_in: int
    amount_out: int
    fee: int


def swap_step(sqrt_price: int, target: int, liquidity: int, remaining: int, fee: int) -> Step:
    """Move the price towards a target until the amount is used: `remaining` positive of input, negative of output.

    Raises: CallerError `amm.liquidity`, `amm.overflow`.
    """
    if liquidity < 0 or sqrt_price <= 0 or target <= 0 or not 0 <= fee < FEE_SCALE:
        raise CallerError(
            "amm.liquidity", "a step needs prices above 0, liquidity of at least 0 and a fee below all"
        )
    down = sqrt_price >= target
    exact_in = remaining >= 0
    if exact_in:
        less_fee = remaining * (FEE_SCALE - fee) // FEE_SCALE
        amount_in = _in_to(sqrt_price, target, liquidity, down)
        reached = target if less_fee >= amount_in else next_from_input(sqrt_price, liquidity, less_fee, down)
    else:
        amount_out = _out_to(sqrt_price, target, liquidity, down)
        reached = (
            target if -remaining >= amount_out else next_from_output(sqrt_price, liquidity, -remaining, down)
        )
    amount_in = _in_to(sqrt_price, reached, liquidity, down)
    amount_out = _out_to(sqrt_price, reached, liquidity, down)
    if not exact_in:
        amount_out = min(amount_out, -remaining)
    if exact_in and reached != target:
        return Step(reached, amount_in, amount_out, remaining - amount_in)
    return Step(reached, amount_in, amount_out, _ceiling(amount_in * fee, FEE_SCALE - fee))


def amount0(a: int, b: int, liquidity: int, *, up: bool) -> int:
    """Return the token0 between two root prices: liquidity x (1 / low - 1 / high), rounded as asked."""
    low, high = (a, b) if a <= b else (b, a)
    scaled = (liquidity << 96) * (high - low)
    if up:
        return _ceiling(_ceiling(scaled, high), low)
    return scaled // high // low


def amount1(a: int, b: int, liquidity: int, *, up: bool) -> int:
    """Return the token1 between two root prices: liquidity x (high - low), rounded as asked."""
    product = liquidity * abs(b - a)
    return _ceiling(product, Q96) if up else product // Q96


def next_from_input(sqrt_price: int, liquidity: int, amount: int, down: bool) -> int:
    """Return the price after an input of token0 (`down`) or token1.

    Raises: CallerError `amm.liquidity` without liquidity, `amm.overflow` where the price leaves 160 bits.
    """
    _check(sqrt_price, liquidity)
    if down:
        return _next_by_token0(sqrt_price, liquidity, amount, add=True)
    return _fits(sqrt_price + (amount << 96) // liquidity)


def next_from_output(sqrt_price: int, liquidity: int, amount: int, down: bool) -> int:
    """Return the price after an output of token1 (`down`) or token0.

    Raises: CallerError `amm.liquidity` without liquidity or where it holds no such amount, `amm.overflow`.
    """
    _check(sqrt_price, liquidity)
    if not down:
        return _next_by_token0(sqrt_price, liquidity, amount, add=False)
    fallen = sqrt_price - _ceiling(amount << 96, liquidity)
    if fallen < 0:
        raise CallerError("amm.liquidity", "this liquidity does not hold so much token1")
    return fallen


def _next_by_token0(sqrt_price: int, liquidity: int, amount: int, *, add: bool) -> int:
    if amount == 0:
        return sqrt_price
    scaled = liquidity << 96
    product = amount * sqrt_price
    if not add and product >= scaled:
        raise CallerError("amm.liquidity", "this liquidity does not hold so much token0")
    if add and (product >= 1 << 256 or scaled + product >= 1 << 256):
        return _ceiling(scaled, scaled // sqrt_price + amount)  # the contract's path where 256 bits overflow
    return _fits(_ceiling(scaled * sqrt_price, scaled + product if add else scaled - product))


def _in_to(sqrt_price: int, target: int, liquidity: int, down: bool) -> int:
    return (amount0 if down else amount1)(sqrt_price, target, liquidity, up=True)


def _out_to(sqrt_price: int, target: int, liquidity: int, down: bool) -> int:
    return (amount1 if down else amount0)(sqrt_price, target, liquidity, up=False)


def _ceiling(number: int, divisor: int) -> int:
    return -(-number // divisor)


def _fits(sqrt_price: int) -> int:
    if sqrt_price > UINT160_MAX:
        raise CallerError("amm.overflow", "the price would leave 160 bits: the contract reverts")
    return sqrt_price


def _check(sqrt_price: int, liquidity: int) -> None:
    if sqrt_price <= 0 or liquidity <= 0:
        raise CallerError("amm.liquidity", "a price and liquidity above 0 are needed")
