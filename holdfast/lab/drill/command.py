"""`holdfast drill`: kill, stop, starve and confuse a guard that acts, on this machine, and read the venues' books.

Exit codes: 0 no effect was doubled and none lost, and nothing else was wrong; 1 something was; 2 the call is wrong; 130 it
was interrupted, and told what came of the rounds until then.
"""

import json
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any, Final, Literal

import click

from holdfast.app.guarded import guarded

EXIT_WRONG: Final = 1
EXIT_INTERRUPTED: Final = 130


@click.command()
@click.option("--rounds", default=20, show_default=True, help="How many faults are struck.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Keep journals, ledgers, logs and drill.json here."
)
@click.option("--seed", default=7, show_default=True, help="What is drawn: order, moments, sizes.")
@click.option(
    "--journal", type=click.Choice(["sqlite", "postgresql"]), default="sqlite", show_default=True,
    help="What the guard writes to; a PostgreSQL server is started for it.",
)  # fmt: skip
@click.option("--fault", "faults", multiple=True, help="Only this fault; may be given again.")
def drill(
    rounds: int,
    as_json: bool,
    out: Path | None,
    seed: int,
    journal: Literal["sqlite", "postgresql"],
    faults: tuple[str, ...],
) -> None:
    """Strike a guard that acts with real faults, and compare its journal with the venues' own books."""

    def work() -> int:
        from holdfast.lab.drill.drill import Drill  # noqa: PLC0415 - the command line starts without a drill

        signal.signal(signal.SIGTERM, _leave)
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
        report = Drill(rounds, seed, faults=faults, journal=journal, heard=_tell, out=out).run()
        told = report.as_json()
        if out is not None:
            (out / "drill.json").write_text(
                json.dumps({**told, "each": _each(report.rounds)}, indent=1) + "\n"
            )
        click.echo(json.dumps(told) if as_json else "\n".join(report.lines()))
        if report.was_interrupted:
            return EXIT_INTERRUPTED
        return 0 if report.is_clean else EXIT_WRONG

    sys.exit(guarded(work))


def _tell(played: Any) -> None:
    """Say on standard error how a round went."""
    recovery = "not ready again" if played.recovery_s is None else f"ready after {played.recovery_s:.2f} s"
    how = f" ({played.how})" if played.how else ""
    wrong = f"  WRONG: {'; '.join(played.wrong)}" if played.wrong else ""
    click.echo(
        f"{played.number:4d} {played.fault}{how}: {played.in_flight} in flight, {played.effects} effects, {recovery}{wrong}",
        err=True,
    )


def _each(rounds: Any) -> Any:
    import msgspec  # noqa: PLC0415

    return msgspec.to_builtins(rounds)


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
