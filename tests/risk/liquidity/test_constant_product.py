"""A Uniswap v2 pair: the contract's own test cases, and what its rounding must keep."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.error import CallerError
from holdfast.risk.liquidity.amm.constant_product import RESERVE_MAX, Pair, PairSwap, swap_in, swap_out
from holdfast.risk.missing import Missing

E18 = 10**18
RESERVES = st.integers(10**3, 10**30)
AMOUNTS = st.integers(1, 10**30)


@pytest.mark.parametrize(
    ("amount", "reserve_in", "reserve_out", "wanted"),
    [  # Uniswap v2 core's getInputPrice cases
        (1, 5, 10, 1662497915624478906),
        (1, 10, 5, 453305446940074565),
        (2, 5, 10, 2851015155847869602),
        (2, 10, 5, 831248957812239453),
        (1, 10, 10, 906610893880149131),
        (1, 100, 100, 987158034397061298),
        (1, 1000, 1000, 996006981039903216),
    ],
)
def test_the_contracts_own_cases(amount: int, reserve_in: int, reserve_out: int, wanted: int) -> None:
    for pair, down in (
        (Pair(reserve_in * E18, reserve_out * E18), True),
        (Pair(reserve_out * E18, reserve_in * E18), False),
    ):
        result = swap_in(pair, amount * E18, zero_for_one=down)
        assert isinstance(result, PairSwap)
        assert result.amount_out == wanted


def test_the_librarys_rounding() -> None:
    out = swap_in(Pair(100, 100), 2, zero_for_one=True)
    into = swap_out(Pair(100, 100), 1, zero_for_one=True)
    assert isinstance(out, PairSwap)
    assert isinstance(into, PairSwap)
    assert (out.amount_out, into.amount_in) == (1, 2)


@given(RESERVES, RESERVES, AMOUNTS, st.booleans())
def test_the_product_never_falls_and_nothing_is_lost(a: int, b: int, amount: int, down: bool) -> None:
    pair = Pair(a, b)
    result = swap_in(pair, amount, zero_for_one=down)
    if isinstance(result, Missing):
        assert result.code in {"amm.dust", "amm.overflow"}
        return
    after = result.after
    assert after.reserve0 * after.reserve1 >= a * b
    assert abs(after.reserve0 - a) + abs(after.reserve1 - b) == amount + result.amount_out
    # one unit more would break the product after the fee, which is what the contract checks
    into, out_of = (a, b) if down else (b, a)
    adjusted = (into + amount) * 1000 - amount * 3
    assert adjusted * (out_of - result.amount_out) * 1000 >= into * out_of * 1000**2
    assert adjusted * (out_of - result.amount_out - 1) * 1000 < into * out_of * 1000**2


@given(RESERVES, RESERVES, AMOUNTS, st.booleans())
def test_there_and_back_never_gains(a: int, b: int, amount: int, down: bool) -> None:
    there = swap_in(Pair(a, b), amount, zero_for_one=down)
    if isinstance(there, PairSwap):
        back = swap_in(there.after, there.amount_out, zero_for_one=not down)
        assert isinstance(back, Missing) or back.amount_out < amount


@given(RESERVES, RESERVES, AMOUNTS, st.booleans())
def test_an_exact_output_costs_the_least_input_that_yields_it(
    a: int, b: int, amount: int, down: bool
) -> None:
    result = swap_out(Pair(a, b), amount, zero_for_one=down)
    if isinstance(result, Missing):
        assert result.code in {"amm.depth", "amm.overflow"}
        return
    enough = swap_in(Pair(a, b), result.amount_in, zero_for_one=down)
    assert isinstance(enough, PairSwap)
    assert enough.amount_out >= amount
    if result.amount_in > 2:
        less = swap_in(Pair(a, b), result.amount_in - 2, zero_for_one=down)
        assert isinstance(less, Missing) or less.amount_out < amount or less.amount_out == enough.amount_out


def test_slippage_is_the_fee_and_the_size() -> None:
    small, large = (swap_in(Pair(E18, E18), E18 // part, zero_for_one=True) for part in (10**6, 10))
    assert isinstance(small, PairSwap)
    assert isinstance(large, PairSwap)
    assert small.slippage == pytest.approx(0.003, abs=2e-6)
    assert large.slippage == pytest.approx(1 - 0.997 / (1 + 0.0997), rel=1e-9)


def test_more_than_there_is_cannot_be_taken_out() -> None:
    result = swap_out(Pair(100, 100), 100, zero_for_one=True)
    assert isinstance(result, Missing)
    assert result.code == "amm.depth"


@pytest.mark.parametrize("pool", [(0, 1, 3), (1, -1, 3), (1, RESERVE_MAX + 1, 3), (1, 1, 1000), (1, 1, -1)])
def test_a_pool_that_is_none_is_refused(pool: tuple[int, int, int]) -> None:
    with pytest.raises(CallerError, match=r"amm\.pool"):
        Pair(*pool)


@pytest.mark.parametrize("amount", [0, -1])
def test_an_amount_that_is_none_is_refused(amount: int) -> None:
    for swap in (swap_in, swap_out):
        with pytest.raises(CallerError, match=r"amm\.amount"):
            swap(Pair(100, 100), amount, zero_for_one=True)
