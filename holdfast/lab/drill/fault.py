"""Faults: what a drill does to a guard, its venues and its disk, by name, up to the moment from which recovery counts.

A fault strikes, lasts, and heals; what must be restarted is restarted. Recovery counts from the restart of the guard where
there is one, and from the healing otherwise. All of it happens to processes that the drill started, and to no clock, disk or
server of the machine's own.
"""

import signal
import time
from collections.abc import Callable
from random import Random
from typing import Final, Literal, NamedTuple

from holdfast.app.driver import EXIT_FENCED
from holdfast.clock import SECOND_NS
from holdfast.lab.drill.books import Finding
from holdfast.lab.drill.site import READY_S_MAX, Site, pause
from holdfast.lab.drill.stepped_clock import write_step
from holdfast.lab.drill.world_process import VENUES

STOP_S: Final = 10.0
FENCED_S_MAX: Final = 10.0
NOTICE_S_MAX: Final = 1.0
CLOCK_STEP_S: Final = 30.0


Sign = Literal["start", "sign", "reconciliation"]
"""What shows that a guard has recovered: a new one is ready; one that ran on says so again, or reconciled again."""


class Struck(NamedTuple):
    """A fault is over: from when recovery counts, what shows it, what the fault was in words, and what went wrong.

    `ready_s`: when it was ready, where that was seen already. `is_blinding`: reports of the desk's own orders were lost, so
    that its positions are in doubt until they are asked for.
    """

    since_s: float
    shown_by: Sign
    how: str = ""
    findings: tuple[Finding, ...] = ()
    is_blinding: bool = False
    ready_s: float | None = None


def kill(site: Site, random: Random) -> Struck:
    """Kill the guard with SIGKILL; start another a moment later."""
    site.guard.kill()
    pause(random.uniform(0.0, 0.5))
    return Struck(site.start_guard().started_s, "start")


def stop(site: Site, random: Random) -> Struck:
    """Stop the guard where it stands for ten seconds; let it go on."""
    del random
    site.guard.stop()
    pause(STOP_S)
    since_s = time.monotonic()
    site.guard.go_on()
    return Struck(since_s, "reconciliation")


def takeover(site: Site, random: Random) -> Struck:
    """Stop the guard, start a second on the same journal, and let the first go on before or after the second is ready."""
    first = site.guard
    first.stop()
    pause(random.uniform(0.0, 2.0))
    second = site.start_guard()
    is_early = random.random() < 0.5
    wait_s = random.uniform(0.0, 4.0 if is_early else 1.0)
    ready_s = second.await_ready(wait_s if is_early else READY_S_MAX)
    pause(second.started_s + wait_s - time.monotonic() if is_early else wait_s)
    first.go_on()
    ready_s = ready_s or second.await_ready(READY_S_MAX)
    code = first.wait(FENCED_S_MAX)
    found: list[Finding] = []
    was_ended = code == -signal.SIGKILL  # by the second, because it held the journal
    if code != EXIT_FENCED and not was_ended:
        told = "runs on" if code is None else f"ended with {code}, not {EXIT_FENCED}"
        found.append(Finding("other", f"the guard that was taken over {told}"))
        first.end()
    how = "the first went on early" if is_early else "the first went on late"
    if was_ended:
        how = "the first held the journal and was ended"
    return Struck(second.started_s, "start", how, tuple(found), ready_s=ready_s)


def disconnect(site: Site, random: Random) -> Struck:
    """End every session at one venue or both; half of the time no connection is taken for a while."""
    venues = random.choice(((VENUES[0],), (VENUES[1],), VENUES))
    is_shut = random.random() < 0.5
    for venue in venues:
        site.world.set_faults(venue, is_refusing=is_shut, drop_sessions=True)
    site.guard.await_trouble(NOTICE_S_MAX)
    if is_shut:
        pause(random.uniform(0.0, 3.0))
        site.world.heal()
    return Struck(
        time.monotonic(), "sign", f"{' and '.join(venues)}{', shut for a while' if is_shut else ''}"
    )


def server_error(site: Site, random: Random) -> Struck:
    """Have venues answer with a server error to orders and cancels that they accepted; they may be mute beside it."""
    return _hurt(site, random, "error")


def timeout(site: Site, random: Random) -> Struck:
    """Have venues say nothing to orders and cancels that they accepted, or to anything before they thaw."""
    if random.random() < 0.25:
        venue = random.choice(VENUES)
        site.world.set_faults(venue, is_frozen=True)
        pause(random.uniform(0.5, 4.0))
        site.world.heal()
        return Struck(time.monotonic(), "sign", f"{venue} frozen")
    return _hurt(site, random, "lost")


def _hurt(site: Site, random: Random, answer: str) -> Struck:
    asked: dict[str, int] = {}
    is_mute = random.random() < 0.5
    for venue in VENUES:
        asked[venue] = random.randint(1, 8)
        site.world.set_faults(venue, effect_answer=answer, effects_left=asked[venue], is_mute=is_mute)
    pause(random.uniform(0.3, 2.0))
    left = {venue: site.world.set_faults(venue)["effects_left"] for venue in VENUES}
    site.world.heal()
    hurt = sum(asked.values()) - sum(left.values())
    return Struck(
        time.monotonic(), "sign", f"{hurt} answers{', mute' if is_mute else ''}", is_blinding=is_mute
    )


def clock_step(site: Site, random: Random) -> Struck:
    """Step a venue's clock by half a minute and back, or the guard's own: it is killed, and starts by a clock that steps."""
    step_s = random.choice((-CLOCK_STEP_S, CLOCK_STEP_S))
    step_ns = round(step_s * SECOND_NS)
    if random.random() < 0.4:
        site.guard.kill()
        guard = site.start_guard(step_ns)
        guard.await_ready(READY_S_MAX)
        write_step(site.clock, 0)
        return Struck(
            guard.started_s, "start", f"the guard's by {step_s:+.0f} s at its start, and back while it ran"
        )
    venues = random.choice(((VENUES[0],), (VENUES[1],), VENUES))
    for venue in venues:
        site.world.set_faults(venue, clock_offset_ns=step_ns)
    pause(random.uniform(0.5, 3.0))
    site.world.heal()
    return Struck(time.monotonic(), "sign", f"{' and '.join(venues)} by {step_s:+.0f} s and back")


def disk_full(site: Site, random: Random) -> Struck:
    """Leave the guard's disk without room for a while."""
    assert site.disk is not None
    site.disk.fill(site.guard.pid, site.journal_path)
    pause(random.uniform(0.5, 3.0))
    site.disk.empty()
    return Struck(time.monotonic(), "sign", site.disk.how)


def postgres_restart(site: Site, random: Random) -> Struck:
    """Stop the PostgreSQL server as if it had crashed, and start it again."""
    del random
    assert site.server is not None
    site.server.restart()
    return Struck(time.monotonic(), "sign")


Fault = Callable[[Site, Random], Struck]
FAULTS: Final[dict[str, Fault]] = {
    one.__name__: one
    for one in (
        *(kill, stop, takeover, disconnect, server_error, timeout),
        *(postgres_restart, disk_full, clock_step),
    )
}
"""The faults by name, in the order of the table."""
