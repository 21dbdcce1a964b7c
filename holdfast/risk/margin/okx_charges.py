"""OKX's charges by tier: MR7, what closing a risk unit costs at least, and MR9, hedging one dollar with another.

Rules:

1. A tiered charge takes each slice between two caps by its own factor, as the venue's worked examples do.
2. MR7 is slippage and fee of closing every position, then by tiers. A long option cannot cost more than its mark.
3. MR9: of the cash deltas in USDT, USDC and USD, opposite ones hedge each other: USDT with USD first, then USDT with USDC,
   then USDC with USD; each volume is charged by tiers that steepen as the stablecoin's index falls.

Source: okx.com article 4417291853837 (2021-12: multipliers apply to slices of MR7; its example is a test) and the
announcement of 2025-01-02; MR9: announcement of 2024-11-25, whose example of 202,500 USD is a test.
"""

from itertools import pairwise

from holdfast.risk.margin.okx_parameters import PegTiers, Tier

PAIRS = (("USDT", "USD"), ("USDT", "USDC"), ("USDC", "USD"))


def tiered(amount: float, tiers: tuple[Tier, ...]) -> float:
    """Return the sum over slices of an amount, each by its tier's factor.

    >>> tiered(30_000.0, (Tier(10_000.0, 1.0), Tier(70_000.0, 2.0)))
    50000.0
    """
    charge = 0.0
    for floor, tier in pairwise((Tier(0.0, 0.0), *tiers)):
        charge += max(min(amount, tier.cap) - floor.cap, 0.0) * tier.factor
    return charge


def hedged_across(cash_deltas: dict[str, float]) -> dict[tuple[str, str], float]:
    """Return the volume that each pair of dollars hedges, in the venue's order. Units: dollars.

    >>> hedged_across({"USDT": 5.0, "USDC": 1.0, "USD": -8.0})
    {('USDT', 'USD'): 5.0, ('USDT', 'USDC'): 0.0, ('USDC', 'USD'): 1.0}
    """
    left = dict(cash_deltas)
    volumes: dict[tuple[str, str], float] = {}
    for first, second in PAIRS:
        one, other = left.get(first, 0.0), left.get(second, 0.0)
        volume = min(abs(one), abs(other)) if one * other < 0.0 else 0.0
        volumes[first, second] = volume
        if volume:
            left[first] = one - volume * (1.0 if one > 0.0 else -1.0)
            left[second] = other - volume * (1.0 if other > 0.0 else -1.0)
    return volumes


def peg_charge(volume: float, index: float, pegs: tuple[PegTiers, ...]) -> float:
    """Return the charge for a volume hedged across two dollars at their index: tiers of the highest floor it still holds."""
    held = [one for one in pegs if index >= one.index_min]
    tiers = max(held, key=lambda one: one.index_min) if held else min(pegs, key=lambda one: one.index_min)
    return tiered(volume, tiers.tiers)


def closing_option(
    quantity: float, delta: float, mark: float, slippage: float, fee: float, fee_share: float
) -> float:
    """Return what closing an option costs over the asset's price. Units: delta a contract's, mark over the asset's price."""
    slip = slippage * max(1.0, abs(delta))
    if quantity > 0.0:
        slip = min(slip, mark)
    return abs(quantity) * (slip + min(fee, fee_share * mark))
