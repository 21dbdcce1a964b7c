"""Uniswap v3: the contract's constants, its unit tests' numbers, its pools' snapshots, and what must hold for any pool."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.error import CallerError
from holdfast.risk.draws import generator
from holdfast.risk.liquidity.amm.swap_step import (
    Step,
    amount0,
    amount1,
    next_from_input,
    next_from_output,
    swap_step,
)
from holdfast.risk.liquidity.amm.tick import (
    Q96,
    SQRT_PRICE_LOWEST,
    SQRT_PRICE_MAX,
    TICK_MAX,
    sqrt_price_at,
    tick_at,
)
from holdfast.risk.liquidity.amm.uniswap_v3 import Pool, PoolSwap, swap

E18 = 10**18
SPACING = {100: 1, 500: 10, 3000: 60, 10000: 200}


def price(one: int, zero: int) -> int:
    """Return the root price of reserves, cut to a whole number."""
    return math.isqrt((one << 192) // zero)


@pytest.mark.parametrize(
    ("tick", "wanted"),
    [
        (-887272, 4295128739),
        (-887271, 4295343490),
        (-500000, 1101692437043807371),
        (-10000, 48055510970269007215549348797),
        (-1000, 75364347830767020784054125655),
        (-50, 79030349367926598376800521322),
        (-1, 79224201403219477170569942574),
        (0, 1 << 96),
        (1, 79232123823359799118286999568),
        (50, 79426470787362580746886972461),
        (250, 80224679980005306637834519095),
        (3000, 92049301871182272007977902845),
        (50000, 965075977353221155028623082916),
        (150000, 143194173941309278083010301478497),
        (250000, 21246587762933397357449903968194344),
        (500000, 5697689776495288729098254600827762987878),
        (738203, 847134979253254120489401328389043031315994541),
        (887271, 1461373636630004318706518188784493106690254656249),
        (887272, 1461446703485210103287273052203988822378723970342),
    ],
)
def test_prices_of_ticks_are_the_contracts(tick: int, wanted: int) -> None:
    assert sqrt_price_at(tick) == wanted
    if tick < TICK_MAX:
        assert tick_at(wanted) == tick
    if tick > -TICK_MAX:
        assert tick_at(wanted - 1) == tick - 1


@given(st.integers(SQRT_PRICE_LOWEST, SQRT_PRICE_MAX - 1))
def test_the_tick_of_a_price_is_the_greatest_not_above_it(sqrt_price: int) -> None:
    tick = tick_at(sqrt_price)
    assert sqrt_price_at(tick) <= sqrt_price < sqrt_price_at(tick + 1)


@given(st.integers(-TICK_MAX, TICK_MAX))
def test_a_ticks_price_is_near_the_power_it_stands_for(tick: int) -> None:
    wanted = 1.0001 ** (tick / 2)
    assert float(Fraction(sqrt_price_at(tick), Q96)) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("tick", [-887273, 887273])
def test_ticks_and_prices_beyond_the_bounds_are_refused(tick: int) -> None:
    with pytest.raises(CallerError, match=r"amm\.tick"):
        sqrt_price_at(tick)
    for sqrt_price in (SQRT_PRICE_LOWEST - 1, SQRT_PRICE_MAX):
        with pytest.raises(CallerError, match=r"amm\.price"):
            tick_at(sqrt_price)


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [  # v3-core's SwapMath cases: price, target, liquidity, amount, fee -> price (None: the target), in, out, fee
        ((price(1, 1), price(101, 100), 2 * E18, E18, 600), (None, 9975124224178055, 9925619580021728, 5988667735148)),
        ((price(1, 1), price(101, 100), 2 * E18, -E18, 600), (None, 9975124224178055, 9925619580021728, 5988667735148)),
        ((price(1, 1), price(1000, 100), 2 * E18, E18, 600), (0, 999400000000000000, 666399946655997866, 600000000000000)),
        ((price(1, 1), price(10000, 100), 2 * E18, -E18, 600), (0, 2000000000000000000, E18, 1200720432259356)),
        (
            (417332158212080721273783715441582, 1452870262520218020823638996, 159344665391607089467575320103, -1, 1),
            (417332158212080721273783715441581, 1, 1, 1),
        ),
        ((2, 1, 1, 3915081100057732413702495386755767, 1), (1, 39614081257132168796771975168, 0, 39614120871253040049813)),
        ((2413, 79887613182836312, 1985041575832132834610021537970, 10, 1872), (2413, 0, 0, 10)),
        (
            (20282409603651670423947251286016, 20282409603651670423947251286016 * 11 // 10, 1024, -4, 3000),
            (None, 26215, 0, 79),
        ),
        (
            (20282409603651670423947251286016, 20282409603651670423947251286016 * 9 // 10, 1024, -263000, 3000),
            (None, 1, 26214, 1),
        ),
    ],
)  # fmt: skip
def test_one_step_equals_the_contracts_cases(
    arguments: tuple[int, ...], wanted: tuple[int | None, ...]
) -> None:
    step = swap_step(*arguments)
    assert (step.amount_in, step.amount_out, step.fee) == wanted[1:]
    if wanted[0] is None:
        assert step.sqrt_price == arguments[1]
    elif wanted[0] > 0:
        assert step.sqrt_price == wanted[0]
    else:
        assert arguments[0] < step.sqrt_price < arguments[1]


def test_where_256_bits_overflow_the_coarser_formula_of_the_contract_is_taken() -> None:
    # a published edge case of that path
    step = swap_step(
        18611883644907511909590774894315720731532604461,
        4295343490,
        2**128 - 1,
        1532495540865888858358347027150309183618739122183602176,
        0,
    )
    assert step == Step(
        17592186044416,
        1532495540865888858358347027150307735080213845105972711,
        79937431571835040596422886914383801282503091205295450168,
        1448538525277077629465,
    )
    # and one where the finer formula would end elsewhere
    start, liquidity, amount = SQRT_PRICE_MAX - 1, 2**128 - 1, 2**97 + 12345
    scaled = liquidity << 96
    assert amount * start >= 1 << 256
    coarse = -(-scaled // (scaled // start + amount))
    assert (
        next_from_input(start, liquidity, amount, True)
        == coarse
        != -(-scaled * start // (scaled + amount * start))
    )


def test_next_prices_equal_the_contracts_cases() -> None:
    one, liquidity, tenth = price(1, 1), E18, E18 // 10
    assert next_from_input(one, liquidity, tenth, False) == 87150978765690771352898345369
    assert next_from_input(one, liquidity, tenth, True) == 72025602285694852357767227579
    assert next_from_output(one, liquidity, tenth, False) == 88031291682515930659493278152
    assert next_from_output(one, liquidity, tenth, True) == 71305346262837903834189555302
    assert next_from_input(one, 10 * E18, 2**100, True) == 624999999995069620
    assert next_from_input(1, 1, 2**255, True) == 1
    assert next_from_input(one, 1, 2**255 - 1, True) == 1
    assert next_from_output(20282409603651670423947251286016, 1024, 262144, True) == 0
    # where the product passes 256 bits
    start, deep = 1025574284609383690408304870162715216695788925244, 50015962439936049619261659728067971248
    end = next_from_input(start, deep, 406, True)
    assert end == 1025574284609383582644711336373707553698163132913
    assert amount0(start, end, deep, up=True) == 406


def test_amounts_between_prices_equal_the_contracts_cases() -> None:
    assert amount0(price(121, 100), price(1, 1), E18, up=True) == 90909090909090910
    assert amount0(price(121, 100), price(1, 1), E18, up=False) == 90909090909090909
    assert amount1(price(1, 1), price(121, 100), E18, up=True) == 100000000000000000
    assert amount1(price(1, 1), price(121, 100), E18, up=False) == 99999999999999999
    low, high = price(2**90, 1), price(2**96, 1)
    assert amount0(high, low, E18, up=True) == amount0(high, low, E18, up=False) + 1
    assert amount0(price(2, 1), price(1, 1), 0, up=True) == 0


@pytest.mark.parametrize(
    ("call", "arguments", "code"),
    [
        (next_from_input, (1, 0, 1, True), "amm.liquidity"),
        (next_from_input, (0, 1, 1, True), "amm.liquidity"),
        (next_from_input, (2**160 - 1, 1024, 1024, False), "amm.overflow"),
        (next_from_output, (20282409603651670423947251286016, 1024, 4, False), "amm.liquidity"),
        (next_from_output, (20282409603651670423947251286016, 1024, 5, False), "amm.liquidity"),
        (next_from_output, (20282409603651670423947251286016, 1024, 262145, True), "amm.liquidity"),
        (swap_step, (price(1, 1), price(2, 1), -1, 1, 3000), "amm.liquidity"),
        (swap_step, (price(1, 1), price(2, 1), 1, 1, 1_000_000), "amm.liquidity"),
    ],
)
def test_what_the_contract_reverts_on_is_refused(call: object, arguments: tuple[int, ...], code: str) -> None:
    with pytest.raises(CallerError, match=code.replace(".", r"\.")):
        call(*arguments)


def pool(start: int, fee: int, *positions: tuple[int, int, int]) -> Pool:
    """Return the pool that these positions (lower, upper, liquidity) make."""
    nets: dict[int, int] = {}
    here = tick_at(start)
    for lower, upper, liquidity in positions:
        nets[lower] = nets.get(lower, 0) + liquidity
        nets[upper] = nets.get(upper, 0) - liquidity
    inside = sum(liquidity for lower, upper, liquidity in positions if lower <= here < upper)
    ticks = tuple(sorted((tick, net) for tick, net in nets.items() if net))
    return Pool(sqrt_price=start, liquidity=inside, fee=fee, tick_spacing=SPACING[fee], ticks=ticks)


LOW = pool(price(1, 1), 500, (-887270, 887270, 2 * E18))
MEDIUM = pool(price(1, 1), 3000, (-887220, 887220, 2 * E18))
HIGH = pool(price(1, 1), 10000, (-887200, 887200, 2 * E18))
TEN = pool(price(10, 1), 3000, (-887220, 887220, 2 * E18))
TENTH = pool(price(1, 10), 3000, (-887220, 887220, 2 * E18))
HOLE = pool(price(1, 1), 3000, (-887220, -60, 2 * E18), (60, 887220, 2 * E18))
STABLE = pool(price(1, 1), 500, (-10, 10, 2 * E18))
MAX = pool(price(2**127, 1), 3000, (-887220, 887220, 2 * E18))
# the contract's tests divide with 40 decimals: 1 / 2^127 is 59 of the last
MIN = pool(math.isqrt((59 << 192) // 10**40), 3000, (-887220, 887220, 2 * E18))
TOP = pool(SQRT_PRICE_MAX - 1, 3000, (-887220, 887220, 2 * E18))
TWO_FIFTHS, FIVE_HALVES, HALF, TWO = price(2, 5), price(5, 2), price(1, 2), price(2, 1)


@pytest.mark.parametrize(
    ("start", "amount", "down", "limit", "wanted"),
    [  # snapshots of v3-core's pool tests: amount of token0 and token1 to the pool, tick after
        (HIGH, E18, True, 0, (E18, -662207357859531772, -8043)),
        (HIGH, E18, False, 0, (-662207357859531772, E18, 8042)),
        (HIGH, -E18, True, 0, (2020202020202020203, -E18, -13864)),
        (HIGH, E18, True, HALF, (836795075501202120, -585786437626904951, -6932)),
        (HIGH, 1000, True, 0, (1000, -989, -1)),
        (HIGH, -1000, False, 0, (-1000, 1012, 0)),
        (HIGH, 2**200, True, TWO_FIFTHS, (1174017838553918518, -735088935932648267, -9164)),
        (HIGH, 2**200, False, FIVE_HALVES, (-735088935932648267, 1174017838553918518, 9163)),
        (LOW, -E18, False, 0, (-E18, 2001000500250125079, 13863)),
        (LOW, -E18, False, TWO, (-585786437626904950, 828841545518949574, 6931)),
        (MEDIUM, E18, True, 0, (E18, -665331998665331998, -8090)),
        (MEDIUM, -E18, True, 0, (2006018054162487463, -E18, -13864)),
        (TEN, E18, True, 0, (E18, -3869747612262812754, 4098)),
        (TEN, E18, False, 0, (-86123526743846551, E18, 25954)),
        (TEN, -E18, False, 0, (-632455532033675838, 36907032426281581270030941278837275671, 887271)),
        (TENTH, E18, False, 0, (-3869747612262812753, E18, -4099)),
        (TENTH, -E18, True, 0, (36907032419362389223785084665766560335, -632455532033675838, -887272)),
        (HOLE, E18, True, 0, (E18, -662011820624678025, -8130)),
        (HOLE, E18, False, 0, (-662011820624678025, E18, 8129)),
        (HOLE, -E18, False, 0, (-E18, 2024171064311638316, 13983)),
        (HOLE, 1000, True, 0, (1000, -991, -61)),
        (HOLE, 1000, False, 0, (-991, 1000, 60)),
        (HOLE, 2**200, False, FIVE_HALVES, (-729098226020826705, 1159748196632793863, 9163)),
        (STABLE, E18, True, 0, (1000700370186095, -999700069986002, -887272)),
        (STABLE, E18, True, HALF, (1000700370186095, -999700069986002, -6932)),
        (STABLE, E18, False, 0, (-999700069986002, 1000700370186095, 887271)),
        (MAX, 1000, True, 0, (1000, -26083549850867114346332688477747755628, 705098)),
        (MAX, E18, True, 0, (E18, -26087635650665564420687107504180041533, 13923)),
        (MAX, -1000, True, 0, (2, -1000, 880340)),
        (MAX, E18, False, 0, (0, E18, 880340)),
        (MAX, -1000, False, 0, (0, 10740898373457544742072477595619363803, 887271)),
        (MIN, E18, False, 0, (-26037782196502120271413746514214063808, E18, -13924)),
        (MIN, -1000, True, 0, (10790901831095468191587263901270792610, 0, -887272)),
        (TOP, 1000, True, 0, (1000, -36792225529204286454178948640580261338, 705098)),
        (TOP, -1000, True, 0, (2, -1000, 887219)),
    ],
)
def test_pools_settle_as_in_the_contracts_snapshots(
    start: Pool, amount: int, down: bool, limit: int, wanted: tuple[int, int, int]
) -> None:
    result = swap(start, amount, zero_for_one=down, limit=limit)
    zero, one = (result.amount_in, -result.amount_out) if down else (-result.amount_out, result.amount_in)
    assert (zero, one, result.after.current_tick) == wanted


def any_pool(seed: int) -> Pool:
    rng = generator(seed)
    positions = [(-886800, 886800, int(rng.integers(1, 10**6)))]
    for _ in range(int(rng.integers(1, 8))):
        lower = 600 * int(rng.integers(-20, 20))
        positions.append((lower, lower + 600 * int(rng.integers(1, 10)), int(rng.integers(1, 10**18))))
    return pool(
        sqrt_price_at(int(rng.integers(-12_000, 12_000))),
        int(rng.choice([500, 3000, 10000])),
        *positions,
    )


@given(st.integers(0, 10_000), st.integers(1, 10**19), st.booleans())
def test_there_and_back_never_gains_and_the_liquidity_is_as_before(
    seed: int, amount: int, down: bool
) -> None:
    start = any_pool(seed)
    there = swap(start, amount, zero_for_one=down)
    assert there.amount_in + there.unused == amount
    if there.amount_out == 0:
        return
    back = swap(there.after, there.amount_out, zero_for_one=not down)
    assert back.amount_out < there.amount_in or there.amount_in == 0
    home = swap(there.after, 2**200, zero_for_one=not down, limit=start.sqrt_price)
    assert (home.after.sqrt_price, home.after.liquidity) == (start.sqrt_price, _inside(start))


def _inside(start: Pool) -> int:
    """Return the liquidity at a pool's price once the price is reached from either side of a tick."""
    tick = tick_at(start.sqrt_price)
    return sum(net for at, net in start.ticks if at <= tick)


