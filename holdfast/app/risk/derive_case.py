"""Derive case: an account and all of the venue's parameters in one JSON file, as Derive writes its own test portfolios.

Rules:

1. Every parameter is read from the file; what the venue computed from the others on the way (`k`, `MarkDiscount`,
   `linear_multiplier`...), and `Result`, is never read.
2. Positions and parameters that are not known are refused: left out, they would change the number. A single unknown value
   beside the prices is told in `ignored`.
3. The answer has the venue's own signs and order: `im` and `mm` are the value left after the requirement, below zero a call;
   `scenarios` stand as in `Parameters.Scenarios`, losses negative; `reg_losses`, `tail_losses`, `skew_losses` are the same
   losses as the venue lists them.
"""

import math
from typing import Final

import numpy as np

from holdfast.app.risk.case_fields import Fields
from holdfast.error import CallerError
from holdfast.risk.margin.derive_pmrm2_rules import derive_margin
from holdfast.risk.margin.derive_pmrm2_terms import (
    BasisShock,
    Collateral,
    Contingency,
    Expiry,
    LossFactors,
    Pmrm2Account,
    Pmrm2Margin,
    Pmrm2Parameters,
    Scenario,
    SkewShock,
    VolatilityShock,
)

DIRECTIONS: Final = {"up": "up", "down": "down", "none": "none", "linear": "linear", "abs": "abs"}
SIGNS: Final = {"up": 1, "none": 0, "down": -1}


def derive_case(document: object, where: str) -> dict[str, object]:
    """Return the margin of the account in a decoded case file, as the venue states it.

    Raises: CallerError `case.wrong` with the place.
    """
    root = Fields(document, where)
    parameters = _parameters(root.part("Parameters"))
    account, ignored = _account(root.part("Scenario"))
    root.ignore("Result")
    ignored = ignored + root.finish(numbers_may_stay=True)
    margin = derive_margin(account, parameters)
    return _answer(margin, parameters, ignored)


def _parameters(fields: Fields) -> Pmrm2Parameters:
    skew, volatility, factors = (fields.part(key) for key in ("SkewShock", "VolShock", "Margin"))
    basis, contingency = fields.part("BasisContingency"), fields.part("OtherContingency")
    contingency.ignore(
        "IM_PERP_PERCENT_NORMAL", "IM_OPTION_PERCENT_NORMAL"
    )  # sums of the two percentages used
    parameters = Pmrm2Parameters(
        scenarios=tuple(_scenario(one) for one in fields.parts("Scenarios")),
        volatility=VolatilityShock(
            range_up=volatility.number("VOLRANGEUP"),
            range_down=volatility.number("VOLRANGEDOWN"),
            short_power=volatility.number("SHORTTERMPOWER"),
            long_power=volatility.number("LONGTERMPOWER"),
            floor_days=volatility.number("DTE_FLOOR", least=0.0),
            up_min=volatility.number("MIN_VOL_EVAL_SHOCKED"),
        ),
        skew=SkewShock(
            linear_cap=skew.number("LINEAR_SCALE_CAP"),
            linear_slope=skew.number("LINEAR_CBASE"),
            abs_cap=skew.number("ABS_SCALE_CAP"),
            abs_slope=skew.number("ABS_CBASE"),
            width_min=skew.number("MIN_K_STAR", least=0.0),
            width_scale=skew.number("MIN_WIDTH_SCALE"),
            volatility_static=skew.number("VOL_PARAM_STATIC"),
            volatility_scale=skew.number("VOL_PARAM_SCALE"),
        ),
        factors=LossFactors(
            im=factors.number("IM_LOSS_FACTOR"),
            mm=factors.number("MM_LOSS_FACTOR"),
            short_rate_scale=factors.number("SHORT_RATE_MULTSCALE"),
            short_rate_add=factors.number("SHORT_RATE_ADDSCALE"),
            long_rate_scale=factors.number("LONG_RATE_MULTSCALE"),
            long_rate_add=factors.number("LONG_RATE_ADDSCALE"),
            long_discount=factors.number("BASE_STATIC_DISCOUNT"),
            short_discount=factors.number("BASE_STATIC_DISCOUNT_NEG"),
        ),
        basis=BasisShock(
            spot_up=basis.number("SCENARIO_SPOT_UP", least=0.0),
            spot_down=basis.number("SCENARIO_SPOT_DOWN", least=0.0),
            add=basis.number("BASIS_CONT_ADD_FACTOR"),
            by_years=basis.number("BASIS_CONT_MULT_FACTOR"),
        ),
        contingency=Contingency(
            peg_threshold=contingency.number("PEG_LOSS_THRESHOLD"),
            peg_factor=contingency.number("PEG_LOSS_FACTOR"),
            confidence_threshold=contingency.number("CONF_THRESHOLD"),
            confidence_factor=contingency.number("CONF_MARGIN"),
            mm_perp=contingency.number("MM_PERP_PERCENT"),
            im_perp=contingency.number("IM_PERP_PERCENT"),
            mm_option=contingency.number("MM_OPTION_PERCENT"),
            im_option=contingency.number("IM_OPTION_PERCENT"),
        ),
    )
    for part in (skew, volatility, factors, basis, contingency, fields):
        part.finish()
    return parameters


def _scenario(fields: Fields) -> Scenario:
    scenario = Scenario(
        spot=fields.number("SpotShock", least=0.0),
        direction=fields.one_of("VolShockDirection", DIRECTIONS),  # pyright: ignore[reportArgumentType]
        damping=fields.number("DampeningFactor"),
    )
    fields.finish()
    return scenario


