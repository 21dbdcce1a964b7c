"""Scenario: what happens to the market, and what the desk loses or pays besides; and what that does to it.

Rules:

1. A scenario is a value made from legs: it may have split an asset in two (`isolated`), so it carries its own legs.
2. The profit of a scenario is the change of value of all legs, less what is lost with a venue, plus what was paid.
3. With a venue is lost what it owes: the equity of each of its accounts where that is positive. A debt stays owed.
"""

from difflib import get_close_matches

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.error import CallerError
from holdfast.risk import revalue
from holdfast.risk.legs import CASH, Legs
from holdfast.risk.missing import Missing
from holdfast.risk.shock import Shocks


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that can happen. Shape: shocks of one row over `legs.assets`; the other arrays as said.

    Units: `lost_share` (accounts,) 0 to 1 of the equity of an account; `paid` (legs,) base currency, negative where the desk
    pays.
    """

    name: str
    legs: Legs
    shocks: Shocks
    lost_share: NDArray[np.float64]
    paid: NDArray[np.float64]
    notes: tuple[Missing, ...] = ()


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a scenario does to the desk, in base currency. Shape: by_account (accounts,), by_asset by name of asset.

    `profit` is everything; `lost` (negative) what went with venues and `paid` what was paid are parts of it. `by_asset` is
    of the change of value alone, by the asset that a leg is about.
    """

    name: str
    profit: float
    by_account: NDArray[np.float64]
    by_asset: dict[str, float]
    lost: float
    paid: float
    notes: tuple[Missing, ...] = ()


def outcome(scenario: Scenario) -> Outcome:
    """Return what a scenario does to the desk."""
    legs, rows = scenario.legs, scenario.legs.legs
    accounts, assets = len(legs.accounts), len(legs.assets)
    now = revalue.values(legs)
    then = revalue.leg_values(legs, scenario.shocks)[0]
    change = then - now
    equity = np.bincount(rows["account"], then + scenario.paid, minlength=accounts)
    lost = -scenario.lost_share * np.maximum(equity, 0.0)
    paid = float(scenario.paid.sum())
    by_asset = np.bincount(rows["asset"], change, minlength=assets)
    by_account = np.bincount(rows["account"], change + scenario.paid, minlength=accounts) + lost
    return Outcome(
        name=scenario.name,
        profit=float(change.sum()) + float(lost.sum()) + paid,
        by_account=by_account,
        by_asset={legs.assets[a]: float(by_asset[a]) for a in range(assets) if by_asset[a] != 0.0},
        lost=float(lost.sum()),
        paid=paid,
        notes=scenario.notes,
    )


def survivors(scenario: Scenario) -> Legs:
    """Return the legs that are left where venues are lost whole: what the desk is then exposed to, unhedged."""
    legs = scenario.legs
    left = scenario.lost_share[legs.legs["account"]] < 1.0
    names = tuple(name for name, stays in zip(legs.names, left, strict=True) if stays)
    return msgspec.structs.replace(legs, legs=legs.legs[left], names=names)


def scenario_of(
    name: str,
    legs: Legs,
    shocks: Shocks,
    *,
    lost_share: NDArray[np.float64] | None = None,
    paid: NDArray[np.float64] | None = None,
    notes: tuple[Missing, ...] = (),
) -> Scenario:
    """Return a scenario in which, unless said, nothing is lost and nothing paid."""
    return Scenario(
        name=name,
        legs=legs,
        shocks=shocks,
        lost_share=np.zeros(len(legs.accounts)) if lost_share is None else lost_share,
        paid=np.zeros(len(legs.legs)) if paid is None else paid,
        notes=notes,
    )


def isolated(legs: Legs, asset: str, venue: str, *, holdings: bool) -> tuple[Legs, int]:
    """Give an asset a price of its own on one venue, and return the legs and the number of that price.

    With `holdings` all that is worth this asset there follows it (balances, what profits are paid in, quotes); without, only
    the contracts on it, as when a mark is moved but a coin is worth what it is worth elsewhere.

    Raises: CallerError `scenario.asset`, `scenario.venue`.
    """
    number = asset_number(legs, asset)
    there = _accounts_of(legs, venue)[legs.legs["account"]]
    rows = legs.legs.copy()
    contracts = there & (rows["kind"] != CASH)
    new = len(legs.assets)
    for field in ("asset", "quote", "settle") if holdings else ("asset",):
        rows[field][(there if holdings else contracts) & (legs.legs[field] == number)] = new
    split = msgspec.structs.replace(
        legs,
        legs=rows,
        assets=(*legs.assets, f"{asset}@{venue}"),
        prices=np.append(legs.prices, legs.prices[number]),
    )
    return split, new


def asset_number(legs: Legs, asset: str) -> int:
    """Return an asset's number. Raises: CallerError `scenario.asset`."""
    if asset in legs.assets:
        return legs.assets.index(asset)
    raise CallerError(
        "scenario.asset",
        f"the portfolio has nothing to do with {asset!r}",
        remedy=_nearest(asset, legs.assets),
    )


def lost_accounts(legs: Legs, venue: str, share: float) -> NDArray[np.float64]:
    """Return the share lost of each account when a venue fails. Raises: CallerError `scenario.venue`."""
    return np.where(_accounts_of(legs, venue), share, 0.0)


def _accounts_of(legs: Legs, venue: str) -> NDArray[np.bool_]:
    there = np.array([account[0] == venue for account in legs.accounts], dtype=bool)
    if not there.any():
        raise CallerError(
            "scenario.venue", f"the portfolio has no account on {venue!r}",
            remedy=_nearest(venue, tuple(account[0] for account in legs.accounts)),
        )  # fmt: skip
    return there


def _nearest(name: str, known: tuple[str, ...]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"did you mean {close[0]}?" if close else f"known: {', '.join(dict.fromkeys(known))}"