@given(st.integers(0, 10_000), st.integers(2, 10**19), st.booleans(), st.floats(0.01, 0.99))
def test_one_swap_or_two_in_turn_move_the_same_up_to_rounding(
    seed: int, amount: int, down: bool, share: float
) -> None:
    start = any_pool(seed)
    first = max(1, int(amount * share))
    whole = swap(start, amount, zero_for_one=down)
    one = swap(start, first, zero_for_one=down)
    two = swap(one.after, amount - first, zero_for_one=down) if amount > first else None
    split = one.amount_out + (two.amount_out if two else 0)
    assert split <= whole.amount_out + 2
    if not whole.unused:
        assert split >= whole.amount_out * (1 - 1e-9) - 1e-3 * 10**6


@given(st.integers(0, 10_000), st.integers(1, 10**18), st.booleans())
def test_an_exact_output_is_met_or_the_rest_is_said(seed: int, amount: int, down: bool) -> None:
    result = swap(any_pool(seed), -amount, zero_for_one=down)
    assert result.amount_out + result.unused == amount


def test_a_swap_that_ends_on_a_tick_is_below_it_downwards_and_at_it_upwards() -> None:
    at = sqrt_price_at(-60)
    below = swap(HOLE, 2**200, zero_for_one=True, limit=at)
    assert (below.after.sqrt_price, below.after.current_tick, below.after.liquidity) == (at, -61, 2 * E18)
    again = swap(below.after, 1000, zero_for_one=True)
    assert again.after.liquidity == 2 * E18
    up = swap(again.after, 2**200, zero_for_one=False, limit=at)
    assert (up.after.current_tick, up.after.liquidity) == (-60, 0)


