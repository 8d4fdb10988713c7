"""The other processes of this EAL's prefix: our registration, and the details that we publish."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from typing import Any

from pydpdk._core.lifetime import Undo
from pydpdk._dpdk import lib
from pydpdk.choices import ProcType
from pydpdk.eal import attach, mempool_ops
from pydpdk.eal.attach import HARMED
from pydpdk.eal.deaths import Watcher
from pydpdk.eal.foreign import ForeignWatch
from pydpdk.eal.resolve import Resolved, primary_of
from pydpdk.errors import BusyError, NotSupportedError, make_error
from pydpdk.host import primary as host_primary, registry, room, runtime, trust
from pydpdk.host.devargs import Device
from pydpdk.host.primary import Primary
from pydpdk.host.registry import Registration
from pydpdk.host.registry_page import RegisteredProcess, RegistrationState, Role

Keep = Callable[[Registration], object]
"""Called with each registration as soon as there is one."""

_MAX_SOCKET_PATH = 107  # [bytes] sun_path without its NUL


class Peers:
    """The registration of this process in the prefix's registry, if its memory is shared."""

    def __init__(
        self,
        start: Resolved,
        registration: Registration | None,
        primary: Primary | None,
        unshared: Registration | None = None,
        keep: Keep = lambda registration: None,
    ) -> None:
        self.start, self._prefix = start, start.file_prefix
        self._registration, self._primary, self._unshared = registration, primary, unshared
        self._keep = keep
        self._watcher: Watcher | None = None
        self._foreign: ForeignWatch | None = None
        self._details: dict[str, Any] = {}

    @property
    def primary_alive(self) -> bool:
        """Whether the primary, which may be this process, is alive."""
        return self._watcher is None or self._watcher.primary_alive

    @property
    def answered_for(self) -> frozenset[int]:
        """PIDs of dead processes whose sockets are still listened on, by this primary."""
        return frozenset() if self._watcher is None else frozenset(self._watcher.answered_for)

    @property
    def shared(self) -> bool:
        """Whether there is a runtime directory that processes share."""
        return self._registration is not None

    def watcher(self, what: str) -> Watcher:
        """Return the watcher of deaths; raise if the memory is not shared."""
        if self._watcher is None:
            raise make_error(what, errno.ENOTSUP, "this memory is shared with no other process")
        return self._watcher

    def join(self, devices: Iterable[str], primary: bool, iova_mode: str) -> None:
        """Publish that we are ready, and begin to watch."""
        if primary and self._registration is not None and not self._registration.in_place:
            self._registration.give_back()  # an earlier primary removed the file when it ended
            self._registration = register(self.start, None, keep=self._keep)
        if primary:
            self._watch_for_foreign()
        if self._unshared is not None:
            self._unshared.publish(RegistrationState.READY, {})
        if self._registration is None:
            return
        if primary:
            ops = mempool_ops.mempool_ops()
            self.publish(mempool_ops=ops, iova_mode=iova_mode, **self._devices(devices))
        else:
            self.publish()
        pid = self._primary.pid if self._primary is not None else 0
        self._watcher = Watcher(self._prefix, pid, self._registration.member)
        self._watcher.start()

    def _watch_for_foreign(self) -> None:
        if self.start.shared and lib.rte_eal_has_hugepages():
            self._foreign = ForeignWatch(self._prefix)
            self._foreign.start()
        else:  # no process can attach
            lib.pyd_foreign(0, lib.PYD_FOREIGN_UNSURE)

    def publish(self, **details: Any) -> None:
        """Publish details to the other processes, in addition to the earlier ones."""
        with Undo(self._publish, self._details):  # details that failed must not be published later
            self._publish(self._details | details)

    def _publish(self, details: dict[str, Any]) -> None:
        self._details = details
        if self._registration is not None:
            self._registration.publish(RegistrationState.READY, details)

    def published(self, what: str, default: Any) -> Any:
        """Return a published detail."""
        return self._details.get(what, default)

    def publish_devices(self, devices: Iterable[str]) -> None:
        """Publish the devices, for processes that attach."""
        self.publish(**self._devices(devices))

    def _devices(self, devices: Iterable[str]) -> dict[str, list[str]]:
        allow, block = list(self.start.options.allow), list(self.start.options.block)
        return {"vdevs": [d for d in devices if d not in allow], "allow": allow, "block": block}

    def guarded(self) -> AbstractContextManager[object]:
        """Keep all processes of ours from joining, leaving or publishing during a `with` block."""
        if self._registration is None or not self._registration.in_place:
            return nullcontext()
        return registry.guarded(self._prefix)

    def primary(self) -> RegisteredProcess | None:
        """Return our primary; None if it is a foreign program, or gone."""
        return primary_of(self._prefix)

    def check_device(self, device: Device) -> None:
        """Raise if probing a device in the secondaries would do harm."""
        harm = HARMED.get(device.driver or "")
        attached = self.attached() if harm else []
        if attached:
            text = f"{device.text} while attached are {', '.join(attached)}: {harm}"
            raise NotSupportedError(errno.ENOTSUP, f"rte_eal_hotplug_add: {text}")

    def others(self) -> list[RegisteredProcess]:
        """Return the other live processes of ours."""
        if self._registration is None:
            return []
        mine = self._registration.member.index
        return [m for m in registry.members(self._prefix) if m.index != mine]

    def attached(self) -> list[str]:
        """Name the processes that are attached to this primary's memory, ours or not."""
        if self._registration is None:
            return []
        ours = self.others()
        me = Primary(self._prefix, self._registration.member.pid, True, "")
        known = {me.pid, *(member.pid for member in ours)}
        foreign = [pid for pid in host_primary.processes(me) if pid not in known]
        return [*map(str, ours), *(f"a program that is not ours (PID {pid})" for pid in foreign)]

    def give_back_locks(self) -> None:
        """Release DPDK locks that dead processes held: see `Watcher.give_back_locks`."""
        if self._watcher is not None:
            self._watcher.give_back_locks()

    def stop(self) -> None:
        """Stop watching."""
        if self._watcher is not None:
            self._watcher.stop()
        if self._foreign is not None:
            self._foreign.stop()

    def begin_leaving(self) -> None:
        """Publish that our EAL is ending: a process that dies in there may hold a DPDK lock."""
        if self._registration is not None and self._registration.member.role == Role.SECONDARY:
            self._registration.publish(RegistrationState.LEAVING, self._details)

    def leave(self) -> None:
        """Give the registration back."""
        for registration in filter(None, (self._registration, self._unshared)):
            registration.give_back()

    def forget(self) -> None:
        """Close the registration in a forked child without giving it back: it is the parent's."""
        for registration in filter(None, (self._registration, self._unshared)):
            registration.forget()


