"""Heston: 100 quotes fitted by gradients, beside QuantLib's calibration of the same quotes.

Defends: JAX for what needs gradients. Wall time, warm, the best of several rounds; one process, JAX with its own threads.
"""

import time
from typing import Final

import numpy as np
import QuantLib as ql
from scipy.optimize import brentq

from benchmarks.measure import Bench
from holdfast.risk.pricing.black76 import black76_price
from holdfast.risk.surface.heston import (
    StochasticVolatility,
    StochasticVolatilityFit,
    fit_stochastic_volatility,
    option_prices,
)

ROUNDS: Final = 7
DAYS: Final = np.array([7, 14, 30, 60, 90, 120, 180, 270, 365, 540])
TRUE: Final = StochasticVolatility(
    variance=0.3, reversion=2.5, long_variance=0.4, vol_of_variance=1.3, correlation=-0.35
)


def measure(bench: Bench) -> None:
    """Fit the same 100 quotes by both and print times and what each found."""
    years = np.repeat(DAYS / 365.0, 10)
    moneyness = np.tile(np.linspace(-1.2, 1.2, 10), 10) * np.sqrt(years) * 0.6
    volatility = _volatilities(years, moneyness)
    ours_s, error = _ours(years, moneyness, volatility)
    theirs_s, their_error = _quantlib(years, moneyness, volatility)
    bench.add(
        "Heston, 100 quotes fitted", 1e3 * ours_s, "ms", 1e3 * theirs_s, f"QuantLib {ql.__version__}", theirs_s / ours_s,
        "<= 20 ms and >= 5 times QuantLib", 1e3 * ours_s <= 20.0 and theirs_s >= 5.0 * ours_s,
    )  # fmt: skip
    bench.add("Heston, error of parameters", error, "relative", their_error, f"QuantLib {ql.__version__}")


def _ours(years: np.ndarray, moneyness: np.ndarray, volatility: np.ndarray) -> tuple[float, float]:
    best, error = float("inf"), float("nan")
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        fit = fit_stochastic_volatility("heston", years, moneyness, volatility, np.ones(len(years)))
        best = min(best, time.perf_counter() - begun)
        assert isinstance(fit, StochasticVolatilityFit)
        error = float(np.abs(fit.parameters.vector()[:5] / TRUE.vector()[:5] - 1.0).max())
    return best, error


def _quantlib(years: np.ndarray, moneyness: np.ndarray, volatility: np.ndarray) -> tuple[float, float]:
    today = ql.Date(1, 1, 2025)
    ql.Settings.instance().evaluationDate = today
    flat = ql.YieldTermStructureHandle(ql.FlatForward(today, 0.0, ql.Actual365Fixed()))
    spot = ql.QuoteHandle(ql.SimpleQuote(1.0))
    best, error = float("inf"), float("nan")
    for _ in range(3):
        model = ql.HestonModel(ql.HestonProcess(flat, flat, spot, 0.25, 3.0, 0.35, 1.5, -0.3))
        engine = ql.AnalyticHestonEngine(model, 64)
        quotes: list[object] = []
        for t, k, v in zip(years, moneyness, volatility, strict=True):
            one = ql.HestonModelHelper(
                ql.Period(round(t * 365), ql.Days), ql.NullCalendar(), 1.0, float(np.exp(k)),
                ql.QuoteHandle(ql.SimpleQuote(float(v))), flat, flat, ql.BlackCalibrationHelper.ImpliedVolError,
            )  # fmt: skip
            one.setPricingEngine(engine)
            quotes.append(one)
        begun = time.perf_counter()
        model.calibrate(
            quotes, ql.LevenbergMarquardt(1e-8, 1e-8, 1e-8), ql.EndCriteria(500, 50, 1e-8, 1e-8, 1e-8)
        )
        best = min(best, time.perf_counter() - begun)
        found = np.array([model.v0(), model.kappa(), model.theta(), model.sigma(), model.rho()])
        error = float(np.abs(found / TRUE.vector()[:5] - 1.0).max())
    return best, error


def _volatilities(years: np.ndarray, moneyness: np.ndarray) -> np.ndarray:
    sign = np.where(moneyness < 0.0, -1.0, 1.0)
    one = np.ones(len(years))
    prices = option_prices(TRUE, one, np.exp(moneyness), years, sign, one)
    return np.array(
        [
            brentq(
                lambda v, k=k, t=t, s=s, p=p: black76_price(1.0, float(np.exp(k)), t, v, s, 1.0) - p,
                1e-3,
                9.0,
                xtol=1e-14,
            )
            for k, t, s, p in zip(moneyness, years, sign, prices, strict=True)
        ]
    )
