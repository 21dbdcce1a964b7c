"""PostgreSQL server: a private one for the drill: its own folder, a free port on loopback, gone at the end.

PostgreSQL refuses to run as root: there the server runs as `postgres` or `nobody`, and its folder is theirs.
"""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from pg8000.native import Connection

from holdfast.error import OutsideError

MISSING: Final = "PostgreSQL's initdb is not on this machine"
START_S_MAX: Final = 60
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
        self._start()

    def new_database(self) -> str:
        """Make an empty database and return its url."""
        self._databases += 1
        name = f"desk_{self._databases}"
        with Connection(
            _USER, host="127.0.0.1", port=self._port, database="postgres", ssl_context=False
        ) as session:
            session.run(f"CREATE DATABASE {name}")
        return f"postgresql://{_USER}:none@127.0.0.1:{self._port}/{name}?sslmode=disable"

    def restart(self) -> None:
        """Stop it as if it had crashed, and start it again; it answers when this returns."""
        self._run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", str(self._data))
        self._start()

    def close(self) -> None:
        """Stop it and remove its folder."""
        if (self._data / "postmaster.pid").exists():
            self._run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", str(self._data))
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self) -> None:
        log = str(self._folder / "log")
        self._run("pg_ctl", "start", "-w", "-t", str(START_S_MAX), "-D", str(self._data), "-l", log)

    def _run(self, program: str, *arguments: str) -> None:
        account = self._account
        ended = subprocess.run(
            [str(self._binaries / program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=self._folder,
            check=False,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
            start_new_session=True,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "HOME": str(self._folder)},
        )
        if ended.returncode:
            told = ended.stderr.decode(errors="replace").strip()
            raise OutsideError(
                "drill.postgres", f"{program} failed: {told}", remedy=f"see {self._folder / 'log'}"
            )


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
