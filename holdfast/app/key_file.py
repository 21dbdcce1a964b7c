"""The desk's signing key: where it lies, and made at the first run."""

import os
from pathlib import Path

from holdfast.keys.file_signer import FileSigner
from holdfast.settings import Settings


def desk_signer(settings: Settings) -> FileSigner:
    """Return the desk's signer; its key is made where there is none yet, readable by its owner alone.

    Raises: CallerError `key.readable_by_others`, `key.malformed`.
    """
    path = Path(settings.key.path) if settings.key.path else _own_folder() / f"{settings.desk}.key"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        return FileSigner.create(path, settings.origin)
    return FileSigner.load(path)


def _own_folder() -> Path:
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "holdfast"
