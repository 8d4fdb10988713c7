"""Ports in a secondary: it counts, receives and sends; only the primary controls them."""

import pytest

from pydpdk import Burst, BusyError, Eal, Mempool, Port

pytestmark = pytest.mark.hugepages
OPEN = "eal = pydpdk.attach(PREFIX); port = Port.lookup({0!r}); burst = Burst(32)\n"


@pytest.fixture
def two(device, pool: Mempool) -> Port:
    """A net_null port with two queues in each direction, started."""
    port = device("net_null_two")
    port.configure(mempool=pool, nb_rx_queues=2, nb_tx_queues=2)
    port.start()
    return port


CONTROL = """
for call in (
    port.start, port.stop, port.configure, port.reset_stats, lambda: port.set_link(up=True),
    lambda: setattr(port, "mtu", 1000), lambda: setattr(port, "mac", "02:00:00:00:00:01"),
    lambda: setattr(port, "promiscuous", True), lambda: eal.add_device("net_null_x"),
    lambda: eal.remove_device(port.name),
):
    tried(call)
port.close()
eal.close()
"""


def test_only_the_primary_controls_a_port(eal: Eal, second, two: Port):
    before = (two.mtu, two.mac, two.info())
    said = second(OPEN.format(two.name) + CONTROL).end().splitlines()
    assert len(said) == 10
    for line in said:
        assert line.startswith("SecondaryError"), line
        assert "the devices belong to the primary process" in line
    assert (two.mtu, two.mac, two.info()) == before
    assert two.state == "started"


def test_a_secondary_receives_sends_and_counts(second, two: Port, pool: Mempool):
    code = OPEN.format(two.name) + (
        "rx, tx = port.rx_queues, port.tx_queues\n"
        "print(port, len(rx), len(tx), rx[1].rx(burst), tx[1].tx(burst))\n"
        "stats, info, link = port.stats(), port.info(), port.link()\n"
        "print(stats.ipackets, stats.opackets, info.driver_name, link.up)\n"
        "burst.close(); eal.close()\n"
    )
    assert second(code).end().splitlines() == [
        f"<Port {two.name!r} id={two.port_id} attached> 2 2 32 32",
        "32 32 net_null True",
    ]
    assert (two.stats().ipackets, pool.in_use_count) == (32, 0)


def test_a_queue_belongs_to_one_process_at_a_time(second, two: Port, burst: Burst):
    assert two.rx_queues[0].rx(burst) == 32
    burst.free()
    code = OPEN.format(two.name) + (
        "tried(lambda: port.rx_queues[0].rx(burst))\n"
        "print(port.rx_queues[1].rx(burst)); burst.free()\n"
        "wait()\n"
        "print(port.rx_queues[0].rx(burst)); burst.free()\n"
        "port.rx_queues[0].release()\n"
        "wait()\n"
        "burst.close(); eal.close()\n"
    )
    other = second(code)
    busy, got = other.until_ready()
    assert busy.startswith(f"BusyError [Errno 16] rx queue 0 of port {two.port_id} is in use by")
    assert "release() it there" in busy
    assert got == "32"
    with pytest.raises(BusyError, match=r"in use by the secondary 'python -c'"):
        two.rx_queues[1].rx(burst)
    two.rx_queues[0].release()
    other.write()
    assert other.until_ready() == ["32"]
    assert two.rx_queues[0].rx(burst) == 32
    burst.free()
    other.end()
    assert two.rx_queues[1].rx(burst) == 32, "the queue of a process that left is free"


def test_a_port_in_use_elsewhere_is_not_stopped(second, two: Port):
    code = OPEN.format(two.name) + (
        "port.rx_queues[1].rx(burst); burst.free(); wait()\n"
        "print(port.rx_queues[1].rx(burst)); burst.free(); burst.close(); eal.close()\n"
    )
    other = second(code)
    other.until_ready()
    stays = r"stays started: in use are rx queue 1 by the secondary"
    for call in (two.stop, two.close):
        with pytest.raises(BusyError, match=stays):
            call()
    assert two.state == "started"
    assert other.end() == "32\n"
    two.stop()
    two.start()


