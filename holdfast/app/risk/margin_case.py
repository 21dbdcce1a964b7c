"""Margin case: one account in a file, measured by a named model; what `holdfast risk margin --model NAME CASE.json` prints.

Rules:

1. A model that has a case format of its own has a reader here by name (`READERS`). Any other model, and any file with a
   `portfolio`, is read by the general format, where `general` is given.
2. A reader says where in the file it stumbled: a missing key, one it does not know, a wrong type, a NaN.
3. A result the file brings along is never read.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

from holdfast.app.risk.derive_case import derive_case
from holdfast.error import CallerError
from holdfast.risk.margin.registry import known_model

Measured = dict[str, object]
READERS: Final[dict[str, Callable[[object, str], Measured]]] = {"derive-pmrm2": derive_case}


def margin_case(
    model: str, path: str | Path, general: Callable[[str, object, str], Measured] | None = None
) -> Measured:
    """Measure the account in a file; keys `im`, `mm`, `scenarios` and what the model says besides.

    `general` measures models without a format of their own from (model, document, place).
    Raises: CallerError `margin.unknown_model`, `margin.no_format`, `case.unreadable`, `case.wrong` with the place.
    """
    name = known_model(model)
    where = str(path)
    try:
        document: object = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise CallerError("case.unreadable", str(error), where=where, remedy="give a JSON file") from error
    except json.JSONDecodeError as error:
        place = f"{where}:{error.lineno}:{error.colno}"
        raise CallerError("case.unreadable", error.msg, where=place, remedy="give valid JSON") from error
    reader = READERS.get(name)
    is_general = general is not None and isinstance(document, dict) and "portfolio" in document
    if reader is not None and not is_general:
        return reader(document, where)
    if general is None:
        raise CallerError(
            "margin.no_format",
            f"{name} reads no case files",
            where=where,
            remedy="give a portfolio file instead",
        )
    return general(name, document, where)
