"""Allocation: where free collateral should lie, so that a margin call on any venue is least likely.

Rules:

1. Scenarios say what the headroom (equity less maintenance margin) of each account would be at its lowest; an allocation
   adds collateral to it, after the haircut of where it lies. A scenario in which any account is below zero is a call.
2. The number of calls is no convex function, so a convex bound is minimised first (the mean over scenarios of the worst
   shortfall, plus the cost of moving), then collateral moves in halving steps as long as fewer scenarios call.
3. What may not leave an account stays (`movable`); nothing is moved for less than it costs.

Needs the extra `risk`.
"""

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from holdfast.error import CallerError
from holdfast.risk.capital.programme import solve
from holdfast.risk.missing import Missing

SCENARIOS_MAX: Final = 400  # of the convex bound: those nearest to a call
STEPS: Final = 12
COST_SHARE_MIN: Final = 1e-5  # so that nothing moves for nothing


class Allocation(msgspec.Struct, frozen=True, kw_only=True):
    """Where collateral should lie. Shape: moved (accounts,) in base currency, what is added to each; it sums to zero.

    `probability_before` and `probability_after` that any account is called, over all scenarios.
    """

    moved: NDArray[np.float64]
    probability_before: float
    probability_after: float
    cost: float


def allocate(
    headroom: NDArray[np.float64],
    movable: NDArray[np.float64],
    *,
    worth: NDArray[np.float64],
    cost_share: float,
) -> Allocation | Missing:
    """Return the moves that make a call on any account least likely.

    Shape: headroom (scenarios, accounts) at its lowest in each scenario; movable (accounts,) that may leave; worth
    (accounts,) of one unit of collateral there, after its haircut. Units: base currency; cost_share of what is moved.
    Raises: CallerError `allocation.shape`, `allocation.value`.
    """
    scenarios, accounts = headroom.shape if headroom.ndim == 2 else (0, 0)
    if movable.shape != (accounts,) or worth.shape != (accounts,) or not scenarios:
        raise CallerError(
            "allocation.shape", "headroom is (scenarios, accounts), movable and worth by account"
        )
    if not (
        np.isfinite(headroom).all() and (movable >= 0.0).all() and ((worth > 0.0) & (worth <= 1.0)).all()
    ):
        raise CallerError(
            "allocation.value", "headrooms are finite, movable at least 0, worth above 0 and at most 1"
        )
    before = _probability(headroom)
    start = _convex(headroom, movable, worth, cost_share)
    if isinstance(start, Missing):
        return start
    moved = _polish(headroom, movable, worth, start)
    after = _probability(headroom + moved * worth)
    if after >= before:
        moved, after = np.zeros(accounts), before
    return Allocation(
        moved=moved,
        probability_before=before,
        probability_after=after,
        cost=cost_share * float(np.maximum(moved, 0.0).sum()),
    )


def _probability(headroom: NDArray[np.float64]) -> float:
    return float((headroom.min(axis=1) < 0.0).mean())


def _convex(
    headroom: NDArray[np.float64], movable: NDArray[np.float64], worth: NDArray[np.float64], cost_share: float
) -> NDArray[np.float64] | Missing:
    """Minimise the mean over the worst scenarios of the largest shortfall of any account."""
    scale = max(float(np.abs(headroom).max()), float(movable.max()), 1e-300)
    worst = headroom[np.argsort(headroom.min(axis=1), kind="stable")[:SCENARIOS_MAX]] / scale
    scenarios, accounts = worst.shape
    # variables: out (accounts), into (accounts), shortfall (scenarios)
    eye, zero = sparse.eye(accounts), sparse.csc_matrix((accounts, scenarios))
    held = sparse.hstack(
        [sparse.diags(worth), -sparse.diags(worth), sparse.csc_matrix((accounts, scenarios))]
    )
    shortfalls = sparse.hstack(
        [
            sparse.kron(np.ones((scenarios, 1)), held.tocsc()[:, : 2 * accounts]),
            -sparse.kron(sparse.eye(scenarios), np.ones((accounts, 1))),
        ]
    )
    rows = sparse.vstack(
        [
            shortfalls,  # worth x (out - into) - shortfall <= headroom
            sparse.hstack([-eye, sparse.csc_matrix((accounts, accounts)), zero]),
            sparse.hstack([sparse.csc_matrix((accounts, accounts)), -eye, zero]),
            sparse.hstack([eye, sparse.csc_matrix((accounts, accounts)), zero]),
            sparse.hstack([sparse.csc_matrix((scenarios, 2 * accounts)), -sparse.eye(scenarios)]),
            np.concatenate([-np.ones(accounts), np.ones(accounts), np.zeros(scenarios)])[None, :],
        ]
    )
    bounds = np.concatenate(
        [worst.ravel(), np.zeros(2 * accounts), movable / scale, np.zeros(scenarios), [0.0]]
    )
    share = 0.5 * max(cost_share, COST_SHARE_MIN)
    linear = np.concatenate([np.full(2 * accounts, share), np.full(scenarios, 1.0 / scenarios)])
    answer = solve(
        "allocation", sparse.csc_matrix((len(linear), len(linear))), linear, sparse.csc_matrix(rows), bounds
    )
    if isinstance(answer, Missing):
        return answer
    moved = (answer[accounts : 2 * accounts] - answer[:accounts]) * scale
    moved = np.maximum(moved, -movable)
    excess = (
        moved.sum()
    )  # the solver keeps the sum to its precision only; what is left over stays where it was
    return moved - np.maximum(moved, 0.0) * (excess / max(np.maximum(moved, 0.0).sum(), 1e-300))


def _polish(
    headroom: NDArray[np.float64],
    movable: NDArray[np.float64],
    worth: NDArray[np.float64],
    start: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Move collateral between pairs of accounts in halving steps while fewer scenarios call."""
    moved, best = start.copy(), _probability(headroom + start * worth)
    step = float(movable.sum()) / 4.0
    for _ in range(STEPS):
        for giver in range(len(moved)):
            for taker in range(len(moved)):
                amount = min(step, movable[giver] + moved[giver])
                if giver == taker or amount <= 0.0:
                    continue
                trial = moved.copy()
                trial[giver] -= amount
                trial[taker] += amount
                probability = _probability(headroom + trial * worth)
                if probability < best:
                    moved, best = trial, probability
        step /= 2.0
    return moved
