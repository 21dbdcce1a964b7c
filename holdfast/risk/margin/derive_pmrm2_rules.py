"""Derive PMRM2 rules: the loss of one account in every scenario, contingencies, initial and maintenance margin.

Rules, in the venue's order:

1. An expiry's shocked value is discounted: while positive by `long_discount` x exp(-long rate x years), while negative it
   grows by `short_discount` x exp(short rate x years) but never beyond undoing the discount already in it.
2. A scenario's profit is that value less the undiscounted value now, plus perpetuals and risk-cancelling collateral moved
   with spot, all times the damping. A tilt of the smile counts as a loss for each expiry whichever way it goes.
3. The worst is the least of all scenarios and the basis contingency. It is multiplied by the factor of IM or MM (that of
   IM grows while the stable coin is below its peg), and contingencies are taken off: MM's from both, IM's from IM.
4. A rate below zero counts as zero. In the last half hour the forward settles: the share of it that is past is fixed.
5. A naked short is what is short at a strike, calls and puts together, beyond what is long there.
6. A linear tilt that names a spot move leaves forwards in place and tilts with the cap of `abs`: inferred from one figure
   of the venue's reference calculation; the venue's own contract refuses such a scenario.

Source: derivexyz/v2-core, PMRMLib_2 (rules read, none copied); Derive documentation, Portfolio Manager.
Limits: the venue computes in integers of 1e-18; differences are below 1e-12 relative.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from holdfast.clock import DAY_NS, SECOND_NS
from holdfast.error import CallerError
from holdfast.risk.margin.derive_pmrm2_terms import (
    Expiry,
    Pmrm2Account,
    Pmrm2Margin,
    Pmrm2Parameters,
    Scenario,
)
from holdfast.risk.market import YEAR_NS
from holdfast.risk.pricing.black76 import black76_price

Column = NDArray[np.float64]

YEAR_S = YEAR_NS // SECOND_NS
SETTLEMENT_S = 1800.0
TERM_S = 30.0 * DAY_NS / SECOND_NS
_NONE, _UP, _DOWN, _LINEAR, _ABS, _LINEAR_MOVED = range(6)
_KINDS = {"none": _NONE, "up": _UP, "down": _DOWN, "linear": _LINEAR, "abs": _ABS}
# columns of the expiries that the kernel reads
_YEARS, _VARIABLE, _FIXED, _DISCOUNT, _RISE, _FALL, _LINEAR_CAP, _ABS_CAP, _WIDTH = range(9)


def derive_margin(account: Pmrm2Account, parameters: Pmrm2Parameters) -> Pmrm2Margin:
    """Return the margin of one account under one set of parameters.

    Units: the stable coin (USDC). Cost: 60 options in 31 scenarios 0.1 ms.
    Raises: CallerError `derive.parameters` where a set without scenarios or a term floor of zero makes no sense.
    """
    if not parameters.scenarios:
        raise CallerError("derive.parameters", "there are no scenarios", remedy="give at least one")
    terms, strikes, volatilities, quantities, signs, counts = _arrays(account.expiries, parameters)
    basis = parameters.basis
    stages = (
        Scenario(1.0, "none"), Scenario(basis.spot_up, "none"), Scenario(basis.spot_down, "none"), *parameters.scenarios,
    )  # fmt: skip
    kinds = np.array([_kind(stage) for stage in stages])
    spots = np.array([1.0 if stage.tilts else stage.spot for stage in stages])
    cells = np.zeros((len(stages), len(account.expiries)))
    _value_expiries(
        kinds,
        spots,
        terms,
        strikes,
        volatilities,
        quantities,
        signs,
        counts,
        parameters.volatility.up_min,
        cells,
    )
    now, shocked = cells[0], cells[3:]
    profits = _profits(account, parameters, now, shocked, terms)

    worse = np.minimum(np.minimum(cells[1], cells[2]) - now, 0.0)
    basis_contingency = math.fsum(worse * (basis.add + basis.by_years * terms[:, _YEARS]))
    worst_profit = min(profits)
    worst = profits.index(worst_profit) if worst_profit < basis_contingency else -1
    worst_profit = min(worst_profit, basis_contingency)

    mm_contingency, im_contingency = _contingencies(account, parameters)
    contingency = parameters.contingency
    im_factor = parameters.factors.im
    if account.stable_price < contingency.peg_threshold:
        im_factor += (contingency.peg_threshold - account.stable_price) * contingency.peg_factor
    collateral = math.fsum(_collateral_values(account))
    options = math.fsum(now)
    perps = account.perp_profit if account.perps != 0.0 else 0.0
    value = math.fsum((account.cash, perps, collateral, options))
    return Pmrm2Margin(
        im=math.fsum((value, worst_profit * im_factor, -mm_contingency, -im_contingency)),
        mm=math.fsum((value, worst_profit * parameters.factors.mm, -mm_contingency)),
        value=value,
        profits=tuple(profits),
        worst=worst,
        basis_contingency=basis_contingency,
        im_contingency=im_contingency,
        mm_contingency=mm_contingency,
        im_factor=im_factor,
        options_value=options,
        collateral_value=collateral,
    )


def _kind(scenario: Scenario) -> int:
    if scenario.direction == "linear" and scenario.spot != 1.0:
        return _LINEAR_MOVED
    return _KINDS[scenario.direction]


def _profits(
    account: Pmrm2Account,
    parameters: Pmrm2Parameters,
    now: NDArray[np.float64],
    shocked: NDArray[np.float64],
    terms: NDArray[np.float64],
) -> list[float]:
    """Return the profit in each scenario (rules 1 and 2)."""
    factors = parameters.factors
    years = terms[:, _YEARS]
    rates = np.array([max(expiry.rate, 0.0) for expiry in account.expiries])
    long_rates = rates * factors.long_rate_scale + factors.long_rate_add
    short_rates = rates * factors.short_rate_scale + factors.short_rate_add
    long_discounts = factors.long_discount * np.exp(-years * long_rates)
    short_discounts = np.minimum(
        1.0 / terms[:, _DISCOUNT], factors.short_discount * np.exp(years * short_rates)
    )
    moves = shocked * np.where(shocked >= 0.0, long_discounts, short_discounts) - now
    cancelling = math.fsum(
        value
        for value, coin in zip(_collateral_values(account), account.collaterals, strict=True)
        if coin.cancels_risk
    )
    linear = account.perps * account.perp_price + cancelling
    profits: list[float] = []
    for scenario, row in zip(parameters.scenarios, moves, strict=True):
        parts = -np.abs(row) if scenario.tilts else row
        profits.append(math.fsum((linear * (scenario.spot - 1.0), *parts)) * scenario.damping)
    return profits


def _contingencies(account: Pmrm2Account, parameters: Pmrm2Parameters) -> tuple[float, float]:
    """Return what is taken off MM (and IM), and what is taken off IM besides."""
    contingency = parameters.contingency
    held = account.perps != 0.0
    confidence = min(account.spot_confidence, account.perp_confidence) if held else account.spot_confidence

    def doubt(least: float, notional: float) -> float:
        if least >= contingency.confidence_threshold:
            return 0.0
        return (1.0 - least) * contingency.confidence_factor * notional

    perps = abs(account.perps) * account.spot
    mm = [perps * contingency.mm_perp]
    im = [perps * contingency.im_perp, doubt(confidence, perps)]
    for expiry in account.expiries:
        naked = _naked_shorts(expiry) * account.spot
        mm.append(naked * contingency.mm_option)
        im.append(naked * contingency.im_option)
        held_options = float(np.abs(expiry.quantities).sum()) * account.spot
        im.append(doubt(min(confidence, expiry.confidence), held_options))
    for value, coin in zip(_collateral_values(account), account.collaterals, strict=True):
        mm.append(value * coin.mm_haircut)
        im.append(value * coin.im_haircut)
        im.append(doubt(min(account.spot_confidence, coin.confidence), value))
    return math.fsum(mm), math.fsum(im)


def _collateral_values(account: Pmrm2Account) -> list[float]:
    return [coin.amount * coin.price / account.stable_price for coin in account.collaterals]


def _naked_shorts(expiry: Expiry) -> float:
    """Return the contracts that are short at their strike, net of those long there (rule 5)."""
    net: dict[float, float] = {}
    for strike, quantity in zip(expiry.strikes.tolist(), expiry.quantities.tolist(), strict=True):
        net[strike] = net.get(strike, 0.0) + quantity
    return math.fsum(max(-quantity, 0.0) for quantity in net.values())


def _arrays(
    expiries: tuple[Expiry, ...], parameters: Pmrm2Parameters
) -> tuple[Column, Column, Column, Column, Column, NDArray[np.int64]]:
    """Return terms by expiry, then strikes, volatilities, quantities, signs of all options, and how many an expiry has."""
    shock, skew = parameters.volatility, parameters.skew
    terms = np.zeros((len(expiries), 9))
    for row, expiry in zip(terms, expiries, strict=True):
        seconds = max(expiry.seconds, 0.0)
        years = seconds / YEAR_S
        root = math.sqrt(years)
        settled = min(max(1.0 - seconds / SETTLEMENT_S, 0.0), 1.0)
        term = max(seconds, shock.floor_days * DAY_NS / SECOND_NS)
        if term <= 0.0:
            raise CallerError(
                "derive.parameters",
                "the floor of the term is zero and an expiry is due",
                remedy="give a floor in days",
            )
        scale = (TERM_S / term) ** (shock.short_power if seconds <= TERM_S else shock.long_power)
        width = root * skew.width_scale * (skew.volatility_static + root * skew.volatility_scale)
        row[:] = (
            years,
            expiry.forward * (1.0 - settled),
            expiry.forward * settled,
            math.exp(-max(expiry.rate, 0.0) * years),
            1.0 + shock.range_up * scale,
            max(1.0 - shock.range_down * scale, 0.0),
            skew.linear_cap + skew.linear_slope * root,
            skew.abs_cap + skew.abs_slope * root,
            max(width, skew.width_min),
        )
    none = [np.zeros(0)]
    return (
        terms,
        np.concatenate([expiry.strikes for expiry in expiries] or none),
        np.concatenate([expiry.volatilities for expiry in expiries] or none),
        np.concatenate([expiry.quantities for expiry in expiries] or none),
        np.concatenate([expiry.signs for expiry in expiries] or none),
        np.array([expiry.strikes.size for expiry in expiries], dtype=np.int64),
    )


@njit(cache=True, error_model="numpy")
def _tilt(k: float, cap: float, width: float) -> float:
    """Return what a smile's volatility is multiplied by at log-moneyness k. A cap below zero binds at the forward too."""
    lift = k * cap / width if k != 0.0 else 0.0
    lift = min(cap, lift) if k >= 0.0 else max(-cap, lift)
    return max(1.0 + lift, 0.0)


