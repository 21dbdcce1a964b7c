"""Page: a risk report as one self-contained HTML file, the worst first: missing, margin, losses, surfaces, exposures.

Rules:

1. It shares style and content policy with the report of a run: it asks the network nothing and runs no script.
2. A figure that lacks something held says `partial` where it stands; what is not known says `unknown`.
"""

from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Final

from holdfast.app.report.markup import Child, Markup, page_head, tag
from holdfast.app.risk.cards import (
    accounts_card,
    claims_card,
    exposure_card,
    greeks_card,
    hedge_card,
    liquidity_card,
    losses_card,
    scenarios_card,
    surfaces_card,
)
from holdfast.app.risk.desk import DeskAnswer
from holdfast.app.risk.tables import card, money, share
from holdfast.clock import format_time_ns
from holdfast.risk.margin.base import MarginResult
from holdfast.risk.missing import Missing
from holdfast.risk.var.assess import Assessment

RATIO_WARN: Final = 0.8  # maintenance margin over equity from which an account is told as near a call
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
    head = page_head(f"Holdfast: risk of {report.portfolio.name}", _POLICY, style)
    time = (
        format_time_ns(report.market.time_ns)[:19].replace("T", " ") + " UTC"
        if report.market.time_ns
        else "no market"
    )
    bar = tag(
        "header",
        tag("b", "Holdfast"),
        tag("span", f"{report.portfolio.name}: {time}, in {report.portfolio.base_currency}", class_="when"),
        class_="bar",
    )
    body = tag("body", bar, tag("main", _cards(answer)))
    return "<!doctype html>\n" + tag("html", head, body, lang="en") + "\n"


def _cards(answer: DeskAnswer) -> Child:
    return (
        tag(
            "section",
            tag("h2", "At a glance"),
            tag("div", list(_tiles(answer)), class_="tiles"),
            class_="card risk",
        ),
        _missing(answer),
        accounts_card(answer),
        losses_card(answer),
        scenarios_card(answer),
        hedge_card(answer),
        surfaces_card(answer),
        exposure_card(answer),
        claims_card(answer),
        greeks_card(answer),
        liquidity_card(answer),
    )


def _tiles(answer: DeskAnswer) -> Iterator[Markup]:
    """Yield the few figures that are looked at first, each with what it means and whether it is bad."""
    report = answer.report
    partial = " (partial)" if answer.is_partial() else ""
    yield _tile(
        f"worth{partial}",
        money(report.valuation.value),
        f"delta {money(report.valuation.total().delta_dollars)}",
    )
    yield _margin_tile(answer)
    known = [one for one in report.assessments if isinstance(one, Assessment) and one.measures]
    measured = [(one.model, m) for one in known for m in one.measures[-1:] if not isinstance(m, Missing)]
    if measured:
        model, worst = max(measured, key=lambda one: one[1].es)
        yield _tile(
            f"expected shortfall {worst.level:.0%}{partial}",
            money(worst.es),
            f"{model}; VaR {money(worst.var)}",
        )
    else:
        yield _tile("expected shortfall", "unknown", "no history came with the market")
    if report.scenarios:
        scenario = min(report.scenarios, key=lambda one: one.profit)
        yield _tile(
            f"worst scenario{partial}",
            money(scenario.profit),
            scenario.name,
            is_bad=scenario.profit < -report.valuation.value,
        )
    reserve = report.reserve
    bound = "at least " if reserve.is_lower_bound else ""
    yield _tile(
        "reserve", f"{bound}{money(reserve.total)}", f"against{partial} equity {money(reserve.equity)}",
        is_bad=reserve.surplus < 0.0,
    )  # fmt: skip


def _margin_tile(answer: DeskAnswer) -> Markup:
    known: list[tuple[str, MarginResult]] = []
    unknown = 0
    for one in answer.report.accounts:
        if isinstance(one.margin, Missing) or one.margin.missing or answer.is_partial(key=one.account.key):
            unknown += 1
        else:
            known.append((f"{one.account.venue}/{one.account.name}", one.margin))
    besides = f"; {unknown} account{'s' if unknown > 1 else ''} unknown" if unknown else ""
    if not known:
        return _tile(
            "margin", "unknown", f"of {unknown} account{'s' if unknown > 1 else ''}", is_bad=unknown > 0
        )
    where, worst = max(known, key=lambda one: one[1].ratio)
    called = sum(1 for _, margin in known if margin.headroom < 0.0)
    told = f"{called} called" if called else share(worst.ratio)
    return _tile(
        "margin" if called else "highest margin ratio", told, f"{where}{besides}",
        is_bad=called > 0 or worst.ratio > RATIO_WARN,
    )  # fmt: skip


def _tile(name: str, figure: str, about: str, *, is_bad: bool = False) -> Markup:
    return tag(
        "div",
        tag("span", name),
        tag("b", figure),
        tag("small", about),
        class_="tile bad" if is_bad else "tile",
    )


def _missing(answer: DeskAnswer) -> Markup | None:
    if not answer.missing:
        return None
    partial = (
        tag("p", tag("b", "This answer is partial: "), "sums marked so lack what is named here.")
        if answer.is_partial()
        else None
    )
    items = [tag("li", str(one)) for one in answer.missing]
    return card("Not in these numbers, or assumed", partial, tag("ul", items), kind="missing")
