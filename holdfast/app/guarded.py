"""Guarded: a command whose errors are one clear line and an exit code, never a traceback for what is not our fault."""

from collections.abc import Callable
from typing import Final

from rich.console import Console

from holdfast.error import HoldfastError

EXIT_WRONG_CALL: Final = 2
CONSOLE: Final = Console(stderr=True)


def guarded(work: Callable[[], int]) -> int:
    """Run a command and turn our errors into one clear line and an exit code."""
    try:
        return work()
    except HoldfastError as error:
        CONSOLE.print(f"holdfast: {error}", style="bold red", markup=False, highlight=False, soft_wrap=True)
        return EXIT_WRONG_CALL
