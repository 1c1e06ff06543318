"""Disks that can be filled, and that break: a tmpfs, and a file system in a file."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

SMALL = "6m"
BLOCK = 4096


class Disk:
    """A file system of its own at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ballast = path / "ballast"

    @property
    def data(self) -> Path:
        """For Parley: the root itself has a lost+found."""
        return self.path / "data"

    def fill(self, but: int = 0) -> None:
        """To the last byte, or to the last `but` bytes."""
        with self.ballast.open("ab", buffering=0) as file:
            with contextlib.suppress(OSError):
                while file.write(bytes(BLOCK)):
                    pass
            file.truncate(file.tell() - but)

    def empty(self) -> None:
        self.ballast.unlink()


@contextlib.contextmanager
def small(folder: Path) -> Iterator[Disk]:
    """A disk of a few MiB; skips the test where nothing may be mounted."""
    with _mounted(folder / "small", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs") as disk:
        yield disk


@contextlib.contextmanager
def breaking(folder: Path) -> Iterator[Disk]:
    """A disk that turns read-only at its first error, as Linux sets them up; see `break_`, `repair`."""
    image = folder / "disk.img"
    with image.open("wb") as file:
        file.truncate(32 * 2**20)
    subprocess.run(["mkfs.ext4", "-qF", str(image)], check=True)
    with _mounted(folder / "breaking", "-o", "loop,errors=remount-ro", str(image)) as disk:
        yield disk


def break_(disk: Disk) -> None:
    """Whatever is open: what the kernel does when a sector cannot be written."""
    subprocess.run(["mount", "-o", "remount,abort", str(disk.path)], check=True)


def write_protect(disk: Disk, on: bool) -> None:
    """As an administrator does; the kernel refuses while files are open for writing."""
    subprocess.run(["mount", "-o", f"remount,{'ro' if on else 'rw'}", str(disk.path)], check=True)


def repair(disk: Disk) -> None:
    """Which takes a fresh mount, so nobody may use it meanwhile."""
    image = disk.path.parent / "disk.img"
    subprocess.run(["umount", str(disk.path)], check=True)
    subprocess.run(["e2fsck", "-p", str(image)], capture_output=True)
    subprocess.run(["mount", "-o", "loop,errors=remount-ro", str(image), str(disk.path)], check=True)


@contextlib.contextmanager
def _mounted(path: Path, *arguments: str) -> Iterator[Disk]:
    path.mkdir()
    done = subprocess.run(["mount", *arguments, str(path)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    try:
        yield Disk(path)
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)
