"""What a stablecoin is worth, and the numeraire trap."""

import math

import pytest

from holdfast.instrument import Instrument
from holdfast.market.member import STABLECOINS
from tests.market.side_by_side import SideBySide, spot


def priced(seconds: int = 60, **prices: float) -> SideBySide:
    """Sweep a constant board; a name is venue_base_quote."""
    instruments: list[Instrument] = [spot(*name.split("_")) for name in prices]
    world = SideBySide(instruments)
    world.run(seconds, lambda _: list(prices.values()))
    return world


def price_of(world: SideBySide, coin: str) -> float:
    return float(world.underlyings.pegs.coin_price[STABLECOINS.index(coin)])


def told(world: SideBySide, number: int, side: int = 0) -> float:
    return float(world.underlyings.pegs.told[world.underlyings.members.slot_of(number), side])


def test_a_premium_of_the_numeraire_is_taken_out() -> None:
    world = priced(a_USDC_USDT=0.985, b_USDT_USD=1.015)
    assert told(world, 0) == pytest.approx(0.985 * 1.015)


def test_without_a_dollar_price_the_numeraire_is_a_dollar() -> None:
    assert told(priced(a_USDC_USDT=0.985), 0) == pytest.approx(0.985)


def test_three_coins_off_together_tell_of_their_numeraire() -> None:
    world = priced(a_USDC_USDT=1.03, a_FDUSD_USDT=1.03, a_DAI_USDT=1.031)
    assert price_of(world, "USDT") == pytest.approx(1 / 1.03)
    assert told(world, 0) == pytest.approx(1.0)


def test_one_coin_off_on_three_venues_tells_of_itself() -> None:
    world = priced(a_USDE_USDT=0.97, b_USDE_USDT=0.97, c_USDE_USDT=0.97)
    assert price_of(world, "USDT") == 1.0
    assert told(world, 0) == pytest.approx(0.97)


def test_a_cross_of_one_asset_tells_the_price_where_no_pair_does() -> None:
    world = priced(a_BTC_USD=100.0, a_BTC_USDT=101.0)
    assert price_of(world, "USDT") == pytest.approx(100 / 101)
    assert told(world, 1, 1) == pytest.approx(100 / 101)


def test_prices_of_two_venues_make_no_synthetic() -> None:
    world = priced(a_BTC_USD=100.0, b_BTC_USDT=101.0)
    assert price_of(world, "USDT") != pytest.approx(100 / 101)


def test_an_inverse_tells_of_the_quote_only_while_its_base_is_at_the_peg() -> None:
    world = priced(a_USDC_USDT=1.03, b_USDC_USD=1.0, b_USDT_USD=0.97)
    assert told(world, 0, 1) == pytest.approx(1 / 1.03)
    assert math.isnan(told(priced(a_USDC_USDT=0.9, b_USDC_USD=0.9), 0, 1))


def test_a_stale_price_tells_nothing_now_but_prices_the_coin_for_a_while() -> None:
    world = priced(b_USDT_USD=1.01, a_USDC_USDT=0.99)
    world.board["price"][0] = math.nan
    world.run(600, lambda _: [None, 0.99], step=10)
    assert math.isnan(told(world, 0))
    assert told(world, 1) == pytest.approx(0.99 * 1.01)
    world.run(1200, lambda _: [None, 0.99], step=10)
    assert told(world, 1) == pytest.approx(0.99)


def test_one_odd_print_does_not_move_everything_quoted_in_the_coin() -> None:
    world = priced(300, b_USDT_USD=1.0, a_BTC_USDT=100.0)
    world.run(30, lambda _: [0.9, 100.0])
    assert price_of(world, "USDT") == 1.0
    world.run(300, lambda _: [0.9, 100.0])
    assert price_of(world, "USDT") == 0.9
