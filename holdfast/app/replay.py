"""Replay: recordings in, the whole fold over them, and a folder that says what happened and can prove it.

Rules:

1. The fold is the one that runs live; only this file knows that the rows come from files.
2. Everything decided is in the ledger before it is in any other file; record 0 is the settings, rules and inputs.
3. Nothing is silently dropped: at the end, rows in = rows used + rows quarantined, or the run fails.
4. With a portfolio, what a worker measures of it is recorded, and can be taken from a recorded run (`measured_from`).
5. The output folder holds one run. What an earlier replay left there is replaced; anything else is left alone.
"""

import hashlib
import platform
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any, Final

import msgspec
import numpy as np

from holdfast.app.feeds import feeds
from holdfast.app.key_file import desk_signer
from holdfast.app.recording.reader import Recording
from holdfast.app.refolding import Refolding
from holdfast.app.report import ReportData, write_report
from holdfast.app.risk.portfolio_file import PortfolioFile, read_portfolio
from holdfast.app.risk.worker import RecordedRisk, RiskWorker
from holdfast.app.rule_files import load_rules
from holdfast.app.timeline import Timeline
from holdfast.clock import SECOND_NS
from holdfast.engine import RiskSource, State
from holdfast.error import BrokenInvariant, CallerError
from holdfast.event import (
    LEVELS,
    Alert,
    Decided,
    Event,
    LevelMoved,
    Quarantined,
    ResyncRequested,
    RiskMeasured,
)
from holdfast.instrument import Instruments
from holdfast.ledger.record import InputRecord, RuleRecord, RunEnded, RunStarted, encode, settings_record
from holdfast.ledger.writer import LedgerWriter
from holdfast.policy.desk import Desk
from holdfast.policy.escalation import Escalation
from holdfast.settings import Settings
from holdfast.tape import Rows

OUTPUTS: Final = (
    "summary.json",
    "alerts.jsonl",
    "decisions.jsonl",
    "quarantine.jsonl",
    "risk.jsonl",
    "report.html",
    "ledger",
)
ALERTS_SHOWN_MAX: Final = 5_000
COMMIT_ENTRIES: Final = 4_096

OnProgress = Callable[[int, int], None]


def replay(
    paths: Sequence[Path],
    out: Path,
    settings: Settings,
    *,
    rules_path: Path | None = None,
    portfolio_path: Path | None = None,
    measured_from: Path | None = None,
    speed: float = 0.0,
    command: str = "holdfast replay",
    on_progress: OnProgress | None = None,
) -> dict[str, Any]:
    """Replay recordings into `out` and return the summary.

    `speed` is tape seconds a second (1: as it was), 0 as fast as it goes. `portfolio_path` names what the desk holds, and
    `measured_from` the ledger of a run whose measurements of it are to be used instead of new ones.
    Raises: CallerError for inputs, rules, settings or a portfolio that cannot be used; nothing is written then.
    """
    portfolio = read_portfolio(portfolio_path) if portfolio_path else None
    if measured_from is not None and measured_from.resolve().is_relative_to((out / "ledger").resolve()):
        raise CallerError(
            "replay.overwrites",
            "this run would replace the ledger it reads",
            where=str(out),
            remedy="give another --out",
        )
    instruments = Instruments()
    outcome = _Outcome()
    recording = Recording(paths, instruments, on_fault=outcome.hear, on_progress=on_progress)
    state = State(instruments, Desk(load_rules(rules_path), Escalation(settings.escalation)), Timeline())
    started = _run_started(settings, state, _inputs(paths, portfolio_path))
    signer = desk_signer(settings)
    source = _risk_source(portfolio, measured_from)
    refolding = Refolding(state, measured_from)
    _clear(out)
    with (
        source as state.risk,
        LedgerWriter.create(out / "ledger", settings.origin, signer) as ledger,
        (out / "alerts.jsonl").open("wb") as alerts,
        (out / "decisions.jsonl").open("wb") as decisions,
        (out / "quarantine.jsonl").open("wb") as quarantine,
        ExitStack() as stack,
    ):
        outcome.files = {Alert: alerts, Decided: decisions, Quarantined: quarantine}
        if state.risk is not None:
            outcome.files[RiskMeasured] = stack.enter_context((out / "risk.jsonl").open("wb"))
        ledger.append(encode(started))
        begun = time.perf_counter()
        pace = _Pace(speed)
        for batch in recording.batches():
            for rows in pace.split(batch):
                outcome.keep(ledger, refolding.step(rows))
        outcome.keep(ledger, state.finish())
        wall_s = time.perf_counter() - begun
        summary = _summary(state, recording, outcome, portfolio, wall_s)
        ledger.append(encode(RunEnded(digest=summary["digest"])))
        checkpoint = ledger.commit()
    summary["ledger"] = {"origin": settings.origin, "entries": ledger.size, "key": signer.verifier_key}
    (out / "summary.json").write_bytes(msgspec.json.format(msgspec.json.encode(summary), indent=2) + b"\n")
    write_report(out / "report.html", _report(state, outcome, summary, out, checkpoint, command, settings))
    return summary


