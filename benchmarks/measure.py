"""Measurements: ours and the peers' rounds in turn, the best of each, in CPU seconds of one core.

Rules:

1. A round is timed by the process that runs it with `time.process_time`, so other work on the machine is not counted
   (what it does to the caches is). Rounds of ours and of each peer alternate; the best of each is compared.
2. A round returns what it saw (the touch at the end). Where peers disagree with us the comparison is refused: two programs
   that do different work have no ratio.
3. One line a measurement; a target that is missed is written down, not hidden.
"""

import gc
import platform
import subprocess
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

import msgspec

ROUNDS: Final = 5
PEERS: Final = Path(__file__).parent / "peers"
SHARED_DATA: Final = Path(__file__).resolve().parents[2] / "shared" / "data"

Touch = tuple[float, float]


class Measurement(msgspec.Struct, frozen=True):
    """One figure of ours, beside a peer's where there is one. `ratio` is how many times better we are."""

    name: str
    ours: float
    peer: float | None
    peer_name: str
    unit: str
    ratio: float | None
    target: str
    met: bool | None
    machine: str


class Seen(msgspec.Struct, frozen=True):
    """What one round took, and the best bid and ask it ended with."""

    cpu_s: float
    touch: Touch


Round = Callable[[], Seen]


class PeerRun:
    """A peer in a process of its own Python: it prepares once, then runs a round for each line we send; close it."""

    def __init__(self, python: Path, program: str, case: Path, option: str = "") -> None:
        self.name = program if not option else f"{program} {option}"
        command = [str(python), str(PEERS / "serve.py"), program, str(case), option]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.peer_version = self._line().decode()

    def round(self) -> Seen:
        """Run one round and return what it took."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()
        return msgspec.json.decode(self._line(), type=Seen)

    def close(self) -> None:
        """End the peer's process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _line(self) -> bytes:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"the peer {self.name} ended early: see what it printed above")
        return line.strip()


class Bench:
    """What every benchmark is handed: where the peers' Python is, a folder for inputs, and the lines so far."""

    def __init__(self, peers_python: Path | None, folder: Path) -> None:
        self.peers_python = peers_python
        self.folder = folder
        self.lines: list[Measurement] = []
        self.machine = machine()

    def peers(self, case: Path, *programs: tuple[str, str]) -> list[PeerRun]:
        """Start the named peers (program, option) on a case; none where there is no Python for them."""
        if self.peers_python is None:
            return []
        return [PeerRun(self.peers_python, program, case, option) for program, option in programs]

    def compare(
        self,
        name: str,
        work: int,
        unit: str,
        ours: Round,
        peers: Sequence[PeerRun],
        *,
        peer_work: int = 0,
        ratio_min: float = 0.0,
        rate_min: float = 0.0,
        rounds: int = ROUNDS,
    ) -> None:
        """Run rounds in turn and add a line for each peer (or one without). `peer_work` where a peer's round is shorter."""
        ours()  # warm
        best = float("inf")
        best_of_peers = [float("inf")] * len(peers)
        touch: Touch = (0.0, 0.0)
        for _ in range(rounds):
            seen = ours()
            best, touch = min(best, seen.cpu_s), seen.touch
            for number, peer in enumerate(peers):
                theirs = peer.round()
                best_of_peers[number] = min(best_of_peers[number], theirs.cpu_s)
                if not peer_work and not _agree(touch, theirs.touch):
                    raise SystemExit(f"{name}: {peer.name} ends with {theirs.touch}, we with {touch}")
        rate = work / best
        target = " and ".join(
            [f">= {ratio_min:g} times the peer"] * (ratio_min > 0)
            + [f">= {rate_min:,.0f} {unit}"] * (rate_min > 0)
        )
        for peer, cpu_s in zip(peers, best_of_peers, strict=True):
            theirs_rate = (peer_work or work) / cpu_s
            ratio = rate / theirs_rate
            met = None if not target else ratio >= ratio_min and rate >= rate_min
            self.add(name, rate, unit, theirs_rate, f"{peer.name} {peer.peer_version}", ratio, target, met)
        if not peers:
            self.add(name, rate, unit, target=target, met=rate >= rate_min if rate_min else None)

    def add(
        self,
        name: str,
        ours: float,
        unit: str,
        peer: float | None = None,
        peer_name: str = "",
        ratio: float | None = None,
        target: str = "",
        met: bool | None = None,
    ) -> None:
        """Add one line and print it."""
        self.lines.append(
            Measurement(name, ours, peer, peer_name, unit, ratio, target, met, self.machine),
        )
        print(row(self.lines[-1]), flush=True)


def timed(body: Callable[[], Touch]) -> Seen:
    """Run a body once and return its CPU seconds and what it saw."""
    gc.collect()
    begun = time.process_time()
    touch = body()
    return Seen(time.process_time() - begun, touch)


def machine() -> str:
    """Describe what the figures were taken on."""
    model = platform.processor() or platform.machine()
    cpu_info = Path("/proc/cpuinfo")
    if cpu_info.is_file():
        models = [
            line.partition(":")[2].strip()
            for line in cpu_info.read_text().splitlines()
            if "model name" in line
        ]
        model = f"{models[0]} x{len(models)}" if models else model
    return f"{model}, Python {platform.python_version()}, numba {version('numba')}"


HEAD: Final = f"{'measurement':44} {'ours':>12} {'peer':>12}  {'unit':14} {'ratio':>8}  {'target':6} peer"


def row(line: Measurement) -> str:
    """Return one line of the table."""
    peer = f"{_short(line.peer):>12}" if line.peer is not None else f"{'':12}"
    ratio = f"{line.ratio:7.1f}x" if line.ratio is not None else f"{'':8}"
    verdict = {True: "met", False: "MISSED", None: ""}[line.met]
    return (
        f"{line.name:44} {_short(line.ours):>12} {peer}  {line.unit:14} {ratio}  {verdict:6} {line.peer_name}"
    )


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _agree(ours: Touch, theirs: Touch) -> bool:
    return all(abs(a - b) <= 1e-9 * max(abs(a), 1.0) for a, b in zip(ours, theirs, strict=True))
