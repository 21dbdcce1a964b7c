"""Cards: the sections of the risk page, each from one part of the report, or from what stands in its place."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from holdfast.app.report.markup import Child, Markup, tag
from holdfast.app.report.words import figure
from holdfast.app.risk.desk import DeskAnswer
from holdfast.app.risk.drawing import bars, fan, heat, histogram, smiles
from holdfast.app.risk.tables import card, money, named, none, share, signed, table
from holdfast.risk.credit.exposure import Profile
from holdfast.risk.margin.base import MarginResult
from holdfast.risk.margin.cure import Cures
from holdfast.risk.margin.liquidation import Liquidation
from holdfast.risk.missing import Missing
from holdfast.risk.report import AccountRisk
from holdfast.risk.valuation import Report
from holdfast.risk.var.assess import Assessment
from holdfast.risk.var.backtest.outcome import Outcome
from holdfast.risk.var.backtest.table import Row
from holdfast.risk.var.contribution import Contributions

SLICES_MAX: Final = 12
HOURS_YEAR: Final = 8_760.0


def accounts_card(answer: DeskAnswer) -> Markup:
    """Return margin, liquidation prices and odds by account, and the ways out of a call."""
    rows: list[Sequence[Child]] = []
    cures: list[Child] = []
    for one in answer.report.accounts:
        partial = answer.is_partial(key=one.account.key)
        where = named(f"{one.account.venue}/{one.account.name}", partial=partial)
        if isinstance(one.margin, Missing) or one.margin.missing or partial:
            why = (
                one.margin
                if isinstance(one.margin, Missing)
                else next(iter(one.margin.missing), "something held is not priced")
            )
            rows.append((where, one.account.margin_model, *["unknown"] * 4, str(why), "unknown", "unknown"))
            continue
        rows.append((where, *_margin(one.margin), _called_at(one), *_odds(one)))
        if one.cures is not None:
            cures.append(_cures(where, one.cures))
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
    return card("Margin", table(head, rows, texts=(0, 1)), cures)


def _margin(margin: MarginResult) -> tuple[Child, ...]:
    width = 100.0 * min(max(margin.ratio, 0.0), 1.0)
    gauge = tag(
        "i", tag("i", style=f"width:{width:.1f}%", class_="loss" if width > 80.0 else "gain"), class_="gauge"
    )
    return (
        margin.model,
        *(money(value) for value in (margin.equity, margin.im, margin.mm)),
        (share(margin.ratio), gauge),
    )


def _called_at(one: AccountRisk) -> str:
    if isinstance(one.margin, MarginResult) and one.margin.headroom < 0.0:
        return "called now"
    sides = [s for prices in one.liquidation for s in (prices.down, prices.up) if isinstance(s, Liquidation)]
    return ", ".join(f"{s.asset} {s.price:,.6g} ({s.move:+.0%})" for s in sides) or "no price alone"


def _odds(one: AccountRisk) -> tuple[str, str]:
    chances = [odds.probabilities for odds in one.odds.values()]
    hour, day = (max((chance[k] for chance in chances), default=float("nan")) for k in (0, 1))
    return share(hour), share(day)


def _cures(where: str, cures: Cures) -> Child:
    rows = [
        (
            cure.kind,
            "; ".join(f"{s.what} {figure(abs(s.quantity))}" for s in cure.steps),
            money(cure.cost),
            money(cure.headroom),
        )
        for cure in cures.cures
    ]
    failed = [tag("li", str(one)) for one in cures.missing]
    return (
        tag(
            "h4",
            f"{where} is called: ways to bring its headroom from {money(cures.headroom)} to {money(cures.target)}",
        ),
        table(("way", "what to do", "cost", "headroom then"), rows, texts=(0, 1)),
        tag("ul", failed, class_="muted") if failed else None,
    )


def losses_card(answer: DeskAnswer) -> Markup:
    """Return VaR and ES by model, the draws behind them, what they consist of, and how right they were before."""
    report = answer.report
    known = [one for one in report.assessments if isinstance(one, Assessment)]
    refused = [one for one in report.assessments if isinstance(one, Missing)]
    rows = [row for one in known for row in _measures(one)]
    head = ("model", "over", "level", "VaR", "95 % of draws", "ES", "its error")
    pictures = [histogram(one.profits, f"{one.model}, {_horizon(one)}", _marks(one)) for one in known]
    return card(
        "What could be lost",
        table(head, rows) if rows else None,
        [tag("p", str(one), class_="muted") for one in refused],
        tag("div", pictures, class_="pair") if pictures else None,
        tag("div", [_parts(one) for one in known], class_="pair") if known else None,
        tag("h4", "Backtest: today's portfolio over the history, against the VaR known before each step"),
        _backtest(report.backtests),
    )


def _horizon(one: Assessment) -> str:
    hours = one.horizon_years * HOURS_YEAR
    return f"{hours:.0f} h" if hours >= 1.0 else f"{60.0 * hours:.0f} min"


def _marks(one: Assessment) -> list[tuple[str, float]]:
    return [(f"VaR {m.level:.0%}", -m.var) for m in one.measures if not isinstance(m, Missing)]


def _measures(one: Assessment) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = []
    model = named(one.model, partial=bool(one.missing))
    for measure in one.measures:
        if isinstance(measure, Missing):
            rows.append((model, _horizon(one), str(measure), *["unknown"] * 4))
            continue
        between = f"{money(measure.var_low)} to {money(measure.var_high)}"
        rows.append((
            model, _horizon(one), f"{measure.level:.0%}", money(measure.var), between, money(measure.es),
            money(measure.es_error),
        ))  # fmt: skip
    return rows


def _parts(one: Assessment) -> Markup | None:
    if not isinstance(one.parts, Contributions):
        return None
    rows = [
        (part.name, money(part.component_var), money(part.component_es), money(part.incremental_es))
        for part in one.parts.parts
    ]
    return table((f"{one.model}, {one.parts.level:.0%}", "VaR of it", "ES of it", "ES it adds"), rows)


def _backtest(rows: Sequence[Row | Missing]) -> Child:
    told = [tag("p", str(one), class_="muted") for one in rows if isinstance(one, Missing)]
    body: list[Sequence[Child]] = []
    for row in rows:
        if isinstance(row, Missing):
            continue
        zone = "unknown" if isinstance(row.light, Missing) else row.light.zone
        tests = [f"{one.p_value:.3f}" if isinstance(one, Outcome) else "—" for one in row.tests]
        light = tag("span", zone, class_=f"chip z-{zone}")
        body.append((
            row.series, row.model, f"{row.level:.0%}", f"{row.expected:.1f}", str(row.seen), *tests, light, row.verdict,
        ))  # fmt: skip
    head = (
        "series", "model", "level", "expected", "seen", "p count", "p indep.", "p cover", "p DQ", "p ES size", "p ES sum",
        "light", "verdict",
    )  # fmt: skip
    return told, table(head, body, texts=(0, 1, 11, 12)) if body else None


def scenarios_card(answer: DeskAnswer) -> Markup:
    """Return every scenario, the worst first, the grid over spot and volatility, and the nearest that breaks the limit."""
    report = answer.report
    ordered = sorted(report.scenarios, key=lambda one: one.profit)
    notes = [
        tag("li", tag("b", one.name), ": ", "; ".join(str(note) for note in one.notes))
        for one in ordered
        if one.notes
    ]
    title = "Scenarios of what is priced" if answer.is_partial() else "Scenarios"
    return card(
        title,
        bars([(one.name, one.profit) for one in ordered]),
        tag("details", tag("summary", "What these scenarios leave out"), tag("ul", notes)) if notes else None,
        _reverse(answer),
        tag("h4", "Profit over spot and volatility"),
        heat(report.grid),
    )


def _reverse(answer: DeskAnswer) -> Child:
    reverse = answer.report.reverse
    if isinstance(reverse, Missing):
        return tag("p", str(reverse), class_="muted")
    if not reverse.found:
        return tag("p", f"Reverse stress: {reverse.reason}", class_="muted")
    moves = ", ".join(
        f"{asset} {np.expm1(move):+.1%} (volatility {reverse.volatility_shift.get(asset, 0.0):+.0%})"
        for asset, move in reverse.spot_log.items()
    )
    return tag(
        "p",
        f"The nearest loss of a quarter of equity: {moves}; {reverse.distance:.1f} deviations of a day away.",
    )


def hedge_card(answer: DeskAnswer) -> Markup:
    """Return the trades proposed, what they cost and what they leave."""
    hedge = answer.report.hedge
    title = "Hedge of what is priced" if answer.is_partial() else "Hedge"
    if isinstance(hedge, Missing):
        return card(title, tag("p", str(hedge), class_="muted"))
    if not hedge.trades:
        return card(title, tag("p", "No trade is worth its cost.", class_="muted"))
    rows = [
        (
            one.instrument,
            signed(one.size),
            money(one.cost),
            money(one.margin),
            share(one.margin / hedge.margin) if hedge.margin else "—",
        )
        for one in hedge.trades
    ]
    about = (
        f"Takes the deviation over ten days from {money(hedge.deviation_before)} to {money(hedge.deviation_after)}, "
        f"for {money(hedge.cost)} and {money(hedge.margin)} of initial margin, "
        "each instrument's as if it stood alone, out of what all accounts have free."
    )
    left = [(name, money(value)) for name, value in hedge.exposure_after.items()]
    return card(
        title,
        tag("p", about),
        table(("instrument", "trade", "cost", "margin", "share of margin"), rows),
        table(("what is left, for a move of one", "money"), left),
    )


def surfaces_card(answer: DeskAnswer) -> Markup:
    """Return the fitted smiles of every chain."""
    found = [smiles(name, fit, SLICES_MAX) for name, fit in answer.fits.items()]
    return card("Surfaces", tag("div", found, class_="pair") if found else none())


def exposure_card(answer: DeskAnswer) -> Markup:
    """Return what each account's positions may be worth to the desk, and it to them, over the next 30 days."""
    found = answer.report.profiles
    known = [one for one in found if isinstance(one, Profile)]
    rows = [
        (
            named("/".join(one.key), partial=answer.is_partial(key=one.key)), money(one.epe), money(one.effective_epe),
            money(float(one.pfe[0].max())), money(float(one.pfe[-1].max())), money(float(one.ene.max())),
        )
        for one in known
    ]  # fmt: skip
    return card(
        "Exposure profile",
        tag(
            "p",
            "What positions of an account may be worth to the desk over 30 days, before collateral.",
            class_="muted",
        ),
        table(
            (
                "account",
                "EPE",
                "effective EPE",
                "highest PFE 95 %",
                "highest PFE 99 %",
                "highest owed (mean)",
            ),
            rows,
        )
        if rows
        else None,
        [tag("p", str(one), class_="muted") for one in found if isinstance(one, Missing)],
        tag("div", [fan(one) for one in known], class_="pair") if known else None,
        none() if not found else None,
    )


