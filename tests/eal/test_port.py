"""Ports on drivers that need no hardware (facts of app/test/test_pmd_ring.c among them)."""

import threading
import time

import pytest

from pydpdk import Burst, Eal, Link, Mempool, Port, RssHf, RxOffload, TxOffload
from pydpdk.errors import (
    BusyError,
    ClosedError,
    DpdkError,
    InUseError,
    NotFoundError,
    NotSupportedError,
)
from pydpdk.ethdev.port import ports


@pytest.fixture
def null(device) -> Port:
    return device("net_null_p,size=60")


@pytest.fixture
def loop(device, pool: Mempool) -> Port:
    """A net_ring port that is started: what it sends it receives."""
    port = device("net_ring_p")
    port.configure(mempool=pool)
    port.start()
    return port


def test_lookup_by_name_and_number_is_one_object(null: Port):
    assert Port.lookup("net_null_p") is Port.lookup(null.port_id) is null
    assert null in ports()


@pytest.mark.parametrize("port", ["no_such_port", 31])
def test_lookup_of_nothing(eal: Eal, port: str | int):
    with pytest.raises(NotFoundError, match=str(port)):
        Port.lookup(port)


@pytest.mark.parametrize("port", [-1, 32, 1 << 40, "", "x" * 64, "a b"])
def test_lookup_out_of_range(eal: Eal, port: str | int):
    with pytest.raises(ValueError, match="port"):
        Port.lookup(port)


@pytest.mark.parametrize("port", [None, True, 1.0, b"net_null0", ["net_null0"]])
def test_lookup_of_another_type(eal: Eal, port: str):
    with pytest.raises(TypeError):
        Port.lookup(port)


def test_info_is_the_drivers(null: Port):
    info = null.info
    assert info.driver_name == "net_null"
    assert info.devargs == "size=60"
    assert (info.min_mtu, info.max_mtu) == (46, 65535)  # 64 bytes less header and CRC
    assert info.max_rx_queues >= 1
    assert info.socket_id in (0, None)


def test_states_in_order(null: Port, pool: Mempool):
    assert null.state == "unconfigured"
    with pytest.raises(DpdkError, match="must be stopped"):
        null.start()
    null.configure(mempool=pool)
    assert null.state == "stopped"
    null.start()
    null.start()
    assert null.state == "started"
    with pytest.raises(BusyError, match="must be unconfigured or stopped"):
        null.configure(mempool=pool)
    null.stop()
    null.stop()
    null.configure(mempool=pool, nb_tx_queues=0)
    assert null.tx == ()
    null.close()
    null.close()
    assert (null.state, repr(null)) == ("closed", "<Port 'net_null_p' closed>")


def test_queues_that_are_not_started_are_refused(null: Port, pool: Mempool, burst: Burst):
    null.configure(mempool=pool)
    rx, tx = null.rx[0], null.tx[0]
    for move in (rx.rx, tx.tx):
        with pytest.raises(ClosedError, match="must be started"):
            move(burst)
    null.start()
    assert rx.rx(burst) == 32
    null.stop()
    with pytest.raises(ClosedError):
        tx.tx(burst)
    assert len(burst) == 32


def test_queues_of_a_former_configuration_are_refused(null: Port, pool: Mempool, burst: Burst):
    null.configure(mempool=pool)
    former = null.rx[0]
    null.configure(mempool=pool)
    null.start()
    with pytest.raises(ClosedError):
        former.rx(burst)


def test_a_closed_port_is_refused(null: Port, pool: Mempool):
    null.configure(mempool=pool)
    null.close()
    uses = [
        lambda: null.configure(mempool=pool), null.start, lambda: null.info, lambda: null.stats,
        lambda: null.xstats, lambda: null.link, lambda: null.mac, lambda: null.mtu,
        lambda: null.promiscuous, null.reset_stats, lambda: setattr(null, "mtu", 1500),
        lambda: setattr(null, "mac", "02:00:00:00:00:01"),
        lambda: setattr(null, "promiscuous", True), lambda: null.set_link(up=True),
    ]  # fmt: skip
    for use in uses:
        with pytest.raises(ClosedError):
            use()
    with pytest.raises(NotFoundError):
        Port.lookup("net_null_p")


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        ({"nb_rx_queues": -1}, "nb_rx_queues=-1"),
        ({"nb_rx_queues": 5000}, r"nb_rx_queues=5000: 0 to \d+ on port 'net_null_p'"),
        ({"nb_tx_queues": 5000}, "nb_tx_queues=5000: 0 to"),
        ({"nb_rx_queues": 0, "nb_tx_queues": 0}, "at least one queue"),
        ({"nb_rx_desc": 0}, "nb_rx_desc=0"),
        ({"nb_tx_desc": 65536}, "nb_tx_desc=65536"),
        ({"mtu": 45}, "mtu=45: 46 to 65535 bytes"),
        ({"mtu": 100000}, "mtu=100000: 46 to 65535 bytes"),
        ({"rx_offloads": RxOffload.TCP_LRO}, "rx_offloads"),
        ({"tx_offloads": TxOffload.QINQ_INSERT}, "tx_offloads"),
        ({"rss": RssHf(1 << 63)}, "rss"),
    ],
)
def test_configuration_out_of_range(null: Port, pool: Mempool, bad: dict[str, int], what: str):
    with pytest.raises(ValueError, match=what):
        null.configure(mempool=pool, **bad)
    assert null.state == "unconfigured"