class _Outcome:
    """What the run said so far: written as it comes, and kept as far as the report shows it."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        self.levels: list[LevelMoved] = []
        self.decisions: list[Decided] = []
        self.quarantined: list[Quarantined] = []
        self.resyncs: list[ResyncRequested] = []
        self.measured: list[RiskMeasured] = []
        self.alert_counts: Counter[str] = Counter()
        self.files: dict[type, IO[bytes]] = {}
        self._early: list[Quarantined] = []
        self._waiting: list[bytes] = []

    def hear(self, fault: Quarantined | ResyncRequested) -> None:
        """Take in what the reader could not use, or wants."""
        if isinstance(fault, ResyncRequested):
            self.resyncs.append(fault)
            self._waiting.append(encode(fault))
            return
        if len(self.quarantined) < ALERTS_SHOWN_MAX:
            self.quarantined.append(fault)
        self._early.append(fault)
        self._flush_early()

    def keep(self, ledger: LedgerWriter, events: list[Event]) -> None:
        """Put events into the ledger first, then into their files."""
        self._flush_early()
        self._waiting.extend(encode(event) for event in events)
        if self._waiting:
            ledger.append_many(self._waiting)
            self._waiting.clear()
        if ledger.size - ledger.committed >= COMMIT_ENTRIES:
            ledger.commit()
        for event in events:
            if isinstance(event, Alert):
                self.alert_counts[event.detector] += 1
                if len(self.alerts) < ALERTS_SHOWN_MAX:
                    self.alerts.append(event)
            elif isinstance(event, LevelMoved):
                self.levels.append(event)
            elif isinstance(event, Decided):
                self.decisions.append(event)
            elif isinstance(event, RiskMeasured):
                self.measured.append(event)
            self._write(event)

    def _flush_early(self) -> None:
        if self.files:
            for fault in self._early:
                self._write(fault)
            self._early.clear()

    def _write(self, event: Event) -> None:
        file = self.files.get(type(event))
        if file is not None:
            file.write(msgspec.json.encode(event) + b"\n")


class _Pace:
    """Hands rows out at `speed` tape seconds a second, a tenth of a second of tape at a time; at 0 whole batches at once."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._tape_ns = 0
        self._wall_s = 0.0

    def split(self, batch: Rows) -> Iterator[Rows]:
        if self._speed <= 0.0:
            yield batch
            return
        cuts = np.flatnonzero(np.diff(batch["received_ns"] // (SECOND_NS // 10))) + 1
        for rows in np.split(batch, cuts):
            self._wait(int(rows["received_ns"][0]))
            yield rows

    def _wait(self, received_ns: int) -> None:
        if not self._tape_ns:
            self._tape_ns, self._wall_s = received_ns, time.monotonic()
        due_s = self._wall_s + (received_ns - self._tape_ns) / SECOND_NS / self._speed
        time.sleep(max(0.0, due_s - time.monotonic()))


def _risk_source(
    portfolio: PortfolioFile | None, measured_from: Path | None
) -> AbstractContextManager[RiskSource | None]:
    """Return what tells the fold about the portfolio: the record of another run, a worker, or nothing."""
    if measured_from is not None:
        return nullcontext(RecordedRisk(measured_from))
    return RiskWorker(portfolio.portfolio) if portfolio is not None else nullcontext()


def _inputs(paths: Sequence[Path], portfolio: Path | None) -> tuple[InputRecord, ...]:
    records = [InputRecord(name=path.name, size=_size(path)) for path in paths]
    if portfolio is not None:
        digest = hashlib.sha256(portfolio.read_bytes()).hexdigest()
        records.append(InputRecord(name=portfolio.name, size=_size(portfolio), sha256=digest))
    return tuple(records)


def _run_started(settings: Settings, state: State, inputs: tuple[InputRecord, ...]) -> RunStarted:
    rules = state.desk.rules.rules
    return RunStarted(
        settings=settings_record(settings),
        rules=tuple(RuleRecord(id=rule.id, version=rule.version, sha256=rule.sha256) for rule in rules),
        inputs=inputs,
        versions={
            "holdfast": version("holdfast"),
            "numba": version("numba"),
            "numpy": version("numpy"),
            "python": platform.python_version(),
        },
    )


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _clear(out: Path) -> None:
    """Remove what an earlier replay wrote (rule 4) and nothing else."""
    out.mkdir(parents=True, exist_ok=True)
    for name in OUTPUTS:
        target = out / name
        if target.is_dir():
            shutil.rmtree(target)
        else:
            target.unlink(missing_ok=True)


def _summary(
    state: State, recording: Recording, outcome: _Outcome, portfolio: PortfolioFile | None, wall_s: float
) -> dict[str, Any]:
    used = state.rows
    if recording.rows_in != used + recording.quarantined:
        raise BrokenInvariant(
            "replay.unbalanced",
            f"{recording.rows_in} rows in, {used} used, {recording.quarantined} quarantined",
        )
    seen = np.flatnonzero(state.market.state["rows"]).tolist()
    return {
        "messages": recording.messages,
        "rows": recording.rows_in,
        "rows_used": used,
        "quarantined": recording.quarantined,
        "truncated": recording.truncated,
        "wall_s": round(wall_s, 3),
        "rows_per_s": round(recording.rows_in / max(wall_s, 1e-9)),
        "digest": state.digest(),
        "alerts": dict(sorted(outcome.alert_counts.items())),
        "highest_level": max((move.to_level for move in outcome.levels), key=LEVELS.index, default="normal"),
        "levels": [msgspec.to_builtins(move) for move in outcome.levels],
        "decisions": len(outcome.decisions),
        "instruments": [msgspec.to_builtins(state.instruments[number]) for number in seen],
        "inputs": recording.formats,
        "feeds": feeds(state, outcome.resyncs),
        **_portfolio_summary(portfolio, state),
    }


def _portfolio_summary(portfolio: PortfolioFile | None, state: State) -> dict[str, Any]:
    """Return what was last measured of the portfolio by scope, and what of it could not be."""
    if portfolio is None and not state.measured:
        return {}
    unread = [str(one) for one in portfolio.missing] if portfolio else []
    return {
        "portfolio": {
            "name": portfolio.portfolio.name if portfolio else "",
            "unread": unread,
            "measured": {str(scope): msgspec.to_builtins(one) for scope, one in state.measured.items()},
        }
    }


def _report(
    state: State,
    outcome: _Outcome,
    summary: dict[str, Any],
    out: Path,
    checkpoint: str,
    command: str,
    settings: Settings,
) -> ReportData:
    timeline = state.observer
    assert isinstance(timeline, Timeline)
    table = settings.escalation
    return ReportData(
        command=command,
        version=version("holdfast"),
        ledger=str(out / "ledger"),
        checkpoint=checkpoint,
        summary=summary,
        series=timeline.series(state, outcome.levels),
        alerts=outcome.alerts,
        levels=outcome.levels,
        decisions=outcome.decisions,
        quarantined=outcome.quarantined,
        measured=outcome.measured,
        thresholds={
            "watch": table.watch.up,
            "restrict": table.restrict.up,
            "reduce": table.reduce.up,
            "halt": table.halt.up,
        },
    )
