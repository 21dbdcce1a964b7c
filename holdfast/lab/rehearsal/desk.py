"""The desk that is rehearsed: what its guard watches, which playbooks it armed, and the limits it gave them."""

from pathlib import Path
from typing import Final

from holdfast.app.node import Node
from holdfast.detectors.live_watch import LiveSettings
from holdfast.detectors.own.limit_use import LimitUseSettings
from holdfast.detectors.own.runaway_orders import RunawaySettings
from holdfast.lab.universe.desk import new_node
from holdfast.lab.world.world import World
from holdfast.policy.governor.limits import DeskLimits, GovernorSettings
from holdfast.receipt import Mode

ARMED: Final[dict[str, Mode]] = {
    "circuit_breaker": "act",
    "cancel_and_pause": "act",
    "close_only": "act",
    "crash_exit": "act",
    "deleverage": "act",
    "feed_failover": "act",
    "raise_alarm": "act",
    "trim": "act",
    "unauthorised_trading_lockdown": "act",
}
LIMITS: Final = GovernorSettings(
    desk=DeskLimits(
        notional_usd_max=60_000_000.0,
        count_max=5_000,
        loss_usd_max=1_500_000.0,
        order_notional_usd_max=1_000_000.0,
        price_collar_bps_max=500.0,
    ),
    messages_per_s_max=20,
    brake_messages_per_s_max=10,
)


DETECTORS: Final = LiveSettings(
    runaway_orders=RunawaySettings(orders_per_s_max=6.0),
    limit_use=LimitUseSettings(
        position_usd_max=8_000_000.0, venue_usd_max=12_000_000.0, margin_share_max=0.8
    ),
)
PLAYBOOKS: Final = Path(__file__).parent / "playbooks"


def guard(world: World, name: str) -> Node:
    """Return the guard of the desk in a world."""
    return new_node(world, name, ARMED, limits=LIMITS, detectors=DETECTORS, playbooks=PLAYBOOKS)
