"""What a look at a chain finds: smiles, terms, forwards, quotes. Known answers come from Black-76."""

import math

import numpy as np
import pytest

from holdfast.instrument import Instrument
from holdfast.market import chain_kernels, smile
from holdfast.market.chain import Chains
from holdfast.market.chain_rows import LOOK, new_rows
from tests.market.synthetic_chain import DAY_NS, SECOND_NS, START_NS, SyntheticChain, flat


def _skewed(moneyness: float, years: float) -> float:
    return 0.5 - 0.10 * moneyness / math.sqrt(years) * 0.3 + 0.05 * moneyness**2


def test_a_flat_surface_is_its_own_level_without_skew() -> None:
    chain = SyntheticChain()
    chain.put(START_NS, flat(0.6))
    look = chain.look(START_NS)
    for name in ("volatility_7d", "volatility_30d", "volatility_90d"):
        assert look[name] == pytest.approx(0.6, abs=1e-9)
    assert look["slope"] == pytest.approx(0.0, abs=1e-9)
    assert look["skew_30d"] == pytest.approx(0.0, abs=1e-9)
    assert look["butterfly_30d"] == pytest.approx(0.0, abs=1e-9)
    assert look["expiries"] == 7


def test_a_known_skew_is_found() -> None:
    chain = SyntheticChain(strikes=range(50_000, 200_001, 1_000), days=(30.0,))
    chain.put(START_NS, _skewed)
    look = chain.look(START_NS)
    years = 30.0 / 365.0

    def wing(delta: float) -> float:
        low, high = -1.0, 1.0
        for _ in range(80):
            middle = 0.5 * (low + high)
            is_low = smile.call_delta(middle, _skewed(middle, years), years) > delta
            low, high = (middle, high) if is_low else (low, middle)
        return _skewed(low, years)

    assert look["volatility_30d"] == pytest.approx(_skewed(0.0, years), abs=1e-4)
    assert look["skew_30d"] == pytest.approx(wing(0.75) - wing(0.25), abs=2e-4)
    assert look["butterfly_30d"] == pytest.approx(0.5 * (wing(0.75) + wing(0.25)) - 0.5, abs=2e-4)


def test_between_expiries_variance_is_linear_in_time() -> None:
    chain = SyntheticChain(days=(20.0, 60.0))
    chain.put(START_NS, lambda _moneyness, years: 0.8 if years < 40 / 365 else 0.4)
    variance = 0.75 * 0.8**2 * 20 + 0.25 * 0.4**2 * 60
    assert chain.look(START_NS)["volatility_30d"] == pytest.approx(math.sqrt(variance / 30), abs=1e-6)


def test_a_tenor_far_from_every_expiry_is_unknown() -> None:
    chain = SyntheticChain(days=(28.0,))
    chain.put(START_NS, flat(0.5))
    look = chain.look(START_NS)
    assert look["volatility_30d"] == pytest.approx(0.5)
    assert math.isnan(look["volatility_7d"])
    assert math.isnan(look["volatility_90d"])
    assert math.isnan(look["slope"])


def test_strikes_that_do_not_surround_the_forward_have_no_smile() -> None:
    chain = SyntheticChain(strikes=(120_000, 130_000, 140_000))
    chain.put(START_NS, flat(0.5))
    look = chain.look(START_NS)
    assert look["options"] == 42
    assert look["expiries"] == 0
    assert math.isnan(look["volatility_30d"])


def test_a_hole_around_the_forward_is_not_bridged() -> None:
    chain = SyntheticChain(strikes=(50_000, 60_000, 160_000, 170_000), days=(30.0,))
    chain.put(START_NS, flat(0.5))
    assert math.isnan(chain.look(START_NS)["volatility_30d"])


def test_one_pair_has_parity_but_no_smile() -> None:
    chain = SyntheticChain(strikes=(80_000,), days=(20.0,))
    chain.put(START_NS, flat(0.5))
    look = chain.look(START_NS)
    assert math.isnan(look["volatility_30d"])
    pair = chain.chains.all[0].pairs[0]
    assert pair["mark"] == pytest.approx(1.0 - 80_000 / 100_000)
    assert pair["bid"] < pair["mark"] < pair["ask"]


def test_one_mad_forward_among_many_moves_nothing() -> None:
    chain = SyntheticChain(days=(30.0,))
    chain.put(START_NS, flat(0.5))
    chain.board[3]["forward"] = 1.0
    chain.look(START_NS)
    assert chain.chains.all[0].expiries["forward"][0] == 100_000.0


@pytest.mark.parametrize("inverse", [True, False])
def test_a_forward_that_the_venue_does_not_tell_comes_from_parity(inverse: bool) -> None:
    chain = SyntheticChain(days=(30.0,), inverse=inverse)
    chain.put(START_NS, flat(0.5), forward=104_000.0, tells_forward=False)
    chain.look(START_NS)
    expiry = chain.chains.all[0].expiries[0]
    assert expiry["forward"] == pytest.approx(104_000.0, rel=1e-4)
    assert expiry["from_parity"]


