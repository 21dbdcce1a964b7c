"""Config file: the rehearsed desk as a config of `holdfast run`, with credentials and keys beside it, to be read."""

import json
import os
from pathlib import Path
from typing import Any, Final

import msgspec

from holdfast.keys.file_signer import FileSigner
from holdfast.lab.rehearsal.desk import ARMED, DETECTORS, LIMITS, PLAYBOOKS
from holdfast.lab.universe.desk import ACCOUNT, PREFIX, STRATEGY, SYMBOLS

OPERATOR: Final = "ann"


def write_config(folder: Path, venues: dict[str, Any]) -> Path:
    """Write config, credentials, keys and playbooks into a folder and return the config's path.

    `venues` is what `holdfast world serve --json` says of them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    signer = FileSigner.create(folder / f"{OPERATOR}.key", OPERATOR)
    playbooks = folder / "playbooks"
    playbooks.mkdir(exist_ok=True)
    for path in sorted(PLAYBOOKS.glob("*.yml")):
        (playbooks / path.name).write_text(path.read_text())
    config: dict[str, Any] = {
        "desk": "demo", "folder": "state", "client_id_prefix": PREFIX, "playbooks": "playbooks", "reconcile_s": 5.0,
        "key": {"path": "desk.key"},
        "strategies": {"maker": STRATEGY},
        "arm": dict(ARMED),
        "limits": _changed(LIMITS),
        "detectors": _changed(DETECTORS),
        "operators": [{"name": OPERATOR, "key": signer.verifier_key, "roles": ["admin"]}],
        "venues": [_venue(folder, name, said) for name, said in venues.items()],
    }  # fmt: skip
    path = folder / "guard.toml"
    path.write_text("# The guard of the demo. `holdfast run guard.toml` starts it.\n" + toml_of(config))
    return path


def toml_of(table: dict[str, Any], name: str = "") -> str:
    """Return a table as TOML text: plain values first, then its tables, then its lists of tables.

    >>> print(toml_of({"a": 1.5, "b": {"c": ["x"]}}), end="")
    a = 1.5
    <BLANKLINE>
    [b]
    c = ["x"]
    """
    plain = {key: value for key, value in table.items() if not _is_table(value)}
    text = "".join(f"{key} = {json.dumps(value)}\n" for key, value in plain.items())
    for key, value in table.items():
        full = f"{name}.{key}" if name else key
        if isinstance(value, dict) and value:
            text += f"\n[{full}]\n{toml_of(value, full)}"
        elif _is_table(value):
            text += "".join(f"\n[[{full}]]\n{toml_of(one, full)}" for one in value)
    return text


def _is_table(value: object) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and bool(value) and isinstance(value[0], dict))


def _changed(settings: msgspec.Struct) -> dict[str, Any]:
    """Return what differs from the defaults."""
    own, default = msgspec.to_builtins(settings), msgspec.to_builtins(type(settings)())
    found: dict[str, Any] = {}
    for key, value in own.items():
        if value == default[key]:
            continue
        if isinstance(value, dict) and isinstance(default[key], dict):
            found[key] = {name: part for name, part in value.items() if part != default[key].get(name)}
        else:
            found[key] = value
    return found


def _venue(folder: Path, name: str, said: dict[str, Any]) -> dict[str, Any]:
    key = next(one for one in said["credentials"] if one["account"] == ACCOUNT)
    secret = folder / f"{name}.secret.toml"
    handle = os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(handle, "w") as file:
        file.write(f'key = "{key["key"]}"\nsecret = "{key["secret"]}"\n')
    return {
        "name": name, "account": ACCOUNT, "symbols": list(SYMBOLS[name]), "credentials": secret.name,
        "ws_url": said["ws"], "rest_url": said["rest"], "dead_man_s": 60.0,
    }  # fmt: skip
