"""Random conditions and random values for them, for the tests of rules."""

from typing import Any

from hypothesis import strategies as st

from holdfast.policy.expression import Apply, Constant, Node, Read
from holdfast.policy.fields import Schema

DETECTORS = ("price_shock", "depeg")
SCHEMA = Schema(DETECTORS)

NUMBERS = ("score", "score_trust", "move_1m", "spread_bps", "imbalance")
INTEGERS = ("level_rank", "alerts_open", "alerts.price_shock", "alerts.depeg")
TEXTS = ("venue", "instrument", "scope", "level")
WORDS = {"scope": ("instrument", "venue", "desk"), "level": ("normal", "watch", "halt")}

_literals = st.sampled_from((0.0, 1.0, -1.0, 0.5, 20.0, 80.0, 100.0, -0.05))
_whole = st.integers(-1, 5)


def _read(names: tuple[str, ...]) -> st.SearchStrategy[Node]:
    return st.sampled_from(names).map(lambda name: Read(0, name))


def _constant(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Node]:
    return values.map(lambda value: Constant(0, value))


def _apply(op: str, *args: Node) -> Node:
    return Apply(0, op, args)


_order = st.sampled_from(("<", "<=", ">", ">=", "==", "!="))
_numbers = st.deferred(lambda: _read(NUMBERS) | _constant(_literals) | _sums)
_sums = st.builds(
    _apply, st.sampled_from(("+", "-", "*", "/")), _read(NUMBERS), _constant(_literals)
) | st.builds(lambda read: Apply(0, "neg", (read,)), _read(NUMBERS))
_plain = st.builds(_apply, _order, _read(NUMBERS), _constant(_literals))
_pairs = st.builds(_apply, _order, _read(NUMBERS), _read(NUMBERS))
_ranks = st.builds(_apply, _order, _read(INTEGERS), _constant(_whole | _literals))
_mirrored = st.builds(_apply, _order, _constant(_literals), _read(NUMBERS))


@st.composite
def _words(draw: st.DrawFn) -> Node:
    name = draw(st.sampled_from(TEXTS))
    words = st.sampled_from(WORDS.get(name, ("okx", "bybit", "")))
    if draw(st.booleans()):
        return Apply(0, draw(st.sampled_from(("==", "!="))), (Read(0, name), Constant(0, draw(words))))
    choices = draw(st.lists(words, min_size=1, max_size=3))
    return Apply(0, "in", (Read(0, name), *(Constant(0, choice) for choice in choices)))


_flags = _read(("trusted",))
simple_atoms = _plain | _ranks | _mirrored | _words() | _flags
atoms = simple_atoms | _pairs | st.builds(_apply, _order, _numbers, _sums)


def trees(leaves: st.SearchStrategy[Node], leaves_max: int = 6) -> st.SearchStrategy[Node]:
    """Return conditions over some atoms."""
    return st.recursive(
        leaves,
        lambda inner: (
            st.builds(_apply, st.sampled_from(("&&", "||")), inner, inner)
            | st.builds(lambda one: Apply(0, "!", (one,)), inner)
            | st.builds(lambda a, b, c: Apply(0, "?:", (a, b, c)), inner, inner, inner)
        ),
        max_leaves=leaves_max,
    )


@st.composite
def values(draw: st.DrawFn, unknowns: bool = False) -> dict[str, Any]:
    """Return values of every field that random conditions read, within what always holds between them."""
    scope = draw(st.sampled_from(("instrument", "venue", "desk")))
    rank = draw(st.integers(0, 4))
    alerts = {name: draw(st.integers(0, 4)) for name in DETECTORS}
    score = draw(st.floats(0.0, 100.0) | st.sampled_from((0.0, 20.0, 80.0, 100.0)))
    found: dict[str, Any] = {
        "scope": scope,
        "venue": draw(st.sampled_from(("okx", "bybit", "x"))) if scope != "desk" else "",
        "instrument": draw(st.sampled_from(("okx", "BTC", "y"))) if scope == "instrument" else "",
        "level": ("normal", "watch", "restrict", "reduce", "halt")[rank],
        "level_rank": rank,
        "score": score,
        "score_trust": score * draw(st.sampled_from((0.0, 0.5, 1.0))),
        "trusted": draw(st.booleans()),
        "alerts_open": sum(1 for one in alerts.values() if one),
        **{f"alerts.{name}": one for name, one in alerts.items()},
    }
    if scope == "instrument":
        found["move_1m"] = draw(st.floats(-5.0, 5.0) | st.sampled_from((0.0, -0.05, -1.0)))
        found["spread_bps"] = draw(st.floats(-20_000.0, 20_000.0) | st.sampled_from((0.5, 1.0, 20.0)))
        found["imbalance"] = draw(st.floats(-1.0, 1.0) | st.sampled_from((-1.0, 0.5, 1.0)))
    if unknowns:
        for name in draw(st.sets(st.sampled_from((*NUMBERS, "trusted")))):
            found.pop(name, None)
    return found


def context(found: dict[str, Any]) -> dict[str, Any]:
    """Return values as CEL takes them: the alerts as a map."""
    own = {name: value for name, value in found.items() if not name.startswith("alerts.")}
    return own | {"alerts": {name: found[f"alerts.{name}"] for name in DETECTORS}}
