"""SA-CCR: exposure at default by the Basel standardised approach, EAD = 1.4 x (replacement cost + multiplier x add-on).

Rules:

1. A trade's effective notional is its adjusted notional x supervisory delta x maturity factor; it nets inside its
   hedging set, partly across maturities (interest) or references (credit, equity, commodity), never across asset
   classes.
2. Margined netting sets use the margin period of risk, and never exceed their EAD without margin.
3. Crypto is an asset class of its own here, each coin a hedging set without offset to others, at the factor and
   volatility of single-name equities (32 %, 120 %): our choice, stated, where BCBS 279 has none.

Units: money in one currency; years of 365 days; margin periods in business days, 250 a year.
Source: BCBS 279 (2014), The standardised approach for measuring counterparty credit risk exposures; its annex 4a is
the test.
Limits: no basis or volatility hedging sets, no CDO tranches, no specific wrong-way risk.
"""

import math
from collections.abc import Iterable, Sequence
from statistics import NormalDist
from typing import Final, Literal

import msgspec

from holdfast.error import CallerError
from holdfast.risk.credit.supervisory import FACTORS, Factor

ALPHA: Final = 1.4
FLOOR: Final = 0.05
BUSINESS_DAYS: Final = 250.0
MATURITY_DAYS_MIN: Final = 10.0
DURATION_RATE: Final = 0.05
_PHI: Final = NormalDist().cdf
# correlation of the interest buckets below 1 year, 1 to 5, above 5
_NEXT_BUCKET: Final = 1.4
_FAR_BUCKET: Final = 0.6

AssetClass = Literal["interest", "fx", "credit", "equity", "commodity", "crypto"]


class OptionTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What the supervisory delta of an option needs. Units: price and strike alike, years to exercise.

    A payer of the risk factor is `call` (profits when it rises), a receiver `put`.
    """

    option_type: Literal["call", "put"]
    price: float
    strike: float
    years: float


class Trade(msgspec.Struct, frozen=True, kw_only=True):
    """One trade. Units: notional and market_value in base currency, notional positive; years of residual maturity.

    `direction` +1 long or bought, -1 short or sold. `factor` names a row of `supervisory.FACTORS`; `hedging_set` is
    a currency (interest), a pair (fx), energy, metals... (commodity) or a coin (crypto); `reference` the entity or
    commodity. Interest and credit notionals are scaled by the supervisory duration from `start_years` to `years`, or
    `end_years` where an option's underlying ends later. An infinite `years` is a trade without maturity (a perpetual).
    """

    asset_class: AssetClass
    factor: str
    hedging_set: str = ""
    reference: str = ""
    notional: float
    direction: int
    market_value: float
    years: float
    start_years: float = 0.0
    end_years: float = 0.0
    option: OptionTerms | None = None

    def __post_init__(self) -> None:
        wrong = ""
        if self.factor not in FACTORS or FACTORS[self.factor].asset_class != self.asset_class:
            wrong = f"{self.factor!r} is no supervisory factor of {self.asset_class}"
        elif not 0.0 <= self.notional < math.inf or self.direction not in (-1, 1):
            wrong = "a notional is a positive number, a direction +1 or -1"
        elif not self.years > 0.0 or not math.isfinite(self.market_value):
            wrong = "a trade needs a maturity ahead and a market value"
        elif self.option and not min(self.option.price, self.option.strike, self.option.years) > 0.0:
            wrong = "an option needs a price, a strike and a time above 0"
        if wrong:
            raise CallerError("sa_ccr.trade", wrong, where=self.reference or self.hedging_set)


class Margin(msgspec.Struct, frozen=True, kw_only=True):
    """A margin agreement. Units: amounts in base currency; period in business days (10 + days between calls - 1)."""

    threshold: float = 0.0
    minimum_transfer: float = 0.0
    independent: float = 0.0
    period_days: float = 10.0

    def __post_init__(self) -> None:
        if not (self.threshold >= 0.0 and self.minimum_transfer >= 0.0 and self.period_days >= 1.0):
            raise CallerError("sa_ccr.margin", "a threshold, transfer amount or margin period is negative")


class Ead(msgspec.Struct, frozen=True, kw_only=True):
    """The exposure and what it is made of. Units: base currency."""

    ead: float
    replacement_cost: float
    multiplier: float
    add_on: float
    add_ons: dict[str, float]


def sa_ccr(trades: Sequence[Trade], *, collateral: float = 0.0, margin: Margin | None = None) -> Ead:
    """Return the exposure at default of one netting set.

    Units: collateral net of haircuts held by the desk, independent amounts included; negative if posted.
    """
    value = sum(trade.market_value for trade in trades)
    unmargined = _ead(trades, value - collateral, max(value - collateral, 0.0), None)
    if margin is None:
        return unmargined
    uncovered = margin.threshold + margin.minimum_transfer - margin.independent
    cost = max(value - collateral, uncovered, 0.0)
    margined = _ead(trades, value - collateral, cost, margin)
    return margined if margined.ead <= unmargined.ead else unmargined


def _ead(trades: Sequence[Trade], uncovered: float, cost: float, margin: Margin | None) -> Ead:
    add_ons: dict[str, float] = {}
    for name in ("interest", "fx", "credit", "equity", "commodity", "crypto"):
        part = [trade for trade in trades if trade.asset_class == name]
        if part:
            add_ons[name] = _ADD_ON[name](part, margin)
    add_on = sum(add_ons.values())
    multiplier = 1.0
    if uncovered < 0.0:
        scale = 2.0 * (1.0 - FLOOR) * add_on
        falling = math.exp(uncovered / scale) if scale > 0.0 else 0.0
        multiplier = min(1.0, FLOOR + (1.0 - FLOOR) * falling)
    return Ead(
        ead=ALPHA * (cost + multiplier * add_on),
        replacement_cost=cost,
        multiplier=multiplier,
        add_on=add_on,
        add_ons=add_ons,
    )


def maturity_factor(years: float, margin: Margin | None) -> float:
    """Return the share of a year's move that counts. Source: BCBS 279 par. 164."""
    if margin is not None:
        return 1.5 * math.sqrt(margin.period_days / BUSINESS_DAYS)
    return math.sqrt(min(max(years, MATURITY_DAYS_MIN / BUSINESS_DAYS), 1.0))


