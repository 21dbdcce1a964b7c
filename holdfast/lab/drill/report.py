"""Report: what a drill came to, as one JSON object and as a table for people."""

from collections.abc import Sequence
from statistics import median
from typing import Any, Final

import msgspec

from holdfast.lab.drill.round import Round

FIGURES: Final = ("in_flight", "recovery_s", "settled_s")
HEADS: Final = (
    *("fault", "rounds", "effects", "doubled", "lost", "other", "in flight"),
    *("recovery p50 s", "max", "settled p50 s", "max"),
)


class Report(msgspec.Struct, kw_only=True):
    """A drill. `wrong` are all findings in words; `other` counts those that are no effect doubled or lost."""

    seed: int
    journal: str
    rounds: list[Round]
    skipped: dict[str, str] = {}
    wall_s: float = 0.0
    was_interrupted: bool = False

    @property
    def is_clean(self) -> bool:
        """Tell whether nothing at all was wrong, and something was drilled."""
        return bool(self.rounds) and not any(one.wrong for one in self.rounds)

    def as_json(self) -> dict[str, Any]:
        """Return it as a JSON object. Units: seconds; p50 and max."""
        names = list(dict.fromkeys([*(one.fault for one in self.rounds), *self.skipped]))
        return {
            **_sums(self.rounds),
            "seed": self.seed,
            "journal": self.journal,
            "wall_s": round(self.wall_s, 1),
            "faults": {name: self._fault(name) for name in names},
            "wrong": [
                f"round {one.number} ({one.fault}): {words}" for one in self.rounds for words in one.wrong
            ],
        }

    def lines(self) -> list[str]:
        """Return the table for the terminal, and what was wrong."""
        told = self.as_json()
        rows = [HEADS, *(_row(name, fault) for name, fault in told["faults"].items())]
        rows.append(_row("all", {**told, **_figures(self.rounds)}))
        widths = [
            max(len(row[place]) for row in rows if len(row) == len(HEADS)) for place in range(len(HEADS))
        ]
        table = [f"{row[0].ljust(widths[0])}  {_laid_out(row[1:], widths[1:])}" for row in rows]
        return [*table, *told["wrong"]]

    def _fault(self, name: str) -> dict[str, Any]:
        own = [one for one in self.rounds if one.fault == name]
        told: dict[str, Any] = {**_sums(own), **_figures(own)}
        if name in self.skipped:
            told["skipped"] = self.skipped[name]
        return told


def _sums(rounds: Sequence[Round]) -> dict[str, int]:
    sums = {name: sum(getattr(one, name) for one in rounds) for name in ("effects", "doubled", "lost")}
    wrong = sum(len(one.wrong) for one in rounds)
    return {"rounds": len(rounds), **sums, "other": wrong - sums["doubled"] - sums["lost"]}


def _figures(rounds: Sequence[Round]) -> dict[str, dict[str, float | None]]:
    return {name: _spread([getattr(one, name) for one in rounds]) for name in FIGURES}


def _row(name: str, fault: dict[str, Any]) -> tuple[str, ...]:
    if not fault["rounds"]:
        return name, f"skipped: {fault.get('skipped', '')}"
    recovery, settled = fault["recovery_s"], fault["settled_s"]
    counts = (str(fault[key]) for key in ("rounds", "effects", "doubled", "lost", "other"))
    seconds = (
        _number(value, 2) for value in (recovery["p50"], recovery["max"], settled["p50"], settled["max"])
    )
    return name, *counts, _number(fault["in_flight"]["p50"], 0), *seconds


def _laid_out(row: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(text.rjust(width) for text, width in zip(row, widths, strict=False))


def _spread(values: Sequence[float | None]) -> dict[str, float | None]:
    known = [value for value in values if value is not None]
    if not known:
        return {"p50": None, "max": None}
    return {"p50": round(median(known), 3), "max": round(max(known), 3)}


def _number(value: float | None, places: int) -> str:
    return "-" if value is None else f"{value:.{places}f}"
