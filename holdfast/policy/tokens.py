"""The words of a condition: CEL text to tokens, numbers and texts, each with its offset."""

import re
from typing import Final


class UnreadableError(Exception):
    """A condition that cannot be read: where (offset), what, and what to do."""

    def __init__(self, at: int, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.at = at
        self.message = message
        self.remedy = remedy


Token = tuple[str, str, int]  # kind, text, offset

_WORD = re.compile(
    r"""(?P<blank>\s+|//[^\n]*)
    |(?P<number>(?:0[xX][0-9a-fA-F]+|(?:\d+\.\d+|\.\d+|\d+)(?:[eE][+-]?\d+)?)[uU]?)
    |(?P<quote>[rRbB]{0,2}(?:'''|\"\"\"|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"))
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<op>\|\||&&|[<>=!]=|[<>!?:()\[\].,+*/%-])""",
    re.VERBOSE,
)
_ESCAPES: Final = {"n": "\n", "t": "\t", "\\": "\\", '"': '"', "'": "'"}


def tokens(text: str) -> list[Token]:
    """Return the words of a text, the last of kind `end`. Raises: UnreadableError."""
    found: list[Token] = []
    at = 0
    while at < len(text):
        match = _WORD.match(text, at)
        if match is None:
            hints = {"&": "write &&", "|": "write ||", "=": "write == to compare"}
            raise UnreadableError(at, f"unexpected `{text[at]}`", hints.get(text[at], ""))
        kind = match.lastgroup or ""
        if kind != "blank":
            word = match.group()
            if kind == "name" and word in ("and", "or", "not"):
                right = {"and": "&&", "or": "||", "not": "!"}[word]
                raise UnreadableError(at, f"`{word}` is not CEL", f"write {right}")
            found.append(("op" if word == "in" else kind, word, at))
        at = match.end()
    found.append(("end", "the end", len(text)))
    return found


def number_of(word: str, at: int) -> int | float:
    """Return the number that a word spells. Raises: UnreadableError for what does not fit."""
    if word[-1] in "uU":
        raise UnreadableError(at, f"unsigned number `{word}`", f"write {word[:-1]}")
    if word[:2] in ("0x", "0X"):
        number: int | float = int(word, 16)
    else:
        number = float(word) if any(mark in word for mark in ".eE") else int(word)
    if number == float("inf"):
        raise UnreadableError(at, f"`{word}` is too large")
    if isinstance(number, int) and number >= 2**63:
        raise UnreadableError(at, f"`{word}` does not fit in 64 bits", f"write {word}.0")
    return number


def unquote(word: str, at: int) -> str:
    """Return the text between quotes. Raises: UnreadableError for an escape that rules do not know."""
    if word[0] not in "'\"" or word[:3] in ("'''", '"""'):
        raise UnreadableError(at, "raw, byte and triple-quoted text is not for rules", 'write "text"')

    def escape(match: re.Match[str]) -> str:
        char = match.group(1)
        if char not in _ESCAPES:
            raise UnreadableError(
                at + 1 + match.start(), f"unknown escape `\\{char}`", "rules know \\n \\t \\\\ \\\" \\'"
            )
        return _ESCAPES[char]

    return re.sub(r"\\(.)", escape, word[1:-1])
