"""The exceptions of pydpdk (`exceptions`), and one checker for each error convention of DPDK.

DPDK has four: a negative errno, -1 with `rte_errno`, NULL with `rte_errno`, and a count. The
first three are `call_errno`, `call_rte_errno` and `call_pointer`; a short count is data.
Each takes the C function itself, so that the message always names the right one.
"""

from __future__ import annotations

import errno as _errno
import os
from collections.abc import Callable
from typing import Any

from pydpdk import version
from pydpdk._dpdk import ffi, lib
from pydpdk.exceptions import (
    BusyError as BusyError,
    ClosedError as ClosedError,
    ConfigError as ConfigError,
    DpdkError as DpdkError,
    EalInitError as EalInitError,
    HandlerError as HandlerError,
    InUseError as InUseError,
    LeakWarning as LeakWarning,
    NameTakenError as NameTakenError,
    NoRoomError as NoRoomError,
    NotFoundError as NotFoundError,
    NotSupportedError as NotSupportedError,
    PeerDiedError as PeerDiedError,
    SecondaryError as SecondaryError,
    TimedOutError as TimedOutError,
    VersionError as VersionError,
)

version.check()  # all of the binding imports this module, so nothing runs on another DPDK


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
    _errno.ETIMEDOUT: TimedOutError,
    lib.E_RTE_SECONDARY: SecondaryError,
}


def make_error(call: str, number: int, detail: str = "", log: str = "") -> DpdkError:
    """Build the error for an errno, as `call: detail: ENOMEM: text [DPDK: log]`."""
    # some calls of DPDK fail and set no errno: "Success" would be wrong
    name = _errno.errorcode.get(number, str(number)) if number else "no errno given"
    text = ffi.string(lib.rte_strerror(number)).decode() if number else "it failed"
    parts = [call, detail, f"{name}: {text}"]
    message = ": ".join(part for part in parts if part)
    if log:
        message += f" [DPDK: {log}]"
    error = _CLASSES.get(number, DpdkError)(number, message)
    error.call, error.log = call, log
    return error


def damaged() -> bool:
    """Return whether a process died with a DPDK lock held, over memory that recovery cannot fix."""
    return bool(lib.pyd_damaged() != ffi.NULL)


def damage_error(call: str) -> DpdkError:
    """Build the error for a call that would wait forever for the lock of a dead process."""
    damage = lib.pyd_damaged()
    what = ffi.string(damage).decode(errors="replace") if damage else "a lock of DPDK"
    return make_error(
        call,
        _errno.EOWNERDEAD,
        f"a process died in {what}, which recovery cannot fix: end all processes of this prefix",
    )


_LOCKING = (
    "rte_eal_hotplug_", "rte_eth_dev_close", "rte_eth_dev_configure", "rte_eth_dev_start",
    "rte_eth_rx_queue_setup", "rte_eth_tx_queue_setup", "rte_extmem_", "rte_malloc_",
    "rte_mbuf_dyn", "rte_mempool_", "rte_memzone_", "rte_pdump_", "rte_pktmbuf_pool_",
    "rte_ring_", "pyd_events_", "pyd_fib_open", "pyd_hash_open", "pyd_memseg_at",
)  # fmt: skip


def _begin(call: str) -> None:
    lib.pyd_log_forget()
    if damaged() and call.startswith(_LOCKING):
        raise damage_error(call)


def _failure(call: str, number: int, detail: str) -> DpdkError:
    return damage_error(call) if damaged() else make_error(call, number, detail, last_log())


def call_errno(
    function: Callable[..., int], *arguments: Any, detail: str = "", call: str = ""
) -> int:
    """Call a C function that returns a negative errno on failure; return its result otherwise.

    `call` names the DPDK function that it wraps, where its own name means nothing to the user.
    """
    call = call or function.__name__
    _begin(call)
    result = function(*arguments)
    if result < 0:
        raise _failure(call, -result, detail)
    return result


def call_rte_errno(
    function: Callable[..., int], *arguments: Any, detail: str = "", call: str = ""
) -> int:
    """Call a C function that fails with -1 and `rte_errno`; `call` as for `call_errno`."""
    call = call or function.__name__
    _begin(call)
    result = function(*arguments)
    if result < 0:
        raise _failure(call, lib.pyd_rte_errno(), detail)
    return result


def call_pointer(function: Callable[..., Any], *arguments: Any, detail: str = "") -> Any:
    """Call a C function that fails with NULL and `rte_errno`; return its pointer."""
    _begin(function.__name__)
    result = function(*arguments)
    if result == ffi.NULL:
        raise _failure(function.__name__, lib.pyd_rte_errno(), detail)
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
        raise TypeError(f"{name} must be an integer, {low}..{high}{unit} (got {value!r})")
    number = value.__index__()
    if not low <= number <= high:
        raise ValueError(f"{name} must be {low}..{high}{unit} (got {number})")
    return number


def check_name(kind: str, name: str, max_length: int) -> bytes:
    """Return a DPDK object's name as bytes.

    Raises
    ------
    TypeError, ValueError
        Not text, empty, too long, or with characters that DPDK's files and tools break on.
    """
    if not isinstance(name, str):
        raise TypeError(
            f"{kind} name must be a string of 1..{max_length} characters (got {name!r})"
        )
    plain = name.isascii() and name.isprintable() and not set(name) & set("%/ ")
    if not plain or not 1 <= len(name) <= max_length:
        raise ValueError(
            f"{kind} name must be 1..{max_length} printable ASCII characters"
            f" other than space, % and / (got {name!r})"
        )
    return os.fsencode(name)
