"""Ports: configured, started, stopped and closed in that order."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from pydpdk import eal, log
from pydpdk._core.lifetime import Undo, find, lock
from pydpdk._dpdk import ffi, lib
from pydpdk.eal.devices import check_log
from pydpdk.errors import (
    DpdkError,
    InUseError,
    call_errno,
    check_name,
    check_range,
    make_error,
)
from pydpdk.ethdev import border, drivers, sharing
from pydpdk.ethdev.checks import PortConfig, check_config
from pydpdk.ethdev.queue import RxQueue, TxQueue
from pydpdk.ethdev.queues import PortQueues, any_port, name_of
from pydpdk.memory.critical import inside
from pydpdk.memory.mempool import Mempool

NAME_MAX = lib.RTE_ETH_NAME_MAX_LEN - 1


class Port(PortQueues):
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

    rank = 0
    stays = True

    def __init__(self, name: str, port_id: int) -> None:
        self.port_id = port_id
        self._c = ffi.new("struct pyd_port *", {"gate": {"open": 1}, "port_id": port_id})
        self._rx: tuple[RxQueue, ...] = ()
        self._tx: tuple[TxQueue, ...] = ()
        self._mempool: Mempool | None = None
        self._pools: set[Mempool] = set()  # the driver may hold mbufs of these
        self._sockets: set[drivers.Socket] = set()
        self._finishes = self._splits = False
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
            port_id = _find_id(port)
            known, name = find(cls, port_id), name_of(port_id)
            if known is not None and known.name != name:  # the primary has reused its number
                known._abandon()
                known = None
            return known or cls(name, port_id)

    def configure(
        self,
        *,
        mempool: Mempool | None = None,
        nb_rx_queues: int = 1,
        nb_tx_queues: int = 1,
        nb_rx_desc: int | None = None,
        nb_tx_desc: int | None = None,
        mtu: int | None = None,
        rss: int = 0,
        rx_offloads: int = 0,
        tx_offloads: int = 0,
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
            self._require("rte_eth_dev_configure", "unconfigured", "stopped")
            drivers.check_no_member("rte_eth_dev_configure", self.name, self.handle)
            info = self.info
            config = check_config(
                self.name, info, mempool,
                nb_rx_queues=nb_rx_queues, nb_tx_queues=nb_tx_queues,
                nb_rx_desc=nb_rx_desc, nb_tx_desc=nb_tx_desc,
                mtu=mtu, rss=rss, rx_offloads=rx_offloads, tx_offloads=tx_offloads,
            )  # fmt: skip
            if info.driver_name == drivers.AF_XDP:
                desc = config.nb_rx_desc, config.nb_tx_desc
                drivers.check_af_xdp(self.name, mempool, *desc, bool(self._sockets))
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
            self._rx = tuple(RxQueue(self, i, is_tx=False) for i in range(nb_rx_queues))
            self._tx = tuple(TxQueue(self, i, is_tx=True) for i in range(nb_tx_queues))
            self._finishes, self._splits = config.finish_checksums, config.split_large
            self._c.configured = 1
            return config

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
            if self.state == "started":
                return
            self._require("rte_eth_dev_start", "stopped")
            drivers.check_no_member("rte_eth_dev_start", self.name, self.handle)
            if self.info.driver_name == drivers.BOND:
                drivers.check_members_stopped(self)
            if self._splits and self._link is None:
                self._link = border.split(self.info)
            since = log.failures_so_far()
            with inside():
                call_errno(lib.pyd_port_start, self._c, detail=self.name, call="rte_eth_dev_start")
            said = log.driver_failures(self.info.driver_name, since)
            check_log("rte_eth_dev_start", self.name, said)
            border.guard(self.port_id, self.info, self.mempool, self._finishes, self._queues())
            sharing.publish(self.port_id, len(self._rx), len(self._tx))

    def _unstart(self) -> None:
        """Undo an unfinished start."""
        if self._c.started:
            lib.pyd_port_stop(self._c)
            sharing.withdraw(self.port_id)

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
            if self.state == "started":
                if users := super()._refusals():
                    raise InUseError(f"{self!r} stays started: {'; '.join(users)}")
                self._stop()

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
        if self.info.driver_name == "net_ring":
            # its rings keep their mbufs forever, while a NIC frees those in its queues
            for rxq in self._rx:
                lib.pyd_queue_drain(rxq._c)
        call_errno(lib.pyd_port_stop, self._c, detail=self.name, call="rte_eth_dev_stop")

    def _refusals(self) -> list[str]:
        bonded = self.owned and drivers.is_member(self._handle)
        return [*super()._refusals(), *(["it is a member of a bond"] if bonded else [])]

    def _require(self, call: str, *states: str) -> None:
        self.handle  # noqa: B018  # raises when closed
        if self.state not in states:
            number = errno.EBUSY if self.state == "started" else errno.EINVAL
            raise make_error(call, number, f"{self!r} must be {' or '.join(states)}")

    def _halt(self) -> None:
        """Stop, so that the driver writes what it has sent and not written yet."""
        if self.owned and self.state == "started":
            with suppress(DpdkError):
                self._stop_device()

    def _free(self, force: bool) -> None:
        if self.state == "started":
            self._stop(force=force)
        # the device may be gone already: its removal closes the port
        if lib.rte_eth_dev_is_valid_port(self._handle):
            drivers.leave_bond(self._handle)
            lib.rte_eth_dev_stop(self._handle)  # a bond that could not start left it started
            if self.info.driver_name in drivers.WITH_ALARMS:
                drivers.let_alarms_pass(self.name)
        with Undo(self._unref_sockets):
            call_errno(lib.pyd_port_close, self._c, detail=self.name, call="rte_eth_dev_close")
            self._unref_sockets()

    def _unref_sockets(self) -> None:
        if self.closed:
            self._unsplit()
            drivers.unref(self.name, self._sockets)

    def _abandon(self) -> None:
        for queue in self._queues():
            queue._abandon()
        super()._abandon()

    def _state(self) -> str:
        return f"id={self.port_id} {self.state}"


def ports() -> list[Port]:
    """Return all ports that belong to no other device.

    Notes
    -----
    Wraps  rte_eth_find_next_owned_by (rte_ethdev.h)
    """
    with eal.running():
        return [Port.lookup(port_id) for port_id in _port_ids()]


def _port_ids() -> Iterator[int]:
    port_id = lib.rte_eth_find_next_owned_by(0, 0)
    while port_id < lib.RTE_MAX_ETHPORTS:
        yield port_id
        port_id = lib.rte_eth_find_next_owned_by(port_id + 1, 0)


def _find_id(port: str | int) -> int:
    if isinstance(port, str):
        found = ffi.new("uint16_t *")
        c_name = check_name("port", port, NAME_MAX)
        if not any_port():
            raise make_error("rte_eth_dev_get_port_by_name", errno.ENODEV, port)
        call_errno(lib.rte_eth_dev_get_port_by_name, c_name, found, detail=port)
        return int(found[0])
    check_range("port", port, 0, lib.RTE_MAX_ETHPORTS - 1)
    if not lib.rte_eth_dev_is_valid_port(port):
        raise make_error("rte_eth_dev_is_valid_port", errno.ENODEV, f"port {port}")
    return port
