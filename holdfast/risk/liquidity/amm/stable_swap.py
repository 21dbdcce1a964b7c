"""StableSwap: a Curve pool of coins meant to be worth the same, in the integer iterations of its contract.

Rules:

1. Balances are scaled by `rates` to 18 decimals; the invariant D and the balance y are found by Newton's steps in
   whole numbers, ended when two differ by at most 1, each division cut as in the contract.
2. What comes out is one unit less than the iteration says, then less the fee: rounding favours the pool, but for the unit or
   two within which the iterations end, which a pool without a fee can give away, as the contract's can.
3. `precision` is 100 in pools whose amplification can ramp, 1 in the first ones (3pool). Far off balance the steps
   can go round in a circle: then the newer contracts revert, and the first ones take the last step, and so it is here.

Source: Egorov (2019), StableSwap; the pool template of Curve.
Limits: no admin fee (it stays with the pool here), no dynamic fee, no metapool.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from holdfast.error import CallerError
from holdfast.risk.missing import Missing

FEE_SCALE: Final = 10**10
RATE_SCALE: Final = 10**18
ROUNDS_MAX: Final = 255
COINS_MAX: Final = 8


class StablePool(msgspec.Struct, frozen=True, kw_only=True):
    """A pool. Units: balances raw token units, rates 10^(36 - decimals), fee in 10^-10 of the output.

    Raises: CallerError `amm.pool`.
    """

    balances: tuple[int, ...]
    rates: tuple[int, ...]
    amplification: int
    fee: int = 4_000_000
    precision: int = 100

    def __post_init__(self) -> None:
        wrong = ""
        if not 2 <= len(self.balances) <= COINS_MAX or len(self.rates) != len(self.balances):
            wrong = f"2 to {COINS_MAX} coins, each with a rate"
        elif min(self.balances) <= 0 or min(self.rates) <= 0:
            wrong = "balances and rates are above 0"
        elif self.amplification < 1 or self.precision < 1 or not 0 <= self.fee < FEE_SCALE:
            wrong = "amplification is at least 1, a fee below all"
        if wrong:
            raise CallerError("amm.pool", wrong)

    @property
    def scaled(self) -> list[int]:
        """Return balances with 18 decimals."""
        return [balance * rate // RATE_SCALE for balance, rate in zip(self.balances, self.rates, strict=True)]


class StableSwap(msgspec.Struct, frozen=True):
    """What one exchange moved, and the pool after it. Units: raw token units; the fee is of the coin that came out."""

    amount_in: int
    amount_out: int
    fee: int
    after: StablePool


def exchange(pool: StablePool, i: int, j: int, amount: int) -> StableSwap | Missing:
    """Give an exact amount of coin i for coin j.

    Raises: CallerError `amm.amount`, `amm.coins`.

    >>> pool = StablePool(balances=(10**18, 10**18), rates=(10**18, 10**18), amplification=50, fee=10**7)
    >>> exchange(pool, 0, 1, 10**17).amount_out
    99702611562565289
    """
    if amount < 1:
        raise CallerError("amm.amount", f"{amount} is no amount to swap")
    coins = range(len(pool.balances))
    if i == j or i not in coins or j not in coins:
        raise CallerError("amm.coins", f"coins {i} and {j} are not two of this pool's {len(coins)}")
    before = pool.scaled
    given = before[i] + amount * pool.rates[i] // RATE_SCALE
    rest = balance_for(before, i, j, given, pool.amplification, pool.precision)
    if isinstance(rest, Missing):
        return rest
    out = before[j] - rest - 1
    if out <= 0:
        return Missing("pool", "amm.dust", "so little in buys nothing")
    fee = out * pool.fee // FEE_SCALE
    amount_out = (out - fee) * RATE_SCALE // pool.rates[j]
    balances = list(pool.balances)
    balances[i] += amount
    balances[j] -= amount_out
    after = msgspec.structs.replace(pool, balances=tuple(balances))
    return StableSwap(amount, amount_out, fee * RATE_SCALE // pool.rates[j], after)


def invariant(scaled: Sequence[int], amplification: int, precision: int = 100) -> int | Missing:
    """Return D: the coins' total where they are in balance. Raises: CallerError `amm.pool` for a balance of 0 or less.

    >>> invariant([10**18, 10**18], 50)
    2000000000000000000
    """
    if min(scaled) <= 0:
        raise CallerError("amm.pool", "balances are above 0")
    coins, total = len(scaled), sum(scaled)
    scale = amplification * precision * coins
    level = total
    for _ in range(ROUNDS_MAX):
        product = level
        for balance in scaled:
            product = product * level // (balance * coins)
        before = level
        level = (
            (scale * total // precision + product * coins)
            * level
            // ((scale - precision) * level // precision + (coins + 1) * product)
        )
        if abs(level - before) <= 1:
            return level
    return level if precision == 1 else _unsettled("invariant")


def balance_for(
    scaled: Sequence[int], i: int, j: int, given: int, amplification: int, precision: int = 100
) -> int | Missing:
    """Return coin j's balance once coin i's is `given`, the others and the invariant unchanged."""
    level = invariant(scaled, amplification, precision)
    if isinstance(level, Missing):
        return level
    coins = len(scaled)
    scale = amplification * precision * coins
    product, total = level, 0
    for coin, balance in enumerate(scaled):
        if coin == j:
            continue
        held = given if coin == i else balance
        total += held
        product = product * level // (held * coins)
    product = product * level * precision // (scale * coins)
    linear = total + level * precision // scale
    rest = level
    for _ in range(ROUNDS_MAX):
        before = rest
        rest = (rest * rest + product) // (2 * rest + linear - level)
        if abs(rest - before) <= 1:
            return rest
    return rest if precision == 1 else _unsettled("balance")


def _unsettled(what: str) -> Missing:
    return Missing(
        "pool",
        "amm.convergence",
        f"the {what} did not settle, as in a pool far off balance: the contract reverts",
    )
