"""Mirrors DPDK's memzone_autotest (app/test/test_memzone.c), as far as the API goes."""

import itertools

import numpy as np
import pytest

from pydpdk import Eal, Memzone
from pydpdk.errors import ClosedError, InUseError, NameTakenError, NoRoomError, NotFoundError
from pydpdk.memory.memzone import memzones


def test_lengths_are_rounded_up_to_the_cache_line(eal: Eal, name: str):
    """test_memzone_basic."""
    for i, (size, length) in enumerate([(1, 64), (100, 128), (1000, 1024), (1024, 1024)]):
        with Memzone.reserve(f"{name}-{i}", size) as zone:
            assert zone.info.len == length
            assert zone.info.addr % 64 == zone.info.iova % 64 == 0


def test_zones_do_not_overlap(eal: Eal, name: str):
    zones = [Memzone.reserve(f"{name}-{i}", 100 * i) for i in range(1, 9)]
    spans = sorted((zone.info.addr, zone.info.addr + zone.info.len) for zone in zones)
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))
    for zone in zones:
        zone.close()


def test_lookup_finds_the_same_object(eal: Eal, name: str):
    with pytest.raises(NotFoundError):
        Memzone.lookup(name)
    with Memzone.reserve(name, 100) as zone:
        assert Memzone.lookup(name) is zone
    with pytest.raises(NotFoundError):
        Memzone.lookup(name)


def test_walk_counts_what_was_made(eal: Eal, name: str):
    before = len(memzones())
    with Memzone.reserve(name, 100):
        assert len(memzones()) == before + 1
    assert len(memzones()) == before


def test_a_name_is_taken_once(eal: Eal, name: str):
    with Memzone.reserve(name, 100), pytest.raises(NameTakenError, match=name):
        Memzone.reserve(name, 100)


@pytest.mark.parametrize("align", [1, 32, 64, 128, 1024, 1 << 20])
def test_alignment(eal: Eal, name: str, align: int):
    """test_memzone_aligned."""
    with Memzone.reserve(name, 100, align=align) as zone:
        assert zone.info.addr % max(align, 64) == 0


@pytest.mark.parametrize("align", [0, 3, 100, -64, 1 << 40])
def test_alignment_that_is_no_power_of_two_raises(eal: Eal, name: str, align: int):
    """test_memzone_invalid_alignment."""
    with pytest.raises(ValueError, match="align"):
        Memzone.reserve(name, 100, align=align)


@pytest.mark.parametrize("size", [0, -1, 1 << 48, 1 << 64])
def test_size_out_of_range_raises(eal: Eal, name: str, size: int):
    """0 would take the rest of the heap."""
    with pytest.raises(ValueError, match="size"):
        Memzone.reserve(name, size)


def test_bigger_than_memory_raises_no_room(eal: Eal, name: str):
    """test_memzone_reserving_zone_size_bigger_than_the_maximum."""
    with pytest.raises(NoRoomError, match="ENOMEM"):
        Memzone.reserve(name, 1 << 40)


@pytest.mark.parametrize("bad", ["", "x" * 32, "a b", "a/b", "a%b", "é", "a\0b"])
def test_invalid_name_raises(eal: Eal, bad: str):
    with pytest.raises(ValueError, match="memzone name"):
        Memzone.reserve(bad, 100)


def test_longest_name(eal: Eal):
    with Memzone.reserve("x" * 31, 100) as zone:
        assert Memzone.lookup("x" * 31) is zone


@pytest.mark.parametrize("socket_id", [-2, 9, True, "0"])
def test_unknown_socket_raises(eal: Eal, name: str, socket_id: int):
    with pytest.raises(ValueError, match="socket_id"):
        Memzone.reserve(name, 100, socket_id=socket_id)


def test_entries_run_out_and_a_freed_one_is_reused(eal: Eal, name: str):
    """test_memzone_free: RTE_MAX_MEMZONE is 2560."""
    zones = []
    with pytest.raises(NoRoomError, match="ENOSPC"):
        while len(zones) < 2560:
            zones.append(Memzone.reserve(f"{name}-{len(zones)}", 1))
    zones.pop().close()
    zones.append(Memzone.reserve(f"{name}-again", 1))
    for zone in zones:
        zone.close()


