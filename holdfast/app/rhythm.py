"""Rhythm: what the node does at venues of its own accord as time passes: clocks asked, dead-man switches kept alive.

A switch is as the config sets it until a playbook or a person sets it otherwise; its venue hears of it thrice in its time.
"""

from collections.abc import Mapping, Sequence

from holdfast.app.node_parts import NodeSettings
from holdfast.clock import SECOND_NS
from holdfast.response.view import Account
from holdfast.venues.client import Client


class Rhythm:
    """Keep time. `dead_men` are the switches that the journal says were set, in seconds by account."""

    def __init__(
        self, clients: Sequence[Client], settings: NodeSettings, dead_men: Mapping[Account, float]
    ) -> None:
        self._clients = tuple(clients)
        self._settings = settings
        self._dead_men = dead_men

    def on_second(self, now_ns: int) -> None:
        """Do what is due in this second."""
        second = now_ns // SECOND_NS
        for client, venue in zip(self._clients, self._settings.venues, strict=True):
            if not client.is_ready:
                continue
            if second % self._settings.clock_s == 0:
                client.ask_clock(now_ns)
            timeout_s = self._dead_men.get((client.venue, client.account), venue.dead_man_s)
            if timeout_s and second % max(int(timeout_s / 3), 1) == 0:
                client.arm_dead_man(now_ns, f"dead-man/{second}", timeout_s)
