"""The journal in a real server: restarted under an append, stopped where it stands, refused; and what its urls may say."""

import contextlib
import threading
import time
from collections.abc import Generator

import pytest
from postgres_server import PostgresServer, postgres
from small_kills import kill_while_appending

from holdfast.error import BrokenInvariant, CallerError, HoldfastError, OutsideError
from holdfast.ledger.journal.base import Fenced
from holdfast.ledger.journal.postgres import PostgresJournal
from holdfast.ledger.journal.postgres_url import parse_url

__all__ = ["postgres"]


@contextlib.contextmanager
def paused(server: PostgresServer) -> Generator[None]:
    """Have the server answer nothing meanwhile."""
    server.pause()
    try:
        yield
    finally:
        server.resume()


def test_a_server_restarted_under_appends_loses_none_and_doubles_none(postgres: PostgresServer) -> None:
    journal = PostgresJournal(postgres.new_database(), patience_s=20)
    epoch = journal.take_over("node", 1)
    acknowledged: list[tuple[int, bytes]] = []
    enough = threading.Event()

    def append() -> None:
        number = 0
        while not enough.is_set():
            data = f"record-{number}".encode()
            acknowledged.append((journal.append(epoch, [data]), data))
            number += 1

    writer = threading.Thread(target=append)
    writer.start()
    for mode in ("immediate", "immediate", "fast"):
        before = len(acknowledged)
        while len(acknowledged) < before + 20:
            time.sleep(0.001)
        postgres.restart(mode)
    before = len(acknowledged)
    while len(acknowledged) < before + 20:
        time.sleep(0.001)
    enough.set()
    writer.join()
    assert list(journal.read(1)) == acknowledged
    assert [sequence for sequence, _ in acknowledged] == list(range(2, len(acknowledged) + 2))


class Deaf(PostgresJournal):
    """A journal that loses the answer to an append: the server did it, or not."""

    lose = ""

    def _move(self, connection, records) -> bool:  # type: ignore[no-untyped-def]
        lose, self.lose = self.lose, ""
        if lose == "request":
            raise ConnectionResetError("the line broke")
        known = self._known
        moved = super()._move(connection, records)
        if lose == "answer":
            self._known = known
            raise ConnectionResetError("the line broke")
        return moved


@pytest.mark.parametrize("lost", ["request", "answer"])
def test_an_append_whose_answer_was_lost_is_written_once(postgres: PostgresServer, lost: str) -> None:
    journal = Deaf(postgres.new_database())
    epoch = journal.take_over("node", 1)
    journal.lose = lost
    assert journal.append(epoch, [b"a", b"b"]) == 3
    assert journal.append(epoch, [b"c"]) == 4
    assert [data for _, data in journal.read(1)] == [b"a", b"b", b"c"]


@pytest.mark.parametrize("lost", ["request", "answer"])
def test_who_is_taken_over_while_its_answer_is_lost_is_told_so(postgres: PostgresServer, lost: str) -> None:
    url = postgres.new_database()
    journal, other = Deaf(url, patience_s=0), PostgresJournal(url)
    epoch = journal.take_over("node", 1)
    journal.lose = lost
    with pytest.raises(OutsideError, match=r"journal\.unreachable"):
        journal.append(epoch, [b"a"])
    other.take_over("other", 2)
    with pytest.raises(Fenced):
        journal.append(epoch, [b"a"])
    assert [data for _, data in other.read(1)].count(b"a") == (lost == "answer")


def test_after_giving_up_the_same_records_again_stand_there_once(postgres: PostgresServer) -> None:
    journal = Deaf(postgres.new_database(), patience_s=0)
    epoch = journal.take_over("node", 1)
    journal.lose = "answer"
    with pytest.raises(OutsideError, match=r"journal\.unreachable"):
        journal.append(epoch, [b"a", b"b"])
    assert journal.append(epoch, [b"a", b"b", b"c"]) == 4
    assert [data for _, data in journal.read(1)] == [b"a", b"b", b"c"]


def test_after_giving_up_other_records_are_refused(postgres: PostgresServer) -> None:
    journal = Deaf(postgres.new_database(), patience_s=0)
    epoch = journal.take_over("node", 1)
    journal.lose = "answer"
    with pytest.raises(OutsideError):
        journal.append(epoch, [b"a"])
    with pytest.raises(BrokenInvariant, match=r"journal\.not_repeated"):
        journal.append(epoch, [b"b"])


