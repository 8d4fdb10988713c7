"""The capabilities of a device."""

from __future__ import annotations

from typing import Any

from pydpdk._core.frozen import frozen
from pydpdk._dpdk import ffi, lib
from pydpdk.errors import call_errno
from pydpdk.ethdev.flags import RssHf, RxOffload, TxOffload
from pydpdk.host.devargs import LONGEST, Device, parse
from pydpdk.limits import MAX_DESC
from pydpdk.memory._rows import read, text


@frozen
class DescLim:
    """The limits of a queue's number of descriptors."""

    nb_min: int
    nb_max: int
    nb_align: int

    def __str__(self) -> str:
        steps = f" in steps of {self.nb_align}" if self.nb_align > 1 else ""
        return f"{self.nb_min} to {self.nb_max}{steps}"

    def takes(self, nb_desc: int) -> bool:
        """Return whether the device accepts this number."""
        return self.nb_min <= nb_desc <= self.nb_max and nb_desc % max(self.nb_align, 1) == 0

    def nearest(self, nb_desc: int) -> int:
        """Return the number closest to `nb_desc` that the device accepts."""
        align = max(self.nb_align, 1)
        return max(min(nb_desc // align * align, self.nb_max), self.nb_min)


@frozen
class PortInfo:
    """A port as its driver describes it.

    Attributes
    ----------
    devargs : str
        The arguments that the device was made with.
    min_mtu, max_mtu : int
        [bytes]
    min_rx_bufsize : int
        [bytes] that a mempool's buffers must have behind the headroom.
    socket_id : int or None
        NUMA node; None if the device has none.
    """

    driver_name: str
    devargs: str
    socket_id: int | None
    min_mtu: int
    max_mtu: int
    min_rx_bufsize: int
    max_rx_pktlen: int
    max_rx_queues: int
    max_tx_queues: int
    max_mac_addrs: int
    rx_offload_capa: RxOffload
    tx_offload_capa: TxOffload
    flow_type_rss_offloads: RssHf
    reta_size: int
    rx_desc_lim: DescLim
    tx_desc_lim: DescLim

    @property
    def device(self) -> Device:
        """The driver's name and the arguments, in parts."""
        return parse(f"{self.driver_name},{self.devargs}")


def read_info(port_id: int) -> PortInfo:
    """Return the driver's description of a port.

    Notes
    -----
    Wraps  rte_eth_dev_info_get (rte_ethdev.h)
    """
    raw = ffi.new("struct rte_eth_dev_info *")
    call_errno(lib.rte_eth_dev_info_get, port_id, raw, detail=f"port {port_id}")
    devargs = ffi.new("char[]", LONGEST + 1)
    lib.pyd_dev_args(raw.device, devargs, LONGEST + 1)
    socket_id = lib.rte_eth_dev_socket_id(port_id)
    return read(
        PortInfo, raw, devargs=text(devargs), socket_id=socket_id if socket_id >= 0 else None,
        rx_desc_lim=_desc_lim(raw.rx_desc_lim), tx_desc_lim=_desc_lim(raw.tx_desc_lim),
    )  # fmt: skip


def _desc_lim(raw: Any) -> DescLim:
    # a limit of 0 is none
    return DescLim(max(raw.nb_min, 1), raw.nb_max or MAX_DESC, max(raw.nb_align, 1))
