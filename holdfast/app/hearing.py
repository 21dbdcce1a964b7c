"""Hearing: what venues said, taken in one event at a time, and of each what one detector after the other says.

Whoever drives it stops at the first alert, lets what follows from it leave, and goes on: a brake waits neither for what
other detectors make of the same event nor for the next event.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from holdfast.app.desk_view import LiveView
from holdfast.app.enforcement import Enforcement
from holdfast.app.memory import Memory
from holdfast.app.node_parts import NodeParts
from holdfast.app.reconciling import Reconciling
from holdfast.detectors.live import Context, Heard, Spoken
from holdfast.event import (
    AccountEvent,
    EffectAnswered,
    Filled,
    LineMoved,
    OrderReported,
    Quarantined,
    ResyncRequested,
)
from holdfast.venues.client import Client

Said = AccountEvent | Quarantined | ResyncRequested


class Hearing:
    """Events that wait, and the one that is being heard."""

    def __init__(self, parts: NodeParts, memory: Memory, view: LiveView, reconciling: Reconciling) -> None:
        self._parts = parts
        self._memory = memory
        self._view = view
        self._reconciling = reconciling
        self._enforcement = Enforcement(parts.blotter, view)
        self._context = Context(
            blotter=parts.blotter, instrument=view.instrument, mark=view.mark, index=view.price_usd
        )
        self._waiting: deque[Said] = deque()
        self._speaking: Iterator[Spoken] = iter(())

    def add(self, events: Iterable[Said]) -> None:
        """Have events heard after those that wait."""
        self._waiting += events

    def collect(self, clients: Iterable[Client]) -> None:
        """Take what clients have learned."""
        for client in clients:
            self.add(client.events)
            client.events.clear()

    def next(self, now_ns: int) -> Sequence[Spoken] | None:
        """Go on to the next alert or the next event; return what a detector says, None when everything was heard."""
        for spoken in self._speaking:
            return (spoken,)
        if not self._waiting:
            return None
        self._hear(now_ns, self._waiting.popleft())
        return ()

    def listen(self, measured: Heard) -> list[Spoken]:
        """Return all that detectors say of something that no venue said."""
        return list(self._parts.watch.on_event(measured, self._context))

    def on_second(self, now_ns: int) -> None:
        """See that nothing rests where nothing may."""
        for key, action, reason in self._enforcement.on_second(now_ns):
            self._memory.submit(now_ns, key, action, reason, self._view)

    def _hear(self, now_ns: int, event: Said) -> None:
        """Take one event in."""
        memory, parts = self._memory, self._parts
        if isinstance(event, Quarantined | ResyncRequested):
            memory.write(event)
            return
        is_told = isinstance(event, EffectAnswered) and not event.venue
        differences = [] if is_told else parts.blotter.fold(event)
        self._reconciling.hear(event, differences)
        if parts.outbox.concerns(event) or isinstance(event, LineMoved | Filled):
            memory.write(event)
        memory.write_all(parts.outbox.on_event(now_ns, event))
        if isinstance(event, OrderReported):
            for key, action, reason in self._enforcement.on_order(now_ns, event):
                memory.submit(now_ns, key, action, reason, self._view)
        if isinstance(event, LineMoved) and event.line == "private" and event.up:
            self._reconciling.want(event.venue, event.account)
        self._speaking = parts.watch.on_event(event, self._context)
        memory.has_moved = True
