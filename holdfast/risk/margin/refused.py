"""Refused: the result of a margin model that has no rules for the moment: nothing is in the number, and it says so."""

from holdfast.risk.margin.base import MarginResult
from holdfast.risk.missing import Missing
from holdfast.risk.portfolio import Portfolio


def refused(model: str, portfolio: Portfolio, why: Missing) -> MarginResult:
    """Return a margin in which nothing is, with the reason and every position that is therefore missing."""
    gaps = (
        Missing(position.contract.name, "margin.unmeasured", "its margin model has no rules for this moment")
        for position in portfolio.positions
    )
    return MarginResult(
        model=model, currency=portfolio.base_currency, im=0.0, mm=0.0, equity=0.0, missing=(why, *gaps)
    )
