"""Unwind: what it costs, and how long it takes, to be rid of everything a desk holds.

Rules:

1. Of each position so much is taken from the book at once as costs at most `slippage_max` at the last level; the
   rest is worked at a share of the market's volume, at half the spread and the square-root law's impact.
2. Time is what the rest needs at that share; positions are worked side by side, so the desk's time is the longest.
3. Risk is one deviation of the rest's value while it shrinks evenly: volatility x sqrt(days / 3), added as if all
   moved together.
4. A position without a book is worked at its mark by the impact law alone: its spread is not in the cost, and that is told.
   Without a book and without volume, or without a mark, it is missing from the totals, and told.

Limits: no netting of hedges across venues; options need their own book; see `impact.py` and `walk.py` for theirs.
"""

import math
from collections.abc import Mapping

import msgspec

from holdfast.clock import SECOND_NS
from holdfast.error import CallerError
from holdfast.risk.liquidity.impact import Impact
from holdfast.risk.liquidity.walk import mid, walk
from holdfast.risk.market import Depth, RiskMarket
from holdfast.risk.missing import Missing
from holdfast.risk.portfolio import Portfolio, Position


class Turnover(msgspec.Struct, frozen=True, kw_only=True):
    """How much one contract trades. Units: daily_volume asset units, daily_volatility a fraction.

    Raises: CallerError `unwind.turnover`.
    """

    daily_volume: float
    daily_volatility: float

    def __post_init__(self) -> None:
        if not 0.0 < self.daily_volume < math.inf or not 0.0 <= self.daily_volatility < math.inf:
            raise CallerError("unwind.turnover", "a volume is above 0, a volatility at least 0")


