"""The cases of DPDK's ring_autotest (app/test/test_ring.c)."""

import os
import shutil
import subprocess
from collections.abc import Iterator

import numpy as np
import pytest

from oracle.rings import DTYPES, MODES, SYNCS, Mode, bites, same, values
from pydpdk import Eal, Ring
from pydpdk.errors import NameTakenError, NotFoundError
from pydpdk.host import runtime

RING_SIZE, MAX_BULK = 4096, 32
sizes = pytest.mark.parametrize("dtype", DTYPES.values(), ids=lambda d: f"{d.itemsize}B")
modes = pytest.mark.parametrize("mode", MODES, ids=str)


@pytest.fixture
def ring(eal: Eal, name: str, mode: Mode, dtype: np.dtype) -> Iterator[Ring]:
    made = Ring.create(name, RING_SIZE, element=dtype, producer=mode.sync, consumer=mode.sync)
    with made:
        yield made


def test_the_c_oracle_passes_here():
    """ring_autotest itself, on this machine."""
    if shutil.which("dpdk-test") is None:
        pytest.skip("dpdk-test is not installed")
    prefix = f"test-{os.getpid()}-ring"
    cpus = sorted(os.sched_getaffinity(0))[:2]
    done = subprocess.run(
        ["dpdk-test", "--no-huge", "--no-pci", "-l", ",".join(map(str, cpus)),
         f"--file-prefix={prefix}"],
        env={**os.environ, "DPDK_TEST": "ring_autotest"}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    runtime.clean_up(prefix)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Test OK" in done.stdout


class TestNegative:
    """test_ring_negative_tests."""

    @pytest.mark.parametrize("bad", ["V23", "u1", "u2", "V0", "V16384", "V65540"])
    def test_element_size_is_a_multiple_of_4(self, eal: Eal, name: str, bad: str):
        with pytest.raises(ValueError, match="a multiple of 4"):
            Ring.create(name, RING_SIZE, element=bad)

    @sizes
    @pytest.mark.parametrize("size", [RING_SIZE + 1, 1 << 31, (1 << 31) - 1])
    def test_size_is_a_power_of_two_and_not_too_large(self, eal, name, dtype, size):
        with pytest.raises(ValueError, match="size"):
            Ring.create(name, size, element=dtype)

    def test_lookup_of_an_unknown_ring(self, eal: Eal):
        with pytest.raises(NotFoundError):
            Ring.lookup("ring_not_found")

    @sizes
    def test_a_new_ring_is_found_and_empty_and_its_name_taken(self, eal, name, dtype):
        with Ring.create(name, 16, element=dtype, producer="single", consumer="single") as ring:
            assert Ring.lookup(name, element=dtype) is ring
            assert ring.empty
            with pytest.raises(NameTakenError):
                Ring.create(name, 16, element=dtype)


@sizes
@modes
class TestBulkAndBurst:
    """test_ring_basic_ex and test_ring_burst_bulk_tests1 to 4."""

    def test_one_by_one_until_full_and_back(self, ring: Ring, mode: Mode, dtype: np.dtype):
        """test_ring_basic_ex."""
        data = values(dtype, ring.capacity)
        assert all(mode.enqueue(ring, data[i : i + 1]) == 1 for i in range(RING_SIZE - 1))
        assert ring.full
        assert mode.enqueue(ring, data[:1]) == 0
        got = [mode.dequeue(ring, 1) for _ in range(RING_SIZE - 1)]
        assert ring.empty
        assert same(np.concatenate(got), data)
        assert len(mode.dequeue(ring, 1)) == 0
        assert mode.enqueue(ring, data[:2]) == 2
        assert same(mode.dequeue(ring, 2), data[:2])

    def test_full_and_empty_at_every_shift(self, ring: Ring, mode: Mode, dtype: np.dtype):
        """test_ring_burst_bulk_tests1."""
        data = values(dtype, ring.capacity)
        for shift in np.random.default_rng(1).integers(1, RING_SIZE, 20):
            assert mode.enqueue(ring, data[:shift]) == len(mode.dequeue(ring, shift)) == shift
            assert mode.enqueue(ring, data) == len(ring) == 4095
            assert (ring.free_count, ring.full, ring.empty) == (0, True, False)
            assert same(mode.dequeue(ring, 4095), data)
            assert (len(ring), ring.free_count, ring.full, ring.empty) == (0, 4095, False, True)

    def test_few_at_a_time(self, ring: Ring, mode: Mode, dtype: np.dtype):
        """test_ring_burst_bulk_tests2."""
        counts = (1, 2, MAX_BULK)
        data = [values(dtype, n, n) for n in counts]
        assert [mode.enqueue(ring, some) for some in data] == list(counts)
        assert all(same(mode.dequeue(ring, len(some)), some) for some in data)
        assert ring.empty

    def test_filled_and_drained_in_bulks(self, ring: Ring, mode: Mode, dtype: np.dtype):
        """test_ring_burst_bulk_tests3."""
        total = RING_SIZE - MAX_BULK
        data = values(dtype, total)
        for i in range(0, total, MAX_BULK):
            assert mode.enqueue(ring, data[i : i + MAX_BULK]) == MAX_BULK
        got = [mode.dequeue(ring, n) for n in bites(total, MAX_BULK)]
        assert same(np.concatenate(got), data)

    def test_bulk_is_all_or_nothing_and_burst_takes_what_fits(self, ring, mode, dtype):
        """test_ring_burst_bulk_tests4."""
        data = values(dtype, RING_SIZE + MAX_BULK)
        filled = RING_SIZE - MAX_BULK + 2
        assert all(
            mode.enqueue(ring, data[i : i + MAX_BULK]) == MAX_BULK
            for i in range(0, RING_SIZE - MAX_BULK, MAX_BULK)
        )
        assert mode.enqueue(ring, data[filled - 2 : filled]) == 2
        assert ring.free_count == MAX_BULK - 3
        if mode.bulk:
            assert mode.enqueue(ring, data[filled : filled + MAX_BULK]) == 0
            assert mode.enqueue(ring, data[filled : filled + 29]) == 29
        else:
            assert mode.enqueue(ring, data[filled : filled + MAX_BULK]) == 29
        assert ring.full
        assert mode.enqueue(ring, data[:MAX_BULK]) == 0
        got = [mode.dequeue(ring, n) for n in bites(RING_SIZE - MAX_BULK, MAX_BULK)]
        got.append(mode.dequeue(ring, 2))
        if mode.bulk:
            assert len(mode.dequeue(ring, MAX_BULK)) == 0
        got.append(mode.dequeue(ring, 29 if mode.bulk else MAX_BULK))
        assert len(got[-1]) == 29
        assert ring.empty
        assert same(np.concatenate(got), data[:4095])


@sizes
@pytest.mark.parametrize("sync", SYNCS)
def test_exact_size(eal: Eal, name: str, dtype: np.dtype, sync: str):
    """test_ring_with_exact_size, from unaligned memory."""
    whole = np.zeros(17 * dtype.itemsize + 1, np.uint8)
    data = whole[1:].view(dtype)
    data[:] = values(dtype, 17)
    sides = {"element": dtype, "producer": sync, "consumer": sync}
    with (
        Ring.create(f"{name}s", 16, **sides) as standard,
        Ring.create(f"{name}x", 16, exact_size=True, **sides) as exact,
    ):
        assert standard.handle.size <= exact.handle.size
        assert (standard.capacity, exact.capacity) == (15, 16)
        assert standard.enqueue_bulk(data[:15]) == exact.enqueue_bulk(data[:15]) == 15
        assert standard.enqueue_bulk(data[15:16]) == 0
        assert exact.enqueue_bulk(data[15:16]) == 1
        out = np.zeros(17, dtype)
        assert exact.dequeue_burst(out) == 16
        assert same(out[:16], data[:16])
