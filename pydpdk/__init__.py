"""Python that drives a genuine DPDK: from hugepages to packets, in one process or several.

Names load on first use, so `pydpdk.host` and the modules that only read files also work where
libdpdk is missing or broken.
"""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING, Any as _Any

from pydpdk._core import hooks as _hooks

if _TYPE_CHECKING:
    from pydpdk.app import App as App
    from pydpdk.app.ports import Ports as Ports, port as port, ports as ports
    from pydpdk.app.session import open_file as open  # noqa: A004, F401  # pydpdk.open("file.yaml")
    from pydpdk.app.switch import Switch as Switch
    from pydpdk.burst import (
        Burst as Burst,
        BurstSink as BurstSink,
        BurstSource as BurstSource,
        Forward as Forward,
        Packet as Packet,
        Responder as Responder,
        Where as Where,
    )
    from pydpdk.choices import (
        ForwardMode as ForwardMode,
        GilMode as GilMode,
        IovaMode as IovaMode,
        ProcType as ProcType,
        RingSync as RingSync,
    )
    from pydpdk.eal import Eal as Eal, EalState as EalState, init as init
    from pydpdk.eal.options import EalOptions as EalOptions
    from pydpdk.ethdev import (
        Link as Link,
        Port as Port,
        PortInfo as PortInfo,
        PortState as PortState,
        PortStats as PortStats,
        RssHf as RssHf,
        RxOffload as RxOffload,
        TxOffload as TxOffload,
    )
    from pydpdk.exceptions import (
        BusyError as BusyError,
        ClosedError as ClosedError,
        ConfigError as ConfigError,
        DpdkError as DpdkError,
        EalInitError as EalInitError,
        HandlerError as HandlerError,
        InUseError as InUseError,
        LeakWarning as LeakWarning,
        NameTakenError as NameTakenError,
        NoRoomError as NoRoomError,
        NotFoundError as NotFoundError,
        NotSupportedError as NotSupportedError,
        PeerDiedError as PeerDiedError,
        SecondaryError as SecondaryError,
        TimedOutError as TimedOutError,
        VersionError as VersionError,
    )
    from pydpdk.jit import CompileError as CompileError, Worker as Worker, worker as worker
    from pydpdk.memory.dynfield import DynField as DynField, DynFlag as DynFlag
    from pydpdk.memory.flags import OlFlag as OlFlag
    from pydpdk.memory.mbuf import Mbuf as Mbuf
    from pydpdk.memory.mempool import Mempool as Mempool
    from pydpdk.memory.memzone import Memzone as Memzone, MemzoneFlag as MemzoneFlag
    from pydpdk.memory.objects import ObjectPool as ObjectPool
    from pydpdk.memory.objects_kind import MempoolFlag as MempoolFlag, PoolOps as PoolOps
    from pydpdk.process import (
        Channel as Channel,
        Group as Group,
        Member as Member,
        MemberDiedError as MemberDiedError,
        Process as Process,
        Recovery as Recovery,
        attach as attach,
        messages as messages,
        processes as processes,
        recover as recover,
        running as running,
    )
    from pydpdk.ring import Ring as Ring
    from pydpdk.tables import Bpf as Bpf, Fib as Fib, Fib6 as Fib6, Hash as Hash, Meter as Meter

_HOME = {
    "pydpdk.app": "App open",
    "pydpdk.app.ports": "Ports port ports",
    "pydpdk.app.switch": "Switch",
    "pydpdk.burst": "Burst BurstSink BurstSource Forward Packet Responder Where",
    "pydpdk.choices": "ForwardMode GilMode IovaMode ProcType RingSync",
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

# no plain assignment, which would hide the imports above from type checkers; and without `open`:
# a star import must not shadow the builtin
globals()["__all__"] = sorted({*_MODULE_OF} - {"open"})


def _load_recovery() -> _Any:
    recover_from = _import_module("pydpdk.process.recover").recover_from
    return lambda dead: recover_from(dead.pid, dead.started)


_hooks.recovery = _load_recovery
_hooks.packets = lambda: _import_module("pydpdk.app.packets")


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
