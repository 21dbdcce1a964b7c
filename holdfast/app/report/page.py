"""The page: what ran, the verdict, the levels at a glance, the charts, then the tables behind them.

Rules: one file that asks the network nothing (its own policy forbids it, and allows only the script it was
written with); a reader who is woken by it sees the worst first: how bad, where, since when, why.
"""

import base64
import hashlib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Final

from holdfast.app.report.chart import chart, ribbon, time_axis
from holdfast.app.report.data import PARTS, ReportData, Series
from holdfast.app.report.markup import Child, Markup, page_head, tag
from holdfast.app.report.portfolio import portfolio_card
from holdfast.app.report.tables import (
    alerts_by_detector,
    alerts_table,
    decisions_table,
    feeds_table,
    levels_table,
    quarantine_table,
    quarantined,
    scopes_table,
    section,
)
from holdfast.app.report.words import clock, duration, figure, moment
from holdfast.event import LEVELS, Alert, LevelMoved, Scope

CHARTS_MAX: Final = 12
LANES_MAX: Final = 24
DESK: Final = Scope()

MARK: Final = Markup(
    '<svg class="mark" viewBox="0 0 24 24" aria-hidden="true">'
    '<path d="M12 2l8 3v6c0 5.2-3.4 9.2-8 11-4.6-1.8-8-5.8-8-11V5z"/>'
    '<path class="wave" d="M5 13h4l2-5 3 8 2-3h3"/></svg>'
)


def write_report(path: Path, run: ReportData) -> None:
    """Write the report of a run as one self-contained HTML file.

    Cost: under 2 s for a day of 50 instruments.
    """
    path.write_text(render(run), encoding="utf-8")


def render(run: ReportData) -> str:
    """Return the report of a run as HTML."""
    style, script = (_part(name) for name in ("page.css", "page.js"))
    allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{allowed}'; base-uri 'none'; "
        "form-action 'none'"
    )
    head = page_head(f"Holdfast: {_worst(run.levels)[0]}", policy, style)
    span = run.span()
    body = tag(
        "body",
        _header(span),
        tag("main", _body(run, span)),
        tag("script", Markup(script)),
        data_start=str(span[0]),
        data_end=str(span[1]),
    )
    return "<!doctype html>\n" + tag("html", head, body, lang="en") + "\n"


def _body(run: ReportData, span: tuple[int, int]) -> Child:
    ranked = sorted(run.series, key=lambda s: (-s.peak, str(s.scope)))
    desk = [s for s in ranked if s.scope == DESK and len(s.time_ns)]
    single = [s for s in ranked if s.scope.instrument and len(s.time_ns)]
    charted = [*desk, *single[:CHARTS_MAX]]
    anchors = {str(s.scope): f"chart-{i}" for i, s in enumerate(charted)}
    by_scope: dict[str, list[Alert]] = {}
    for alert in sorted(run.alerts, key=lambda a: a.time_ns):
        by_scope.setdefault(str(alert.scope), []).append(alert)
    feeds = run.summary.get("feeds") or {}
    return (
        _verdict(run, span),
        _lanes([*desk, *(s for s in ranked if s.scope != DESK)][:LANES_MAX], span, anchors)
        if ranked
        else None,
        portfolio_card(run, span),
        _legend() if charted else None,
        [
            chart(s, span, by_scope.get(str(s.scope), []), run.thresholds, anchors[str(s.scope)])
            for s in charted
        ],
        section("Everything watched", "scopes", len(ranked), scopes_table(ranked, anchors, run.alerts)),
        section(
            "Alerts",
            "alerts",
            len(run.alerts),
            _or_none(run.alerts, alerts_by_detector(run.alerts), alerts_table(run.alerts)),
        ),
        section("Levels", "levels", len(run.levels), _or_none(run.levels, levels_table(run.levels))),
        section(
            "Decisions",
            "decisions",
            len(run.decisions),
            tag("p", "Rehearsed: nothing was sent.", class_="muted"),
            _or_none(run.decisions, decisions_table(run.decisions)),
        ),
        section("Feeds", "feeds", len(feeds), _or_none(feeds, feeds_table(feeds))),
        section(
            "Quarantine", "quarantine", quarantined(run), _or_none(run.quarantined, quarantine_table(run))
        ),
        _provenance(run),
    )


def _header(span: tuple[int, int]) -> Markup:
    links = ("lanes", "portfolio", "scopes", "alerts", "levels", "decisions", "feeds", "quarantine", "proof")
    return tag(
        "header",
        tag("a", MARK, tag("b", "Holdfast"), href="#verdict", class_="brand"),
        tag("span", f"{moment(span[0])[:19]} to {_until(span)} UTC", class_="when"),
        tag("nav", [tag("a", name, href=f"#{name}") for name in links]),
        tag("button", "light / dark", id="theme", type="button"),
        class_="bar",
    )


