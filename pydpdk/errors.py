"""The errors of this project, and one checker for each of DPDK's conventions of failing.

DPDK has four: a negative errno, -1 with `rte_errno`, NULL with `rte_errno`, and a count. The
first three are `call_errno`, `call_rte_errno` and `call_pointer`; a short count is data.
Each takes the C function itself, so its name in a message cannot be another's.
"""

from __future__ import annotations

import errno as _errno
import os
from collections.abc import Callable, Sequence
from typing import Any

from pydpdk._dpdk import ffi, lib


class DpdkError(OSError):
    """A DPDK call failed.

    Attributes
    ----------
    errno : int
        DPDK's, from `rte_errno` or the return value.
    call : str
        The C function.
    log : str
        What DPDK logged in this thread during the call, if anything.

    Notes
    -----
    Wraps  rte_strerror (rte_errno.h)
    """

    call: str = ""
    log: str = ""


class NoRoomError(DpdkError, MemoryError):
    """No memory, buffers or slots left (ENOMEM, ENOBUFS, ENOSPC)."""


class NotFoundError(DpdkError, LookupError):
    """Nothing of that name or number (ENOENT, ENODEV)."""


class NameTakenError(DpdkError, FileExistsError):
    """The name is in use (EEXIST)."""


class NotSupportedError(DpdkError):
    """The driver or the DPDK here cannot do it (ENOTSUP)."""


class BusyError(DpdkError):
    """In use right now, by another thread or by the device (EBUSY)."""


class SecondaryError(DpdkError):
    """Only the primary process may do this (E_RTE_SECONDARY)."""


class PeerDiedError(DpdkError, ConnectionError):
    """Nobody is left who could answer: the other processes died (ECONNRESET)."""


class EalInitError(DpdkError):
    """`rte_eal_init` failed, or a requested device did not come up.

    Attributes
    ----------
    lines : tuple of str
        What the EAL and its drivers logged during this attempt.
    hints : tuple of str
        What to do about it.
    """

    lines: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()


class ClosedError(RuntimeError):
    """Used after `close()`, or mbufs that were given away."""


class InUseError(BufferError):
    """Closing would free memory that something still uses."""


class HandlerError(RuntimeError):
    """A message handler of another process raised; the message says what."""


class VersionError(ImportError):
    """Compiled against one DPDK, running on another."""


class ConfigError(ValueError):
    """A file says what cannot be done.

    Attributes
    ----------
    problems : tuple of str
        One line each: `file:line: key path: value, allowed: ...`.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


_CLASSES: dict[int, type[DpdkError]] = {
    _errno.ENOMEM: NoRoomError,
    _errno.ENOBUFS: NoRoomError,
    _errno.ENOSPC: NoRoomError,
    _errno.ENOENT: NotFoundError,
    _errno.ENODEV: NotFoundError,
    _errno.EEXIST: NameTakenError,
    _errno.ENOTSUP: NotSupportedError,
    _errno.EBUSY: BusyError,
    _errno.ECONNRESET: PeerDiedError,
    lib.E_RTE_SECONDARY: SecondaryError,
}


def make_error(call: str, number: int, detail: str = "", log: str = "") -> DpdkError:
    """Build the error for an errno, as `call: detail: ENOMEM: text [DPDK: log]`."""
    # a failed call that leaves 0 behind is DPDK's slip; "Success" would be a lie
    name = _errno.errorcode.get(number, str(number)) if number else "no errno given"
    text = ffi.string(lib.rte_strerror(number)).decode() if number else "it failed"
    parts = [call, detail, f"{name}: {text}"]
    message = ": ".join(part for part in parts if part)
    if log:
        message += f" [DPDK: {log}]"
    error = _CLASSES.get(number, DpdkError)(number, message)
    error.call, error.log = call, log
    return error


def call_errno(function: Callable[..., int], *arguments: Any, detail: str = "") -> int:
    """Call a C function that returns a negative errno; return its result if it is not one."""
    lib.pyd_log_forget()
    result = function(*arguments)
    if result < 0:
        raise make_error(function.__name__, -result, detail, last_log())
    return result


def call_rte_errno(function: Callable[..., int], *arguments: Any, detail: str = "") -> int:
    """Call a C function that returns -1 and sets `rte_errno`."""
    lib.pyd_log_forget()
    result = function(*arguments)
    if result < 0:
        number = lib.pyd_rte_errno()
        raise make_error(function.__name__, number, detail, last_log())
    return result


def call_pointer(function: Callable[..., Any], *arguments: Any, detail: str = "") -> Any:
    """Call a C function that returns NULL and sets `rte_errno`."""
    lib.pyd_log_forget()
    result = function(*arguments)
    if result == ffi.NULL:
        number = lib.pyd_rte_errno()
        raise make_error(function.__name__, number, detail, last_log())
    return result


def last_log() -> str:
    """Return what DPDK logged in this thread since the call began, on one line."""
    text = ffi.string(lib.pyd_log_mine()).decode(errors="replace")
    return "; ".join(line.strip() for line in text.splitlines() if line.strip())


def check_range(name: str, value: int, low: int, high: int, unit: str = "") -> int:
    """Return `value` if it is an integer from `low` to `high`.

    Raises
    ------
    TypeError, ValueError
        The message says what is allowed.
    """
    if isinstance(value, bool) or not hasattr(type(value), "__index__"):
        raise TypeError(f"{name}={value!r}: an integer from {low} to {high}{unit}")
    number = value.__index__()
    if not low <= number <= high:
        raise ValueError(f"{name}={number}: {low} to {high}{unit} is allowed")
    return number


def check_name(kind: str, name: str, max_length: int) -> bytes:
    """Return a DPDK object's name as bytes.

    Raises
    ------
    TypeError, ValueError
        Not text, empty, too long, or with characters that DPDK's files and tools break on.
    """
    if not isinstance(name, str):
        raise TypeError(f"{kind} name {name!r}: a string of 1 to {max_length} characters")
    plain = name.isascii() and name.isprintable() and not set(name) & set("%/ ")
    if not plain or not 1 <= len(name) <= max_length:
        raise ValueError(
            f"{kind} name {name!r}: 1 to {max_length} printable ASCII characters"
            " other than space, % and /"
        )
    return os.fsencode(name)
