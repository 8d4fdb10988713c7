"""external_mem_autotest (app/test/test_external_mem.c): memory of the user; and itself."""

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from oracle.dpdk_test import run_autotest
from pydpdk import Burst, ClosedError, Eal, Mempool, Memzone, NameTakenError
from pydpdk.memory.memseg import memseg_lists

SIZE = 1 << 20
PAGE = mmap.PAGESIZE


@pytest.fixture
def mapped(tmp_path: Path) -> Iterator[tuple[Path, mmap.mmap]]:
    """A file of zeros, and its mapping."""
    path = tmp_path / "packets"
    path.write_bytes(bytes(SIZE))
    with path.open("r+b") as file, mmap.mmap(file.fileno(), SIZE) as mapping:
        yield path, mapping


def external() -> list[tuple[int, int, int]]:
    """Return what DPDK knows of external memory: addresses, lengths and page sizes."""
    return [(msl.base_va, msl.len, msl.page_sz) for msl in memseg_lists() if msl.external]


def address_of(memory: Any) -> int:
    return int(np.frombuffer(memory, np.uint8).ctypes.data)


@pytest.mark.hugepages
def test_the_c_oracle_for_external_memory():
    """It needs hugepages: --no-huge memory is too small for its list."""
    run_autotest("external_mem_autotest", hugepages=True)


@pytest.mark.parametrize("make", [lambda n: np.zeros(n, np.uint8), lambda n: mmap.mmap(-1, n)],
                         ids=["numpy", "mmap"])  # fmt: skip
def test_memory_is_known_to_dpdk_while_its_pool_is_open(eal: Eal, name: str, make):
    """test_extmem_basic: rte_extmem_register and rte_extmem_unregister."""
    memory = make(SIZE)
    start = -(-address_of(memory) // PAGE) * PAGE
    end = (address_of(memory) + SIZE) // PAGE * PAGE
    assert external() == []
    with Mempool.create_extbuf(name, memory):
        assert external() == [(start, end - start, PAGE)]
    assert external() == []


def test_packets_lie_in_a_mapped_file(
    eal: Eal, name: str, mapped: tuple[Path, mmap.mmap], burst: Burst
):
    """test_extmem_basic, test_pktmbuf_ext_pinned_buffer: over a file, which keeps the packets."""
    path, mapping = mapped
    start = address_of(mapping)
    with Mempool.create_extbuf(name, mapping, data_room_size=2176) as pool:
        assert pool.capacity == SIZE // 2176  # it begins at a page boundary: nothing is cut off
        assert burst.alloc(pool, min(32, pool.capacity)) == 32
        burst.fill([b"packet %03d" % i for i in range(32)])
        places = [burst.mbuf(i).data_addr - start for i in range(32)]
        assert all(0 <= place <= SIZE - 10 for place in places)
        assert [mapping[place : place + 10] for place in places] == [
            b"packet %03d" % i for i in range(32)
        ]
        mapping[places[7] : places[7] + 6] = b"PACKET"
        assert burst.bytes(7) == b"PACKET 007"
        burst.free()
    mapping.flush()
    assert path.read_bytes()[places[31] :].startswith(b"packet 031")


def test_a_mapping_stays_mapped_under_its_pool(eal: Eal, name: str, mapped: tuple[Path, mmap.mmap]):
    """In C munmap would succeed, and the next packet access would fault."""
    _, mapping = mapped
    with Mempool.create_extbuf(name, mapping) as pool:
        with pytest.raises(BufferError, match="exported pointers"):
            mapping.close()
        with pytest.raises(BufferError, match="buffers exported"):
            mapping.resize(SIZE * 2)
    with pytest.raises(ClosedError):
        _ = pool.capacity
    mapping.close()


def test_mappings_that_are_no_memory_for_packets(eal: Eal, name: str, mapped: tuple[Path, Any]):
    """test_extmem_invalid_param: no memory, no length; ours also rejects read-only memory."""
    path, mapping = mapped
    with path.open("rb") as file:
        fixed = mmap.mmap(file.fileno(), SIZE, access=mmap.ACCESS_READ)
    with fixed, pytest.raises(TypeError, match="writable"):
        Mempool.create_extbuf(name, fixed)
    with pytest.raises(TypeError, match="buffer"):
        Mempool.create_extbuf(name, None)
    for short in (0, 1, PAGE - 1):
        with pytest.raises(ValueError, match="no whole page"):
            Mempool.create_extbuf(name, memoryview(mapping)[:short])
    assert external() == []
    Mempool.create_extbuf(name, mapping).close()


def test_memory_is_registered_once(eal: Eal, name: str, mapped: tuple[Path, mmap.mmap]):
    """test_extmem_invalid_param: EEXIST. DPDK accepts a part of it, which two pools would share."""
    whole = memoryview(mapped[1])
    pool = Mempool.create_extbuf(name, whole[PAGE:-PAGE])
    parts = ((PAGE, -PAGE), (PAGE, 2 * PAGE), (5 * PAGE, 9 * PAGE), (0, 2 * PAGE), (0, SIZE))
    for start, end in parts:
        with pytest.raises(NameTakenError, match=r"rte_extmem_register.*overlap"):
            Mempool.create_extbuf(f"{name}-2", whole[start:end])
    for start, end in ((0, PAGE), (-PAGE, SIZE)):
        Mempool.create_extbuf(f"{name}-2", whole[start:end], data_room_size=256).close()
    pool.close()
    pool.close()
    assert external() == []
    whole.release()


def test_memory_of_dpdk_itself_is_not_external(eal: Eal, name: str):
    """Not a case of DPDK: the pages of a zone would be in two lists that both allocate them."""
    with Memzone.reserve(name, SIZE) as zone:
        with pytest.raises(NameTakenError, match="overlap"):
            Mempool.create_extbuf(f"{name}-2", zone.as_array())
        assert external() == []


def test_pools_side_by_side_in_one_file(eal: Eal, name: str, mapped: tuple[Path, mmap.mmap]):
    """test_extmem_basic: each part is a separate list, and is removed separately."""
    whole = memoryview(mapped[1])
    with Mempool.create_extbuf(f"{name}-a", whole[: SIZE // 2]) as first:
        with Mempool.create_extbuf(f"{name}-b", whole[SIZE // 2 :]) as second, Burst(8) as packets:
            assert len(external()) == 2
            packets.alloc(second, 8, length=60)
            assert (first.in_use_count, second.in_use_count) == (0, 8)
            packets.free()
        assert [addr for addr, _, _ in external()] == [address_of(whole)]
    whole.release()
