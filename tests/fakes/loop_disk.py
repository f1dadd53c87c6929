"""A small disk of our own, which can fill up, turn read-only and be counted at."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

DISK_BYTES = 24 * 1024 * 1024


@dataclass(frozen=True)
class Disk:
    """A mounted ext4 of 24 MiB."""

    folder: Path
    device: str

    def remount(self, mode: str) -> None:
        run("mount", "-o", f"remount,{mode}", str(self.folder))

    def fill_up(self) -> Path:
        """Writes a file until nothing fits any more."""
        ballast = self.folder / "ballast"
        with ballast.open("wb", buffering=0) as file:
            for size in (1 << 20, 4096):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:
                    continue
        return ballast

    def break_down(self) -> None:
        """Has the kernel find an error: it lets nobody write any more, whatever is open.

        Raises:
            OSError: this kernel cannot be made to.
        """
        self.remount("errors=remount-ro")
        name = Path(self.device).name
        Path(f"/sys/fs/ext4/{name}/trigger_fs_error").write_text("1")

    def mend(self) -> None:
        """What a person does with a broken card: checks it and mounts it again."""
        run("umount", "-l", str(self.folder))
        subprocess.run(["e2fsck", "-f", "-y", self.device], capture_output=True, check=False)
        run("mount", self.device, str(self.folder))

    def written_bytes(self) -> int:
        """Bytes that reached the device."""
        stat = Path(f"/sys/block/{Path(self.device).name}/stat").read_text().split()
        return int(stat[6]) * 512

    def flushes(self) -> int:
        """Flushes that the device was asked for."""
        stat = Path(f"/sys/block/{Path(self.device).name}/stat").read_text().split()
        return int(stat[15])


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(done.returncode, f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout.strip()


@contextmanager
def loop_disk(place: Path) -> Iterator[Disk]:
    """Mounts one in a folder; skips the test where that is not allowed."""
    if os.geteuid() != 0 or not (shutil.which("losetup") and shutil.which("mkfs.ext4")):
        pytest.skip("a loop device needs root, losetup and mkfs.ext4")
    image, folder = place / "disk.img", place / "disk"
    folder.mkdir()
    with image.open("wb") as file:
        file.truncate(DISK_BYTES)
    try:
        run("mkfs.ext4", "-q", "-F", "-m", "0", str(image))
        device = run("losetup", "--find", "--show", str(image))
    except OSError as err:
        pytest.skip(f"no loop device here: {err}")
    try:
        run("mount", device, str(folder))
    except OSError as err:
        run("losetup", "-d", device)
        pytest.skip(f"no mount here: {err}")
    try:
        yield Disk(folder, device)
    finally:
        run("umount", "-l", str(folder))
        run("losetup", "-d", device)