def test_without_quotes_the_forward_comes_from_marks() -> None:
    chain = SyntheticChain(days=(30.0,))
    chain.put(START_NS, flat(0.5), forward=104_000.0, tells_forward=False)
    everything = range(len(chain.instruments))
    chain.withdraw("bid", everything)
    chain.withdraw("ask", everything)
    look = chain.look(START_NS)
    assert chain.chains.all[0].expiries["forward"][0] == pytest.approx(104_000.0, rel=1e-9)
    assert math.isnan(look["bid_share"])
    assert math.isnan(look["incomplete"])


def test_what_nobody_marks_or_quotes_has_no_forward_and_no_smile() -> None:
    chain = SyntheticChain(days=(30.0,))
    chain.board["row_ns"] = START_NS
    look = chain.look(START_NS)
    assert look["options"] == len(chain.options)
    assert math.isnan(chain.chains.all[0].expiries["forward"][0])
    assert math.isnan(look["volatility_30d"])
    assert math.isnan(look["parity"])


def test_the_side_out_of_the_money_is_the_one_believed() -> None:
    chain = SyntheticChain(days=(30.0,))
    chain.put(START_NS, flat(0.5))
    inside = [n for n, _, strike, is_call in chain.options if is_call == (strike < 100_000)]
    chain.board["mark_vol"][inside] = 0.9
    assert chain.look(START_NS)["volatility_30d"] == pytest.approx(0.5)
    chain.board["mark_vol"][[n for n, *_ in chain.options if n not in inside]] = math.nan
    chain.board["row_ns"] += SECOND_NS
    assert chain.look(START_NS + SECOND_NS)["volatility_30d"] == pytest.approx(0.9)


def test_volatility_of_bid_and_ask_stands_in_for_the_mark() -> None:
    chain = SyntheticChain(days=(30.0,))
    chain.put(START_NS, flat(0.5))
    chain.board["mark_vol"] = math.nan
    chain.board["bid_vol"], chain.board["ask_vol"] = 0.52, 0.58
    assert chain.look(START_NS)["volatility_30d"] == pytest.approx(0.55)


@pytest.mark.parametrize("nonsense", [0.0, -0.3, 1e9, math.inf, math.nan])
def test_nonsense_volatilities_are_no_volatilities(nonsense: float) -> None:
    chain = SyntheticChain(days=(30.0,))
    chain.put(START_NS, flat(0.5))
    chain.board["mark_vol"] = nonsense
    assert math.isnan(chain.look(START_NS)["volatility_30d"])


def test_expired_options_do_not_count() -> None:
    chain = SyntheticChain(days=(3.0, 30.0))
    chain.put(START_NS, flat(0.5))
    later_ns = START_NS + 4 * DAY_NS
    chain.put(later_ns, flat(0.5))
    look = chain.look(later_ns)
    assert look["options"] == len(chain.options) // 2
    assert math.isnan(chain.chains.all[0].expiries["volatility"][0])
    assert look["stale"] == 0.0


def test_the_last_hours_of_an_expiry_do_not_bend_the_term_structure() -> None:
    chain = SyntheticChain(days=(0.2, 10.0, 30.0))
    chain.put(START_NS, lambda _moneyness, years: 3.0 if years < 1 / 365 else 0.5)
    assert chain.look(START_NS)["volatility_7d"] == pytest.approx(0.5)


