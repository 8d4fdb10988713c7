"""Python that drives a genuine DPDK: from hugepages to packets, in one process or several.

Names load on first use, so `pydpdk.host` and the modules that only read files also work where
libdpdk is missing or broken.
"""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from pydpdk._core import hooks as _hooks

if _TYPE_CHECKING:
    from pydpdk.app import App
    from pydpdk.app.session import open_file as open  # noqa: A004, F401  # pydpdk.open("file.yaml")
    from pydpdk.burst import Burst, BurstSink, BurstSource, Forward
    from pydpdk.choices import ForwardMode, IovaMode, ProcType, RingSync
    from pydpdk.eal import Eal, EalState, init
    from pydpdk.eal.options import EalOptions
    from pydpdk.ethdev import (
        Link,
        Port,
        PortInfo,
        PortState,
        PortStats,
        RssHf,
        RxOffload,
        TxOffload,
    )
    from pydpdk.exceptions import (
        BusyError,
        ClosedError,
        ConfigError,
        DpdkError,
        EalInitError,
        HandlerError,
        InUseError,
        LeakWarning,
        NameTakenError,
        NoRoomError,
        NotFoundError,
        NotSupportedError,
        PeerDiedError,
        SecondaryError,
        TimedOutError,
        VersionError,
    )
    from pydpdk.jit import CompileError, Worker, worker
    from pydpdk.memory.dynfield import DynField, DynFlag
    from pydpdk.memory.flags import OlFlag
    from pydpdk.memory.mbuf import Mbuf
    from pydpdk.memory.mempool import Mempool
    from pydpdk.memory.memzone import Memzone, MemzoneFlag
    from pydpdk.memory.objects import ObjectPool
    from pydpdk.memory.objects_kind import MempoolFlag, PoolOps
    from pydpdk.process import (
        Channel,
        Group,
        Member,
        MemberDiedError,
        Process,
        Recovery,
        attach,
        messages,
        processes,
        recover,
        running,
    )
    from pydpdk.ring import Ring
    from pydpdk.tables import Bpf, Fib, Fib6, Hash, Meter

_HOME = {
    "pydpdk.app": "App open",
    "pydpdk.burst": "Burst BurstSink BurstSource Forward",
    "pydpdk.choices": "ForwardMode IovaMode ProcType RingSync",
    "pydpdk.eal": "Eal EalState init",
    "pydpdk.eal.options": "EalOptions",
    "pydpdk.exceptions": (
        "BusyError ClosedError ConfigError DpdkError EalInitError HandlerError InUseError "
        "LeakWarning NameTakenError NoRoomError NotFoundError NotSupportedError PeerDiedError "
        "SecondaryError TimedOutError VersionError"
    ),
    "pydpdk.ethdev": "Link Port PortInfo PortState PortStats RssHf RxOffload TxOffload",
    "pydpdk.jit": "CompileError Worker worker",
    "pydpdk.memory.dynfield": "DynField DynFlag",
    "pydpdk.memory.flags": "OlFlag",
    "pydpdk.memory.mbuf": "Mbuf",
    "pydpdk.memory.mempool": "Mempool",
    "pydpdk.memory.memzone": "Memzone MemzoneFlag",
    "pydpdk.memory.objects": "ObjectPool",
    "pydpdk.memory.objects_kind": "MempoolFlag PoolOps",
    "pydpdk.process": (
        "Channel Group Member MemberDiedError Process Recovery "
        "attach messages processes recover running"
    ),
    "pydpdk.ring": "Ring",
    "pydpdk.tables": "Bpf Fib Fib6 Hash Meter",
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names.split()}

# without `open`: a star import must not shadow the builtin
__all__ = [
    "App",
    "Bpf",
    "Burst",
    "BurstSink",
    "BurstSource",
    "BusyError",
    "Channel",
    "ClosedError",
    "CompileError",
    "ConfigError",
    "DpdkError",
    "DynField",
    "DynFlag",
    "Eal",
    "EalInitError",
    "EalOptions",
    "EalState",
    "Fib",
    "Fib6",
    "Forward",
    "ForwardMode",
    "Group",
    "HandlerError",
    "Hash",
    "InUseError",
    "IovaMode",
    "LeakWarning",
    "Link",
    "Mbuf",
    "Member",
    "MemberDiedError",
    "Mempool",
    "MempoolFlag",
    "Memzone",
    "MemzoneFlag",
    "Meter",
    "NameTakenError",
    "NoRoomError",
    "NotFoundError",
    "NotSupportedError",
    "ObjectPool",
    "OlFlag",
    "PeerDiedError",
    "PoolOps",
    "Port",
    "PortInfo",
    "PortState",
    "PortStats",
    "ProcType",
    "Process",
    "Recovery",
    "Ring",
    "RingSync",
    "RssHf",
    "RxOffload",
    "SecondaryError",
    "TimedOutError",
    "TxOffload",
    "VersionError",
    "Worker",
    "attach",
    "init",
    "messages",
    "processes",
    "recover",
    "running",
    "worker",
]


def _load_recovery() -> _Any:
    recover_from = _import_module("pydpdk.process.recover").recover_from
    return lambda dead: recover_from(dead.pid, dead.started)


_hooks.recovery = _load_recovery


def __getattr__(name: str) -> _Any:
    """Load a public name or a module of this package on first use (PEP 562), after `version.check`.

    Raises
    ------
    VersionError
        libdpdk has another release than the one compiled against.
    """
    if name in _MODULE_OF:
        value = getattr(_import_module(_MODULE_OF[name]), name)
        globals()[name] = value
        return value
    if name == "__version__":
        from importlib.metadata import version

        return version("pydpdk")
    from importlib.util import find_spec

    if not name.startswith("__") and find_spec(f"{__name__}.{name}"):
        return _import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULE_OF})
