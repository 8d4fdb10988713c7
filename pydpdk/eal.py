"""The one EAL of this process: started once, stopped once, and nothing left behind.

States: new, running, dead. DPDK cannot be started twice in a process, so neither can we.
"""

from __future__ import annotations

import atexit
import errno
import os
import secrets
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from pydpdk import _lifetime, eal_devices, log, version
from pydpdk._dpdk import ffi, lib
from pydpdk._lifetime import Closing
from pydpdk.eal_checks import problems
from pydpdk.eal_options import EalOptions, build_argv
from pydpdk.eal_start import choose_hugepages, start
from pydpdk.errors import (
    ClosedError,
    DpdkError,
    EalInitError,
    InUseError,
    call_errno,
    make_error,
)
from pydpdk.host import runtime
from pydpdk.host.primary import remove_traces

State = Literal["new", "running", "dead"]

_state: State = "new"
_current: Eal | None = None


class Eal(Closing):
    """The running EAL; `init` makes it.

    Attributes
    ----------
    options : EalOptions
        What was asked for.
    argv : tuple of str
        What `rte_eal_init` was given.
    file_prefix : str
        The name that processes sharing this memory have in common.
    hugepages : bool
        Whether memory is on hugepages.
    main_cpus : frozenset of int
        Where the main lcore runs; see `pinned`.

    Notes
    -----
    Wraps  rte_eal_has_hugepages (rte_eal.h) in `hugepages`, rte_eal_process_type (rte_eal.h) in
           `proc_type`, rte_eal_iova_mode (rte_eal.h) in `iova_mode`, rte_eal_get_runtime_dir
           (rte_eal.h) in `runtime_dir`
    """

    def __init__(
        self,
        options: EalOptions,
        argv: Sequence[str],
        file_prefix: str,
        main_cpus: frozenset[int],
    ) -> None:
        self.options = options
        self.argv = tuple(argv)
        self.file_prefix = file_prefix
        self.main_cpus = main_cpus
        self.hugepages = bool(lib.rte_eal_has_hugepages())
        self._thread = threading.get_ident()
        devices = (*options.vdevs, *options.allow)
        self._port_names = {d.partition(",")[0]: eal_devices.port_name_of(d) for d in devices}

    @property
    def proc_type(self) -> str:
        """`primary` or `secondary`."""
        return "primary" if is_primary() else "secondary"

    @property
    def iova_mode(self) -> str:
        """`va` or `pa`: the addresses that devices use."""
        return "va" if lib.rte_eal_iova_mode() == lib.RTE_IOVA_VA else "pa"

    @property
    def runtime_dir(self) -> Path:
        """Where DPDK keeps this process's sockets and shared configuration."""
        return Path(ffi.string(lib.rte_eal_get_runtime_dir()).decode())

    @contextmanager
    def pinned(self) -> Iterator[None]:
        """Pin the calling thread, which must be the one that called `init`, to the main lcore.

        Notes
        -----
        Threads  for the polling loop; threads started inside inherit the one CPU
        """
        if threading.get_ident() != self._thread:
            raise RuntimeError("only the thread that called init is the main lcore")
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, self.main_cpus)
        try:
            yield
        finally:
            os.sched_setaffinity(0, before)

    def add_device(self, devargs: str) -> str:
        """Probe one more device while running, e.g. `net_null7,size=64` or `0000:01:00.0`.

        Returns
        -------
        str
            The name by which `Port.lookup` finds its port.

        Notes
        -----
        Wraps  rte_eal_hotplug_add (rte_dev.h)
        """
        require_running()
        eal_devices.add(devargs)
        name = devargs.partition(",")[0]
        self._port_names[name] = eal_devices.port_name_of(devargs)
        return self._port_names[name]

    def remove_device(self, name: str) -> None:
        """Close the port of that name, if it is open, and remove its device.

        Notes
        -----
        Wraps  rte_eal_hotplug_remove (rte_dev.h)
        """
        require_running()
        port_name = self._port_names.get(name, name)
        for owner in _lifetime.owners():
            if owner.rank == 0 and owner.name == port_name:
                owner.close()
        eal_devices.remove(name)
        self._port_names.pop(name, None)

    def close(self, *, force: bool = False) -> None:
        """End all jobs, close all that is open, then the EAL; leave no file behind.

        Raises
        ------
        InUseError
            A job does not end, or numpy views of its memory are alive. Nothing has been closed
            then.

        Notes
        -----
        Wraps  rte_eal_cleanup (rte_eal.h)
        """
        if _current is not self:
            return
        for owner in _lifetime.owners():
            owner._end()
        with _lifetime.lock():
            viewed = [owner for owner in _lifetime.owners() if owner._view_count()]
            if viewed and not force:
                held = ", ".join(f"{owner!r} ({owner._view_count()} views)" for owner in viewed)
                raise InUseError(f"the EAL stays open: numpy views are alive of {held}")
            _close_owners()
            self._stop(unmap=True)

    def _join(self) -> None:
        """Join the processes of ours that share this memory."""
        started = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        call_errno(lib.pyd_ledger_join, os.getpid(), started)

    def _stop(self, *, unmap: bool) -> None:
        global _state, _current
        _state, _current = "dead", None
        primary = is_primary()
        if unmap:
            lib.pyd_ledger_leave()
            lib.rte_eal_cleanup()
        log.flush()
        if primary:
            runtime.sweep(self.file_prefix)

    def __repr__(self) -> str:
        if _current is not self:
            return f"<Eal {self.file_prefix!r} dead>"
        memory = "hugepages" if self.hugepages else "no hugepages"
        return f"<Eal {self.file_prefix!r} {self.proc_type}, {memory}, DPDK {version.RUNNING}>"


