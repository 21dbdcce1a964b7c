"""Live: a config on disk becomes a running guard: checked, journal taken over and folded, then driven until its end."""

import logging
from collections.abc import Generator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Final

from holdfast.app.assemble import assemble
from holdfast.app.config import GuardConfig, load_config
from holdfast.app.driver import Driver
from holdfast.app.following import Following
from holdfast.app.key_file import desk_signer
from holdfast.app.live_tape import LiveTape
from holdfast.app.node import Node
from holdfast.app.predecessor import end_stopped
from holdfast.app.steady_clock import SteadyClock
from holdfast.app.warm_up import warm_up, warm_up_feeds
from holdfast.error import CallerError, OutsideError
from holdfast.ledger.journal.base import Journal
from holdfast.ledger.journal.follower import Follower
from holdfast.ledger.journal.sqlite import SqliteJournal
from holdfast.ledger.record import RuleRecord, RunStarted, decode, settings_record

JOURNAL_FILE: Final = "journal.sqlite"
LEDGER_FOLDER: Final = "ledger"
TAPE_FOLDER: Final = "tape"
GIGABYTE: Final = 1_000_000_000
HELD_S_MAX: Final = 0.3
"""How long another process's write may last before we look whose it is."""

LOG: Final = logging.getLogger("holdfast.node")


class Guard:
    """One desk's guard. Making it checks everything; `run` connects.

    Raises: CallerError for whatever is wrong with the config and what it names.
    """

    def __init__(self, path: Path) -> None:
        self.config = load_config(path)
        check_journal(self.config)
        self.parts = assemble(self.config)
        self.signer = desk_signer(self.config)

    def summary(self) -> str:
        """Say in a line what will run."""
        config = self.config
        venues = ", ".join(f"{one.name}/{one.account}" for one in config.venues)
        armed = ", ".join(f"{name} ({mode})" for name, mode in config.arm.items()) or "nothing"
        return f"desk {config.desk} on {venues}; armed: {armed}"

    def run(self) -> int:
        """Take over, fold, connect, and run until the end; return the exit code."""
        config = self.config
        state = config.state
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        warm_up(self.parts.state.desk.rules)
        warm_up_feeds(one.name for one in config.venues)
        clock = SteadyClock()
        node = Node(self.parts)
        self._free_journal()
        journal = open_journal(config)
        following = Following(lambda: open_journal(config), self._open_follower)
        try:
            journal.take_over(config.node, clock.now_ns())
            node.recover(decode(data) for _, data in journal.read())
            following.begin()
            with self._taped(node):
                return Driver(node, clock, journal, following, state, config.notify).run()
        finally:
            following.close()
            journal.close()

    def _free_journal(self) -> None:
        """See that no stopped node keeps the journal's file from us."""
        if not self.config.journal.startswith("sqlite"):
            return
        path = journal_path(self.config)
        try:
            SqliteJournal(path, busy_s=HELD_S_MAX).close()
        except OutsideError as error:
            if error.code == "journal.busy" and (pid := end_stopped(self.config.state, path)) is not None:
                LOG.warning("process %d was stopped while it held the journal, and was ended", pid)

    @contextmanager
    def _taped(self, node: Node) -> Generator[None]:
        """Keep what goes into the fold, as far as the config wants it."""
        bytes_max = round(self.config.tape_gb * GIGABYTE)
        if not bytes_max:
            yield
            return
        instruments = self.parts.state.instruments
        live_tape = LiveTape(self.config.state / TAPE_FOLDER, node.epoch, instruments, bytes_max)
        node.folding.keep = live_tape.keep
        try:
            yield
        finally:
            live_tape.close()

    def _open_follower(self, journal: Journal) -> Follower:
        folder, origin = self.config.state / LEDGER_FOLDER, self.config.origin
        return Follower.open(journal, folder, origin, self.signer, self._started())

    def _started(self) -> RunStarted:
        rules = self.parts.state.desk.rules.rules
        return RunStarted(
            settings=settings_record(self.config),
            rules=tuple(RuleRecord(rule.id, rule.version, rule.sha256) for rule in rules),
            inputs=(),
            versions={"holdfast": version("holdfast")},
        )


def journal_path(config: GuardConfig) -> Path:
    """Return the file of a journal that is one: `sqlite`, `sqlite:FILE`."""
    return config.state / (config.journal.partition(":")[2] or JOURNAL_FILE)


def check_journal(config: GuardConfig) -> None:
    """Raise CallerError `config.journal`, `journal.url` when what the config names can be no journal; nothing is opened."""
    kind, _, rest = config.journal.partition(":")
    if kind == "postgresql":
        from holdfast.ledger.journal.postgres_url import parse_url  # noqa: PLC0415 - only the one that is used

        parse_url(config.journal)
    elif kind != "sqlite" or rest.startswith("//"):
        raise CallerError(
            "config.journal",
            f"{kind!r} is no journal",
            where="journal",
            remedy="write sqlite, sqlite:FILE or postgresql://USER@HOST/DATABASE",
        )


def open_journal(config: GuardConfig) -> Journal:
    """Open the journal that a config names: `sqlite`, `sqlite:FILE` or `postgresql://...`.

    Raises: those of `check_journal` and of the journals.
    """
    check_journal(config)
    kind, _, rest = config.journal.partition(":")
    if kind == "sqlite":
        from holdfast.ledger.journal.sqlite import SqliteJournal  # noqa: PLC0415 - only the one that is used

        return SqliteJournal(config.state / (rest or JOURNAL_FILE))
    from holdfast.ledger.journal.postgres import PostgresJournal  # noqa: PLC0415

    return PostgresJournal(config.journal)
