"""Queues and offloads of the virtual devices' drivers, from DPDK 22.11 to 25.11.

A port is checked again when it is configured, by what its driver says then; NICs only then.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydpdk.config.model import PortSpec
from pydpdk.config.source import Fault
from pydpdk.host.devargs import Device
from pydpdk.limits import MAX_QUEUES

_MOST_QUEUES = {
    "net_null": MAX_QUEUES,
    "net_ring": 16,  # RTE_PMD_RING_MAX_RX_RINGS
    "net_tap": 253,  # RTE_MP_MAX_FD_NUM
    "net_tun": 253,
    "net_memif": 255,  # ETH_MEMIF_MAX_NUM_Q_PAIRS
}
_QUEUES_KEY = {
    "net_af_packet": "qpairs",
    "net_af_xdp": "queue_count",
    "net_vhost": "queues",
    "net_virtio_user": "queues",
}
"""The argument that sets the number of queues in each direction; 1 without it."""

_TAP_CHECKSUMS = ("IPV4_CKSUM", "UDP_CKSUM", "TCP_CKSUM")
_RX_OFFLOADS: dict[str, tuple[str, ...]] = {
    "net_null": (),
    "net_ring": ("SCATTER",),
    "net_pcap": (),
    "net_af_packet": ("VLAN_STRIP", "TIMESTAMP"),
    "net_af_xdp": (),
    "net_tap": ("SCATTER", *_TAP_CHECKSUMS),
    "net_tun": ("SCATTER", *_TAP_CHECKSUMS),
    "net_memif": (),
    "net_vhost": ("VLAN_STRIP", "UDP_CKSUM", "TCP_CKSUM"),
    "net_virtio_user": ("VLAN_STRIP", "VLAN_FILTER", "UDP_CKSUM", "TCP_CKSUM", "TCP_LRO",
                        "SCATTER", "RSS_HASH"),
}  # fmt: skip
_TX_OFFLOADS: dict[str, tuple[str, ...]] = {
    "net_null": ("MULTI_SEGS", "MT_LOCKFREE"),
    "net_ring": ("MULTI_SEGS",),
    "net_pcap": (),
    "net_af_packet": ("MULTI_SEGS", "VLAN_INSERT"),
    "net_af_xdp": (),
    "net_tap": ("MULTI_SEGS", "TCP_TSO", *_TAP_CHECKSUMS),
    "net_tun": ("MULTI_SEGS", "TCP_TSO", *_TAP_CHECKSUMS),
    "net_memif": ("MULTI_SEGS",),
    "net_vhost": ("MULTI_SEGS", "VLAN_INSERT", "UDP_CKSUM", "TCP_CKSUM"),
    "net_virtio_user": ("MULTI_SEGS", "VLAN_INSERT", "UDP_CKSUM", "TCP_CKSUM", "TCP_TSO"),
}


def check(name: str, port: PortSpec) -> Iterator[Fault]:
    """Check what a port asks of its driver. A bond offers what its members do."""
    device = port.parsed
    driver = device.driver or ""
    for key, most in zip(("nb_rx_queues", "nb_tx_queues"), _queues(device), strict=True):
        asked = getattr(port, key)
        if most is not None and asked > most:
            yield Fault(("ports", name, key), str(asked), f"at most {most}{_why(device)}")
    for key, offers in (("rx_offloads", _RX_OFFLOADS), ("tx_offloads", _TX_OFFLOADS)):
        able = offers.get(driver)
        for i, offload in enumerate(getattr(port, key) if able is not None else ()):
            if offload not in (able or ()):
                listed = ", ".join(able or ()) or "nothing"
                yield Fault(("ports", name, key, i), offload, f"{listed}, as {driver} offers")


def _why(device: Device) -> str:
    key = _QUEUES_KEY.get(device.driver or "")
    if key:
        return f", the {key} of the device" + ("" if device.values(key) else ", 1 by default")
    if device.driver == "net_pcap":
        return ", one for each file or interface of the device"
    return f", as {device.driver} has"


def _queues(device: Device) -> tuple[int | None, int | None]:
    """Return the most receive and transmit queues; None where only the driver knows."""
    driver = device.driver or ""
    if driver == "net_pcap":
        return _pcap_queues(device)
    key = _QUEUES_KEY.get(driver)
    if key is None:
        return (_MOST_QUEUES.get(driver),) * 2
    value = device.value(key, "1")
    known = re.fullmatch(r"[1-9][0-9]{0,4}", value, re.ASCII)  # else it has another fault
    return (int(value) if known else None,) * 2


def _pcap_queues(device: Device) -> tuple[int | None, int | None]:
    """Count the ends as the driver does: files before interfaces, and as many of the other way."""
    if len(device.values("iface")) == 1:
        return 1, 1
    receives = len(device.values("rx_pcap") or device.values("rx_iface", "rx_iface_in"))
    sends = len(device.values("tx_pcap") or device.values("tx_iface"))
    if not receives:
        receives = len(device.values("tx_pcap", "tx_iface"))
    return receives or None, sends or receives or None
