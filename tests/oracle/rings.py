"""Rings of every kind, and the modes of moving values through them, for this folder."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from pydpdk import Ring

SYNCS = ("rts", "multi", "single", "hts")
# DPDK's element sizes: void * and 4, 8, 16, 20 bytes
DTYPES = {
    4: np.dtype("u4"),
    8: np.dtype("u8"),
    16: np.dtype([("id", "u8"), ("x", "f4"), ("y", "i4")]),
    20: np.dtype([("id", "u4"), ("key", "u1", 16)]),
}


class Mode(NamedTuple):
    """How a test moves values: bulk or burst, copied or not."""

    sync: str
    bulk: bool
    zero_copy: bool

    def __str__(self) -> str:
        return f"{self.sync}-{'zc_' * self.zero_copy}{'bulk' if self.bulk else 'burst'}"

    def enqueue(self, ring: Ring, values: np.ndarray) -> int:
        if not self.zero_copy:
            return ring.enqueue_bulk(values) if self.bulk else ring.enqueue_burst(values)
        with ring.enqueue_zc(len(values), bulk=self.bulk) as slots:
            n = len(slots)
            slots.first[:] = values[: len(slots.first)]
            slots.second[:] = values[len(slots.first) : n]
        return n

    def dequeue(self, ring: Ring, n: int) -> np.ndarray:
        if self.zero_copy:
            with ring.dequeue_zc(n, bulk=self.bulk) as slots:
                return np.concatenate([slots.first, slots.second])
        out = np.zeros(n, ring.dtype)
        return out[: ring.dequeue_bulk(out) if self.bulk else ring.dequeue_burst(out)]


MODES = [
    Mode(sync, bulk, zero_copy)
    for sync in SYNCS
    for bulk in (True, False)
    for zero_copy in (False, True)
    if not zero_copy or sync in ("single", "hts")
]


def values(dtype: np.dtype, n: int, seed: int = 0) -> np.ndarray:
    """Return `n` values of random bytes (floats as bytes: NaN must come through unchanged)."""
    return np.frombuffer(np.random.default_rng(seed).bytes(n * dtype.itemsize), dtype).copy()


def same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.tobytes() == b.tobytes()


def bites(total: int, n: int) -> Iterator[int]:
    """Split `total` into parts of at most `n`."""
    while total > 0:
        yield min(n, total)
        total -= n