class Observer(Eal):
    """A secondary that reads the memory of a primary, which need not be ours, and no more."""

    def _join(self) -> None:
        """Stay out of the ledger: it would be a memzone more in memory that is not ours."""

    def _stop(self, *, unmap: bool) -> None:
        super()._stop(unmap=unmap)
        remove_traces(self.file_prefix, os.getpid())


def state() -> State:
    """Return `new`, `running` or `dead`."""
    return _state


def current() -> Eal:
    """Return the running EAL; raise `ClosedError` where there is none."""
    if _current is None:
        raise ClosedError(
            "no EAL is running: call pydpdk.init() first"
            if _state == "new"
            else "the EAL of this process has been closed"
        )
    return _current


def require_running() -> None:
    """Raise `ClosedError` unless the EAL runs."""
    current()


def is_primary() -> bool:
    """Whether this process is the primary."""
    return bool(lib.rte_eal_process_type() == lib.RTE_PROC_PRIMARY)


def require_primary(call: str) -> None:
    """Raise `SecondaryError` in a secondary, for what only the primary may do."""
    require_running()
    if not is_primary():
        raise make_error(call, lib.E_RTE_SECONDARY, "the devices belong to the primary process")


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


def observe(file_prefix: str, lcores: str) -> Eal:
    """Attach to a running primary only to read its memory; `explorer.attach` is the way in.

    Notes
    -----
    Wraps  rte_eal_init (rte_eal.h), as a secondary process
    Owns   nothing: closing it frees what the start took, and no port, pool or zone of the primary
    """
    options = EalOptions(
        file_prefix=file_prefix, lcores=lcores, proc_type="secondary", telemetry=False
    )
    return _init(options, Observer)


def _init(chosen: EalOptions, kind: type[Eal]) -> Eal:
    global _state, _current
    with _lifetime.lock():
        if _state != "new":
            raise make_error(
                "rte_eal_init", errno.EALREADY, f"one EAL per process, this one's is {_state}"
            )
        found = list(problems(chosen))
        if found:
            raise ValueError("\n".join(map(str, found)))
        hugepages = choose_hugepages(chosen)
        prefix = chosen.file_prefix or f"pydpdk-{os.getpid()}-{secrets.token_hex(3)}"
        argv = build_argv(chosen, hugepages=hugepages, file_prefix=prefix)
        log.redirect()
        _state = "dead"
        _current = _start(chosen, argv, prefix, kind)
        _state = "running"
        atexit.register(_at_exit)
        return _current


def _start(options: EalOptions, argv: Sequence[str], prefix: str, kind: type[Eal]) -> Eal:
    existed = runtime.runtime_dir(prefix).exists()  # a secondary that fails leaves its primary's
    try:
        main_cpus, lines = start(argv, options)
    except EalInitError:
        if options.proc_type == "primary" or not existed:
            runtime.sweep(prefix)
        else:
            remove_traces(prefix, os.getpid())
        raise
    eal = kind(options, argv, prefix, main_cpus)
    try:
        eal._join()
        missing = list(eal_devices.missing_ports([*options.vdevs, *options.allow]))
        if missing:
            raise eal_devices.missing_error(missing, lines)
    except DpdkError:
        eal._stop(unmap=True)
        raise
    return eal


def _close_owners() -> None:
    for owner in _lifetime.owners():
        reasons = [r for r in owner._refusals() if owner.owned and "view" not in r]
        if reasons:
            warnings.warn(f"{owner!r}: {'; '.join(reasons)}", ResourceWarning, stacklevel=3)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # said just now
            owner.close(force=True)


def _at_exit() -> None:
    """Stop what still runs. Memory that a view can see stays mapped to the end."""
    if _current is None:
        return
    eal = _current
    with suppress(InUseError):
        try:
            eal.close()
        finally:
            if _current is eal:
                eal._stop(unmap=False)


def _in_child() -> None:
    global _state, _current
    if _state == "running":
        _state, _current = "dead", None


os.register_at_fork(after_in_child=_in_child)
