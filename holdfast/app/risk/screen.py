"""Screen: a risk report on one terminal screen: what it is worth, could lose, when it would be called, what is missing."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from holdfast.app.risk.desk import DeskAnswer
from holdfast.clock import format_time_ns
from holdfast.risk.margin.base import MarginResult
from holdfast.risk.margin.liquidation import Liquidation
from holdfast.risk.missing import Missing
from holdfast.risk.report import AccountRisk
from holdfast.risk.valuation import Report
from holdfast.risk.var.assess import Assessment

MISSING_MAX: Final = 8
SCENARIOS_MAX: Final = 8

_console = Console()


def screen(answer: DeskAnswer, page: Path) -> None:
    """Print the tables of an answer and where its page is."""
    report = answer.report
    time = (
        format_time_ns(report.market.time_ns)[:19].replace("T", " ") if report.market.time_ns else "no market"
    )
    _console.print(
        f"[bold]{report.portfolio.name}[/bold]  {time} UTC, in {report.portfolio.base_currency}",
        highlight=False,
    )
    rows = [("all", report.valuation.total())]
    rows += [(name, one) for name, one in report.valuation.by_asset().items() if one.legs]
    _print(("", "value", "delta $", "gamma 1 %", "vega 1 pt", "theta 1 d"), [_greeks(*row) for row in rows])
    _print(
        ("account", "model", "equity", "initial", "maintenance", "ratio", "called at", "within 1 h", "24 h"),
        [_margin(one) for one in report.accounts],
    )
    known = [one for one in report.assessments if isinstance(one, Assessment)]
    _print(("a day by", "VaR 95 %", "ES 95 %", "VaR 99 %", "ES 99 %"), [_measures(one) for one in known])
    worst = sorted(report.scenarios, key=lambda one: one.profit)[:SCENARIOS_MAX]
    _print(("scenario", "profit"), [(one.name, _money(one.profit)) for one in worst])
    reserve = report.reserve
    bound = "at least " if reserve.is_lower_bound else ""
    _console.print(
        f"reserve {bound}{_money(reserve.total)} against equity {_money(reserve.equity)}; "
        f"unwinding costs {_money(report.unwind.cost) if report.unwind.lines else 'unknown'}",
        highlight=False,
    )
    _tell_missing(answer.missing)
    _console.print(f"report: {page}", highlight=False, soft_wrap=True)


def surface_screen(report: dict[str, Any]) -> None:
    """Print one line an expiry of the surfaces of a snapshot."""
    _console.print(f"[bold]{report['snapshot']}[/bold]  {report['time']}", highlight=False)
    for asset, one in report["assets"].items():
        rows = [
            (
                fit["name"],
                _figure(fit["forward"], ".2f"),
                _figure(fit["atm"], ".1%"),
                _figure(fit["skew_25"], "+.1%"),
                _figure(fit["butterfly_25"], "+.1%"),
                _figure(fit["quality"]["median_error_spreads"], ".2f"),
                _figure(fit["quality"]["inside_share"], ".0%"),
                str(fit["quality"]["used"]),
            )
            for fit in one["expiries"]
        ]
        head = (
            asset,
            "forward",
            "at the money",
            "skew 25",
            "butterfly 25",
            "error / half-spread",
            "inside",
            "quotes",
        )
        _print(head, rows)
    if report["quarantined"]:
        _console.print(f"{len(report['quarantined'])} lines could not be read", style="yellow")


def _greeks(name: str, one: Report) -> tuple[str, ...]:
    return (
        name,
        *(_money(value) for value in (one.value, one.delta_dollars, one.gamma, one.vega, one.theta)),
    )


def _margin(one: AccountRisk) -> tuple[str, ...]:
    where = f"{one.account.venue}/{one.account.name}"
    if isinstance(one.margin, Missing) or one.margin.missing:
        return (where, one.account.margin_model or "none", *["unknown"] * 7)
    nearest = [
        side
        for prices in one.liquidation
        for side in (prices.down, prices.up)
        if isinstance(side, Liquidation)
    ]
    first = min(nearest, key=lambda side: abs(side.distance), default=None)
    odds = [one.odds[asset].probabilities for asset in one.odds]
    hour, day = (max((chances[k] for chances in odds), default=float("nan")) for k in (0, 1))
    return (
        where,
        one.margin.model,
        *(_money(value) for value in (one.margin.equity, one.margin.im, one.margin.mm)),
        _ratio(one.margin),
        f"{first.asset} {first.price:,.6g} ({first.move:+.0%})" if first else "no price",
        _figure(hour, ".1%"),
        _figure(day, ".1%"),
    )


def _ratio(margin: MarginResult) -> str:
    return f"{margin.ratio:.0%}" if margin.ratio < float("inf") else "no equity"


def _measures(one: Assessment) -> tuple[str, ...]:
    told = [one.model]
    for measure in one.measures:
        told += ["unknown"] * 2 if isinstance(measure, Missing) else [_money(measure.var), _money(measure.es)]
    return tuple(told)


def _tell_missing(missing: Sequence[Missing]) -> None:
    for one in missing[:MISSING_MAX]:
        _console.print(f"missing  {one}", style="yellow", markup=False, highlight=False, soft_wrap=True)
    if len(missing) > MISSING_MAX:
        _console.print(
            f"missing  and {len(missing) - MISSING_MAX} more, all in the report",
            style="yellow",
            highlight=False,
        )


def _print(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    if not rows:
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for number, name in enumerate(head):
        table.add_column(name, justify="left" if number == 0 else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    _console.print(table)
    _console.print()


def _money(value: float) -> str:
    return _figure(value, ",.0f")


def _figure(value: float | None, form: str) -> str:
    return "unknown" if value is None or not abs(value) < float("inf") else format(value, form)
