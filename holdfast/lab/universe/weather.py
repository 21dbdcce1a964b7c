"""Weather: how a universe's network behaves, drawn from its seed, and when it is calm again."""

from random import Random

import msgspec

from holdfast.clock import MILLISECOND_NS


class Weather(msgspec.Struct, kw_only=True):
    """Chances and delays. A share is of messages; `delay_ms` the mean of an exponential delay each way.

    `lost`: an HTTP request or its answer never arrives. `doubled`: a request arrives twice (a proxy tried again).
    `slow_disk_ms`: the mean time of an append.
    """

    delay_ms: float = 1.0
    lost: float = 0.0
    doubled: float = 0.0
    frame_lost: float = 0.0
    frame_doubled: float = 0.0
    slow_disk_ms: float = 4.0

    def delay_ns(self, random: Random) -> int:
        """Draw a one-way delay."""
        return 50_000 + round(random.expovariate(1.0 / self.delay_ms) * MILLISECOND_NS)

    def disk_ns(self, random: Random) -> int:
        """Draw how long an append takes."""
        return 200_000 + round(random.expovariate(1.0 / self.slow_disk_ms) * MILLISECOND_NS)


CALM = Weather()


def stormy(random: Random) -> Weather:
    """Draw bad weather: some universes have little of one kind and much of another."""
    return Weather(
        delay_ms=random.choice((0.5, 2.0, 10.0, 40.0)),
        lost=random.choice((0.0, 0.02, 0.1, 0.3)),
        doubled=random.choice((0.0, 0.02, 0.1)),
        frame_lost=random.choice((0.0, 0.0, 0.002, 0.02)),
        frame_doubled=random.choice((0.0, 0.0, 0.01)),
        slow_disk_ms=random.choice((1.0, 4.0, 20.0, 100.0)),
    )
