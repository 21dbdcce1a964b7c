"""Chain quality: what makes an option chain unusable, and what does not."""

import math

import numpy as np
import pytest

from holdfast.detectors.base import new_findings
from holdfast.detectors.chain_quality import ChainQuality
from tests.market.synthetic_chain import SECOND_NS, START_NS, Smile, SyntheticChain, flat


def _judge(chain: SyntheticChain, now_ns: int = START_NS) -> np.void:
    chain.look(now_ns)
    findings = new_findings(1)
    ChainQuality().judge(chain.chains, findings)
    return findings[0]


def _made(smile: Smile | None = None) -> SyntheticChain:
    chain = SyntheticChain()
    chain.put(START_NS, smile or flat(0.5))
    return chain


def _storm(_moneyness: float, years: float) -> float:
    return 1.2 if years < 20 / 365 else 0.7


def _some(chain: SyntheticChain, share: float) -> list[int]:
    return [number for number, *_ in chain.options if (number * 7919) % 1000 < 1000 * share]


def test_a_whole_chain_may_be_trusted() -> None:
    chain = _made()
    finding = _judge(chain)
    assert finding["ratio"] == 0.0
    assert chain.chains.looks["trusted"][0]


@pytest.mark.parametrize("side", ["bid", "ask"])
def test_a_third_of_the_quotes_missing_from_a_calm_chain_is_a_fault(side: str) -> None:
    chain = _made()
    chain.withdraw(side, _some(chain, 0.45))
    finding = _judge(chain)
    assert finding["ratio"] >= 1.0
    assert not chain.chains.looks["trusted"][0]
    assert "cannot be trusted" in ChainQuality().describe(finding)


def test_deep_quotes_that_makers_pull_are_no_fault() -> None:
    chain = _made()
    deep = [n for n, _, strike, is_call in chain.options if is_call and strike < 70_000]
    chain.withdraw("bid", deep)
    chain.withdraw("ask", deep)
    finding = _judge(chain)
    assert 0.0 < finding["ratio"] < 1.0
    assert chain.chains.looks["trusted"][0]


@pytest.mark.parametrize("side", ["bid", "ask"])
def test_quotes_missing_at_random_are_a_fault_although_most_options_are_complete(side: str) -> None:
    chain = _made()
    chain.withdraw(side, _some(chain, 0.2))
    finding = _judge(chain)
    assert finding["evidence"][1] < 1.0 / 3.0
    assert finding["ratio"] >= 1.5


def test_in_a_storm_missing_quotes_are_the_market_s_doing() -> None:
    chain = _made(_storm)
    chain.withdraw("bid", _some(chain, 0.45))
    chain.withdraw("ask", _some(chain, 0.45))
    assert _judge(chain)["ratio"] == 0.0
    assert chain.chains.looks["trusted"][0]


def test_forwards_missing_add_to_quotes_missing() -> None:
    chain = _made()
    chain.withdraw("bid", [n for n, _, strike, is_call in chain.options if is_call and strike < 80_000])
    without = _judge(chain)["ratio"]
    chain.board["row_ns"] += SECOND_NS
    chain.board["forward"][[n for n, day, *_ in chain.options if day < 10]] = math.nan
    assert without < 1.0 <= _judge(chain, START_NS + SECOND_NS)["ratio"]


def test_a_venue_that_tells_no_forward_at_all_is_no_fault() -> None:
    chain = SyntheticChain()
    chain.put(START_NS, flat(0.5), tells_forward=False)
    assert _judge(chain)["ratio"] == 0.0


def test_a_truncated_snapshot_is_a_fault() -> None:
    chain = _made()
    assert _judge(chain)["ratio"] < 1.0
    later_ns = START_NS + 6 * 3_600 * SECOND_NS
    before = chain.board.copy()
    chain.put(later_ns, flat(0.5))
    lost = len(chain.options) // 5
    chain.board[-lost:] = before[-lost:]
    finding = _judge(chain, later_ns)
    assert finding["evidence"][4] == pytest.approx(lost / len(chain.options))
    assert finding["ratio"] == pytest.approx(2.0, rel=0.02)


def test_crossed_quotes_are_a_fault_even_of_one_pair() -> None:
    chain = SyntheticChain(strikes=(80_000,), days=(20.0,))
    chain.put(START_NS, flat(0.5))
    assert _judge(chain)["ratio"] == 0.0
    chain.board["bid"][0] = chain.board["ask"][0] * 1.01
    chain.board["row_ns"] += SECOND_NS
    assert _judge(chain, START_NS + SECOND_NS)["ratio"] >= 1.0


def test_one_pair_without_quotes_is_not_called_a_fault() -> None:
    chain = SyntheticChain(strikes=(80_000,), days=(20.0,))
    chain.put(START_NS, flat(0.5))
    chain.withdraw("ask", [0, 1])
    assert _judge(chain)["ratio"] == 0.0


def test_a_chain_that_was_not_looked_at_is_not_judged_and_keeps_its_verdict() -> None:
    chain = _made()
    chain.withdraw("ask", _some(chain, 0.5))
    assert _judge(chain)["ratio"] > 1.0
    finding = _judge(chain, START_NS + 10 * SECOND_NS)
    assert math.isnan(finding["ratio"])
    assert not chain.chains.looks["trusted"][0]


def test_trust_returns_with_a_good_look() -> None:
    chain = _made()
    chain.withdraw("ask", _some(chain, 0.5))
    _judge(chain)
    chain.put(START_NS + SECOND_NS, flat(0.5))
    _judge(chain, START_NS + SECOND_NS)
    assert chain.chains.looks["trusted"][0]