def test_a_step_without_liquidity_trades_nothing() -> None:
    assert swap_step(price(1, 1), price(2, 1), 0, E18, 3000) == Step(price(2, 1), 0, 0, 0)


@pytest.mark.parametrize(
    "terms",
    [
        {"liquidity": -1},
        {"liquidity": 1 << 128},
        {"sqrt_price": 1},
        {"fee": 1_000_000},
        {"ticks": ((10, 1), (10, 1))},
        {"ticks": ((60, 1), (10, 1))},
        {"ticks": ((10, -(2 * E18) - 1),)},
        {"ticks": ((-10, 2 * E18 + 1),)},
        {"ticks": ((900_000, 1),)},
        {"tick": 5},
        {"tick_spacing": 0},
        {"tick_spacing": 60, "ticks": ((10, 1),)},
    ],
)
def test_a_pool_that_is_none_is_refused(terms: dict[str, object]) -> None:
    known: dict[str, object] = {
        "sqrt_price": price(1, 1),
        "liquidity": 2 * E18,
        "fee": 3000,
        "tick_spacing": 1,
    }
    with pytest.raises(CallerError, match=r"amm\.pool"):
        Pool(**(known | terms))


def test_an_amount_or_limit_that_is_none_is_refused() -> None:
    with pytest.raises(CallerError, match=r"amm\.amount"):
        swap(MEDIUM, 0, zero_for_one=True)
    for down, limit in ((True, TWO), (False, HALF), (True, SQRT_PRICE_LOWEST), (False, SQRT_PRICE_MAX)):
        with pytest.raises(CallerError, match=r"amm\.limit"):
            swap(MEDIUM, 1, zero_for_one=down, limit=limit)


def test_a_pool_of_one_position_is_a_constant_product_in_floats() -> None:
    result: PoolSwap = swap(MEDIUM, E18 // 7, zero_for_one=True)
    kept = E18 / 7 * 0.997
    assert result.amount_out == pytest.approx(2 * E18 * kept / (2 * E18 + kept), rel=1e-12)
