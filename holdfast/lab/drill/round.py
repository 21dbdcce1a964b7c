"""Round: the desk gets positions, playbooks begin to unwind them, a fault strikes at a random moment, heals, and the venues'
own books are read.

1. Before it, every position has its size again, and orders of a strategy rest, for the cancel of the run to take away.
2. The fault strikes while orders are in flight; sometimes the operator pauses a venue in that very moment.
3. After it, everything that the journal has open must find its fate within `SETTLE_S_MAX`; then the books are judged.
"""

import time
from decimal import Decimal
from random import Random
from typing import Final

import msgspec

from holdfast.app.control.speak import Outcome
from holdfast.clock import SECOND_NS
from holdfast.lab.drill.books import Finding
from holdfast.lab.drill.fault import Fault, Struck
from holdfast.lab.drill.site import ACCOUNT, SIZES, STRATEGY, UNWIND, Site, pause
from holdfast.lab.drill.world_process import VENUES, VenueOrder
from holdfast.receipt import PlaybookEnded

SETTLE_S_MAX: Final = 60.0
WORK_S: Final = 1.5
"""About how long the runs of a round work: the fault strikes within it."""
RESTING: Final = 2
_SEEN_S: Final = 0.3  # until the guard has heard of the desk's new positions
_SIGHT_S: Final = 6.0  # until what was lost is surely no longer on its way
_LOOK_S: Final = 0.05
_PAUSED_SHARE: Final = 0.3


class Round(msgspec.Struct, kw_only=True):
    """What came of one round. Units: seconds.

    `in_flight`: the intents that were open when the fault struck. `recovery_s`: until the guard is ready again. `settled_s`:
    until everything that was open when it was over had its fate. None: it never was.
    """

    number: int
    fault: str
    how: str = ""
    struck_s: float = 0.0
    in_flight: int = 0
    effects: int = 0
    doubled: int = 0
    lost: int = 0
    recovery_s: float | None = None
    settled_s: float | None = None
    wall_s: float = 0.0
    wrong: list[str] = []


def play(site: Site, name: str, fault: Fault, number: int, random: Random) -> Round:
    """Play one round on a site whose guard is ready."""
    begun_s = time.monotonic()
    played = Round(number=number, fault=name)
    since = set(site.read_journal().intents)
    known_runs = {*site.books.ended, *site.books.running}
    rests = _prepare(site, number, random)
    commands = [site.tell("start", playbook=UNWIND, scope=venue) for venue in random.sample(VENUES, 2)]
    told_s = time.monotonic()
    pause(random.uniform(0.0, WORK_S))
    if random.random() < _PAUSED_SHARE:
        site.tell("pause", scope=random.choice(VENUES))
    played.struck_s = time.monotonic() - told_s
    played.in_flight = len(site.read_journal().open)
    struck = fault(site, random)
    played.how = struck.how
    _recover(site, struck, played)
    _settle(site)
    findings = [*struck.findings, *_judge(site, played, since, known_runs, rests, commands)]
    played.doubled = sum(one.kind == "doubled" for one in findings)
    played.lost = sum(one.kind == "lost" for one in findings)
    played.wrong = [f"{one.kind}: {one.words}" for one in findings]
    site.tell("resume", scope="desk")
    if struck.is_blinding:
        pause(_SIGHT_S)
    played.wall_s = time.monotonic() - begun_s
    return played


def _prepare(site: Site, number: int, random: Random) -> dict[str, list[str]]:
    """Give the desk its positions again, long or short, and orders that rest; return their names by venue."""
    held = site.world.positions(ACCOUNT)
    prices = site.world.prices()
    rests: dict[str, list[str]] = {venue: [] for venue in VENUES}
    for place, size in SIZES.items():
        venue, instrument = place
        wanted = size * random.choice((1, -1)) - held.get(place, Decimal(0))
        if wanted:
            side = "buy" if wanted > 0 else "sell"
            name = f"{STRATEGY}{number}-{instrument}"
            site.world.place(
                venue=venue,
                account=ACCOUNT,
                instrument=instrument,
                side=side,
                quantity=abs(wanted),
                client_id=name,
            )
        for place_number in range(RESTING):
            name = f"{STRATEGY}{number}-{instrument}-{place_number}"
            price = Decimal(int(prices[instrument[:3]] * 0.9))
            site.world.place(
                venue=venue, account=ACCOUNT, instrument=instrument, side="buy", quantity=size / 20, price=price,
                client_id=name,
            )  # fmt: skip
            rests[venue].append(name)
    pause(_SEEN_S)
    return rests


