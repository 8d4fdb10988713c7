"""The one EAL of this process: it starts once, stops once, and leaves nothing behind.

States: new, running, dead. DPDK cannot be started twice in a process.
"""

from __future__ import annotations

import atexit
import errno
import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from enum import StrEnum
from typing import Any

from pydpdk import log
from pydpdk._core import lifetime
from pydpdk._core.lifetime import Undo
from pydpdk._core.signals import Deferred
from pydpdk._dpdk import lib
from pydpdk.choices import ProcType
from pydpdk.eal import devices, instance
from pydpdk.eal.instance import Eal as Eal, Observer as Observer, is_primary as is_primary
from pydpdk.eal.options import EalOptions
from pydpdk.eal.peers import Peers, settle, survey
from pydpdk.eal.resolve import Resolved, resolve
from pydpdk.eal.start import init_error, start
from pydpdk.eal.waits import Waits, wait_for_turn
from pydpdk.errors import ClosedError, InUseError, damage_error, damaged, make_error
from pydpdk.host import room, runtime
from pydpdk.host.devargs import parse
from pydpdk.host.primary import remove_traces
from pydpdk.host.registry import Registration

_logger = logging.getLogger("pydpdk")


class EalState(StrEnum):
    """The state of this process's EAL, which starts once and never again."""

    NEW = "new"
    RUNNING = "running"
    DEAD = "dead"


_current: Eal | None = None
_waits: list[Waits] = []


def state() -> EalState:
    """Return the state of the EAL of this process."""
    if _current is not None and not _current._dead:
        return EalState.RUNNING
    return EalState.DEAD if lib.pyd_eal_phase() else EalState.NEW


def current() -> Eal:
    """Return the running EAL; raise `ClosedError` if there is none."""
    if _current is None or _current._dead:
        if state() == EalState.NEW:
            raise ClosedError("no EAL is running: call pydpdk.init() first")
        raise ClosedError(_ended())
    return _current


def _ended() -> str:
    """Return why this process no longer has an EAL."""
    return "the EAL of this process failed to start" if _current is None else _current._why


def require_running() -> None:
    """Raise `ClosedError` unless the EAL runs."""
    current()


def running() -> lifetime.Locked:
    """Keep the EAL running for a block: `close` in another thread waits until the block ends.

    Raises
    ------
    ClosedError
        The EAL is not running.
    DpdkError
        EOWNERDEAD: a process died inside one of DPDK's locks, and what the lock guards is damaged.

    Notes
    -----
    Threads  holds the lock under which objects are created and closed
    """
    return lifetime.lock_and(_check_running)


def _check_running() -> None:
    current()
    if damaged():
        raise damage_error("rte_eal")


def require_primary(call: str) -> None:
    """Raise `SecondaryError` in a secondary, for calls that only the primary may make."""
    instance.require_primary(call, current())


def init(options: EalOptions | None = None, **overrides: Any) -> Eal:
    """Start DPDK in this process.

    Parameters
    ----------
    options
        Default: `EalOptions()`.
    **overrides
        Fields of `EalOptions`, e.g. `vdevs=("net_null0",)`.

    Raises
    ------
    ValueError
        Options that would not work; the EAL was not started and `init` may be called again.
    NotFoundError, NotSupportedError, BusyError
        As a secondary: there is no primary to attach to, or no matching one; `init` may be called
        again. Or another EAL of this host is starting, and is not up within a minute. Or another
        program's packet sockets are in the way of a net_af_packet device.
    EalInitError
        The EAL failed, or a requested device did not come up. With DPDK's log lines and what to
        do. This process cannot start another EAL.

    Notes
    -----
    Wraps    rte_eal_init (rte_eal.h)
    Threads  the calling thread becomes the main lcore; its CPU affinity is restored afterwards,
             `Eal.pinned` pins it for a polling loop
    """
    wanted = EalOptions(**{**vars(options or EalOptions()), **overrides})
    _require_new()
    resolved = resolve(wanted)
    if wanted.hugepages == "auto" and resolved.warning:
        _logger.warning("%s", resolved.warning)
    return begin(resolved)


