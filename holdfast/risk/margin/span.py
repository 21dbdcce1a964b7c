"""SPAN: a scan of sixteen scenarios an asset, with the charges and credits that go with it.

Rules:

1. Scan: price moves of 0, 1/3, 2/3 and 3/3 of the price range up and down, each with volatility up and down, and two extreme
   moves (a multiple of the range, volatility unmoved) of which only a share counts. The loss counted is the largest, at
   least zero; `horizon_days` pass for options.
2. Inter-month: deltas of one asset in different expiries net in the scan as if all moved alike; what nets is charged.
3. Inter-commodity: deltas of two assets that stand against each other, in money, earn back a share of the price risk that
   each carries, pair by pair in the order of the parameters; a delta is used once.
4. Short options cost at least a minimum each. The asset's requirement is the larger of the two; the account's their sum.
5. `equity` has options at their value and balances after their haircut; `mm` is a share of `im`.

Source: CME Group, SPAN methodology overview. Limits: deltas are those at the market, not SPAN's weighted composite ones.
"""

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from holdfast.risk.legs import CASH, INVERSE, LINEAR, Legs, compile_legs
from holdfast.risk.margin.base import MarginResult, ScenarioLoss
from holdfast.risk.margin.parameters import ParameterSets
from holdfast.risk.margin.refused import refused
from holdfast.risk.market import RiskMarket
from holdfast.risk.missing import Missing
from holdfast.risk.portfolio import Portfolio
from holdfast.risk.revalue import leg_values, values
from holdfast.risk.shock import Shocks, no_shocks

THIRDS: Final = (0.0, 1.0, -1.0, 2.0, -2.0, 3.0, -3.0)
SCENARIOS: Final = 2 * len(THIRDS) + 2
BUMP: Final = 1e-4
PRICE_MOVE_MIN: Final = -0.99  # an extreme move down goes no farther


class Commodity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The ranges of one asset. Units: fractions of its price; volatility_scan relative; charges a unit of delta."""

    price_scan: float
    volatility_scan: float
    inter_month: float
    short_option_min: float


class Credit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The share of price risk that two assets' opposite deltas earn back."""

    assets: tuple[str, str]
    credit: float


