"""A name that is not there is answered with those that are; `all` finds everything."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pydpdk import Mempool, Memzone, NotFoundError, ObjectPool, Port, Ring
from pydpdk._core.near import instead_of


@pytest.mark.parametrize(
    "there,text",
    [
        ((), "there are none"),
        (("b", "a"), "there are a, b"),
        (("net_null0", "x"), "there are net_null0, x (near it: net_null0)"),
        (map(str, range(10)), "there are 0, 1, 2, 3, 4, 5, 6, 7, ..."),
    ],
)
def test_the_names_are_said(there, text: str):
    assert instead_of("net_nul0", there) == text


def make_mempool(name: str) -> Mempool:
    return Mempool.create(name, 255)


def make_ring(name: str) -> Ring:
    return Ring.create(name, 8)


def make_memzone(name: str) -> Memzone:
    return Memzone.reserve(name, 64)


@pytest.mark.parametrize("make", [make_mempool, make_ring, make_memzone])
def test_lookup_and_all(eal, name: str, make: Callable):
    with make(f"{name}x") as one:
        kind = type(one)
        assert one in kind.all()
        with pytest.raises(NotFoundError, match=rf"near it: .*{name}x\)"):
            kind.lookup(f"{name}y")
    there = kind.all()
    assert one not in there
    if kind is Memzone:  # DPDK's own
        for zone in there:
            zone.close()


def test_pools_of_objects_are_not_among_those_of_mbufs(eal, name: str):
    with ObjectPool.create(name, 255, "u8") as pool:
        assert name not in [one.name for one in Mempool.all()]
        with pytest.raises(NotFoundError, match=f"near it: {pool.name}"):
            ObjectPool.lookup(f"{name}y")


def test_ports(device, name: str):
    port = device(f"net_null_{name}")
    assert port in Port.all()
    with pytest.raises(NotFoundError, match=f"near it: {port.name}"):
        Port.lookup(f"net_nul_{name}")
