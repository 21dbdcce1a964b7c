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

from holdfast.risk.legs import CASH, INVERSE, LINEAR, Legs
from holdfast.risk.margin.base import MarginResult, ScenarioLoss
from holdfast.risk.margin.dated import DatedModel
from holdfast.risk.margin.parameters import ParameterSet
from holdfast.risk.missing import Missing
from holdfast.risk.portfolio import Portfolio
from holdfast.risk.revalue import leg_values
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


class Span(DatedModel[SpanValues]):
    """A scan in the manner of SPAN, by dated parameters."""

    name = "span"

    def under(self, portfolio: Portfolio, legs: Legs, held: ParameterSet[SpanValues]) -> MarginResult:
        """Return what an account must post. Cost: two revaluations, of 2 and of 17 rows an asset."""
        terms = held.values
        told = list(legs.missing)
        scanned: list[tuple[int, Commodity]] = []
        derivatives = legs.legs[legs.legs["kind"] != CASH]
        for number in np.unique(derivatives["asset"]).tolist():
            asset = legs.assets[number]
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
            scanned.append((number, commodity))
        now, deltas = _today(legs, [number for number, _ in scanned])
        later = _scanned(legs, scanned, terms)
        scans = [
            _scan(legs, number, commodity, terms, now, deltas[row], later[row])
            for row, (number, commodity) in enumerate(scanned)
        ]
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
            equity=_equity(portfolio, legs, now),
            scenarios=tuple(
                ScenarioLoss(f"{scan.asset} {number + 1}", float(profit))
                for scan in scans
                for number, profit in enumerate(scan.profits)
            ),
            parts=parts,
            parameters_from=held.name,
            missing=tuple(told),
        )


def span_shocks(assets: int, scanned: list[tuple[int, Commodity]], terms: SpanValues) -> Shocks:
    """Return for each asset scanned its sixteen scenarios and one in which only time passes, one below the other."""
    block = SCENARIOS + 1
    shocks = no_shocks(block * len(scanned), assets, term_power=0.0, horizon_years=terms.horizon_days / 365.0)
    for order, (number, commodity) in enumerate(scanned):
        spot = shocks.spot_log[block * order : block * (order + 1), number]
        volatility = shocks.volatility_shift[block * order : block * (order + 1), number]
        for row, thirds in enumerate(THIRDS):
            spot[2 * row : 2 * row + 2] = np.log1p(max(thirds / 3.0 * commodity.price_scan, PRICE_MOVE_MIN))
            volatility[2 * row : 2 * row + 2] = (commodity.volatility_scan, -commodity.volatility_scan)
        extreme = terms.extreme_multiple * commodity.price_scan
        spot[SCENARIOS - 2 : SCENARIOS] = np.log1p((extreme, max(-extreme, PRICE_MOVE_MIN)))
    return shocks


def _today(legs: Legs, numbers: list[int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return values (legs,), and what each leg gains for a move of each asset by one (assets, legs): notional by delta."""
    shocks = no_shocks(1 + 2 * len(numbers), len(legs.assets))
    for order, number in enumerate(numbers):
        shocks.spot_log[1 + 2 * order : 3 + 2 * order, number] = (BUMP, -BUMP)
    rows = leg_values(legs, shocks)
    return rows[0], (rows[1::2] - rows[2::2]) / (2.0 * BUMP)


def _scanned(legs: Legs, scanned: list[tuple[int, Commodity]], terms: SpanValues) -> NDArray[np.float64]:
    """Return values after each asset's scan. Shape: (assets scanned, scenarios + 1, legs)."""
    shocks = span_shocks(len(legs.assets), scanned, terms)
    return leg_values(legs, shocks).reshape(len(scanned), SCENARIOS + 1, len(legs.legs))


def _scan(
    legs: Legs,
    number: int,
    commodity: Commodity,
    terms: SpanValues,
    now: NDArray[np.float64],
    deltas: NDArray[np.float64],
    later: NDArray[np.float64],
) -> _Scan:
    mask = (legs.legs["asset"] == number) & (legs.legs["kind"] != CASH)
    rows = legs.legs[mask]
    profits = later[:, mask].sum(axis=1) - now[mask].sum()
    time_risk = -float(profits[SCENARIOS])
    profits = profits[:SCENARIOS]
    profits[SCENARIOS - 2 :] *= terms.extreme_cover
    worst = int(np.argmin(profits))
    scan = max(-float(profits[worst]), 0.0)
    partner = worst ^ 1 if worst < SCENARIOS - 2 else worst  # the same move, volatility the other way
    price_risk = max(-0.5 * float(profits[worst] + profits[partner]) - time_risk, 0.0)

    held = deltas[mask]
    by_month = np.array([held[rows["years"] == years].sum() for years in np.unique(rows["years"])])
    netted = min(by_month[by_month > 0.0].sum(), -by_month[by_month < 0.0].sum())
    shorts = (rows["quantity"] < 0.0) & (rows["kind"] != LINEAR) & (rows["kind"] != INVERSE)
    short_min = -float(rows["quantity"][shorts].sum()) * legs.prices[number] * commodity.short_option_min
    delta = float(held.sum())
    return _Scan(
        asset=legs.assets[number],
        scan=scan,
        profits=profits,
        price_risk=min(price_risk, scan),
        inter_month=float(netted) * commodity.inter_month,
        short_min=float(short_min),
        delta=delta,
        spare=delta,
    )


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


def _equity(portfolio: Portfolio, legs: Legs, now: NDArray[np.float64]) -> float:
    """Return what stands against the requirement: values of positions, balances after haircut, debts in full."""
    positions = len(portfolio.positions)
    total = 0.0
    for value, leg in zip(now.tolist(), legs.legs, strict=True):
        at = int(leg["position"]) - positions
        haircut = portfolio.balances[at].haircut if at >= 0 and value > 0.0 else 0.0
        total += value * (1.0 - haircut)
    return total
