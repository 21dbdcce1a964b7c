"""Desk files: what the command line can know of a desk without its node: config, journal, health, checkpoint, inbox.

Rules:

1. Of the config only what control needs is read; a mistake elsewhere in it must not keep anybody from a HALT.
2. Nothing here writes or waits for a lock: SQLite is opened read-only, so a node that was stopped in the middle of a
   transaction does not hide its journal.
"""

import re
import sqlite3
import tomllib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote

import msgspec

from holdfast.app.control.command import Command
from holdfast.app.control.health import Health, read_health
from holdfast.app.control.inbox import waiting
from holdfast.app.control.operator import OperatorSettings
from holdfast.app.control.picture import Picture
from holdfast.error import CallerError, HoldfastError, OutsideError
from holdfast.ledger.checkpoint import parse_checkpoint
from holdfast.ledger.journal.base import checked
from holdfast.ledger.record import decode

JOURNAL_FILE: Final = "journal.sqlite"
LEDGER_FOLDER: Final = "ledger"
CHECKPOINT_BYTES_MAX: Final = 65_536
DATABASE_S: Final = 3.0  # who looks at a desk whose database is gone does not wait long to hear it

_PASSED_OVER: Final = re.compile(
    rb'"type":"(OrderReported|OrderAbsent|Filled|PositionReported|BalanceReported|OrdersListed|PositionsListed|'
    rb'EffectAnswered)"'
)
"""Most of a journal, and nothing that the picture shows. In a text the quotes would stand behind backslashes."""


class _Place(msgspec.Struct, frozen=True, kw_only=True):
    desk: str = "desk"
    folder: str = "state"
    venues: Any = ()


class _Fields(_Place, frozen=True, kw_only=True):
    journal: str = "sqlite"
    operators: tuple[OperatorSettings, ...] = ()
    policies: str = ""


_P = TypeVar("_P", bound=_Place)


class ControlConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What control needs of a desk's config. `journal` is `sqlite`, `sqlite:PATH` or `postgresql://...`."""

    desk: str
    folder: Path
    journal: str
    operators: tuple[OperatorSettings, ...]
    policies: Path | None
    venues: dict[str, tuple[str, ...]]

    @property
    def journal_path(self) -> Path | None:
        """Return the journal's file, None where it is a server's."""
        if self.journal.startswith(("postgresql:", "postgres:")):
            return None
        named = self.journal.removeprefix("sqlite").removeprefix(":")
        return self.folder / named if named else self.folder / JOURNAL_FILE


class DeskSeen(msgspec.Struct, kw_only=True):
    """What the files say: the picture, what failed while reading, the last sign of life, the commands that wait."""

    picture: Picture
    troubles: list[str]
    health: Health | None
    waiting: list[Command]
    checkpoint_entries: int = 0
    checkpoint_ns: int = 0


def read_control(path: Path) -> ControlConfig:
    """Read what control needs of a desk's config.

    Raises: CallerError `config.missing`, `settings.syntax`, `settings.value`, and those of `OperatorSettings`.
    """
    fields = _read(path, _Fields)
    base = path.absolute().parent
    return ControlConfig(
        desk=fields.desk,
        folder=base / fields.folder,
        journal=fields.journal,
        operators=fields.operators,
        policies=base / fields.policies if fields.policies else None,
        venues=_by_venue(fields.venues),
    )


def read_place(path: Path) -> ControlConfig:
    """Read only which desk it is and where it lies: all that a brake needs. Raises: as `read_control`, for less."""
    place = _read(path, _Place)
    folder = path.absolute().parent / place.folder
    return ControlConfig(
        desk=place.desk,
        folder=folder,
        journal="",
        operators=(),
        policies=None,
        venues=_by_venue(place.venues),
    )


