"""Bytes at one place of every packet, read and written as one array."""

from __future__ import annotations

import numpy as np
import pytest
from packets import FRAMES

from pydpdk import Burst


def test_peek_and_poke_at_an_offset(frames: Burst):
    assert frames.peek(12, 2).tolist() == [[8, 0], [0x86, 0xDD], [8, 6], [0x81, 0]]
    valid = np.empty(4, bool)
    text = frames.peek(42, 5, valid=valid)
    assert text[0].tobytes() == b"first"
    assert valid.tolist() == [True, True, False, True]
    assert not text[2].any()
    frames.poke(0, np.arange(24, dtype=np.uint8).reshape(4, 6))
    assert frames.bytes(3)[:6] == bytes(range(18, 24))
    frames.poke(46, b"T")
    assert frames.bytes(0)[-1:] == b"T"


def test_peek_and_poke_from_a_header_on(frames: Burst):
    assert [row.tobytes() for row in frames.peek(8, 5, header="udp")] == [
        b"first", b"secon", bytes(5), b"third",
    ]  # fmt: skip
    frames.poke(8, b"12345", header="udp")
    assert frames.bytes(1)[-6:] == b"12345d"
    assert frames.bytes(2) == FRAMES[2]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((-1, 1), ValueError), ((1 << 32, 1), ValueError), ((0, 0), ValueError),
        ((0, 65536), ValueError), ((0.5, 1), TypeError), ((0, "1"), TypeError),
    ],
)  # fmt: skip
def test_peek_out_of_range_raises(frames: Burst, arguments, error):
    with pytest.raises(error):
        frames.peek(*arguments)


def test_peek_from_no_header_raises(frames: Burst):
    for name in ("nothing", "mbuf", "udp.dst_port"):
        with pytest.raises(ValueError, match="one of ether"):
            frames.peek(0, 1, header=name)
    with pytest.raises(ValueError, match="contiguous"):
        frames.peek(0, 1, valid=np.empty(3, bool))
    with pytest.raises(TypeError, match="array of bool"):
        frames.peek(0, 1, valid=np.empty(4, np.uint8))  # type: ignore[arg-type]


@pytest.mark.parametrize("data", [1, "abc", None, np.zeros((3, 2), np.uint8), b"", [1.5]])
def test_poke_that_does_not_fit_raises(frames: Burst, data: object):
    with pytest.raises((ValueError, TypeError)):
        frames.poke(0, data)
