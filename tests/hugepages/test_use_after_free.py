"""Use after free: on hugepages the pages are gone, and C would get SIGSEGV. Here: errors.

`gone` proves it: the memory of the object is no longer readable in this process. Without hugepages
it stays readable until the EAL ends, and all raises the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import pydpdk
from pydpdk import Burst, ClosedError, InUseError, Mempool, Memzone, ObjectPool, Port, Ring

MB_8 = 8 << 20  # the pages in the middle belong to the object only
MANY = 8191  # [mbufs] 18 MB


Gone = Callable[[int], bool]


@pytest.fixture
def gone(on_hugepages: bool) -> Gone:
    """Return a check that an address is unreadable, where memory is returned at all."""
    return lambda address: not (on_hugepages and readable(address))


def readable(address: int) -> bool:
    """Whether an address can be read: DPDK keeps reserved ranges without access."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        start, end, access = re.match(r"(\w+)-(\w+) (....)", line).groups()  # type: ignore[union-attr]
        if int(start, 16) <= address < int(end, 16):
            return "r" in access
    return False


def big_pool(name: str) -> Mempool:
    return Mempool.create(name, MANY, cache_size=0)


def middle_mbuf(pool: Mempool) -> int:
    with Burst(MANY) as burst:
        burst.alloc(pool)
        address = sorted(mbuf.address for mbuf in pool.outstanding())[MANY // 2]
        burst.free()
    return address


def rejected(*uses: object) -> None:
    for use in uses:
        with pytest.raises(ClosedError):
            use()  # type: ignore[operator]


def test_a_pool(eal: object, name: str, burst: Burst, gone: Gone):
    pool = big_pool(name)
    address = middle_mbuf(pool)
    assert readable(address)
    pool.close()
    assert gone(address)
    rejected(
        lambda: burst.alloc(pool, 1), lambda: pool.capacity, lambda: pool.in_use_count,
        pool.outstanding, lambda: pool.data_room_size,
    )  # fmt: skip


def test_a_pool_of_objects(eal: object, name: str, gone: Gone):
    pool = ObjectPool.create(name, 65535, "V256")
    address = int(pool.addresses(pool.get(32768))[-1])
    pool.put(pool.outstanding())
    pool.close()
    assert gone(address)
    rejected(lambda: pool.get(1), lambda: pool.array, lambda: pool[0], lambda: pool.put([0]))


def test_a_zone(eal: object, name: str, gone: Gone):
    zone = Memzone.reserve(name, MB_8)
    address = zone.as_array()[MB_8 // 2 :].ctypes.data
    assert readable(address)
    zone.close()
    assert gone(address)
    rejected(zone.as_array, lambda: zone.handle)


def test_a_ring(eal: object, name: str, gone: Gone):
    ring = Ring.create(name, 1 << 20, producer="single", consumer="single")
    values = np.zeros(4, np.uint64)
    ring.enqueue_bulk(values)
    address = ring.address + MB_8 // 2  # of 8 MB of slots
    ring.close()
    assert gone(address)
    rejected(
        lambda: ring.enqueue_bulk(values), lambda: ring.dequeue_burst(values), lambda: len(ring),
        lambda: ring.full, lambda: ring.enqueue_zc(1), lambda: ring.dequeue_zc(1),
    )  # fmt: skip


def test_a_view_keeps_its_pool(eal: object, name: str, gone: Gone):
    pool = big_pool(name)
    with Burst(1) as burst:
        burst.alloc(pool, length=64)
        view = burst[0]
        view[:] = 7
        with pytest.raises(
            InUseError, match=r"1 of its 8191 mbufs are out.*; 1 numpy view is alive"
        ):
            pool.close()
        assert view.sum() == 7 * 64
        address = burst.mbuf(0).data_addr
        del view
        burst.free()
    pool.close()
    assert gone(address)


def test_a_view_keeps_its_zone(eal: object, name: str, gone: Gone):
    zone = Memzone.reserve(name, MB_8)
    part = zone.as_array("u4")[MB_8 // 8 :][::2]
    with pytest.raises(InUseError, match="1 numpy view is alive"):
        zone.close()
    part[:] = 7
    address = part.ctypes.data
    del part
    zone.close()
    assert gone(address)


def test_mbufs_keep_their_pool_wherever_they_are(eal: object, name: str, device):
    """In a burst, in a ring, and in the descriptors of a port."""
    pool = big_pool(name)
    with Burst(4) as burst, Ring.create(f"{name}r", 8, element="mbuf") as ring:
        burst.alloc(pool, length=60)
        with pytest.raises(InUseError, match="4 in <Burst"):
            pool.close()
        ring.tx(burst)
        with pytest.raises(InUseError, match="4 in ring"):
            pool.close()
        ring.rx(burst)
        burst.free()
    port: Port = device("net_ring_uaf")
    port.configure(mempool=pool)
    with pytest.raises(InUseError, match="used by <Port"):
        pool.close()
    port.close()
    pool.close()


@pytest.mark.parametrize("how", ["free", "tx", "enqueue"])
def test_a_packet_that_was_freed_or_sent(pool: Mempool, burst: Burst, name: str, device, how: str):
    """Its `Mbuf` raises from then on; a live view prevents the transfer (check mode)."""
    port: Port = device("net_ring_uaf")
    port.configure(mempool=pool)
    port.start()
    with Ring.create(name, 8, element="mbuf") as ring:
        give = {"free": burst.free, "tx": lambda: port.tx_queues[0].tx(burst),
                "enqueue": lambda: ring.tx(burst)}[how]  # fmt: skip
        burst.alloc(pool, 1, length=60)
        mbuf, view = burst.mbuf(0), burst[0]
        with pytest.raises(InUseError, match="numpy views alive"):
            give()
        assert len(burst) == 1
        del view
        assert give() == 1
        rejected(
            lambda: mbuf.data, lambda: mbuf.pkt_len, lambda: mbuf.read(0, 1), mbuf.check,
            lambda: mbuf.append(b"x"), lambda: mbuf.clone(pool, burst), lambda: bytes(mbuf),
            lambda: setattr(mbuf, "vlan_tci", 1),
        )  # fmt: skip
        with pytest.raises(IndexError):
            burst[0]
        {"free": int, "tx": lambda: port.rx_queues[0].rx(burst), "enqueue": lambda: ring.rx(burst)}[
            how
        ]()
        burst.free()


def test_a_port_whose_device_is_removed(eal: pydpdk.Eal, pool: Mempool, burst: Burst):
    eal.add_device("net_ring_gone")
    port = Port.lookup("net_ring_gone")
    port.configure(mempool=pool)
    port.start()
    rx, tx = port.rx_queues[0], port.tx_queues[0]
    burst.alloc(pool, 1, length=60)
    eal.remove_device("net_ring_gone")
    rejected(lambda: tx.tx(burst), port.stats, port.link, port.info, port.start)
    assert burst.free() == 1
    rejected(lambda: rx.rx(burst))


def test_lookup_returns_the_object_of_the_owner(eal: object, name: str):
    pool, zone = big_pool(name), Memzone.reserve(f"{name}z", MB_8)
    found = Mempool.lookup(name), Memzone.lookup(f"{name}z")
    pool.close()
    zone.close()
    rejected(lambda: found[0].capacity, found[0].outstanding, found[1].as_array)
    for kind, missing in ((Mempool, name), (Memzone, f"{name}z")):
        with pytest.raises(pydpdk.NotFoundError):
            kind.lookup(missing)


def test_everything_after_cleanup(run_script):
    done = run_script("""
        import numpy as np
        from pydpdk import ClosedError, InUseError, ObjectPool
        eal = init(vdevs=("net_ring0",))
        pool = Mempool.create("p", 8191, cache_size=0)
        objects = ObjectPool.create("o", 63, "u8")
        ring, zone = Ring.create("r", 8, element="mbuf"), Memzone.reserve("z", 4096)
        port, burst, values = Port.lookup("net_ring0"), Burst(8), Ring.create("v", 8)
        port.configure(mempool=pool); port.start()
        rx, tx = port.rx_queues[0], port.tx_queues[0]
        burst.alloc(pool, 3, length=60)
        mbuf = burst.mbuf(0)
        view = burst[0]
        try:
            eal.close()
        except InUseError as error:
            print(error)
        view[:] = 1
        del view
        burst.free()
        eal.close()
        uses = [
            lambda: burst.alloc(pool, 1), burst.free, lambda: burst.lengths, lambda: mbuf.pkt_len,
            lambda: pool.capacity, pool.outstanding, lambda: objects.get(1), lambda: objects.array,
            lambda: ring.tx(burst), lambda: ring.rx(burst), lambda: len(ring),
            lambda: values.enqueue_bulk(np.zeros(1, np.uint64)), zone.as_array,
            lambda: rx.rx(burst), lambda: tx.tx(burst), port.stats, lambda: Burst(1),
            lambda: Mempool.create("q", 63), lambda: Memzone.lookup("z"), lambda: Ring.lookup("r"),
        ]
        for i, use in enumerate(uses):
            try:
                use()
                print("nothing raised by", i)
            except ClosedError:
                pass
        print("all")
    """)
    assert done.stdout.splitlines() == [
        "the EAL stays open: numpy views are alive of <Mempool 'p' n=8191 in_use=3> (1 views)",
        "all",
    ], done.stdout + done.stderr
