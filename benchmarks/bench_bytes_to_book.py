"""Bytes to book: frames of Binance USD-M and Deribit through the venue's feed into a book, beside ccxt pro and cryptofeed.

Defends: own codecs with byte kernels for first-class venues, instead of a library that has them all. The peers get text,
already decoded from UTF-8, and their own handlers; they start from the same snapshot and must end at the same touch.
The targets hold for runs, which is how a socket is drained; one by one is what a quiet socket costs, told without a target.
Limits: the recorded Binance stream has 68 levels a depth message and is three quarters best quotes and trades, which
cryptofeed parses and drops; `depth` is the depth messages alone. Deribit's recording has 139 frames, so its stream is
generated in the same wire format.
"""

from typing import Final

from benchmarks.folding import RUN, BookReader
from benchmarks.measure import Bench, Touch, timed
from benchmarks.tapes import generated, recorded
from benchmarks.wire import Stream, generated_deribit

RATIO_MIN: Final = 5.0
RATE_MIN: Final = 150_000.0


def measure(bench: Bench) -> None:
    """Measure every stream in runs and one by one."""
    streams: list[tuple[str, Stream, float]] = []
    real = recorded()
    if real is not None:
        streams.append(("binance recorded", real, RATE_MIN))
        streams.append(("binance recorded depth", real.depth_only(), 0.0))
    streams.append(("binance generated", generated(), RATE_MIN))
    streams.append(("deribit generated", generated_deribit(30_000), RATE_MIN))
    for name, stream, rate_min in streams:
        case = stream.save(bench.folder / f"{name.replace(' ', '_')}.lines")
        peers = bench.peers(case, ("ccxt", stream.venue), ("cryptofeed", stream.venue))

        def in_runs(stream: Stream = stream) -> Touch:
            reader = BookReader(stream)
            reader.in_runs(stream.received_ns, stream.frames)
            return reader.touch()

        def one_by_one(stream: Stream = stream) -> Touch:
            reader = BookReader(stream)
            reader.one_by_one(stream.received_ns, stream.frames)
            return reader.touch()

        work = len(stream.frames)
        bench.compare(
            f"bytes to book, {name}, runs of {RUN}", work, "messages/s", lambda f=in_runs: timed(f), peers,
            ratio_min=RATIO_MIN, rate_min=rate_min,
        )  # fmt: skip
        bench.compare(
            f"bytes to book, {name}, one by one", work, "messages/s", lambda f=one_by_one: timed(f), peers
        )
        for peer in peers:
            peer.close()
