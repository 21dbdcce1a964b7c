"""Looking at a desk whose journal is in PostgreSQL, and stopping one whose database is gone."""

import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from control_desk import People, incident, write_config
from postgres_server import PostgresServer, postgres

from holdfast.app.cli import main
from holdfast.app.control.inbox import waiting
from holdfast.ledger.journal.postgres import PostgresJournal
from holdfast.ledger.record import encode

__all__ = ["postgres"]


@pytest.fixture
def people(tmp_path: Path, postgres: PostgresServer) -> People:
    made = People(tmp_path)
    url = postgres.new_database()
    journal = PostgresJournal(url)
    epoch = journal.take_over("node-1", time.time_ns())
    journal.append(epoch, [encode(one) for one in incident(time.time_ns())])
    journal.close()
    write_config(made, journal=url)
    return made


def typed(people: People, *words: str, by: str = "") -> Result:
    key = ["--key", people.key(by)] if by else []
    return CliRunner().invoke(main, [*words, *key, "--config", str(people.folder / "desk.toml")])


def test_a_journal_in_postgres_is_shown_without_the_node(people: People) -> None:
    assert "1,200,000 USD of exposure" in typed(people, "status").output
    assert "cancel every order of deribit:main: done" in typed(people, "show", "deleverage-17").output
    assert typed(people, "approve", "deleverage-71", by="tom").exit_code == 1


def test_a_halt_needs_no_database_and_looking_says_that_it_is_gone(
    people: People,
    postgres: PostgresServer,
) -> None:
    postgres.stop()
    try:
        assert typed(people, "halt", by="tom").exit_code == 4
        assert [one.command for one in waiting(people.folder / "state")] == ["halt"]
        status = typed(people, "status")
    finally:
        postgres.start()
    assert status.exit_code == 0
    assert "journal." in status.output
    assert "tom left halt desk" in status.output
