"""Dynamic delta hedge: a playbook for each asset, made in Python because each has its own instruments and tolerance."""

from collections.abc import Sequence

from holdfast.response.playbook.build import Builder, ask
from holdfast.response.playbook.playbook import Playbook
from holdfast.response.playbook.trigger import OnAction, OnOperator, Trigger
from holdfast.response.verb import HedgeDelta, Inform

DESCRIPTION = (
    "Holds the desk's delta in {asset} near zero while options keep changing it. Every minute it trades the cheapest of "
    "the named perpetuals and futures until the delta is within {tolerance:g} coins, never further from the mark than 30 "
    "bps. It asks a person again after four hours, and stops if nobody answers. If a hedge cannot be made it tells people "
    "and stops: it never doubles up."
)


def dynamic_delta_hedge(
    asset: str, instruments: Sequence[str], tolerance: float, *, by_rules: bool = True
) -> Playbook:
    """Return the playbook that hedges one asset.

    Units: tolerance coins; instruments `venue:symbol`. `by_rules`: set off by any rule that wants a hedge, else only by a
    person.
    """
    hedge = HedgeDelta(
        asset=asset,
        instruments=tuple(instruments),
        tolerance=tolerance,
        slippage_bps_max=30.0,
        slice_usd_max=100_000.0,
        patience_s=120.0,
    )
    triggers: list[Trigger] = [OnAction("hedge"), OnOperator()] if by_rules else [OnOperator()]
    panel = ask(["role:trader", "role:risk_officer"], ["role:admin"], within="10m")
    title = f"Dynamic delta hedge of {asset}"
    stuck = Inform(
        title=f"The delta in {asset} is not hedged",
        text="The book was too thin within the limit, or an order was refused. Nothing more is traded.",
        urgency="critical",
    )
    return (
        Builder(
            f"dynamic_delta_hedge_{asset.lower()}", title,
            DESCRIPTION.format(asset=asset, tolerance=tolerance), triggers, scope="desk", cooldown="5m",
        )
        .act("hedge", hedge, on_failure="stuck")
        .wait("rest", "1m")
        .choose("long_enough", "rounds % 240 == 0", then="ask", otherwise="hedge")
        .approve("ask", f"go on hedging {asset} for another four hours", panel, then="hedge",
                 on_denied="over", otherwise="over")
        .act("stuck", stuck, then="unclean")
        .end("over", detail="hedging has stopped")
        .end("unclean", failed=True, detail=f"the delta in {asset} is not within its tolerance")
        .made()
    )  # fmt: skip