def observe(file_prefix: str) -> Eal:
    """Attach to a running primary only to read its memory; users call `explorer.attach`.

    Notes
    -----
    Wraps  rte_eal_init (rte_eal.h), as a secondary process
    Owns   nothing: closing it frees what the start allocated, but nothing of the primary
    """
    options = EalOptions(file_prefix=file_prefix, proc_type=ProcType.SECONDARY, telemetry=False)
    return join(options, Observer)


def join(options: EalOptions, kind: type[Eal] = Eal, name: str | None = None) -> Eal:
    """Attach to a running primary; users call `process.attach`. As `begin`."""
    _require_new()
    return begin(resolve(options), kind, name)


def begin(resolved: Resolved, kind: type[Eal] = Eal, name: str | None = None) -> Eal:
    """Start DPDK with resolved options, as `init` does.

    Parameters
    ----------
    kind
        What to return.
    name
        The name that `processes` shows. Default: the script.
    """
    with lifetime.lock():
        _require_new()
        resolved, primary = survey(resolved)
        prefix, options = resolved.file_prefix, resolved.options
        for vdev in options.vdevs:
            devices.check_fanout("rte_eal_init", parse(vdev))
        wait_for_turn(prefix, mounts=resolved.hugepages and not options.in_memory)
        # a secondary that fails must not remove the files of its primary
        ours = options.proc_type == ProcType.PRIMARY or not runtime.runtime_dir(prefix).exists()
        made: list[Registration] = []
        with Undo(_undo, prefix, ours, made), Deferred():  # before the first file is created
            peers = settle(resolved, primary, name, made.append)
            log.redirect()
            return _start(kind, peers)


def _require_new() -> None:
    if state() != EalState.NEW:
        why = "the EAL runs" if state() == EalState.RUNNING else _ended()
        detail = f"DPDK starts once in a process, and {why}"
        raise make_error("rte_eal_init", errno.EALREADY, detail)


def _start(kind: type[Eal], peers: Peers) -> Eal:
    global _current
    options, prefix = peers.start.options, peers.start.file_prefix
    _waits[:] = [Waits(prefix, mounts=not options.in_memory)]
    _waits[0].start()
    main_cpus, lines = start(peers.start)
    _current = kind(main_cpus, peers)
    _current._waits = _waits[0]
    atexit.register(_at_exit)
    _reserve_room(prefix, peers)
    _current._join()
    _check_ports(options, lines)
    return _current


def _undo(prefix: str, ours: bool, made: Sequence[Registration]) -> None:
    """Clean up after a start that failed or that a signal handler's exception interrupted."""
    if _current is not None:
        _current._stop(unmap=True)
    lib.pyd_eal_cleanup()
    for waits in _waits:
        waits.stop()
    for registration in made:
        registration.give_back()
    if ours:
        runtime.clean_up(prefix)
    else:
        remove_traces(prefix, os.getpid())


def _reserve_room(prefix: str, peers: Peers) -> None:
    """Reserve disk space of DPDK's mapped tables, which are written to when memory grows."""
    if peers.shared:
        try:
            room.reserve(prefix)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise make_error("rte_eal_init", errno.ENOSPC, f"{error.strerror}") from None


def _check_ports(options: EalOptions, lines: Sequence[str]) -> None:
    """Raise `EalInitError` in a primary if a requested device did not come up."""
    if is_primary():
        missing = list(devices.missing_ports(map(parse, (*options.vdevs, *options.allow))))
        if missing:
            what = f"no port came up for {', '.join(missing)}: ENODEV"
            raise init_error(errno.ENODEV, what, lines)
        devices.check_log("rte_eal_init", ", ".join(options.vdevs), lines)


def _at_exit() -> None:
    """Stop the EAL if it still runs. Memory with views stays mapped until the process ends."""
    if _current is None or _current._dead:
        return
    eal = _current
    with Deferred(drop=True), suppress(InUseError):
        try:
            eal.close(force=damaged())
        finally:
            eal._stop(unmap=False)


def _in_child() -> None:
    if _current is not None and not _current._dead:
        _current._forget()


os.register_at_fork(after_in_child=_in_child)
