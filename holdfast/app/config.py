"""Config: what `holdfast run` is told: one TOML file, checked whole before anything is connected.

Rules:

1. Unknown keys are errors with the nearest right name. Paths in it are relative to it.
2. Secrets stand in files of their own, readable by their owner alone, never in the config.
3. Nothing acts that is not armed by name under `[arm]`, or by an operator; what is not named only observes.
4. A value whose unit is in its name is refused where its range can tell that another unit was meant.
"""

from pathlib import Path
from typing import Final, Literal

import msgspec

from holdfast.app.control.notify import NotifySettings
from holdfast.app.control.operator import OperatorSettings
from holdfast.detectors.live_watch import LiveSettings
from holdfast.error import CallerError
from holdfast.policy.governor.limits import GovernorSettings
from holdfast.receipt import Mode
from holdfast.settings import KeySettings, Settings, read_settings

DEAD_MAN_S_MIN: Final = 10.0
DEAD_MAN_S_MAX: Final = 600.0
RECONCILE_S_MIN: Final = 2.0
RECONCILE_S_MAX: Final = 600.0
PREFIX_CHARS_MAX: Final = 8
TAPE_GB_MAX: Final = 100_000.0
_NAME_CHARS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")


class VenueSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One account at one venue: `deribit`, `binance-usdm`, or with `via = "ccxt"` any exchange by ccxt's name for it.

    Urls empty: the venue's own. `credentials` is a file with `key` and `secret`. `dead_man_s`: the venue cancels everything
    when it has not heard from us for so long; 0 for never. Raises: CallerError `config.value`.
    """

    name: str
    via: Literal["native", "ccxt"] = "native"
    account: str = "main"
    symbols: tuple[str, ...]
    credentials: str
    rest_url: str = ""
    ws_url: str = ""
    dead_man_s: float = 0.0

    def __post_init__(self) -> None:
        where = f"venues.{self.name}"
        if not self.name or not set(self.name) <= _NAME_CHARS:
            raise _wrong("venues.name", f"{self.name!r} cannot name a venue", "use a-z 0-9 - _")
        if not self.symbols or len(set(self.symbols)) != len(self.symbols):
            raise _wrong(
                f"{where}.symbols", "no symbol is named, or one is named twice", "name what to watch"
            )
        if self.dead_man_s and not DEAD_MAN_S_MIN <= self.dead_man_s <= DEAD_MAN_S_MAX:
            raise _wrong(
                f"{where}.dead_man_s",
                f"{self.dead_man_s:g} is not 0 or from {DEAD_MAN_S_MIN:g} to {DEAD_MAN_S_MAX:g}",
                "write seconds",
            )


class GuardConfig(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a live guard is told, on top of what every run may set.

    `strategies`: client id prefixes of the desk's own strategies, by name. `arm`: the mode of each playbook, by name. Units:
    reconcile_s seconds between two reconciliations, tape_gb billions of bytes. Raises: CallerError `config.value`.
    """

    node: str = "node-1"
    folder: str = "state"
    journal: str = "sqlite"
    tape_gb: float = 2.0
    client_id_prefix: str = "hf-"
    strategies: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    reconcile_s: float = 30.0
    venues: tuple[VenueSettings, ...] = ()
    arm: dict[str, Mode] = msgspec.field(default_factory=dict[str, Mode])
    operators: tuple[OperatorSettings, ...] = ()
    policies: str = ""
    rules: str = ""
    playbooks: str = ""
    limits: GovernorSettings = GovernorSettings()
    detectors: LiveSettings = LiveSettings()
    notify: NotifySettings = NotifySettings()
    base: str = "."

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        if not 1 <= len(self.client_id_prefix) <= PREFIX_CHARS_MAX:
            raise _wrong(
                "client_id_prefix", f"{self.client_id_prefix!r} has not 1 to {PREFIX_CHARS_MAX} characters"
            )
        if not RECONCILE_S_MIN <= self.reconcile_s <= RECONCILE_S_MAX:
            raise _wrong(
                "reconcile_s",
                f"{self.reconcile_s:g} is not from {RECONCILE_S_MIN:g} to {RECONCILE_S_MAX:g}",
                "write seconds",
            )
        if not 0.0 <= self.tape_gb <= TAPE_GB_MAX:
            raise _wrong(
                "tape_gb", f"{self.tape_gb:g} is not from 0 to {TAPE_GB_MAX:g}", "write billions of bytes"
            )
        names = [(venue.name, venue.account) for venue in self.venues]
        if len(set(names)) != len(names):
            raise _wrong("venues", "an account of a venue is here twice")

    def path(self, text: str) -> Path:
        """Return a path of the config, relative to it."""
        return Path(self.base) / text

    @property
    def state(self) -> Path:
        """Return the state folder."""
        return self.path(self.folder)


class Credentials(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A venue's API key and its secret."""

    key: str
    secret: str

    def __repr__(self) -> str:
        return f"Credentials(key={self.key[:4]}..., secret=...)"


def load_config(path: Path) -> GuardConfig:
    """Read a config. Raises: CallerError `config.missing`, `config.value`, `settings.*`, `limits.value`, `operator.*`."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CallerError(
            "config.missing",
            f"no config can be read: {error}",
            where=str(path),
            remedy="give the path of a TOML file",
        ) from error
    config = read_settings(text, str(path), GuardConfig)
    if not config.venues:
        raise CallerError(
            "config.value", "no venue is named", where=f"{path}: venues", remedy="add a [[venues]] table"
        )
    if config.base != ".":
        raise CallerError(
            "config.value", "`base` is the folder of this file, and not to be set", where=f"{path}: base"
        )
    base = path.absolute().parent
    key = KeySettings(path=str(base / config.key.path)) if config.key.path else config.key
    return msgspec.structs.replace(config, base=str(base), key=key)


def load_credentials(path: Path, where: str) -> Credentials:
    """Read a venue's credentials from a file that only its owner may read.

    Raises: CallerError `credentials.missing`, `credentials.readable_by_others`, `credentials.malformed`.
    """
    try:
        with path.open("rb") as file:
            mode = path.stat().st_mode & 0o777
            raw = file.read(65_536)
    except OSError as error:
        raise CallerError(
            "credentials.missing",
            f"no credentials can be read: {error.strerror}",
            where=f"{where}: {path}",
            remedy='write `key = "..."` and `secret = "..."` into it, and chmod 600',
        ) from error
    if mode & 0o077:
        raise CallerError(
            "credentials.readable_by_others",
            f"the file has mode {mode:04o}, so others may have read it",
            where=f"{where}: {path}",
            remedy=f"chmod 600 {path}, and make a new key at the venue if anybody else uses this machine",
        )
    try:
        return msgspec.toml.decode(raw, type=Credentials)
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
        raise CallerError(
            "credentials.malformed",
            "the file does not hold a key and a secret",
            where=f"{where}: {path}",
            remedy='write `key = "..."` and `secret = "..."`',
        ) from error


def _wrong(where: str, message: str, remedy: str = "") -> CallerError:
    return CallerError("config.value", message, where=where, remedy=remedy)
