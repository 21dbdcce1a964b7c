"""Page: a risk report as one self-contained HTML file: value, margin, tails, scenarios, P&L grid, surfaces, exposures.

It shares style and content policy with the report of a run: it asks the network nothing and runs no script.
"""

from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Final

import numpy as np

from holdfast.app.report.markup import Child, Markup, tag
from holdfast.app.report.words import figure
from holdfast.app.risk.desk import DeskAnswer
from holdfast.app.risk.drawing import bars, heat, histogram, smiles
from holdfast.clock import format_time_ns
from holdfast.risk.margin.base import MarginResult
from holdfast.risk.margin.liquidation import Liquidation
from holdfast.risk.missing import Missing
from holdfast.risk.report import AccountRisk
from holdfast.risk.scenarios.scenario import Outcome
from holdfast.risk.valuation import Report
from holdfast.risk.var.assess import Assessment
from holdfast.risk.var.contribution import Contributions

SLICES_MAX: Final = 12
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def write_page(path: Path, answer: DeskAnswer) -> None:
    """Write the page of an answer."""
    path.write_text(render(answer), encoding="utf-8")


def render(answer: DeskAnswer) -> str:
    """Return the page of an answer as HTML."""
    report = answer.report
    style = "".join(
        resources.files(package).joinpath(name).read_text(encoding="utf-8")
        for package, name in (("holdfast.app.report", "page.css"), ("holdfast.app.risk", "risk.css"))
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"Holdfast: risk of {report.portfolio.name}"),
        tag("style", Markup(style)),
    )
    time = (
        format_time_ns(report.market.time_ns)[:19].replace("T", " ") if report.market.time_ns else "no market"
    )
    bar = tag(
        "header",
        tag("b", "Holdfast"),
        tag(
            "span", f"{report.portfolio.name}: {time} UTC, in {report.portfolio.base_currency}", class_="when"
        ),
        class_="bar",
    )
    body = tag("body", bar, tag("main", _cards(answer)))
    return "<!doctype html>\n" + tag("html", head, body, lang="en") + "\n"


def _cards(answer: DeskAnswer) -> Child:
    report = answer.report
    valuation = report.valuation
    total = valuation.total()
    known = [one for one in report.assessments if isinstance(one, Assessment)]
    return (
        _missing(answer.missing),
        _card(
            "Value and greeks",
            _greeks([("all", total), *_held(valuation.by_asset())]),
            _greeks(_held(valuation.by_venue())),
        ),
        _card("Margin", _margin(report.accounts)),
        _card("Profit over spot and volatility", heat(report.grid)),
        _card(
            "A day's losses",
            _measures(known),
            [histogram(one.profits, one.model) for one in known],
            [_parts(one) for one in known],
        ),
        _card("Scenarios", _scenarios(report.scenarios), _reverse(answer)),
        _card("Surfaces", [smiles(name, fit, SLICES_MAX) for name, fit in answer.fits.items()] or _none()),
        _card(
            "Exposure profile",
            tag("h4", "delta in money by time to expiry"),
            bars([(name, one.delta_dollars) for name, one in valuation.by_expiry().items()]),
            tag("h4", "money gained for a move of one in the log of each price"),
            bars(list(valuation.exposures().items())),
            tag("h4", "claims on venues"),
            bars([(one.venue, one.claim) for one in report.venues.venues]),
        ),
        _card("Liquidity and reserve", _reserve(answer)),
    )


def _held(parts: dict[str, Report]) -> list[tuple[str, Report]]:
    return [(name, one) for name, one in parts.items() if one.legs]


def _card(title: str, *body: Child) -> Markup:
    return tag("section", tag("h2", title), body, class_="card risk")


def _none() -> Markup:
    return tag("p", "None.", class_="muted")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    if not rows:
        return _none()
    top = tag("tr", [tag("th", name, class_="n" if number else None) for number, name in enumerate(head)])
    body = [
        tag("tr", [tag("td", cell, class_="n" if number else None) for number, cell in enumerate(row)])
        for row in rows
    ]
    return tag("div", tag("table", tag("thead", top), tag("tbody", body)), class_="scroll")


def _greeks(rows: list[tuple[str, Report]]) -> Markup:
    head = (
        "",
        "value",
        "delta in money",
        "gross",
        "gamma for 1 %",
        "vega for a point",
        "theta for a day",
        "rho for a bp",
    )
    return _table(
        head,
        [
            (
                name,
                *(
                    _money(v)
                    for v in (r.value, r.delta_dollars, r.gross_dollars, r.gamma, r.vega, r.theta, r.rho)
                ),
            )
            for name, r in rows
        ],
    )


