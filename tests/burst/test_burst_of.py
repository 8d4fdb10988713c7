"""Bursts made of bytes: what is taken for packets, and that nothing is lost when it is not."""

from __future__ import annotations

import numpy as np
import pytest
from scapy.all import IP, UDP, Ether

from pydpdk import Burst, Mempool, NoRoomError

SCAPY = Ether() / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(dport=53) / b"hello"
ROWS = np.arange(180, dtype=np.uint8).reshape(3, 60)


def contents(burst: Burst) -> list[bytes]:
    return [burst.bytes(i) for i in range(len(burst))]


@pytest.mark.parametrize(
    ("packets", "expected"),
    [
        (b"one", [b"one"]),
        (bytearray(b"one"), [b"one"]),
        (memoryview(b"one"), [b"one"]),
        (SCAPY, [bytes(SCAPY)]),
        ([b"a", bytearray(b"b"), SCAPY, ROWS[0]], [b"a", b"b", bytes(SCAPY), bytes(ROWS[0])]),
        ((c for c in (b"a", b"b")), [b"a", b"b"]),
        (ROWS, [bytes(row) for row in ROWS]),
        (ROWS[0], [bytes(ROWS[0])]),
        (ROWS[:, ::2], [bytes(row[::2]) for row in ROWS]),
        (b"x" * 5000, [b"x" * 5000]),
        ([], []),
        ([b""], [b""]),
    ],
)  # fmt: skip
def test_what_is_taken_for_packets(pool: Mempool, packets, expected: list[bytes]):
    with Burst.of(pool, packets) as burst:
        assert contents(burst) == expected
        burst.free()


def test_rows_have_lengths(pool: Mempool):
    with Burst.of(pool, ROWS, lengths=[0, 5, 60]) as burst:
        assert contents(burst) == [b"", bytes(ROWS[1][:5]), bytes(ROWS[2])]
        burst.free()


@pytest.mark.parametrize(
    ("packets", "lengths", "error", "text"),
    [
        ("text", None, TypeError, "a packet must be bytes-like or have __bytes__"),
        (5, None, TypeError, "a packet must be bytes-like or have __bytes__"),
        (None, None, TypeError, "a packet must be"),
        ([b"x", 7], None, TypeError, "a packet must be"),
        ([b"x", "y"], None, TypeError, "a packet must be"),
        ([np.int64(5)], None, TypeError, "a packet must be"),
        (ROWS.astype(np.uint16), None, ValueError, r"must be uint8\[n, width\]"),
        (ROWS.reshape(3, 6, 10), None, ValueError, r"must be uint8\[n, width\]"),
        (ROWS, [1, 2], ValueError, r"lengths must be \[3\] \(got \[2\]\)"),
        (ROWS, [1, 2, 61], ValueError, r"length must be 0..60 bytes \(got 61\)"),
        (ROWS, [1, 2, -1], ValueError, r"length must be 0..60 bytes \(got -1\)"),
        (ROWS, [1, 2, 0.5], TypeError, "length must be an integer"),
        (b"x", [1], TypeError, "lengths are of the rows"),
    ],
)
def test_what_is_not(pool: Mempool, packets, lengths, error: type[Exception], text: str):
    with pytest.raises(error, match=text):
        Burst.of(pool, packets, lengths=lengths)
    with Burst(8) as burst:
        burst.append(pool, b"first")
        with pytest.raises(error, match=text):
            burst.append(pool, packets, lengths=lengths)
        assert contents(burst) == [b"first"]
        burst.free()


def test_append_adds_all_or_none(pool: Mempool):
    with Burst(4) as burst:
        assert burst.append(pool, [b"a", b"b"]) == 2
        assert burst.append(pool, b"c") == 1
        assert burst.append(pool, []) == 0
        with pytest.raises(NoRoomError):
            burst.append(pool, [b"d", b"e"])
        assert contents(burst) == [b"a", b"b", b"c"]
        assert pool.in_use_count == 3
        burst.free()


def test_a_pool_with_too_few_mbufs(pool: Mempool):
    with pytest.raises(NoRoomError):
        Burst.of(pool, [b"x"] * 512)
    with pytest.raises(TypeError, match="mempool must be a Mempool"):
        Burst.of(None, b"x")  # type: ignore[arg-type]
    assert pool.in_use_count == 0


def test_too_many_packets(pool: Mempool):
    with pytest.raises(ValueError, match=r"packets must be 1..65535 \(got 65536\)"):
        Burst.of(pool, [b""] * 65536)


def test_fill_takes_what_has_bytes(pool: Mempool, burst: Burst):
    burst.alloc(pool, 2)
    burst.fill([SCAPY, b"x"])
    assert contents(burst) == [bytes(SCAPY), b"x"]
    burst.free()
    with pytest.raises(ValueError, match="holds no packets"):
        burst.fill(b"x")
