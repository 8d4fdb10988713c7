"""Virtual network devices: the names of their drivers, and their arguments.

A device's name must start with the name of its driver. DPDK passes the arguments to the driver,
which usually only logs unknown ones.
"""

from __future__ import annotations

import difflib

_VIRTIO_USER = (
    "path", "mac", "cq", "queue_size", "queues", "iface", "server", "mrg_rxbuf", "in_order",
    "packed_vq", "speed", "vectorized",
)  # fmt: skip
_TAP = ("iface", "remote", "mac", "persist")
ARGUMENTS: dict[str, tuple[str, ...]] = {
    "net_null": ("size", "copy", "no-rx"),
    "net_ring": ("nodeaction", "internal"),
    "net_pcap": (
        "rx_pcap", "tx_pcap", "rx_iface", "rx_iface_in", "tx_iface", "iface", "phy_mac",
        "infinite_rx",
    ),
    "net_af_packet": (
        "iface", "qpairs", "blocksz", "framesz", "framecnt", "qdisc_bypass", "fanout_mode",
    ),
    "net_af_xdp": (
        "iface", "start_queue", "queue_count", "shared_umem", "xdp_prog", "busy_budget",
        "force_copy", "use_cni", "use_pinned_map", "dp_path", "mode",
    ),
    "net_tap": _TAP,
    "net_tun": _TAP,
    "net_memif": (
        "id", "role", "bsize", "rsize", "socket", "socket-abstract", "owner-uid", "owner-gid",
        "mac", "zero-copy", "secret",
    ),
    "net_vhost": (
        "iface", "queues", "client", "iommu-support", "postcopy-support", "tso", "linear-buffer",
        "ext-buffer", "legacy-ol-flags",
    ),
    "net_virtio_user": _VIRTIO_USER,
    "net_bonding": (
        "member", "slave", "primary", "mode", "xmit_policy", "agg_mode", "socket_id", "mac",
    ),
}  # fmt: skip
"""Arguments of the drivers of DPDK 22.11 to 25.11 (their `valid_arguments`)."""

ALIASES = {
    "eth_null": "net_null", "eth_ring": "net_ring", "eth_pcap": "net_pcap",
    "eth_af_packet": "net_af_packet", "eth_tap": "net_tap", "eth_vhost": "net_vhost",
    "virtio_user": "net_virtio_user", "eth_bond": "net_bonding",
}  # fmt: skip
"""Other names of the same drivers (`RTE_PMD_REGISTER_ALIAS`)."""

_OTHERS = (
    "net_failsafe", "net_softnic", "net_vdev_netvsc", "eth_vdev_netvsc", "net_kni", "net_mvneta",
    "net_mvpp2", "eth_mvpp2", "net_octeontx", "eth_octeontx", "net_pfe", "net_enetfec", "net_ionic",
)  # fmt: skip
_NAMES = (*ARGUMENTS, *ALIASES, *_OTHERS)
"""All names that `drivers/net` registers in DPDK 22.11 to 25.11 (`RTE_PMD_REGISTER_VDEV`)."""


def driver_of(device: str) -> str | None:
    """Return DPDK's driver of a virtual network device; None if it has none.

    As DPDK does, take the driver whose name, or other name, the device's begins with: `net_tap0`,
    `net_tap_lan` and `eth_tap0` are all of net_tap.

    Parameters
    ----------
    device
        Its name, or name and arguments: `net_null0,size=64`.
    """
    name = device.partition(",")[0]
    found = max((known for known in _NAMES if name.startswith(known)), key=len, default=None)
    return ALIASES.get(found, found) if found else None


def driver_or_name(device: str) -> str:
    """Return the driver of a virtual device, or what its name says of one that is unknown here."""
    return driver_of(device) or device.partition(",")[0].rstrip("0123456789")


def unknown_driver(device: str, *, is_port: bool) -> str:
    """Return the known drivers if a virtual device names none of them; else empty.

    Parameters
    ----------
    device
        Its name, or name and arguments.
    is_port
        Whether it must be a port; else it may be of another class, such as `crypto_null`.
    """
    if driver_of(device):
        return ""
    name = device.partition(",")[0].rstrip("0123456789")
    close = difflib.get_close_matches(name, _NAMES, n=1, cutoff=0.6 if is_port else 0.85)
    if not (is_port or close or name.startswith(("net_", "eth_"))):
        return ""
    hint = f"; did you mean {close[0]}?" if close else ""
    return f"a driver of DPDK: {', '.join(ARGUMENTS)}{hint}"


def argument_faults(device: str) -> list[str]:
    """Return the faults in the arguments of a virtual device, if its driver is known.

    DPDK splits them at `,` and `=` (`rte_kvargs`), so no value can contain one.
    """
    driver = driver_of(device)
    known = ARGUMENTS.get(driver or "")
    if known is None:
        return []
    return [
        fault
        for argument in device.split(",")[1:]
        if (fault := _argument_fault(driver or "", known, argument))
    ]


def _argument_fault(driver: str, known: tuple[str, ...], argument: str) -> str:
    key, equals, value = argument.partition("=")
    if "=" in value:
        return f"no '=' or ',' in a value or path, as DPDK splits arguments there: {argument!r}"
    if key in known:
        return ""
    allowed = f"arguments of {driver}: {', '.join(known)}; {key!r} is none"
    if not equals:
        return f"{allowed}, and no path can have a ',' in it"
    close = difflib.get_close_matches(key, known, n=1)
    return f"{allowed}; did you mean {close[0]}?" if close else allowed
