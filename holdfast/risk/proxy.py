"""Proxy: the desk as one Chebyshev polynomial in spot and volatility for each pair of asset and quote, for many scenarios.

Rules:

1. It is for shocks of one spot and one volatility an asset: where skew, rates or bases move it is refused, as it is where
   a leg is paid in neither its asset nor its quote currency.
2. Legs of a pair are worth exp(quote's move) x f(asset's move - quote's move, volatility shift of the asset), because
   prices and payments scale with the quote. f is interpolated at Chebyshev nodes of the range that the shocks span, in spot
   drawn together towards the middle (by sinh), as tails are long and options live near the money. Balances are exact.
3. It is checked in every run: the worst scenarios, and a few spread over all, are revalued in full, and where the error
   is more than the bound it is refused. What comes back says the error.

Source: Gass, Glau, Mahlstedt, Mair (2018), Chebyshev interpolation for parametric option pricing; Clenshaw (1955).
"""

from typing import Final

import msgspec
import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from holdfast.risk import revalue
from holdfast.risk.legs import CASH, Legs
from holdfast.risk.missing import Missing
from holdfast.risk.pricing.normal import FLAGS
from holdfast.risk.shock import Shocks, no_shocks

SPOT_NODES: Final = 64
VOLATILITY_NODES: Final = 12
TAIL_SHARE: Final = 0.01  # of the scenarios: the worst ones, revalued in full
CHECKS_MAX: Final = 1_000  # revalued in full, half of them the worst
ERROR_MAX: Final = 1e-3  # of the expected shortfall over TAIL_SHARE
STRETCH: Final = 3.0  # of the sinh: nodes lie 3.3 times as close in the middle
BLOCK: Final = 512


class ProxyProfits(msgspec.Struct, frozen=True, kw_only=True):
    """Profits by the proxy. Shape: profits (scenarios,) in base currency, full revaluation where it was checked.

    Units: `error` the greatest found, of the mean loss of the worst scenarios; `error_tail` the greatest among those worst;
    `checked` how many scenarios were revalued in full.
    """

    profits: NDArray[np.float64]
    error: float
    error_tail: float
    checked: int