def supervisory_delta(trade: Trade) -> float:
    """Return the direction, for an option its delta at the supervisory volatility. Source: BCBS 279 par. 159."""
    option = trade.option
    if option is None:
        return float(trade.direction)
    deviation = FACTORS[trade.factor].volatility * math.sqrt(option.years)
    d1 = (math.log(option.price / option.strike) + 0.5 * deviation**2) / deviation
    call = option.option_type == "call"
    return trade.direction * (_PHI(d1) if call else -_PHI(-d1))


def _effective(trade: Trade, margin: Margin | None) -> float:
    notional = trade.notional
    if trade.asset_class in ("interest", "credit"):
        end = trade.end_years or trade.years
        notional *= (
            math.exp(-DURATION_RATE * trade.start_years) - math.exp(-DURATION_RATE * end)
        ) / DURATION_RATE
    return notional * supervisory_delta(trade) * maturity_factor(trade.years, margin)


def _interest(trades: Iterable[Trade], margin: Margin | None) -> float:
    buckets: dict[str, list[float]] = {}
    factor = 0.0
    for trade in trades:
        end = trade.end_years or trade.years
        bucket = 0 if end < 1.0 else 1 if end <= 5.0 else 2
        buckets.setdefault(trade.hedging_set, [0.0] * 3)[bucket] += _effective(trade, margin)
        factor = FACTORS[trade.factor].factor
    total = 0.0
    for short, middle, far in buckets.values():
        cross = _NEXT_BUCKET * (short * middle + middle * far) + _FAR_BUCKET * short * far
        total += factor * math.sqrt(max(short**2 + middle**2 + far**2 + cross, 0.0))
    return total


def _separate(trades: Iterable[Trade], margin: Margin | None) -> float:
    """Add up hedging sets, each netted inside, nothing across: currency pairs and coins."""
    sets: dict[str, float] = {}
    for trade in trades:
        amount = FACTORS[trade.factor].factor * _effective(trade, margin)
        sets[trade.hedging_set] = sets.get(trade.hedging_set, 0.0) + amount
    return sum(abs(amount) for amount in sets.values())


def _correlated(trades: Iterable[Trade], margin: Margin | None) -> float:
    """Net each reference, then one factor behind the references of a hedging set and the rest their own."""
    sets: dict[str, dict[tuple[str, str], float]] = {}
    for trade in trades:
        one = sets.setdefault(trade.hedging_set, {})
        name = (trade.reference, trade.factor)
        one[name] = one.get(name, 0.0) + FACTORS[trade.factor].factor * _effective(trade, margin)
    total = 0.0
    for one in sets.values():
        rows = [(FACTORS[factor], amount) for (_, factor), amount in one.items()]
        total += math.sqrt(_systematic(rows) ** 2 + sum((1.0 - f.correlation**2) * a**2 for f, a in rows))
    return total


def _systematic(rows: list[tuple[Factor, float]]) -> float:
    return sum(factor.correlation * amount for factor, amount in rows)


_ADD_ON: Final = {
    "interest": _interest,
    "fx": _separate,
    "crypto": _separate,
    "credit": _correlated,
    "equity": _correlated,
    "commodity": _correlated,
}
