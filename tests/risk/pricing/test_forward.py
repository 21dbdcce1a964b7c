"""Forwards: from futures and from parity, linear and in coin, with missing, crossed and wrong quotes."""

import csv
import gzip
import math
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from holdfast.risk.draws import generator
from holdfast.risk.missing import Missing
from holdfast.risk.pricing.black76 import black76_price
from holdfast.risk.pricing.forward import (
    Forward,
    forward_from_future,
    forward_from_parity,
    joined_forward,
)

FORWARD = 81_234.5
Chain = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _chain(inverse: bool, discount: float, seed: int = 1) -> Chain:
    """Return 25 strikes with quotes around their Black-76 prices, the middle off by up to half the spread."""
    draws = generator(seed)
    strikes = np.arange(60_000.0, 110_000.0, 2_000.0)
    unit = FORWARD if inverse else 1.0
    columns = [strikes]
    for sign in (1.0, -1.0):
        price = np.array([black76_price(FORWARD, k, 0.2, 0.6, sign, discount) for k in strikes]) / unit
        width = draws.uniform(20.0, 200.0, strikes.size) / unit
        middle = price + width * draws.uniform(-0.5, 0.5, strikes.size)
        columns += [np.maximum(middle - 0.5 * width, 1e-9), middle + 0.5 * width]
    return tuple(columns)  # type: ignore[return-value]


@pytest.mark.parametrize("inverse", [False, True])
def test_parity_finds_the_forward_within_its_own_error(inverse: bool) -> None:
    misses = []
    for seed in range(60):
        found = forward_from_parity(*_chain(inverse, 1.0, seed), inverse=inverse)
        assert isinstance(found, Forward)
        assert found.error < 15.0
        misses.append((found.forward - FORWARD) / found.error)
    assert 0.6 < np.std(misses) < 1.4
    assert abs(np.mean(misses)) < 0.5


@pytest.mark.parametrize("inverse", [False, True])
def test_the_discount_is_found_with_the_forward_where_it_is_not_known(inverse: bool) -> None:
    truth = math.exp(-0.08 * 0.2)
    found = forward_from_parity(*_chain(inverse, truth), inverse=inverse, discount=None)
    assert isinstance(found, Forward)
    assert abs(found.discount - truth) < 3.0 * found.discount_error < 0.01
    assert abs(found.forward - FORWARD) < 3.0 * found.error
    rate = found.rate(0.2)
    assert isinstance(rate, float)
    assert rate == pytest.approx(0.08, abs=3.0 * found.discount_error / truth / 0.2)
    refused = found.rate(0.0)
    assert isinstance(refused, Missing)
    held = forward_from_parity(*_chain(inverse, truth), inverse=inverse, discount=truth)
    assert isinstance(held, Forward)
    assert held.error < found.error
    assert abs(held.forward - FORWARD) < 4.0 * held.error


@pytest.mark.parametrize("inverse", [False, True])
def test_missing_crossed_and_wrong_quotes_do_not_move_it(inverse: bool) -> None:
    chain = _chain(inverse, 1.0)
    clean = forward_from_parity(*chain, inverse=inverse)
    strikes, call_bids, call_asks, put_bids, put_asks = (one.copy() for one in chain)
    unit = FORWARD if inverse else 1.0
    call_bids[3] = np.nan
    put_asks[5] = 0.0
    call_bids[7], call_asks[7] = call_asks[7], call_bids[7]
    put_bids[12] += 9_000.0 / unit  # a fat finger, tight
    put_asks[12] += 9_000.0 / unit
    call_bids[15] += 5_000.0 / unit
    call_asks[15] += 5_000.0 / unit
    found = forward_from_parity(strikes, call_bids, call_asks, put_bids, put_asks, inverse=inverse)
    assert isinstance(clean, Forward)
    assert isinstance(found, Forward)
    assert (found.strikes, found.outliers) == (20, 2)
    assert abs(found.forward - clean.forward) < 2.0 * clean.error


