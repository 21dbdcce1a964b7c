"""Hypothetical scenarios: what has not happened to this desk yet. Each is a function from legs to a scenario.

Rules:

1. Sizes are arguments with defaults of the order of what was recorded (see `events_default.yml`); signs are the caller's.
2. Nobody hedges, adds margin or is liquidated on the way: a scenario is what happens to the portfolio as it stands.
"""

from collections.abc import Mapping

import numpy as np

from holdfast.risk import revalue
from holdfast.risk.legs import CASH, INVERSE, LINEAR, Legs
from holdfast.risk.scenarios.scenario import Scenario, asset_number, isolated, lost_accounts, scenario_of
from holdfast.risk.shock import no_shocks

HOURS_PER_YEAR = 24.0 * 365.0


def depeg(legs: Legs, asset: str, price: float, *, venue: str = "") -> Scenario:
    """Let a stablecoin be worth `price` in base currency: everywhere, or on one venue alone.

    Prices quoted in it rise as it falls; what is paid in it is worth less. Raises: CallerError `scenario.asset`, `.venue`.
    """
    number = asset_number(legs, asset)
    if venue:
        legs, number = isolated(legs, asset, venue, holdings=True)
    shocks = no_shocks(1, len(legs.assets))
    shocks.spot_log[0, number] = np.log(price / legs.prices[number])
    where = f" on {venue}" if venue else ""
    return scenario_of(f"{asset} at {price:g}{where}", legs, shocks)


def venue_default(legs: Legs, venue: str, *, recovery: float = 0.0, market_log: float = 0.0) -> Scenario:
    """Let a venue fail: balances and profits there are lost but for `recovery`, and coins move by `market_log` besides.

    Its positions are gone with it, so `survivors(scenario)` is what the desk is left exposed to.
    """
    shocks = no_shocks(1, len(legs.assets))
    shocks.spot_log[0, _coins(legs)] = market_log
    return scenario_of(
        f"{venue} fails", legs, shocks, lost_share=lost_accounts(legs, venue, 1.0 - recovery)
    )  # fmt: skip


def oracle_manipulation(legs: Legs, asset: str, venue: str, move_log: float) -> Scenario:
    """Let one asset's mark be moved on one venue: contracts on it there follow, coins and other venues do not."""
    legs, number = isolated(legs, asset, venue, holdings=False)
    shocks = no_shocks(1, len(legs.assets))
    shocks.spot_log[0, number] = move_log
    return scenario_of(f"{asset} marked {np.expm1(move_log):+.0%} on {venue}", legs, shocks)


def funding_blow_out(
    legs: Legs, *, rate: float = 0.0075, hours: float = 72.0, interval_hours: float = 8.0, basis_log: float = 0.01,
    assets: tuple[str, ...] = (),
) -> Scenario:  # fmt: skip
    """Let perpetuals pay `rate` an interval for so many hours, at a mark that is `basis_log` above their index.

    A positive rate is paid by longs to shorts, on the moved mark. `assets` empty: all. Negative numbers for a rout.
    """
    numbers = [asset_number(legs, asset) for asset in assets] or list(range(1, len(legs.assets)))
    shocks = no_shocks(1, len(legs.assets))
    shocks.basis_log[0, numbers] = basis_log
    rows = legs.legs
    perpetual = np.isin(rows["kind"], (LINEAR, INVERSE)) & (rows["years"] == 0.0)
    perpetual &= np.isin(rows["asset"], numbers)
    forward = rows["ratio"] * legs.prices[rows["asset"]] / legs.prices[rows["quote"]]
    in_quote = rows["quantity"] * np.where(rows["kind"] == LINEAR, forward * np.exp(basis_log), 1.0)
    notional = in_quote * legs.prices[rows["quote"]]
    paid = np.where(perpetual, -notional * rate * hours / interval_hours, 0.0)
    return scenario_of(f"funding {rate:+.2%} for {hours:g} h", legs, shocks, paid=paid)


def weekend_gap(
    legs: Legs, move_log: float = -0.25, *, volatility_shift: float = 0.6, days: float = 2.0,
    betas: Mapping[str, float] | None = None,
) -> Scenario:  # fmt: skip
    """Let the market reopen elsewhere after days without a hedge: coins gap, volatility rises, options age.

    `betas` scale the gap by asset (1 where not named). Currencies worth about one unit of the base currency do not gap.
    """
    shocks = no_shocks(1, len(legs.assets), horizon_years=days * 24.0 / HOURS_PER_YEAR)
    for number in _coins(legs):
        shocks.spot_log[0, number] = move_log * (betas or {}).get(legs.assets[number], 1.0)
        shocks.volatility_shift[0, number] = volatility_shift
    return scenario_of(f"gap of {np.expm1(move_log):+.0%} over {days:g} days", legs, shocks)


def worst_venue_default(legs: Legs, *, recovery: float = 0.0) -> Scenario | None:
    """Return the failure of the venue where most is at stake now; None for a desk without accounts."""
    venues = dict.fromkeys(venue for venue, _ in legs.accounts)
    equity = np.bincount(legs.legs["account"], revalue.values(legs), minlength=len(legs.accounts))
    stakes = {
        venue: sum(max(e, 0.0) for (v, _), e in zip(legs.accounts, equity, strict=True) if v == venue)
        for venue in venues
    }
    if not stakes:
        return None
    return venue_default(legs, max(stakes, key=lambda venue: stakes[venue]), recovery=recovery)


def _coins(legs: Legs) -> list[int]:
    """Return the numbers of assets that contracts are about, or that stand far from one unit of base currency."""
    about = set(legs.legs["asset"][legs.legs["kind"] != CASH].tolist())
    far = {a for a in range(1, len(legs.assets)) if abs(np.log(legs.prices[a])) > 0.2}
    return sorted((about | far) - {0})