def _account(fields: Fields) -> tuple[Pmrm2Account, tuple[str, ...]]:
    options = fields.parts("Options")
    perps = fields.number("NumPerps", 0.0)
    held = perps != 0.0
    account = Pmrm2Account(
        spot=fields.number("SpotPrice", above=0.0),
        cash=fields.number("Cash", 0.0),
        spot_confidence=fields.number("SpotConfidence"),
        stable_price=fields.number("StablePrice", above=0.0),
        perps=perps,
        perp_price=fields.number("PerpPrice", None if held else 0.0, least=0.0),
        perp_confidence=fields.number("PerpConfidence", None if held else 0.0),
        perp_profit=fields.number("UnrealisedPerpPNL", 0.0) + fields.number("UnrealisedFunding", 0.0),
        collaterals=tuple(_collateral(one) for one in fields.parts("Collaterals")),
        expiries=_expiries(fields.parts("OptionFeeds"), options),
    )
    fields.ignore("StableConfidence", "LastEntryPrice", "FundingIndex", "SystemFundingIndex")
    return account, fields.finish(numbers_may_stay=True)


def _collateral(fields: Fields) -> Collateral:
    coin = Collateral(
        name=fields.text("Name"),
        amount=fields.number("Amount", least=0.0),
        price=fields.number("Price", least=0.0),
        mm_haircut=fields.number("MMHaircut"),
        im_haircut=fields.number("IMHaircut"),
        confidence=fields.number("Confidence"),
        cancels_risk=fields.truth("IsRiskCancelling"),
    )
    fields.ignore("ConfidenceFactor")  # the rules take the one of all contingencies
    fields.finish()
    return coin


def _expiries(feeds: list[Fields], options: list[Fields]) -> tuple[Expiry, ...]:
    """Group options under the feed of their expiry; an option without a feed has no price and is refused."""
    by_expiry: dict[float, list[Fields]] = {}
    for option in options:
        by_expiry.setdefault(option.number("Expiry"), []).append(option)
    expiries: list[Expiry] = []
    for feed in feeds:
        seconds = feed.number("FeedExpiry")
        held = by_expiry.pop(seconds, [])
        if held:
            expiries.append(_expiry(feed, seconds, held))
    for orphans in by_expiry.values():
        raise CallerError(
            "case.wrong",
            "no feed has this expiry",
            where=f"{orphans[0].where}.Expiry",
            remedy="add it to OptionFeeds",
        )
    return tuple(expiries)


def _expiry(feed: Fields, seconds: float, options: list[Fields]) -> Expiry:
    rows: list[tuple[float, float, float, float]] = []
    for option in options:
        option.ignore("ExiryTs", "MarkDiscount", "MarkVol", "k", "k_star")
        option.ignore("linear_mult_cap", "abs_mult_cap", "linear_multiplier", "abs_multiplier")
        row = (
            option.number("Strike", above=0.0),
            option.number("MarkVol", least=0.0)
            if seconds > 0.0
            else 0.0,  # nothing is left to move once expired
            option.number("Amount"),
            1.0 if option.truth("IsCall") else -1.0,
        )
        option.finish()
        rows.append(row)
    feed.ignore("SVIparam")  # the volatilities at the strikes are given
    confidences = [
        feed.number(key) for key in ("ForwardConfidence", "RateConfidence", "OptionVolConfidences")
    ]
    columns = np.array(rows).T
    expiry = Expiry(
        seconds=seconds,
        forward=feed.number("Forward", least=0.0),
        rate=feed.number("Rate"),
        strikes=columns[0].copy(),
        volatilities=columns[1].copy(),
        quantities=columns[2].copy(),
        signs=columns[3].copy(),
        confidence=min(confidences),
    )
    feed.finish()
    return expiry


def _answer(margin: Pmrm2Margin, parameters: Pmrm2Parameters, ignored: tuple[str, ...]) -> dict[str, object]:
    groups: dict[str, list[list[object]]] = {"reg_losses": [], "tail_losses": [], "skew_losses": []}
    scenarios: list[dict[str, object]] = []
    seen_tail = False
    for scenario, profit in zip(parameters.scenarios, margin.profits, strict=True):
        move = math.fsum((scenario.spot, -1.0))
        if scenario.tilts:
            group = "skew_losses"
            name = scenario.direction.upper() + ("" if scenario.spot == 1.0 else "_SPOT_SHOCK")
            groups[group].append([name, profit])
        else:
            seen_tail = seen_tail or scenario.damping != 1.0
            group = "tail_losses" if seen_tail else "reg_losses"
            name = f"{100.0 * move:+g}% {scenario.direction}"
            groups[group].append([move, SIGNS[scenario.direction], profit])
        scenarios.append(
            {"name": name, "group": group, "spot_shock": move, "damping": scenario.damping, "loss": profit}
        )
    worst = scenarios[margin.worst]["name"] if margin.worst >= 0 else "basis contingency"
    return {
        "model": "derive-pmrm2",
        "im": margin.im,
        "mm": margin.mm,
        "scenarios": scenarios,
        **groups,
        "worst": worst,
        "value": margin.value,
        "options_value": margin.options_value,
        "collateral_value": margin.collateral_value,
        "basis_contingency": margin.basis_contingency,
        "mm_contingency": -margin.mm_contingency,
        "im_contingency": -margin.im_contingency,
        "im_factor": margin.im_factor,
        "ignored": list(ignored),
    }
