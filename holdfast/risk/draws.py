"""Draws: the only source of randomness in `risk`. The same seed gives the same numbers on every machine and run."""

from numpy.random import Generator, Philox


def generator(seed: int) -> Generator:
    """Return a counter-based generator (Philox) for a seed.

    >>> float(generator(1).standard_normal()) == float(generator(1).standard_normal())
    True
    """
    return Generator(Philox(seed))
