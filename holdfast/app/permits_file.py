"""Permits file: what the desk's own strategies may do, in a file of the state folder that they read before they trade.

`permits.json` maps scopes (`desk`, a venue, `venue:symbol`) to permits. The tightest of an instrument's own, its venue's
and the desk's holds. It is replaced whole whenever a permit moves. Where it is missing, nothing was ever held; where it
cannot be read, nothing is allowed.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from holdfast.event import Scope
from holdfast.receipt import Permit
from holdfast.response.view import PERMITS

PERMITS_FILE: Final = "permits.json"


def write_permits(folder: Path, permits: Mapping[Scope, Permit]) -> None:
    """Replace the file. Raises: OSError. Cost: about 0.1 ms; it is not synced: a node writes it anew when it starts."""
    path = folder / PERMITS_FILE
    temporary = path.with_suffix(".tmp")
    temporary.write_text(
        json.dumps({str(scope): permit for scope, permit in permits.items()}, sort_keys=True) + "\n"
    )
    os.replace(temporary, path)


def read_permit(folder: Path, venue: str, symbol: str) -> Permit:
    """Return what may be done with an instrument now."""
    try:
        held = json.loads((folder / PERMITS_FILE).read_text())
    except FileNotFoundError:
        return "open"
    except (OSError, ValueError):
        return "halted"
    around = (str(Scope(venue, symbol)), str(Scope(venue)), str(Scope()))
    permits: list[Permit] = ["open", *(held[name] for name in around if held.get(name) in PERMITS)]
    return max(permits, key=PERMITS.index)
