"""Margin models with the parameters that are shipped, or those of a desk's own file."""

from functools import cache
from importlib.resources import files
from pathlib import Path

import yaml

from holdfast.error import CallerError
from holdfast.risk.margin.base import MarginModel
from holdfast.risk.margin.registry import MODELS, build_model, known_model
from holdfast.risk.portfolio import Portfolio


@cache
def shipped_model(name: str) -> MarginModel:
    """Return a model with the parameters that are shipped. Raises: CallerError `margin.unknown_model`."""
    file = MODELS[known_model(name)].file
    text = files("holdfast.risk.margin").joinpath("parameters", file).read_text(encoding="utf-8")
    return build_model(name, yaml.safe_load(text), file)


def models_of(portfolio: Portfolio) -> dict[str, MarginModel]:
    """Return the models that a portfolio's accounts name. Raises: CallerError `margin.unknown_model`."""
    names = {account.margin_model for account in portfolio.accounts if account.margin_model}
    return {name: shipped_model(name) for name in sorted(names)}


def own_model(name: str, path: str | Path) -> MarginModel:
    """Return a model with the parameters of a desk's own file. Raises: CallerError `parameters.*` with the place."""
    try:
        raw: object = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CallerError(
            "parameters.unreadable", str(error), where=str(path), remedy="give a YAML file"
        ) from error
    return build_model(name, raw, str(path))
