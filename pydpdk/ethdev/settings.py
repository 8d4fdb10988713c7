"""The properties and settings of a port other than its queues."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import replace

from pydpdk import eal, log
from pydpdk._core.lifetime import lock
from pydpdk._dpdk import ffi, lib
from pydpdk.eal.portable import Portable
from pydpdk.errors import call_errno, check_range
from pydpdk.ethdev import drivers
from pydpdk.ethdev.info import PortInfo, read_info
from pydpdk.ethdev.stats import Link, PortStats, read_link, read_stats, read_xstats


class PortSettings(Portable):
    """The part of a `Port` that needs only its number.

    Every call holds the lock of `close`: a driver that is called while another thread closes the
    port reads freed memory.
    """

    _lost = False
    """Whether its peer is gone for good: the link must not be queried again."""

    @property
    def info(self) -> PortInfo:
        """The driver's description of the port.

        Notes
        -----
        Wraps  rte_eth_dev_info_get, rte_eth_dev_socket_id (rte_ethdev.h)
        """
        with lock():
            return read_info(self.handle)

    @property
    def driver_errors(self) -> tuple[str, ...]:
        """The last lines of this process that drivers of this port's kind logged as errors.

        DPDK reports failures after the start only there: a virtio_user port, for example, whose
        memory grew to more files than the other side maps. If the port is named at all, it is in
        the line.
        """
        with lock():
            return tuple(log.driver_failures(self.info.driver_name))

    @property
    def link(self) -> Link:
        """The current state of the link; devices may need a moment after `start`.

        Notes
        -----
        Wraps  rte_eth_link_get_nowait (rte_ethdev.h)
        """
        with lock():
            if self._lost:
                return Link(False, None, True, False)
            link = read_link(self.handle)
            if not link.up and self.info.driver_name == drivers.VIRTIO_USER:
                drivers.let_disconnect_pass(self.name)
            self._lost = not link.up and drivers.is_lost(
                self.info.driver_name, self.name, self.handle
            )
            return link

    @property
    def stats(self) -> PortStats:
        """Counters since the start or `reset_stats`.

        `ierrors` and `oerrors` include packets that were freed because they came cut or can never
        be sent: `RxQueue.cut`, `TxQueue.unsendable`.

        Notes
        -----
        Wraps  rte_eth_stats_get (rte_ethdev.h)
        """
        with lock():
            counted = read_stats(self.handle)
            cut, unsendable = self._freed()
            return replace(
                counted, ierrors=counted.ierrors + cut, oerrors=counted.oerrors + unsendable
            )

    @property
    def xstats(self) -> dict[str, int]:
        """Extended counters by name, the driver's own among them.

        Notes
        -----
        Wraps  rte_eth_xstats_get_names, rte_eth_xstats_get (rte_ethdev.h)
        """
        with lock():
            return read_xstats(self.handle)

    def reset_stats(self) -> None:
        """Set the counters to 0, in the primary.

        Notes
        -----
        Wraps  rte_eth_stats_reset, rte_eth_xstats_reset (rte_ethdev.h)
        """
        eal.require_primary("rte_eth_stats_reset")
        with lock():
            call_errno(lib.rte_eth_stats_reset, self.handle, detail=self.name)
            call_errno(lib.rte_eth_xstats_reset, self.handle, detail=self.name)
            self._forget_freed()

    @property
    def mac(self) -> str:
        """MAC address, as `02:00:00:00:00:01`; settable in the primary.

        Notes
        -----
        Wraps  rte_eth_macaddr_get, rte_eth_dev_default_mac_addr_set (rte_ethdev.h)
        """
        address = ffi.new("struct rte_ether_addr *")
        with lock():
            call_errno(lib.rte_eth_macaddr_get, self.handle, address, detail=self.name)
        return ":".join(f"{byte:02x}" for byte in address.addr_bytes)

    @mac.setter
    def mac(self, mac: str) -> None:
        eal.require_primary("rte_eth_dev_default_mac_addr_set")
        if not isinstance(mac, str) or not re.fullmatch("[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}", mac):
            raise ValueError(f"mac={mac!r}: six bytes in hex, as 02:00:00:00:00:01")
        address = ffi.new(
            "struct rte_ether_addr *", {"addr_bytes": list(bytes.fromhex(mac.replace(":", "")))}
        )
        with lock():
            call_errno(lib.rte_eth_dev_default_mac_addr_set, self.handle, address, detail=mac)

    @property
    def promiscuous(self) -> bool:
        """Whether packets for others are received too; settable once configured.

        Notes
        -----
        Wraps  rte_eth_promiscuous_get, rte_eth_promiscuous_enable, rte_eth_promiscuous_disable
               (rte_ethdev.h)
        """
        with lock():
            return call_errno(lib.rte_eth_promiscuous_get, self.handle, detail=self.name) == 1

    @promiscuous.setter
    def promiscuous(self, on: bool) -> None:
        self._control(lib.rte_eth_promiscuous_enable if on else lib.rte_eth_promiscuous_disable)

    @property
    def mtu(self) -> int:
        """[bytes]; settable once configured.

        Notes
        -----
        Wraps  rte_eth_dev_get_mtu, rte_eth_dev_set_mtu (rte_ethdev.h)
        """
        mtu = ffi.new("uint16_t *")
        with lock():
            call_errno(lib.rte_eth_dev_get_mtu, self.handle, mtu, detail=self.name)
        return int(mtu[0])

    @mtu.setter
    def mtu(self, mtu: int) -> None:
        info = self.info
        check_range("mtu", mtu, info.min_mtu, min(info.max_mtu, 65535), f" on port {self.name!r}")
        self._control(lib.rte_eth_dev_set_mtu, mtu)

    def set_link(self, *, up: bool) -> None:
        """Bring the link up or down, if the driver supports it.

        Notes
        -----
        Wraps  rte_eth_dev_set_link_up, rte_eth_dev_set_link_down (rte_ethdev.h)
        """
        self._control(lib.rte_eth_dev_set_link_up if up else lib.rte_eth_dev_set_link_down)

    def _control(self, function: Callable[..., int], *arguments: int) -> None:
        eal.require_primary(function.__name__)
        with lock():
            self._require(function.__name__, "stopped", "started")
            call_errno(function, self.handle, *arguments, detail=self.name)

    @abstractmethod
    def _freed(self) -> tuple[int, int]:
        """Return the [packets] that this process freed in rx as cut and in tx as unsendable."""

    @abstractmethod
    def _forget_freed(self) -> None:
        """Set the counts of `_freed` to 0."""

    @abstractmethod
    def _require(self, call: str, *states: str) -> None:
        """Raise unless the port is in one of these states."""
