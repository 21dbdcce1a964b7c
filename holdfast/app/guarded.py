"""Guarded: a command whose errors are one clear line and an exit code, never a traceback for what is not our fault."""

from collections.abc import Callable
from typing import Final

from rich.console import Console

from holdfast.error import CallerError, HoldfastError

EXIT_WRONG_CALL: Final = 2
EXTRAS: Final = {
    "risk": ("arch", "clarabel", "jax", "scipy"),
    "live": ("aiohttp", "apprise", "ccxt", "cedarpy", "jsonschema", "pg8000", "picows", "psutil", "z3"),
}
"""Which extra brings a module that the core does not have."""
CONSOLE: Final = Console(stderr=True)


def guarded(work: Callable[[], int]) -> int:
    """Run a command and turn our errors into one clear line and an exit code."""
    try:
        return work()
    except HoldfastError as error:
        return _told(error)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        for extra, modules in EXTRAS.items():
            if missing in modules:
                remedy = f"make setup-{extra}, or pip install 'holdfast[{extra}]'"
                return _told(CallerError("extra.missing", f"{missing} is not installed", remedy=remedy))
        raise


def _told(error: HoldfastError) -> int:
    CONSOLE.print(f"holdfast: {error}", style="bold red", markup=False, highlight=False, soft_wrap=True)
    return EXIT_WRONG_CALL
