"""Memory placement: heap elements, zones and pools combined."""

from pydpdk.explorer.placement import PageRun, owners_of, page_runs, place, shares
from pydpdk.memory.live import Element, PoolState, RingState, parse_heaps
from pydpdk.memory.memseg import Memseg
from pydpdk.memory.memzone import MemzoneInfo
from pydpdk.memory.objects_map import Chunk

PAGE = 1 << 21
BASE = 1 << 32
RUN = PageRun(BASE, BASE, 2, PAGE, 0)


def zone(name: str, addr: int, length: int) -> MemzoneInfo:
    return MemzoneInfo(name, addr, addr, length, PAGE, 0, 0)


def pool(name: str, head: int, queue: int, *chunks: Chunk) -> PoolState:
    return PoolState(
        name, head, queue, 10, 100, 164, 0, 0, True, "ring", {}, 10, 0, list(chunks)
    )  # fmt: skip


def test_the_dump_of_the_heaps_is_read():
    found = parse_heaps(
        "Heap id: 0\nHeap size: 0x400000\nHeap alloc count: 1\n"
        "Malloc element at 0x100300000 (FREE)\n  len: 0x100000 pad: 0x0\n"
        "  prev: 0x100200000 next: (nil)\n"
        "Malloc element at 0x100200000 (BUSY)\n  len: 0x100000 pad: 0x40\n"
        "  prev: (nil) next: 0x100300000\n"
        "Heap id: 1\nHeap size: 0x0\nHeap alloc count: 0\n"
    )
    assert found == [
        Element(0, 0x100200000, 0x100000, True),
        Element(0, 0x100300000, 0x100000, False),
    ]


def test_pages_that_follow_one_another_in_both_addresses_are_one_run():
    segs = [
        Memseg(BASE, 8 * PAGE, PAGE, PAGE, 0, 0),
        Memseg(BASE + PAGE, 9 * PAGE, PAGE, PAGE, 0, 0),
        Memseg(BASE + 2 * PAGE, 30 * PAGE, PAGE, PAGE, 0, 0),
        Memseg(BASE + 4 * PAGE, 31 * PAGE, PAGE, PAGE, 0, 0),
    ]
    assert [(run.addr, run.pages) for run in page_runs(reversed(segs))] == [
        (BASE, 2), (BASE + 2 * PAGE, 1), (BASE + 4 * PAGE, 1),
    ]  # fmt: skip


def test_head_ring_and_chunks_belong_to_the_pool():
    zones = [
        zone("MP_p", 1000, 64), zone("RG_MP_p", 2000, 64), zone("MP_p_0", 3000, 640),
        zone("RG_r", 4000, 64), zone("mine", 5000, 64),
    ]  # fmt: skip
    found = owners_of(
        zones, [pool("p", 1000, 2000, Chunk(3064, 0, 500))], [RingState("r", 4000, 15, 3)]
    )
    assert found == {
        "MP_p": ("mempool", "p"), "RG_MP_p": ("mempool", "p"), "MP_p_0": ("mempool", "p"),
        "RG_r": ("ring", "r"), "mine": ("memzone", "mine"),
    }  # fmt: skip


def test_pieces_cover_all_pages_once():
    elements = [
        Element(0, BASE, 4096, True),
        Element(0, BASE + 4096, PAGE - 4096, False),
        Element(0, BASE + PAGE, PAGE // 2, True),
    ]
    zones = [zone("z", BASE + PAGE + 128, 1 << 19)]
    pieces = place([RUN], elements, zones, owners_of(zones, [], []))
    assert [(p.kind, p.owner, p.addr - BASE, p.len) for p in pieces] == [
        ("heap", "rte_malloc", 0, 4096),
        ("free", "free", 4096, PAGE - 4096),
        ("heap", "rte_malloc", PAGE, 128),
        ("memzone", "z", PAGE + 128, 1 << 19),
        ("heap", "rte_malloc", PAGE + 128 + (1 << 19), PAGE // 2 - 128 - (1 << 19)),
        ("other", "outside of the heaps", PAGE + PAGE // 2, PAGE // 2),
    ]
    assert sum(piece.len for piece in pieces) == RUN.len


def test_a_zone_that_outlived_its_element_is_cut_to_it():
    zones = [zone("z", BASE + 128, 1 << 20)]
    pieces = place([RUN], [Element(0, BASE, 4096, True)], zones, owners_of(zones, [], []))
    assert sum(piece.len for piece in pieces) == RUN.len
    assert [p.len for p in pieces if p.owner == "z"] == [4096 - 128]


def test_memory_outside_of_the_heaps_is_marked():
    assert [(p.kind, p.len) for p in place([RUN], [], [], {})] == [("other", RUN.len)]


def test_shares_are_sorted_by_size_and_add_up():
    elements = [Element(0, BASE, PAGE, False), Element(0, BASE + PAGE, PAGE, True)]
    found = shares(place([RUN], elements, [zone("z", BASE + PAGE, PAGE - 64)], {
        "z": ("memzone", "z")
    }))  # fmt: skip
    assert [(share.owner, share.bytes) for share in found] == [
        ("free", PAGE), ("z", PAGE - 64), ("rte_malloc", 64),
    ]  # fmt: skip
