"""PostgreSQL server: a private one for the drill: its own folder, a free port on loopback, gone at the end.

PostgreSQL refuses to run as root: there the server runs as `postgres` or `nobody`, and its folder is theirs.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from pg8000.native import Connection, DatabaseError, InterfaceError

from holdfast.error import OutsideError
from holdfast.lab.drill.os_process import die_with_the_drill

MISSING: Final = "PostgreSQL's initdb is not on this machine"
START_S_MAX: Final = 60.0
_USER: Final = "desk"


def find_binaries() -> Path | None:
    """Return the folder of initdb and pg_ctl: on PATH, or where distributions put it; None where there is none."""
    found = shutil.which("initdb")
    if found and shutil.which("pg_ctl"):
        return Path(found).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name)
    return next((folder for folder in reversed(folders) if (folder / "initdb").is_file()), None)


class PostgresServer:
    """One server, running when it is made. Raises: OutsideError `drill.postgres`."""

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        self._folder = Path(tempfile.mkdtemp(prefix="holdfast-drill-postgres-"))
        self._data = self._folder / "data"
        self._account = _unprivileged()
        self._databases = 0
        if self._account is not None:
            os.chown(self._folder, self._account.pw_uid, self._account.pw_gid)
        self._port = _free_port()
        self._run("initdb", "-D", str(self._data), "-U", _USER, "-A", "trust", "-E", "UTF8", "--no-sync")
        with (self._data / "postgresql.conf").open("a") as settings:
            settings.write(
                f"port = {self._port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\n"
                "shared_buffers = 16MB\nmax_connections = 20\n"
            )
        self._process = self._start()

    def new_database(self) -> str:
        """Make an empty database and return its url."""
        self._databases += 1
        name = f"desk_{self._databases}"
        with self._connect() as session:
            session.run(f"CREATE DATABASE {name}")
        return f"postgresql://{_USER}:none@127.0.0.1:{self._port}/{name}?sslmode=disable"

    def restart(self) -> None:
        """Stop it as if it had crashed, and start it again; it answers when this returns."""
        self._stop()
        self._process = self._start()

    def close(self) -> None:
        """Stop it and remove its folder."""
        self._stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self) -> subprocess.Popen[Any]:
        """Start it as a child of ours, which ends with us, and wait until it answers."""
        with (self._folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [str(self._binaries / "postgres"), "-D", str(self._data)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_the_drill,  # noqa: PLW1509 - the drill has one thread
                **self._as_account(),
            )
        give_up_s = time.monotonic() + START_S_MAX
        while True:
            try:
                self._connect().close()
                return process
            except (InterfaceError, DatabaseError, OSError) as error:
                if process.poll() is not None or time.monotonic() > give_up_s:
                    where = str(self._folder / "log")
                    raise OutsideError(
                        "drill.postgres", f"it does not answer: {error}", where=where
                    ) from error
                time.sleep(0.02)

    def _stop(self) -> None:
        self._process.send_signal(signal.SIGQUIT)  # an immediate shutdown: no farewell, no checkpoint
        self._process.wait()

    def _connect(self) -> Connection:
        return Connection(_USER, host="127.0.0.1", port=self._port, database="postgres", ssl_context=False)

    def _as_account(self) -> dict[str, Any]:
        """Return as whom and where to run."""
        account = self._account
        return {
            "cwd": self._folder,
            "user": account.pw_uid if account else None,
            "group": account.pw_gid if account else None,
            "extra_groups": [] if account else None,
            "start_new_session": True,
            "env": {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "HOME": str(self._folder)},
        }

    def _run(self, program: str, *arguments: str) -> None:
        ended = subprocess.run(
            [str(self._binaries / program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
            **self._as_account(),
        )
        if ended.returncode:
            told = ended.stderr.decode(errors="replace").strip()
            raise OutsideError("drill.postgres", f"{program} failed: {told}")


def _unprivileged() -> pwd.struct_passwd | None:
    """Return whom to run as when we are root, None when we are not. Raises: OutsideError `drill.postgres`."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise OutsideError("drill.postgres", "PostgreSQL does not run as root", remedy="add a user postgres")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
