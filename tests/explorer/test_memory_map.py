"""The map of our own memory: it covers everything once, and names its contents."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import pydpdk
from pydpdk import Burst, Eal, Mempool, Memzone, Ring
from pydpdk._dpdk import ffi, lib
from pydpdk.errors import DpdkError
from pydpdk.explorer import MemoryMap, attach, take_map, tree

CONFIGS = Path(__file__).parents[2] / "configs"


def share_of(memory: MemoryMap, owner: str) -> int:
    return sum(share.bytes for share in memory.shares if share.owner == owner)


def check_cover(memory: MemoryMap) -> None:
    """Check that pieces follow one another without gap or overlap, in each run of pages."""
    pieces = iter(memory.pieces)
    piece = next(pieces)
    for run in memory.pages:
        at = run.addr
        while at < run.addr + run.len:
            assert piece.addr <= at < piece.addr + piece.len, piece
            at = piece.addr + piece.len
            if at >= run.addr + run.len:
                break
            piece = next(pieces)
        if piece.addr + piece.len == run.addr + run.len:
            piece = next(pieces, piece)


def test_pieces_are_all_mapped_memory(eal: Eal, pool: Mempool):
    memory = take_map()
    assert sum(piece.len for piece in memory.pieces) == memory.mapped
    assert sum(share.bytes for share in memory.shares) == memory.mapped
    assert not any(piece.kind == "other" for piece in memory.pieces)
    check_cover(memory)


def test_heaps_match_the_statistics_of_dpdk(eal: Eal, pool: Mempool):
    """test_malloc.c: test_multi_alloc_statistics reads the same numbers."""
    (heap,) = take_map().heaps
    stats = ffi.new("struct rte_malloc_socket_stats *")
    assert lib.rte_malloc_get_socket_stats(max(heap.socket_id, 0), stats) == 0
    assert (heap.size, heap.free, heap.largest_free, heap.free_count, heap.alloc_count) == (
        stats.heap_totalsz_bytes, stats.heap_freesz_bytes, stats.greatest_free_size,
        stats.free_count, stats.alloc_count,
    )  # fmt: skip


def test_a_pool_is_shown_with_outstanding_and_cached_objects(eal: Eal, name: str):
    with Mempool.create(name, 1023, cache_size=32) as pool, Burst(8) as burst:
        burst.alloc(pool, 8)
        (found,) = (one for one in take_map().pools if one.name == name)
        assert (found.size, found.in_flight, found.queue) == (1023, 8, "ring")
        assert found.cached == pool.cache_counts
        assert found.common == 1023 - 8 - sum(found.cached.values())
        burst.free()


@pytest.mark.parametrize(("ops", "queue"), [("stack", "stack"), ("lf_stack", "stack")])
def test_pools_on_stacks_are_counted_too(eal: Eal, name: str, ops: str, queue: str):
    with Mempool.create(name, 127, cache_size=0, ops_name=ops) as pool, Burst(8) as burst:
        burst.alloc(pool, 5)
        (found,) = (one for one in take_map().pools if one.name == name)
        assert (found.queue, found.common, found.in_flight) == (queue, 122, 5)
        burst.free()


def test_all_parts_of_a_pool_are_named(eal: Eal, name: str):
    with Mempool.create(name, 511, cache_size=0):
        memory = take_map()
        mine = {zone.info.name for zone in memory.zones if zone.owner == name}
        assert {f"MP_{name}", f"RG_MP_{name}", f"MP_{name}_0"} <= mine
        lens = sum(zone.info.len for zone in memory.zones if zone.owner == name)
        assert share_of(memory, name) == lens
    assert share_of(take_map(), name) == 0


def test_rings_and_zones_are_named(eal: Eal, name: str):
    with Ring.create(f"{name}r", 64) as ring, Memzone.reserve(f"{name}z", 100_000) as zone:
        memory = take_map()
        kinds = {share.owner: share.kind for share in memory.shares}
        assert (kinds[ring.name], kinds[zone.name]) == ("ring", "memzone")
        assert share_of(memory, zone.name) == zone.info.len
        assert [one.capacity for one in memory.rings if one.name == ring.name] == [63]


def test_a_memzone_that_only_looks_like_a_ring_is_none(eal: Eal, name: str):
    with Memzone.reserve(f"RG_{name}", 4096):
        assert name not in {ring.name for ring in take_map().rings}


def test_the_tree_and_the_json_hold_it_all(eal: Eal, pool: Mempool):
    memory = take_map()
    text = tree.render_map(memory)
    assert f"mempool {pool.name!r}" in text
    assert "511 mbufs of" in text
    plain = json.loads(json.dumps(memory.to_dict()))
    assert plain["mapped"] == memory.mapped
    assert {zone["name"] for zone in plain["zones"]} == {z.info.name for z in memory.zones}


def test_a_process_with_an_eal_cannot_attach(eal: Eal):
    with (
        pytest.raises(DpdkError, match="DPDK starts once in a process, and the EAL runs"),
        attach("other"),
    ):
        pass


@pytest.mark.parametrize("prefix", ["", "a/b", "%", "x" * 65, None, 3, "a b"])
def test_an_invalid_prefix_raises(eal: Eal, prefix: object):
    with pytest.raises((ValueError, TypeError), match="file prefix"), attach(prefix):  # type: ignore[arg-type]
        pass


def run_cli(*arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "pydpdk", "memory", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_a_file_is_brought_up_shown_and_taken_down(tmp_path: Path, on_hugepages: bool):
    file = tmp_path / "f.yaml"
    huge = "true" if on_hugepages else "false"
    file.write_text(f"eal: {{hugepages: {huge}, lcores: [0]}}\nmempools: {{packets: {{n: 511}}}}\n")
    shown = run_cli(file, "--html", tmp_path / "map.html")
    assert shown.returncode == 0, shown.stderr
    assert "mempool 'packets'" in shown.stdout
    assert "packets" in (tmp_path / "map.html").read_text()
    plain = json.loads(run_cli(file, "--json").stdout)
    assert plain["attached"] is False
    assert plain["mapped"] == sum(piece["len"] for piece in plain["pieces"])


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        ((), 2, "give a YAML file, or --file-prefix"),
        (("f.yaml", "--file-prefix", "x"), 2, "give a YAML file, or --file-prefix"),
        (("/nonexistent.yaml",), 2, "nonexistent.yaml"),
        ((CONFIGS / "null.yaml", "--html", "/nonexistent/map.html"), 2, "no such directory"),
        (("--file-prefix", "no-such-prefix"), 1, "no DPDK program runs with file prefix"),
        (("--file-prefix", "a/b"), 1, "file prefix name must be"),
    ],
)
def test_errors_are_reported_in_one_line(arguments: tuple[object, ...], code: int, text: str):
    done = run_cli(*arguments)
    assert done.returncode == code
    assert text in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr


def test_the_version_is_that_of_the_runtime(eal: Eal):
    assert take_map().dpdk_version == pydpdk.version.RUNNING
