"""The command line: `holdfast replay | convert | verify | risk` (`demo` comes from the lab, see `__main__`).

Exit codes: 0 as asked; 1 the ledger is not proven; 2 the call, rules, settings or inputs are wrong; 3 an archive was
truncated (what came before the break was used).
"""

import shlex
import sys
from pathlib import Path
from typing import Any, Final

import click
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from holdfast import __version__
from holdfast.app.control.commands import CONTROL_COMMANDS
from holdfast.app.guarded import CONSOLE, guarded
from holdfast.app.playbook_command import playbook
from holdfast.app.risk.command import risk
from holdfast.app.run_command import run
from holdfast.settings import Settings, load_settings

EXIT_NOT_PROVEN: Final = 1
EXIT_TRUNCATED: Final = 3

_PATHS = click.Path(exists=True, path_type=Path)
_OUT = click.Path(path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="holdfast")
def main() -> None:
    """Defend a crypto-derivatives desk: see, trust, notice, price, decide, act, prove, rehearse."""


@main.command()
@click.argument("paths", nargs=-1, required=True, type=_PATHS)
@click.option("--out", required=True, type=_OUT, help="Folder for the report, the files and the ledger.")
@click.option("--rules", type=_PATHS, help="Rule file or folder; default: the rules that come with Holdfast.")
@click.option("--settings", "settings_path", type=_PATHS, help="Settings in TOML.")
@click.option(
    "--portfolio",
    type=_PATHS,
    help="What the desk holds (.csv, .json, .parquet): carried through the recording.",
)
@click.option(
    "--measured-from",
    type=_PATHS,
    help="Ledger of a recorded run: its measurements of the portfolio, and what a guard's own detectors said.",
)
@click.option(
    "--speed",
    type=click.FloatRange(min=0.0),
    default=0.0,
    help="Tape seconds a second; 0: as fast as it goes.",
)
def replay(
    paths: tuple[Path, ...],
    out: Path,
    rules: Path | None,
    settings_path: Path | None,
    portfolio: Path | None,
    measured_from: Path | None,
    speed: float,
) -> None:
    """Run recordings of any known format through the whole defence and write what it would have decided."""
    sys.exit(guarded(lambda: run_replay(paths, out, rules, settings_path, speed, portfolio, measured_from)))


@main.command()
@click.argument("paths", nargs=-1, required=True, type=_PATHS)
@click.option("--out", required=True, type=_OUT, help="The tape to write (.parquet).")
def convert(paths: tuple[Path, ...], out: Path) -> None:
    """Turn recordings of any known format into one tape that pandas, Polars and DuckDB open."""
    sys.exit(guarded(lambda: _convert(paths, out)))


@main.command()
@click.argument("ledger", type=_PATHS)
@click.option("--key", help="Verifier key to trust; default: the one in the ledger's own folder.")
def verify(ledger: Path, key: str | None) -> None:
    """Prove a ledger, or name the first entry that is not what it was."""
    sys.exit(guarded(lambda: run_verify(ledger, key)))


main.add_command(run)
main.add_command(playbook)
main.add_command(risk)
for one in CONTROL_COMMANDS:
    main.add_command(one)


def run_replay(
    paths: tuple[Path, ...],
    out: Path,
    rules: Path | None,
    settings_path: Path | None,
    speed: float,
    portfolio: Path | None = None,
    measured_from: Path | None = None,
) -> int:
    """Replay recordings and say on the terminal what came of it; the command `demo` does the same with its own."""
    settings = load_settings(settings_path.read_text(), str(settings_path)) if settings_path else Settings()
    with progress() as bar:
        task = bar.add_task("preparing kernels", total=None)
        from holdfast.app.replay import replay as run  # noqa: PLC0415 - shows progress while kernels load
        from holdfast.app.warm_up import warm_up  # noqa: PLC0415

        warm_up()

        def tell(done: int, total: int) -> None:
            bar.update(task, description="replaying", completed=done, total=total)

        command = shlex.join(["holdfast", *sys.argv[1:]])
        summary = run(
            paths,
            out,
            settings,
            rules_path=rules,
            portfolio_path=portfolio,
            measured_from=measured_from,
            speed=speed,
            command=command,
            on_progress=tell,
        )
    for line in summary_lines(summary, out):
        click.echo(line)
    for name in summary["truncated"]:
        CONSOLE.print(
            f"holdfast: {name} breaks off; what came before was used",
            style="yellow",
            markup=False,
            soft_wrap=True,
        )
    return EXIT_TRUNCATED if summary["truncated"] else 0


def _convert(paths: tuple[Path, ...], out: Path) -> int:
    with progress() as bar:
        task = bar.add_task("preparing kernels", total=None)
        from holdfast.app.recording.reader import Recording  # noqa: PLC0415
        from holdfast.app.recording.tape_file import write_tape  # noqa: PLC0415
        from holdfast.instrument import Instruments  # noqa: PLC0415

        def tell(done: int, total: int) -> None:
            bar.update(task, description="converting", completed=done, total=total)

        recording = Recording(paths, Instruments(), on_progress=tell)
        write_tape(recording, out)
    click.echo(
        f"{recording.rows} rows of {recording.messages} messages, {recording.quarantined} quarantined: {out}"
    )
    return EXIT_TRUNCATED if recording.truncated else 0


def run_verify(ledger: Path, key: str | None) -> int:
    from holdfast.ledger.verify import verify as check  # noqa: PLC0415

    report = check(ledger, key)
    for line in report.lines():
        click.echo(line)
    return report.exit_code


def summary_lines(summary: dict[str, Any], out: Path) -> list[str]:
    """Return a run's summary as a few lines for the terminal."""
    alerts = ", ".join(f"{name} {count}" for name, count in summary["alerts"].items()) or "none"
    return [
        f"{summary['messages']:,} messages, {summary['rows']:,} rows ({summary['quarantined']:,} quarantined) "
        f"in {summary['wall_s']:.1f} s: {summary['rows_per_s']:,} rows/s",
        f"highest level: {summary['highest_level']} ({len(summary['levels'])} moves, {summary['decisions']} decisions)",
        f"alerts: {alerts}",
        f"digest: {summary['digest']}",
        f"written to {out}: report.html, summary.json, alerts.jsonl, decisions.jsonl, quarantine.jsonl, ledger/",
    ]


def progress() -> Progress:
    """Return the bar of a long command, drawn on standard error."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeElapsedColumn(),
    )
    return Progress(*columns, console=CONSOLE, transient=True)
