"""Ports: configured, started, stopped and closed in that order."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar, cast

from pydpdk import eal, log
from pydpdk._core import hooks
from pydpdk._core.lifetime import Owner, Rank, Undo, find, lock, owners
from pydpdk._dpdk import ffi, lib
from pydpdk.eal.devices import check_log
from pydpdk.eal.portable import Portable
from pydpdk.errors import (
    ClosedError,
    DpdkError,
    InUseError,
    call_errno,
    check_range,
    damaged,
    make_error,
)
from pydpdk.ethdev import border, drivers, interrupts, sharing
from pydpdk.ethdev.checks import PortConfig, check_config
from pydpdk.ethdev.flags import RssHf, RxOffload, TxOffload
from pydpdk.ethdev.info import PortInfo, read_info
from pydpdk.ethdev.queue import Queue, RxQueue, TxQueue
from pydpdk.ethdev.stats import Link, PortStats, read_link, read_stats, read_xstats
from pydpdk.ethdev.table import find_id, name_of, port_ids
from pydpdk.host.needs import VIRTIO_USER
from pydpdk.limits import MAX_MTU
from pydpdk.memory.critical import inside
from pydpdk.memory.mempool import Mempool

if TYPE_CHECKING:
    import numpy.typing as npt

    from pydpdk.burst._packets import AnyPackets
    from pydpdk.burst.burst import Burst
    from pydpdk.burst.packet import Packet

Q = TypeVar("Q", RxQueue, TxQueue)


class PortState(StrEnum):
    """The state of a port; in a secondary it is `attached` until it is closed."""

    UNCONFIGURED = "unconfigured"
    STOPPED = "stopped"
    STARTED = "started"
    CLOSED = "closed"
    ATTACHED = "attached"


class Port(Portable):
    """A NIC or a virtual device.

    Attributes
    ----------
    port_id : int
        DPDK's number.

    Notes
    -----
    Wraps    rte_eth_dev_close (rte_ethdev.h) in `close`
    Owns     the device, in the primary process; a secondary may only count, receive and send
    Threads  control calls one at a time; queues, see `Queue`
    """

    # Every call holds the lock of `close`: a driver that is called while another thread closes the
    # port reads freed memory.

    _rank = Rank.DEVICE
    _stays = True

    def __init__(self, name: str, port_id: int) -> None:
        self.port_id = port_id
        self._c = ffi.new("struct pyd_port *", {"gate": {"open": 1}, "port_id": port_id})
        self._rx: tuple[RxQueue, ...] = ()
        self._tx: tuple[TxQueue, ...] = ()
        self._mempool: Mempool | None = None
        self._own_pool: Mempool | None = None  # closed with the port
        self._own_device = ""  # removed with the port
        self._pools: set[Mempool] = set()  # the driver may hold mbufs of these
        self._sockets: set[drivers.Socket] = set()
        self._finishes = self._splits = False
        self._lost = False  # its peer is gone for good: the link must not be queried again
        self._link: int | None = None
        gate = ffi.addressof(self._c, "gate")
        super().__init__(name, port_id, gate, address=port_id, owned=eal.is_primary())

    @classmethod
    def lookup(cls, port: str | int) -> Port:
        """Find a port by name or number; the same object each time.

        Parameters
        ----------
        port
            The device's name (`net_null0`, `0000:01:00.0`) or DPDK's number.

        Raises
        ------
        NotFoundError
            There is none.

        Notes
        -----
        Wraps  rte_eth_dev_get_port_by_name, rte_eth_dev_is_valid_port,
               rte_eth_dev_get_name_by_port (rte_ethdev.h)
        """
        eal.require_running()
        with eal.running():
            port_id = find_id(port)
            known, name = find(cls, port_id), name_of(port_id)
            if known is not None and known.name != name:  # the primary has reused its number
                known._abandon()
                known = None
            return known or cls(name, port_id)

    @classmethod
    def all(cls) -> list[Port]:
        """Return all ports that belong to no other device.

        Notes
        -----
        Wraps  rte_eth_find_next_owned_by (rte_ethdev.h)
        """
        with eal.running():
            return [cls.lookup(port_id) for port_id in port_ids()]

    # -- state --

    @property
    def mempool(self) -> Mempool | None:
        """The pool of received packets."""
        return self._mempool

    @property
    def state(self) -> PortState:
        """Whether it is configured, started or closed; in a secondary `attached`."""
        if self.closed:
            return PortState.CLOSED
        if not self.owned:
            return PortState.ATTACHED
        if self._c.started:
            return PortState.STARTED
        return PortState.STOPPED if self._c.configured else PortState.UNCONFIGURED

    @property
    def handle(self) -> int:
        """DPDK's number; raises `ClosedError` once the port is gone, in a secondary by its primary.

        A driver in a secondary is not notified when the primary closes a port, and would then read
        from NULL.
        """
        port_id = int(super().handle)
        if self.state == PortState.ATTACHED and name_of(port_id) != self.name:
            self._abandon()
            raise ClosedError(f"{self!r}: the primary has closed it")
        return port_id

    def info(self) -> PortInfo:
        """Return the driver's description of the port.

        Notes
        -----
        Wraps  rte_eth_dev_info_get, rte_eth_dev_socket_id (rte_ethdev.h)
        """
        with lock():
            return read_info(self.handle)

    def driver_errors(self) -> tuple[str, ...]:
        """Return what drivers of this port's kind last logged as errors, in this process.

        DPDK reports failures after the start only there: a virtio_user port, for example, whose
        memory grew to more files than the other side maps. If the port is named at all, it is in
        the line.
        """
        with lock():
            return tuple(log.driver_failures(self.info().driver_name))

    # -- queues --

    @property
    def rx_queues(self) -> tuple[RxQueue, ...]:
        """The rx queues; empty until configured.

        Raises
        ------
        NotSupportedError
            In a secondary: the driver has no queues there, or the primary does not run pydpdk.
        """
        self._find_queues()
        return self._rx

    @property
    def tx_queues(self) -> tuple[TxQueue, ...]:
        """The tx queues; as `rx_queues`."""
        self._find_queues()
        return self._tx

    @property
    def rx_queue(self) -> RxQueue:
        """The rx queue of a port that has one.

        Raises
        ------
        NotFoundError
            It has several or none; NotSupportedError as from `rx_queues`.
        """
        return self._only("rx", self.rx_queues, "rte_eth_rx_burst")

    @property
    def tx_queue(self) -> TxQueue:
        """The tx queue of a port that has one; as `rx_queue`."""
        return self._only("tx", self.tx_queues, "rte_eth_tx_burst")

    def _only(self, kind: str, queues: tuple[Q, ...], call: str) -> Q:
        if len(queues) != 1:
            self.handle  # noqa: B018  # raises when closed
            which = f"choose one of {kind}_queues" if queues else "configure makes them"
            what = f"{self!r} has {len(queues)} {kind} queues: {which}"
            raise make_error(call, errno.ENODEV, what)
        return queues[0]

    # -- packets as bytes --

    def send(
        self,
        packets: AnyPackets,
        *,
        lengths: npt.ArrayLike | None = None,
        drop: bool = False,
        queue: int = 0,
        mempool: Mempool | None = None,
    ) -> int:
        """Send packets; return how many of them, from the first on, the port took.

        Parameters
        ----------
        packets
            One packet or several: bytes-like, or anything with `__bytes__`, as Scapy's packets; or
            rows, `uint8[n, width]`.
        lengths
            [bytes] of each row, `[n]`. Default: the width.
        drop
            Whether to go on behind packets that the port did not take, and count those in
            `TxQueue.dropped`.
        queue
            The number of the tx queue.
        mempool
            For the packets' mbufs. Default: the port's.

        Raises
        ------
        ClosedError, BusyError
            The port is not started; another thread uses the queue.
        NoRoomError
            The pool has no mbufs for the first packets.

        Notes
        -----
        Wraps  rte_pktmbuf_alloc_bulk (rte_mbuf.h), rte_eth_tx_burst (rte_ethdev.h)
        Cost   a copy and Python objects for each packet: `Burst` and `TxQueue.tx` are for speed
        """
        sent = hooks.packets().send(
            self, packets, lengths=lengths, drop=drop, queue=queue, mempool=mempool
        )
        return int(sent)

    def sniff(
        self,
        count: int | None = None,
        timeout: float | None = None,
        filter: str | None = None,  # noqa: A002  # as Scapy calls it
    ) -> Iterator[Packet]:
        """Receive packets of all rx queues, as an iterator of `Packet`, copies that you keep.

        The mbufs are freed at once. Packets wait in the queues while none is asked for.

        Parameters
        ----------
        count
            [packets] to end after. Default: none.
        timeout
            [s] to end after, whatever comes. Default: none.
        filter
            A pcap expression, as `Bpf` takes it: `udp port 53`. Other packets are freed.

        Raises
        ------
        ClosedError, BusyError
            The port is not started; another thread uses a queue.
        ValueError
            The filter is none; the message has libpcap's reason.

        Notes
        -----
        Wraps  rte_eth_rx_burst (rte_ethdev.h)
        Cost   a copy and a Python object for each packet; up to 1 ms of sleep while none comes
        """
        return cast("Iterator[Packet]", hooks.packets().sniff(self, count, timeout, filter))

    def __aiter__(self) -> AsyncIterator[Burst]:
        """Yield a burst for each poll that finds packets: `async for burst in port`.

        It is one burst, whose packets are freed before the next poll unless they were sent.
        """
        return cast("AsyncIterator[Burst]", hooks.packets().bursts(self))

    # -- configure, start, stop --

    def configure(
        self,
        *,
        mempool: Mempool | None = None,
        nb_rx_queues: int = 1,
        nb_tx_queues: int = 1,
        nb_rx_desc: int | None = None,
        nb_tx_desc: int | None = None,
        mtu: int | None = None,
        rss: RssHf | int = 0,
        rx_offloads: RxOffload | int = 0,
        tx_offloads: TxOffload | int = 0,
        finish_checksums: bool | None = None,
        split_large: bool | None = None,
    ) -> PortConfig:
        """Set up the queues of a port that is not started.

        Parameters
        ----------
        mempool
            For received packets; required with rx queues.
        nb_rx_queues, nb_tx_queues
            At least one in all.
        nb_rx_desc, nb_tx_desc
            [descriptors] of each queue. Default: 512, or the closest that the device accepts.
        mtu
            [bytes]. Default: the device's.
        rss
            `RssHf` flags: what to hash to spread packets over the rx queues; 0 for none.
        rx_offloads, tx_offloads
            `RxOffload` and `TxOffload` flags.
        finish_checksums
            Whether to finish checksums of TCP and UDP that the kernel left undone in received
            packets: the field then has the sum of the pseudo header. Default: on if the port
            receives from a kernel interface with checksum offload (`ethtool -k`), by net_af_packet,
            net_af_xdp, net_tap or net_pcap. Correct packets stay as they are, and so do wrong ones,
            except for one in 65,535, whose wrong checksum is that sum. With net_af_packet only
            packets that the kernel marks as unfinished are changed, SCTP among them. Not on members
            of a bond, which receives for them.
        split_large
            Whether the kernel is to split packets of up to 64 KB (TSO, GSO) before they come over a
            veth pair, while the port is started. An XDP program that passes everything is attached
            to the interface, for which the process needs CAP_BPF or CAP_SYS_ADMIN; without, a
            warning says so. Default: on for net_af_packet if the other end has TSO on or is in
            another network namespace. Packets that are not split are cut: see `RxQueue.cut`.

        Raises
        ------
        ValueError, TypeError
            The device does not accept it; the message says what it accepts.
        SecondaryError
            Only the primary configures ports.

        Notes
        -----
        Wraps  rte_eth_dev_configure, rte_eth_rx_queue_setup, rte_eth_tx_queue_setup
               (rte_ethdev.h)
        """
        eal.require_primary("rte_eth_dev_configure")
        with lock():
            self._require("rte_eth_dev_configure", PortState.UNCONFIGURED, PortState.STOPPED)
            drivers.check_no_member("rte_eth_dev_configure", self.name, self.handle)
            info = self.info()
            config = check_config(
                self.name, info, mempool,
                nb_rx_queues=nb_rx_queues, nb_tx_queues=nb_tx_queues,
                nb_rx_desc=nb_rx_desc, nb_tx_desc=nb_tx_desc,
                mtu=mtu, rss=rss, rx_offloads=rx_offloads, tx_offloads=tx_offloads,
            )  # fmt: skip
            if info.driver_name == drivers.AF_XDP:
                users = _ports_of(mempool._users if mempool else ())
                drivers.check_af_xdp(self.name, mempool, config, bool(self._sockets), users)
            config = replace(
                config,
                finish_checksums=border.finishes(info, finish_checksums),
                split_large=border.splits(info, split_large),
            )
            reached = mempool if info.driver_name == drivers.AF_XDP else None
            beyond = drivers.beyond(reached)
            with Undo(lib.pyd_beyond_give, beyond):
                if reached is not None:
                    drivers.take_beyond(self.name, reached, beyond)
                self._c.configured, self._rx, self._tx = 0, (), ()
                if mempool is not None:
                    mempool._users.add(self)
                    self._pools.add(mempool)
                with inside(), drivers.noting(info.driver_name, self._sockets):
                    self._set_up(config, mempool)
            self._unref_pools_but(mempool)
            self._mempool = mempool
            self._rx = tuple(RxQueue(self, i) for i in range(nb_rx_queues))
            self._tx = tuple(TxQueue(self, i) for i in range(nb_tx_queues))
            self._finishes, self._splits = config.finish_checksums, config.split_large
            self._c.configured = 1
            return config

    def start(self) -> None:
        """Start a configured port; do nothing if it is started.

        Raises
        ------
        DpdkError
            The driver failed; EIO: it returned success, but logged a failure.

        Notes
        -----
        Wraps  rte_eth_dev_start (rte_ethdev.h)
        """
        eal.require_primary("rte_eth_dev_start")
        with lock(), Undo(self._unstart):
            if self.state == PortState.STARTED:
                return
            self._require("rte_eth_dev_start", PortState.STOPPED)
            drivers.check_no_member("rte_eth_dev_start", self.name, self.handle)
            if self.info().driver_name == drivers.BOND:
                drivers.check_members_stopped(self, _ports_of(owners()))
            if self._splits and self._link is None:
                self._link = border.split(self.info())
            since = log.failures_so_far()
            with inside():
                call_errno(lib.pyd_port_start, self._c, detail=self.name, call="rte_eth_dev_start")
            said = log.driver_failures(self.info().driver_name, since)
            check_log("rte_eth_dev_start", self.name, said)
            border.guard(self.port_id, self.info(), self.mempool, self._finishes, self._queues())
            sharing.publish(self.port_id, len(self._rx), len(self._tx))

    def stop(self) -> None:
        """Stop a started port; do nothing otherwise.

        Raises
        ------
        InUseError, BusyError
            A compiled worker polls it; a thread is receiving or sending on it, or another process
            uses its queues.

        Notes
        -----
        Wraps  rte_eth_dev_stop (rte_ethdev.h)
        """
        eal.require_primary("rte_eth_dev_stop")
        with lock():
            if self.state == PortState.STARTED:
                if users := super()._why_open():
                    raise InUseError(f"{self!r} stays started: {'; '.join(users)}")
                self._stop()

    # -- link and settings --

    def link(self) -> Link:
        """Return the current state of the link; devices may need a moment after `start`.

        Notes
        -----
        Wraps  rte_eth_link_get_nowait (rte_ethdev.h)
        """
        with lock():
            if self._lost:
                return Link(False, None, True, False)
            link = read_link(self.handle)
            if not link.up and self.info().driver_name == VIRTIO_USER:
                drivers.let_disconnect_pass(self.name)
            lost = not link.up and drivers.is_lost(self.info().driver_name, self.name, self.handle)
            self._lost = lost
            return link

    def set_link(self, *, up: bool) -> None:
        """Bring the link up or down, if the driver supports it.

        Notes
        -----
        Wraps  rte_eth_dev_set_link_up, rte_eth_dev_set_link_down (rte_ethdev.h)
        """
        self._control(lib.rte_eth_dev_set_link_up if up else lib.rte_eth_dev_set_link_down)

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
            raise ValueError(f"mac must be six bytes in hex, as 02:00:00:00:00:01 (got {mac!r})")
        octets = list(bytes.fromhex(mac.replace(":", "")))
        address = ffi.new("struct rte_ether_addr *", {"addr_bytes": octets})
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
        info = self.info()
        check_range("mtu", mtu, info.min_mtu, min(info.max_mtu, MAX_MTU), f" on port {self.name!r}")
        self._control(lib.rte_eth_dev_set_mtu, mtu)

    # -- counters --

    def stats(self) -> PortStats:
        """Return the counters since the start or `reset_stats`.

        `ierrors` and `oerrors` include packets that were freed because they came cut or can never
        be sent: `RxQueue.cut`, `TxQueue.unsendable`.

        Notes
        -----
        Wraps  rte_eth_stats_get (rte_ethdev.h)
        """
        with lock():
            return read_stats(self.handle, *self._freed())

    def xstats(self) -> dict[str, int]:
        """Return extended counters by name, the driver's own among them.

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

    # -- close --

    def close(self, *, force: bool = False) -> None:
        """Close the device, as `Owner.close`; what `pydpdk.port` made for it is taken away."""
        super().close(force=force)
        pool, self._own_pool = self._own_pool, None
        if pool is not None:
            pool._stay()  # where others use it, the end of the EAL closes it
            with suppress(InUseError):
                pool.close()
        device, self._own_device = self._own_device, ""
        # by force it is the end of the EAL, of which devices are a part; damaged memory has locks
        # that are never released
        if device and not force and not damaged():
            eal.current().remove_device(device)

    def _lose_device(self, name: str) -> None:
        if self.name == name:
            self.close()

    def _why_open(self) -> list[str]:
        bonded = self.owned and drivers.is_member(self._handle)
        return [*super()._why_open(), *(["it is a member of a bond"] if bonded else [])]

    def _halt(self) -> None:
        """Stop, so that the driver writes what it has sent and not written yet."""
        if self.owned and self.state == PortState.STARTED:
            with suppress(DpdkError):
                self._stop_device()

    def _free(self, force: bool) -> None:
        if self.state == PortState.STARTED:
            self._stop(force=force)
        # the device may be gone already: its removal closes the port
        if lib.rte_eth_dev_is_valid_port(self._handle):
            drivers.leave_bond(self._handle, _ports_of(owners()))
            lib.rte_eth_dev_stop(self._handle)  # a bond that could not start left it started
            if self.info().driver_name in drivers.WITH_ALARMS:
                drivers.let_alarms_pass(self.name)
            if self.info().driver_name == VIRTIO_USER:
                configured = bool(self._c.configured)
                interrupts.unregister(self.name, self._handle, configured=configured)
        with Undo(self._unref_sockets):
            call_errno(lib.pyd_port_close, self._c, detail=self.name, call="rte_eth_dev_close")
            self._unref_sockets()

    def _unref_sockets(self) -> None:
        if self.closed:
            self._unsplit()
            drivers.unref(self._sockets, self._pools)

    def _abandon(self) -> None:
        for queue in self._queues():
            queue._abandon()
        super()._abandon()

    def _state(self) -> str:
        return f"id={self.port_id} {self.state}"

    # -- private --

    def _control(self, function: Callable[..., int], *arguments: int) -> None:
        eal.require_primary(function.__name__)
        with lock():
            self._require(function.__name__, PortState.STOPPED, PortState.STARTED)
            call_errno(function, self.handle, *arguments, detail=self.name)

    def _require(self, call: str, *states: PortState) -> None:
        """Raise unless the port is in one of these states."""
        self.handle  # noqa: B018  # raises when closed
        if self.state not in states:
            number = errno.EBUSY if self.state == PortState.STARTED else errno.EINVAL
            raise make_error(call, number, f"{self!r} must be {' or '.join(states)}")

    def _set_up(self, config: PortConfig, mempool: Mempool | None) -> None:
        conf = ffi.new("struct rte_eth_conf *")
        conf.rxmode.mtu = config.mtu or 0
        conf.rxmode.offloads = int(config.rx_offloads)
        conf.txmode.offloads = int(config.tx_offloads)
        lib.pyd_eth_conf_rss(conf, int(config.rss))
        port_id, n_rx, n_tx = self.handle, config.nb_rx_queues, config.nb_tx_queues
        call_errno(lib.rte_eth_dev_configure, port_id, n_rx, n_tx, conf, detail=self.name)
        socket_id = lib.rte_eth_dev_socket_id(port_id) % (1 << 32)
        for i in range(n_rx):
            assert mempool is not None  # noqa: S101  # check_config: rx queues have a pool
            call_errno(
                lib.rte_eth_rx_queue_setup, port_id, i, config.nb_rx_desc, socket_id, ffi.NULL,
                mempool.handle, detail=f"{self.name} queue {i}",
            )  # fmt: skip
        for i in range(n_tx):
            call_errno(
                lib.rte_eth_tx_queue_setup, port_id, i, config.nb_tx_desc, socket_id, ffi.NULL,
                detail=f"{self.name} queue {i}",
            )  # fmt: skip

    def _unref_pools_but(self, mempool: Mempool | None) -> None:
        for former in self._pools - {mempool}:
            former._users.discard(self)
        self._pools = {mempool} if mempool is not None else set()

    def _find_queues(self) -> None:
        """Make as many queues in a secondary as the primary has set up."""
        if self.owned:
            return
        with lock():
            reason = sharing.why_not(self.name, self.info().driver_name)
            if reason:
                raise make_error("rte_eth_rx_burst", errno.ENOTSUP, f"{self.name}: {reason}")
            nb_rx, nb_tx = sharing.queue_counts(self.handle)
            rx, tx = range(len(self._rx), nb_rx), range(len(self._tx), nb_tx)
            self._rx = (*self._rx[:nb_rx], *(RxQueue(self, i) for i in rx))
            self._tx = (*self._tx[:nb_tx], *(TxQueue(self, i) for i in tx))

    def _may_take(self, queue: Queue) -> bool:
        """Return whether a queue is of the current configuration, and may be in use."""
        self.handle  # noqa: B018  # raises when it is gone
        usable = self.state in (PortState.STARTED, PortState.ATTACHED)
        return usable and any(q is queue for q in self._queues())

    def _freed(self) -> tuple[int, int]:
        """Return the [packets] that this process freed in rx as cut and in tx as unsendable."""
        borders = [queue._border for queue in self._queues()]
        return sum(b.cut for b in borders), sum(b.unsendable for b in borders)

    def _forget_freed(self) -> None:
        """Set the counts of `_freed` to 0."""
        for queue in self._queues():
            queue._border.cut = queue._border.unsendable = 0

    def _queues(self) -> tuple[RxQueue | TxQueue, ...]:
        return *self._rx, *self._tx

    def _unstart(self) -> None:
        """Undo an unfinished start."""
        if self._c.started:
            lib.pyd_port_stop(self._c)
            sharing.withdraw(self.port_id)

    def _stop(self, *, force: bool = False) -> None:
        with Undo(self._settle):
            sharing.stop(self.port_id, self.name, self._stop_device, force=force)
            self._settle()

    def _settle(self) -> None:
        """Set the queues to the port's state: in use again if it did not stop, else shut."""
        if self._c.started:
            for queue in self._queues():
                queue._reopen()
            return
        self._unsplit()
        for queue in self._queues():
            queue._abandon()
        sharing.withdraw(self.port_id)

    def _unsplit(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            os.close(link)

    def _stop_device(self) -> None:
        for queue in self._queues():
            queue._shut()
        if self.info().driver_name == "net_ring":
            # its rings keep their mbufs forever, while a NIC frees those in its queues
            for rxq in self._rx:
                lib.pyd_queue_drain(rxq._c)
        call_errno(lib.pyd_port_stop, self._c, detail=self.name, call="rte_eth_dev_stop")


def _ports_of(among: Iterable[Owner]) -> list[Port]:
    """Return the ports among open objects."""
    return [owner for owner in among if isinstance(owner, Port)]
