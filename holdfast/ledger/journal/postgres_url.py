"""Where a PostgreSQL journal lies, from one line of settings. The password goes in and never comes out again."""

import re
import ssl
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from holdfast.error import CallerError

PORT: Final = 5432
SSL_MODES: Final = ("disable", "prefer", "require", "verify-full")
_FORM: Final = "write it as postgresql://user:password@host:5432/database?sslmode=verify-full"
_NAME: Final = re.compile(r"[^/@:?#\s]+")


class PostgresPlace(msgspec.Struct, frozen=True):
    """The parts of a url. Printing one shows no password."""

    user: str
    password: str
    host: str
    port: int
    database: str
    ssl_mode: str

    def __repr__(self) -> str:
        return f"PostgresPlace({self})"

    def __str__(self) -> str:
        return f"postgresql://{self.user}@{self.host}:{self.port}/{self.database}"

    @property
    def ssl_context(self) -> Any:
        """Return what pg8000 takes: False for none, None for whatever the server offers, True for encryption, a context."""
        if self.ssl_mode == "verify-full":
            return ssl.create_default_context()
        return {"disable": False, "prefer": None, "require": True}[self.ssl_mode]


def parse_url(url: str) -> PostgresPlace:
    """Return the parts of a url. Raises: CallerError `journal.url`, which says what is wrong and not what it holds.

    >>> str(parse_url("postgresql://desk:secret@db.example/risk"))
    'postgresql://desk@db.example:5432/risk'
    """
    try:
        parts = urlsplit(url)
        port = parts.port or PORT
    except ValueError:
        # The message of this error may hold the password, so it ends here.
        raise _refused("host or port cannot be read (in a password, / is %2F, # is %23, @ is %40)") from None
    if parts.scheme not in ("postgresql", "postgres"):
        raise _refused("it does not begin with postgresql://")
    if not parts.hostname:
        raise _refused("it names no host")
    if not parts.username:
        raise _refused("it names no user")
    database = unquote(parts.path.removeprefix("/"))
    if not _NAME.fullmatch(database):
        raise _refused("it names no database")
    if parts.fragment:
        raise _refused("it has a # in it")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    ssl_mode = options.pop("sslmode", "prefer")
    if options:
        raise _refused(f"only sslmode may stand after the question mark, not {', '.join(sorted(options))}")
    if ssl_mode not in SSL_MODES:
        raise _refused(f"sslmode is one of {', '.join(SSL_MODES)}")
    password = unquote(parts.password or "")
    return PostgresPlace(unquote(parts.username), password, parts.hostname, port, database, ssl_mode)


def _refused(message: str) -> CallerError:
    return CallerError("journal.url", f"the journal's url is of no use: {message}", remedy=_FORM)
