"""Memory: a day's tape replayed ten times over, one day after the other, must not make the process grow.

Defends: fixed arrays, bounded by construction, and policy that forgets what is over. The day has quiet hours, busy ones and
a crash at noon, so alerts, levels and decisions are made each day.
"""

import multiprocessing
import os
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.folding import BATCH, new_state
from benchmarks.measure import Bench
from holdfast import tape
from holdfast.instrument import Instrument, Instruments
from holdfast.tape import Rows

DAYS: Final = 10
DAY_NS: Final = 86_400_000_000_000
ROWS: Final = 400_000
GROWTH_MAX: Final = 0.05
START_NS: Final = 1_760_054_400_000_000_000


def measure(bench: Bench) -> None:
    """Replay the days in a fresh process and compare its memory after the first and the last."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        after = pool.apply(resident_after_days)
    growth = after[-1] / after[0] - 1.0
    bench.add("memory, a day replayed, after day 1", after[0] / 1e6, "MB")
    bench.add(
        "memory, growth to day 10",
        100.0 * growth,
        "%",
        target=f"<= {100 * GROWTH_MAX:g} %",
        met=growth <= GROWTH_MAX,
    )


def resident_after_days() -> list[int]:
    """Return the bytes of memory held after each day."""
    instruments = Instruments()
    for base in ("BTC", "ETH"):
        instruments.add(
            Instrument(
                venue="v", symbol=f"{base}USDT", kind="perpetual", base=base, quote="USDT", listed=False,
                price_decimals=1, size_decimals=3,
            )
        )  # fmt: skip
    state = new_state(instruments)
    day = _day()
    after: list[int] = []
    for _ in range(DAYS):
        for first in range(0, len(day), BATCH):
            state.step(day[first : first + BATCH])
        for clock in ("received_ns", "exchange_ns"):
            day[clock] += DAY_NS
        after.append(_resident_bytes())
    return after


def _day() -> Rows:
    """Make a day of quotes and trades: activity in bursts, a tenth off at noon and slowly back."""
    random = np.random.default_rng(10)
    half = ROWS // 4
    bursts = np.sort(random.integers(0, 86_400, size=12_000))
    seconds = np.sort(random.choice(bursts, size=half) + random.random(half))
    hours = seconds / 3600.0
    crash = np.where(
        (hours > 12.0) & (hours < 20.0), -0.1 * np.minimum((hours - 12.0) * 12.0, (20.0 - hours) / 8.0), 0.0
    )
    path = np.cumsum(random.normal(0.0, 1e-5, size=half))
    bid = np.round(600_000.0 * np.exp(path - path[-1] * np.arange(half) / half) * (1.0 + crash)).astype(
        np.int64
    )
    rows = np.zeros((half, 4), dtype=tape.ROW)
    received = START_NS + (seconds * 1e9).astype(np.int64)
    for column, (kind, side) in enumerate(((tape.TOP, 1), (tape.TOP, -1), (tape.TRADE, 1), (tape.TRADE, -1))):
        rows["kind"][:, column] = kind
        rows["side"][:, column] = side
        rows["price"][:, column] = bid + (side < 0)
        rows["size"][:, column] = random.integers(1, 5000, size=half)
        rows["received_ns"][:, column] = received
        rows["exchange_ns"][:, column] = received - 20_000_000
        rows["flags"][:, column] = 0 if column == 0 else tape.LAST
    rows["instrument"] = random.integers(0, 2, size=half)[:, None]
    return rows.reshape(-1)


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
