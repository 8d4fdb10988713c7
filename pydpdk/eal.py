"""The one EAL of this process: started once, stopped once, and nothing left behind.

States: new, running, dead. DPDK cannot be started twice in a process, so neither can we.
"""

from __future__ import annotations

import atexit
import errno
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, Literal

from pydpdk import _lifetime, eal_attach, eal_devices, eal_running, log
from pydpdk._signals import Deferred
from pydpdk.eal_checks import problems
from pydpdk.eal_neighbours import Neighbours, settle, survey
from pydpdk.eal_options import EalOptions, build_argv
from pydpdk.eal_running import Eal, Observer, is_primary
from pydpdk.eal_start import choose_hugepages, start
from pydpdk.errors import ClosedError, InUseError, damage_error, damaged, make_error
from pydpdk.host import runtime
from pydpdk.host.primary import remove_traces

__all__ = ["Eal", "Observer", "current", "init", "is_primary", "observe", "require_primary"]

State = Literal["new", "running", "dead"]

_state: State = "new"
_current: Eal | None = None


def state() -> State:
    """Return `new`, `running` or `dead`."""
    return "dead" if _current is not None and _current._dead else _state


def current() -> Eal:
    """Return the running EAL; raise `ClosedError` where there is none."""
    if _current is None or _current._dead:
        if _state == "new":
            raise ClosedError("no EAL is running: call pydpdk.init() first")
        raise ClosedError(_ended())
    return _current


def _ended() -> str:
    """Say why this process has no EAL any more."""
    return "the EAL of this process failed to start" if _current is None else _current.ended


def require_running() -> None:
    """Raise `ClosedError` unless the EAL runs."""
    current()


@contextmanager
def running() -> Iterator[None]:
    """Keep the EAL running for a block: `close` in another thread waits for its end.

    Raises
    ------
    ClosedError
        It does not run, or not any more.
    DpdkError
        EOWNERDEAD: a process died in one of DPDK's locks, and what it guards is damaged.

    Notes
    -----
    Threads  has the lock under which objects are made and closed
    """
    with _lifetime.lock():
        current()
        if damaged():
            raise damage_error("rte_eal")
        yield


def require_primary(call: str) -> None:
    """Raise `SecondaryError` in a secondary, for what only the primary may do."""
    eal_running.require_primary(call, current())


def init(options: EalOptions | None = None, **overrides: Any) -> Eal:
    """Start DPDK in this process.

    Parameters
    ----------
    options
        Defaults where omitted.
    **overrides
        Fields of `EalOptions`, e.g. `vdevs=("net_null0",)`.

    Raises
    ------
    ValueError
        Options that would not work; the EAL has not been touched and `init` may be called again.
    NotFoundError, NotSupportedError, BusyError
        As a secondary: there is no primary to attach to, or none that fits; the same holds.
    EalInitError
        The EAL failed, or a device that was asked for did not come up. With its own log lines
        and what to do. The process cannot start another.

    Notes
    -----
    Wraps    rte_eal_init (rte_eal.h)
    Threads  the calling thread becomes the main lcore; its CPU affinity is put back afterwards,
             `Eal.pinned` pins it for a polling loop
    """
    return _init(EalOptions(**{**vars(options or EalOptions()), **overrides}), Eal)


def observe(file_prefix: str) -> Eal:
    """Attach to a running primary only to read its memory; `explorer.attach` is the way in.

    Notes
    -----
    Wraps  rte_eal_init (rte_eal.h), as a secondary process
    Owns   nothing: closing it frees what the start took, and no port, pool or zone of the primary
    """
    options = EalOptions(file_prefix=file_prefix, proc_type="secondary", telemetry=False)
    return _init(options, Observer)


def _init(chosen: EalOptions, kind: type[Eal] = Eal, name: str | None = None) -> Eal:
    global _state, _current
    with _lifetime.lock():
        if state() != "new":
            why = "the EAL runs" if state() == "running" else _ended()
            detail = f"DPDK starts once in a process, and {why}"
            raise make_error("rte_eal_init", errno.EALREADY, detail)
        found = list(problems(chosen))
        if found:
            raise ValueError("\n".join(map(str, found)))
        prefix = chosen.file_prefix or f"pydpdk-{os.getpid()}-{secrets.token_hex(3)}"
        chosen = eal_attach.resolve(chosen, prefix)
        chosen = replace(chosen, vdevs=tuple(map(eal_devices.spell, chosen.vdevs)))
        hugepages = choose_hugepages(chosen)
        chosen, primary = survey(chosen, prefix, hugepages=hugepages)
        try:
            with Deferred():  # from the first file on
                neighbours = settle(chosen, prefix, primary, hugepages=hugepages, name=name)
                argv = build_argv(neighbours.options, hugepages=hugepages, file_prefix=prefix)
                log.redirect()
                _state = "dead"
                _current = _start(argv, prefix, kind, neighbours)
                _state = "running"
                atexit.register(_at_exit)
        except BaseException:  # Ctrl-C came meanwhile: nobody gets this EAL
            if _current is not None:
                _current._stop(unmap=True)
            raise
        return _current


def _start(argv: Sequence[str], prefix: str, kind: type[Eal], neighbours: Neighbours) -> Eal:
    options = neighbours.options
    existed = runtime.runtime_dir(prefix).exists()  # a secondary that fails leaves its primary's
    try:
        main_cpus, lines = start(argv, options)
    except BaseException:
        neighbours.leave()
        if options.proc_type == "primary" or not existed:
            runtime.sweep(prefix)
        else:
            remove_traces(prefix, os.getpid())
        raise
    eal = kind(options, argv, prefix, main_cpus, neighbours)
    try:
        eal._join()
        _check_ports(options, lines)
    except BaseException:
        eal._stop(unmap=True)
        raise
    return eal


def _check_ports(options: EalOptions, lines: Sequence[str]) -> None:
    """Raise `EalInitError` in a primary where a device that was asked for did not come up."""
    if is_primary():
        missing = list(eal_devices.missing_ports([*options.vdevs, *options.allow]))
        if missing:
            raise eal_devices.missing_error(missing, lines)


def _at_exit() -> None:
    """Stop what still runs. Memory that a view can see stays mapped to the end."""
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