def test_array_shares_the_memory(eal: Eal, name: str):
    record = np.dtype([("when", "<u8"), ("what", "u1", 8)])
    with Memzone.reserve(name, 64) as zone:
        zone.as_array("<u8")[:] = np.arange(8)
        assert zone.as_array(record)["when"].tolist() == [0, 2, 4, 6]
        assert zone.as_array(np.uint16, (2, 4)).tolist() == [[0, 0, 0, 0], [1, 0, 0, 0]]
        assert zone.as_array(np.uint8, ()).shape == ()
        assert zone.as_array(np.uint8, 0).shape == (0,)


@pytest.mark.parametrize(
    ("dtype", "shape"), [("O", None), ("V0", None), ("u8", "8"), ("u8", [2, 2]), ("u8", 1.0)]
)
def test_array_of_a_wrong_type_raises(eal: Eal, name: str, dtype: str, shape: object):
    with Memzone.reserve(name, 64) as zone, pytest.raises(TypeError):
        zone.as_array(dtype, shape)  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [9, -1, (3, 3), (1 << 62, 4), (2, -2)])
def test_array_that_does_not_fit_raises(eal: Eal, name: str, shape: object):
    with Memzone.reserve(name, 64) as zone, pytest.raises(ValueError, match="shape"):
        zone.as_array("u8", shape)  # type: ignore[arg-type]


def derived(array: np.ndarray) -> list[object]:
    return [
        array,
        array[3:],
        array.reshape(8, 8),
        array.view("u4"),
        memoryview(array),
        memoryview(array)[1:],
        np.from_dlpack(array),
        np.asarray(memoryview(array)),
        np.lib.stride_tricks.as_strided(array, (2,), (1,)),
    ]


@pytest.mark.parametrize("i", range(9))
def test_close_raises_while_a_view_or_an_array_is_alive(eal: Eal, name: str, i: int):
    zone = Memzone.reserve(name, 64)
    view = derived(zone.as_array())[i]
    with pytest.raises(InUseError, match="1 numpy view"):
        zone.close()
    assert not zone.closed
    del view
    zone.close()
    assert repr(zone) == f"<Memzone '{name}' closed>"


def test_a_closed_zone_raises_and_closes_again(eal: Eal, name: str):
    zone = Memzone.reserve(name, 64)
    zone.close()
    zone.close()
    with pytest.raises(ClosedError):
        zone.as_array()


def test_closing_a_lookup_does_not_free_the_zone(eal: Eal):
    Memzone.lookup("pydpdk").close()
    with Memzone.lookup("pydpdk") as zone:
        assert zone.info.len >= 64
    assert any(info.name == "pydpdk" for info in memzones())


def test_views_of_a_forgotten_zone_stay_valid(run_script):
    """The zone object is collected, its array is not: the EAL must not unmap it."""
    done = run_script("""
        import warnings
        from pydpdk.errors import InUseError
        eal = init()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            array = Memzone.reserve("zone", 4096).as_array()
        try:
            eal.close()
        except InUseError as error:
            print("rejected", error)
        array[0] = 1
    """)
    assert done.stdout.startswith("rejected"), done.stderr


def test_views_of_a_closed_lookup_stay_valid(run_script):
    done = run_script("""
        from pydpdk._dpdk import lib
        from pydpdk.errors import InUseError
        eal = init()
        lib.rte_memzone_reserve_bounded(b"others", 4096, lib.SOCKET_ID_ANY, 0, 64, 0)
        zone = Memzone.lookup("others")
        array = zone.as_array()
        for close in (zone.close, eal.close):
            try:
                close()
            except InUseError as error:
                print("rejected")
        array[0] = 1
    """)
    assert done.stdout == "rejected\nrejected\n", done.stderr


def test_memory_of_a_mempool_is_not_freed_under_a_view(run_script):
    """A pool's chunks are memzones, which `Memzone.lookup` finds too."""
    done = run_script("""
        from pydpdk.errors import DpdkError, InUseError
        eal = init()
        pool = Mempool.create("x", 8191)
        try:
            array = Memzone.lookup("MP_x_0").as_array()
            pool.close()
            array[0]
        except (InUseError, DpdkError, ValueError) as error:
            print("rejected")
    """)
    assert done.stdout == "rejected\n", done.stderr
