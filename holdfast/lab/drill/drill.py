"""Drill: rounds upon rounds of faults, on grounds that suit them, and a report of what the venues' books say.

1. Faults come equally often and in an order drawn from the seed. Where in a run a fault strikes is drawn too; what the
   machine makes of it is not in the seed's hands.
2. A ground serves `ROUNDS_A_SITE` rounds, and no more once something was wrong on it: one fault's wreck is no other's.
3. Whatever happens, every process ends and every file system that was mounted goes.
"""

import contextlib
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Final, Literal

from holdfast.error import CallerError, HoldfastError
from holdfast.lab.drill.fault import FAULTS
from holdfast.lab.drill.postgres_server import MISSING, PostgresServer, find_binaries
from holdfast.lab.drill.report import Report
from holdfast.lab.drill.round import Round, play
from holdfast.lab.drill.site import Site
from holdfast.policy.nearest import nearest

ROUNDS_A_SITE: Final = 20
GUARD: Final = (sys.executable, "-m", "holdfast")

JournalKind = Literal["sqlite", "postgresql"]
Heard = Callable[[Round], None]


class Drill:
    """One drill. `guard` is the command that runs Holdfast; `heard` is told each round; `out` keeps what the sites left.

    Raises: CallerError `drill.fault`, `drill.rounds`.
    """

    def __init__(
        self,
        rounds: int,
        seed: int,
        *,
        faults: Sequence[str] = (),
        journal: JournalKind = "sqlite",
        guard: Sequence[str] = GUARD,
        heard: Heard = lambda _: None,
        out: Path | None = None,
    ) -> None:
        names = tuple(faults) or tuple(FAULTS)
        for name in names:
            if name not in FAULTS:
                remedy = nearest(name, FAULTS) or f"there are {', '.join(FAULTS)}"
                raise CallerError("drill.fault", f"there is no fault `{name}`", remedy=remedy)
        if rounds < 1:
            raise CallerError("drill.rounds", f"{rounds} rounds", remedy="drill one round at least")
        self._random = Random(f"drill {seed}")
        self._seed = seed
        self._journal: JournalKind = journal
        self._guard = guard
        self._heard = heard
        self._out = out
        self._binaries = find_binaries()
        self._server: PostgresServer | None = None
        self._site: Site | None = None
        self._site_rounds = 0
        self._site_kind = ""
        self._sites = 0
        self._plan = [names[number % len(names)] for number in range(rounds)]
        self._random.shuffle(self._plan)
        self._report = Report(seed=seed, journal=journal, rounds=[])

    def run(self) -> Report:
        """Play every round, or as many as there are until somebody interrupts, and return the report."""
        begun_s = time.monotonic()
        try:
            for kind in ("postgresql", "disk", "sqlite"):
                for name in self._plan:
                    if self._kind_of(name) == kind:
                        self._play(name, kind)
        except KeyboardInterrupt:
            self._report.was_interrupted = True
        finally:
            self._close()
        self._report.wall_s = time.monotonic() - begun_s
        return self._report

    def _kind_of(self, name: str) -> str:
        """Return which ground a fault needs."""
        if name == "disk_full":
            return "disk"
        return "postgresql" if name == "postgres_restart" else self._journal

    def _play(self, name: str, kind: str) -> None:
        if kind == "postgresql" and self._binaries is None:
            self._report.skipped[name] = MISSING
            return
        number = len(self._report.rounds) + 1
        try:
            played = play(self._ground(kind), name, FAULTS[name], number, self._random)
        except (HoldfastError, OSError) as error:
            played = Round(number=number, fault=name, wrong=[f"other: {error}"])
        self._site_rounds += 1
        if played.wrong:
            self._leave_site()
        self._report.rounds.append(played)
        self._heard(played)

    def _ground(self, kind: str) -> Site:
        """Return a ground of a kind with a guard that is ready."""
        if self._site is not None and (self._site_rounds >= ROUNDS_A_SITE or self._site_kind != kind):
            self._leave_site()
        if self._site is None:
            self._sites += 1
            self._site_rounds, self._site_kind = 0, kind
            folder = Path(tempfile.mkdtemp(prefix="holdfast-drill-"))
            self._site = Site(folder, self._seed + self._sites, self._guard)
            self._site.open(
                has_small_disk=kind == "disk", server=self._postgres() if kind == "postgresql" else None
            )
            self._site.await_guard()
        return self._site

    def _postgres(self) -> PostgresServer:
        if self._server is None:
            assert self._binaries is not None
            self._server = PostgresServer(self._binaries)
        return self._server

    def _leave_site(self) -> None:
        site, self._site = self._site, None
        if site is None:
            return
        try:
            site.close()
            if self._out is not None:
                kept = self._out / f"site-{self._sites}"
                shutil.copytree(
                    site.folder, kept, ignore=shutil.ignore_patterns("*.sock"), dirs_exist_ok=True
                )
        finally:
            site.let_go()
            shutil.rmtree(site.folder, ignore_errors=True)

    def _close(self) -> None:
        with contextlib.ExitStack() as stack:
            if self._server is not None:
                stack.callback(self._server.close)
            stack.callback(self._leave_site)