def test_one_strike_is_enough_for_a_forward_but_not_for_a_discount() -> None:
    chain = tuple(one[10:11] for one in _chain(True, 1.0))
    found = forward_from_parity(*chain, inverse=True)
    assert isinstance(found, Forward)
    assert abs(found.forward - FORWARD) < 3.0 * found.error
    refused = forward_from_parity(*chain, inverse=True, discount=None)
    assert isinstance(refused, Missing)
    assert refused.code == "quotes.too-few"


def test_a_chain_without_quotes_and_one_that_rises_with_the_strike_are_refused() -> None:
    strikes, *quotes = _chain(False, 1.0)
    refused = forward_from_parity(strikes, *(np.full_like(one, np.nan) for one in quotes), inverse=False)
    assert isinstance(refused, Missing)
    assert refused.code == "quotes.absent"
    call_bids, call_asks, put_bids, put_asks = quotes
    broken = forward_from_parity(
        strikes, put_bids, put_asks, call_bids, call_asks, inverse=False, discount=None
    )
    assert isinstance(broken, Missing)
    assert broken.code == "parity.broken"


def test_a_future_without_both_sides_or_crossed_is_refused() -> None:
    assert forward_from_future(99.0, 101.0) == Forward(
        forward=100.0, error=1.0 / math.sqrt(3.0), source="future"
    )
    for bid, ask, code in (
        (math.nan, 101.0, "quote.absent"),
        (99.0, 0.0, "quote.absent"),
        (101.0, 99.0, "quote.crossed"),
    ):
        refused = forward_from_future(bid, ask)
        assert isinstance(refused, Missing)
        assert refused.code == code


def test_forwards_that_agree_are_joined_and_of_those_that_do_not_the_better_known_is_kept() -> None:
    future = Forward(forward=100.0, error=0.1, source="future")
    parity = Forward(forward=100.2, error=0.1, source="parity", strikes=9)
    joined = joined_forward([parity, Missing("x", "y", "z"), future])
    assert isinstance(joined, Forward)
    assert (joined.forward, joined.source) == (pytest.approx(100.1), "future+parity")
    assert joined.error < 0.1
    far = joined_forward([parity, Forward(forward=90.0, error=0.01, source="future")])
    assert isinstance(far, Forward)
    assert (far.forward, far.source) == (90.0, "future")
    refused = joined_forward([Missing("x", "y", "nothing was quoted")])
    assert isinstance(refused, Missing)
    assert "nothing was quoted" in refused.reason


@pytest.mark.parametrize("stamp", ["20251230T173115Z", "20260205T212937Z", "20260610T123339Z"])
def test_deribits_forwards_are_found_from_its_options_alone(shared_data: Path, stamp: str) -> None:
    """Calm, crash, and a file with a third of the quotes missing: against the venue's futures, and a discount of one."""
    path = shared_data / "deribit_chain" / f"deribit_options_snapshot_{stamp}.csv.gz"
    chains: dict[tuple[str, str], dict[float, dict[str, dict[str, str]]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    with gzip.open(path, "rt") as file:
        for row in csv.DictReader(file):
            chains[row["currency"], row["expiry_datetime"]][float(row["strike"])][row["option_type"]] = row
    found = 0
    for pairs in chains.values():
        strikes = [strike for strike, pair in sorted(pairs.items()) if len(pair) == 2]
        columns = [
            np.array([float(pairs[strike][side][name] or "nan") for strike in strikes])
            for side in ("call", "put")
            for name in ("bid_price", "ask_price")
        ]
        one = forward_from_parity(np.array(strikes), *columns, inverse=True)
        free = forward_from_parity(np.array(strikes), *columns, inverse=True, discount=None)
        if isinstance(one, Missing):
            assert one.code == "quotes.absent"
            continue
        found += 1
        quoted = [float(pair["call"]["futures_price"] or "nan") for pair in pairs.values() if "call" in pair]
        if not np.isnan(quoted).all():  # the last file lacks the futures of some expiries
            future = float(np.nanmedian(quoted))
            assert abs(one.forward - future) < 4.0 * one.error + 3e-4 * future
        if isinstance(free, Forward):
            assert abs(free.discount - 1.0) < 4.0 * free.discount_error
    assert found >= 20
