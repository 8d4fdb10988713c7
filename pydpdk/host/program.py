"""A running DPDK program as seen from outside: its arguments, libraries and hugepages."""

from __future__ import annotations

import filecmp
import os
import re
import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydpdk.host import files, runtime
from pydpdk.host.trust import read_regular

_LIBRARY = re.compile(r"librte_(\w+)\.so\S*")
_VALUES = {
    "-l": "lcores", "--lcores": "lcores", "-c": "coremask", "--main-lcore": "main_lcore",
    "-a": "allow", "--allow": "allow", "-b": "block", "--block": "block", "--vdev": "vdevs",
    "--iova-mode": "iova_mode",
}  # fmt: skip
_ETHDEV_DATA = b"rte_eth_dev_data\0"  # the memzone that the first port creates
_MAGIC = 19820526  # RTE_MAGIC: rte_eal_init of the primary has finished


@dataclass(frozen=True)
class Arguments:
    """The EAL arguments of a program, each option as often as it was given."""

    lcores: tuple[str, ...] = ()
    coremask: tuple[str, ...] = ()
    main_lcore: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    block: tuple[str, ...] = ()
    vdevs: tuple[str, ...] = ()
    iova_mode: tuple[str, ...] = ()


@dataclass(frozen=True)
class Library:
    """A file that a process has mapped, usually a shared object of DPDK."""

    path: str
    device: str
    inode: int


def arguments(pid: int) -> Arguments | None:
    """Return the EAL arguments on the command line of a process; None if it cannot be read."""
    argv = files.text(f"/proc/{pid}/cmdline")
    return None if argv is None else parse_arguments(argv.split("\0")[1:-1])


def parse_arguments(argv: Sequence[str]) -> Arguments:
    """Parse the EAL options before `--`."""
    found: dict[str, list[str]] = {name: [] for name in _VALUES.values()}
    options = iter(argv[: argv.index("--")] if "--" in argv else argv)
    for option in options:
        name, equals, value = option.partition("=")
        if name.startswith("--") and name in _VALUES:
            found[_VALUES[name]].append(value if equals else next(options, ""))
        elif option[:2] in _VALUES and not option.startswith("--"):
            found[_VALUES[option[:2]]].append(option[2:] or next(options, ""))
    return Arguments(**{name: tuple(values) for name, values in found.items()})


def libraries(pid: int | str) -> dict[str, Library] | None:
    """Return the DPDK libraries that a process has mapped, by name; None without permission.

    Names are `eal` for `librte_eal.so.23`, `mempool_ring` for that driver.
    """
    mapped = files.text(f"/proc/{pid}/maps")
    if mapped is None:
        return None
    found = {}
    for line in _mapped(mapped):
        match = _LIBRARY.match(Path(line.path).name)
        if match:
            found[match[1]] = line
    return found


def _mapped(maps: str) -> Iterator[Library]:
    """Yield the files that a process has mapped, of the text of its `/proc/PID/maps`."""
    for line in maps.splitlines():
        fields = line.split(maxsplit=5)
        if len(fields) == 6:
            yield Library(fields[5], fields[3], int(fields[4]))


def _is_at(mapped: Library) -> bool:
    with suppress(OSError):
        there = Path(mapped.path).stat()
        device = f"{os.major(there.st_dev):02x}:{os.minor(there.st_dev):02x}"
        return (device, there.st_ino) == (mapped.device, mapped.inode)
    return False


def plugins(directory: str) -> set[str]:
    """Return the names of the drivers in a plugin directory of the EAL."""
    names = (_LIBRARY.fullmatch(entry.name) for entry in files.entries(Path(directory)))
    return {match[1] for match in names if match}


def maps_other_hugepages(pid: int, prefix: str) -> bool:
    """Whether a process has hugepage files of a prefix, and none is at its path here.

    That is so if it runs in a container and its hugetlbfs is not mounted here. A single missing
    file proves nothing, as memory may be shrinking. False without permission to see its files.
    """
    name = re.compile(re.escape(prefix) + r"map_[0-9]+(_[0-9]+)?")
    mapped = _mapped(files.text(f"/proc/{pid}/maps") or "")
    found = [line for line in mapped if name.fullmatch(Path(line.path).name)]
    return bool(found) and not any(map(_is_at, found))


def same_file(pid: int, its: Library, mine: Library) -> bool:
    """Whether two libraries are the same, even in the images of two containers.

    Inodes differ between containers, so the bytes are compared. A library that was replaced while
    the process ran is not found under its path.
    """
    if (its.device, its.inode) == (mine.device, mine.inode):
        return True
    with suppress(OSError):
        return filecmp.cmp(seen_by(pid, its.path), mine.path, shallow=False)
    return False


def seen_by(pid: int, path: str) -> Path:
    """Return the path here of a file that a process, maybe in a container, has at a path."""
    return Path(f"/proc/{pid}/root{path}")


def config_version(prefix: str) -> tuple[bool, int]:
    """Return whether the primary's EAL is up, and its `RTE_VERSION`."""
    path = runtime.runtime_dir(prefix) / "config"
    mine = runtime.fd_here(path)
    try:
        head = read_regular(path, 8) if mine is None else os.pread(mine, 8, 0)
        magic, version = struct.unpack("=II", head)
    except (OSError, struct.error):
        return False, 0
    return magic == _MAGIC, version


def version_text(number: int) -> str:
    """Write an `RTE_VERSION` as text: 22.11.11."""
    return f"{number >> 24}.{number >> 16 & 255:02}.{number >> 8 & 255}"


def has_ports(prefix: str) -> bool:
    """Whether a process of this prefix has created a port: its shared data exists."""
    with suppress(OSError):
        return _ETHDEV_DATA in read_regular(runtime.runtime_dir(prefix) / "fbarray_memzone")
    return False
