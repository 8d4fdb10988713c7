"""Ports: NICs and virtual devices, their queues, capabilities and counters."""

from pydpdk.ethdev.flags import RssHf, RxOffload, TxOffload
from pydpdk.ethdev.info import PortInfo
from pydpdk.ethdev.port import Port, PortState
from pydpdk.ethdev.queue import RxQueue, TxQueue
from pydpdk.ethdev.stats import Link, PortStats

__all__ = [
    "Link",
    "Port",
    "PortInfo",
    "PortState",
    "PortStats",
    "RssHf",
    "RxOffload",
    "RxQueue",
    "TxOffload",
    "TxQueue",
]