class UnwindTerms(msgspec.Struct, frozen=True, kw_only=True):
    """How a desk would go about it. Units: participation of volume and slippage_max fractions.

    Raises: CallerError `unwind.terms`.
    """

    participation: float = 0.1
    slippage_max: float = 0.005
    impact: Impact = Impact()
    stale_s: float = 60.0

    def __post_init__(self) -> None:
        if (
            not 0.0 < self.participation <= 1.0
            or not 0.0 <= self.slippage_max < 1.0
            or not self.stale_s >= 0.0
        ):
            raise CallerError("unwind.terms", "participation is in (0, 1], slippage_max in [0, 1)")


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One position. Units: sizes in asset units, positive; costs and deviation in quote units; days."""

    name: str
    account: str
    size: float
    taken: float
    worked: float
    taken_cost: float
    worked_cost: float
    days: float
    deviation: float

    @property
    def cost(self) -> float:
        """Return both parts together."""
        return self.taken_cost + self.worked_cost


class Unwind(msgspec.Struct, frozen=True, kw_only=True):
    """The whole desk. Units: cost and deviation in base currency, days of the slowest position."""

    lines: tuple[Line, ...]
    cost: float
    deviation: float
    days: float
    missing: tuple[Missing, ...]


def unwind(
    portfolio: Portfolio,
    market: RiskMarket,
    turnovers: Mapping[str, Turnover],
    terms: UnwindTerms | None = None,
) -> Unwind:
    """Return what unwinding all positions costs. `turnovers` by `venue:symbol`, as depths are."""
    how = terms or UnwindTerms()
    lines: list[Line] = []
    missing: list[Missing] = []
    cost = deviation = 0.0
    for position in portfolio.positions:
        line = _line(position, market, turnovers, how)
        if isinstance(line, Missing) and line.code == "depth.absent":
            worked = _worked_line(position, market, turnovers, how)
            if worked is not None:
                missing.append(line)
                line = worked
        quote = _quote(position, market)
        if isinstance(line, Missing):
            missing.append(line)
        elif isinstance(quote, Missing):
            missing.append(quote)
        else:
            lines.append(line)
            cost += quote * line.cost
            deviation += quote * line.deviation
    return Unwind(
        lines=tuple(lines),
        cost=cost,
        deviation=deviation,
        days=max((line.days for line in lines), default=0.0),
        missing=tuple(missing),
    )


def _line(
    position: Position, market: RiskMarket, turnovers: Mapping[str, Turnover], terms: UnwindTerms
) -> Line | Missing:
    name = position.contract.name
    depth = market.depths.get(name)
    if depth is None:
        return Missing(name, "depth.absent", "no book of this contract", "record its depth")
    age_s = (market.time_ns - depth.time_ns) / SECOND_NS
    if age_s > terms.stale_s:
        return Missing(name, "depth.stale", f"the book is {age_s:,.0f} s old, more than {terms.stale_s:g} s")
    middle = mid(depth, where=name)
    if isinstance(middle, Missing):
        return middle
    size = position.quantity
    if position.contract.inverse and position.contract.kind in ("perpetual", "future"):
        size /= middle
    if size == 0.0:
        return Missing(name, "unwind.nothing", "there is nothing to unwind")
    within = _within(depth, -size, middle, terms.slippage_max)
    taken = min(abs(size), within)
    worked = abs(size) - taken
    taken_cost = 0.0
    if taken > 0.0:
        walked = walk(depth, -math.copysign(taken, size), where=name)
        if isinstance(walked, Missing):
            return walked
        taken_cost = walked.cost
    worked_cost = days = deviation = 0.0
    if worked > 0.0:
        turnover = turnovers.get(name)
        if turnover is None:
            return Missing(
                name,
                "volume.absent",
                f"{worked:g} do not fit the book and no volume is known",
                "state its turnover",
            )
        volume, volatility = turnover.daily_volume, turnover.daily_volatility
        days = worked / (terms.participation * volume)
        half_spread = 0.5 * (float(depth.asks[0, 0]) - float(depth.bids[0, 0]))
        # the law is of one day's order: a longer one is worked as a chain of days
        daily = min(worked, terms.participation * volume)
        worked_cost = worked * (half_spread + middle * terms.impact.average(daily, volume, volatility))
        deviation = worked * middle * volatility * math.sqrt(days / 3.0)
    return Line(
        name=name,
        account=position.account,
        size=abs(size),
        taken=taken,
        worked=worked,
        taken_cost=taken_cost,
        worked_cost=worked_cost,
        days=days,
        deviation=deviation,
    )


def _worked_line(
    position: Position, market: RiskMarket, turnovers: Mapping[str, Turnover], terms: UnwindTerms
) -> Line | None:
    """Return one position worked without a book (rule 4), nothing where mark or volume are unknown; options need a book."""
    name = position.contract.name
    mark, turnover = market.marks.get(name), turnovers.get(name)
    if mark is None or turnover is None or not mark.price > 0.0 or position.contract.kind == "option":
        return None
    counts_quote = position.contract.inverse and position.contract.kind in ("perpetual", "future")
    size = abs(position.quantity) / (mark.price if counts_quote else 1.0)
    days = size / (terms.participation * turnover.daily_volume)
    daily = min(size, terms.participation * turnover.daily_volume)
    share = terms.impact.average(daily, turnover.daily_volume, turnover.daily_volatility)
    return Line(
        name=name,
        account=position.account,
        size=size,
        taken=0.0,
        worked=size,
        taken_cost=0.0,
        worked_cost=size * mark.price * share,
        days=days,
        deviation=size * mark.price * turnover.daily_volatility * math.sqrt(days / 3.0),
    )


def _within(depth: Depth, quantity: float, middle: float, slippage: float) -> float:
    """Return how much rests within a fraction of the mid, on the side that this signed quantity takes from."""
    if quantity > 0.0:
        return float(depth.asks[depth.asks[:, 0] <= middle * (1.0 + slippage), 1].sum())
    return float(depth.bids[depth.bids[:, 0] >= middle * (1.0 - slippage), 1].sum())


def _quote(position: Position, market: RiskMarket) -> float | Missing:
    """Return the price of the quote currency in base currency."""
    quote = position.contract.quote
    if quote == market.base_currency:
        return 1.0
    price = market.prices.get(quote)
    if price is None:
        return Missing(
            position.contract.name, "price.absent", f"no price of {quote} in {market.base_currency}"
        )
    return price.value
