"""Ports on drivers without hardware (with facts of app/test/test_pmd_ring.c)."""

import pytest

from pydpdk import Burst, Eal, Mempool, Port, RssHf, RxOffload, TxOffload
from pydpdk.errors import (
    BusyError,
    ClosedError,
    DpdkError,
    NotFoundError,
)


def test_lookup_by_name_and_number_is_one_object(null: Port):
    assert Port.lookup("net_null_p") is Port.lookup(null.port_id) is null
    assert null in Port.all()


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


def test_info_is_that_of_the_driver(null: Port):
    info = null.info()
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
    assert null.tx_queues == ()
    null.close()
    null.close()
    assert (null.state, repr(null)) == ("closed", "<Port 'net_null_p' closed>")


def test_queues_that_are_not_started_raise(null: Port, pool: Mempool, burst: Burst):
    null.configure(mempool=pool)
    rx, tx = null.rx_queues[0], null.tx_queues[0]
    for move in (rx.rx, tx.tx):
        with pytest.raises(ClosedError, match="must be started"):
            move(burst)
    null.start()
    assert rx.rx(burst) == 32
    null.stop()
    with pytest.raises(ClosedError):
        tx.tx(burst)
    assert len(burst) == 32


def test_queues_of_a_former_configuration_raise(null: Port, pool: Mempool, burst: Burst):
    null.configure(mempool=pool)
    former = null.rx_queues[0]
    null.configure(mempool=pool)
    null.start()
    with pytest.raises(ClosedError):
        former.rx(burst)


def test_a_closed_port_raises(null: Port, pool: Mempool):
    null.configure(mempool=pool)
    null.close()
    uses = [
        lambda: null.configure(mempool=pool), null.start, null.info, null.stats,
        null.xstats, null.link, lambda: null.mac, lambda: null.mtu,
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
        ({"nb_rx_queues": -1}, r"nb_rx_queues must be .*\(got -1\)"),
        (
            {"nb_rx_queues": 5000},
            r"must be 0\.\.\d+ on port 'net_null_p' \(got 5000\)",
        ),
        ({"nb_tx_queues": 5000}, r"nb_tx_queues must be 0\.\..*\(got 5000\)"),
        (
            {"nb_rx_queues": 0, "nb_tx_queues": 0},
            "must be at least 1",
        ),
        ({"nb_rx_desc": 0}, r"nb_rx_desc must be .*\(got 0\)"),
        ({"nb_tx_desc": 65536}, r"nb_tx_desc must be .*\(got 65536\)"),
        ({"mtu": 45}, r"mtu must be 46\.\.65535 bytes .*\(got 45\)"),
        ({"mtu": 100000}, r"mtu must be 46\.\.65535 bytes .*\(got 100000\)"),
        ({"rx_offloads": RxOffload.TCP_LRO}, r"^rx_offloads on .* of nothing \(got TCP_LRO\)"),
        ({"tx_offloads": TxOffload.QINQ_INSERT}, r"^tx_offloads on .* of .*\(got QINQ_INSERT\)"),
        ({"rss": RssHf(1 << 63)}, r"rss on .* must be of .*\(got 0x8000000000000000\)"),
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
def test_an_invalid_pool_raises_even_if_none_is_needed(null: Port, mempool: Mempool):
    with pytest.raises(TypeError):
        null.configure(mempool=mempool, nb_rx_queues=0)


def test_a_closed_pool_raises(null: Port, name: str):
    closed = Mempool.create(name, 127, cache_size=0)
    closed.close()
    with pytest.raises(ClosedError):
        null.configure(mempool=closed)


@pytest.mark.parametrize(
    "size", ["1025", " 1025", "64,size=1025", "0x401", "-100", "4294967295", "65600"]
)
def test_packets_longer_than_the_buffers_raise(device, name: str, size: str):
    """net_null writes past the end of its buffers, and uses the last of several sizes."""
    with Mempool.create(name, 127, cache_size=0, data_room_size=1024 + 128) as small:
        try:
            port = device(f"net_null_big,size={size}")
        except (DpdkError, ValueError):
            return  # the driver rejects the number itself
        try:
            with pytest.raises((ValueError, DpdkError)):
                port.configure(mempool=small)
        finally:
            port.close()


@pytest.mark.net_admin
def test_a_failed_configuration_releases_the_pool(device, pool: Mempool, name: str):
    """The driver rejects the buffers as too small, after all checks have passed."""
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
    port.rx_queues[0].rx(burst)
    assert set(burst.lengths.tolist()) == {64}
