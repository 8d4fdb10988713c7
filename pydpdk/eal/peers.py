"""The other processes of this EAL's prefix: our registration among them, and what we tell them."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from typing import Any

from pydpdk._crossing import Undo
from pydpdk._dpdk import lib
from pydpdk.eal import attach, mempool_ops
from pydpdk.eal.attach import HARMED
from pydpdk.eal.deaths import Watcher
from pydpdk.eal.foreign import ForeignWatch
from pydpdk.eal.lcores import parse_lcores
from pydpdk.eal.options import EalOptions
from pydpdk.errors import BusyError, NotSupportedError, make_error
from pydpdk.host import primary as host_primary
from pydpdk.host import registry, room, runtime, trust
from pydpdk.host.primary import Primary
from pydpdk.host.registry import Registration
from pydpdk.host.registry_page import Member, Role

_MAX_SOCKET_PATH = 107  # [bytes] sun_path, and its end


class Peers:
    """A registration in the prefix's registry; none where memory is shared with nobody."""

    def __init__(
        self,
        options: EalOptions,
        prefix: str,
        registration: Registration | None,
        primary: Primary | None,
        unshared: Registration | None = None,
    ) -> None:
        self.options, self._prefix = options, prefix
        self._registration, self._primary, self._unshared = registration, primary, unshared
        self._watcher: Watcher | None = None
        self._foreign: ForeignWatch | None = None
        self._details: dict[str, Any] = {}

    @property
    def primary_alive(self) -> bool:
        """Whether the primary, maybe this process, lives."""
        return self._watcher is None or self._watcher.primary_alive

    @property
    def shared(self) -> bool:
        """Whether there is a runtime directory that processes share."""
        return self._registration is not None

    def watcher(self, what: str) -> Watcher:
        """Return who hears of deaths."""
        if self._watcher is None:
            raise make_error(what, errno.ENOTSUP, "this memory is shared with no other process")
        return self._watcher

    def join(self, devices: Iterable[str], primary: bool, iova_mode: str) -> None:
        """Say that we are up, and begin to watch."""
        if primary and self._registration is not None and not self._registration.in_place:
            self._registration.give_back()  # the end of an earlier primary swept it away
            self._registration = register(self.options, self._prefix, None)
        if primary:
            self._watch_for_foreign()
        if self._unshared is not None:
            self._unshared.publish("ready", {})
        if self._registration is None:
            return
        if primary:
            self.tell(
                mempool_ops=mempool_ops.mempool_ops(), iova_mode=iova_mode,
                **self._devices(devices),
            )  # fmt: skip
        else:
            self.tell()
        pid = self._primary.pid if self._primary is not None else 0
        self._watcher = Watcher(self._prefix, pid, self._registration.member)
        self._watcher.start()

    def _watch_for_foreign(self) -> None:
        if _is_shared(self.options, bool(lib.rte_eal_has_hugepages())):
            self._foreign = ForeignWatch(self._prefix)
            self._foreign.start()
        else:  # nobody can attach
            lib.pyd_foreign(0, lib.PYD_FOREIGN_UNSURE)

    def tell(self, **details: Any) -> None:
        """Tell the others, beside what they were told before."""
        with Undo(self._tell, self._details):  # what was refused must not be told the next time
            self._tell(self._details | details)

    def _tell(self, details: dict[str, Any]) -> None:
        self._details = details
        if self._registration is not None:
            self._registration.publish("ready", details)

    def told(self, what: str, default: Any) -> Any:
        """Return what the others were told."""
        return self._details.get(what, default)

    def tell_devices(self, devices: Iterable[str]) -> None:
        """Tell who attaches which devices there are."""
        self.tell(**self._devices(devices))

    def _devices(self, devices: Iterable[str]) -> dict[str, list[str]]:
        allow, block = list(self.options.allow), list(self.options.block)
        return {"vdevs": [d for d in devices if d not in allow], "allow": allow, "block": block}

    def guarded(self) -> AbstractContextManager[object]:
        """Let, for a `with` block, no process of ours come, go or change what it tells."""
        if self._registration is None or not self._registration.in_place:
            return nullcontext()
        return registry.guarded(self._prefix)

    def primary(self) -> Member | None:
        """Return the primary of ours; None where it is not ours, or is gone."""
        return next((m for m in registry.members(self._prefix) if m.role == "primary"), None)

    def check_device(self, devargs: str) -> None:
        """Refuse a device whose probe in the secondaries would do harm."""
        harm = HARMED.get(str(devargs).partition(",")[0].rstrip("0123456789"))
        attached = self.attached() if harm else []
        if attached:
            text = f"{devargs} while attached are {', '.join(attached)}: {harm}"
            raise NotSupportedError(errno.ENOTSUP, f"rte_eal_hotplug_add: {text}")

    def others(self) -> list[Member]:
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
        """Give back locks of DPDK's that dead processes had: see `Watcher.give_back_locks`."""
        if self._watcher is not None:
            self._watcher.give_back_locks()

    def stop(self) -> None:
        """Watch no more."""
        if self._watcher is not None:
            self._watcher.stop()
        if self._foreign is not None:
            self._foreign.stop()

    def begin_leaving(self) -> None:
        """Tell the primary that we end our EAL: who dies in there may keep a lock of DPDK's."""
        if self._registration is not None and self._registration.member.role == "secondary":
            self._registration.publish("leaving", self._details)

    def leave(self) -> None:
        """Give the registration back."""
        for registration in (self._registration, self._unshared):
            if registration is not None:
                registration.give_back()

    def forget(self) -> None:
        """Leave without a word, in a forked child: the parent has the registration."""
        for registration in (self._registration, self._unshared):
            if registration is not None:
                registration.forget()


