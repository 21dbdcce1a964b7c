"""The table of forecasts out of sample on real series: `python -m tests.evidence.forecast_table [FOLDER]` prints Markdown.

Every forecast sees the returns before it; horizons do not overlap; all models are scored on the same horizons.
"""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from holdfast.risk.forecast.base import VolatilityForecast
from holdfast.risk.forecast.choose import forecast
from holdfast.risk.forecast.ewma import ewma
from holdfast.risk.forecast.score import Comparison, Evaluation, diebold_mariano, evaluate, qlike_losses
from holdfast.risk.missing import Missing
from tests.evidence.var_series import Series, load

Forecaster = Callable[[np.ndarray, float, float], VolatilityForecast | Missing]

# series, horizon in seconds, returns known before the first forecast, newest returns that GARCH may see (0: no GARCH)
CASES = [
    ("BTC 2022-01, 1 min", 3_600.0, 10_000, 0),
    ("BTC 2022-01, 1 min", 600.0, 10_000, 0),
    ("USDC 2023-03, 1 min", 3_600.0, 10_000, 0),
    ("USDe 2025-10, 1 min", 3_600.0, 10_000, 0),
    ("AAVE 2025-10-10, 1 min", 600.0, 600, 5_000),
    ("ATOM 2025-10-10, 1 min", 600.0, 600, 5_000),
    ("TRX 2025-10-10, 1 min", 600.0, 600, 5_000),
    ("BTC perp 2025-10-09/10, 1 min", 600.0, 720, 5_000),
    ("DVOL 2022-2025, 1 d, short", 86_400.0, 500, 5_000),
    ("DVOL 2022-2025, 1 d, short", 604_800.0, 500, 5_000),
]


def _flat(returns: np.ndarray, interval_s: float, horizon_s: float) -> VolatilityForecast | Missing:
    """Return the mean of all that is known, for comparison."""
    return ewma(returns, interval_s, horizon_s, memory=float(returns.size))


def evaluations(series: Series, horizon_s: float, first: int, garch: int) -> dict[str, Evaluation]:
    """Return each model's forecasts of one series."""
    models: dict[str, Forecaster] = {
        "ewma": ewma,
        "ewma 0.94": partial(ewma, memory=17.0),
        "har": partial(forecast, model="har"),
        "blend": forecast,
        "constant": _flat,
    }
    if garch:
        models["garch"] = partial(forecast, model="garch")
    found: dict[str, Evaluation] = {}
    for name, model in models.items():
        window = garch if name == "garch" else 0
        result = evaluate(series.returns, series.interval_s, horizon_s, model, first=first, window=window)
        if isinstance(result, Evaluation):
            found[name] = result
    return found


def main() -> None:
    """Print the table."""
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[3] / "shared" / "data"
    known = {series.name: series for series in load(data)}
    names = ("blend", "har", "ewma", "ewma 0.94", "garch", "constant")
    print(
        "| series | horizon | forecasts | "
        + " | ".join(names)
        + " | within 90 % (blend) | blend against ewma: p |"
    )
    print("|---" * (len(names) + 5) + "|")
    for name, horizon_s, first, garch in CASES:
        found = evaluations(known[name], horizon_s, first, garch)
        blend = found["blend"]
        cells = [f"{found[model].qlike:.3f}" if model in found else "—" for model in names]
        losses = [
            qlike_losses(found[model].volatility ** 2, blend.realised**2) for model in ("blend", "ewma")
        ]
        test = diebold_mariano(losses[0], losses[1])
        p_value = f"{test.p_value:.3f}" if isinstance(test, Comparison) else "the same"
        horizon = f"{horizon_s / 60:g} min" if horizon_s < 86_400 else f"{horizon_s / 86_400:g} d"
        print(
            f"| {name} | {horizon} | {blend.origins.size} | "
            + " | ".join(cells)
            + f" | {blend.covered:.0%} | {p_value} |"
        )


if __name__ == "__main__":
    main()
