"""`holdfast storm`: a storm in the wire format of venues, through the same path as real recordings."""

import shutil
import sys
from pathlib import Path

import click

from holdfast.app.cli import guarded, progress, run_replay, run_verify
from holdfast.lab.storm import write_storm


@click.command()
@click.option(
    "--out",
    default=Path("out/storm"),
    type=click.Path(path_type=Path),
    show_default=True,
    help="Folder for everything.",
)
@click.option("--seed", default=7, show_default=True, help="The storm's seed: one seed is one storm.")
def storm(out: Path, seed: int) -> None:
    """Make a storm, replay it, verify its ledger and say where the report is."""
    sys.exit(guarded(lambda: run_storm(out, seed)))


def run_storm(out: Path, seed: int) -> int:
    """Make the storm, replay it, verify; return the exit code."""
    folder = out / "storm"
    if folder.exists():
        shutil.rmtree(folder)
    with progress() as bar:
        task = bar.add_task("making a storm", total=None)
        paths = write_storm(
            folder, seed, lambda what: bar.update(task, description=f"making a storm: {what}")
        )
    code = run_replay(tuple(paths), out, None, None, 0.0)
    if code:
        return code
    click.echo()
    code = run_verify(out / "ledger", None)
    click.echo()
    click.echo(f"report: {out / 'report.html'}")
    return code