def claims_card(answer: DeskAnswer) -> Markup:
    """Return where the exposure lies: by expiry, by asset, and by venue that may fail."""
    valuation = answer.report.valuation
    return card(
        "Where it lies",
        tag("h4", "delta in money by time to expiry"),
        bars([(name, one.delta_dollars) for name, one in valuation.by_expiry().items()]),
        tag("h4", "money gained for a move of one in the log of each price"),
        bars(list(valuation.exposures().items())),
        tag("h4", "claims on venues"),
        bars([(one.venue, one.claim) for one in answer.report.venues.venues]),
    )


def greeks_card(answer: DeskAnswer) -> Markup:
    """Return value and greeks of the whole, by asset and by venue."""
    valuation = answer.report.valuation
    whole = [(named("all", partial=answer.is_partial()), valuation.total())]
    assets = [
        (named(n, partial=answer.is_partial(asset=n)), r) for n, r in valuation.by_asset().items() if r.legs
    ]
    venues = [
        (named(n, partial=answer.is_partial(venue=n)), r) for n, r in valuation.by_venue().items() if r.legs
    ]
    return card("Value and greeks", _greeks([*whole, *assets, *venues]))


def _greeks(rows: list[tuple[str, Report]]) -> Markup:
    head = (
        "", "value", "delta in money", "gross", "gamma for 1 %", "vega for a point", "theta for a day", "rho for a bp",
    )  # fmt: skip
    told = [
        (
            name,
            *(money(v) for v in (r.value, r.delta_dollars, r.gross_dollars, r.gamma, r.vega, r.theta, r.rho)),
        )
        for name, r in rows
    ]
    return table(head, told)


def liquidity_card(answer: DeskAnswer) -> Markup:
    """Return the reserve by its parts, and what unwinding costs."""
    reserve, cost = answer.report.reserve, answer.report.unwind
    parts = ("market", "stress", "liquidity", "credit", "operational", "total", "equity", "surplus")
    lines = [
        (line.name, figure(line.size), money(line.taken_cost), money(line.worked_cost), f"{line.days:.2f}")
        for line in cost.lines
    ]
    bound = tag("p", "A lower bound: a part is missing.", class_="muted") if reserve.is_lower_bound else None
    return card(
        "Liquidity and reserve",
        table(("reserve", "money"), [(name, money(getattr(reserve, name))) for name in parts]),
        bound,
        table(("to unwind", "size", "cost at once", "cost worked", "days"), lines),
        tag("ul", [tag("li", str(one)) for one in cost.missing], class_="muted") if cost.missing else None,
    )