def _margin(accounts: Sequence[AccountRisk]) -> Markup:
    rows: list[Sequence[str]] = []
    for one in accounts:
        where = f"{one.account.venue}/{one.account.name}"
        if isinstance(one.margin, Missing):
            rows.append((where, str(one.margin), *[""] * 7))
            continue
        sides = [
            side
            for prices in one.liquidation
            for side in (prices.down, prices.up)
            if isinstance(side, Liquidation)
        ]
        called = (
            ", ".join(f"{side.asset} {side.price:,.6g} ({side.move:+.0%})" for side in sides)
            or "no price alone"
        )
        chances = [odds.probabilities for odds in one.odds.values()]
        hour, day = (max((chance[k] for chance in chances), default=float("nan")) for k in (0, 1))
        rows.append((where, *_margin_figures(one.margin), called, _share(hour), _share(day)))
    head = (
        "account",
        "model",
        "equity",
        "initial",
        "maintenance",
        "ratio",
        "called at",
        "within 1 h",
        "within 24 h",
    )
    return _table(head, rows)


def _margin_figures(margin: MarginResult) -> tuple[str, ...]:
    return (
        margin.model,
        *(_money(value) for value in (margin.equity, margin.im, margin.mm)),
        _share(margin.ratio),
    )


def _measures(known: Sequence[Assessment]) -> Markup:
    rows: list[Sequence[str]] = []
    for one in known:
        for measure in one.measures:
            if isinstance(measure, Missing):
                rows.append((one.model, str(measure), *[""] * 4))
                continue
            between = f"{_money(measure.var_low)} to {_money(measure.var_high)}"
            rows.append(
                (
                    one.model,
                    f"{measure.level:.1%}",
                    _money(measure.var),
                    between,
                    _money(measure.es),
                    _money(measure.es_error),
                )
            )
    return _table(("model", "level", "VaR", "95 % of draws", "ES", "its error"), rows)


def _parts(one: Assessment) -> Markup | None:
    if not isinstance(one.parts, Contributions):
        return None
    rows = [
        (part.name, _money(part.component_var), _money(part.component_es), _money(part.incremental_es))
        for part in one.parts.parts
    ]
    return _table(
        (f"{one.model}, {one.parts.level:.0%}", "component VaR", "component ES", "ES without it"), rows
    )


def _scenarios(outcomes: Sequence[Outcome]) -> Markup:
    rows = [
        (one.name, _money(one.profit), _money(one.lost), "; ".join(str(note) for note in one.notes))
        for one in sorted(outcomes, key=lambda one: one.profit)
    ]
    return _table(("scenario", "profit", "lost with a venue", "notes"), rows)


def _reverse(answer: DeskAnswer) -> Child:
    reverse = answer.report.reverse
    if isinstance(reverse, Missing):
        return tag("p", f"Reverse stress: {reverse}", class_="muted")
    if not reverse.found:
        return tag("p", f"Reverse stress: {reverse.reason}", class_="muted")
    moves = ", ".join(
        f"{asset} {np.expm1(move):+.1%} (volatility {reverse.volatility_shift.get(asset, 0.0):+.0%})"
        for asset, move in reverse.spot_log.items()
    )
    return tag(
        "p", f"Nearest loss of a quarter of equity: {moves}; {reverse.distance:.1f} deviations of a day away."
    )


def _reserve(answer: DeskAnswer) -> Child:
    reserve, cost = answer.report.reserve, answer.report.unwind
    parts = ("market", "stress", "liquidity", "credit", "operational", "total", "equity", "surplus")
    lines = [
        (line.name, figure(line.size), _money(line.taken_cost), _money(line.worked_cost), f"{line.days:.2f}")
        for line in cost.lines
    ]
    bound = tag("p", "A lower bound: a part is missing.", class_="muted") if reserve.is_lower_bound else None
    return (
        _table(("reserve", "money"), [(name, _money(getattr(reserve, name))) for name in parts]),
        bound,
        _table(("to unwind", "size", "cost at once", "cost worked", "days"), lines),
    )


def _missing(missing: Sequence[Missing]) -> Markup | None:
    if not missing:
        return None
    items = [tag("li", str(one)) for one in missing]
    return tag("section", tag("h2", "Not in these numbers"), tag("ul", items), class_="card risk missing")


def _money(value: float) -> str:
    return f"{value:,.0f}" if abs(value) < float("inf") else "unknown"


def _share(value: float) -> str:
    return f"{value:.1%}" if abs(value) < float("inf") else "unknown"
