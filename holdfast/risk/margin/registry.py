"""Margin registry: the models by name, as accounts and the command line name them.

Rules:

1. A model is built from its dated parameters and has `name` and `measure(portfolio, market)`. Nothing here reads files: the
   parsed data of `parameters/<listing.file>` comes in.
2. To add a model, add its line to `MODELS` and its file to `parameters/`.
"""

from collections.abc import Callable
from difflib import get_close_matches
from typing import Any, Final

import msgspec

from holdfast.error import CallerError
from holdfast.risk.margin.base import MarginModel
from holdfast.risk.margin.binance import BinanceTiers
from holdfast.risk.margin.binance_tiers import TierValues
from holdfast.risk.margin.deribit_parameters import PortfolioValues, StandardValues
from holdfast.risk.margin.deribit_pm import DeribitPortfolioMargin, deribit_cross_margin
from holdfast.risk.margin.deribit_sm import DeribitStandardMargin
from holdfast.risk.margin.derive_pmrm2 import DerivePmrm2, Pmrm2Values
from holdfast.risk.margin.okx_parameters import OkxValues
from holdfast.risk.margin.okx_pm import OkxPortfolioMargin
from holdfast.risk.margin.parameters import ParameterSets, parameter_sets
from holdfast.risk.margin.span import Span, SpanValues


class Listing(msgspec.Struct, frozen=True):
    """One model: the type of its parameters, how it is built from them, and their file in `parameters/`."""

    values: type[Any]
    build: Callable[[ParameterSets[Any]], MarginModel]
    file: str


MODELS: Final[dict[str, Listing]] = {
    "binance-coinm": Listing(TierValues, BinanceTiers, "binance_coinm.yml"),
    "binance-usdm": Listing(TierValues, BinanceTiers, "binance_usdm.yml"),
    "deribit-pm": Listing(PortfolioValues, DeribitPortfolioMargin, "deribit_pm.yml"),
    "deribit-sm": Listing(StandardValues, DeribitStandardMargin, "deribit_sm.yml"),
    "deribit-xpm": Listing(PortfolioValues, deribit_cross_margin, "deribit_pm.yml"),
    "okx-pm": Listing(OkxValues, OkxPortfolioMargin, "okx_pm.yml"),
    "derive-pmrm2": Listing(Pmrm2Values, DerivePmrm2, "derive_pmrm2.yml"),
    "span": Listing(SpanValues, Span, "span.yml"),
}


def known_model(name: str) -> str:
    """Return the name of a model that exists.

    Raises: CallerError `margin.unknown_model`, with the nearest right name.

    >>> known_model("span")
    'span'
    """
    if name in MODELS:
        return name
    near = get_close_matches(name.lower().replace("_", "-"), MODELS, 1, 0.4)
    remedy = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(MODELS))}"
    raise CallerError("margin.unknown_model", f"no margin model is called {name!r}", remedy=remedy)


def build_model(name: str, raw: object, where: str) -> MarginModel:
    """Return a model built from the parsed data of its parameter file.

    Raises: CallerError `margin.unknown_model`; `parameters.*` with the place, where the data are not what they must be.
    """
    listing = MODELS[known_model(name)]
    return listing.build(parameter_sets(raw, listing.values, where))