def _read(path: Path, kind: type[_P]) -> _P:
    try:
        raw: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise CallerError(
            "config.missing",
            f"no config can be read: {getattr(error, 'strerror', None) or error}",
            where=str(path),
            remedy="give --config or set HOLDFAST_CONFIG",
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise CallerError("settings.syntax", str(error), where=str(path)) from error
    try:
        return msgspec.convert(raw, kind)
    except CallerError as error:
        where = f"{path}: {error.where}" if error.where else str(path)
        raise CallerError(error.code, error.message, where=where, remedy=error.remedy) from error
    except msgspec.ValidationError as error:
        raise CallerError("settings.value", str(error), where=str(path)) from error


def _by_venue(accounts: Any) -> dict[str, tuple[str, ...]]:
    """Return the symbols by venue, of whatever can be read: what is wrong there is for the node to say."""
    found: dict[str, tuple[str, ...]] = {}
    for account in accounts if isinstance(accounts, list) else ():
        if isinstance(account, dict) and isinstance(name := account.get("name"), str):
            symbols = account.get("symbols")
            named = tuple(map(str, symbols)) if isinstance(symbols, list) else ()
            found[name] = found.get(name, ()) + named
    return found


def read_desk(config: ControlConfig, answered: Picture | None = None) -> DeskSeen:
    """Return what the files say, around the picture that the node answered with, or else that of the journal.

    What cannot be read is told in `troubles`, and the rest is shown.
    Cost: without an answer the whole journal is read, about 3 us a record, and folded.
    """
    picture = answered or Picture()
    troubles: list[str] = []
    health = read_health(config.folder)
    if answered is None:
        try:
            for record in read_receipts(config, picture):
                picture.fold(record)
        except HoldfastError as error:
            troubles.append(str(error))
        if health is not None and health.epoch >= picture.epoch:
            health.add_to(picture)
    view = DeskSeen(picture=picture, troubles=troubles, health=health, waiting=waiting(config.folder))
    _add_checkpoint(view, config.folder / LEDGER_FOLDER / "checkpoint")
    return view


def read_journal(config: ControlConfig) -> Iterator[bytes]:
    """Yield the records of a desk's journal, in order; nothing where there is no journal yet.

    Raises: OutsideError `journal.damaged`, `journal.unreachable`.
    """
    path = config.journal_path
    if path is None:
        yield from _read_postgres(config.journal)
    elif path.exists():
        yield from _read_sqlite(path)


def read_receipts(config: ControlConfig, picture: Picture | None = None) -> Iterator[object]:
    """Yield the records of a desk's journal that people act on; those of a later version are counted and passed over.

    Raises: as `read_journal`.
    """
    for record in read_journal(config):
        if _PASSED_OVER.search(record):
            continue
        try:
            yield decode(record)
        except OutsideError:
            if picture is not None:
                picture.unknown += 1


def _read_sqlite(path: Path) -> Iterator[bytes]:
    query = 'SELECT sequence, "check", CAST(record AS BLOB) FROM journal ORDER BY sequence'
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as connection:
            for expected, (sequence, check, record) in enumerate(connection.execute(query), start=1):
                yield checked(str(path), expected, sequence, record, check)
    except sqlite3.Error as error:
        raise OutsideError(
            "journal.unreachable",
            f"the journal cannot be read: {error}",
            where=str(path),
            remedy="look at the file and its owner; a HALT needs no journal",
        ) from error


def _read_postgres(url: str) -> Iterator[bytes]:
    from holdfast.ledger.journal.postgres import PostgresJournal  # noqa: PLC0415 - only where it is used

    with closing(PostgresJournal(url, patience_s=DATABASE_S)) as journal:
        for _, record in journal.read():
            yield record


def _add_checkpoint(view: DeskSeen, path: Path) -> None:
    try:
        with open(path, "rb") as file:
            text = file.read(CHECKPOINT_BYTES_MAX).decode()
        view.checkpoint_entries = parse_checkpoint(text.partition("\n\n")[0] + "\n").size
        view.checkpoint_ns = path.stat().st_mtime_ns
    except (OSError, UnicodeDecodeError, OutsideError):
        pass  # none yet; the verifier is who judges it
