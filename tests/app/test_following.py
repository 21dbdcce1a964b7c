"""The ledger follows the journal past a node that holds it still, and past its own errors."""

from pathlib import Path

import pytest

from holdfast.app.following import Following
from holdfast.error import CallerError, HoldfastError
from holdfast.keys.file_signer import FileSigner
from holdfast.ledger.journal.base import Journal
from holdfast.ledger.journal.follower import Follower
from holdfast.ledger.journal.sqlite import SqliteJournal
from holdfast.ledger.reader import LedgerReader
from holdfast.ledger.record import RunStarted

RUN = RunStarted(settings={}, rules=(), inputs=(), versions={})
SIGNER = FileSigner("holdfast/desk", bytes(range(32)))


def following(folder: Path, origin: str = "holdfast/desk") -> Following:
    def open_follower(journal: Journal) -> Follower:
        return Follower.open(journal, folder / "ledger", origin, SIGNER, RUN)

    return Following(lambda: SqliteJournal(folder / "journal"), open_follower)


def test_a_ledger_that_another_holds_is_waited_for_and_then_caught_up_with(tmp_path: Path) -> None:
    first, second = following(tmp_path), following(tmp_path)
    SqliteJournal(tmp_path / "journal").take_over("one", 1)
    first.begin()
    second.begin()  # no error: the node begins without
    with pytest.raises(HoldfastError, match=r"ledger\.busy"):
        second.follow()
    first.close()
    second.follow()
    second.close()
    assert LedgerReader(tmp_path / "ledger").size == 2


def test_a_ledger_that_is_anothers_is_refused_at_the_beginning(tmp_path: Path) -> None:
    first = following(tmp_path)
    first.begin()
    first.close()
    with pytest.raises(CallerError, match=r"follower\.origin"):
        following(tmp_path, "holdfast/other").begin()
