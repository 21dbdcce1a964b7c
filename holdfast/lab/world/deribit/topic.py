"""Deribit's topics: channels whose messages are JSON-RPC notifications."""

from typing import Any, Final

from holdfast.clock import MILLISECOND_NS, SECOND_NS
from holdfast.lab.world.deribit import rpc
from holdfast.lab.world.topic import Topic

INTERVALS_NS: Final = {"raw": 0, "100ms": 100 * MILLISECOND_NS, "agg2": SECOND_NS}


class DeribitTopic(Topic):
    """One channel of Deribit."""

    def message(self, data: Any) -> bytes:
        """Return a message of this channel."""
        return rpc.notification(self.channel, data)
