"""The running EAL: its properties, devices, peers and shutdown."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydpdk import log, version
from pydpdk._core import lifetime
from pydpdk._core.lifetime import Closing, Locked, Undo
from pydpdk._core.signals import Deferred
from pydpdk._dpdk import ffi, lib
from pydpdk.choices import IovaMode, ProcType
from pydpdk.eal import devices as eal_devices
from pydpdk.eal.deaths import Death
from pydpdk.eal.peers import Peers
from pydpdk.eal.waits import Waits
from pydpdk.errors import (
    ClosedError,
    DpdkError,
    InUseError,
    call_errno,
    call_rte_errno,
    damage_error,
    damaged,
    make_error,
)
from pydpdk.host import runtime
from pydpdk.host.alive import start_time
from pydpdk.host.devargs import Device, parse
from pydpdk.host.primary import remove_traces

_JOIN = "our process table entry; busy: a process that died on these lcores was not recovered yet"

_CLOSED = "the EAL of this process has been closed"
_FORKED = (
    "this process was forked from one with an EAL, which belongs to the parent only: start a new"
    " process instead (pydpdk.Group, or multiprocessing's 'spawn')"
)


class Eal(Closing):
    """The running EAL; `init` makes it.

    Attributes
    ----------
    options : EalOptions
        The options of `init`, with what was left to this host and to the primary.
    argv : tuple of str
        The arguments of `rte_eal_init`.
    file_prefix : str
        The common name of all processes that share this memory.
    hugepages : bool
        Whether memory is on hugepages.
    main_cpus : frozenset of int
        The CPUs of the main lcore; see `pinned`.

    Notes
    -----
    Wraps  rte_eal_has_hugepages (rte_eal.h) in `hugepages`, rte_eal_process_type (rte_eal.h) in
           `proc_type`, rte_eal_iova_mode (rte_eal.h) in `iova_mode`, rte_eal_get_runtime_dir
           (rte_eal.h) in `runtime_dir`, rte_pdump_init (rte_pdump.h) with the option `capture`,
           rte_pdump_uninit (rte_pdump.h) in `close`
    """

    def __init__(self, main_cpus: frozenset[int], peers: Peers) -> None:
        self.options = options = peers.start.options
        self.argv = peers.start.argv
        self.file_prefix = peers.start.file_prefix
        self.main_cpus = main_cpus
        self.hugepages = bool(lib.rte_eal_has_hugepages())
        self._dead = self._ended = False
        self._why = _CLOSED
        self._thread = threading.get_ident()
        self._changing = threading.RLock()  # devices; DPDK probes on one thread at a time
        self._peers = peers
        self._waits: Waits | None = None
        devices = (*options.vdevs, *options.allow)
        self._devices = {parse(device).name: device for device in devices}
        self._had = set(devices)  # removed ones, too

    @property
    def proc_type(self) -> ProcType:
        """`primary` or `secondary`."""
        return ProcType.PRIMARY if is_primary() else ProcType.SECONDARY

    @property
    def iova_mode(self) -> IovaMode:
        """`va` or `pa`: the addresses that devices use."""
        return IovaMode.VA if lib.rte_eal_iova_mode() == lib.RTE_IOVA_VA else IovaMode.PA

    @property
    def runtime_dir(self) -> Path:
        """The directory of DPDK's sockets and shared configuration."""
        return Path(ffi.string(lib.rte_eal_get_runtime_dir()).decode())

    @property
    def primary_alive(self) -> bool:
        """In a secondary whether its primary is alive: false as soon as it ends in any way."""
        return self._peers.primary_alive

    def on_primary_death(self, callback: Callable[[], object]) -> None:
        """Add a callback for the end of this secondary's primary; leave then.

        Notes
        -----
        Threads  the callback runs on a thread of its own
        """
        self._require_open()
        self._peers.watcher("on_primary_death").on_primary_death(callback)

    def on_process_death(self, callback: Callable[[Death], object]) -> Callable[[], None]:
        """Add a callback, in a primary, for each process of ours that died without leaving.

        Returns
        -------
        callable
            Removes the callback.

        Notes
        -----
        Threads  the callback runs on a thread of its own, after recovery of what the process held
        """
        require_primary("on_process_death", self)
        return self._peers.watcher("on_process_death").on_process_death(callback)

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

    def _device(self, name: str) -> str:
        """Return a device's name and arguments as they were given; without arguments its name."""
        return self._devices.get(name, name)

    def add_device(self, devargs: str) -> str:
        """Probe one more device while running, e.g. `net_null7,size=64` or `0000:01:00.0`.

        Attached secondaries get the device, too.

        Returns
        -------
        str
            The name by which `Port.lookup` finds its port.

        Raises
        ------
        SecondaryError
            This process is a secondary; devices belong to the primary.

        Notes
        -----
        Wraps  rte_eal_hotplug_add (rte_dev.h)
        """
        require_primary("rte_eal_hotplug_add", self)
        with Locked(self._changing):
            self._require_open()
            device = eal_devices.checked(devargs)
            self._peers.check_device(device)
            eal_devices.check_new(device)  # before the undo, which would take an old one away
            self._had.add(devargs)
            with Undo(self._take_back, device, self._devices):
                eal_devices.add(device)
                self._devices = self._devices | {device.name: devargs}
                self._publish_devices()
                return device.port_name

    def _take_back(self, device: Device, before: dict[str, str]) -> None:
        """Undo an interrupted `add_device`; keep a device that was there before."""
        if device.name not in before:
            eal_devices.take_away(device)
        self._devices = before
        self._publish_devices()

    def remove_device(self, name: str) -> None:
        """Close the port of that name, if it is open, and remove its device.

        Raises
        ------
        SecondaryError
            This process is a secondary; devices belong to the primary.

        Notes
        -----
        Wraps  rte_eal_hotplug_remove (rte_dev.h)
        """
        require_primary("rte_eal_hotplug_remove", self)
        with Locked(self._changing):
            self._require_open()
            if not isinstance(name, str):
                raise TypeError(f"name must be a string (got {name!r})")
            device = parse(name)
            port_name = parse(self._device(device.name)).port_name
            for owner in lifetime.owners():
                owner._lose_device(port_name)
            before = self._devices
            with Undo(self._publish_devices):
                # first, so that no process learns of a device that is gone
                self._devices = _without(before, device.name)
                try:
                    eal_devices.remove(device)
                except DpdkError:
                    self._devices = before
                    raise
                self._publish_devices()

    def _publish_devices(self) -> None:
        self._peers.publish_devices(self._devices.values())

    def close(self, *, force: bool = False) -> None:
        """End all jobs, close all objects, then the EAL; leave no files behind.

        A secondary only detaches: what belongs to the primary stays as it is.

        Parameters
        ----------
        force
            Close even if numpy views or secondaries still use the memory, which is unmapped.

        Raises
        ------
        InUseError
            A job does not end, numpy views of its memory are alive, or secondaries are attached.
            Nothing has been closed then.
        DpdkError
            EOWNERDEAD: a process died inside one of DPDK's locks, and what the lock guards is
            damaged. With `force` the EAL ends anyway: the memory stays mapped until the process
            ends.

        Notes
        -----
        Wraps  rte_eal_cleanup (rte_eal.h)
        """
        if self._dead:
            return
        for owner in lifetime.owners():
            owner._end()
        self._give_back_locks(force)
        with Locked(self._changing), lifetime.lock():
            self._close(force)

    def _give_back_locks(self, force: bool) -> None:
        try:
            self._peers.give_back_locks()
        except DpdkError:
            if not (force and damaged()):
                raise
        if damaged() and not force:
            raise damage_error("rte_eal_cleanup")

    def _close(self, force: bool) -> None:
        if self._dead:  # by another thread meanwhile
            return
        viewed = [owner for owner in lifetime.owners() if owner._view_count()]
        if viewed and not force:
            held = ", ".join(f"{owner!r} ({owner._view_count()} views)" for owner in viewed)
            raise InUseError(f"the EAL stays open: numpy views are alive of {held}")
        attached = self._peers.attached() if is_primary() else []
        if attached and not force:
            them = ", ".join(attached)
            raise InUseError(
                f"the EAL stays open: attached to its memory are {them}; end them first"
            )
        leaks = lifetime.close_owners()
        self._stop(unmap=not damaged())
        lifetime.warn_of_leaks(leaks)

    def _join(self) -> None:
        """Join the processes of ours that share this memory, and publish our details."""
        alone = not is_primary() and self._peers.primary() is None
        call_errno(lib.pyd_process_join, os.getpid(), start_time(), alone, detail=_JOIN)
        lib.pyd_mp_filter(os.fsencode(self.runtime_dir))  # there is no socket in unshared memory
        self._peers.join(self._devices.values(), is_primary(), self.iova_mode)
        call_rte_errno(lib.rte_pdump_init if self.options.capture else lib.pyd_capture_join)

    def _stop(self, *, unmap: bool) -> None:
        with Deferred():
            if not self._ended:
                with Undo(self._leave, unmap):  # an interrupted leave is completed
                    self._leave(unmap)

    def _leave(self, unmap: bool) -> None:
        """Stop the EAL; steps that were done before do nothing."""
        self._dead = True
        self._peers.stop()
        primary = is_primary()
        if unmap:
            lib.pyd_capture_end()
            lib.pyd_process_leave()
            self._peers.begin_leaving()
            if not eal_devices.keeps_interrupts(self._had):
                lib.pyd_eal_cleanup()
        if self._waits is not None:
            self._waits.stop()
        log.flush()
        self._peers.leave()
        if not primary:
            remove_traces(self.file_prefix, os.getpid())
        # of a primary that has died, too: the news of its death may still be on its way
        runtime.leave(self.file_prefix)
        self._ended = True

    def _forget(self) -> None:
        """Mark this EAL as dead in a forked child; the parent keeps it."""
        self._dead = self._ended = True
        self._why = _FORKED
        self._peers.forget()

    def _require_open(self) -> None:
        if self._dead:
            raise ClosedError(self._why)

    def __repr__(self) -> str:
        if self._dead:
            return f"<Eal {self.file_prefix!r} dead>"
        memory = "hugepages" if self.hugepages else "no hugepages"
        return f"<Eal {self.file_prefix!r} {self.proc_type}, {memory}, DPDK {version.RUNNING}>"


class Observer(Eal):
    """A secondary that only reads the memory of a primary, which may be a foreign program."""

    def _join(self) -> None:
        """Skip the process table: it would add a memzone to memory that is not ours."""
        lib.pyd_mp_filter(os.fsencode(self.runtime_dir))
        self._peers.join((), False, self.iova_mode)


def _without(devices: dict[str, str], name: str) -> dict[str, str]:
    return {known: device for known, device in devices.items() if known != name}


def is_primary() -> bool:
    """Whether this process is the primary."""
    return bool(lib.rte_eal_process_type() == lib.RTE_PROC_PRIMARY)


def require_primary(call: str, eal: Eal) -> None:
    """Raise `SecondaryError` in a secondary, for calls that only the primary may make."""
    eal._require_open()
    if not is_primary():
        raise make_error(call, lib.E_RTE_SECONDARY, "the devices belong to the primary process")
