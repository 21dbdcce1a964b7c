"""The four chain detectors at work on a recording, and the alerts that the panel makes of their findings."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from holdfast.detectors.chain_quality import ChainQuality
from holdfast.detectors.panel import Panel
from holdfast.detectors.parity_break import ParityBreak
from holdfast.detectors.quotes_withdrawn import QuotesWithdrawn
from holdfast.detectors.surface_shock import SurfaceShock
from tests.market.chain_files import Recording, Step

CHAINS_MAX = 8


class Raised(NamedTuple):
    """An alert, or the rise of one: rank 1 is low, 4 critical."""

    time_ns: int
    detector: str
    chain: str
    rank: int
    message: str


class ChainWatch:
    """All chain detectors in their order: quality first, so that the others know whom to trust."""

    def __init__(self) -> None:
        self.detectors = (ChainQuality(), SurfaceShock(), ParityBreak(), QuotesWithdrawn())
        self.panel = Panel(self.detectors, CHAINS_MAX)

    def judge(self, recording: Recording) -> dict[str, NDArray[np.void]]:
        """Let every detector judge the chains as they stand; return the findings by detector."""
        for detector, findings in zip(self.detectors, self.panel.findings, strict=True):
            detector.judge(recording.chains, findings)
        count = len(recording.chains)
        return {d.name: f[:count] for d, f in zip(self.detectors, self.panel.findings, strict=True)}

    def alerts(self, recording: Recording, steps: Iterable[Step]) -> Iterator[Raised]:
        """Play a recording and yield what is raised, and raised further."""
        for now_ns in recording.play(steps):
            self.judge(recording)
            chains = recording.chains
            turns = self.panel.turn(now_ns, 0, len(self.detectors), len(chains), chains.looks["trusted"])
            for turn in turns[turns["after"] > 0]:
                detector = self.detectors[turn["detector"]]
                finding = self.panel.findings[turn["detector"], turn["subject"]]
                scope = str(chains.all[turn["subject"]].scope)
                yield Raised(now_ns, detector.name, scope, int(turn["after"]), detector.describe(finding))
