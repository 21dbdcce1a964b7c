"""The drill's small disk: full for the guard and for nobody else, with and without the right to mount one."""

import subprocess
import sys
from pathlib import Path

import pytest

from holdfast.lab.drill.small_disk import SmallDisk

WRITER = """
import sys
for line in sys.stdin:
    try:
        with open(sys.argv[1], "ab", buffering=0) as file:
            file.write(bytes(4096))
        print("written", flush=True)
    except OSError as error:
        print(error.errno, flush=True)
"""


@pytest.mark.parametrize("may_mount", [True, False])
def test_a_full_disk_refuses_what_is_written_until_it_has_room_again(tmp_path: Path, may_mount: bool) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    disk = SmallDisk(folder, may_mount=may_mount)
    command = [sys.executable, "-c", WRITER, str(folder / "file")]
    writer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def written() -> bool:
        assert writer.stdin is not None
        assert writer.stdout is not None
        writer.stdin.write("again\n")
        writer.stdin.flush()
        return writer.stdout.readline() == "written\n"

    try:
        assert written()
        disk.fill(writer.pid, None)
        assert not written()
        (tmp_path / "elsewhere").write_bytes(bytes(4096))
        disk.empty()
        assert written()
    finally:
        writer.kill()
        writer.communicate()
        disk.close()
    assert list(folder.iterdir()) == ([] if disk.is_mounted else [folder / "file"])
