"""Site: the ground of the drill: a world, a desk in it with a config and an operator, a state folder, and the guards on it.

Everything is in one temporary folder and on loopback; `close` ends every process that was started here.
"""

import json
import os
import sys
import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final

from holdfast.app.control.desk_files import ControlConfig, read_control
from holdfast.app.control.speak import Outcome, tell_desk
from holdfast.app.playbook_files import shipped_sources
from holdfast.error import OutsideError
from holdfast.keys.file_signer import FileSigner
from holdfast.lab.drill.books import Books
from holdfast.lab.drill.guard_process import GuardProcess
from holdfast.lab.drill.journal_view import JournalView
from holdfast.lab.drill.postgres_server import PostgresServer
from holdfast.lab.drill.small_disk import SmallDisk
from holdfast.lab.drill.stepped_clock import write_step
from holdfast.lab.drill.world_process import WorldProcess
from holdfast.lab.world.listings import BINANCE, DERIBIT

ACCOUNT: Final = "desk"
PREFIX: Final = "hf-"
STRATEGY: Final = "mm-"
READY_S_MAX: Final = 60.0
FIRST_READY_S_MAX: Final = 600.0  # the first start after an installation compiles kernels
SIZES: Final = {
    (DERIBIT, "BTC-PERPETUAL"): Decimal(240_000),
    (DERIBIT, "ETH-PERPETUAL"): Decimal(120_000),
    (BINANCE, "BTCUSDT"): Decimal(4),
    (BINANCE, "ETHUSDT"): Decimal(40),
}
"""What the desk holds before each round, in the venues' own amounts."""

UNWIND: Final = "unwind"
_PLAYBOOK: Final = f"""\
playbook: {UNWIND}
title: Unwind
description: Cancels what rests on a venue and halves every position there in many small reduce-only orders.
triggers: [operator]
scope: venue
cooldown: 0s
steps:
  cancel: {{act: cancel_all, on_failure: unclean}}
  sell:
    act:
      reduce: {{fraction: 0.5, slippage_bps_max: 200, slice_usd_max: 8000, spacing_s: 0.05, patience_s: 60}}
    on_failure: unclean
  over: {{end: done}}
  unclean: {{end: failed, detail: a cancel or an order was refused}}
"""