def _until(span: tuple[int, int]) -> str:
    start, end = moment(span[0]), moment(span[1])
    return end[11:19] if start[:10] == end[:10] else end[:19]


def _worst(levels: Sequence[LevelMoved]) -> tuple[str, LevelMoved | None]:
    """Return the highest level of the run, and the first move to it."""
    first = max(levels, key=lambda move: (LEVELS.index(move.to_level), -move.time_ns), default=None)
    return (first.to_level, first) if first and first.to_level != LEVELS[0] else (LEVELS[0], None)


def _verdict(run: ReportData, span: tuple[int, int]) -> Markup:
    level, move = _worst(run.levels)
    if move:
        where = tag(
            "p",
            tag("strong", str(move.scope)),
            " at ",
            tag("strong", moment(move.time_ns)),
            " UTC",
            class_="where",
        )
        why = tag("p", move.because, class_="why")
    else:
        where = tag("p", "No scope left normal.", class_="where")
        why = tag(
            "p", f"Watched for {duration(span[1] - span[0])}; {len(run.alerts):,} alerts.", class_="why"
        )
    return tag(
        "section",
        tag("div", level, class_="level"),
        tag("div", where, why, _ladder(run.levels)),
        _figures(run),
        class_=f"verdict l-{level}",
        id="verdict",
    )


def _ladder(levels: Sequence[LevelMoved]) -> Markup | None:
    """Return when each level was first reached anywhere."""
    first: dict[str, LevelMoved] = {}
    for move in sorted(levels, key=lambda m: m.time_ns):
        if LEVELS.index(move.to_level) > LEVELS.index(move.from_level):
            first.setdefault(move.to_level, move)
    steps = [
        tag(
            "li",
            tag("span", name, class_=f"chip l-{name}"),
            tag("time", clock(first[name].time_ns)),
            " ",
            tag("span", str(first[name].scope), class_="muted"),
        )
        for name in LEVELS
        if name in first
    ]
    return tag("ol", steps, class_="ladder") if steps else None


def _figures(run: ReportData) -> Markup:
    summary = run.summary
    speed = summary.get("rows_per_s")
    shown = (
        ("messages", summary.get("messages")),
        ("rows", summary.get("rows")),
        ("quarantined", quarantined(run)),
        ("alerts", len(run.alerts)),
        ("decisions", len(run.decisions)),
        ("run time", f"{summary['wall_s']:.1f} s" if "wall_s" in summary else None),
        ("rows a second", int(speed) if speed else None),
    )
    return tag(
        "dl",
        [
            (tag("div", tag("dt", name), tag("dd", figure(value))))
            for name, value in shown
            if value is not None
        ],
        class_="figures",
    )


def _lanes(series: Sequence[Series], span: tuple[int, int], anchors: dict[str, str]) -> Markup:
    rows: list[Markup] = []
    for one in series:
        name = str(one.scope)
        label = tag("a", name, href=f"#{anchors[name]}") if name in anchors else tag("span", name)
        rows.append(tag("div", label, ribbon(one, span), class_="lane"))
    keys = [tag("span", level, class_=f"chip l-{level}") for level in LEVELS]
    axis = tag("div", tag("span"), time_axis(span), class_="lane")
    return tag(
        "section",
        tag("h2", "Levels over time", tag("span", keys, class_="keys")),
        rows,
        axis,
        class_="card chart lanes",
        id="lanes",
    )


def _legend() -> Markup:
    parts = [tag("span", tag("i", class_=f"swatch p-{part}"), part) for part in PARTS]
    hint = tag("span", "Drag to zoom, double click to go back.", class_="muted")
    return tag("p", tag("span", "Score from"), parts, hint, class_="legend")


def _or_none(things: object, *body: Child) -> Child:
    return body if things else tag("p", "None.", class_="muted")


def _provenance(run: ReportData) -> Markup:
    steps = (
        tag(
            "p",
            "Anybody can check that this run was recorded as shown. The same input gives the same digest.",
        ),
        tag("pre", f"holdfast verify {run.ledger}"),
        tag(
            "dl",
            tag("dt", "command"),
            tag("dd", tag("code", run.command)),
            tag("dt", "holdfast"),
            tag("dd", tag("code", run.version)),
            tag("dt", "digest"),
            tag("dd", tag("code", str(run.summary.get("digest", "")))),
            tag("dt", "checkpoint"),
            tag("dd", tag("pre", run.checkpoint)),
            class_="proof",
        ),
    )
    return section("Proof", "proof", None, steps)


def _part(name: str) -> str:
    return resources.files("holdfast.app.report").joinpath(name).read_text(encoding="utf-8")