@pytest.mark.parametrize(
    "bad",
    [{"nb_rx_queues": "1"}, {"nb_rx_desc": 1.5}, {"mtu": True}, {"rss": None}, {"rx_offloads": -1}],
)
def test_configuration_of_another_type(null: Port, pool: Mempool, bad: dict[str, int]):
    with pytest.raises(TypeError):
        null.configure(mempool=pool, **bad)


@pytest.mark.parametrize("mempool", [None, 5, "rx"])
def test_a_port_that_receives_needs_a_pool(null: Port, mempool: Mempool):
    with pytest.raises(TypeError, match="needs a Mempool"):
        null.configure(mempool=mempool)
    null.configure(nb_rx_queues=0)


@pytest.mark.parametrize("mempool", [5, "rx"])
def test_a_pool_is_a_pool_also_where_none_is_needed(null: Port, mempool: Mempool):
    with pytest.raises(TypeError):
        null.configure(mempool=mempool, nb_rx_queues=0)


def test_a_closed_pool_is_refused(null: Port, name: str):
    closed = Mempool.create(name, 127, cache_size=0)
    closed.close()
    with pytest.raises(ClosedError):
        null.configure(mempool=closed)


@pytest.mark.parametrize(
    "size", ["1025", " 1025", "64,size=1025", "0x401", "-100", "4294967295", "65600"]
)
def test_packets_longer_than_the_buffers_are_refused(device, name: str, size: str):
    """net_null writes over the end of its buffers, and takes the last of several sizes."""
    with Mempool.create(name, 127, cache_size=0, data_room_size=1024 + 128) as small:
        try:
            port = device(f"net_null_big,size={size}")
        except (DpdkError, ValueError):
            return  # the driver refuses the number itself
        try:
            with pytest.raises((ValueError, DpdkError)):
                port.configure(mempool=small)
        finally:
            port.close()


@pytest.mark.net_admin
def test_a_failed_configuration_lets_go_of_the_pool(device, pool: Mempool, name: str):
    """The driver refuses the buffers as too small, once all checks are passed."""
    port = device("net_af_packet_f,iface=lo")
    former = Mempool.create(name, 127, cache_size=0, data_room_size=256)
    with pytest.raises((ValueError, DpdkError)):
        port.configure(mempool=former)
    port.configure(mempool=pool)
    try:
        former.close()
    finally:
        port.close()
        former.close()


def test_a_size_in_octal_is_read_as_the_driver_reads_it(device, pool: Mempool, burst: Burst):
    port = device("net_null_oct,size=0100")
    port.configure(mempool=pool)
    port.start()
    port.rx[0].rx(burst)
    assert set(burst.lengths.tolist()) == {64}


def test_a_port_fills_bursts(null: Port, pool: Mempool, burst: Burst):
    null.configure(mempool=pool)
    null.start()
    assert null.rx[0].rx(burst) == 32
    assert burst.lengths.tolist() == [60] * 32
    assert burst.mbuf(0).port == null.port_id
    assert null.tx[0].tx(burst) == 32
    assert len(burst) == 0
    assert (null.rx[0].packets, null.tx[0].packets) == (32, 32)
    assert (null.stats.ipackets, null.stats.opackets) == (32, 32)
    null.reset_stats()
    assert (null.stats.ipackets, null.stats.opackets) == (0, 0)


def test_rx_into_a_burst_that_holds_something_is_refused(null: Port, pool: Mempool, burst: Burst):
    null.configure(mempool=pool)
    null.start()
    null.rx[0].rx(burst)
    with pytest.raises(InUseError, match="still holds mbufs"):
        null.rx[0].rx(burst)


@pytest.mark.parametrize("bad", [None, 5, "burst", [1]])
def test_queues_take_bursts_only(null: Port, pool: Mempool, bad: Burst):
    null.configure(mempool=pool)
    null.start()
    for move in (null.rx[0].rx, null.tx[0].tx, lambda b: null.rx[0].rx(null.tx[0])):
        with pytest.raises(TypeError):
            move(bad)


