"""Answer: what a venue of the world says to one HTTP request, before any socket is involved."""

import msgspec

JSON_TYPE = ("Content-Type", "application/json")


class Answer(msgspec.Struct, frozen=True):
    """Status, headers and body; `delay_ns` later, or (`drop`) never: then the connection ends without a word."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = (JSON_TYPE,)
    delay_ns: int = 0
    drop: bool = False


class Credential(msgspec.Struct, frozen=True):
    """An API key of an account: `number` is the account's id in the venue's own count."""

    account: str
    key: str
    secret: str
    number: int
