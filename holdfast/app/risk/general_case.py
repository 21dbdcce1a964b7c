"""General case: one account and its market in one JSON file, for any margin model.

`{"portfolio": {"positions": [...]}, "market": {"time": ..., "prices": {...}, "marks": {...}, "forwards": {...}}}`, both as
`holdfast risk` reads them from files of their own. All positions and balances lie in one account of one venue.
"""

from typing import Any

import msgspec

from holdfast.app.risk.margin_models import shipped_model
from holdfast.app.risk.market_file import stated_market
from holdfast.app.risk.portfolio_file import portfolio_of
from holdfast.error import CallerError


def general_case(model: str, document: Any, where: str) -> dict[str, object]:
    """Return what the account must post; keys `im`, `mm`, `equity`, `scenarios`, `missing` and what the model says besides.

    Raises: CallerError `case.wrong` with the place; those of portfolio and market files.
    """
    if not isinstance(document, dict) or set(document) != {"portfolio", "market"}:
        raise CallerError(
            "case.wrong",
            "a case is an object with `portfolio` and `market`",
            where=where,
            remedy="see docs/margin.md",
        )
    held = portfolio_of(document["portfolio"], f"{where}: portfolio")
    if held.missing:
        raise CallerError(
            "case.wrong", str(held.missing[0]), where=where, remedy="a margin of the rest would be wrong"
        )
    if len(held.portfolio.accounts) != 1:
        raise CallerError(
            "case.wrong",
            f"{len(held.portfolio.accounts)} accounts in one case",
            where=where,
            remedy="give one",
        )
    market = stated_market(document["market"], f"{where}: market", held.portfolio.base_currency)
    result = shipped_model(model).measure(held.portfolio, market)
    return {
        "model": result.model,
        "currency": result.currency,
        "im": result.im,
        "mm": result.mm,
        "equity": result.equity,
        "headroom": result.headroom,
        "scenarios": [{"name": one.name, "profit": one.profit} for one in result.scenarios],
        "parts": result.parts,
        "parameters_from": result.parameters_from,
        "missing": [msgspec.to_builtins(one) for one in result.missing],
    }
