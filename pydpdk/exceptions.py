"""The exception hierarchy. It needs no libdpdk; `errors` maps DPDK's failures to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydpdk.host.finding import Finding


class DpdkError(OSError):
    """A DPDK call failed.

    Attributes
    ----------
    errno : int
        DPDK's, from `rte_errno` or the return value.
    call : str
        The C function.
    log : str
        DPDK's log of this thread during the call, if any.

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
    """No process is left to answer: the others died (ECONNRESET)."""


class TimedOutError(DpdkError, TimeoutError):
    """DPDK gave up waiting (ETIMEDOUT)."""


class EalInitError(DpdkError):
    """`rte_eal_init` failed, or a requested device did not come up.

    Attributes
    ----------
    lines : tuple of str
        Log of the EAL and its drivers during this attempt.
    hints : tuple of str
        Remedies.
    findings : tuple of Finding
        Findings of `pydpdk doctor` for this host and these options; the hints end with them.
    """

    lines: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


class ClosedError(RuntimeError):
    """An object was used after `close()`, or mbufs after they were sent, enqueued or freed."""


class InUseError(BufferError):
    """Closing would free memory that something still uses."""


class LeakWarning(RuntimeWarning):
    """An object was never closed, or closed by force while something used it.

    Not a `ResourceWarning`, which Python hides by default: DPDK loses such memory until its end.
    """


class HandlerError(RuntimeError):
    """A message handler of another process raised; the text says what."""


class VersionError(ImportError):
    """Compiled against one DPDK, running on another."""


class ConfigError(ValueError):
    """A config file has errors.

    Attributes
    ----------
    problems : tuple of str
        One line each: `file:line: key path: value, allowed: ...`.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))
