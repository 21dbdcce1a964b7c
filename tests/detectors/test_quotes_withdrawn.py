"""Quotes withdrawn: how much quoting must be lost, of what, and for how long."""

import math
from collections.abc import Sequence

import pytest

from holdfast.detectors.base import new_findings
from holdfast.detectors.quotes_withdrawn import DRAIN_S, QuotesWithdrawn
from tests.market.synthetic_chain import SECOND_NS, START_NS, SyntheticChain, flat


class _Watched:
    """A chain looked at each second, with some quotes gone."""

    def __init__(self, chain: SyntheticChain | None = None) -> None:
        self.chain = chain or SyntheticChain(strikes=range(80_000, 120_001, 5_000), days=(30.0,))
        self.detector = QuotesWithdrawn()
        self.second = 0
        self.everything = [number for number, *_ in self.chain.options]

    def see(
        self, seconds: int, bids_gone: Sequence[int] = (), asks_gone: Sequence[int] = (), step: int = 1
    ) -> float:
        for _ in range(seconds):
            self.second += step
            now_ns = START_NS + self.second * SECOND_NS
            self.chain.put(now_ns, flat(0.5), half_spread=1e-7)
            self.chain.withdraw("bid", bids_gone)
            self.chain.withdraw("ask", asks_gone)
            self.chain.look(now_ns)
            self.judge()
        return float(self.findings["ratio"][0])

    def judge(self) -> None:
        self.findings = new_findings(1)
        self.detector.judge(self.chain.chains, self.findings)

    def warm_up(self) -> None:
        self.see(15, step=60)


def test_a_fully_quoted_chain_has_lost_nothing() -> None:
    watched = _Watched()
    watched.warm_up()
    assert watched.see(5) == 0.0


@pytest.mark.parametrize("side", ["bids_gone", "asks_gone"])
def test_a_whole_side_gone_reaches_the_line_after_a_minute(side: str) -> None:
    watched = _Watched()
    watched.warm_up()
    assert watched.see(58, **{side: watched.everything}) < 1.0
    assert watched.see(4, **{side: watched.everything}) > 1.0
    assert "quotes withdrawn" in watched.detector.describe(watched.findings[0])
    watched.see(120, step=60)
    assert watched.see(900, **{side: watched.everything}) >= 15.0


def test_an_ask_missing_for_a_second_is_nothing() -> None:
    watched = _Watched()
    watched.warm_up()
    watched.see(1, asks_gone=watched.everything)
    assert watched.see(1) < 0.1


def test_half_the_side_takes_longer_and_a_fifth_never_gets_there() -> None:
    half, fifth = _Watched(), _Watched()
    half.warm_up()
    fifth.warm_up()
    count = len(half.everything)
    assert half.see(100, asks_gone=half.everything[: count // 2]) < 1.0
    assert half.see(200, asks_gone=half.everything[: count // 2]) > 1.0
    assert fifth.see(1_500, asks_gone=fifth.everything[: count // 5]) < 1.0


def test_quotes_that_return_drain_the_loss() -> None:
    watched = _Watched()
    watched.warm_up()
    lost = watched.see(120, asks_gone=watched.everything)
    after = watched.see(int(DRAIN_S))
    assert after == pytest.approx(lost * math.exp(-1.0), rel=0.05)


def test_what_never_was_quoted_is_not_missed() -> None:
    watched = _Watched()
    deep = watched.everything[:6]
    watched.see(15, asks_gone=deep, step=60)
    assert watched.see(300, asks_gone=deep) == 0.0
    assert watched.findings["evidence"][0][3] == len(watched.everything) - 6


def test_bids_for_the_worthless_are_not_missed() -> None:
    watched = _Watched(SyntheticChain(strikes=range(40_000, 200_001, 10_000), days=(3.0,)))
    watched.warm_up()
    cheap = [n for n in watched.everything if watched.chain.board[n]["mark"] < 5e-4]
    assert watched.chain.board["has_bid"][cheap].any()
    assert watched.see(300, bids_gone=cheap) == 0.0


def test_a_bid_at_a_fraction_of_the_value_is_no_bid() -> None:
    watched = _Watched(SyntheticChain(strikes=(80_000,), days=(20.0,)))
    watched.warm_up()
    for _ in range(90):
        watched.second += 1
        now_ns = START_NS + watched.second * SECOND_NS
        watched.chain.put(now_ns, flat(0.5))
        watched.chain.board["bid"] = 0.1 * watched.chain.board["mark"]
        watched.chain.look(now_ns)
        watched.judge()
    assert watched.findings["ratio"][0] > 1.0


def test_looks_far_apart_vouch_for_a_minute_each() -> None:
    watched = _Watched()
    for _ in range(10):
        watched.see(1, step=6 * 3_600)
    assert watched.see(1, asks_gone=watched.everything, step=6 * 3_600) == pytest.approx(1.0)
    assert watched.see(1, asks_gone=watched.everything[: len(watched.everything) // 2], step=6 * 3_600) < 1.0


def test_a_new_chain_cannot_tell() -> None:
    watched = _Watched()
    assert math.isnan(watched.see(30))


def test_an_untrusted_look_is_neither_judged_nor_counted() -> None:
    watched = _Watched()
    watched.warm_up()
    watched.see(1)
    now_ns = START_NS + (watched.second + 60) * SECOND_NS
    watched.chain.put(now_ns, flat(0.5))
    watched.chain.withdraw("ask", watched.everything)
    watched.chain.look(now_ns)
    watched.chain.chains.looks["trusted"] = False
    before = [array.tobytes() for array in watched.detector.arrays()]
    watched.judge()
    assert math.isnan(watched.findings["ratio"][0])
    assert [array.tobytes() for array in watched.detector.arrays()] == before


def test_what_comes_later_changes_nothing_said_before() -> None:
    def said(gone: bool) -> list[bytes]:
        watched = _Watched()
        out: list[bytes] = []
        for look in range(60):
            watched.see(1, asks_gone=watched.everything if gone and look >= 30 else (), step=30)
            out.append(watched.findings.tobytes())
        return out

    assert said(False)[:30] == said(True)[:30]
    assert said(False)[30:] != said(True)[30:]
