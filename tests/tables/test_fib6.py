"""Routes of IPv6: DPDK finds what the ipaddress module finds."""

from __future__ import annotations

import ipaddress
import random
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from pydpdk import (
    Burst,
    ClosedError,
    Eal,
    Fib6,
    Mempool,
    NameTakenError,
    NoRoomError,
    NotFoundError,
)


@pytest.fixture
def fib(eal: Eal, name: str) -> Iterator[Fib6]:
    with Fib6(name, default_nh=99, max_routes=300, num_tbl8=2000) as made:
        yield made


def packed(*addresses: str) -> np.ndarray:
    data = b"".join(ipaddress.IPv6Address(each).packed for each in addresses)
    return np.frombuffer(data, np.uint8).reshape(-1, 16)


def test_the_longest_prefix_wins(fib: Fib6):
    """rte_fib6_add, rte_fib6_lookup_bulk, rte_fib6_delete."""
    fib.add("2001:db8::/32", 1)
    fib.add("2001:db8:1::/48", 2)
    fib.add(ipaddress.IPv6Network("2001:db8:1::7/128"), 3)
    asked = packed("2001:db8:2::1", "2001:db8:1::1", "2001:db8:1::7", "2001:db9::1")
    assert fib.find(asked).tolist() == [1, 2, 3, 99]
    fib.delete("2001:db8:1::/48")
    assert fib.find(asked).tolist() == [1, 1, 3, 99]
    fib.add("::/0", 4)
    assert fib.find(asked[-1:]).tolist() == [4]
    assert fib.find(asked[:0]).tolist() == []


def test_random_routes_are_found_as_python_finds_them(fib: Fib6):
    chance = random.Random(9)
    routes = {}
    for i in range(150):
        length = chance.choice((8, 20, 24, 28, 32, 48, 56, 64, 100, 128))
        base = 0x20010DB8 << 96 | chance.getrandbits(6) << 90 | chance.getrandbits(4) << 60 | i % 7
        network = ipaddress.IPv6Network((base >> (128 - length) << (128 - length), length))
        fib.add(network, i)
        routes[network] = i
    asked = [0x20010DB8 << 96 | chance.getrandbits(96) for _ in range(1000)]
    asked += [int(n.network_address) for n in routes]
    asked += [int(n.network_address) ^ 1 << chance.randrange(128) for n in routes]

    def best(ip: int) -> int:
        matching = [n for n in routes if ip & int(n.netmask) == int(n.network_address)]
        return routes[max(matching, key=lambda n: n.prefixlen)] if matching else 99

    data = np.frombuffer(b"".join(ip.to_bytes(16, "big") for ip in asked), np.uint8)
    assert fib.find(data.reshape(-1, 16)).tolist() == [best(ip) for ip in asked]


def test_a_column_takes_the_fast_path(fib: Fib6, pool: Mempool, burst: Burst):
    from packets import ethernet, ipv6, udp

    fib.add("::/64", 5)
    burst.alloc(pool, 4)
    burst.fill(ethernet(0x86DD, ipv6(udp(b"x"))))
    calls = []
    addresses = burst.columns["ipv6.dst_addr"]
    sys.setprofile(lambda frame, event, _: calls.append(event) if event == "call" else None)
    try:
        found = fib.find(addresses)
    finally:
        sys.setprofile(None)
    assert (found.tolist(), calls) == ([5] * 4, [])
    burst.free()


def test_a_stored_prefix_is_in_the_table(fib: Fib6):
    fib.add("2001:db8::/32", 1)
    fib.add("::/0", 1)
    assert "2001:db8::/32" in fib and ipaddress.IPv6Network("2001:0db8::/32") in fib
    assert "::/0" in fib
    others = ("2001:db8::/33", "::/1", "::", "2001:db8::1/32", "0.0.0.0/0", "", None,
              ipaddress.IPv4Network("0.0.0.0/0"))  # fmt: skip
    assert [prefix for prefix in others if prefix in fib] == []
    fib.delete("::/0")
    assert "::/0" not in fib


def test_an_invalid_route_raises(fib: Fib6):
    for prefix in ("2001:db8::1/32", "nonsense", "::/129", "10.0.0.0/8", ""):
        with pytest.raises(ValueError, match=r".+"):
            fib.add(prefix, 1)
    for prefix in (None, 1, b"::/0"):
        with pytest.raises(TypeError, match="must"):
            fib.delete(prefix)  # type: ignore[arg-type]
    for hop in (-1, 32768):
        with pytest.raises(ValueError, match=r"0\.\.32767"):
            fib.add("::/0", hop)
    with pytest.raises(NotFoundError):
        fib.delete("2001:db8::/32")
    for wrong in ([1], [[1]], [[-1] * 16], [[256] * 16], "text", None, np.zeros((1, 15), "u1")):
        with pytest.raises((ValueError, TypeError)):
            fib.find(wrong)


def test_exhausted_memory_raises(run_script):
    done = run_script(
        """
        with init(hugepages=False, memory_mb=16):
            for make in pydpdk.Fib, pydpdk.Fib6:
                try:
                    make("large")
                except pydpdk.NoRoomError as error:
                    print(error.errno)
        """
    )
    assert done.stdout.split() == ["12", "12"], done.stderr


def test_exhausted_steps_raise(eal: Eal, name: str):
    with Fib6(name, num_tbl8=2) as fib:
        with pytest.raises(NoRoomError):
            fib.add("2001:db8::1/128", 1)
        assert fib.find(packed("2001:db8::1")).tolist() == [0]


@pytest.mark.parametrize(
    "options",
    [
        {"nh_bytes": 1}, {"nh_bytes": "2"}, {"max_routes": 0}, {"max_routes": 1 << 23},
        {"num_tbl8": 0}, {"num_tbl8": 1 << 15, "nh_bytes": 2}, {"default_nh": 1 << 15},
    ],
)  # fmt: skip
def test_invalid_options_raise(eal: Eal, name: str, options: dict[str, int]):
    with pytest.raises(ValueError, match="must"):
        Fib6(name, **options)  # type: ignore[arg-type]


def test_a_name_is_taken_once_and_free_again(eal: Eal, name: str, fib: Fib6):
    with pytest.raises(NameTakenError):
        Fib6(name)
    fib.close()
    fib.close()
    with Fib6(name):
        pass
    for call in (lambda: fib.find(packed("::1")), lambda: fib.add("::/0", 1)):
        with pytest.raises(ClosedError):
            call()
