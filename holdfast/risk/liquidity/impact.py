"""Impact: how far an order worked over time moves the price, by the square-root law.

Rules:

1. Peak impact as a fraction of price = coefficient x daily volatility x (quantity / daily volume)^exponent. The
   exponent is 0.5 and the coefficient 1 unless fitted: what the literature finds across markets, to within a factor
   of two.
2. The average price paid is impact / (1 + exponent) away: two thirds of the peak for a square root.
3. A fit takes trades in windows: net signed flow against the price's move, both in units of the day.

Source: Torre (1997), BARRA market impact model; Toth et al. (2011), Anomalous price impact; Bouchaud (2010):
coefficient near 1.
Limits: the law is of metaorders in an orderly market. In a crash makers leave, and it understates by a multiple (see
`cascade.py`). A fit on anonymous trades measures the aggregate flow, not one's own orders.
"""

import math
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.clock import DAY_NS, SECOND_NS
from holdfast.error import CallerError
from holdfast.risk.missing import Missing

WINDOWS_MIN: Final = 30
EXPONENTS: Final = np.linspace(0.1, 1.5, 141)


class Impact(msgspec.Struct, frozen=True, kw_only=True):
    """The law with its coefficients. Raises: CallerError `impact.law`."""

    coefficient: float = 1.0
    exponent: float = 0.5

    def __post_init__(self) -> None:
        if not 0.0 < self.coefficient < math.inf or not 0.0 < self.exponent <= 2.0:
            raise CallerError("impact.law", "the coefficient is above 0, the exponent above 0 and at most 2")

    def peak(self, quantity: float, daily_volume: float, daily_volatility: float) -> float:
        """Return the fraction by which the price has moved at the end of the order.

        Units: quantity and volume alike, quantity signed or not; volatility a fraction a day.
        Raises: CallerError `impact.market`.

        >>> Impact().peak(100.0, 10_000.0, 0.04)
        0.004
        """
        if not daily_volume > 0.0 or not daily_volatility >= 0.0 or not math.isfinite(quantity):
            raise CallerError("impact.market", "impact needs a quantity, a volume above 0 and a volatility")
        return self.coefficient * daily_volatility * (abs(quantity) / daily_volume) ** self.exponent

    def average(self, quantity: float, daily_volume: float, daily_volatility: float) -> float:
        """Return the fraction by which the average price paid is worse than the price at the start."""
        return self.peak(quantity, daily_volume, daily_volatility) / (1.0 + self.exponent)


class ImpactFit(msgspec.Struct, frozen=True, kw_only=True):
    """A fitted law and how well it holds.

    `coefficient_error` is the standard error at exponent 0.5 kept; `free` is the law with the exponent fitted too;
    r_squared are of the moves of single windows.
    """

    law: Impact
    coefficient_error: float
    r_squared: float
    free: Impact
    free_r_squared: float
    windows: int
    daily_volume: float
    daily_volatility: float


def fit_impact(
    times_ns: NDArray[np.int64],
    prices: NDArray[np.float64],
    signed_sizes: NDArray[np.float64],
    *,
    window_s: float = 60.0,
    where: str = "",
) -> ImpactFit | Missing:
    """Fit the law to trades: each window's log move against its net aggressive flow.

    Units: sizes signed by the aggressor, in one unit throughout; times ascending. Shape: all (trades,).
    Raises: CallerError `impact.trades` where the arrays are not trades.
    """
    if (
        not (len(times_ns) == len(prices) == len(signed_sizes))
        or not window_s > 0.0
        or not (prices > 0.0).all()
        or (len(times_ns) and not (np.diff(times_ns) >= 0).all())
    ):
        raise CallerError(
            "impact.trades", "trades need ascending times, positive prices and signed sizes", where=where
        )
    window_ns = round(window_s * SECOND_NS)
    first = np.flatnonzero(np.diff(times_ns // window_ns, prepend=-1))
    if len(first) < WINDOWS_MIN + 1:
        return Missing(
            where, "impact.trades", f"{max(len(first) - 1, 0)} windows of trades, fewer than {WINDOWS_MIN}",
            "give more trades or shorter windows",
        )  # fmt: skip
    flow = np.add.reduceat(signed_sizes, first)
    last = np.append(first[1:], len(prices)) - 1
    moves = np.diff(np.log(prices[last]))
    flow = flow[1:]
    days = float(times_ns[-1] - times_ns[0]) / DAY_NS
    volume = float(np.abs(signed_sizes).sum()) / days
    volatility = math.sqrt(float((moves**2).sum()) / days)
    if not volume > 0.0 or not volatility > 0.0:
        return Missing(where, "impact.trades", "the trades have no volume or the price never moved")
    scaled = moves / volatility
    signs, sizes = np.sign(flow), np.abs(flow) / volume
    coefficient, error, quality = _through_origin(signs * np.sqrt(sizes), scaled)
    trials = [(_through_origin(signs * sizes**power, scaled), float(power)) for power in EXPONENTS]
    (best, _, best_quality), power = max(trials, key=lambda trial: trial[0][2])
    if not coefficient > 0.0 or not best > 0.0:
        return Missing(where, "impact.sign", "the price does not follow the flow in these trades")
    return ImpactFit(
        law=Impact(coefficient=coefficient),
        coefficient_error=error,
        r_squared=quality,
        free=Impact(coefficient=best, exponent=power),
        free_r_squared=best_quality,
        windows=len(moves),
        daily_volume=volume,
        daily_volatility=volatility,
    )


def _through_origin(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return slope, its standard error robust to uneven variance, and the share of squares explained."""
    squares = float(x @ x)
    if squares == 0.0:
        return 0.0, math.inf, 0.0
    slope = float(x @ y) / squares
    rest = y - slope * x
    return slope, math.sqrt(float(((x * rest) ** 2).sum())) / squares, 1.0 - float(rest @ rest) / float(y @ y)
