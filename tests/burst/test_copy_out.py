"""Bytes at the front of all packets, and all packets in one array."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from packets import contents, load, mixed_frames

from pydpdk import Burst, Mempool


def test_prepend_and_adj_are_inverse(pool: Mempool, burst: Burst):
    before = mixed_frames(6)
    load(pool, burst, before).prepend(b"outer header")
    burst.prepend(np.arange(6, dtype=np.uint8).reshape(6, 1))
    assert contents(burst) == [bytes([i]) + b"outer header" + p for i, p in enumerate(before)]
    assert burst.lengths.tolist() == [len(p) + 13 for p in before]
    burst.adj(13)
    assert contents(burst) == before
    burst.adj(np.arange(6))
    assert contents(burst) == [p[i:] for i, p in enumerate(before)]


def test_prepend_and_adj_that_raise_change_nothing(pool: Mempool, burst: Burst):
    before = [b"a" * 20, b"b" * 10]
    load(pool, burst, before)
    with pytest.raises(ValueError, match="packet 0: 129 bytes of headroom"):
        burst.prepend(bytes(129))
    with pytest.raises(ValueError, match="packet 1: as many bytes"):
        burst.adj(11)
    with Burst(2) as clones:
        burst.clone(pool, clones)
        with pytest.raises(ValueError, match=r"packet 0: .* its own memory"):
            burst.prepend(b"x")
        clones.free()
    for data in (b"", None, 1, "x", np.zeros((3, 4), np.uint8)):
        with pytest.raises((ValueError, TypeError)):
            burst.prepend(data)
    assert contents(burst) == before


def test_copy_out_is_all_packets_in_a_row(pool: Mempool, burst: Burst):
    packets = [b"a", b"", bytes(range(256)) * 10, b"end"]
    data, offsets = load(pool, burst, packets).copy_out()
    assert offsets.tolist() == [0, 1, 1, 2561, 2564]
    assert [data[a:b].tobytes() for a, b in itertools.pairwise(offsets)] == packets
    burst.free()
    data, offsets = burst.copy_out()
    assert (data.size, offsets.tolist()) == (0, [0])