def test_a_ring_port_gives_back_what_it_sent(loop: Port, pool: Mempool, burst: Burst):
    """test_pmd_ring.c: the same mbufs in the same order."""
    packets = [bytes([i]) * (i + 1) for i in range(32)]
    burst.alloc(pool)
    burst.fill(packets)
    addresses = [burst[i].ctypes.data for i in range(32)]
    assert loop.tx[0].tx(burst) == 32
    assert loop.rx[0].rx(burst) == 32
    assert [burst.bytes(i) for i in range(32)] == packets
    assert [burst[i].ctypes.data for i in range(32)] == addresses
    burst.free()
    assert loop.rx[0].rx(burst) == 0


def test_tx_keeps_the_unsent_in_order(loop: Port, name: str):
    """A net_ring has 1,024 slots, of which 1,023 fill."""
    with Mempool.create(name, 2047, cache_size=0) as pool, Burst(1100) as burst:
        burst.alloc(pool)
        burst.fill([i.to_bytes(2, "big") for i in range(1100)])
        sent = loop.tx[0].tx(burst)
        assert (sent, len(burst)) == (1023, 77)
        assert [int.from_bytes(burst.bytes(i), "big") for i in range(77)] == list(range(1023, 1100))
        assert loop.tx[0].tx(burst) == 0
        assert len(burst) == 77
        burst.free()
        while loop.rx[0].rx(burst):
            burst.free()


def test_tx_refuses_while_a_view_is_alive(loop: Port, pool: Mempool, burst: Burst):
    burst.alloc(pool, 1, length=64)
    view = burst[0]
    with pytest.raises(InUseError, match="1 packets"):
        loop.tx[0].tx(burst)
    del view
    assert loop.tx[0].tx(burst) == 1
    loop.rx[0].rx(burst)


def test_several_queues(device, pool: Mempool, burst: Burst):
    port = device("net_ring_q")
    port.configure(mempool=pool, nb_rx_queues=3, nb_tx_queues=3)
    port.start()
    assert [q.queue_id for q in port.rx] == [q.queue_id for q in port.tx] == [0, 1, 2]
    for i, queue in enumerate(port.tx):
        burst.alloc(pool, 1)
        burst.fill([bytes([i])])
        queue.tx(burst)
    for i in (2, 0, 1):
        assert port.rx[i].rx(burst) == 1
        assert burst.bytes(0) == bytes([i])
        burst.free()


def test_xstats_have_names(null: Port, pool: Mempool, burst: Burst):
    null.configure(mempool=pool)
    null.start()
    null.rx[0].rx(burst)
    assert null.xstats["rx_good_packets"] == 32


def test_mac_is_settable(null: Port, pool: Mempool):
    null.configure(mempool=pool)
    null.mac = "02:00:00:00:00:Ab"
    assert null.mac == "02:00:00:00:00:ab"


@pytest.mark.parametrize("mac", ["", "02:00", "02:00:00:00:00:0g", "02-00-00-00-00-01", None, 5,
                                 "02:00:00:00:00:01\n", b"02:00:00:00:00:01"])  # fmt: skip
def test_mac_of_another_form_is_refused(null: Port, mac: str):
    with pytest.raises(ValueError, match="six bytes in hex"):
        null.mac = mac


@pytest.mark.parametrize("mac", ["00:00:00:00:00:00", "01:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"])
def test_mac_of_no_single_device_is_refused(null: Port, mac: str):
    with pytest.raises(DpdkError):
        null.mac = mac


def test_promiscuous_once_configured(null: Port, device, pool: Mempool):
    with pytest.raises(DpdkError, match="must be stopped or started"):
        null.promiscuous = True
    ring = device("net_ring_promisc")
    ring.configure(mempool=pool)
    for on in (True, False):
        ring.promiscuous = on
        assert ring.promiscuous is on


def test_mtu(null: Port, pool: Mempool):
    with pytest.raises(DpdkError):
        null.mtu = 1500
    null.configure(mempool=pool, mtu=1400)
    assert null.mtu == 1400
    null.mtu = 1500
    assert null.mtu == 1500


@pytest.mark.parametrize("mtu", [0, 45, 100000, -1, 65536 + 1500])
def test_mtu_out_of_range(null: Port, pool: Mempool, mtu: int):
    """DPDK takes 100000 for 34464."""
    null.configure(mempool=pool)
    with pytest.raises(ValueError, match="46 to 65535"):
        null.mtu = mtu
    assert null.mtu == 1500


def test_what_a_driver_cannot_do_says_so(null: Port, loop: Port, pool: Mempool):
    null.configure(mempool=pool)
    with pytest.raises(NotSupportedError):
        null.set_link(up=False)
    with pytest.raises(NotSupportedError):
        loop.mtu = 1400


def test_link_goes_up_with_the_port(null: Port, pool: Mempool):
    null.configure(mempool=pool)
    assert not null.link.up
    null.start()
    assert null.link == Link(up=True, speed_mbps=10000, full_duplex=True, autoneg=False)


