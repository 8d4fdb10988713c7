"""Read a variable of another process, found by the symbols of its program and libraries."""

from __future__ import annotations

import mmap
import os
import struct
from pathlib import Path

from pydpdk.host import files, program

_EHDR = struct.Struct("<16sHHIQQQIHHHHHH")
_SHDR = struct.Struct("<IIQQQQIIQQ")
_SYM = struct.Struct("<IBBHQQ")
_DYNSYM, _ET_DYN = 11, 3


def read_variable(pid: int, name: str, library: str, size: int) -> bytes | None:
    """Return the bytes of a global variable of another process.

    Parameters
    ----------
    library
        The start of the file name of the shared object that defines it. The program itself is
        searched first, as it may have a copy of the variable (a copy relocation).

    Returns
    -------
    bytes or None
        None if it is not found, or may not be read.
    """
    try:
        return _read(pid, library, name, size)
    except (OSError, struct.error, ValueError):
        return None


def _read(pid: int, library: str, name: str, size: int) -> bytes | None:
    bases = _bases(pid)
    exe = str(Path(f"/proc/{pid}/exe").readlink())
    # no other files: closing a file that this process has locked would drop the lock
    named = (path for path in bases if Path(path).name.startswith(library))
    paths = [exe, *(path for path in named if ".so" in Path(path).name)]
    for path in paths:
        offset = _symbol(program.seen_by(pid, path), name, bases.get(path, 0))
        if offset is not None:
            with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
                return os.pread(memory.fileno(), size, offset)
    return None


def _bases(pid: int) -> dict[str, int]:
    """Return the address at which the start of each file is mapped."""
    found: dict[str, int] = {}
    for line in files.lines(f"/proc/{pid}/maps"):
        fields = line.split(maxsplit=5)
        if len(fields) == 6 and int(fields[2], 16) == 0:
            found.setdefault(fields[5], int(fields[0].partition("-")[0], 16))
    return found


def _symbol(path: Path, name: str, base: int) -> int | None:
    """Return the address of a symbol that a 64-bit little-endian ELF file defines."""
    with files.opened(path) as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as elf:
        ident, kind, *_, shoff, _, _, _, _, shentsize, shnum, _ = _EHDR.unpack_from(elf)
        if ident[:6] != b"\x7fELF\x02\x01":
            return None
        headers = [_SHDR.unpack_from(elf, shoff + i * shentsize) for i in range(shnum)]
        symbols = next((header for header in headers if header[1] == _DYNSYM), None)
        if symbols is None:
            return None
        value = _look(elf, symbols, headers[symbols[6]], name.encode() + b"\0")
        return None if value is None else value + (base if kind == _ET_DYN else 0)


def _look(
    elf: mmap.mmap, symbols: tuple[int, ...], strings: tuple[int, ...], name: bytes
) -> int | None:
    for at in range(symbols[4], symbols[4] + symbols[5], _SYM.size):
        text, _, _, section, value, _ = _SYM.unpack_from(elf, at)
        start = strings[4] + text
        if section and elf[start : start + len(name)] == name:
            return int(value)
    return None
