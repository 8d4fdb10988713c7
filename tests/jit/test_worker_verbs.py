"""Verbs in compiled code do the same as in the interpreter, packet by packet."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scapy.all import IP, TCP, UDP, Ether
from worker_packets import PACKETS, N, here, through

from pydpdk import Burst, NoRoomError, worker


@worker
def acts_on_all(there, back, burst, data, what):
    there.rx(burst)
    mask = np.zeros(len(burst), np.bool_)
    if what == 0:
        mask = burst.decrement_ttl()
    elif what == 1:
        mask, other = burst.verify_checksums()
        mask = mask | other
    elif what == 2:
        for i in range(len(burst)):
            if burst[i].ipv4:
                burst[i].ipv4.hdr_checksum = 7
        mask = burst.compute_checksums()
    elif what == 3:
        burst.prepend(data[:4])
    elif what == 4:
        burst.rewrite("ipv4.src_addr", 0xC6120009)
    elif what == 5:
        mask = burst.vlan_pop()
    elif what == 6:
        burst.adj(1)
    back.tx(burst)
    return mask.copy().sum(), len(mask)


def computed(burst: Burst) -> Any:
    burst.columns["ipv4.hdr_checksum"] = 7
    return burst.compute_checksums()


DATA = np.arange(64, dtype=np.uint8)
ALL = {
    0: lambda burst: burst.decrement_ttl(),
    1: lambda burst: np.logical_or(*burst.verify_checksums()),
    2: computed,
    3: lambda burst: burst.prepend(DATA[:4].tobytes()),
    5: lambda burst: burst.vlan_pop(),
    6: lambda burst: burst.adj(1),
}


@pytest.mark.parametrize("what", ALL)
def test_burst_verbs_do_the_same_compiled_and_interpreted(pair, pool, what: int):
    (count, n), packets = through(pair, acts_on_all, pool, DATA, what)
    mask, expected = here(pool, ALL[what])
    assert packets == expected
    assert (count, n) == (0 if mask is None else mask.sum(), N)


@worker
def acts_on_each(there, back, burst, data, what):
    found = 0
    there.rx(burst)
    for i in range(len(burst)):
        p = burst[i]
        if what == 0:
            found += p.decrement_ttl()
        elif what == 1:
            ip, l4 = p.verify_checksums()
            found += ip or l4
        elif what == 2:
            if p.ipv4:
                p.ipv4.hdr_checksum = 7
            found += p.compute_checksums()
        elif what == 3:
            p.prepend(data[:4])
        elif what == 5:
            found += p.vlan_pop()
        elif what == 6:
            p.adj(1)
    back.tx(burst)
    return found


@pytest.mark.parametrize("what", ALL)
def test_packet_verbs_do_the_same_as_burst_verbs(pair, pool, what: int):
    found, packets = through(pair, acts_on_each, pool, DATA, what)
    (count, _), expected = through(pair, acts_on_all, pool, DATA, what)
    assert packets == expected
    assert found == count


@worker
def rewrites(there, back, burst, values, wide, in_each):
    there.rx(burst)
    if in_each:
        for i in range(len(burst)):
            p = burst[i]
            if not p.sctp:
                p.rewrite("ipv4.dst_addr", values[i])
                p.rewrite("l4.src_port", i)
                p.rewrite("ipv6.src_addr", (1, i))
    else:
        burst.rewrite("ipv4.dst_addr", values)
        burst.rewrite("ipv6.src_addr", wide)
    back.tx(burst)


def test_checksums_follow_a_rewrite(pair, pool):
    values = np.arange(N, dtype=np.uint32) + 0xC6130000
    wide = np.zeros((N, 16), np.uint8)
    wide[:, 7], wide[:, 15] = 1, np.arange(N)
    _, packets = through(pair, rewrites, pool, values, wide, 0)

    def act(burst: Burst) -> None:
        burst.rewrite("ipv4.dst_addr", values)
        burst.rewrite("ipv6.src_addr", wide)

    assert packets == here(pool, act)[1]
    _, packets = through(pair, rewrites, pool, values, wide, 1)
    for i in (0, 1, 3, 4):
        found = Ether(packets[i])
        assert found[2].sport == i
        assert bytes(found) == bytes(Ether(remade(found)))


def remade(packet: Ether) -> bytes:
    """Let Scapy compute all checksums again."""
    again = packet.copy()
    for layer in (IP, TCP, UDP):
        if layer in again:
            again[layer].chksum = None
    return bytes(again)


@worker
def tags(there, back, burst, tci, in_each):
    there.rx(burst)
    burst.drop(np.array([len(burst[i]) < 14 for i in range(len(burst))]))
    if in_each:
        for i in range(len(burst)):
            burst[i].vlan_push(tci[i])
            burst[i].vlan_push(7, 0x88A8)
    else:
        burst.vlan_push(tci)
        burst.vlan_push(7, tpid=0x88A8)
    back.tx(burst)


def test_tags_are_pushed(pair, pool):
    tci = np.arange(N, dtype=np.uint16)

    def act(burst: Burst) -> None:
        burst.drop(burst.lengths < 14)
        burst.vlan_push(tci[: len(burst)])
        burst.vlan_push(7, tpid=0x88A8)

    expected = here(pool, act)[1]
    assert through(pair, tags, pool, tci, 0)[1] == through(pair, tags, pool, tci, 1)[1] == expected


@worker
def takes(there, back, burst, other, mask):
    there.rx(burst)
    moved = burst.take(mask, other)
    kept = len(burst)
    back.tx(burst)
    back.tx(other)
    return moved, kept


def test_take_moves_packets_to_another_burst(pair, pool):
    mask = np.arange(N) % 3 == 0
    with Burst(64) as other, Burst(2) as small:
        (moved, kept), packets = through(pair, takes, pool, other, mask)
        assert (moved, kept) == (mask.sum(), (~mask).sum())
        expected = [p for m, p in zip(~mask, PACKETS, strict=True) if m]
        assert packets == expected + [p for m, p in zip(mask, PACKETS, strict=True) if m]
        with pytest.raises(NoRoomError, match="no room"):
            through(pair, takes, pool, small, mask)
        with pytest.raises(ValueError, match="mask"):
            through(pair, takes, pool, small, mask[:3])
    assert pool.in_use_count == 0


@worker
def rejected(there, back, burst, data, what):  # noqa: C901
    there.rx(burst)
    p = burst[0]
    if what == 0:
        burst.adj(2)
    elif what == 1:
        p.adj(5000)
    elif what == 2:
        p.adj(-1)
    elif what == 3:
        burst.vlan_push(1 << 16)
    elif what == 4:
        p.vlan_push(1, 0x9100)
    elif what == 5:
        burst.prepend(data)
    elif what == 6:
        p.rewrite("ipv4.src_addr", 1 << 32)
    elif what == 7:
        burst[10].rewrite("l4.src_port", 1)
    elif what == 8:
        burst.rewrite("udp.dst_port", np.zeros(3, np.uint16))
    elif what == 9:
        burst.rewrite("ipv6.src_addr", np.zeros((len(burst), 15), np.uint8))
    elif what == 10:
        burst.vlan_push(np.zeros(3, np.uint16))
    elif what == 11:
        burst.take(np.zeros(len(burst), np.bool_), burst)
    elif what == 12:
        p.vlan.vlan_tci = 3
    elif what == 13:
        return p.mbuf.vlan_tci
    elif what == 14:
        return p.mbuf.hash.rss
    elif what == 15:
        burst.prepend(np.zeros((3, 4), np.uint8))
    elif what == 16:
        burst.adj(np.zeros(3, np.uint32))
    return 0


@pytest.mark.parametrize("what", range(17))
def test_impossible_changes_of_a_packet_raise(pair, pool, what: int):
    """Also where the burst raises: for one byte that is the last case, for SCTP the eleventh."""
    with pytest.raises(ValueError):
        through(pair, rejected, pool, np.zeros(5000, np.uint8), what)
    there, back = pair
    assert there.empty
    assert back.empty
    assert pool.in_use_count == 0


LAST_USES = """
import numpy as np
from pydpdk import worker

@worker
def tagged(pool, burst, frame):
    burst.alloc(pool, 8, 60)
    burst.fill(frame)
    burst.vlan_push(0x0123)
    found = np.empty(8, np.uint16)
    for i in range(8):
        found[i] = burst[i].get_be16(14)
    burst.free()
    return found

with init(lcores=(0, 1)), Mempool.create("p", 63) as pool, Burst(8) as burst:
    print(*tagged.launch(pool, burst, np.zeros(60, np.uint8)).result())
"""


def test_an_array_lives_as_long_as_the_verb_that_takes_it(run_script):
    """The array of 8 tags is used last in the call; freed memory is overwritten at once."""
    freed = "glibc.malloc.tcache_count=0:glibc.malloc.perturb=165"
    done = run_script(LAST_USES, GLIBC_TUNABLES=freed)
    assert done.stdout.split() == ["291"] * 8, done.stderr
