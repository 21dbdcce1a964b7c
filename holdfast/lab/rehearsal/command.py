"""`holdfast demo`: a storm on real sockets, with the guard. `holdfast rehearse`: many seeds in virtual time, in tables."""

import json
import shutil
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, Final

import click

from holdfast.app.guarded import guarded
from holdfast.app.warm_up import warm_up, warm_up_feeds
from holdfast.lab.world.listings import VENUES

RATIO_MAX: Final = 1.0 / 3.0
COST_BPS_MAX: Final = 2.0
DAY_S: Final = 86_400.0
TOLD_EVERY_S: Final = 5.0


@click.command()
@click.option(
    "--out",
    default=Path("out/demo"),
    type=click.Path(path_type=Path),
    show_default=True,
    help="Folder for everything.",
)
@click.option("--seed", default=7, show_default=True, help="The storm's seed.")
def demo(out: Path, seed: int) -> None:
    """Show a storm on real sockets: venues, a desk, and the guard that saves its money; then a report and its proof."""
    sys.exit(guarded(lambda: run_demo(out, seed)))


@click.command()
@click.option("--seeds", default=20, show_default=True, help="How many storms, and how many calm worlds.")
@click.option(
    "--calm-s", default=60.0, show_default=True, help="How long each calm world lasts, in its own seconds."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
def rehearse(seeds: int, calm_s: float, as_json: bool) -> None:
    """Live through many storms and calm worlds with the guard and without, and say what it saved and what it cost."""
    sys.exit(guarded(lambda: run_rehearse(seeds, calm_s, as_json=as_json)))


def run_demo(out: Path, seed: int) -> int:
    """Run the demo; return the exit code."""
    from holdfast.lab.rehearsal.live import LiveStorm  # noqa: PLC0415
    from holdfast.lab.rehearsal.page import write_page  # noqa: PLC0415
    from holdfast.lab.rehearsal.rehearsal import Rehearsal  # noqa: PLC0415
    from holdfast.ledger.verify import verify  # noqa: PLC0415 - loaded when it is needed

    if out.exists():
        shutil.rmtree(out)
    out.mkdir(parents=True)
    click.echo("kernels are loaded (they are compiled at the first run, which takes about a minute)")
    warm_up()
    warm_up_feeds(VENUES)
    unguarded = Rehearsal(seed, guarded=False, storm=True).run()
    click.echo(
        f"without a guard this storm (seed {seed}) costs the desk {unguarded.loss:,.0f} USD of {unguarded.equity[0]:,.0f}"
    )
    click.echo(
        "two venues open on loopback, the desk's strategy trades, `holdfast run` starts beside them; the storm waits for it"
    )
    live = LiveStorm(out, seed)
    told_s = [-TOLD_EVERY_S]

    def on_moment(second: float, equity: float, news: list[str]) -> None:
        for words in news:
            click.echo(f"{second:5.1f} s  {words}")
        if second - told_s[0] >= TOLD_EVERY_S:
            told_s[0] = second
            other = _at(unguarded.seconds, unguarded.equity, second)
            click.echo(f"{second:5.1f} s  equity {equity:,.0f} USD with the guard, {other:,.0f} without")

    outcome = live.run(on_moment)
    report = verify(out / "state" / "ledger", None)
    for line in report.lines():
        click.echo(line)
    write_page(out / "report.html", outcome, unguarded, live.begun_ns, report)
    share = outcome.loss / unguarded.loss if unguarded.loss > 0 else float("nan")
    click.echo(
        f"\nlost with the guard: {outcome.loss:,.0f} USD; without: {unguarded.loss:,.0f} USD ({share:.0%})"
    )
    click.echo(f"report: {out / 'report.html'}")
    click.echo(
        f"what the guard saw, once more: holdfast replay {out / 'state' / 'tape'} --measured-from {out / 'state' / 'ledger'}"
        f" --out {out / 'again'}"
    )
    click.echo("more seeds, in virtual time: holdfast rehearse")
    return report.exit_code


def run_rehearse(seeds: int, calm_s: float, *, as_json: bool) -> int:
    """Run both tables; return 0 if the guard keeps what is asked of it."""
    warm_up()
    warm_up_feeds(VENUES)
    jobs = [(seed, True, 60.0) for seed in range(seeds)] + [(seed, False, calm_s) for seed in range(seeds)]
    with ProcessPoolExecutor(max_workers=2) as pool:
        rows = list(pool.map(_live_through, jobs))
    storms, calms = [row for row in rows if row["storm"]], [row for row in rows if not row["storm"]]
    ratio = sum(row["guarded_loss"] for row in storms) / sum(row["unguarded_loss"] for row in storms)
    cost_bps = sum(row["cost_bps_a_day"] for row in calms) / len(calms)
    halts = sum(row["halts"] for row in calms)
    kept = ratio <= RATIO_MAX and halts == 0 and cost_bps < COST_BPS_MAX
    if as_json:
        click.echo(
            json.dumps(
                {"storms": storms, "calms": calms, "ratio": ratio, "halts": halts, "cost_bps_a_day": cost_bps}
            )
        )
        return 0 if kept else 1
    click.echo(f"{'storm':>6} {'unguarded loss':>15} {'guarded loss':>13} {'share':>6}")
    for row in storms:
        share = row["guarded_loss"] / row["unguarded_loss"]
        click.echo(
            f"{row['seed']:>6} {row['unguarded_loss']:>15,.0f} {row['guarded_loss']:>13,.0f} {share:>6.0%}"
        )
    click.echo(f"{'all':>6} {'':>15} {'':>13} {ratio:>6.0%}  (at most {RATIO_MAX:.0%} is asked)\n")
    click.echo(f"{'calm':>6} {'unguarded':>12} {'guarded':>12} {'halts':>6} {'cost, bps a day':>16}")
    for row in calms:
        figures = f"{-row['unguarded_loss']:>12,.0f} {-row['guarded_loss']:>12,.0f} {row['halts']:>6}"
        click.echo(f"{row['seed']:>6} {figures} {row['cost_bps_a_day']:>16.3f}")
    click.echo(
        f"{'all':>6} {'':>12} {'':>12} {halts:>6} {cost_bps:>16.3f}  (no halt and under {COST_BPS_MAX:g} bps are asked)"
    )
    return 0 if kept else 1


def _live_through(job: tuple[int, bool, float]) -> dict[str, Any]:
    """Live through one scenario twice; runs in a worker."""
    from holdfast.lab.rehearsal.rehearsal import Rehearsal  # noqa: PLC0415

    seed, storm, length_s = job
    without = Rehearsal(seed, guarded=False, storm=storm, length_s=length_s).run()
    with_guard = Rehearsal(seed, guarded=True, storm=storm, length_s=length_s).run()
    cost = (with_guard.loss - without.loss) / without.equity[0] * 1e4 * DAY_S / length_s
    return {
        "seed": seed, "storm": storm, "unguarded_loss": without.loss, "guarded_loss": with_guard.loss,
        "halts": with_guard.halts, "cost_bps_a_day": cost,
    }  # fmt: skip


def _at(seconds: list[float], values: list[float], second: float) -> float:
    """Return the last value at a time."""
    known = [value for at_s, value in zip(seconds, values, strict=True) if at_s <= second]
    return known[-1] if known else values[0]
