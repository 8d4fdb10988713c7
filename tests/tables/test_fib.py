"""Routes: DPDK finds what the ipaddress module finds."""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Iterator

import numpy as np
import pytest

from pydpdk import ClosedError, Eal, Fib, Fib6, NameTakenError, NoRoomError, NotFoundError


@pytest.fixture
def fib(eal: Eal, name: str) -> Iterator[Fib]:
    with Fib(name, nh_bytes=1, default_nh=99, max_routes=300, num_tbl8=64) as made:
        yield made


def address(text: str) -> int:
    return int(ipaddress.IPv4Address(text))


def test_the_longest_prefix_wins(fib: Fib):
    """rte_fib_add, rte_fib_lookup_bulk, rte_fib_delete."""
    fib.add("198.18.0.0/15", 1)
    fib.add("198.18.1.0/24", 2)
    fib.add(ipaddress.IPv4Network("198.18.1.7/32"), 3)
    asked = [address(a) for a in ("198.19.9.9", "198.18.1.1", "198.18.1.7", "10.0.0.1")]
    assert fib.find(asked).tolist() == [1, 2, 3, 99]
    fib.delete("198.18.1.0/24")
    assert fib.find(np.array(asked, np.uint32)).tolist() == [1, 1, 3, 99]
    fib.add("0.0.0.0/0", 4)
    assert fib.find(asked[-1:]).tolist() == [4]


def test_random_routes_are_found_as_python_finds_them(fib: Fib):
    chance = random.Random(8)
    routes = {}
    for i in range(100):
        length = chance.choice((8, 12, 16, 20, 24, 28, 32))
        base = 0x0A000000 | chance.getrandbits(14) << 10 | chance.getrandbits(10)
        network = ipaddress.IPv4Network((base >> (32 - length) << (32 - length), length))
        try:
            fib.add(network, i)
        except NoRoomError:
            continue
        routes[network] = i
    asked = [0x0A000000 | chance.getrandbits(24) for _ in range(2000)]
    asked += [int(n.network_address) for n in routes]

    def best(ip: int) -> int:
        matching = [n for n in routes if ip & int(n.netmask) == int(n.network_address)]
        return routes[max(matching, key=lambda n: n.prefixlen)] if matching else 99

    assert fib.find(asked).tolist() == [best(ip) for ip in asked]


def test_a_stored_prefix_is_in_the_table(fib: Fib):
    assert fib and (len(fib), fib.capacity) == (0, 300)
    fib.add("198.18.0.0/15", 1)
    fib.add("10.0.0.1", 2)
    assert len(fib) == 2
    assert "198.18.0.0/15" in fib and ipaddress.IPv4Network("198.18.0.0/15") in fib
    assert "10.0.0.1/32" in fib and "10.0.0.1" in fib
    others = ("198.18.0.0/16", "198.18.0.0/14", "0.0.0.0/0", "198.18.0.1/15", "198.18.0.0", "", "x",
              None, 7, b"198.18.0.0/15", ("198.18.0.0/15",), ipaddress.IPv4Address("10.0.0.1"),
              ipaddress.IPv6Network("::/0"), float("nan"))  # fmt: skip
    assert [prefix for prefix in others if prefix in fib] == []
    for prefix in ([], ["198.18.0.0/15"], {}):
        with pytest.raises(TypeError, match="unhashable"):
            _ = prefix in fib
    fib.delete("198.18.0.0/15")
    assert "198.18.0.0/15" not in fib
    fib.close()
    for use in (lambda: "198.18.0.0/15" in fib, lambda: None in fib, lambda: len(fib)):
        with pytest.raises(ClosedError):
            use()


def test_an_invalid_route_raises(fib: Fib):
    for prefix in ("198.18.0.1/15", "nonsense", "198.18.0.0/33", "::/0", ""):
        with pytest.raises(ValueError, match=r".+"):
            fib.add(prefix, 1)
    for prefix in (None, 1, b"198.18.0.0/15"):
        with pytest.raises(TypeError):
            fib.delete(prefix)  # type: ignore[arg-type]
    for hop in (-1, 128):
        with pytest.raises(ValueError, match=r"0\.\.127"):
            fib.add("198.18.0.0/15", hop)
    with pytest.raises(NotFoundError):
        fib.delete("198.18.0.0/15")
    for addresses in ([-1], [1 << 32], 5, [[1]], ["x"], [0.5]):
        with pytest.raises((ValueError, TypeError)):
            fib.find(addresses)
    assert fib.find([]).tolist() == []


@pytest.mark.parametrize(
    "options",
    [
        {"nh_bytes": 3}, {"nh_bytes": "1"}, {"max_routes": 0}, {"max_routes": 1 << 23},
        {"num_tbl8": 0}, {"num_tbl8": 128, "nh_bytes": 1}, {"default_nh": 128, "nh_bytes": 1},
        {"default_nh": -1},
    ],
)  # fmt: skip
def test_invalid_options_raise(eal: Eal, name: str, options: dict[str, int]):
    with pytest.raises(ValueError, match="must"):
        Fib(name, **options)  # type: ignore[arg-type]


def test_a_name_is_taken_once_and_free_again(eal: Eal, name: str, fib: Fib):
    with pytest.raises(NameTakenError):
        Fib(name, nh_bytes=1)
    fib.close()
    fib.close()
    with Fib(name, nh_bytes=1):
        pass
    for call in (lambda: fib.find([1]), lambda: fib.add("10.0.0.0/8", 1)):
        with pytest.raises(ClosedError):
            call()


def test_addresses_as_text(eal: Eal, name: str):
    with Fib(name, max_routes=8) as fib, Fib6(f"{name}6", max_routes=8) as fib6:
        fib.add("10.0.0.0/8", 7)
        fib6.add("2001:db8::/32", 9)
        assert fib.find(["10.1.2.3", "11.0.0.1"]).tolist() == [7, 0]
        assert fib6.find(["2001:db8::1"]).tolist() == [9]
        for table, wrong in ((fib, ["fe80::1"]), (fib6, ["10.0.0.1"]), (fib, ["x"])):
            with pytest.raises(ValueError, match=r"addresses must be an address as .* \(got"):
                table.find(wrong)
        with pytest.raises(ValueError, match="addresses must have the shape"):
            fib.find("10.0.0.1")
