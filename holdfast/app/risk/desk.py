"""Desk: a portfolio file and market files in, the whole risk report out, with everything that could not be used."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from holdfast.app.recording.symbols import describe
from holdfast.app.risk.events import default_events
from holdfast.app.risk.margin_models import models_of
from holdfast.app.risk.market_file import Seen, read_market
from holdfast.app.risk.portfolio_file import read_portfolio
from holdfast.app.risk.surfaces import with_surfaces
from holdfast.clock import format_time_ns
from holdfast.error import CallerError, OutsideError
from holdfast.instrument import Instruments
from holdfast.risk.contract import Contract, contract_of
from holdfast.risk.margin.base import MarginResult
from holdfast.risk.margin.liquidation import Liquidation
from holdfast.risk.market import Price, RiskMarket
from holdfast.risk.missing import Missing
from holdfast.risk.portfolio import Key
from holdfast.risk.report import AccountRisk, RiskReport, assess_portfolio
from holdfast.risk.surface.chain import ChainFit
from holdfast.risk.var.assess import Assessment


class DeskAnswer(msgspec.Struct, frozen=True):
    """A report, the fitted chains behind it, and every gap: of the files, the market and the report.

    `unread` are rows of the portfolio file that say nothing usable: whose they are is not known, so every sum is partial.
    """

    report: RiskReport
    fits: dict[str, ChainFit]
    missing: tuple[Missing, ...]
    unread: tuple[Missing, ...] = ()

    def is_partial(self, *, key: Key | None = None, asset: str = "", venue: str = "") -> bool:
        """Tell whether something held is in no number, as `RiskReport.is_partial`, or may be."""
        return bool(self.unread) or self.report.is_partial(key=key, asset=asset, venue=venue)

    def summary(self) -> dict[str, Any]:
        """Return the answer as plain JSON types, what is no finite number as None."""
        report = self.report
        return {
            "portfolio": report.portfolio.name,
            "time": format_time_ns(report.market.time_ns) if report.market.time_ns else "",
            "currency": report.portfolio.base_currency,
            "partial": self.is_partial(),
            "unpriced": [*(one.name for one in report.unpriced), *(one.where for one in self.unread)],
            "total": _plain(report.valuation.total()),
            "by_asset": {
                name: _plain(one) | {"partial": self.is_partial(asset=name)}
                for name, one in report.valuation.by_asset().items()
                if one.legs
            },
            "by_venue": {
                name: _plain(one) | {"partial": self.is_partial(venue=name)}
                for name, one in report.valuation.by_venue().items()
            },
            "exposures": report.valuation.exposures(),
            "accounts": [
                _account(one) | {"partial": self.is_partial(key=one.account.key)} for one in report.accounts
            ],
            "forecasts": {name: _plain(one) for name, one in report.forecasts.items()},
            "var": [_assessment(one) for one in report.assessments],
            "backtest": [_plain(one) for one in report.backtests],
            "scenarios": [
                {
                    "name": one.name,
                    "profit": one.profit,
                    "lost": one.lost,
                    "paid": one.paid,
                    "notes": [str(n) for n in one.notes],
                }
                for one in report.scenarios
            ],
            "grid": {
                "spot": report.grid.axes.spot,
                "volatility": report.grid.axes.volatility,
                "profit": report.grid.table().tolist(),
            },
            "reverse_stress": _plain(report.reverse),
            "hedge": _plain(report.hedge),
            "exposure_profiles": [_plain(one) for one in report.profiles],
            "unwind": _plain(report.unwind),
            "venues": _plain(report.venues),
            "reserve": _plain(report.reserve) | {"surplus": report.reserve.surplus},
            "surfaces": {
                name: {
                    "quality": _plain(fit.quality),
                    "expiries": len(fit.expiries),
                    "flags": fit.surface.flags,
                }
                for name, fit in self.fits.items()
            },
            "missing": [_plain(one) for one in self.missing],
        }


def assess_files(portfolio: Path, market: Sequence[Path]) -> DeskAnswer:
    """Read what a desk holds and what the market is, and say everything that can be said.

    Raises: CallerError as `read_portfolio` and `read_market`; `margin.unknown_model` for a model that does not exist.
    """
    held = read_portfolio(portfolio)
    models = models_of(held.portfolio)  # a wrong name is told before any market is read
    seen = read_market(market, held.portfolio) if market else _nothing(held.portfolio.base_currency)
    fitted = with_surfaces(seen.market, seen.chains)
    events = default_events()
    report = assess_portfolio(
        held.portfolio,
        fitted.market,
        seen.history,
        models,
        tuple(events.events.values()),
        pegged=events.pegged,
        turnovers=seen.turnovers,
        offered=offered_contracts(fitted.market),
    )
    assumed = [
        Missing(
            asset,
            "price.assumed",
            "nothing shows its price: it is taken at par",
            "give a market file that has it",
        )
        for asset, price in fitted.market.prices.items()
        if price.source == "par"
    ]
    gaps = (*held.missing, *seen.missing, *assumed, *fitted.missing, *report.missing)
    if not len(report.valuation.legs.legs):
        first = f": {gaps[0]}" if gaps else ""
        raise CallerError(
            "risk.nothing_priced",
            f"no position could be priced{first}",
            where=str(portfolio),
            remedy="give --market",
        )
    return DeskAnswer(report, fitted.fits, tuple(dict.fromkeys(gaps)), held.missing)


def offered_contracts(market: RiskMarket) -> tuple[Contract, ...]:
    """Return the contracts that the market has a mark of, as their names describe them."""
    instruments = Instruments()
    found: list[Contract] = []
    for name in market.marks:
        venue, _, symbol = name.partition(":")
        try:
            found.append(contract_of(instruments[describe(instruments, venue, symbol)]))
        except (CallerError, OutsideError):
            continue  # a name that says no terms is priced where held, and nothing to hedge with
    return tuple(found)


def _nothing(base_currency: str) -> Seen:
    return Seen(
        RiskMarket(
            time_ns=0, base_currency=base_currency, prices={base_currency: Price(1.0, 0, "base currency")}
        )
    )


def _account(one: AccountRisk) -> dict[str, Any]:
    told: dict[str, Any] = {
        "venue": one.account.venue,
        "account": one.account.name,
        "margin": _plain(one.margin),
        "liquidation": {
            prices.asset: {
                side: {"price": found.price, "move": found.move}
                if isinstance(found, Liquidation)
                else str(found)
                for side, found in (("down", prices.down), ("up", prices.up))
            }
            for prices in one.liquidation
        },
        "call_odds": {
            asset: dict(zip((f"{h:g}h" for h in odds.horizons_hours), odds.probabilities, strict=True))
            for asset, odds in one.odds.items()
        },
        "cures": _plain(one.cures),
    }
    if isinstance(one.margin, MarginResult):
        told["ratio"] = _number(one.margin.ratio)
    return told


def _assessment(one: Assessment | Missing) -> dict[str, Any]:
    if isinstance(one, Missing):
        return _plain(one)
    return {
        "model": one.model,
        "horizon_years": one.horizon_years,
        "measures": [_plain(measure) for measure in one.measures],
        "parts": _plain(one.parts),
        "partial": bool(one.missing),
        "notes": one.notes,
        "missing": [str(gap) for gap in one.missing],
    }


def _plain(value: Any) -> Any:
    """Return a value of ours as JSON types; what is no finite number as None."""
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, np.ndarray | tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, msgspec.Struct):
        return {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
    return value


def _number(value: float) -> float | None:
    return float(value) if abs(value) < float("inf") else None
