"""Every playbook becomes a CACAO playbook that the OASIS schemas accept, and comes back as the same table."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from referencing import Registry, Resource

from holdfast.app.cacao.checking import CacaoRefused, read_cacao
from holdfast.app.cacao.exporting import cacao_text, to_cacao
from holdfast.app.cacao.identity import EXTENSION
from holdfast.app.cacao.importing import from_cacao
from holdfast.app.playbook_files import shipped_sources
from holdfast.clock import parse_time_ns
from holdfast.detectors.names import ALERT_NAMES
from holdfast.response.playbook.checks import Vocabulary
from holdfast.response.playbook.reader import read_playbooks
from holdfast.response.playbooks.shipped import MADE

WORDS = Vocabulary(detectors=ALERT_NAMES)
BRANCHES = """
playbook: branches
title: Branches
description: Two ways at once, and a wait.
triggers: [operator, {alert: depeg, severity: critical}]
scope: venue
confirm: {needed: 2, ask: [{people: [ann, bob], within: 2m}]}
steps:
  ways: {parallel: [left, right], then: rest, on_failure: bad}
  left: {act: cancel_all, then: join, undo: {notify: {title: x}}}
  right: {until: trusted, timeout: 5m, then: join, on_timeout: join}
  rest: {wait: 30s}
  over: {end: done}
  bad: {end: failed, detail: "no"}
"""
LIBRARY = read_playbooks({**shipped_sources(), "branches.yml": BRANCHES}, WORDS, MADE)
NAMES = sorted(LIBRARY.playbooks)
CREATED_NS = parse_time_ns("2025-11-01T00:00:00Z")
ROOT = "https://raw.githubusercontent.com/oasis-open/cacao-json-schemas/main/schemas/"


def validator(schemas: Path) -> Draft7Validator:
    """Return a validator of the schemas in a folder; nothing is fetched."""
    contents = [json.loads(path.read_text()) for path in sorted(schemas.rglob("*.json"))]
    registry: Registry = Registry().with_resources(
        [(content["$id"], Resource.from_contents(content)) for content in contents]
    )
    return Draft7Validator(registry.contents(f"{ROOT}playbook.json"), registry=registry)


def exported(name: str) -> dict[str, Any]:
    return json.loads(cacao_text(LIBRARY.playbooks[name], CREATED_NS))


@pytest.mark.parametrize("name", NAMES)
def test_an_export_is_valid_by_the_schemas_of_oasis(name: str, shared_data: Path) -> None:
    wrong = [
        error.message for error in validator(shared_data / "cacao" / "schemas").iter_errors(exported(name))
    ]
    assert wrong == []


@pytest.mark.parametrize("name", NAMES)
def test_a_step_of_an_export_is_valid_by_the_schema_of_its_kind(name: str, shared_data: Path) -> None:
    schemas = shared_data / "cacao" / "schemas"
    of_all = validator(schemas)
    for step_id, step in exported(name)["workflow"].items():
        of_kind = of_all.evolve(schema={"$ref": f"{ROOT}workflows/{step['type']}.json"})
        assert [error.message for error in of_kind.iter_errors(step)] == [], step_id


@pytest.mark.parametrize("name", NAMES)
def test_an_export_has_no_key_that_the_schemas_do_not_name(name: str, shared_data: Path) -> None:
    schemas = shared_data / "cacao" / "schemas"
    steps = json.loads((schemas / "workflows" / "workflow-step.json").read_text())["properties"].keys()
    playbook = exported(name)
    assert playbook.keys() <= json.loads((schemas / "playbook.json").read_text())["properties"].keys()
    for step in playbook["workflow"].values():
        own = json.loads((schemas / "workflows" / f"{step['type']}.json").read_text())["allOf"]
        known = steps | {key for part in own for key in part.get("properties", {})}
        assert step.keys() <= known


def test_a_broken_export_is_found_by_the_schemas(shared_data: Path) -> None:
    playbook = exported("deleverage")
    step = next(one for one in playbook["workflow"].values() if one["type"] == "action")
    step["agent"] = "nobody"
    assert not validator(shared_data / "cacao" / "schemas").is_valid(playbook)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_exported_is_imported_as_the_same_table(name: str) -> None:
    playbook = LIBRARY.playbooks[name]
    imported = from_cacao("x.json", cacao_text(playbook, CREATED_NS), WORDS)
    assert imported.playbook == playbook
    assert imported.playbook.version == playbook.version
    assert imported.notes == ()


@pytest.mark.parametrize("name", NAMES)
def test_our_own_check_accepts_what_the_schemas_accept(name: str) -> None:
    assert read_cacao("x.json", cacao_text(LIBRARY.playbooks[name], CREATED_NS))


def test_an_export_is_the_same_each_time() -> None:
    playbook = LIBRARY.playbooks["deleverage"]
    assert cacao_text(playbook, CREATED_NS) == cacao_text(playbook, CREATED_NS)


def test_every_command_of_an_export_is_for_a_person() -> None:
    kinds = {
        command["type"]
        for name in NAMES
        for step in exported(name)["workflow"].values()
        for command in step.get("commands", ())
    }
    assert kinds == {"manual"}


def refused(content: dict[str, Any]) -> CacaoRefused:
    with pytest.raises(CacaoRefused) as error:
        from_cacao("x.json", json.dumps(content), WORDS)
    return error.value


def step_of(content: dict[str, Any], name: str) -> tuple[str, dict[str, Any]]:
    return next((step_id, step) for step_id, step in content["workflow"].items() if step.get("name") == name)


def test_a_workflow_that_was_changed_beside_its_extensions_is_refused_at_its_place() -> None:
    content = exported("deleverage")
    step_id, step = step_of(content, "quarter")
    step["on_success"] = content["workflow_exception"]
    (problem,) = refused(content).problems
    assert problem.pointer == f"/workflow/{step_id}/on_success"
    assert problem.code == "cacao.changed"


def test_a_step_that_was_changed_in_its_extension_alone_is_refused() -> None:
    content = exported("deleverage")
    _, step = step_of(content, "settle")
    step["step_extensions"][EXTENSION]["wait"] = "10s"
    assert [problem.code for problem in refused(content).problems] == ["cacao.changed"]


def test_a_wrong_argument_in_an_extension_is_refused() -> None:
    content = exported("deleverage")
    _, step = step_of(content, "quarter")
    step["step_extensions"][EXTENSION]["act"] = {"reduce": {"fraction": 25}}
    assert re.search("not above 0 and up to 1", str(refused(content)))


def test_an_export_without_its_extensions_is_imported_as_questions_to_people() -> None:
    content = exported("circuit_breaker")
    del content["playbook_extensions"]
    imported = from_cacao("x.json", json.dumps(content), WORDS)
    assert {type(step).__name__ for step in imported.playbook.steps} == {"Approve", "End"}


def test_the_time_of_an_export_is_what_was_said() -> None:
    assert to_cacao(LIBRARY.playbooks["deleverage"], CREATED_NS)["created"] == "2025-11-01T00:00:00.000Z"
