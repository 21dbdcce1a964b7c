"""A private PostgreSQL server for tests: its own folder, a free port, no socket file, gone at the end.

Use: `from postgres_server import PostgresServer, postgres` in a test file makes the fixture `postgres` known there, one
server for the file's tests. `postgres.new_database()` returns the url of an empty database in it, `postgres.restart()` kills
and starts it (`immediate`: without a farewell), `postgres.pause()` stops its processes where they stand until `resume()`.

PostgreSQL refuses to run as root: there the server runs as `postgres` or `nobody`. Where initdb is missing the tests are
skipped and say how to get it; with CI set in the environment that is a failure.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest
from pg8000.native import Connection

USER = "desk"
START_S_MAX = 60
MEMORY_BYTES_MIN = 1 << 30
HOW = "PostgreSQL's initdb is missing: install the server (Debian: apt-get install postgresql), or put it on PATH"


def find_binaries() -> Path | None:
    """Return the folder of initdb and pg_ctl: on PATH, or where distributions put it."""
    found = shutil.which("initdb")
    if found and shutil.which("pg_ctl"):
        return Path(found).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    return next((folder for folder in reversed(folders) if (folder / "initdb").is_file()), None)


class PostgresServer:
    """One server. `folder` must be reachable by the user that it runs as."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._binaries = binaries
        self._data = folder / "data"
        self._databases = 0
        self._account = _unprivileged()
        if self._account is not None:
            os.chown(folder, self._account.pw_uid, self._account.pw_gid)
        self.port = _free_port()
        self._run("initdb", "-D", str(self._data), "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync")
        with (self._data / "postgresql.conf").open("a") as settings:
            settings.write(
                f"port = {self.port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\n"
                "fsync = on\nshared_buffers = 16MB\nmax_connections = 20\nlogging_collector = off\n"
            )
        self.start()

    def new_database(self) -> str:
        """Make an empty database and return its url."""
        self._databases += 1
        name = f"desk_{self._databases}"
        self.run_sql(f"CREATE DATABASE {name}")
        return f"postgresql://{USER}:not-asked-for@127.0.0.1:{self.port}/{name}?sslmode=disable"

    def run_sql(self, statement: str, database: str = "postgres") -> list[list[object]] | None:
        """Run one statement as the server's owner."""
        with Connection(
            USER, host="127.0.0.1", port=self.port, database=database, ssl_context=False
        ) as connection:
            return connection.run(statement)

    def start(self) -> None:
        """Start, and wait until it answers."""
        log = str(self._data.parent / "log")
        self._run("pg_ctl", "start", "-w", "-t", str(START_S_MAX), "-D", str(self._data), "-l", log)

    def stop(self, mode: str = "immediate") -> None:
        """Stop: `fast` in order, `immediate` as if it had crashed."""
        self._run("pg_ctl", "stop", "-w", "-m", mode, "-D", str(self._data))

    def restart(self, mode: str = "immediate") -> None:
        """Stop and start again."""
        self.stop(mode)
        self.start()

    def pause(self) -> None:
        """Stop every process of the server where it stands: it holds its connections and answers nothing."""
        for process in self._processes():
            os.kill(process, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        for process in self._processes():
            os.kill(process, signal.SIGCONT)

    def _processes(self) -> list[int]:
        main = int((self._data / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
        return [main, *map(int, children)]

    def _run(self, program: str, *arguments: str) -> None:
        account = self._account
        ended = subprocess.run(
            [str(self._binaries / program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=self._data.parent,
            check=False,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "HOME": str(self._data.parent)},
        )
        if ended.returncode:
            log = self._data.parent / "log"
            told = log.read_text() if log.is_file() else ""
            raise RuntimeError(f"{program} failed: {ended.stderr.decode()}\n{told}")


@pytest.fixture(scope="module")
def postgres() -> Generator[PostgresServer]:
    """Run a private server for the tests of one file."""
    binaries = find_binaries()
    if binaries is None:
        if os.environ.get("CI"):
            pytest.fail(HOW)
        pytest.skip(HOW)
    # pytest's own folders are closed to other users
    folder = Path(tempfile.mkdtemp(prefix="holdfast-postgres-", dir=_quick_disk()))
    server = None
    try:
        server = PostgresServer(binaries, folder)
        yield server
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged() -> pwd.struct_passwd | None:
    """Return whom to run as when we are root, and nobody otherwise."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")


def _quick_disk() -> str | None:
    """Return a disk in memory if one is large enough: after a crash the server syncs every file that it has."""
    memory = Path("/dev/shm")
    is_large = memory.is_dir() and shutil.disk_usage(memory).free > MEMORY_BYTES_MIN
    return str(memory) if is_large else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
