"""Attach to the primary of a file prefix, and see who shares its memory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydpdk import eal
from pydpdk._core.frozen import frozen
from pydpdk.eal import Eal, lifecycle
from pydpdk.eal.attach import foreign_lcores
from pydpdk.eal.checks import MAX_PREFIX_LENGTH, check_process_name
from pydpdk.eal.options import EalOptions
from pydpdk.errors import ClosedError, check_name
from pydpdk.host import primary as host_primary
from pydpdk.host import registry
from pydpdk.host.primary import Primary
from pydpdk.host.registry_page import Role


@frozen
class Process:
    """A process that shares the memory of a file prefix.

    Attributes
    ----------
    role : str
        `primary`, `secondary`, or `unshared`: a primary without hugepages or in memory, to which
        no process can attach.
    lcores : frozenset of int
        Of one that is not ours as far as they can be seen.
    name : str
        What it said of itself, the script as a rule; empty for one that is not ours.
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
        Default: one that is free, on the CPUs that the others leave idle, where they leave any.
    name
        What `processes` shows, up to 63 characters. Default: the script.
    **options
        Other fields of `EalOptions`.

    Returns
    -------
    Eal
        A context manager; leaving it detaches, and touches nothing of the primary's.

    Raises
    ------
    NotFoundError
        No DPDK program runs with this prefix; the message names those that do.
    NotSupportedError
        It shares its memory with nobody, is another DPDK, or is in another namespace.
    ValueError
        Lcores that are in use, or devices that are not the primary's.
    NoRoomError
        128 processes are attached.
    EalInitError
        The EAL could not attach all the same. This process cannot start another.

    Notes
    -----
    Wraps    rte_eal_init (rte_eal.h), as a secondary process
    Owns     nothing of the primary's: what is looked up is never freed here
    Threads  the calling thread becomes the main lcore, as of `init`
    """
    check_name("file prefix", file_prefix, MAX_PREFIX_LENGTH)
    if name is not None:
        check_process_name(name)
    chosen = lcores if lcores is None or isinstance(lcores, str) else tuple(lcores)
    wanted = EalOptions(file_prefix=file_prefix, lcores=chosen, proc_type="secondary", **options)
    return lifecycle._init(wanted, name=name)


def processes(file_prefix: str | None = None) -> list[Process]:
    """Return the processes of a file prefix, the primary first.

    Parameters
    ----------
    file_prefix
        Default: this process's. Needs no EAL for another's.

    Notes
    -----
    Threads  any; nothing is sent to them and no lock of theirs is touched
    """
    if file_prefix is None:
        if eal.state() != "running":
            raise ClosedError("no EAL is running: name a file prefix")
        file_prefix = eal.current().file_prefix
    check_name("file prefix", file_prefix, MAX_PREFIX_LENGTH)
    ours = [
        Process(member.pid, member.role, member.lcores, member.name, True)
        for member in (*registry.members(file_prefix), *registry.unshared(file_prefix))
    ]
    known = {process.pid for process in ours}
    there = host_primary.look(file_prefix)
    foreign = [pid for pid in host_primary.processes(there) if pid not in known]
    return sorted(
        [*ours, *(_foreign(pid, there) for pid in foreign)], key=lambda p: (p.role, p.pid)
    )


def _foreign(pid: int, there: Primary) -> Process:
    role: Role = "primary" if pid == there.pid else "secondary"
    return Process(pid, role, foreign_lcores(pid), "", False)
