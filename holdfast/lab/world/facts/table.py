"""Table: facts of several markets side by side, as Markdown that reads well in a terminal too."""

import math
from collections.abc import Sequence

from holdfast.lab.world.facts.market import Market
from holdfast.lab.world.facts.measure import FACTS, measure


def table(markets: Sequence[Market]) -> str:
    """Return the facts, a row each."""
    columns = [measure(market) for market in markets]
    rows = [["fact", *(market.name for market in markets)]]
    rows.append(["seconds", *(str(len(market.mids)) for market in markets)])
    rows += [[words, *(_number(column[name]) for column in columns)] for name, words in FACTS.items()]
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _number(value: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"
