"""Screen: a risk report on one terminal screen: what it is worth, could lose, when it would be called, what is missing.

Rules:

1. What goes to a file or a pipe is `WIDTH` columns wide, whatever a terminal would be: nothing is cut.
2. A sum that lacks something held says `partial` beside its name; a margin that lacks something is unknown, not smaller.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from holdfast.app.report.words import figure
from holdfast.app.risk.desk import DeskAnswer
from holdfast.app.risk.tables import signed
from holdfast.clock import format_time_ns
from holdfast.risk.margin.base import MarginResult
from holdfast.risk.margin.liquidation import Liquidation
from holdfast.risk.missing import Missing
from holdfast.risk.report import AccountRisk, RiskReport
from holdfast.risk.valuation import Report
from holdfast.risk.var.assess import Assessment
from holdfast.risk.var.backtest.table import Row

MISSING_MAX: Final = 8
SCENARIOS_MAX: Final = 8
TRADES_MAX: Final = 4
WIDTH: Final = 120
HOURS_YEAR: Final = 8_760.0


def screen(answer: DeskAnswer, page: Path) -> None:
    """Print the tables of an answer and where its page is."""
    console, report = _console(), answer.report
    time = (
        format_time_ns(report.market.time_ns)[:19].replace("T", " ") + " UTC"
        if report.market.time_ns
        else "no market"
    )
    _line(console, f"{report.portfolio.name}  {time}, in {report.portfolio.base_currency}", style="bold")
    _tell_missing(console, answer.missing)
    rows = [_greeks("all", report.valuation.total(), answer.is_partial())]
    rows += [
        _greeks(name, one, answer.is_partial(asset=name))
        for name, one in report.valuation.by_asset().items()
        if one.legs
    ]
    _print(console, ("", "value", "delta $", "gamma 1 %", "vega 1 pt", "theta 1 d"), rows)
    _print(
        console,
        ("account", "model", "equity", "initial", "mainten.", "ratio", "called at", "in 1 h", "in 24 h"),
        [_margin(one, answer) for one in report.accounts],
    )
    for one in report.accounts:
        if one.cures is not None:
            _line(console, _cured(one))
    known = [one for one in report.assessments if isinstance(one, Assessment)]
    _print(
        console,
        ("loss by", "over", "VaR 95 %", "ES 95 %", "VaR 99 %", "ES 99 %"),
        [_measures(one) for one in known],
    )
    tested = [one for one in report.backtests if isinstance(one, Row)]
    _print(
        console,
        ("backtest of", "model", "level", "expected", "seen", "p count", "light", "verdict"),
        [_backtest(one) for one in tested],
    )
    worst = sorted(report.scenarios, key=lambda one: one.profit)[:SCENARIOS_MAX]
    of = " of what is priced" if answer.is_partial() else ""
    _print(console, (f"scenario{of}", "profit"), [(one.name, _money(one.profit)) for one in worst])
    _line(console, _hedged(report, of))
    reserve = report.reserve
    bound = "at least " if reserve.is_lower_bound else ""
    priced = "priced " if answer.is_partial() else ""
    _line(
        console,
        f"reserve {bound}{_money(reserve.total)} against {priced}equity {_money(reserve.equity)}; "
        f"unwinding costs {_money(report.unwind.cost) if report.unwind.lines else 'unknown'}",
    )
    _line(console, f"report: {page}")


def surface_screen(report: dict[str, Any]) -> None:
    """Print one line an expiry of the surfaces of a snapshot."""
    console = _console()
    _line(console, f"{report['snapshot']}  {report['time']}", style="bold")
    for asset, one in report["assets"].items():
        rows = [
            (
                fit["expiry"][:10],
                _figure(fit["forward"], ",.2f"),
                _figure(fit["atm_volatility"], ".1%"),
                _figure(fit["skew_25"], "+.1%"),
                _figure(fit["butterfly_25"], "+.1%"),
                _figure(fit["fit"]["median_error_spreads"], ".2f"),
                _figure(fit["fit"]["inside_share"], ".0%"),
                str(fit["fit"]["used"]),
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
        _print(console, head, rows)
        for gap in one["missing"]:
            _line(console, f"missing  {gap['where']}: {gap['reason']} [{gap['code']}]", style="yellow")
    if report["quarantined"]:
        _line(console, f"{len(report['quarantined'])} lines could not be read", style="yellow")


def _greeks(name: str, one: Report, partial: bool) -> tuple[str, ...]:
    return (
        f"{name} (partial)" if partial else name,
        *(_money(value) for value in (one.value, one.delta_dollars, one.gamma, one.vega, one.theta)),
    )


def _margin(one: AccountRisk, answer: DeskAnswer) -> tuple[str, ...]:
    where = f"{one.account.venue}/{one.account.name}"
    if isinstance(one.margin, Missing) or one.margin.missing or answer.is_partial(key=one.account.key):
        return (f"{where} (partial)", one.account.margin_model or "none", *["unknown"] * 7)
    nearest = [
        side
        for prices in one.liquidation
        for side in (prices.down, prices.up)
        if isinstance(side, Liquidation)
    ]
    first = min(nearest, key=lambda side: abs(side.distance), default=None)
    odds = [one.odds[asset].probabilities for asset in one.odds]
    hour, day = (max((chances[k] for chances in odds), default=float("nan")) for k in (0, 1))
    called = f"{first.asset} {first.price:,.6g} ({first.move:+.0%})" if first else "no price"
    return (
        where,
        one.margin.model,
        *(_money(value) for value in (one.margin.equity, one.margin.im, one.margin.mm)),
        _ratio(one.margin),
        "called now" if one.margin.headroom < 0.0 else called,
        _figure(hour, ".1%"),
        _figure(day, ".1%"),
    )


def _cured(one: AccountRisk) -> str:
    where = f"{one.account.venue}/{one.account.name}"
    if one.cures is None or not one.cures.cures:
        return f"{where} is called: nothing that was tried cures it"
    ways = "; or ".join(
        f"{', '.join(f'{step.what} {figure(abs(step.quantity))}' for step in cure.steps)} for {_money(cure.cost)}"
        for cure in one.cures.cures
    )
    return f"{where} is called: {ways}"


def _backtest(row: Row) -> tuple[str, ...]:
    count = row.tests[0]
    return (
        row.series,
        row.model,
        f"{row.level:.0%}",
        f"{row.expected:.1f} of {row.steps:,}",
        str(row.seen),
        "unknown" if isinstance(count, Missing) else f"{count.p_value:.3f}",
        "unknown" if isinstance(row.light, Missing) else row.light.zone,
        row.verdict,
    )


def _hedged(report: RiskReport, of: str) -> str:
    hedge = report.hedge
    if isinstance(hedge, Missing):
        return f"hedge{of} unknown: {hedge.reason} [{hedge.code}]"
    if not hedge.trades:
        return f"hedge{of}: no trade is worth its cost"
    largest = sorted(hedge.trades, key=lambda one: -one.cost)[:TRADES_MAX]
    told = ", ".join(f"{signed(one.size)} {one.instrument}" for one in largest)
    more = f" and {len(hedge.trades) - TRADES_MAX} more" if len(hedge.trades) > TRADES_MAX else ""
    return (
        f"hedge{of}: {told}{more} for {_money(hedge.cost)} takes ten days' deviation "
        f"from {_money(hedge.deviation_before)} to {_money(hedge.deviation_after)}"
    )


def _ratio(margin: MarginResult) -> str:
    return f"{margin.ratio:.0%}" if margin.ratio < float("inf") else "no equity"


def _measures(one: Assessment) -> tuple[str, ...]:
    told: list[str] = [f"{one.model} (partial)" if one.missing else one.model, _horizon(one.horizon_years)]
    for measure in one.measures:
        told += ["unknown"] * 2 if isinstance(measure, Missing) else [_money(measure.var), _money(measure.es)]
    return tuple(told)


def _horizon(years: float) -> str:
    hours = years * HOURS_YEAR
    return f"{hours:.0f} h" if hours >= 1.0 else f"{60.0 * hours:.0f} min"


def _tell_missing(console: Console, missing: Sequence[Missing]) -> None:
    for one in missing[:MISSING_MAX]:
        _line(console, f"missing  {one}", style="yellow")
    if len(missing) > MISSING_MAX:
        _line(console, f"missing  and {len(missing) - MISSING_MAX} more, all in the report", style="yellow")


def _console() -> Console:
    """Return a console as wide as the terminal, `WIDTH` where there is none."""
    console = Console(highlight=False, markup=False)
    return console if console.is_terminal else Console(highlight=False, markup=False, width=WIDTH)


def _line(console: Console, text: str, style: str | None = None) -> None:
    console.print(text, style=style, soft_wrap=True)


def _print(console: Console, head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    if not rows:
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for number, name in enumerate(head):
        table.add_column(name, justify="left" if number == 0 else "right", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)
    console.print()


def _money(value: float) -> str:
    return _figure(value, ",.0f")


def _figure(value: float | None, form: str) -> str:
    return "unknown" if value is None or not abs(value) < float("inf") else format(value, form)
