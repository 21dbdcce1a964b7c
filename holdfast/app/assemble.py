"""Assemble: a config into the parts of a node, with everything checked before anything is connected.

The order is that of what people get wrong: config, rules, playbooks, what they say together, operators and policies, credentials.
"""

from collections.abc import Sequence
from typing import Final

from holdfast.app.config import GuardConfig, load_credentials
from holdfast.app.control.authority import Authority
from holdfast.app.control.gate import Gate
from holdfast.app.live_clients import client_of
from holdfast.app.node_parts import NodeParts, NodeSettings, VenueRhythm
from holdfast.app.playbook_files import load_playbooks
from holdfast.app.rule_files import load_rules
from holdfast.detectors.live_watch import LiveSettings, LiveWatch
from holdfast.engine import State
from holdfast.error import CallerError
from holdfast.instrument import Instruments
from holdfast.market.blotter import Blotter
from holdfast.market.owner import Owners
from holdfast.policy.desk import Desk
from holdfast.policy.escalation import Escalation
from holdfast.policy.governor.governor import Governor
from holdfast.policy.nearest import nearest
from holdfast.response.outbox import Outbox
from holdfast.response.patience import Patience
from holdfast.response.playbook.library import Library
from holdfast.response.playbook.runner import Runner
from holdfast.response.recollection import Recollection
from holdfast.venues.client import Client

_REMEDY: Final = "name a playbook that is loaded; `holdfast playbook list` names them"


def assemble(config: GuardConfig) -> NodeParts:
    """Return the parts of a node. Raises: CallerError for whatever is wrong, with its place; nothing is connected."""
    rules = load_rules(config.path(config.rules) if config.rules else None)
    library = load_playbooks(config.path(config.playbooks) if config.playbooks else None, rules)
    for name in config.arm:
        if name not in library.playbooks:
            remedy = nearest(name, library.playbooks) or _REMEDY
            raise CallerError(
                "config.arm", f"there is no playbook `{name}`", where=f"arm.{name}", remedy=remedy
            )
    authority = Authority.load(config.path(config.policies) if config.policies else None, config.operators)
    instruments = Instruments()
    clients: list[Client] = []
    for venue in config.venues:
        where = f"venues.{venue.name}.credentials"
        credentials = load_credentials(config.path(venue.credentials), where)
        clients.append(client_of(venue, credentials, instruments))
    settings = NodeSettings(
        node=config.node,
        reconcile_s=config.reconcile_s,
        venues=tuple(VenueRhythm(dead_man_s=venue.dead_man_s) for venue in config.venues),
        limits=config.limits,
        arm=config.arm,
    )
    gate = Gate(
        config.desk,
        config.operators,
        authority,
        venues={venue.name: venue.symbols for venue in config.venues},
        playbooks=tuple(library.playbooks),
    )
    desk = Desk(rules, Escalation(config.escalation))
    owners = Owners(config.client_id_prefix, config.strategies)
    return parts_of(
        settings, clients, State(instruments, desk), owners, library, gate, detectors=config.detectors
    )


def parts_of(
    settings: NodeSettings,
    clients: Sequence[Client],
    state: State,
    owners: Owners,
    library: Library,
    gate: Gate,
    *,
    patience: Patience | None = None,
    detectors: LiveSettings | None = None,
) -> NodeParts:
    """Return the parts of a node from what differs between a live one and one in virtual time."""
    outbox = Outbox(owners.guard_prefix, patience)
    blotter = Blotter(owners)
    return NodeParts(
        settings=settings,
        clients=clients,
        state=state,
        blotter=blotter,
        outbox=outbox,
        recollection=Recollection(outbox),
        runner=Runner(library),
        governor=Governor(),
        gate=gate,
        watch=LiveWatch(detectors),
    )
