"""Verify: proves a ledger from its files alone, or names what is broken.

1. The signed root is the only thing believed; `audit` judges the tree against it.
2. Every byte counts: key, checkpoint, each tile, each bundle, also the partial ones that larger ones have
   replaced.
3. A ledger at rest has no other files: what is not part of the signed tree is a finding, a crashed writer's
   tail too.
4. Nothing that lies in the folder can make it fail other than by a finding.
"""

import base64
from pathlib import Path

from holdfast.error import CallerError, OutsideError
from holdfast.ledger.audit import Audit
from holdfast.ledger.checkpoint import Checkpoint, open_checkpoint
from holdfast.ledger.folder import CHECKPOINT, KEY, Found, LedgerFolder
from holdfast.ledger.note import NOTE_BYTES_MAX, VerifierKey, parse_key
from holdfast.ledger.record import RunEnded, RunStarted, decode
from holdfast.ledger.report import FINDINGS_MAX, Finding, VerifyReport
from holdfast.ledger.tiles import (
    BUNDLE_BYTES_MAX,
    ENTRIES,
    HASH_BYTES,
    Tile,
    parse_path,
    split_entries,
    width_of,
)
from holdfast.receipt import NodeStopped


def verify(folder: Path | str, verifier_key: str | None = None) -> VerifyReport:
    """Prove the ledger in `folder`, or say what is broken.

    `verifier_key` is the text that the ledger's owner published. Without it the key in the folder is taken on
    trust, which proves that nothing was changed by anybody without that key, not whose key it is; the report
    says so.
    Raises: CallerError `verify.key` when the key given is none; never for what the folder holds.
    Cost: about 4 us an entry; memory for one bundle and 32 bytes for each 256 entries.
    Limits: the ledger must be at rest; beside a writer at work, files newer than the checkpoint count as
    surplus.
    """
    run = _Run(LedgerFolder(Path(folder)), _given_key(verifier_key))
    run.check()
    checkpoint = run.checkpoint
    return VerifyReport(
        folder=str(folder),
        origin=checkpoint.origin if checkpoint else "",
        size=checkpoint.size if checkpoint else -1,
        root=base64.b64encode(checkpoint.root).decode() if checkpoint else "",
        key=str(run.key) if run.key else "",
        key_given=verifier_key is not None,
        entries_checked=run.entries_checked,
        files_checked=run.files_checked,
        findings=tuple(run.findings[:FINDINGS_MAX]),
        notes=tuple(run.notes),
    )


