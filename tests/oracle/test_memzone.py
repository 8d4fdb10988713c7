"""memzone_autotest (app/test/test_memzone.c): its cases from Python, and itself."""

import itertools
import random

import pytest

from oracle.dpdk_test import run_autotest
from pydpdk import Eal, Memzone, MemzoneFlag
from pydpdk.errors import InUseError, NameTakenError, NoRoomError, NotFoundError
from pydpdk.memory.heap import heap
from pydpdk.memory.memseg import memseg_lists
from pydpdk.memory.memzone import memzones

LINE = 64
OVERHEAD = 128  # DPDK's overhead of each piece: a header and a trailer of a cache line
MB, GB = 1 << 20, 1 << 30
PAGE_FLAGS = {2 * MB: MemzoneFlag.PAGE_2MB, GB: MemzoneFlag.PAGE_1GB}
ALL = sum(MemzoneFlag)


def page_sizes() -> set[int]:
    return {memsegs.page_sz for memsegs in memseg_lists()}


def overlap(zones: list[Memzone], start: str) -> bool:
    spans = sorted((getattr(z.info, start), getattr(z.info, start) + z.info.len) for z in zones)
    return any(end > start for (_, end), (start, _) in itertools.pairwise(spans))


@pytest.mark.hugepages
def test_the_c_oracle_passes():
    run_autotest("memzone_autotest", hugepages=True)


def test_basic_zones_are_found_aligned_apart_and_counted(eal: Eal, name: str):
    """test_memzone_basic."""
    wanted = [(100, None, 128), (1000, 0, 1024), (1024, None, 1024)]
    names = [f"{name}-{i}" for i in range(len(wanted))]
    for zone_name in names:
        with pytest.raises(NotFoundError, match="ENOENT"):
            Memzone.lookup(zone_name)
    before = len(memzones())
    zones = [
        Memzone.reserve(zone_name, size, socket_id=socket_id)
        for zone_name, (size, socket_id, _) in zip(names, wanted, strict=True)
    ]
    assert len(memzones()) == before + len(zones)
    assert [zone.info.len for zone in zones] == [length for _, _, length in wanted]
    assert all(zone.info.addr % LINE == zone.info.iova % LINE == 0 for zone in zones)
    assert not overlap(zones, "addr")
    assert not overlap(zones, "iova")
    assert zones[1].info.socket_id == 0
    assert [Memzone.lookup(zone_name) for zone_name in names] == zones
    with pytest.raises(NameTakenError, match="EEXIST"):
        Memzone.reserve(names[0], 100)
    for zone in zones:
        zone.close()
    assert len(memzones()) == before
    for zone_name in names:
        with pytest.raises(NotFoundError):
            Memzone.lookup(zone_name)


def test_alignment_that_is_no_power_of_two(eal: Eal, name: str):
    """test_memzone_invalid_alignment: NULL, EINVAL."""
    with pytest.raises(ValueError, match=r"align must be a power of two \(got 100\)"):
        Memzone.reserve(name, 100, align=100)


@pytest.mark.parametrize("flags", [MemzoneFlag.IOVA_CONTIG << 1, 1 << 4, -1, ALL + 1, 1 << 40])
def test_unknown_flags(eal: Eal, name: str, flags: int):
    """test_memzone_invalid_flags: NULL, EINVAL."""
    with pytest.raises(ValueError, match="flags"):
        Memzone.reserve(name, 100, flags=flags)


def test_bigger_than_the_maximum(eal: Eal, name: str):
    """test_memzone_reserving_zone_size_bigger_than_the_maximum: EINVAL, ENOMEM."""
    with pytest.raises(ValueError, match="size"):
        Memzone.reserve(name, (1 << 64) - 1)
    with pytest.raises(NoRoomError, match="ENOMEM"):
        Memzone.reserve(name, 1 << 40)


@pytest.mark.hugepages
@pytest.mark.parametrize("size", PAGE_FLAGS)
def test_a_page_size_is_required_unless_it_is_a_hint(eal: Eal, name: str, size: int):
    """test_memzone_reserve_flags."""
    flag = PAGE_FLAGS[size]
    if size in page_sizes():
        with Memzone.reserve(name, 100, flags=flag) as zone:
            assert zone.info.hugepage_sz == size
    else:
        with pytest.raises(NoRoomError, match="ENOMEM"):
            Memzone.reserve(name, 100, flags=flag)
    with Memzone.reserve(name, 100, flags=flag | MemzoneFlag.SIZE_HINT_ONLY) as zone:
        assert zone.info.hugepage_sz in page_sizes()


@pytest.mark.hugepages
def test_two_page_sizes_are_either(eal: Eal, name: str):
    """test_memzone_reserve_flags."""
    if not page_sizes() & set(PAGE_FLAGS):
        pytest.skip(f"pages here are of {page_sizes()} bytes")
    with Memzone.reserve(name, 100, flags=MemzoneFlag.PAGE_2MB | MemzoneFlag.PAGE_1GB) as zone:
        assert zone.info.hugepage_sz in PAGE_FLAGS


def test_page_sizes_raise_without_hugepages(eal: Eal, on_hugepages: bool, name: str):
    """test_memzone_reserve_flags skips it; DPDK accepts the flag and returns small pages."""
    if on_hugepages:
        pytest.skip("runs with --memory=no-huge")
    with pytest.raises(NoRoomError, match="ENOMEM"):
        Memzone.reserve(name, 100, flags=MemzoneFlag.PAGE_1GB)
    with Memzone.reserve(
        name, 100, flags=MemzoneFlag.PAGE_1GB | MemzoneFlag.SIZE_HINT_ONLY
    ) as zone:
        assert zone.info.hugepage_sz == 4096


