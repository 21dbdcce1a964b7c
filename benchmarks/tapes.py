"""The streams that benchmarks of tapes use: recorded where there is one, and generated."""

from collections.abc import Iterator
from functools import cache

from benchmarks.measure import SHARED_DATA
from benchmarks.wire import Stream, generated_binance, recorded_binance

RECORDING = SHARED_DATA / "orderbook" / "binance" / "usdm" / "btcusdt_20240808.gz"


@cache
def recorded() -> Stream | None:
    """Return five and a half minutes of BTC as they were recorded, or None where the recording is absent."""
    return recorded_binance(RECORDING, "BTCUSDT") if RECORDING.is_file() else None


@cache
def generated() -> Stream:
    """Return a minute of a generated market."""
    return generated_binance(30_000)


def streams() -> Iterator[tuple[str, Stream]]:
    """Yield each stream by name."""
    real = recorded()
    if real is not None:
        yield "recorded", real
    yield "generated", generated()
