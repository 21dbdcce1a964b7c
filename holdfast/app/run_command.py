"""`holdfast run CONFIG`: the live guard. Everything is checked before anything is connected.

Exit codes: 0 ended in order; 2 the config, its files or the call are wrong; 5 another node has taken over.
"""

import logging
import sys
from pathlib import Path
from types import ModuleType

import click

from holdfast.app.guarded import guarded


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option(
    "--check", is_flag=True, help="Check the config and everything it names, and connect to nothing."
)
def run(config: Path, check: bool) -> None:
    """Guard a desk: watch its venues, notice, decide, and act where a playbook was armed by name."""
    sys.exit(guarded(lambda: run_guard(config, check_only=check)))


def run_guard(path: Path, *, check_only: bool = False) -> int:
    """Run the guard of a config until it is told to stop; return the exit code."""
    # the expression library loads a command line of its own with a terminal toolkit: a restart is quicker without
    sys.modules.setdefault("cel.cli", ModuleType("cel.cli"))
    from holdfast.app.live import Guard  # noqa: PLC0415 - loaded when it is needed, and an extra

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("picows").setLevel(logging.WARNING)
    guard = Guard(path)
    click.echo(f"{path}: {guard.summary()}", err=True)
    if check_only:
        return 0
    return guard.run()