class Site:
    """Make the ground, then `open` it. `guard` is the command that runs Holdfast.

    Raises: OutsideError `drill.no_world`, `drill.no_guard`.
    """

    def __init__(self, folder: Path, seed: int, guard: Sequence[str]) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.guards: list[GuardProcess] = []
        self.books = Books(PREFIX)
        self.disk: SmallDisk | None = None
        self.server: PostgresServer | None = None
        self._seed = seed
        self._guard = tuple(guard)
        self._journal = "sqlite"
        self._world: WorldProcess | None = None
        self._view: JournalView | None = None
        self._control: ControlConfig | None = None
        self._signer = FileSigner.create(folder / "ann.key", "ann")

    def open(self, *, has_small_disk: bool = False, server: PostgresServer | None = None) -> None:
        """Start the world and write the first config. `server` keeps the journal, a small disk the state folder."""
        self.state.mkdir(mode=0o700, parents=True)
        if has_small_disk:
            self.disk = SmallDisk(self.state)
        if server is not None:
            self.server, self._journal = server, server.new_database()
        self._world = WorldProcess(self._seed, self.folder / "world.log")
        playbooks = self.folder / "playbooks"
        playbooks.mkdir()
        for name, text in (*shipped_sources().items(), (f"{UNWIND}.yml", _PLAYBOOK)):
            (playbooks / name).write_text(text)
        self._control = read_control(self._config("node-1"))
        place = self._control.journal_path
        self._view = JournalView(self._journal if place is None else place)

    @property
    def world(self) -> WorldProcess:
        """Return the venues."""
        assert self._world is not None
        return self._world

    @property
    def journal_path(self) -> Path | None:
        """Return the journal's file, None where a server keeps it."""
        return None if self._control is None else self._control.journal_path

    @property
    def guard(self) -> GuardProcess:
        """Return the guard that was started last."""
        return self.guards[-1]

    @property
    def clock(self) -> Path:
        """Return the file that steps the clock of guards that are started with it."""
        return self.folder / "clock"

    def start_guard(self, clock_step_ns: int = 0) -> GuardProcess:
        """Start a guard; each has a name of its own and the same state and journal. Its clock may be ahead of ours."""
        name = f"node-{len(self.guards) + 1}"
        command = self._guard
        if clock_step_ns:
            write_step(self.clock, clock_step_ns)
            command = (sys.executable, "-m", "holdfast.lab.drill.stepped_clock", str(self.clock))
        made = GuardProcess(command, self._config(name), self.state, self.folder / f"{name}.log")
        made.clock_step_ns = clock_step_ns
        self.guards.append(made)
        return made

    def await_guard(self) -> float:
        """Start a guard, wait until it is ready, and return how long that took. Raises: OutsideError `drill.no_guard`."""
        guard = self.start_guard()
        ready_s = guard.await_ready(FIRST_READY_S_MAX)
        if ready_s is None:
            told = guard.log.read_text(errors="replace").strip().splitlines()[-8:]
            raise OutsideError(
                "drill.no_guard", f"no guard became ready; it said: {' | '.join(told)}", where=str(guard.log)
            )
        return ready_s - guard.started_s

    def tell(self, command: str, **arguments: str) -> Outcome:
        """Have the operator tell the desk something."""
        assert self._control is not None
        return tell_desk(self._control, self._signer, command, arguments)

    def read_journal(self) -> Books:
        """Take in what is new in the journal, and return the books."""
        if self._view is not None:
            self.books.take(self._view.read())
        return self.books

    def close(self) -> None:
        """End every process. What they left can still be read."""
        for guard in reversed(self.guards):
            guard.end()
        if self._world is not None:
            self._world.end()

    def let_go(self) -> None:
        """Give the disk back."""
        if self.disk is not None:
            self.disk.close()

    def _config(self, node: str) -> Path:
        """Write the config of a node and return its path."""
        lines = [
            f'desk = "drill"\nnode = "{node}"\nfolder = "state"\njournal = "{self._journal}"',
            f'client_id_prefix = "{PREFIX}"\nreconcile_s = 5.0\nplaybooks = "playbooks"',
        ]
        lines += [f'[key]\npath = "{self.folder / "desk.key"}"', f'[strategies]\nmaker = "{STRATEGY}"']
        lines += [
            f'[arm]\n{UNWIND} = "act"',
            "[limits]\nmessages_per_s_max = 100\nbrake_messages_per_s_max = 20",
        ]
        lines += ["[limits.desk]\ncount_max = 100000\nnotional_usd_max = 1e12\nloss_usd_max = 1e9"]
        lines += [
            f'[[operators]]\nname = "ann"\nkey = "{self._signer.verifier_key}"\nroles = ["admin"]',
        ]
        for venue, said in self.world.said["venues"].items():
            lines.append(self._venue(venue, said))
        path = self.folder / f"{node}.toml"
        path.write_text("\n".join(lines) + "\n")
        return path

    def _venue(self, venue: str, said: dict[str, object]) -> str:
        credentials = said["credentials"]
        assert isinstance(credentials, list)
        own = next(one for one in credentials if one["account"] == ACCOUNT)
        secret = self.folder / f"{venue}.secret.toml"
        if not secret.exists():
            handle = os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(handle, "w") as file:
                file.write(f'key = "{own["key"]}"\nsecret = "{own["secret"]}"\n')
        symbols = json.dumps([symbol for name, symbol in SIZES if name == venue])
        return (
            f'[[venues]]\nname = "{venue}"\naccount = "{ACCOUNT}"\nsymbols = {symbols}\n'
            f'credentials = "{secret.name}"\nws_url = "{said["ws"]}"\nrest_url = "{said["rest"]}"\ndead_man_s = 30.0'
        )


def pause(seconds: float) -> None:
    """Wait."""
    time.sleep(max(seconds, 0.0))