def test_an_append_that_the_server_does_late_is_not_done_twice(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server is stopped with the statement in its hands, we give up, it goes on, and we say it again."""
    monkeypatch.setattr("holdfast.ledger.journal.postgres.ANSWER_S", 0.3)
    journal = PostgresJournal(postgres.new_database(), patience_s=0)
    epoch = journal.take_over("node", 1)
    journal.append(epoch, [b"warm"])
    with paused(postgres), pytest.raises(OutsideError, match=r"journal\.unreachable"):
        journal.append(epoch, [b"a"])
    assert journal.append(epoch, [b"a", b"b"]) == 4
    assert [data for _, data in journal.read(2)] == [b"a", b"b"]


def test_a_statement_that_waits_too_long_is_given_up(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("holdfast.ledger.journal.postgres.STATEMENT_S", 0.1)
    url = postgres.new_database()
    journal = PostgresJournal(url, patience_s=0)
    epoch = journal.take_over("node", 1)
    other = PostgresJournal(url)._connected()
    other.run("BEGIN")
    other.run("SELECT * FROM holdfast.head FOR UPDATE")
    with pytest.raises(OutsideError, match=r"journal\.unreachable"):
        journal.append(epoch, [b"x"])
    other.run("ROLLBACK")
    assert journal.append(epoch, [b"x"]) == 2


def test_after_a_kill_every_acknowledged_append_is_there_and_none_twice(postgres: PostgresServer) -> None:
    url = postgres.new_database()
    for number in range(2):
        acknowledged = kill_while_appending("postgres", url, f"run{number}", 0.05)
        stored = dict(PostgresJournal(url).read())
        assert list(stored) == list(range(1, len(stored) + 1))
        for sequence, batch in acknowledged:
            assert [stored[each] for each in range(sequence - len(batch) + 1, sequence + 1)] == batch
        mine = [data for data in stored.values() if data.startswith(f"run{number}-".encode())]
        assert mine == [f"run{number}-{each}".encode() for each in range(len(mine))]


def test_a_server_that_is_not_there_is_unreachable_and_its_password_unsaid() -> None:
    with pytest.raises(
        OutsideError, match=r"postgresql://desk@127\.0\.0\.1:9/risk.*journal\.unreachable"
    ) as told:
        PostgresJournal("postgresql://desk:hush-hush@127.0.0.1:9/risk", patience_s=0)
    assert "hush" not in _everything_said(told.value)


def test_a_database_that_is_not_there_is_refused_at_once(postgres: PostgresServer) -> None:
    url = postgres.new_database().replace("/desk_", "/nobodys_")
    with pytest.raises(CallerError, match=r"does not exist.*journal\.cannot_open") as told:
        PostgresJournal(url)
    assert "not-asked-for" not in _everything_said(told.value)


def test_a_server_that_forgets_is_refused(postgres: PostgresServer) -> None:
    url = postgres.new_database()
    postgres.run_sql("ALTER SYSTEM SET fsync = off")
    postgres.restart("fast")
    try:
        with pytest.raises(CallerError, match=r"fsync = off.*journal\.not_durable"):
            PostgresJournal(url)
    finally:
        postgres.run_sql("ALTER SYSTEM RESET fsync")
        postgres.restart("fast")
    PostgresJournal(url).close()


def test_a_changed_record_is_found_with_its_number(postgres: PostgresServer) -> None:
    url = postgres.new_database()
    journal = PostgresJournal(url)
    journal.append(journal.take_over("node", 1), [b"one", b"two"])
    postgres.run_sql(
        "UPDATE holdfast.journal SET record = 'too' WHERE sequence = 3", url.split("/")[-1].split("?")[0]
    )
    with pytest.raises(OutsideError, match=r"record 3 is not as it was written .*journal\.damaged"):
        list(journal.read())


def test_the_parts_of_a_url_are_read() -> None:
    place = parse_url("postgres://desk:p%40ss%2Fword@db.example:6000/risk?sslmode=verify-full")
    assert (place.user, place.password, place.host, place.port) == ("desk", "p@ss/word", "db.example", 6000)
    assert (place.database, place.ssl_mode) == ("risk", "verify-full")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://desk:hush@h/d", "does not begin with postgresql://"),
        ("postgresql://desk:hush@/d", "names no host"),
        ("postgresql://:hush@h/d", "names no user"),
        ("postgresql://desk:hush@h/", "names no database"),
        ("postgresql://desk:hush@h:port/d", "host or port"),
        ("postgresql://desk:hush@[h/d", "host or port"),
        ("postgresql://desk:hush@h/d#x", "#"),
        ("postgresql://desk:hu#sh@h/d", "host or port"),
        ("postgresql://desk:hush\uff0f@h/d", "host or port"),
        ("postgresql://desk:hush@h/d?ssl=1", "only sslmode"),
        ("postgresql://desk:hush@h/d?sslmode=maybe", "sslmode is one of"),
    ],
)
def test_a_url_of_no_use_is_refused_without_saying_its_password(url: str, said: str) -> None:
    with pytest.raises(CallerError, match=r"journal\.url") as told:
        parse_url(url)
    assert said in str(told.value)
    assert "hush" not in _everything_said(told.value)
    assert "sh@h" not in _everything_said(told.value)


def test_a_place_shows_no_password() -> None:
    assert "hush" not in repr(parse_url("postgresql://desk:hush@h/d")) + str(
        parse_url("postgresql://desk:hush@h/d")
    )


def _everything_said(error: HoldfastError) -> str:
    said = ""
    cause: BaseException | None = error
    while cause is not None:
        said += str(cause) + repr(cause)
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return said
