"""Desk: the guarded desk of a universe: its node, made anew for each life of its process, and the person who commands it.

What takes long to make and never changes (rules compiled, playbooks read, policies parsed) is made once for all universes.
"""

from functools import cache
from pathlib import Path
from typing import Final

from holdfast.app.assemble import parts_of
from holdfast.app.control.authority import Authority
from holdfast.app.control.command import Command, SignedCommand, sign_command
from holdfast.app.control.gate import Gate
from holdfast.app.control.operator import OperatorSettings
from holdfast.app.node import Node
from holdfast.app.node_parts import NodeSettings, VenueRhythm
from holdfast.app.playbook_files import load_playbooks
from holdfast.app.rule_files import load_rules
from holdfast.detectors.live_watch import LiveSettings
from holdfast.engine import State
from holdfast.instrument import Instruments
from holdfast.keys.file_signer import FileSigner
from holdfast.lab.universe.port import HOSTS
from holdfast.lab.world.listings import BINANCE, DERIBIT
from holdfast.lab.world.world import World
from holdfast.market.owner import Owners
from holdfast.policy.desk import Desk
from holdfast.policy.escalation import Escalation
from holdfast.policy.governor.limits import GovernorSettings
from holdfast.policy.rules import RuleSet
from holdfast.receipt import Mode
from holdfast.response.patience import Patience
from holdfast.response.playbook.library import Library
from holdfast.venues.binance.client import BinanceClient
from holdfast.venues.client import Client
from holdfast.venues.deribit.client import DeribitClient

ACCOUNT: Final = "desk"
NAME: Final = "universe"
PREFIX: Final = "hf-"
STRATEGY: Final = "mm-"
SYMBOLS: Final = {DERIBIT: ("BTC-PERPETUAL", "ETH-PERPETUAL"), BINANCE: ("BTCUSDT", "ETHUSDT")}
_SEED: Final = bytes(range(32))


def new_node(
    world: World,
    name: str,
    arm: dict[str, Mode],
    *,
    limits: GovernorSettings | None = None,
    patience: Patience | None = None,
    detectors: LiveSettings | None = None,
    playbooks: Path | None = None,
) -> Node:
    """Return a node with nothing in its memory, whose clients reach the world's venues."""
    rules, library, authority, operators = _fixed(playbooks)
    instruments = Instruments()
    clients: list[Client] = []
    for venue, host in HOSTS.items():
        key = next(one for one in world.credentials[venue] if one.account == ACCOUNT)
        kind = DeribitClient if venue == DERIBIT else BinanceClient
        ws, rest = ("/ws/api/v2", "/api/v2") if venue == DERIBIT else ("", "")
        secrets = (key.key, key.secret)
        clients.append(
            kind(instruments, ACCOUNT, secrets, f"ws://{host}{ws}", f"http://{host}{rest}", SYMBOLS[venue])
        )
    settings = NodeSettings(
        node=name,
        reconcile_s=5.0,
        venues=(VenueRhythm(), VenueRhythm()),
        limits=limits or GovernorSettings(),
        arm=arm,
    )
    gate = Gate(NAME, operators, authority, venues=SYMBOLS, playbooks=tuple(library.playbooks))
    desk = Desk(rules.fresh(), Escalation())
    owners = Owners(PREFIX, {"maker": STRATEGY})
    state = State(instruments, desk)
    parts = parts_of(settings, clients, state, owners, library, gate, patience=patience, detectors=detectors)
    return Node(parts)


def command(now_ns: int, number: int, name: str, **arguments: str) -> SignedCommand:
    """Return a command of the desk's admin, signed."""
    made = Command(
        command=name, arguments=arguments, operator="ann", desk=NAME, time_ns=now_ns, nonce=f"{number:032x}"
    )
    return sign_command(made, FileSigner("ann", _SEED))


@cache
def _fixed(playbooks: Path | None) -> tuple[RuleSet, Library, Authority, tuple[OperatorSettings, ...]]:
    signer = FileSigner("ann", _SEED)
    operators = (OperatorSettings(name="ann", key=signer.verifier_key, roles=("admin",)),)
    rules = load_rules(None)
    return rules, load_playbooks(playbooks, rules), Authority.load(None, operators), operators
