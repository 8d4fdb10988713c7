"""Python that drives a genuine DPDK: from hugepages to packets, in one process or several."""

from pydpdk import version as _version
from pydpdk.app import App, open  # noqa: A004  # pydpdk.open("file.yaml")
from pydpdk.burst import Burst, Forward
from pydpdk.eal import Eal, init
from pydpdk.eal_options import EalOptions
from pydpdk.errors import (
    BusyError,
    ClosedError,
    ConfigError,
    DpdkError,
    EalInitError,
    HandlerError,
    InUseError,
    NameTakenError,
    NoRoomError,
    NotFoundError,
    NotSupportedError,
    PeerDiedError,
    SecondaryError,
    VersionError,
)
from pydpdk.ethdev import Link, Port, PortInfo, PortStats, RssHf, RxOffload, TxOffload
from pydpdk.memory.dynfield import DynField, DynFlag
from pydpdk.memory.flags import OlFlag
from pydpdk.memory.mbuf import Mbuf
from pydpdk.memory.mempool import Mempool
from pydpdk.memory.memzone import Memzone, MemzoneFlag
from pydpdk.memory.objects import ObjectPool
from pydpdk.memory.objects_kind import MempoolFlag
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

_version.check()

__all__ = [
    "App",
    "Burst",
    "BusyError",
    "Channel",
    "ClosedError",
    "ConfigError",
    "DpdkError",
    "DynField",
    "DynFlag",
    "Eal",
    "EalInitError",
    "EalOptions",
    "Forward",
    "Group",
    "HandlerError",
    "InUseError",
    "Link",
    "Mbuf",
    "Member",
    "MemberDiedError",
    "Mempool",
    "MempoolFlag",
    "Memzone",
    "MemzoneFlag",
    "NameTakenError",
    "NoRoomError",
    "NotFoundError",
    "NotSupportedError",
    "ObjectPool",
    "OlFlag",
    "PeerDiedError",
    "Port",
    "PortInfo",
    "PortStats",
    "Process",
    "Recovery",
    "Ring",
    "RssHf",
    "RxOffload",
    "SecondaryError",
    "TxOffload",
    "VersionError",
    "attach",
    "init",
    "messages",
    "open",
    "processes",
    "recover",
    "running",
]
