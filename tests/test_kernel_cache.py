"""Compiled kernels belong to the source they were compiled from."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from holdfast import kernel_cache

KERNEL = "from numba import njit\nfrom holdfast.shelf import (\n    prices,\n)\n\n@njit\ndef k(): pass\n"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Lay out a package with a kernel, what it imports in two steps, and a file that no kernel sees."""
    root = tmp_path / "package"
    (root / "shelf").mkdir(parents=True)
    (root / "kernel.py").write_text(KERNEL)
    (root / "shelf" / "__init__.py").write_text("")
    (root / "shelf" / "prices.py").write_text("from holdfast import scale\n")
    (root / "scale.py").write_text("STEP = 1\n")
    (root / "page.py").write_text("TITLE = 'report'\n")
    return root


@pytest.mark.parametrize("name", ["kernel.py", "shelf/prices.py", "shelf/__init__.py", "scale.py"])
def test_a_change_that_a_kernel_can_see_changes_the_hash(package: Path, name: str) -> None:
    before = kernel_cache.source_hash(package)
    (package / name).write_text((package / name).read_text() + "# changed\n")
    assert kernel_cache.source_hash(package) != before


def test_a_change_that_no_kernel_can_see_keeps_the_hash(package: Path) -> None:
    before = kernel_cache.source_hash(package)
    (package / "page.py").write_text("TITLE = 'other'\n")
    assert kernel_cache.source_hash(package) == before


def test_every_file_with_a_kernel_is_reached_in_our_own_package(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = kernel_cache.source_hash()
    original = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda self: original(self) + b"#" * (self.name == "tape.py"))
    assert kernel_cache.source_hash() != seen, "kernels read the row kinds from tape.py"


def _folder_of(tmp_path: Path, **variables: str) -> Path:
    environment = {name: text for name, text in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    environment |= {"XDG_CACHE_HOME": str(tmp_path / "cache"), "TMPDIR": str(tmp_path / "tmp"), **variables}
    (tmp_path / "tmp").mkdir(exist_ok=True)
    program = "import holdfast, os; print(os.environ['NUMBA_CACHE_DIR'])"
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    return Path(done.stdout.strip())


def test_the_folder_is_private_and_in_the_users_cache(tmp_path: Path) -> None:
    folder = _folder_of(tmp_path)
    assert folder.parent == tmp_path / "cache" / "holdfast"
    assert folder.stat().st_mode & 0o077 == 0


def test_a_folder_that_others_may_write_to_is_refused(tmp_path: Path) -> None:
    folder = _folder_of(tmp_path)
    folder.chmod(0o777)
    assert _folder_of(tmp_path).parent.parent == tmp_path / "tmp"


def test_a_link_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    folder = _folder_of(tmp_path)
    folder.rmdir()
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    folder.symlink_to(tmp_path / "elsewhere")
    assert _folder_of(tmp_path).parent.parent == tmp_path / "tmp"


def test_a_cache_that_cannot_be_made_falls_back_to_a_temporary_folder(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert _folder_of(tmp_path).parent.parent == tmp_path / "tmp"


def test_a_folder_that_is_already_chosen_is_respected(tmp_path: Path) -> None:
    assert _folder_of(tmp_path, NUMBA_CACHE_DIR=str(tmp_path / "mine")) == tmp_path / "mine"
    assert not (tmp_path / "cache").exists()


def test_folders_that_nobody_used_for_a_week_go_when_a_new_one_comes(tmp_path: Path) -> None:
    old, recent = (tmp_path / "cache" / "holdfast" / f"numba-{name}" for name in ("old", "recent"))
    for folder in (old, recent):
        folder.mkdir(parents=True)
        folder.parent.chmod(0o700)
    os.utime(old, (1, 1))
    _folder_of(tmp_path)
    assert recent.is_dir()
    assert not old.exists()


def test_only_the_folders_used_last_are_kept(tmp_path: Path) -> None:
    shelf = tmp_path / "cache" / "holdfast"
    shelf.mkdir(mode=0o700, parents=True)
    for age in range(kernel_cache.OTHERS_MAX + 5):
        (shelf / f"numba-{age}").mkdir()
        os.utime(shelf / f"numba-{age}", (time.time() - age - 1,) * 2)
    folder = _folder_of(tmp_path)
    kept = {path.name for path in shelf.iterdir()}
    assert kept == {folder.name, *(f"numba-{age}" for age in range(kernel_cache.OTHERS_MAX))}
