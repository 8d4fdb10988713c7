"""Typed options of the EAL, and the argv that they become.

Nothing here calls DPDK. `eal.checks` checks the options.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import KW_ONLY
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

from pydpdk._core.frozen import frozen
from pydpdk.choices import IovaMode, ProcType
from pydpdk.eal.checks import as_tuple
from pydpdk.eal.lcores import format_lcores, parse_lcores
from pydpdk.limits import MAX_LCORE

if TYPE_CHECKING:
    ProcTypeLike: TypeAlias = ProcType | str
    IovaModeLike: TypeAlias = IovaMode | str
else:  # of a file, which pydantic reads into this class
    ProcTypeLike, IovaModeLike = ProcType, IovaMode


@frozen
class EalOptions:
    """Options of the EAL, named as DPDK's own parameters are.

    Notes
    -----
    Wraps  the EAL parameters (`doc/guides/linux_gsg/linux_eal_parameters.rst`)
    """

    # for pydantic, which validates the `eal:` section of a file directly into this class
    __pydantic_config__: ClassVar[dict[str, Any]] = {
        "extra": "forbid",
        "strict": True,
        "use_attribute_docstrings": True,
    }

    _: KW_ONLY
    lcores: str | tuple[int, ...] | None = None
    """Lcores as `0-3,6`, as a map `0@(0-1),(1-2)@3`, or as a list of ids. Default: one for each
    CPU that this process may run on."""
    main_lcore: int | None = None
    """The lcore of the calling thread. Default: the lowest."""
    hugepages: bool | Literal["auto"] = "auto"
    """`auto` uses hugepages if enough are free and mounted, else warns and runs without; `true`
    requires them; `false` is `--no-huge`."""
    memory_mb: int | tuple[int, ...] | None = None
    """[MB] to reserve at start: one number in all (`-m`), or one per NUMA node
    (`--socket-mem`, hugepages only). With hugepages memory also grows on demand; without, it
    cannot grow (default 256)."""
    file_prefix: str | None = None
    """Common name of the processes that share this memory. Default: unique to this process."""
    proc_type: ProcTypeLike = ProcType.PRIMARY
    """`primary` owns the memory, a `secondary` attaches to a primary of the same prefix."""
    iova_mode: IovaModeLike | None = None
    """Addresses that devices use. Default: `va` without PCI devices, else the EAL's choice; in a
    secondary the primary's."""
    in_memory: bool = False
    """Hugepages without files: nothing to clean up and no hugetlbfs mount needed, but no secondary
    can attach."""
    single_file_segments: bool = False
    """One hugepage file per memseg list: needed by vhost, virtio_user and memif zero-copy."""
    allow: tuple[str, ...] = ()
    """PCI devices to use, e.g. `0000:01:00.0` with optional devargs after a comma."""
    block: tuple[str, ...] = ()
    """PCI devices to leave alone; all others are used. Not with `allow`."""
    pci: bool | None = None
    """Scan the PCI bus. Default: only if `allow` or `block` names a device, so that no other
    device is used."""
    vdevs: tuple[str, ...] = ()
    """Virtual devices with their devargs, e.g. `net_null0,size=64`."""
    log_level: str | tuple[str, ...] = "notice"
    """`debug` to `emergency`, or `pattern:level` for some log types, e.g. `pmd.*:debug`."""
    telemetry: bool = True
    """Serve DPDK's telemetry socket (primary on hugepages with a runtime directory only)."""
    capture: bool = False
    """Let `dpdk-dumpcap` and `dpdk-pdump` capture the packets of this primary. They attach as
    secondaries and take lcores from 0 up, so use lcore numbers above the CPUs of the host for this
    program, e.g. `lcores: "100@0"`."""
    base_virtaddr: int | None = None
    """Address to map memory at, the same in all processes. Default: DPDK's, 0x100000000."""
    extra: tuple[str, ...] = ()
    """EAL arguments to append unchanged. In a file only those that no key stands for: `--no-huge`
    is `hugepages: false`."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Let pydantic read a map into this class, though it reads each value strictly."""
        schema = handler(source)
        schema["strict"] = False  # for the class only: true would require an instance of it
        return schema

    @property
    def scan_pci(self) -> bool:
        """Whether the PCI bus is scanned."""
        return bool(self.allow or self.block) if self.pci is None else self.pci

    @property
    def lcore_map(self) -> dict[int, frozenset[int]]:
        """The lcores that the EAL will have, with the CPUs of each; `checks` checks the text."""
        if self.lcores is None:
            usable = (cpu for cpu in os.sched_getaffinity(0) if cpu < MAX_LCORE)
            return {cpu: frozenset({cpu}) for cpu in usable}
        return parse_lcores(self.lcores)

    @property
    def total_mb(self) -> int:
        """[MB] to reserve at start on all NUMA nodes; 0 for the default."""
        memory = self.memory_mb or 0
        return sum(memory) if isinstance(memory, Sequence) else memory


DEFAULT_NO_HUGE_MB = 256
_FLAGS = ("--no-huge", "--no-shconf", "--in-memory", "--single-file-segments", "--no-pci",
          "--no-telemetry")  # fmt: skip


def build_argv(options: EalOptions, *, hugepages: bool, file_prefix: str) -> list[str]:
    """Turn checked options into the argv of `rte_eal_init`.

    Parameters
    ----------
    options
        The checked options.
    hugepages
        The resolved value of `options.hugepages` on this host.
    file_prefix
        The prefix to use; generated if the options have none.
    """
    argv = ["pydpdk"]
    if options.lcores is not None:
        argv += ["--lcores", format_lcores(options.lcore_map)]
    if options.main_lcore is not None:
        argv += ["--main-lcore", str(options.main_lcore)]
    argv += ["--file-prefix", file_prefix, "--proc-type", str(options.proc_type)]
    argv += _memory_argv(options, hugepages)
    if not options.scan_pci:
        argv.append("--no-pci")
    iova_mode = options.iova_mode
    if iova_mode is None and not options.scan_pci and options.proc_type == ProcType.PRIMARY:
        iova_mode = IovaMode.VA
    if iova_mode:
        argv.append(f"--iova-mode={iova_mode}")
    argv += [part for device in options.allow for part in ("-a", device)]
    argv += [part for device in options.block for part in ("-b", device)]
    argv += [f"--vdev={vdev}" for vdev in options.vdevs]
    # every start warns of "No legacy callbacks", which users cannot fix
    argv.append("--log-level=lib.telemetry:error")
    argv += [f"--log-level={level}" for level in as_tuple(options.log_level)]
    if not (options.telemetry and hugepages and not options.in_memory):
        argv.append("--no-telemetry")
    if options.base_virtaddr is not None:
        argv.append(f"--base-virtaddr={options.base_virtaddr:#x}")
    # DPDK 25.11 and later reject a flag that is given twice
    return [*argv, *(each for each in options.extra if each not in _FLAGS or each not in argv)]


def _memory_argv(options: EalOptions, hugepages: bool) -> list[str]:
    argv = []
    memory = options.memory_mb
    if not hugepages:
        # no secondary can attach to such memory, so it needs no shared configuration files
        argv += ["--no-huge", "--no-shconf", "-m", str(options.total_mb or DEFAULT_NO_HUGE_MB)]
    elif isinstance(memory, Sequence):
        argv += ["--socket-mem", ",".join(map(str, memory))]
    elif memory is not None:
        argv += ["-m", str(memory)]
    if options.in_memory and hugepages:
        argv.append("--in-memory")
    if options.single_file_segments and hugepages:
        argv.append("--single-file-segments")
    return argv
