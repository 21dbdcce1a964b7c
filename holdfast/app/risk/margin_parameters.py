"""Margin parameters from files: those that come with the package, read once, and a desk's own."""

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import yaml

from holdfast.error import CallerError
from holdfast.risk.margin.base import MarginModel
from holdfast.risk.margin.binance import BinanceTiers
from holdfast.risk.margin.binance_tiers import TierValues
from holdfast.risk.margin.deribit_parameters import PortfolioValues, StandardValues
from holdfast.risk.margin.deribit_pm import DeribitPortfolioMargin
from holdfast.risk.margin.deribit_sm import DeribitStandardMargin
from holdfast.risk.margin.okx_parameters import OkxValues
from holdfast.risk.margin.okx_pm import OkxPortfolioMargin
from holdfast.risk.margin.parameters import ParameterSets, parameter_sets

T = TypeVar("T")


@cache
def venue_models() -> dict[str, MarginModel]:
    """Return the venues' margin models by name, with the parameters that come with the package.

    Cost: reads and checks the files once a process.
    """
    portfolio = shipped("deribit_pm", PortfolioValues)
    models: tuple[MarginModel, ...] = (
        DeribitStandardMargin(shipped("deribit_sm", StandardValues)),
        DeribitPortfolioMargin(portfolio),
        DeribitPortfolioMargin(portfolio, cross=True),
        BinanceTiers(shipped("binance_usdm", TierValues)),
        BinanceTiers(shipped("binance_coinm", TierValues)),
        OkxPortfolioMargin(shipped("okx_pm", OkxValues)),
    )
    return {model.name: model for model in models}


def shipped(name: str, values: type[T]) -> ParameterSets[T]:
    """Return the dated sets of a parameter file that comes with the package, by its name without suffix.

    Raises: CallerError `parameters.missing`, `parameters.malformed`.
    """
    file = files("holdfast.risk.margin") / "parameters" / f"{name}.yml"
    if not file.is_file():
        raise CallerError("parameters.missing", "no such parameters come with the package", where=name)
    return _parsed(file.read_text(encoding="utf-8"), values, f"{name}.yml")


def from_file(path: Path, values: type[T]) -> ParameterSets[T]:
    """Return the dated sets of a desk's own parameter file.

    Raises: CallerError `parameters.missing`, `parameters.malformed`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CallerError("parameters.missing", str(error), where=str(path)) from error
    return _parsed(text, values, str(path))


def _parsed(text: str, values: type[T], where: str) -> ParameterSets[T]:
    try:
        raw: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise CallerError("parameters.malformed", f"not YAML: {error}", where=where) from error
    return parameter_sets(raw, values, where)