class _Run:
    """One verification under way."""

    def __init__(self, folder: LedgerFolder, key: VerifierKey | None) -> None:
        self.key = key
        self.checkpoint: Checkpoint | None = None
        self.findings: list[Finding] = []
        self.notes: list[str] = []
        self.entries_checked = 0
        self.files_checked = 0
        self._folder = folder

    def check(self) -> None:
        if not self._folder.root.is_dir():
            self._find("missing", ".", "a ledger's folder", "no folder")
            return
        self._check_key()
        self._check_checkpoint()
        if self.checkpoint is None:
            self.notes.append(
                "nothing else was checked: without a checkpoint to trust there is nothing to check it by"
            )
            return
        audit = Audit(self._folder, self.checkpoint.size, self.checkpoint.root)
        audit.run()
        self.findings += audit.findings
        self.entries_checked = audit.entries_checked
        self._check_run(audit.first_entry, audit.last_entry)
        for found in self._folder.files():
            if len(self.findings) >= FINDINGS_MAX:
                break
            self._check_file(found, self.checkpoint.size)

    def _check_key(self) -> None:
        """Take the key from the folder if none was given; its file must say that key and no more."""
        raw = self._folder.read(KEY, NOTE_BYTES_MAX)
        if raw is None:
            self._find("missing", KEY, "the key's file", "no plain file")
            return
        if self.key is None:
            try:
                self.key = parse_key(raw.decode(errors="replace").removesuffix("\n"))
            except OutsideError as error:
                self._find("key", KEY, "a verifier key", error.message)
                return
        if raw != f"{self.key}\n".encode():
            self._find("key", KEY, str(self.key), raw[:200].decode(errors="replace"))

    def _check_checkpoint(self) -> None:
        raw = self._folder.read(CHECKPOINT, NOTE_BYTES_MAX)
        if raw is None:
            self._find("missing", CHECKPOINT, "a signed checkpoint", "no plain file")
        elif self.key is not None:
            try:
                self.checkpoint, note = open_checkpoint(raw, self.key)
            except OutsideError as error:
                self._find(error.code, CHECKPOINT, f"a checkpoint signed by {self.key}", error.message)
                return
            if note.others:
                self.notes.append(
                    f"signatures on the checkpoint by keys not known here, passed over: {note.others}"
                )

    def _check_run(self, first: bytes, last: bytes) -> None:
        """Check that record 0 begins a run, and note what it says and whether the run ended."""
        if not first:
            if self.checkpoint and self.checkpoint.size == 0:
                self._find("record", CHECKPOINT, "record 0, RunStarted", "an empty ledger")
            return
        try:
            start, end = decode(first), decode(last)
        except OutsideError:
            return
        if not isinstance(start, RunStarted):
            path = Tile(ENTRIES, 0, width_of(ENTRIES, 0, self.checkpoint.size if self.checkpoint else 0)).path
            self._find("record", path, "record 0, RunStarted", type(start).__name__, 0)
            return
        versions = ", ".join(f"{name} {version}" for name, version in sorted(start.versions.items()))
        self.notes.append(f"record 0: {len(start.rules)} rules, {len(start.inputs)} inputs, {versions}")
        if isinstance(end, RunEnded):
            self.notes.append(f"the run ended in order, digest {end.digest}")
        elif isinstance(end, NodeStopped):
            self.notes.append(f"the guard ended in order: {end.node} in epoch {end.epoch}, {end.reason}")
        else:
            self.notes.append(
                "the run did not end in order, or goes on: the last record is neither RunEnded nor NodeStopped"
            )

    def _check_file(self, found: Found, size: int) -> None:
        """Check that a file belongs here, and that a partial one agrees with what has replaced it."""
        if found.path in (CHECKPOINT, KEY):
            self.files_checked += 1
            return
        tile = parse_path(found.path)
        if tile is None or not found.plain:
            self._find("surplus", found.path, "no such file", "one that is not part of a ledger")
            return
        self.files_checked += 1
        width = width_of(tile.level, tile.number, size)
        if tile.width > width:
            self._find(
                "surplus",
                found.path,
                f"nothing beyond entry {size - 1}",
                "a file that the checkpoint does not cover",
            )
        elif tile.width < width:
            self._check_replaced(tile, Tile(tile.level, tile.number, width))

    def _check_replaced(self, old: Tile, present: Tile) -> None:
        if any(finding.path == present.path for finding in self.findings):
            return
        data = self._folder.read(old.path, BUNDLE_BYTES_MAX) or b""
        begins = (self._folder.read(present.path, BUNDLE_BYTES_MAX) or b"").startswith(data)
        if old.level == ENTRIES:
            entries, used = split_entries(data)
            whole = len(entries) == old.width and used == len(data)
        else:
            whole = len(data) == old.width * HASH_BYTES
        if not (begins and whole):
            self._find("replaced", old.path, f"the beginning of {present.path}", "something else")

    def _find(self, code: str, path: str, expected: str, found: str, entry: int = -1) -> None:
        self.findings.append(Finding(code, path, expected, found, entry))


def _given_key(text: str | None) -> VerifierKey | None:
    if text is None:
        return None
    try:
        return parse_key(text.strip())
    except OutsideError as error:
        raise CallerError(
            "verify.key", f"the key given is not one: {error.message}", remedy=error.remedy
        ) from error
