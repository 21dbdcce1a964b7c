"""Assemble: a config into the parts of a node, with everything checked before anything is connected.

The order is that of what people get wrong: config, rules, playbooks, what they say together, operators, credentials.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

import msgspec

from holdfast import __version__
from holdfast.app.agreement import agree
from holdfast.app.config import GuardConfig, load_credentials
from holdfast.app.control.authority import Authority
from holdfast.app.control.gate import Gate
from holdfast.app.control.operator import OperatorSettings
from holdfast.app.live_clients import client_of
from holdfast.app.node_parts import NodeParts, NodeSettings, VenueRhythm
from holdfast.app.playbook_files import load_playbooks, playbook_texts
from holdfast.app.rule_files import load_rules, rule_texts
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

AGREED_FILE: Final = "agreed"
"""In the state folder: the digest of the rules and playbooks that were found to go together last."""


def assemble(config: GuardConfig) -> NodeParts:
    """Return the parts of a node. Raises: CallerError for whatever is wrong, with its place; nothing is connected."""
    own_rules = config.path(config.rules) if config.rules else None
    own_playbooks = config.path(config.playbooks) if config.playbooks else None
    rules = load_rules(own_rules)
    library = load_playbooks(own_playbooks, rules)
    for name in config.arm:
        if name not in library.playbooks:
            remedy = nearest(name, library.playbooks) or f"there are {', '.join(library.playbooks)}"
            raise CallerError(
                "config.arm", f"there is no playbook `{name}`", where=f"arm.{name}", remedy=remedy
            )
    people = [name for operator in config.operators for name in (operator.name, *_roles(operator))]
    _agree(config, rule_texts(own_rules), playbook_texts(own_playbooks), library, people)
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
        venues={name: _symbols(config, name) for name in dict.fromkeys(one.name for one in config.venues)},
        playbooks=tuple(library.playbooks),
    )
    desk = Desk(rules, Escalation(config.escalation))
    owners = Owners(config.client_id_prefix, config.strategies)
    return parts_of(
        settings, clients, State(instruments, desk), owners, library, gate, detectors=config.detectors
    )


def _agree(
    config: GuardConfig, rules: dict[str, str], playbooks: dict[str, str], library: Library, people: list[str]
) -> None:
    """Check that rules and playbooks go together, once: a restart with the same ones need not wait for the proof again."""
    table, arm = msgspec.to_builtins(config.escalation), config.arm
    versions = sorted(one.version for one in library.playbooks.values())
    said = msgspec.json.encode([__version__, rules, playbooks, versions, table, arm, people], order="sorted")
    digest, path = sha256(said).hexdigest(), config.state / AGREED_FILE
    if path.is_file() and path.read_text() == digest:
        return
    agree(rules, library.playbooks.values(), playbooks, table=config.escalation, arm=arm, people=people)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_text(digest)


def _roles(operator: OperatorSettings) -> list[str]:
    return [f"role:{role}" for role in operator.roles]


def _symbols(config: GuardConfig, name: str) -> tuple[str, ...]:
    """Return every symbol of a venue, over all accounts there."""
    return tuple(dict.fromkeys(symbol for one in config.venues if one.name == name for symbol in one.symbols))


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
