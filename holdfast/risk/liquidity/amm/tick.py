"""Tick: prices of Uniswap v3 by tick, sqrt(1.0001^tick) in Q64.96, bit for bit as the contract computes them.

Rules: a price is the root of token1 over token0 in raw units, times 2^96. The ratio of a tick multiplies one factor
a bit of the tick, each product cut to 128 bits, and is rounded up to 96 bits at the end; a negative power is what is
kept, a positive one its inverse. The tick of a price is the greatest whose price is not above it.

Source: Uniswap v3 core whitepaper (2021) section 6; the factors are 2^128 / 1.0001^(2^k / 2).
"""

import math
from typing import Final

from holdfast.error import CallerError

TICK_MAX: Final = 887272
SQRT_PRICE_LOWEST: Final = 4295128739
SQRT_PRICE_MAX: Final = 1461446703485210103287273052203988822378723970342
Q96: Final = 1 << 96
_UINT256_MAX: Final = (1 << 256) - 1
_LOG_ROOT: Final = 0.5 * math.log1p(0.0001)
_FACTORS: Final = (
    0xFFFCB933BD6FAD37AA2D162D1A594001,
    0xFFF97272373D413259A46990580E213A,
    0xFFF2E50F5F656932EF12357CF3C7FDCC,
    0xFFE5CACA7E10E4E61C3624EAA0941CD0,
    0xFFCB9843D60F6159C9DB58835C926644,
    0xFF973B41FA98C081472E6896DFB254C0,
    0xFF2EA16466C96A3843EC78B326B52861,
    0xFE5DEE046A99A2A811C461F1969C3053,
    0xFCBE86C7900A88AEDCFFC83B479AA3A4,
    0xF987A7253AC413176F2B074CF7815E54,
    0xF3392B0822B70005940C7A398E4B70F3,
    0xE7159475A2C29B7443B29C7FA6E889D9,
    0xD097F3BDFD2022B8845AD8F792AA5825,
    0xA9F746462D870FDF8A65DC1F90E061E5,
    0x70D869A156D2A1B890BB3DF62BAF32F7,
    0x31BE135F97D08FD981231505542FCFA6,
    0x9AA508B5B7A84E1C677DE54F3E99BC9,
    0x5D6AF8DEDB81196699C329225EE604,
    0x2216E584F5FA1EA926041BEDFE98,
    0x48A170391F7DC42444E8FA2,
)


def sqrt_price_at(tick: int) -> int:
    """Return the root price of a tick in Q64.96.

    Raises: CallerError `amm.tick` beyond 887272 either way.

    >>> sqrt_price_at(0) == 2**96
    True
    """
    distance = abs(tick)
    if distance > TICK_MAX:
        raise CallerError("amm.tick", f"tick {tick} is beyond +-{TICK_MAX}")
    ratio = 1 << 128
    for bit, factor in enumerate(_FACTORS):
        if distance >> bit & 1:
            ratio = ratio * factor >> 128
    if tick > 0:
        ratio = _UINT256_MAX // ratio
    return -(-ratio >> 32)


def tick_at(sqrt_price: int) -> int:
    """Return the greatest tick whose price is not above this one.

    Raises: CallerError `amm.price` outside the prices of ticks.
    """
    if not SQRT_PRICE_LOWEST <= sqrt_price < SQRT_PRICE_MAX:
        raise CallerError(
            "amm.price", f"{sqrt_price} is not a root price between the lowest and highest tick"
        )
    tick = min(max(math.floor((math.log(sqrt_price) - math.log(Q96)) / _LOG_ROOT), -TICK_MAX), TICK_MAX - 1)
    while sqrt_price_at(tick) > sqrt_price:
        tick -= 1
    while sqrt_price_at(tick + 1) <= sqrt_price:
        tick += 1
    return tick