@njit(cache=True, error_model="numpy")
def _value_expiries(
    kinds: np.ndarray, spots: np.ndarray, terms: np.ndarray, strikes: np.ndarray, volatilities: np.ndarray,
    quantities: np.ndarray, signs: np.ndarray, counts: np.ndarray, up_min: float, out: np.ndarray,
) -> None:  # fmt: skip
    """Fill the value of each expiry in each stage. Sums carry their rounding along: a box is a small difference."""
    for s in range(kinds.shape[0]):
        first = 0
        for e in range(terms.shape[0]):
            term = terms[e]
            forward = term[1] * spots[s] + term[2]
            total, lost = 0.0, 0.0
            for j in range(first, first + counts[e]):
                volatility = volatilities[j]
                if kinds[s] == _UP:
                    volatility = max(up_min, volatility * term[4])
                elif kinds[s] == _DOWN:
                    volatility *= term[5]
                elif kinds[s] != _NONE:
                    k = math.log(strikes[j] / forward)
                    k = abs(k) if kinds[s] == _ABS else k
                    volatility *= _tilt(k, term[6] if kinds[s] == _LINEAR else term[7], term[8])
                if forward > 0.0:
                    price = black76_price(forward, strikes[j], term[0], volatility, signs[j], term[3])
                else:
                    price = term[3] * strikes[j] if signs[j] < 0.0 else 0.0
                amount = quantities[j] * price
                joined = total + amount
                if abs(total) >= abs(amount):
                    lost += (total - joined) + amount
                else:
                    lost += (amount - joined) + total
                total = joined
            out[s, e] = total + lost
            first += counts[e]
