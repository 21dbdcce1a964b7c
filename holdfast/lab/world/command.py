"""`holdfast world`: `serve` the simulated world to any client that speaks its protocols, and measure its `facts`."""

import asyncio
import json
import math
import signal
import sys
from pathlib import Path
from typing import Any

import click

from holdfast.app.guarded import guarded


@click.group()
def world() -> None:
    """The simulated world: venues on loopback ports that real clients can trade on."""


@world.command()
@click.option("--json", "as_json", is_flag=True, help="Say where everything is as one line of JSON.")
@click.option("--seed", default=7, show_default=True, help="The world's seed: one seed is one world.")
@click.option("--seconds", default=0.0, help="End after so long; 0: when interrupted.  [default: 0]")
def serve(as_json: bool, seed: int, seconds: float) -> None:
    """Serve Deribit's and Binance USD-M's protocols on free ports until interrupted."""
    sys.exit(guarded(lambda: asyncio.run(run(seed, seconds, as_json))))


@world.command()
@click.option("--seed", default=7, show_default=True, help="The world's seed: one seed is one world.")
@click.option("--hours", default=1.0, show_default=True, help="How long the world lives, in its own time.")
@click.option(
    "--beside",
    type=click.Path(exists=True, path_type=Path),
    help="A recording, or a folder of them, to put beside the world.",
)
@click.option("--json", "as_json", is_flag=True, help="The facts as JSON, a market each.")
def facts(seed: int, hours: float, beside: Path | None, as_json: bool) -> None:
    """Measure the stylised facts of the world's market, beside those of recordings of real venues."""
    from holdfast.lab.world.facts import measure, observe_recordings, observe_world, table  # noqa: PLC0415

    markets = [observe_world(seed, round(hours * 3_600)), *(observe_recordings(beside) if beside else ())]
    if as_json:
        rows = {it.name: {"seconds": len(it.mids)} | measure(it) for it in markets}
        finite = {
            name: {fact: None if math.isnan(value) else value for fact, value in row.items()}
            for name, row in rows.items()
        }
        click.echo(json.dumps(finite))
    else:
        click.echo(table(markets))


async def run(seed: int, seconds: float, as_json: bool) -> int:
    """Serve until SIGINT, SIGTERM or the end of `seconds`."""
    from holdfast.lab.world.agents import Population  # noqa: PLC0415 - the command line starts without a world
    from holdfast.lab.world.server import WorldServer  # noqa: PLC0415

    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    async with WorldServer(seed, [Population(seed)]) as server:
        described = server.describe()
        click.echo(json.dumps(described) if as_json else _in_words(described))
        sys.stdout.flush()
        living, waiting = asyncio.ensure_future(server.live()), asyncio.ensure_future(ended.wait())
        done, _ = await asyncio.wait(
            (living, waiting), timeout=seconds or None, return_when=asyncio.FIRST_COMPLETED
        )
        living.cancel()
        waiting.cancel()
        if living in done:
            living.result()
    return 0


def _in_words(described: dict[str, Any]) -> str:
    lines = [f"world of seed {described['seed']}; its own address: {described['control']}"]
    for name, venue in described["venues"].items():
        lines += [
            f"{name}: {venue['rest']}  {venue['ws']}",
            f"  instruments: {', '.join(venue['instruments'])}",
        ]
        lines += [f"  {it['account']}: key {it['key']} secret {it['secret']}" for it in venue["credentials"]]
    return "\n".join(lines)
