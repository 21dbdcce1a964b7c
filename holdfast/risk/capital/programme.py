# pyright: reportAttributeAccessIssue=false
"""Programme: a convex quadratic programme with linear bounds, solved by Clarabel. Needs the extra `risk`.

minimise 1/2 x'Px + q'x subject to Ax <= b.
Source: Goulart, Chen (2024), Clarabel: An interior-point solver for conic programs with quadratic objectives.
"""

from typing import Final

import clarabel
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from holdfast.risk.missing import Missing

_SOLVED: Final = (clarabel.SolverStatus.Solved, clarabel.SolverStatus.AlmostSolved)


def solve(
    where: str,
    quadratic: NDArray[np.float64] | sparse.spmatrix,
    linear: NDArray[np.float64],
    rows: NDArray[np.float64] | sparse.spmatrix,
    bounds: NDArray[np.float64],
) -> NDArray[np.float64] | Missing:
    """Return the minimiser, or why there is none: bounds that exclude each other, or a loss of precision.

    Shape: quadratic (n, n) positive semidefinite, linear (n,), rows (m, n), bounds (m,).
    """
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.max_threads = 1
    cones = [clarabel.NonnegativeConeT(len(bounds))]
    upper = sparse.csc_matrix(sparse.triu(sparse.csc_matrix(quadratic)))
    answer = clarabel.DefaultSolver(upper, linear, sparse.csc_matrix(rows), bounds, cones, settings).solve()
    if answer.status in _SOLVED:
        return np.array(answer.x)
    if answer.status == clarabel.SolverStatus.PrimalInfeasible:
        return Missing(where, "programme.infeasible", "no choice keeps within every bound", "loosen a bound")
    return Missing(
        where,
        "programme.unsolved",
        f"the solver ended with {answer.status}",
        "scale the inputs, or loosen a bound",
    )
