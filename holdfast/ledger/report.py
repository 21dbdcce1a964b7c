"""What a verification found, as a value and as text."""

from typing import Final

import msgspec

from holdfast.ledger.folder import CHECKPOINT, KEY

FINDINGS_MAX: Final = 100
"""How many findings a report holds; verification stops there."""
SHOWN_MAX: Final = 20
"""How many findings the text shows."""


class Finding(msgspec.Struct, frozen=True):
    """One thing that is not as it must be: where, what was expected, what was found.

    `entry` is the index of the first entry concerned, -1 when it is a file that is wrong and no entry.
    """

    code: str
    path: str
    expected: str
    found: str
    entry: int = -1

    @property
    def where(self) -> str:
        """Return the place in words: the entry and the file that holds it, or the file."""
        return f"entry {self.entry} in {self.path}" if self.entry >= 0 else self.path

    def __str__(self) -> str:
        return printable(f"{self.where}: expected {self.expected}, found {self.found} [{self.code}]")


class VerifyReport(msgspec.Struct, frozen=True, kw_only=True):
    """The result of `verify`: proven if there is no finding; notes are for the reader besides."""

    folder: str
    origin: str = ""
    size: int = -1
    root: str = ""
    key: str = ""
    key_given: bool = False
    entries_checked: int = 0
    files_checked: int = 0
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Tell whether everything was proven."""
        return not self.findings

    @property
    def exit_code(self) -> int:
        """Return what a command should exit with: 0 proven, 1 not."""
        return 0 if self.ok else 1

    @property
    def first(self) -> Finding | None:
        """Return what to look at first: key or checkpoint, else the lowest broken entry, else a file."""
        heads = [finding for finding in self.findings if finding.path in (CHECKPOINT, KEY)]
        entries = sorted((f for f in self.findings if f.entry >= 0), key=lambda finding: finding.entry)
        return next(iter([*heads, *entries, *self.findings]), None)

    def lines(self) -> list[str]:
        """Return the report as lines of text; the last one is the verdict."""
        trust = "given by the caller" if self.key_given else "taken on trust from the ledger's own folder"
        head = [f"ledger   {self.folder}"]
        if self.key:
            head.append(f"key      {self.key} ({trust})")
        if self.size >= 0:
            head += [f"origin   {self.origin}", f"entries  {self.size}", f"root     {self.root}"]
        head.append(f"checked  {self.entries_checked} entries, {self.files_checked} files")
        head += [f"note     {note}" for note in self.notes]
        head += [f"broken   {finding}" for finding in self.findings[:SHOWN_MAX]]
        if len(self.findings) > SHOWN_MAX:
            more = "or more" if len(self.findings) >= FINDINGS_MAX else "in all"
            head.append(f"broken   ... {len(self.findings)} {more}")
        first = self.first
        verdict = f"BROKEN: first at {first.where}" if first else f"PROVEN: {self.size} entries"
        return [printable(line) for line in [*head, verdict]]


def printable(text: str) -> str:
    """Return text that any terminal takes: control characters and undecodable bytes are escaped."""
    safe = text.encode("utf-8", "backslashreplace").decode()
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in safe
    )