def proxy_profits(legs: Legs, shocks: Shocks, *, error_max: float = ERROR_MAX) -> ProxyProfits | Missing:
    """Return the profit of the whole under each shock, or why the proxy is none.

    Cost: (768 x pairs) multiplications a scenario, whatever the number of legs; with them, 768 + 1,000 revaluations.
    """
    unfit = _unfit(legs, shocks)
    if unfit is not None:
        return unfit
    profits = _interpolated(legs, shocks)
    checked = _to_check(profits)
    exact = revalue.profits(legs, _rows_of(shocks, checked))
    worst = np.sort(exact)[: max(1, int(TAIL_SHARE * len(profits)))]
    scale = float(np.abs(worst.mean())) or 1.0
    errors = np.abs(profits[checked] - exact) / scale
    error, error_tail = float(errors.max()), float(errors[: (len(checked) + 1) // 2].max())
    if not error <= error_max:
        return Missing(
            "proxy", "proxy.inexact",
            f"it errs by {error:.2g} of the tail's mean loss, more than {error_max:g}", "revalue in full",
        )  # fmt: skip
    profits[checked] = exact
    return ProxyProfits(profits=profits, error=error, error_tail=error_tail, checked=len(checked))


def _unfit(legs: Legs, shocks: Shocks) -> Missing | None:
    """Return why shocks or legs are not of the kind that the proxy is for."""
    moving = [name for name in ("basis_log", "skew_shift", "rate_shift") if getattr(shocks, name).any()]
    rows = legs.legs[legs.legs["kind"] != CASH]
    astray = (rows["settle"] != rows["quote"]) & (rows["settle"] != rows["asset"])
    if moving:
        reason = f"{' and '.join(moving)} move besides spot and volatility"
    elif astray.any():
        reason = f"{int(astray.sum())} legs are paid in neither their asset nor their quote currency"
    elif shocks.count == 0:
        reason = "there are no scenarios"
    else:
        return None
    return Missing("proxy", "proxy.not-low-dimensional", reason, "revalue in full")


def _interpolated(legs: Legs, shocks: Shocks) -> NDArray[np.float64]:
    rows = legs.legs
    profits = np.zeros(shocks.count)
    for asset in np.unique(rows["asset"][rows["kind"] == CASH]):
        held = rows["quantity"][(rows["kind"] == CASH) & (rows["asset"] == asset)].sum()
        profits += held * legs.prices[asset] * np.expm1(shocks.spot_log[:, asset])
    contracts = rows["kind"] != CASH
    pairs = np.unique(rows[["asset", "quote"]][contracts])
    for asset, quote in pairs:
        mine = contracts & (rows["asset"] == asset) & (rows["quote"] == quote)
        move = shocks.spot_log[:, asset] - shocks.spot_log[:, quote]
        shift = shocks.volatility_shift[:, asset]
        spot, volatility = _span(move), _span(shift)
        coefficients = _coefficients(legs, mine, int(asset), spot, volatility, shocks)
        now = float(revalue.values(_only(legs, mine)).sum())
        x = np.arcsinh((move - spot[0]) * (np.sinh(STRETCH) / spot[1])) / STRETCH
        y = (shift - volatility[0]) / volatility[1]
        _add(x, y, np.exp(shocks.spot_log[:, quote]), coefficients, now, profits)
    return profits


def _coefficients(
    legs: Legs, mine: NDArray[np.bool_], asset: int, spot: NDArray[np.float64], volatility: NDArray[np.float64],
    shocks: Shocks,
) -> NDArray[np.float64]:  # fmt: skip
    """Return the Chebyshev coefficients of the value of some legs. Shape: (spot nodes, volatility nodes)."""
    x, y = _nodes(SPOT_NODES), _nodes(VOLATILITY_NODES)
    at = no_shocks(
        SPOT_NODES * VOLATILITY_NODES, len(legs.assets), term_power=shocks.term_power,
        horizon_years=shocks.horizon_years, sticky_moneyness=shocks.sticky_moneyness,
    )  # fmt: skip
    stretched = spot[0] + spot[1] * np.sinh(STRETCH * x) / np.sinh(STRETCH)
    at.spot_log[:, asset] = np.repeat(stretched, VOLATILITY_NODES)
    at.volatility_shift[:, asset] = np.tile(volatility[0] + volatility[1] * y, SPOT_NODES)
    at_nodes = revalue.totals(_only(legs, mine), at).reshape(SPOT_NODES, VOLATILITY_NODES)
    return _cosines(SPOT_NODES) @ at_nodes @ _cosines(VOLATILITY_NODES).T


def _span(moves: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return centre and half width of what moves span, never of width zero."""
    low, high = float(moves.min()), float(moves.max())
    return np.array([0.5 * (low + high), max(0.5 * (high - low), 1e-6)])


def _nodes(count: int) -> NDArray[np.float64]:
    return np.cos(np.pi * (np.arange(count) + 0.5) / count)


def _cosines(count: int) -> NDArray[np.float64]:
    """Return the matrix from values at the nodes to coefficients."""
    matrix = np.cos(np.outer(np.arange(count), np.pi * (np.arange(count) + 0.5) / count)) * (2.0 / count)
    matrix[0] *= 0.5
    return matrix


def _to_check(profits: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the numbers of the worst scenarios, and then of as many spread over all."""
    half = min(CHECKS_MAX // 2, len(profits))
    worst = np.argpartition(profits, half - 1)[:half]
    spread = np.linspace(0, len(profits) - 1, half).astype(np.int64)
    return np.concatenate((worst, spread))


def _rows_of(shocks: Shocks, chosen: NDArray[np.int64]) -> Shocks:
    arrays = {
        name: getattr(shocks, name)[chosen]
        for name in ("spot_log", "volatility_shift", "basis_log", "skew_shift", "rate_shift")
    }
    return msgspec.structs.replace(shocks, **arrays)


def _only(legs: Legs, chosen: NDArray[np.bool_]) -> Legs:
    names = tuple(name for name, stays in zip(legs.names, chosen, strict=True) if stays)
    return msgspec.structs.replace(legs, legs=legs.legs[chosen], names=names)


@njit(cache=True, parallel=True, error_model="numpy", fastmath=FLAGS)
def _add(
    x: np.ndarray, y: np.ndarray, quote: np.ndarray, coefficients: np.ndarray, now: float, profits: np.ndarray
) -> None:
    """Add the change of value by Clenshaw's recurrence in spot, its coefficients summed over volatility."""
    for block in prange((x.shape[0] + BLOCK - 1) // BLOCK):
        first = block * BLOCK
        count = min(BLOCK, x.shape[0] - first)
        inner, one, two = np.empty(BLOCK), np.zeros(BLOCK), np.zeros(BLOCK)
        of_y = np.empty((VOLATILITY_NODES, BLOCK))  # Chebyshev polynomials of y
        for s in range(count):
            of_y[0, s], of_y[1, s] = 1.0, y[first + s]
        for j in range(2, VOLATILITY_NODES):
            for s in range(count):
                of_y[j, s] = 2.0 * y[first + s] * of_y[j - 1, s] - of_y[j - 2, s]
        for i in range(SPOT_NODES - 1, -1, -1):
            _sum(coefficients[i], of_y, inner, count)
            if i > 0:
                _step(x[first : first + count], inner, one, two, count)
        for s in range(count):
            worth = x[first + s] * one[s] - two[s] + inner[s]
            profits[first + s] += worth * quote[first + s] - now


@njit(cache=True, error_model="numpy", fastmath=FLAGS)
def _sum(row: np.ndarray, of_y: np.ndarray, out: np.ndarray, count: int) -> None:
    """Write the sum over volatility, its 12 terms spelled out so that each element is read and written once."""
    c0, c1, c2, c3, c4, c5 = row[0], row[1], row[2], row[3], row[4], row[5]
    c6, c7, c8, c9, c10, c11 = row[6], row[7], row[8], row[9], row[10], row[11]
    for s in range(count):
        low = c0 + c1 * of_y[1, s] + c2 * of_y[2, s] + c3 * of_y[3, s] + c4 * of_y[4, s] + c5 * of_y[5, s]
        high = c6 * of_y[6, s] + c7 * of_y[7, s] + c8 * of_y[8, s] + c9 * of_y[9, s]
        out[s] = low + high + c10 * of_y[10, s] + c11 * of_y[11, s]


@njit(cache=True, error_model="numpy", fastmath=FLAGS)
def _step(x: np.ndarray, inner: np.ndarray, one: np.ndarray, two: np.ndarray, count: int) -> None:
    for s in range(count):
        now = 2.0 * x[s] * one[s] - two[s] + inner[s]
        two[s] = one[s]
        one[s] = now
