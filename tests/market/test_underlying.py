"""The whole of what is known across instruments: determinism, bounds, and the plain twins of its kernels."""

import hashlib
from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest

from holdfast.detectors import correlation_break, depeg, dislocation
from holdfast.detectors.correlation_break import CorrelationBreak
from holdfast.detectors.depeg import Depeg
from holdfast.detectors.dislocation import Dislocation
from holdfast.instrument import Instrument
from holdfast.market import co_movement, correlation, lead, member, peg, relation
from tests.market.side_by_side import Across, SideBySide, spot

WORLD = [
    spot("a", "BTC", "USDT"), spot("a", "BTC", "USDC"), spot("b", "BTC"), spot("c", "BTC"),
    spot("a", "ETH", "USDT"), spot("b", "ETH"), spot("b", "USDT"), spot("a", "USDC", "USDT"),
]  # fmt: skip
KERNELS = (member, peg, relation, lead, correlation, co_movement, dislocation, depeg, correlation_break)
STEPS = {"BTC": 3e-4, "ETH": 4e-4, "USDT": 2e-5, "USDC": 2e-5}


def walk(seed: int, seconds: int, instruments: list[Instrument]) -> list[list[float | None]]:
    """Return seeded paths: the assets move together, venues disagree, a coin leaves its peg, prices go missing."""
    rng = np.random.default_rng(seed)
    market = rng.normal(0.0, 2e-4, seconds)
    own = {
        base: np.cumsum(market * (size > 1e-4) + rng.normal(0.0, size, seconds))
        for base, size in STEPS.items()
    }
    own["USDC"][seconds // 2 :] -= 0.03
    level = {"BTC": 60_000.0, "ETH": 3_000.0, "USDT": 1.0, "USDC": 1.0}
    columns = []
    for each in instruments:
        path = level[each.base] * np.exp(own[each.base] + rng.normal(0.0, 1e-4, seconds))
        if each.quote == "USDC":
            path = path / np.exp(own["USDC"])
        gap = rng.random(seconds) < 0.3
        columns.append([None if missing else float(price) for price, missing in zip(path, gap, strict=True)])
    return [list(row) for row in zip(*columns, strict=True)]


def digest(world: SideBySide) -> str:
    arrays = (*world.underlyings.arrays(), *world.detector.arrays(), world.findings)
    return hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)).hexdigest()


@pytest.mark.parametrize("kind", [Dislocation, Depeg, CorrelationBreak])
def test_the_same_sweeps_give_the_same_state_bit_for_bit(kind: type[Across]) -> None:
    prices = walk(5, 1500, WORLD)
    worlds = [SideBySide(WORLD, kind) for _ in range(2)]
    for world in worlds:
        world.run(1500, lambda s: prices[s])
    assert digest(worlds[0]) == digest(worlds[1])


def test_instruments_numbered_ahead_change_nothing() -> None:
    prices = walk(6, 900, WORLD)
    plain, ahead = SideBySide(WORLD), SideBySide(WORLD)
    plain.run(900, lambda s: prices[s])
    ahead.run(450, lambda s: prices[s])
    for n in range(100):
        ahead.instruments.add(spot("z", f"NEW{n}"))
    ahead.run(450, lambda s: prices[450 + s])
    assert digest(plain) == digest(ahead)


def test_memory_does_not_grow() -> None:
    prices = walk(7, 300, WORLD)
    world = SideBySide(WORLD)
    world.run(10, lambda s: prices[s])
    before = sum(array.nbytes for array in world.underlyings.arrays())
    world.run(300, lambda s: prices[s])
    assert sum(array.nbytes for array in world.underlyings.arrays()) == before


def test_a_future_price_changes_no_finding_before_it() -> None:
    prices = walk(8, 1200, WORLD)
    crashed = [
        [None if p is None else p * (0.5 if s > 1000 else 1.0) for p in row] for s, row in enumerate(prices)
    ]
    findings = []
    for paths in (prices, crashed):
        world = SideBySide(WORLD)
        world.run(1001, lambda s, paths=paths: paths[s])
        findings.append(world.findings.tobytes())
    assert findings[0] == findings[1]


def plain(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put every kernel's plain twin in its place."""
    for name, kernel in list(vars(module).items()):
        twin: Callable[..., object] | None = getattr(kernel, "py_func", None)
        if twin is not None:
            monkeypatch.setattr(module, name, twin)


def as_records(world: SideBySide) -> None:
    """Let plain Python read fields as attributes, as the compiled kernels do."""
    parts = (
        world.underlyings.members,
        world.underlyings.relations,
        world.underlyings.co_movement,
        world.detector,
    )
    for part in (world, *parts):
        for name, array in list(vars(part).items()):
            if isinstance(array, np.ndarray) and array.dtype.names:
                setattr(part, name, array.view(np.recarray))


@pytest.mark.parametrize("kind", [Dislocation, Depeg, CorrelationBreak])
def test_the_kernels_and_their_plain_twins_agree(kind: type[Across], monkeypatch: pytest.MonkeyPatch) -> None:
    prices = walk(9, 700, WORLD)
    compiled = SideBySide(WORLD, kind)
    compiled.run(700, lambda s: prices[s])
    for module in KERNELS:
        plain(module, monkeypatch)
    twin = SideBySide(WORLD, kind)
    as_records(twin)
    with np.errstate(all="ignore"):
        twin.run(700, lambda s: prices[s])
    pairs = zip(
        (*compiled.underlyings.arrays(), *compiled.detector.arrays(), compiled.findings),
        (*twin.underlyings.arrays(), *twin.detector.arrays(), twin.findings),
        strict=True,
    )
    for ours, theirs in pairs:
        for name in ours.dtype.names or [None]:
            left, right = (ours, theirs) if name is None else (ours[name], theirs[name])
            np.testing.assert_allclose(left, right, rtol=1e-6, atol=1e-9)