class SpanValues(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One set of parameters; `default` is for assets not in `commodities`, without it they are refused."""

    extreme_multiple: float
    extreme_cover: float
    horizon_days: float
    mm_share: float
    commodities: dict[str, Commodity]
    default: Commodity | None = None
    inter_commodity: tuple[Credit, ...] = ()


class _Scan(msgspec.Struct):
    """One asset scanned. Units: base currency; delta in base currency of notional, `spare` what no credit has used."""

    asset: str
    scan: float
    profits: NDArray[np.float64]
    price_risk: float
    inter_month: float
    short_min: float
    delta: float
    spare: float
    credit: float = 0.0

    @property
    def requirement(self) -> float:
        return max(self.scan + self.inter_month - self.credit, self.short_min)


class Span:
    """A scan in the manner of SPAN, by dated parameters."""

    name = "span"

    def __init__(self, sets: ParameterSets[SpanValues]) -> None:
        self._sets = sets

    def measure(self, portfolio: Portfolio, market: RiskMarket) -> MarginResult:
        """Return what an account must post. Cost: 17 revaluations of each asset's legs."""
        return self.measure_legs(portfolio, compile_legs(portfolio, market), market.time_ns)

    def measure_legs(self, portfolio: Portfolio, legs: Legs, time_ns: int) -> MarginResult:
        """Return the same from legs that are compiled already."""
        held = self._sets.at(time_ns)
        if isinstance(held, Missing):
            return refused(self.name, portfolio, held)
        terms = held.values
        told = list(legs.missing)
        scans: list[_Scan] = []
        for number, asset in enumerate(legs.assets):
            mask = (legs.legs["asset"] == number) & (legs.legs["kind"] != CASH)
            if not mask.any():
                continue
            commodity = terms.commodities.get(asset, terms.default)
            if commodity is None:
                told.append(
                    Missing(
                        asset,
                        "parameters.no_asset",
                        "the scan has no ranges of it",
                        "add it to the parameter file",
                    )
                )
                continue
            scans.append(_scan(asset, number, _subset(legs, mask), commodity, terms))
        for pair in terms.inter_commodity:
            _give_credit(pair, scans)
        im = sum(scan.requirement for scan in scans)
        parts: dict[str, float] = {}
        for scan in scans:
            named = {
                "scan": scan.scan,
                "inter_month": scan.inter_month,
                "credit": -scan.credit,
                "short_min": scan.short_min,
            }
            parts |= {f"{scan.asset}.{name}": value for name, value in named.items()}
        return MarginResult(
            model=self.name,
            currency=portfolio.base_currency,
            im=im,
            mm=im * terms.mm_share,
            equity=_equity(portfolio, legs),
            scenarios=tuple(
                ScenarioLoss(f"{scan.asset} {number + 1}", float(profit))
                for scan in scans
                for number, profit in enumerate(scan.profits)
            ),
            parts=parts,
            parameters_from=held.name,
            missing=tuple(told),
        )


def span_shocks(assets: int, number: int, commodity: Commodity, terms: SpanValues) -> Shocks:
    """Return the sixteen scenarios of one asset, and a seventeenth in which only time passes."""
    shocks = no_shocks(SCENARIOS + 1, assets, term_power=0.0, horizon_years=terms.horizon_days / 365.0)
    for row, thirds in enumerate(THIRDS):
        shocks.spot_log[2 * row : 2 * row + 2, number] = np.log1p(
            _floored(thirds / 3.0 * commodity.price_scan)
        )
        shocks.volatility_shift[2 * row, number] = commodity.volatility_scan
        shocks.volatility_shift[2 * row + 1, number] = -commodity.volatility_scan
    extreme = terms.extreme_multiple * commodity.price_scan
    shocks.spot_log[SCENARIOS - 2, number] = np.log1p(extreme)
    shocks.spot_log[SCENARIOS - 1, number] = np.log1p(_floored(-extreme))
    return shocks


def _floored(move: float) -> float:
    return max(move, PRICE_MOVE_MIN)


def _subset(legs: Legs, mask: NDArray[np.bool_]) -> Legs:
    return msgspec.structs.replace(legs, legs=legs.legs[mask], names=())


def _scan(asset: str, number: int, legs: Legs, commodity: Commodity, terms: SpanValues) -> _Scan:
    now = float(values(legs).sum())
    profits = leg_values(legs, span_shocks(len(legs.assets), number, commodity, terms)).sum(axis=1) - now
    time_risk = -float(profits[SCENARIOS])
    profits = profits[:SCENARIOS]
    profits[SCENARIOS - 2 :] *= terms.extreme_cover
    worst = int(np.argmin(profits))
    scan = max(-float(profits[worst]), 0.0)
    partner = worst ^ 1 if worst < SCENARIOS - 2 else worst  # the same move, volatility the other way
    price_risk = max(-0.5 * float(profits[worst] + profits[partner]) - time_risk, 0.0)

    deltas = _deltas(legs, number)
    by_month = np.array(
        [deltas[legs.legs["years"] == years].sum() for years in np.unique(legs.legs["years"])]
    )
    netted = min(by_month[by_month > 0.0].sum(), -by_month[by_month < 0.0].sum())
    shorts = (legs.legs["quantity"] < 0.0) & (legs.legs["kind"] != LINEAR) & (legs.legs["kind"] != INVERSE)
    short_min = -float(legs.legs["quantity"][shorts].sum()) * legs.prices[number] * commodity.short_option_min
    delta = float(deltas.sum())
    return _Scan(
        asset=asset,
        scan=scan,
        profits=profits,
        price_risk=min(price_risk, scan),
        inter_month=float(netted) * commodity.inter_month,
        short_min=float(short_min),
        delta=delta,
        spare=delta,
    )


def _deltas(legs: Legs, number: int) -> NDArray[np.float64]:
    """Return what each leg gains for a move of the asset by one, times its price: notional by delta. Shape: (legs,)."""
    shocks = no_shocks(2, len(legs.assets))
    shocks.spot_log[:, number] = (BUMP, -BUMP)
    up, down = leg_values(legs, shocks)
    return (up - down) / (2.0 * BUMP)


def _give_credit(pair: Credit, scans: list[_Scan]) -> None:
    """Let two assets' opposite deltas earn their credit (rule 3)."""
    by_asset = {scan.asset: scan for scan in scans}
    first, second = (by_asset.get(asset) for asset in pair.assets)
    if first is None or second is None or first.spare * second.spare >= 0.0:
        return
    used = min(abs(first.spare), abs(second.spare))
    for scan in (first, second):
        scan.credit += pair.credit * scan.price_risk * used / abs(scan.delta)
        scan.spare -= used if scan.spare > 0.0 else -used


def _equity(portfolio: Portfolio, legs: Legs) -> float:
    """Return what stands against the requirement: values of positions, balances after haircut, debts in full."""
    positions = len(portfolio.positions)
    total = 0.0
    for value, leg in zip(values(legs).tolist(), legs.legs, strict=True):
        at = int(leg["position"]) - positions
        haircut = portfolio.balances[at].haircut if at >= 0 and value > 0.0 else 0.0
        total += value * (1.0 - haircut)
    return total
