"""Attach to the primary of a file prefix, and list the processes that share its memory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydpdk import eal
from pydpdk._core.frozen import frozen
from pydpdk.choices import ProcType
from pydpdk.eal import Eal
from pydpdk.eal.attach import foreign_lcores
from pydpdk.eal.checks import MAX_PREFIX_LENGTH, check_process_name
from pydpdk.eal.options import EalOptions
from pydpdk.errors import ClosedError, check_name
from pydpdk.host import primary as host_primary, registry
from pydpdk.host.primary import Primary
from pydpdk.host.registry_page import Role


@frozen
class Process:
    """A process that shares the memory of a file prefix.

    Attributes
    ----------
    role : Role
        `primary`, `secondary`, or `unshared`: a primary without hugepages or in memory, to which
        no process can attach.
    lcores : frozenset of int
        For a foreign program only those that are visible.
    name : str
        The name that it registered, by default the script; empty for a foreign program.
    ours : bool
        Whether it runs pydpdk.
    """

    pid: int
    role: Role
    lcores: frozenset[int]
    name: str
    ours: bool


def attach(
    file_prefix: str,
    lcores: str | Iterable[int] | None = None,
    *,
    name: str | None = None,
    **options: Any,
) -> Eal:
    """Join the memory of a running primary as a secondary process.

    Parameters
    ----------
    file_prefix
        The primary's.
    lcores
        Ids or a map as `EalOptions.lcores`, none of which another process of the prefix uses.
        Default: a free one, on CPUs that the other processes leave idle, if there are any.
    name
        The name that `processes` shows, up to 63 characters. Default: the script.
    **options
        Other fields of `EalOptions`.

    Returns
    -------
    Eal
        A context manager; leaving it detaches, and changes nothing of the primary.

    Raises
    ------
    NotFoundError
        No DPDK program runs with this prefix; the message names the prefixes in use.
    NotSupportedError
        The primary does not share its memory, runs another DPDK, or is in another namespace.
    ValueError
        Lcores that are in use, or devices that are not the primary's.
    NoRoomError
        128 processes are attached.
    EalInitError
        The EAL could not attach for another reason. This process cannot start another EAL.

    Notes
    -----
    Wraps    rte_eal_init (rte_eal.h), as a secondary process
    Owns     nothing of the primary: objects that are looked up are never freed here
    Threads  the calling thread becomes the main lcore, as in `init`
    """
    check_name("file prefix", file_prefix, MAX_PREFIX_LENGTH)
    if name is not None:
        check_process_name(name)
    chosen = lcores if lcores is None or isinstance(lcores, str) else tuple(lcores)
    wanted = EalOptions(
        file_prefix=file_prefix, lcores=chosen, proc_type=ProcType.SECONDARY, **options
    )
    return eal.join(wanted, name=name)


def processes(file_prefix: str | None = None) -> list[Process]:
    """Return the processes of a file prefix, the primary first.

    Parameters
    ----------
    file_prefix
        Default: this process's. Another prefix needs no running EAL.

    Notes
    -----
    Threads  any; sends nothing to the processes and takes none of their locks
    """
    if file_prefix is None:
        if eal.state() != eal.EalState.RUNNING:
            raise ClosedError("no EAL is running: name a file prefix")
        file_prefix = eal.current().file_prefix
    check_name("file prefix", file_prefix, MAX_PREFIX_LENGTH)
    ours = [
        Process(member.pid, member.role, member.lcores, member.name, True)
        for member in (*registry.members(file_prefix), *registry.unshared(file_prefix))
    ]
    known = {process.pid for process in ours}
    there = host_primary.look(file_prefix)
    pids = host_primary.processes(there)
    foreign = [_foreign(pid, there) for pid in pids if pid not in known]
    return sorted([*ours, *foreign], key=lambda p: (p.role, p.pid))


def _foreign(pid: int, there: Primary) -> Process:
    role = Role.PRIMARY if pid == there.pid else Role.SECONDARY
    return Process(pid, role, foreign_lcores(pid), "", False)
