"""Readable and writable settings of a port, and devices that come and go."""

import pytest

from pydpdk import Burst, Eal, Link, Mempool, Port
from pydpdk.errors import (
    ClosedError,
    DpdkError,
    NotFoundError,
    NotSupportedError,
)


def test_xstats_have_names(null: Port, pool: Mempool, burst: Burst):
    null.configure(mempool=pool)
    null.start()
    null.rx_queues[0].rx(burst)
    assert null.xstats()["rx_good_packets"] == 32


def test_mac_is_settable(null: Port, pool: Mempool):
    null.configure(mempool=pool)
    null.mac = "02:00:00:00:00:Ab"
    assert null.mac == "02:00:00:00:00:ab"


@pytest.mark.parametrize("mac", ["", "02:00", "02:00:00:00:00:0g", "02-00-00-00-00-01", None, 5,
                                 "02:00:00:00:00:01\n", b"02:00:00:00:00:01"])  # fmt: skip
def test_mac_of_another_form_raises(null: Port, mac: str):
    with pytest.raises(ValueError, match="six bytes in hex"):
        null.mac = mac


@pytest.mark.parametrize("mac", ["00:00:00:00:00:00", "01:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"])
def test_mac_of_no_single_device_raises(null: Port, mac: str):
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
    """DPDK treats 100000 as 34464."""
    null.configure(mempool=pool)
    with pytest.raises(ValueError, match=r"46\.\.65535"):
        null.mtu = mtu
    assert null.mtu == 1500


def test_unsupported_operations_of_a_driver_raise(null: Port, loop: Port, pool: Mempool):
    null.configure(mempool=pool)
    with pytest.raises(NotSupportedError):
        null.set_link(up=False)
    with pytest.raises(NotSupportedError):
        loop.mtu = 1400


def test_link_goes_up_with_the_port(null: Port, pool: Mempool):
    null.configure(mempool=pool)
    assert not null.link().up
    null.start()
    assert null.link() == Link(up=True, speed_mbps=10000, full_duplex=True, autoneg=False)


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


def test_adding_a_device_that_only_the_eal_found_leaves_its_port_alone(run_script):
    """As a NIC that the bus scan found: it is in no option."""
    done = run_script("""
        with init(extra=("--vdev=net_null9",)) as eal:
            port = Port.lookup("net_null9")
            with Mempool.create("p", 127, cache_size=0) as pool, Burst(8) as burst:
                port.configure(mempool=pool)
                port.start()
                try:
                    eal.add_device("net_null9")
                except pydpdk.errors.NameTakenError as error:
                    print(error)
                print(Port.lookup("net_null9") is port, port.rx_queues[0].rx(burst))
                burst.free()
                port.close()
    """)
    taken, found = done.stdout.splitlines()
    assert "net_null9 exists already: EEXIST" in taken
    assert found == "True 8", done.stderr


def test_a_device_that_is_no_port_comes_and_goes(eal: Eal):
    for _ in range(2):
        assert eal.add_device("crypto_null_x") == "crypto_null_x"
        eal.remove_device("crypto_null_x")


def test_removing_a_device_closes_its_port(eal: Eal, pool: Mempool):
    eal.add_device("net_null_rm")
    port = Port.lookup("net_null_rm")
    port.configure(mempool=pool)
    port.start()
    queue = port.rx_queues[0]
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


def test_the_error_says_why_a_device_has_no_port(run_script):
    """In its own process: DPDK keeps the device, and announces it to every secondary."""
    done = run_script("""
        with init() as eal:
            for devargs in ("net_pcap_none,rx_pcap=no_such_file.pcap", "net_nosuchdriver0"):
                try:
                    eal.add_device(devargs)
                except pydpdk.DpdkError as error:
                    print("rejected", str(error).replace("\\n", " "))
    """)
    first, second = done.stdout.splitlines()
    assert first.startswith("rejected") and "no_such_file.pcap" in first
    assert second.startswith("rejected")


@pytest.mark.parametrize("devargs", ["", ",size=64", "7null", "net null", "x" * 64, "net_null\0x"])
def test_malformed_devargs_raise(eal: Eal, devargs: str):
    with pytest.raises(ValueError, match="devargs"):
        eal.add_device(devargs)


@pytest.mark.parametrize("devargs", [None, 5, b"net_null0", ["net_null0"]])
def test_devargs_of_another_type_raise(eal: Eal, devargs: str):
    with pytest.raises(TypeError):
        eal.add_device(devargs)
    with pytest.raises(TypeError):
        eal.remove_device(devargs)


@pytest.mark.parametrize("name", ["", "net_never0", "x" * 200])
def test_removing_an_unknown_device(eal: Eal, name: str):
    with pytest.raises((DpdkError, ValueError)):
        eal.remove_device(name)