def survey(start: Resolved) -> tuple[Resolved, Primary | None]:
    """Check the processes of the prefix; return the start and, for a secondary, its primary.

    Creates nothing. May wait for a primary that is starting.

    Raises
    ------
    DpdkError, ValueError
        The start would fail, or would harm the other processes.
    """
    options, prefix = start.options, start.file_prefix
    if options.proc_type == ProcType.SECONDARY:
        _check_runtime_dir(prefix, f"mp_socket_{os.getpid()}_{'f' * 16}")
        return attach.check_attach(start)
    if start.shared:
        _check_runtime_dir(prefix, "dpdk_telemetry.v2" if options.telemetry else "mp_socket")
        attach.check_primary(prefix)
    if start.hugepages and not options.in_memory:
        _check_mounts()
    return start, None


def _check_runtime_dir(prefix: str, socket: str) -> None:
    """Raise if others could plant files in the directory, or the EAL could not use it."""
    directory = runtime.runtime_dir(prefix)
    length = len(os.fsencode(directory / socket))
    if length > _MAX_SOCKET_PATH:  # DPDK would truncate it
        text = f"{directory / socket}: at most {_MAX_SOCKET_PATH} bytes for a socket (got {length})"
        raise make_error("rte_eal_init", errno.ENAMETOOLONG, text)
    with suppress(OSError):  # reported below, or by the EAL
        trust.make_parent(directory)
    why = trust.distrust(directory, own=True)
    if why:
        text = f"{why}, and the EAL would trust its files: `pydpdk doctor` says what to do"
        raise make_error("rte_eal_init", errno.EPERM, text)
    for path in runtime.strange_files(prefix):
        text = f"{path} is no file of the EAL, which would open it: remove it"
        raise make_error("rte_eal_init", errno.EINVAL, text)
    short = room.shortage(directory)
    if short:
        text = f"{short.what}: `{short.command}`"
        raise make_error("rte_eal_init", errno.ENOSPC, text)


def _check_mounts() -> None:
    """Raise if a mount has a file that is named like a hugepage file and is none.

    The EAL opens all files of that name: it would block on a FIFO, or follow a link.
    """
    for path in runtime.strange_hugepage_files():
        text = f"{path} is no hugepage file, and the EAL would open it: remove it"
        raise make_error("rte_eal_init", errno.EINVAL, text)


def settle(start: Resolved, primary: Primary | None, name: str | None, keep: Keep) -> Peers:
    """Register this process with the prefix, after `survey`.

    Parameters
    ----------
    keep
        Gets each registration as soon as there is one.

    Raises
    ------
    DpdkError, ValueError
        There is no free registration; nothing has been started.
    """
    if primary is not None:
        return _as_secondary(start, primary, name, keep)
    if start.shared:
        return Peers(start, register(start, name, keep=keep), None, keep=keep)
    return Peers(start, None, None, register(start, name, Role.UNSHARED, keep))


def register(
    start: Resolved,
    name: str | None,
    role: Role = Role.PRIMARY,
    keep: Keep = lambda registration: None,
) -> Registration | None:
    """Register a process with memory of its own; return None if that fails.

    The EAL then reports why, or it does not matter: an unshared process needs no registration.
    """

    def choose(others: list[RegisteredProcess]) -> Iterable[int]:
        if role == Role.PRIMARY and any(other.role == role for other in others):
            raise BusyError
        return start.options.lcore_map

    try:
        return _take_page(start.file_prefix, role, name, choose, keep)
    except OSError as error:  # another primary has it, or the directory is not writable for us
        if error.errno == errno.ENOSPC and role == Role.PRIMARY:
            directory = str(runtime.runtime_dir(start.file_prefix))
            raise make_error("rte_eal_init", errno.ENOSPC, directory) from None
        return None


def _as_secondary(start: Resolved, primary: Primary, name: str | None, keep: Keep) -> Peers:
    chosen = start.options

    def choose(others: list[RegisteredProcess]) -> Iterable[int]:
        nonlocal chosen
        chosen = attach.choose(start.options, primary, others)
        return chosen.lcore_map

    registration = _take_page(start.file_prefix, Role.SECONDARY, name, choose, keep)
    return Peers(replace(start, options=chosen), registration, primary)


def _take_page(prefix: str, role: Role, name: str | None, choose: Any, keep: Keep) -> Registration:
    try:
        return registry.register(prefix, role, name or registry.program_name(), choose, keep)
    except registry.RegistryError as error:
        raise make_error("rte_eal_init", error.errno or 0, str(error.strerror)) from None
