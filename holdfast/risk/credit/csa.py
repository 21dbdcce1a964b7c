"""CSA: the margin agreement of one netting set, and the claim that is left after it.

Rules:

1. Variation margin is called on every simulated date: required = max(value - threshold, 0) - max(-value - own
   threshold, 0), positive held by the desk. It moves only when it changes by the minimum transfer amount or more.
2. On default at t the desk holds what was called at t minus the margin period of risk; before the first such date,
   what it holds today. The value moves on meanwhile: the claim is value(t) - margin(t - period).
3. Initial margin received lowers the desk's claim and is not owed back; initial margin posted is lost with the
   counterparty unless segregated, and always covers what the desk owes.

Source: Pykhtin (2010), Collateralized credit exposure; BCBS 279 annex 4b for thresholds and independent amounts.
Limits: no disputes, no currency mismatch, no haircut on margin, and margin amounts are in base currency.
"""

from typing import Final

import msgspec
import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from holdfast.error import CallerError

UNMARGINED: Final = float("inf")
LOOKBACK_TOLERANCE_YEARS: Final = 1e-9


class Csa(msgspec.Struct, frozen=True, kw_only=True):
    """Terms of one agreement; the defaults are no agreement at all.

    Units: amounts in base currency, positive; infinite thresholds: no variation margin; margin_period_years years of
    365 days; `variation_held` signed: negative is posted by the desk.
    Raises: CallerError `csa.terms` where an amount or the period is negative.
    """

    threshold: float = UNMARGINED
    own_threshold: float = UNMARGINED
    minimum_transfer: float = 0.0
    margin_period_years: float = 0.0
    initial_received: float = 0.0
    initial_posted: float = 0.0
    posted_segregated: bool = False
    variation_held: float = 0.0

    def __post_init__(self) -> None:
        for name in (
            "threshold",
            "own_threshold",
            "minimum_transfer",
            "margin_period_years",
            "initial_received",
            "initial_posted",
        ):
            if not getattr(self, name) >= 0.0:
                raise CallerError(
                    "csa.terms",
                    f"{name} {getattr(self, name):g} is negative or no number",
                    remedy="state amounts as positive numbers; leave a threshold out where no margin is called",
                )

    @property
    def margined(self) -> bool:
        """Tell whether either side ever calls variation margin."""
        return min(self.threshold, self.own_threshold) < UNMARGINED


def claims(values: NDArray[np.float64], times: NDArray[np.float64], csa: Csa) -> NDArray[np.float64]:
    """Return what stands between the parties after variation margin: positive the desk's claim, negative its debt.

    Shape: values (dates, paths), times (dates,) years, the first 0. Margin of a date is what was called at that date
    minus the margin period, which must itself be a date (see `paths.simulate`); dates for which it is not come back
    as NaN rows unless they are in the first margin period.
    """
    if not csa.margined:
        return values - csa.variation_held if csa.variation_held else values
    called = np.empty_like(values)
    _call(values, csa.threshold, csa.own_threshold, csa.minimum_transfer, csa.variation_held, called)
    out = np.empty_like(values)
    for date, time in enumerate(times):
        called_at = time - csa.margin_period_years
        if called_at < -LOOKBACK_TOLERANCE_YEARS or date == 0:
            out[date] = values[date] - csa.variation_held
            continue
        nearest = int(np.argmin(np.abs(times - called_at)))
        if abs(times[nearest] - called_at) > LOOKBACK_TOLERANCE_YEARS:
            out[date] = np.nan
            continue
        out[date] = values[date] - called[nearest]
    return out


def split(claim: NDArray[np.float64], csa: Csa) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what the desk loses without recovery if the counterparty fails, and what the other side loses if the desk does.

    Shape: both as `claim`. Units: base currency, never negative.
    """
    loss, debt = np.empty_like(claim), np.empty_like(claim)
    at_risk = 0.0 if csa.posted_segregated else csa.initial_posted
    _split(claim, at_risk - csa.initial_received, -csa.initial_posted, loss, debt)
    return loss, debt


@njit(cache=True, parallel=True)
def _split(claim: np.ndarray, more: float, more_owed: float, loss: np.ndarray, debt: np.ndarray) -> None:
    for date in prange(claim.shape[0]):
        for path in range(claim.shape[1]):
            loss[date, path] = max(claim[date, path] + more, 0.0)
            debt[date, path] = max(more_owed - claim[date, path], 0.0)


@njit(cache=True)
def _call(
    values: np.ndarray,
    threshold: float,
    own_threshold: float,
    minimum: float,
    held: float,
    called: np.ndarray,
) -> None:
    dates, paths = values.shape
    for date in range(dates):
        for path in range(paths):
            before = held if date == 0 else called[date - 1, path]
            value = values[date, path]
            required = max(value - threshold, 0.0) - max(-value - own_threshold, 0.0)
            called[date, path] = required if abs(required - before) >= minimum else before
