"""Topics: one channel that lines listen to, with its pace.

1. A topic hears news, gathers what it will say, and says it at once (`interval_ns` 0) or once an interval.
2. Everyone who listens gets the same bytes; who comes later first gets what the others have (`welcome`).
"""

from abc import ABC, abstractmethod

from holdfast.lab.world.exchange import Exchange, News
from holdfast.lab.world.faults import Faults
from holdfast.lab.world.line import Line


class Topic(ABC):
    """One channel. `interval_ns` 0: every change at once."""

    def __init__(self, channel: str, exchange: Exchange, faults: Faults, interval_ns: int) -> None:
        self.channel = channel
        self.exchange = exchange
        self.faults = faults
        self.interval_ns = interval_ns
        self.members: dict[int, Line] = {}
        self.due_ns = 0
        self.now_ns = exchange.now_ns

    @abstractmethod
    def hear(self, news: News) -> None:
        """Gather what is to be said of a piece of news."""

    @abstractmethod
    def say(self) -> list[bytes]:
        """Return what was gathered, as messages, and forget it."""

    def welcome(self) -> list[bytes]:
        """Return what a new listener gets first."""
        return []

    def listen(self, now_ns: int, line: Line) -> None:
        """Take a listener in."""
        self.flush(now_ns)
        for message in self.welcome():
            line.tell(now_ns + self.faults.delay_ns, self.channel, message)
        self.members[id(line)] = line

    def leave(self, line: Line) -> bool:
        """Let a listener go; tell whether somebody still listens."""
        self.members.pop(id(line), None)
        return bool(self.members)

    def turn(self, now_ns: int) -> None:
        """Say what was gathered if it is time to."""
        if now_ns >= self.due_ns:
            self.flush(now_ns)

    def flush(self, now_ns: int) -> None:
        """Say what was gathered."""
        self.now_ns = now_ns
        messages = self.say()
        if messages and self.interval_ns:
            self.due_ns = now_ns - now_ns % self.interval_ns + self.interval_ns
        for line in self.members.values():
            for message in messages:
                line.tell(now_ns + self.faults.delay_ns, self.channel, message)

    def venue_ns(self, time_ns: int) -> int:
        """Return a time of the world on the venue's clock."""
        return time_ns + self.faults.clock_offset_ns
