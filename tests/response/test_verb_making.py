"""Verbs: made from what a playbook says, refused where they cannot work, and each with an execution."""

import msgspec
import pytest

from holdfast.error import CallerError
from holdfast.response.execution.registry import EXECUTIONS
from holdfast.response.verb import (
    VERBS,
    CancelEverything,
    Flatten,
    HedgeDelta,
    MoveCollateral,
    Reduce,
    Verb,
    kind_of,
    name_of,
    verb_of,
)

WORKS = {
    "cancel_all": {},
    "pause": {},
    "resume": {"patience_s": 10.0},
    "halt": {},
    "reduce_only": {},
    "reduce": {"fraction": 0.5},
    "flatten": {"slippage_bps_max": 80},
    "hedge_delta": {"asset": "BTC", "instruments": ["deribit:BTC-PERPETUAL"], "tolerance": 0.1},
    "dead_man": {"timeout_s": 30},
    "move_collateral": {"asset": "BTC", "amount_max": "2.5"},
    "notify": {"title": "look"},
    "reconcile": {},
    "evacuate": {"to_account": "cold", "assets": ["BTC"]},
}

FAILS = [
    ("reduce", {}),
    ("reduce", {"fraction": 0.0}),
    ("reduce", {"fraction": 50}),
    ("reduce", {"fraction": float("nan")}),
    ("flatten", {"slippage_bps_max": -1}),
    ("flatten", {"slippage_bps_max": 6_000}),
    ("flatten", {"slice_share_max": 1.5}),
    ("flatten", {"slice_usd_max": 0}),
    ("flatten", {"slice_usd_max": float("inf")}),
    ("flatten", {"spacing_s": 0}),
    ("flatten", {"patience_s": 0.5}),
    ("flatten", {"without_book": "dump"}),
    ("flatten", {"slipage_bps_max": 50}),
    ("hedge_delta", {"asset": "", "instruments": ["a:b"], "tolerance": 0.1}),
    ("hedge_delta", {"asset": "BTC", "instruments": [], "tolerance": 0.1}),
    ("hedge_delta", {"asset": "BTC", "instruments": ["BTC-PERPETUAL"], "tolerance": 0.1}),
    ("hedge_delta", {"asset": "BTC", "instruments": ["a:b"], "tolerance": 0.0}),
    ("hedge_delta", {"asset": "BTC", "instruments": ["a:b"], "tolerance": 0.1, "target": float("inf")}),
    ("dead_man", {"timeout_s": 1}),
    ("dead_man", {"timeout_s": 60_000}),
    ("move_collateral", {"asset": "BTC", "amount_max": "0"}),
    ("move_collateral", {"asset": "BTC", "amount_max": "NaN"}),
    ("move_collateral", {"asset": "BTC", "amount_max": "1", "keep_min": "-1"}),
    ("move_collateral", {"asset": "BTC", "amount_max": "1", "ratio_target": 0.5}),
    ("move_collateral", {"asset": "", "amount_max": "1"}),
    ("notify", {"title": " "}),
    ("resume", {"patience_s": -1}),
    ("reconcile", {"patience_s": 0}),
    ("evacuate", {"to_account": "cold"}),
    ("evacuate", {"assets": ["BTC"]}),
    ("evacuate", {"to_account": "cold", "assets": ["BTC"], "keep_min": "-1"}),
]


@pytest.mark.parametrize("name", sorted(VERBS))
def test_every_verb_is_made_from_its_name_and_comes_back_from_json(name: str) -> None:
    verb = verb_of(name, WORKS[name])
    assert name_of(verb) == name
    assert msgspec.json.decode(msgspec.json.encode(verb), type=Verb) == verb


@pytest.mark.parametrize(("name", "arguments"), FAILS, ids=str)
def test_an_argument_that_cannot_work_is_refused_with_its_place(
    name: str, arguments: dict[str, object]
) -> None:
    with pytest.raises(CallerError) as refused:
        verb_of(name, arguments)
    assert refused.value.code == "verb.argument"
    assert refused.value.where


def test_an_unknown_verb_names_the_known_ones() -> None:
    with pytest.raises(CallerError, match="known are cancel_all") as refused:
        verb_of("sell_everything", {})
    assert refused.value.code == "verb.unknown"


def test_every_verb_has_an_execution() -> None:
    assert set(EXECUTIONS) == set(VERBS.values())


def test_brakes_moves_and_words_are_told_apart() -> None:
    assert {name for name in VERBS if kind_of(VERBS[name]) == "brake"} == {
        "cancel_all", "pause", "halt", "reduce_only", "dead_man",
    }  # fmt: skip
    assert {name for name in VERBS if kind_of(VERBS[name]) == "word"} == {"notify", "reconcile"}
    assert kind_of(CancelEverything()) == "brake"
    assert kind_of(Reduce(fraction=0.5)) == kind_of(Flatten()) == kind_of(MoveCollateral) == "move"
    assert kind_of(HedgeDelta) == "move"
