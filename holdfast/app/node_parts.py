"""Node parts: everything that a node is made of, already checked and put together by `app/assemble.py` or by a test."""

from collections.abc import Sequence

import msgspec

from holdfast.app.control.gate import Gate
from holdfast.detectors.live_watch import LiveWatch
from holdfast.engine import State
from holdfast.market.blotter import Blotter
from holdfast.policy.governor.governor import Governor
from holdfast.policy.governor.limits import GovernorSettings
from holdfast.receipt import Mode
from holdfast.response.outbox import Outbox
from holdfast.response.playbook.runner import Runner
from holdfast.response.recollection import Recollection
from holdfast.venues.client import Client


class VenueRhythm(msgspec.Struct, frozen=True, kw_only=True):
    """What a node does of its own accord at a venue. Units: seconds; 0: it arms no dead-man switch."""

    dead_man_s: float = 0.0


class NodeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The node's own settings. Units: seconds between reconciliations, and between questions for a venue's clock."""

    node: str = "node-1"
    reconcile_s: float = 30.0
    clock_s: int = 10
    venues: tuple[VenueRhythm, ...] = ()
    limits: GovernorSettings = GovernorSettings()
    arm: dict[str, Mode] = {}


class NodeParts(msgspec.Struct, kw_only=True):
    """The parts of one node; `settings.venues` go with `clients`, one for one."""

    settings: NodeSettings
    clients: Sequence[Client]
    state: State
    blotter: Blotter
    outbox: Outbox
    recollection: Recollection
    runner: Runner
    governor: Governor
    gate: Gate
    watch: LiveWatch
