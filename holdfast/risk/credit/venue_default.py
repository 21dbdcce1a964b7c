"""Venue default: what the desk loses when an exchange fails with its coins, its margin and its profits.

Rules:

1. The claim on an account is what its legs are worth together: balances in full (haircuts are a matter of margin),
   unrealised profit, options bought less options sold. A negative account is a debt and no claim; accounts do not net.
2. Expected loss = claim x probability of default over the horizon x (1 - recovery). Stressed loss = the largest
   claim over the stress scenarios, nothing recovered: the market moves and the venue fails before the profit is paid.
3. What the failure leaves open: the desk's delta by coin at the venue vanishes, and whatever it hedged is bare.
4. A venue without terms has a claim but no expected loss; it is told as missing, and nothing is guessed.

Source: claims and delays of Mt. Gox (2014), QuadrigaCX (2019) and FTX (2022) show recoveries between nothing and
all, years later; the recovery is therefore an input.
"""

import math
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from holdfast.error import CallerError
from holdfast.risk.credit.curve import HazardCurve
from holdfast.risk.legs import CASH, Legs
from holdfast.risk.missing import Missing
from holdfast.risk.revalue import leg_values, values
from holdfast.risk.shock import Shocks, no_shocks

BUMP: Final = 0.01  # of the price, for what delta the venue carries


class VenueTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What the desk thinks of a venue, and how much it may leave there.

    Units: claim_max base currency; share_max 0 to 1 of all claims.
    Raises: CallerError `venue.terms`.
    """

    venue: str
    curve: HazardCurve
    claim_max: float = math.inf
    share_max: float = 1.0

    def __post_init__(self) -> None:
        if not self.claim_max >= 0.0 or not 0.0 <= self.share_max <= 1.0:
            raise CallerError("venue.terms", "a limit is negative, or a share above 1", where=self.venue)


class VenueClaim(msgspec.Struct, frozen=True, kw_only=True):
    """What one venue holds of the desk's. Units: base currency; `share` of all claims; `lost_delta` by coin, base
    currency for a move of the whole price. `expected_loss` None where no terms were given, `stressed_loss` where no
    stress was.
    """

    venue: str
    balances: float
    positions: float
    claim: float
    share: float
    expected_loss: float | None
    stressed_loss: float | None
    lost_delta: dict[str, float]


class Breach(msgspec.Struct, frozen=True):
    """One limit that is broken. `limit` is `claim_max` or `share_max`."""

    venue: str
    limit: str
    value: float
    allowed: float

    def __str__(self) -> str:
        return f"{self.venue}: {self.value:,.6g} is above {self.limit} {self.allowed:,.6g}"


class VenueRisk(msgspec.Struct, frozen=True, kw_only=True):
    """All venues, largest claim first. Units: base currency. `concentration` is the sum of squared shares, 1 for one
    venue.
    """

    venues: tuple[VenueClaim, ...]
    breaches: tuple[Breach, ...]
    claim: float
    expected_loss: float
    concentration: float
    missing: tuple[Missing, ...]


def venue_default(
    legs: Legs, terms: Sequence[VenueTerms], *, horizon_years: float = 1.0, stress: Shocks | None = None
) -> VenueRisk:
    """Return what each venue's failure would cost, and which limits are broken.

    Raises: CallerError `venue.horizon` where the horizon is not positive.
    """
    if not 0.0 < horizon_years < math.inf:
        raise CallerError("venue.horizon", f"{horizon_years:g} years are no horizon")
    worth = values(legs)[None, :]
    stressed = leg_values(legs, stress) if stress else None
    deltas = _deltas(legs)
    by_name = {one.venue: one for one in terms}
    names = sorted({venue for venue, _ in legs.accounts})
    claims = {name: float(_claims(legs, name, worth)[0]) for name in names}
    total = sum(claims.values())
    rows: list[VenueClaim] = []
    breaches: list[Breach] = []
    missing = list(legs.missing)
    for name in names:
        mine = _of_venue(legs, name)
        cash = mine & (legs.legs["kind"] == CASH)
        share = claims[name] / total if total > 0.0 else 0.0
        term = by_name.get(name)
        expected = None
        if term is None:
            missing.append(
                Missing(name, "venue.terms", "no probability of default", "state its hazard and recovery")
            )
        else:
            chance = 1.0 - float(term.curve.survival(horizon_years))
            expected = claims[name] * chance * (1.0 - term.curve.recovery)
            for limit, value, allowed in (
                ("claim_max", claims[name], term.claim_max),
                ("share_max", share, term.share_max),
            ):
                if value > allowed:
                    breaches.append(Breach(name, limit, value, allowed))
        rows.append(
            VenueClaim(
                venue=name,
                balances=float(worth[0, cash].sum()),
                positions=float(worth[0, mine & ~cash].sum()),
                claim=claims[name],
                share=share,
                expected_loss=expected,
                stressed_loss=float(_claims(legs, name, stressed).max()) if stressed is not None else None,
                lost_delta=_lost(legs, deltas, mine),
            )
        )
    return VenueRisk(
        venues=tuple(sorted(rows, key=lambda row: (-row.claim, row.venue))),
        breaches=tuple(breaches),
        claim=total,
        expected_loss=sum(row.expected_loss or 0.0 for row in rows),
        concentration=sum(row.share**2 for row in rows),
        missing=tuple(missing),
    )


def _of_venue(legs: Legs, venue: str) -> np.ndarray:
    numbers = [number for number, (name, _) in enumerate(legs.accounts) if name == venue]
    return np.isin(legs.legs["account"], numbers)


def _claims(legs: Legs, venue: str, worth: np.ndarray) -> np.ndarray:
    """Return the claim on a venue by scenario: the sum of its accounts, each at least nothing."""
    total = np.zeros(worth.shape[0])
    for number, (name, _) in enumerate(legs.accounts):
        if name == venue:
            total += np.maximum(worth[:, legs.legs["account"] == number].sum(axis=1), 0.0)
    return total


def _deltas(legs: Legs) -> np.ndarray:
    """Return the change of each leg for a whole price move of each asset. Shape: (assets, legs)."""
    assets = len(legs.assets)
    bumps = no_shocks(2 * assets, assets)
    for asset in range(assets):
        bumps.spot_log[2 * asset, asset] = math.log1p(BUMP)
        bumps.spot_log[2 * asset + 1, asset] = math.log1p(-BUMP)
    bumped = leg_values(legs, bumps)
    return (bumped[0::2] - bumped[1::2]) / (2.0 * BUMP)


def _lost(legs: Legs, deltas: np.ndarray, mine: np.ndarray) -> dict[str, float]:
    """Return the delta at a venue by coin; the base currency itself is none."""
    by_asset = deltas[:, mine].sum(axis=1)
    return {
        name: float(amount)
        for name, amount in zip(legs.assets[1:], by_asset[1:], strict=True)
        if abs(amount) > 0.0
    }
