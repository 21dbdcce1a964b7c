"""A node that did not run for a while knows nothing for certain until it has asked again."""

from holdfast.app.reconciling import GAP_S_MAX, Reconciling
from holdfast.clock import SECOND_NS
from holdfast.event import LineMoved, OrdersListed, PositionsListed
from holdfast.lab.universe.desk import ACCOUNT, new_node
from holdfast.lab.world.listings import DERIBIT
from holdfast.lab.world.world import World

START_NS = 1_760_000_000 * SECOND_NS


def reconciled() -> tuple[Reconciling, int]:
    """Return what reconciles a node, with one account told as of now."""
    node = new_node(World(1, START_NS), "one", {})
    node.reconciling.hear(line(START_NS), [])
    node.reconciling.want(DERIBIT, ACCOUNT)
    tell(node.reconciling, START_NS + SECOND_NS)
    return node.reconciling, START_NS + SECOND_NS


def line(time_ns: int) -> LineMoved:
    return LineMoved(time_ns=time_ns, venue=DERIBIT, account=ACCOUNT, line="private", up=True)


def tell(reconciling: Reconciling, now_ns: int) -> None:
    """Ask what is due, and have it answered at once."""
    for venue, account in reconciling.take_due(now_ns):
        at = {"time_ns": now_ns, "venue": venue, "account": account, "asked_ns": now_ns}
        reconciling.hear(OrdersListed(**at, orders=()), [])
        reconciling.hear(PositionsListed(**at, positions=()), [])


def test_a_node_that_ran_all_the_time_stays_certain() -> None:
    reconciling, now_ns = reconciled()
    for second in range(5):
        reconciling.on_tick(now_ns + second * SECOND_NS)
    assert reconciling.is_fresh(DERIBIT, ACCOUNT)


def test_after_a_gap_everything_is_asked_again() -> None:
    reconciling, now_ns = reconciled()
    reconciling.on_tick(now_ns)
    again_ns = now_ns + (GAP_S_MAX + 1) * SECOND_NS
    reconciling.on_tick(again_ns)
    assert not reconciling.is_fresh(DERIBIT, ACCOUNT)
    tell(reconciling, again_ns)
    assert reconciling.is_fresh(DERIBIT, ACCOUNT)
