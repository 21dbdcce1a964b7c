"""The fields: everything that a rule's condition may read, one row each.

Rules of a field:

1. Its name carries its unit; the table says the rest. The documentation is generated from this table.
2. Its range is what it can hold in practice. A condition that only a value beyond the range could satisfy is
   refused when it is loaded: it is nearly always a unit mistake (a percent where a fraction belongs).
3. `known_for` says in which scopes a field can be known; elsewhere it is unknown. Any field may be unknown at times.
4. A later stage extends what rules can say by adding rows here and by giving the values.
"""

from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from holdfast.event import LEVELS, SEVERITIES

FieldType = Literal["number", "integer", "text", "flag"]

INF: Final = float("inf")
ALERTS_PREFIX: Final = "alerts."
SCOPE_KINDS: Final = ("instrument", "venue", "desk")
SEVERITY_RANKS: Final[dict[str, int]] = {name: rank for rank, name in enumerate(SEVERITIES, start=1)}


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a condition may read. `values` closes a text field; `low` and `high` bound a number."""

    name: str
    type: FieldType
    unit: str = ""
    low: float = -INF
    high: float = INF
    values: tuple[str, ...] = ()
    known_for: tuple[str, ...] = SCOPE_KINDS
    meaning: str


def _identity(name: str, meaning: str, values: tuple[str, ...] = ()) -> Field:
    return Field(name=name, type="text", values=values, meaning=meaning)


def _points(name: str, meaning: str) -> Field:
    return Field(name=name, type="number", unit="points", low=0.0, high=100.0, meaning=meaning)


def _feature(name: str, unit: str, low: float, high: float, meaning: str) -> Field:
    return Field(
        name=name, type="number", unit=unit, low=low, high=high, known_for=("instrument",), meaning=meaning
    )


def _of_portfolio(name: str, unit: str, low: float, high: float, meaning: str) -> Field:
    """Return a field that the risk engine measures of what the desk holds, on one venue or everywhere."""
    return Field(
        name=name, type="number", unit=unit, low=low, high=high, known_for=("venue", "desk"), meaning=meaning
    )


FIELDS: Final[tuple[Field, ...]] = (
    _identity("scope", "what is judged: one instrument, a whole venue, or the desk", SCOPE_KINDS),
    _identity("venue", "the venue's name, empty for the desk"),
    _identity("instrument", "the venue's own symbol, empty for a venue and the desk"),
    _identity("underlying", "the base asset of the instrument, empty for a venue and the desk"),
    _points("score", "the risk score; its parts sum to it"),
    _points("score_volatility", "the part of the score that comes from volatility and moves"),
    _points("score_liquidity", "the part that comes from spread, depth and imbalance"),
    _points("score_correlation", "the part that comes from other instruments and venues"),
    _points("score_trust", "the part that comes from feeds that may not be trusted"),
    _points("score_portfolio", "the part that comes from what the desk holds: margin and the chance of a call"),
    _identity("level", "the level that the scope is at, before this judgement", LEVELS),
    Field(
        name="level_rank", type="integer", low=0, high=4, meaning="the same as a number: 0 normal to 4 halt"
    ),
    Field(
        name="trusted",
        type="flag",
        meaning="feed trust has no objection (a venue, the desk: to any of its instruments)",
    ),
    Field(name="alerts_open", type="integer", low=0, meaning="detectors with an open alert in the scope"),
    _feature("price", "quote units", 0.0, INF, "the reference price: mid, else last trade, else last close"),
    _feature("spread_bps", "bps", -20_000.0, 20_000.0, "ask less bid, of the mid"),
    _feature("volatility_1m", "fraction a year", 0.0, 1_000.0, "realised volatility over the last minute"),
    _feature("volatility_5m", "fraction a year", 0.0, 1_000.0, "realised volatility over the last 5 minutes"),
    _feature("volatility_1h", "fraction a year", 0.0, 1_000.0, "realised volatility over the last hour"),
    _feature("move_1m", "log return", -5.0, 5.0, "the last minute's move: -0.05 is about 5 % down"),
    _feature("move_5m", "log return", -5.0, 5.0, "the last 5 minutes' move"),
    _feature("move_15m", "log return", -5.0, 5.0, "the last 15 minutes' move"),
    _feature("depth_bid_10bps", "quote units", 0.0, INF, "resting bids within 10 bps of the mid"),
    _feature("depth_ask_10bps", "quote units", 0.0, INF, "resting asks within 10 bps of the mid"),
    _feature("imbalance", "fraction", -1.0, 1.0, "bids against asks near the touch: 1 is all bids"),
    _feature("basis_bps", "bps", -10_000.0, 100_000.0, "price over index, less one"),
    _feature("funding_rate", "fraction an interval", -1.0, 1.0, "the funding rate of the current interval"),
    _feature("latency_ms", "ms", -86_400_000.0, 86_400_000.0, "received less sent, the skew taken out"),
    _feature("staleness_s", "s", 0.0, INF, "how long the instrument has been silent"),
    _of_portfolio("equity", "base currency", -INF, INF, "collateral after haircuts and what positions are worth"),
    _of_portfolio("profit", "base currency", -INF, INF, "equity less what it was when the portfolio was first seen"),
    _of_portfolio("delta", "base currency", -INF, INF, "what all assets rising by their own price would add"),
    _of_portfolio("gamma_1pct", "base currency", -INF, INF, "change of delta when all assets rise by 1 %"),
    _of_portfolio("vega_1pt", "base currency", -INF, INF, "gain when all volatilities rise by one point"),
    _of_portfolio("theta_1d", "base currency", -INF, INF, "gain when a day passes and nothing moves"),
    _of_portfolio("margin_ratio", "fraction", 0.0, 1_000.0, "maintenance margin over equity, worst account; 1: liquidation"),
    _of_portfolio("margin_distance", "fraction", -1_000.0, 1.0, "share of equity above maintenance margin, worst account"),
    _of_portfolio("expected_shortfall_1d", "base currency", 0.0, INF, "mean loss of the worst 2.5 % of days to come"),
    _of_portfolio("call_probability_1h", "fraction", 0.0, 1.0, "chance that some account is called within an hour"),
    _of_portfolio("call_probability_24h", "fraction", 0.0, 1.0, "chance that some account is called within a day"),
    _of_portfolio("unwind_cost", "base currency", 0.0, INF, "cost of being rid of every position"),
    Field(name="time_of_day_s", type="number", unit="s", low=0.0, high=86_400.0, meaning="since 0:00 UTC"),
)  # fmt: skip

PORTFOLIO_FIELDS: Final = tuple(field.name for field in FIELDS if field.known_for == ("venue", "desk"))

# What always holds between fields, in the condition's own language: the search for contradictions knows it.
INVARIANTS: Final[tuple[str, ...]] = (
    'scope == "instrument" || instrument == ""',
    'scope == "instrument" || underlying == ""',
    'scope != "instrument" || instrument != ""',
    'scope == "desk" || venue != ""',
    'scope != "desk" || venue == ""',
    "score_volatility <= score",
    "score_liquidity <= score",
    "score_correlation <= score",
    "score_trust <= score",
    "score_portfolio <= score",
    "call_probability_1h <= call_probability_24h",
    *(f'(level == "{name}") == (level_rank == {rank})' for rank, name in enumerate(LEVELS)),
)


class Schema:
    """The fields by name, one `alerts.<detector>` a detector that runs, and what holds between them."""

    def __init__(self, detectors: Iterable[str]) -> None:
        self.detectors = tuple(sorted(set(detectors)))
        self.fields: dict[str, Field] = {field.name: field for field in FIELDS}
        for detector in self.detectors:
            field = _alert_field(detector)
            self.fields[field.name] = field
        self.invariants = INVARIANTS + tuple(
            f"{ALERTS_PREFIX}{detector} == 0 || alerts_open > 0" for detector in self.detectors
        )


def fields_markdown() -> str:
    """Return the table of fields as the documentation shows it."""
    alerts = Field(
        name="alerts.<detector>", type="integer", low=0, high=4, meaning=_alert_field("<detector>").meaning
    )
    rows = ["| field | type | unit | range | known for | meaning |", "|---|---|---|---|---|---|"]
    for field in (*FIELDS, alerts):
        known = "every scope" if field.known_for == SCOPE_KINDS else ", ".join(field.known_for)
        cells = (f"`{field.name}`", field.type, field.unit, range_text(field), known, field.meaning)
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def range_text(field: Field) -> str:
    """Say in words what a field can hold.

    >>> range_text(FIELDS[4]), range_text(FIELDS[0]), range_text(FIELDS[13])
    ('0 to 100', 'instrument, venue, desk', '0 or more')
    """
    if field.type == "text":
        return ", ".join(field.values) or "any text"
    if field.type == "flag":
        return "true, false"
    if field.high == INF:
        return f"{field.low:,.10g} or more" if field.low > -INF else "any number"
    return f"{field.low:,.10g} to {field.high:,.10g}"


def _alert_field(detector: str) -> Field:
    return Field(
        name=f"{ALERTS_PREFIX}{detector}",
        type="integer",
        low=0,
        high=4,
        meaning="worst open severity in the scope: 0 none, 1 low, 2 medium, 3 high, 4 critical",
    )