def test_a_port_stops_though_a_thread_polls_it(loop: Port, burst: Burst):
    """The thread sees the end, `stop` waits for nobody or says who is inside."""
    seen: list[Exception] = []
    polled = threading.Event()

    def poll() -> None:
        try:
            while True:
                loop.rx[0].rx(burst)
                polled.set()
        except ClosedError as error:
            seen.append(error)

    thread = threading.Thread(target=poll)
    thread.start()
    polled.wait(10)
    deadline = time.monotonic() + 10
    while loop.state == "started" and time.monotonic() < deadline:
        try:
            loop.stop()
        except BusyError:
            continue
    thread.join(10)
    assert loop.state == "stopped"
    assert len(seen) == 1


def test_two_threads_on_one_queue_lose_nothing(loop: Port, name: str):
    """Each gets through or hears BusyError: whatever was sent comes out once."""
    total, busy = 20_000, 0
    out: list[int] = []

    def send(pool: Mempool, first: int) -> None:
        nonlocal busy
        left = list(range(first, first + total // 2))
        with Burst(32) as burst:
            while left or burst:
                if not burst:
                    chunk, left = left[:32], left[32:]
                    burst.alloc(pool, len(chunk))
                    burst.fill([i.to_bytes(4, "big") for i in chunk])
                try:
                    loop.tx[0].tx(burst)
                except BusyError:
                    busy += 1

    def receive() -> None:
        with Burst(64) as burst:
            deadline = time.monotonic() + 30
            while len(out) < total and time.monotonic() < deadline:
                try:
                    n = loop.rx[0].rx(burst)
                except BusyError:
                    continue
                out.extend(int.from_bytes(burst.bytes(i), "big") for i in range(n))
                burst.free()

    with Mempool.create(name, 4095, cache_size=0) as pool:
        threads = [threading.Thread(target=send, args=(pool, i * total // 2)) for i in range(2)]
        threads += [threading.Thread(target=receive) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert sorted(out) == list(range(total))


# devices that come and go


def test_a_device_comes_and_goes_and_comes_again(eal: Eal):
    for _ in range(2):
        assert eal.add_device("net_null_again,size=64") == "net_null_again"
        Port.lookup("net_null_again")
        eal.remove_device("net_null_again")
        with pytest.raises(NotFoundError):
            Port.lookup("net_null_again")


def test_a_device_is_added_once(eal: Eal, null: Port):
    with pytest.raises(DpdkError, match="EEXIST"):
        eal.add_device("net_null_p")
    assert Port.lookup("net_null_p") is null


def test_a_device_that_is_no_port_comes_and_goes(eal: Eal):
    for _ in range(2):
        assert eal.add_device("crypto_null_x") == "crypto_null_x"
        eal.remove_device("crypto_null_x")


def test_removing_a_device_closes_its_port(eal: Eal, pool: Mempool):
    eal.add_device("net_null_rm")
    port = Port.lookup("net_null_rm")
    port.configure(mempool=pool)
    port.start()
    queue = port.rx[0]
    eal.remove_device("net_null_rm")
    assert port.closed
    with Burst(1) as burst, pytest.raises(ClosedError):
        queue.rx(burst)


def test_removing_a_device_closes_its_port_of_another_name(eal: Eal, pool: Mempool):
    assert eal.add_device("net_ring_na,nodeaction=node_a:0:CREATE") == "node_a"
    port = Port.lookup("node_a")
    port.configure(mempool=pool)
    port.start()
    eal.remove_device("net_ring_na")
    try:
        assert port.closed
    finally:
        port.close()


def test_a_device_that_gives_no_port_names_why(eal: Eal):
    with pytest.raises(DpdkError, match=r"no_such_file\.pcap"):
        eal.add_device("net_pcap_none,rx_pcap=no_such_file.pcap")
    with pytest.raises(DpdkError):
        eal.add_device("net_nosuchdriver0")


@pytest.mark.parametrize("devargs", ["", ",size=64", "7null", "net null", "x" * 64, "net_null\0x"])
def test_devargs_of_no_form_are_refused(eal: Eal, devargs: str):
    with pytest.raises(ValueError, match="devargs"):
        eal.add_device(devargs)


@pytest.mark.parametrize("devargs", [None, 5, b"net_null0", ["net_null0"]])
def test_devargs_of_another_type_are_refused(eal: Eal, devargs: str):
    with pytest.raises(TypeError):
        eal.add_device(devargs)
    with pytest.raises(TypeError):
        eal.remove_device(devargs)


@pytest.mark.parametrize("name", ["", "net_never0", "x" * 200])
def test_removing_what_is_not_there(eal: Eal, name: str):
    with pytest.raises((DpdkError, ValueError)):
        eal.remove_device(name)