def survey(
    options: EalOptions, prefix: str, *, hugepages: bool
) -> tuple[EalOptions, Primary | None]:
    """Look at the processes of the prefix; return the options and, for a secondary, its primary.

    Nothing is made. It may wait for a primary that is starting.

    Raises
    ------
    DpdkError, ValueError
        It would not work, or would harm the others.
    """
    if options.proc_type == "secondary":
        _check_runtime_dir(prefix, f"mp_socket_{os.getpid()}_{'f' * 16}")
        return attach.check_attach(options, prefix)
    if _is_shared(options, hugepages):
        _check_runtime_dir(prefix, "dpdk_telemetry.v2" if options.telemetry else "mp_socket")
        attach.check_primary(prefix)
    if hugepages and not options.in_memory:
        _check_mounts()
    return options, None


def _check_runtime_dir(prefix: str, socket: str) -> None:
    """Refuse a directory in which somebody else could put what the EAL would open, or no socket."""
    directory = runtime.runtime_dir(prefix)
    length = len(os.fsencode(directory / socket))
    if length > _MAX_SOCKET_PATH:  # DPDK cuts it
        text = f"{directory / socket}: at most {_MAX_SOCKET_PATH} bytes for a socket (got {length})"
        raise make_error("rte_eal_init", errno.ENAMETOOLONG, text)
    with suppress(OSError):  # said below, or by the EAL
        trust.make_way(directory)
    why = trust.distrust(directory, own=True)
    if why:
        text = f"{why}, and the EAL would trust what lies there: `pydpdk doctor` says what to do"
        raise make_error("rte_eal_init", errno.EPERM, text)
    short = room.shortage(directory)
    if short:
        text = f"{short.what}: `{short.command}`"
        raise make_error("rte_eal_init", errno.ENOSPC, text)


def _check_mounts() -> None:
    """Refuse what the EAL would wait for, or follow, where it opens all files of that name."""
    for path in runtime.strange_hugepage_files():
        text = f"{path} is no hugepage file, and the EAL would open it: remove it"
        raise make_error("rte_eal_init", errno.EINVAL, text)


def settle(
    options: EalOptions,
    prefix: str,
    primary: Primary | None,
    *,
    hugepages: bool,
    name: str | None,
) -> Peers:
    """Take this process's registration among those of the prefix, after `survey`.

    Raises
    ------
    DpdkError, ValueError
        There is none; nothing has been started.
    """
    if primary is not None:
        return _as_secondary(options, prefix, primary, name)
    if _is_shared(options, hugepages):
        return Peers(options, prefix, register(options, prefix, name), None)
    return Peers(options, prefix, None, None, register(options, prefix, name, "unshared"))


def _is_shared(options: EalOptions, hugepages: bool) -> bool:
    """Whether other processes can attach to this primary."""
    return hugepages and not options.in_memory and "--no-shconf" not in options.extra


def register(
    options: EalOptions, prefix: str, name: str | None, role: Role = "primary"
) -> Registration | None:
    """Take the registration of a process with memory of its own; None where that cannot be.

    The EAL will say why, or there is nothing to say: an unshared one does without a registration.
    """

    def choose(others: list[Member]) -> Iterable[int]:
        if role == "primary" and any(other.role == role for other in others):
            raise BusyError
        return _lcores(options)

    try:
        return _claim(prefix, role, name, choose)
    except OSError as error:  # another primary has it, or the directory is not ours to write
        if error.errno == errno.ENOSPC and role == "primary":
            raise make_error(
                "rte_eal_init", errno.ENOSPC, f"{runtime.runtime_dir(prefix)}"
            ) from None
        return None


def _as_secondary(options: EalOptions, prefix: str, primary: Primary, name: str | None) -> Peers:
    chosen = options

    def choose(others: list[Member]) -> Iterable[int]:
        nonlocal chosen
        chosen = attach.choose(options, primary, others)
        return _lcores(chosen)

    registration = _claim(prefix, "secondary", name, choose)
    return Peers(replace(chosen, proc_type="secondary"), prefix, registration, primary)


def _claim(prefix: str, role: Role, name: str | None, choose: Any) -> Registration:
    try:
        return registry.claim(prefix, role, name or registry.program_name(), choose)
    except registry.FullError as full:
        raise make_error("rte_eal_init", errno.ENOSPC, str(full.strerror)) from None
    except registry.LockedError as locked:
        raise make_error("rte_eal_init", errno.EBUSY, str(locked.strerror)) from None


def _lcores(options: EalOptions) -> Iterable[int]:
    if options.lcores is None:
        return [cpu for cpu in os.sched_getaffinity(0) if cpu < lib.RTE_MAX_LCORE]
    return parse_lcores(options.lcores)