def test_shares_count_what_is_worth_quoting() -> None:
    chain = SyntheticChain(days=(30.0,))
    chain.put(START_NS, flat(0.5))
    worth = [number for number, *_ in chain.options if chain.board[number]["mark"] >= 5e-4]
    assert len(worth) < len(chain.options)
    assert chain.look(START_NS)["both_share"] == 1.0
    chain.board["row_ns"] += SECOND_NS
    chain.withdraw("bid", worth[: len(worth) // 2])
    look = chain.look(START_NS + SECOND_NS)
    assert look["bid_share"] == pytest.approx(1.0 - (len(worth) // 2) / len(worth))
    assert look["ask_share"] == 1.0
    assert look["incomplete"] == pytest.approx(1.0 - look["both_share"])


def test_crossed_quotes_are_counted() -> None:
    chain = SyntheticChain(days=(30.0,))
    chain.put(START_NS, flat(0.5))
    chain.board["bid"][:3] = chain.board["ask"][:3] * 1.1
    chain.board["has_bid"][:3] = True
    assert chain.look(START_NS)["crossed"] == pytest.approx(3 / len(chain.options))


def test_options_that_fell_silent_are_stale_and_a_quiet_chain_is_not() -> None:
    chain = SyntheticChain(days=(30.0,))
    chain.put(START_NS, flat(0.5))
    chain.look(START_NS)
    later_ns = START_NS + 3_600 * SECOND_NS
    assert not chain.chains.look(later_ns, chain.board)
    assert chain.chains.looks["stale"][0] == 0.0
    chain.board["row_ns"][: len(chain.options) // 4] = later_ns
    look = chain.look(later_ns)
    assert look["stale"] == pytest.approx(0.75, abs=0.02)


def test_width_is_measured_in_volatility() -> None:
    chain = SyntheticChain(days=(30.0,))
    chain.put(START_NS, flat(0.5), half_spread=0.001)
    vega = smile.relative_vega(0.0, 0.5, 30.0 / 365.0)
    assert chain.look(START_NS)["width_volatility"] == pytest.approx(0.002 / vega, rel=0.1)


@pytest.mark.parametrize("inverse", [True, False])
def test_parity_holds_in_the_middle_of_the_quotes(inverse: bool) -> None:
    chain = SyntheticChain(inverse=inverse, strikes=range(90_000, 110_001, 2_000))
    chain.put(START_NS, flat(0.5))
    assert chain.look(START_NS)["parity"] == pytest.approx(0.0, abs=1e-9)
    chain.board["row_ns"] += SECOND_NS
    chain.board["forward"] *= 1.01
    assert chain.look(START_NS + SECOND_NS)["parity"] > 4.0


def test_legs_of_different_minutes_are_not_a_pair() -> None:
    chain = SyntheticChain(strikes=(80_000,), days=(20.0,))
    chain.put(START_NS, flat(0.5))
    chain.board["row_ns"][0] -= 120 * SECOND_NS
    chain.look(START_NS)
    assert math.isnan(chain.chains.all[0].pairs["mark"][0])


def test_a_chain_that_did_not_change_keeps_its_look() -> None:
    chain = SyntheticChain()
    chain.put(START_NS, flat(0.5))
    first = chain.look(START_NS).copy()
    assert first["fresh"]
    second = chain.look(START_NS + 10 * SECOND_NS)
    assert not second["fresh"]
    assert second["time_ns"] == first["time_ns"]
    assert second["volatility_30d"] == first["volatility_30d"]


def test_chains_are_told_apart_by_venue_underlying_and_settlement() -> None:
    chain = SyntheticChain(days=(30.0,))
    terms = {"kind": "option", "quote": "USD", "strike": 1.0, "expiry_ns": START_NS * 2, "option_type": "put"}
    chain.instruments.add(Instrument(venue="w", symbol="a", base="BTC", inverse=True, **terms))
    chain.instruments.add(Instrument(venue="v", symbol="b", base="ETH", inverse=True, **terms))
    chain.instruments.add(Instrument(venue="v", symbol="c", base="BTC", settle="USDC", **terms))
    chain.instruments.add(
        Instrument(venue="v", symbol="d", base="BTC", inverse=True, **{**terms, "strike": 0.0})
    )
    board = np.concatenate([chain.board, chain.board[:4]])
    chain.chains.look(START_NS, board)
    scopes = [str(c.scope) for c in chain.chains.all]
    assert scopes == ["v:BTC", "w:BTC", "v:ETH", "v:BTC-USDC"]


def test_instruments_numbered_in_two_goes_make_the_same_chain() -> None:
    whole = SyntheticChain(before=3)
    whole.put(START_NS, _skewed)
    expected = whole.look(START_NS)
    half = len(whole.board) // 2
    late = Chains(whole.instruments)
    late.look(START_NS - SECOND_NS, whole.board[:half])
    late.look(START_NS + SECOND_NS // 2, whole.board)
    late.looks["fresh"] = expected["fresh"]
    assert late.looks[0].tobytes() == expected.tobytes()


def test_a_chain_of_which_nothing_was_heard_is_never_looked_at() -> None:
    chain = SyntheticChain()
    assert not chain.chains.look(START_NS, chain.board)
    assert chain.chains.looks["time_ns"][0] == 0
    assert math.isnan(chain.chains.looks["volatility_30d"][0])


def test_compiled_kernels_agree_with_their_plain_python_twins() -> None:
    chain = SyntheticChain(days=(7.0, 30.0))
    chain.put(START_NS, _skewed)
    chain.withdraw("bid", range(0, len(chain.instruments), 5))
    look = chain.look(START_NS)
    one = chain.chains.all[0]
    now_ns = int(look["time_ns"])
    tables = (one.options, one.pairs.copy(), one.expiries.copy(), new_rows(LOOK, 1))
    board, options, pairs, expiries, looks = (t.view(np.recarray) for t in (chain.board, *tables))
    chain_kernels.measure_pairs.py_func(now_ns, board, expiries, pairs)
    chain_kernels.measure_expiries.py_func(now_ns, board, options, pairs, expiries)
    chain_kernels.measure_quotes.py_func(now_ns, board, options, expiries, looks[0])
    chain_kernels.measure_terms.py_func(expiries, looks[0])
    chain_kernels.measure_parity.py_func(pairs, expiries, looks[0])
    assert pairs.tobytes() == one.pairs.tobytes()
    for name in set(LOOK.names or ()) - {"time_ns", "fresh", "trusted"}:
        assert np.array_equal(looks[name][0], look[name], equal_nan=True), name