def test_the_queue_of_a_dead_process_is_free(second, two: Port, burst: Burst):
    other = second(OPEN.format(two.name) + "port.rx_queues[1].rx(burst); burst.free(); wait()")
    other.until_ready()
    other.kill()
    assert two.rx_queues[1].rx(burst) == 32
    burst.free()
    two.stop()


def test_a_port_that_is_configured_after_the_attach(eal: Eal, second, device, pool: Mempool):
    """DPDK copies the addresses of the queues once, in the attach: these would be NULL."""
    code = """
        eal = pydpdk.attach(PREFIX); burst = Burst(32)
        wait()
        port = Port.lookup("net_null_late")
        tried(lambda: port.rx_queues[0].rx(burst))
        wait()
        tried(lambda: port.rx_queues[0].rx(burst))
        wait()
        tried(lambda: port.rx_queues[0].rx(burst))
        burst.free(); burst.close(); eal.close()
    """
    other = second(code)
    other.until_ready()
    port = device("net_null_late")

    def go() -> None:
        other.write()

    go()
    (said,) = other.until_ready()
    assert said.startswith("ClosedError")
    assert "a port must be started" in said
    port.configure(mempool=pool)
    go()
    assert other.until_ready() == [said]
    port.start()
    assert other.end() == "did 32\n"
    assert pool.in_use_count == 0


@pytest.mark.parametrize("devargs", ["net_af_packet_s,iface=lo", "net_tap_s,iface=dtaps"])
def test_a_driver_without_queues_in_secondaries_raises(second, device, devargs: str):
    port = device(devargs)
    said = second(
        OPEN.format(port.name) + "tried(lambda: port.rx_queues); print(port.stats().ipackets)"
    )
    rejected, count = said.end().splitlines()[:2]
    assert rejected.startswith("NotSupportedError")
    assert "no receive and transmit functions for a secondary process" in rejected
    assert "through a Ring to the primary" in rejected
    assert count.isdigit()


def test_forward_takes_its_queues_in_a_secondary(second, two: Port):
    code = OPEN.format(two.name) + (
        "from pydpdk import Forward\n"
        "forward = Forward(burst, [(port.rx_queues[0], port.tx_queues[0])], 'macswap')\n"
        "print([forward.step() for _ in range(3)], port.rx_queues[0]._taken)\n"
        "burst.close(); eal.close()\n"
    )
    assert second(code).end() == "[32, 32, 32] True\n"


def test_a_port_that_the_primary_has_removed(eal: Eal, second, pool: Mempool):
    """Its number goes to the next device, which is not taken for it.

    In between, DPDK's table of ports differs: rte_eth_dev_owner_new finds that.
    """
    code = """
        eal = pydpdk.attach(PREFIX); burst = Burst(32)
        old = Port.lookup("net_null_old")
        queue = old.rx_queues[0]
        wait()
        tried(lambda: queue.rx(burst))
        for call in (old.stats, old.info, lambda: old.rx_queues, old.xstats):
            tried(call)
        wait()
        tried(lambda: queue.rx(burst))
        new = Port.lookup("net_null_new")
        print(new.port_id == old.port_id, old.closed, new.rx_queues[0].rx(burst))
        burst.free()
        tried(lambda: queue.rx(burst))
        burst.close(); eal.close()
    """
    port = Port.lookup(eal.add_device("net_null_old"))
    port.configure(mempool=pool)
    other = second(code)
    other.until_ready()
    eal.remove_device("net_null_old")
    other.write()
    said = other.until_ready()
    assert "the primary has closed it" in said[0]
    assert len(said) == 5
    assert all(line.startswith("ClosedError") for line in said), said
    port = Port.lookup(eal.add_device("net_null_new"))
    port.configure(mempool=pool)
    port.start()
    stale, new, closed = other.end().splitlines()
    assert stale.startswith("ClosedError")
    assert new == "True True 32"
    assert closed.startswith("ClosedError")
    eal.remove_device("net_null_new")
