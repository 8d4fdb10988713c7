"""Fixes for packets at drivers of kernel interfaces, as they are received and sent."""

from __future__ import annotations

import errno
import logging
import os
import socket
import stat
from collections.abc import Iterable
from typing import Any

from pydpdk._dpdk import ffi, lib
from pydpdk.ethdev.drivers import AF_XDP, family_of
from pydpdk.ethdev.info import PortInfo
from pydpdk.ethdev.queue import RxQueue, TxQueue
from pydpdk.host import files, offloads
from pydpdk.host.needs import AF_PACKET, FRAME_SLACK, frames_of
from pydpdk.memory.mempool import HEADROOM, Mempool

TAP, PCAP = "net_tap", "net_pcap"

_ETHER = 14  # RTE_ETHER_HDR_LEN
_TAP_OVER_MTU = 22  # as its pmd_tx_burst has it
_NO_LIMIT = (1 << 32) - 1
_logger = logging.getLogger("pydpdk")


def interface_of(info: PortInfo) -> str:
    """Return the kernel interface that a port receives from; an empty string if it has none."""
    if info.driver_name not in (AF_PACKET, AF_XDP, TAP, PCAP):
        return ""
    named = info.device.values("iface", "rx_iface", "rx_iface_in")
    return named[0] if named else "dtap0" if info.driver_name == TAP else ""


def finishes(info: PortInfo, wish: bool | None) -> bool:
    """Return whether a port finishes checksums; by default if the kernel may leave them undone."""
    if wish is not None:
        if not isinstance(wish, bool):
            raise TypeError(f"finish_checksums must be True, False or None (got {wish!r})")
        return wish
    interface = interface_of(info)
    return bool(interface) and offloads.Offload.TX in offloads.enabled(interface)


def splits(info: PortInfo, wish: bool | None) -> bool:
    """Return whether the kernel is to split large packets in advance; by default over veth."""
    if wish not in (None, True, False):
        raise TypeError(f"split_large must be True, False or None (got {wish!r})")
    interface = interface_of(info) if info.driver_name == AF_PACKET else ""
    end = offloads.peer(interface) if interface else None
    if wish and end is None:
        raise ValueError("split_large needs net_af_packet on one end of a veth pair")
    if wish is not None or end is None:
        return bool(wish)
    return not end.name or offloads.Offload.TSO in offloads.enabled(end.name)


def split(info: PortInfo) -> int | None:
    """Have the kernel split large packets until the returned descriptor is closed.

    Notes
    -----
    Wraps  bpf(BPF_PROG_LOAD, BPF_LINK_CREATE) of the kernel: an XDP program that passes everything
    """
    interface = interface_of(info)
    number = lib.pyd_split_large(socket.if_nametoindex(interface))
    if number < 0:
        _logger.warning(
            "interface %s: the kernel does not split large packets for it (bpf: %s): those of"
            " more than a frame are dropped and counted; see `pydpdk doctor`, interface-offloads",
            interface, os.strerror(-number),
        )  # fmt: skip
        return None
    # Linux before 6.18 merges them again with a program
    if offloads.Offload.GRO in offloads.enabled(interface):
        offloads.disable_gro(interface)
    return int(number)


def guard(
    port_id: int,
    info: PortInfo,
    mempool: Mempool | None,
    finish: bool,
    queues: Iterable[RxQueue | TxQueue],
) -> None:
    """Set up the packet checks of a started port, before its queues are used."""
    limits = _limits(port_id, info, mempool)
    for queue in queues:
        if isinstance(queue, RxQueue):
            if finish or info.driver_name == AF_PACKET:
                queue._guard(ffi.new("struct pyd_border *", {"finish": finish}))
        elif limits:
            queue._guard(ffi.new("struct pyd_border *", limits))
        if isinstance(queue, RxQueue) and info.driver_name == AF_PACKET:
            _adopt(queue, info)


def _limits(port_id: int, info: PortInfo, mempool: Mempool | None) -> dict[str, int]:
    """Return the limits of what a port can send, where the driver does not check them itself."""
    interface = interface_of(info)
    mtu = offloads.mtu(interface) or 0
    if info.driver_name == AF_PACKET:
        return {
            "interface": socket.if_nametoindex(interface) if mtu else 0, "port_id": port_id,
            "over_mtu": _ETHER, "longest": mtu + _ETHER if mtu else _NO_LIMIT,
            "frame_max": _frame_size(info) - FRAME_SLACK,
        }  # fmt: skip
    if info.driver_name == TAP:  # longest is 0: C reads the MTU with the first packet
        return {"port_id": port_id, "over_mtu": _TAP_OVER_MTU, "frame_max": _NO_LIMIT}
    if info.driver_name == AF_XDP and mempool is not None:
        room = mempool.data_room_size - HEADROOM
        return {"frame_max": room, "longest": room, "one_segment": 1}
    return {}


def _frame_size(info: PortInfo) -> int:
    return frames_of(info.device).size


def _adopt(queue: RxQueue, info: PortInfo) -> None:
    """Read the kernel's metadata of frames in the driver's ring, if its layout is as expected."""
    port_id, queue_id = queue.port.port_id, queue.queue_id
    found = ffi.new("struct pyd_packet_queue *")
    ret = lib.pyd_packet_queue(port_id, queue_id, found)
    if ret == 0:
        ret = -errno.EPROTO if not _is_ring(found) else 0
    if ret == 0:
        queue._fd = found.sockfd
        ret = lib.pyd_packet_adopt(port_id, queue_id, _frame_size(info), queue._border)
    if ret != 0:
        _logger.warning(
            "port %s: the layout of this DPDK's net_af_packet is unknown (%s): frames above its"
            " frame size are cut and not counted, and a tag of 0x88a8 becomes one of 0x8100",
            queue.port.name, errno.errorcode.get(-ret, ret),
        )  # fmt: skip


def _is_ring(found: Any) -> bool:
    """Return whether a queue begins with a packet socket and the address of its mapping."""
    try:
        about = os.fstat(found.sockfd)
    except (OSError, OverflowError):
        return False
    if not stat.S_ISSOCK(about.st_mode) or family_of(found.sockfd) != socket.AF_PACKET:
        return False
    begins, ends = f"{found.map:x}-", f" socket:[{about.st_ino}]"
    maps = files.lines("/proc/self/maps")
    return any(line.startswith(begins) and line.endswith(ends) for line in maps)
