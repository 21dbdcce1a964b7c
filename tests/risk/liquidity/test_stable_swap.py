"""StableSwap: published swaps, the invariant in exact fractions, and what its rounding must keep."""

from decimal import Decimal, localcontext

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from holdfast.error import CallerError
from holdfast.risk.liquidity.amm.stable_swap import StablePool, StableSwap, balance_for, exchange, invariant
from holdfast.risk.missing import Missing

E18 = 10**18
BALANCES = st.lists(st.integers(10**18, 10**27), min_size=2, max_size=4)
# Pools as they trade. Farther off balance a unit of the scarce coin is worth many of the other, and so is its rounding.
TRADED = st.lists(st.integers(10**24, 10**26), min_size=2, max_size=4)


def stable(
    *balances: int,
    amplification: int = 50,
    fee: int = 10**7,
    precision: int = 100,
    rates: tuple[int, ...] = (),
) -> StablePool:
    return StablePool(
        balances=balances,
        rates=rates or (E18,) * len(balances),
        amplification=amplification,
        fee=fee,
        precision=precision,
    )


def test_the_published_swap_of_a_pool_of_one_and_one() -> None:
    # Saddle's swap tests: one coin each, A 50, fee 0.1 %, a tenth of a coin in
    result = exchange(stable(E18, E18), 0, 1, 10**17)
    assert isinstance(result, StableSwap)
    assert result.amount_out == 99702611562565289
    assert (result.after.balances[0], result.after.balances[1]) == (E18 + 10**17, E18 - 99702611562565289)


def _exact_invariant(scaled: list[int], amplification: int) -> Decimal:
    """Solve A n sum + D = A n D + D^(n+1) / (n^n product) by bisection in 120 digits, A n as in the contract."""
    with localcontext() as context:
        context.prec = 120
        n, total = len(scaled), Decimal(sum(scaled))
        scale = Decimal(amplification) * n
        product = Decimal(1)
        for balance in scaled:
            product *= Decimal(balance) * n
        low, high = Decimal(0), total
        for _ in range(400):
            middle = (low + high) / 2
            if scale * total + middle - scale * middle - middle ** (n + 1) / product > 0:
                low = middle
            else:
                high = middle
        return low


@given(BALANCES, st.integers(10, 2_000))
def test_the_invariant_is_the_exact_one_to_a_few_units(balances: list[int], amplification: int) -> None:
    level = invariant(balances, amplification)
    assume(isinstance(level, int))
    assert abs(Decimal(level) - _exact_invariant(balances, amplification)) <= 10 + Decimal(level) * Decimal(
        "1e-17"
    )


@given(BALANCES, st.integers(10, 2_000))
def test_both_generations_of_pools_agree_on_the_invariant(balances: list[int], amplification: int) -> None:
    new, old = invariant(balances, amplification, 100), invariant(balances, amplification, 1)
    assert isinstance(old, int)
    assume(isinstance(new, int))
    assert abs(new - old) <= 4


@given(BALANCES, st.integers(10, 2_000))
def test_the_balance_for_what_is_held_is_what_is_held(balances: list[int], amplification: int) -> None:
    rest = balance_for(balances, 0, 1, balances[0], amplification)
    assume(isinstance(rest, int))
    assert abs(rest - balances[1]) <= 2 + balances[1] // 10**9


@given(TRADED, st.integers(10, 2_000), st.integers(10**12, 10**26), st.integers(0, 10**8))
def test_the_invariant_never_falls_and_there_and_back_gains_no_more_than_units(
    balances: list[int], amplification: int, amount: int, fee: int
) -> None:
    pool = stable(*balances, amplification=amplification, fee=fee)
    there = exchange(pool, 0, 1, amount)
    if isinstance(there, Missing):
        return
    before, after = invariant(pool.scaled, amplification), invariant(there.after.scaled, amplification)
    assume(isinstance(before, int) and isinstance(after, int))
    assert after >= before - 2
    back = exchange(there.after, 1, 0, there.amount_out)
    assert isinstance(back, Missing) or back.amount_out <= amount + 2  # the iterations end within a unit


@given(TRADED, st.integers(10**15, 10**25), st.integers(10**15, 10**25))
def test_more_in_gives_more_out_at_a_worse_price(balances: list[int], a: int, b: int) -> None:
    small, large = sorted((a, b))
    less, more = (exchange(stable(*balances, amplification=100), 0, 1, amount) for amount in (small, large))
    if isinstance(less, StableSwap) and isinstance(more, StableSwap):
        assert less.amount_out <= more.amount_out
        assert more.amount_out * small <= less.amount_out * large + 10 * large


def test_decimals_are_scaled_by_rates() -> None:
    # dollars in 18, 6 and 6 decimals, as 3pool's coins are
    pool = stable(
        10**6 * E18, 10**12, 10**12, amplification=2_000, fee=10**6, precision=1, rates=(E18, 10**30, 10**30)
    )
    result = exchange(pool, 0, 1, 1_000 * E18)
    assert isinstance(result, StableSwap)
    assert result.amount_out == pytest.approx(1_000 * 10**6 * 0.9999, rel=1e-6)


def test_a_high_amplification_is_near_one_to_one_and_a_low_one_is_not() -> None:
    outs = []
    for amplification in (1, 10, 100, 1_000):
        result = exchange(stable(E18, E18, amplification=amplification, fee=0), 0, 1, E18 // 2)
        assert isinstance(result, StableSwap)
        outs.append(result.amount_out)
    assert outs == sorted(outs)
    assert outs[-1] > 0.499 * E18 > 0.4 * E18 > outs[0]


@pytest.mark.parametrize(
    "terms",
    [
        {"balances": (1,)},
        {"balances": (1, 0)},
        {"balances": (1, -1)},
        {"rates": (1,)},
        {"amplification": 0},
        {"fee": 10**10},
        {"fee": -1},
        {"precision": 0},
    ],
)
def test_a_pool_that_is_none_is_refused(terms: dict[str, object]) -> None:
    known: dict[str, object] = {"balances": (E18, E18), "rates": (E18, E18), "amplification": 100}
    with pytest.raises(CallerError, match=r"amm\.pool"):
        StablePool(**(known | terms))


def test_coins_and_amounts_that_are_none_are_refused() -> None:
    for i, j in ((0, 0), (0, 2), (-1, 0)):
        with pytest.raises(CallerError, match=r"amm\.coins"):
            exchange(stable(E18, E18), i, j, 1)
    with pytest.raises(CallerError, match=r"amm\.amount"):
        exchange(stable(E18, E18), 0, 1, 0)
    with pytest.raises(CallerError, match=r"amm\.pool"):
        invariant([E18, 0], 100)


def test_a_pool_far_off_balance_reverts_where_its_contract_does_and_settles_where_it_did() -> None:
    circling = [10_098_715_563_701_087_239_519, E18]
    result = invariant(circling, 13)
    assert isinstance(result, Missing)
    assert result.code == "amm.convergence"
    assert isinstance(invariant(circling, 13, 1), int)
    pool = stable(*circling, amplification=13)
    assert isinstance(exchange(pool, 0, 1, E18), Missing)


def test_dust_buys_nothing() -> None:
    result = exchange(stable(E18, E18), 0, 1, 1)
    assert isinstance(result, Missing)
    assert result.code == "amm.dust"
