"""Where compiled kernels are kept, so that an upgrade never runs stale machine code.

numba looks only at the file of the kernel itself: a kernel that calls or reads a constant from another file would
be served from the old cache after that other file changed. So the folder carries a hash of all that kernels see:

1. The hash covers every source of the package that uses numba, and what those import of the package, transitively.
2. A `NUMBA_CACHE_DIR` that is already set is respected.
3. The cache holds machine code that will be executed, so a folder that others may write to is never used.
4. When a new folder is made, those of other versions go: all but the last used ones, and what was idle for a week.
"""

import hashlib
import os
import re
import shutil
import stat
import tempfile
import time
from pathlib import Path
from typing import Final

PACKAGE: Final = Path(__file__).parent
IDLE_S_MAX: Final = 7 * 86_400
OTHERS_MAX: Final = 15
IMPORT: Final = re.compile(
    rb"^\s*(?:from\s+holdfast\.?([\w.]*)\s+import\s+(\([^)]*\)|[^#\n]*)|import\s+holdfast\.([\w.]+))", re.M
)


def use_own_folder() -> Path:
    """Point numba at the folder of this very source and return it; call it before a kernel is compiled.

    Cost: about 5 ms for 150 files.
    """
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    if chosen:
        return Path(chosen)
    name = f"numba-{source_hash()}"
    folder = _private_folder(_user_cache() / name) or _private_folder(_temporary() / name)
    if folder is None:
        folder = Path(tempfile.mkdtemp(prefix="holdfast-numba-"))
    os.environ["NUMBA_CACHE_DIR"] = str(folder)
    return folder


def source_hash(package: Path = PACKAGE) -> str:
    """Return 16 hex digits over the path and content of every source that a kernel can depend on."""
    sources = {path.relative_to(package).as_posix(): path.read_bytes() for path in package.rglob("*.py")}
    reached: set[str] = set()
    waiting = [name for name, source in sources.items() if b"numba" in source]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting.extend(_imported(sources[name], sources))
    digest = hashlib.blake2b(digest_size=8)
    for name in sorted(reached):
        digest.update(f"{name}\0{len(sources[name])}\0".encode())
        digest.update(sources[name])
    return digest.hexdigest()


def _imported(source: bytes, sources: dict[str, bytes]) -> list[str]:
    """Name the files of the package that a source imports; a name may be a module or something inside one."""
    found: list[str] = []
    for match in IMPORT.finditer(source):
        stem = (match[1] or match[3] or b"").decode().replace(".", "/")
        names = re.findall(r"\w+", (match[2] or b"").decode())
        stems = [stem, *(f"{stem}/{name}".lstrip("/") for name in names)]
        candidates = (f"{path}{end}".lstrip("/") for path in stems for end in (".py", "/__init__.py"))
        found.extend(candidate for candidate in candidates if candidate in sources)
    return found


def _user_cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "holdfast"


def _temporary() -> Path:
    return Path(tempfile.gettempdir()) / f"holdfast-{os.getuid() if hasattr(os, 'getuid') else 'cache'}"


def _private_folder(folder: Path) -> Path | None:
    """Make a folder that only we can write to; None where that cannot be had."""
    try:
        is_new = not folder.is_dir()
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        for part in (folder.parent, folder):
            if not _is_ours(part):
                return None
        if is_new:
            _prune(folder)
        else:
            os.utime(folder)
    except OSError:
        return None
    return folder


def _is_ours(folder: Path) -> bool:
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or not os.access(folder, os.W_OK):
        return False
    return not hasattr(os, "getuid") or (status.st_uid == os.getuid() and not status.st_mode & 0o022)


def _prune(kept: Path) -> None:
    used = {folder: folder.stat().st_mtime for folder in kept.parent.glob("numba-*") if folder != kept}
    newest = sorted(used, key=lambda folder: -used[folder])
    for number, folder in enumerate(newest):
        if number >= OTHERS_MAX or time.time() - used[folder] > IDLE_S_MAX:
            shutil.rmtree(folder, ignore_errors=True)