def test_iova_contiguous_is_one_piece(eal: Eal, name: str):
    """rte_memzone.h, RTE_MEMZONE_IOVA_CONTIG."""
    with Memzone.reserve(name, 4096, flags=MemzoneFlag.IOVA_CONTIG) as zone:
        assert zone.info.len == 4096


def test_the_rest_is_the_largest_free_piece(eal: Eal, name: str):
    """test_memzone_reserve_max: as long as the largest free element."""
    with Memzone.reserve(f"{name}-a-page-to-begin-with", 64):
        largest = heap(0).greatest_free_size
        with Memzone.reserve_rest(name, socket_id=0) as zone:
            assert zone.info.len == largest - OVERHEAD
            assert zone.as_array("u1", 1).shape == (1,)


def test_the_aligned_rest_is_hardly_less(eal: Eal, name: str):
    """test_memzone_reserve_max_aligned: random powers of two from 64 to 2,048."""
    for align in random.sample([64, 128, 256, 512, 1024, 2048], 3):
        with Memzone.reserve(f"{name}-first", 64):
            largest = heap(0).greatest_free_size
            with Memzone.reserve_rest(name, align=align) as zone:
                assert zone.info.addr % align == 0
                assert largest - OVERHEAD - align <= zone.info.len <= largest - OVERHEAD


def test_length_zero_is_not_the_rest(eal: Eal, name: str):
    """In C length 0 is the whole rest of the heap; here it must be explicit."""
    with pytest.raises(ValueError, match=r"size must be .*\(got 0\)"):
        Memzone.reserve(name, 0)


def test_aligned_zones(eal: Eal, name: str):
    """test_memzone_aligned: from 32, less than a cache line, to 1,024."""
    zones = [
        Memzone.reserve(f"{name}-{align}", 100, align=align) for align in (32, 128, 256, 512, 1024)
    ]
    for zone, align in zip(zones, (64, 128, 256, 512, 1024), strict=True):
        assert zone.info.addr % align == zone.info.iova % align == 0
        assert zone.info.len % LINE == 0
    assert not overlap(zones, "addr")
    assert not overlap(zones, "iova")
    for zone in zones:
        zone.close()


@pytest.mark.parametrize(("size", "bound"), [(100, (1 << 32) - 1), (100, 32), (100, 100), (1, 0)])
def test_invalid_bounds_raise(eal: Eal, name: str, size: int, bound: int):
    """test_memzone_bounded: no power of two; smaller than the zone."""
    with pytest.raises(ValueError, match="bound"):
        Memzone.reserve(name, size, bound=bound)


@pytest.mark.parametrize(
    ("size", "align", "bound", "length"),
    [(100, 128, 128, 128), (100, 256, 128, 128), (100, 64, 1024, 128), (1024, 64, 1024, 1024)],
)
def test_a_zone_does_not_cross_its_bound(
    eal: Eal, name: str, size: int, align: int, bound: int, length: int
):
    """test_memzone_bounded; its length 0 is the bound, which can be given directly."""
    with Memzone.reserve(name, size, align=align, bound=bound) as zone:
        first, last = zone.info.addr, zone.info.addr + zone.info.len - 1
        assert zone.info.len == length
        assert first // bound == last // bound
        assert first % align == 0


def test_entries_run_out_and_a_freed_one_is_reused(eal: Eal, name: str):
    """test_memzone_free: ENOSPC at RTE_MAX_MEMZONE; the freed entry is used next."""
    zones: list[Memzone] = []
    with pytest.raises(NoRoomError, match="ENOSPC"):
        while len(zones) < 1 << 16:
            zones.append(Memzone.reserve(f"{name}-{len(zones)}", 1))
    freed = zones.pop(len(zones) // 2)
    where = [info.name for info in memzones()].index(freed.name)
    freed.close()
    zones.append(Memzone.reserve(f"{name}-again", 1))
    assert [info.name for info in memzones()][where] == f"{name}-again"
    for zone in zones:
        zone.close()


def test_freed_twice_is_freed_once(eal: Eal, name: str):
    """test_memzone_free: rte_memzone_free of a freed zone is -EINVAL; here nothing happens."""
    zone = Memzone.reserve(name, 1)
    zone.close()
    zone.close()
    assert zone.closed


@pytest.mark.parametrize("length", [0, 32, 300])
def test_names_out_of_range(eal: Eal, length: int):
    """ENAMETOOLONG from 32 on; DPDK takes the empty name, which no lookup could find."""
    with pytest.raises(ValueError, match=r"1\.\.31"):
        Memzone.reserve("x" * length, 1)


@pytest.mark.parametrize("socket_id", [-2, -1, 9, 1 << 31])
def test_unknown_sockets(eal: Eal, name: str, socket_id: int):
    """EINVAL; without hugepages DPDK takes any."""
    with pytest.raises(ValueError, match="socket_id"):
        Memzone.reserve(name, 1, socket_id=socket_id)
    with pytest.raises(ValueError, match="socket_id"):
        Memzone.reserve_rest(name, socket_id=socket_id)


def test_a_zone_under_a_view_stays(eal: Eal, name: str):
    """Not a case of DPDK: rte_memzone_free would unmap the page under the reader."""
    zone = Memzone.reserve_rest(name)
    view = zone.as_array("u8", 8)
    with pytest.raises(InUseError, match="1 numpy view"):
        zone.close()
    del view
    zone.close()