def _recover(site: Site, struck: Struck, played: Round) -> None:
    """Wait until the guard is ready, and until what was open has its fate."""
    ago_ns = round((time.monotonic() - struck.since_s) * SECOND_NS)
    over_ns = 0 if struck.shown_by == "start" else time.time_ns() - ago_ns
    reconciled_ns = (
        over_ns - SECOND_NS if struck.shown_by == "reconciliation" else 0
    )  # it was stopped for longer
    if struck.ready_s is not None:
        played.recovery_s = struck.ready_s - struck.since_s
    open_then = set(site.read_journal().open)
    while time.monotonic() < struck.since_s + SETTLE_S_MAX and site.guard.exit_code is None:
        if played.recovery_s is None and site.guard.is_ready(
            said_after_ns=over_ns, reconciled_after_ns=reconciled_ns
        ):
            played.recovery_s = time.monotonic() - struck.since_s
        if played.settled_s is None and not open_then & set(site.read_journal().open):
            played.settled_s = time.monotonic() - struck.since_s
        if played.recovery_s is not None and played.settled_s is not None:
            return
        pause(0.01)


def _settle(site: Site) -> None:
    """Wait until nothing is open any more and every run has ended."""
    give_up_s = time.monotonic() + SETTLE_S_MAX
    while time.monotonic() < give_up_s and site.guard.exit_code is None:
        books = site.read_journal()
        if not books.open and not any(run.startswith(UNWIND) for run in books.running):
            return
        pause(_LOOK_S)


def _judge(
    site: Site,
    played: Round,
    since: set[str],
    known_runs: set[str],
    rests: dict[str, list[str]],
    commands: list[Outcome],
) -> list[Finding]:
    books = site.books
    orders = {venue: site.world.orders(venue, ACCOUNT) for venue in VENUES}
    resting = {venue: _still_open(orders[venue], names) for venue, names in rests.items()}
    runs = {one for one in {*books.ended, *books.running} - known_runs if one.startswith(UNWIND)}
    taken = sum(len(names) - len(resting[venue]) for venue, names in rests.items())
    played.effects = len(books.new_orders(orders)) + taken
    findings = books.judge(orders)
    findings += books.judge_rest(since, runs, site.world.positions(ACCOUNT), resting)
    allowed = sum(one.outcome == "done" for one in commands)
    if len(runs) < allowed:
        findings.append(Finding("lost", f"{allowed} starts were taken, and {len(runs)} runs began"))
    findings += [Finding("other", f"start: {one.refusal}") for one in commands if one.refusal is not None]
    findings += [_unended(run) for run in runs & set(books.running)]
    ended = [books.ended[run] for run in runs if run in books.ended]
    findings += [_failed(one) for one in ended if one.outcome != "done"]
    if site.guard.exit_code is not None:
        findings.append(Finding("other", f"the guard ended by itself with {site.guard.exit_code}"))
    if played.recovery_s is None:
        findings.append(Finding("other", "the guard was not ready again"))
    return findings


def _still_open(orders: list[VenueOrder], names: list[str]) -> list[str]:
    return [order.client_id for order in orders if order.state == "open" and order.client_id in names]


def _unended(run: str) -> Finding:
    return Finding("other", f"{run} did not end within {SETTLE_S_MAX:g} s")


def _failed(ended: PlaybookEnded) -> Finding:
    return Finding("other", f"{ended.run} ended as {ended.outcome}: {ended.detail}")
