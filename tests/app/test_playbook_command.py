"""The command `playbook`: what it lists and shows, and that a playbook goes to CACAO and back as the same table."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from holdfast.__main__ import main
from holdfast.app.playbook_files import load_playbooks

LIBRARY = load_playbooks(None)


def said(*words: str) -> Result:
    return CliRunner().invoke(main, ["playbook", *words])


def test_every_playbook_is_listed_with_its_version() -> None:
    lines = said("list").output.splitlines()
    assert [line.split()[0] for line in lines] == sorted(LIBRARY.playbooks)
    assert all(LIBRARY.playbooks[line.split()[0]].version in line for line in lines)


@pytest.mark.parametrize("name", ["deleverage", "unauthorised_trading_lockdown"])
def test_what_is_shown_as_yaml_is_read_back_as_the_same_playbook(name: str, tmp_path: Path) -> None:
    (tmp_path / "own.yml").write_text(
        said("show", name, "--yaml").stdout.replace(f"playbook: {name}", "playbook: own")
    )
    own = load_playbooks(tmp_path).playbooks["own"]
    assert own.steps == LIBRARY.playbooks[name].steps


def test_an_unknown_name_is_answered_with_those_that_are() -> None:
    shown = said("show", "delverage")
    assert shown.exit_code == 2
    assert "deleverage" in shown.output


def test_a_playbook_goes_to_cacao_and_comes_back_the_same(tmp_path: Path) -> None:
    file = tmp_path / "deleverage.json"
    file.write_text(said("export", "deleverage").stdout)
    back = said("import", str(file))
    assert back.exit_code == 0
    assert back.stdout == said("show", "deleverage", "--yaml").stdout


def test_a_foreign_playbook_becomes_questions_and_a_broken_one_is_refused_with_its_place(
    shared_data: Path,
) -> None:
    examples = shared_data / "cacao" / "examples"
    good = said("import", str(examples / "ssh-playbook.json"))
    assert good.exit_code == 0
    assert "approve:" in good.stdout
    bad = said("import", str(examples / "fin-playbook.json"))
    assert bad.exit_code == 2
    assert "/agent_definitions/" in bad.output


def test_a_file_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    shown = said("import", str(tmp_path / "none.json"))
    assert shown.exit_code == 2
    assert "none.json" in shown.output
