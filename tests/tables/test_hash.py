"""Tables of keys: positions match those of a dictionary as keys come and go."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from waiting import until

from pydpdk import Burst, BusyError, ClosedError, Eal, Hash, Mempool, NameTakenError, NoRoomError
from pydpdk.burst.columns import names


@pytest.fixture
def table(eal: Eal, name: str) -> Iterator[Hash]:
    with Hash(name, "u4", entries=64) as made:
        yield made


def test_keys_have_positions_until_they_are_deleted(table: Hash):
    """rte_hash_add_key, rte_hash_lookup_bulk, rte_hash_del_key, rte_hash_count."""
    assert table.find([7, 8]).tolist() == [-1, -1]
    first = table.add([7, 8, 7])
    assert first[0] == first[2] != first[1]
    assert set(first.tolist()) <= set(range(64))
    assert (table.add([8]).tolist(), len(table)) == ([first[1]], 2)
    assert table.find(np.array([8, 9, 7], np.uint32)).tolist() == [first[1], -1, first[0]]
    assert table.delete([8, 9]).tolist() == [first[1], -1]
    assert (table.find([8, 7]).tolist(), len(table)) == ([-1, first[0]], 1)
    table.reset()
    assert (table.find([7]).tolist(), len(table)) == ([-1], 0)
    assert table.find([]).tolist() == []


@pytest.mark.parametrize("entries", [8, 9, 100, 1000])
def test_as_many_keys_fit_as_requested(eal: Eal, name: str, entries: int):
    with Hash(name, "u8", entries=entries) as table:
        keys = np.random.default_rng(entries).integers(0, 1 << 63, entries).astype(np.uint64)
        positions = table.add(keys)
        assert sorted(positions.tolist()) == list(range(entries))
        with pytest.raises(NoRoomError, match=f"holds {entries} keys"):
            table.add([1])
        listed, at = table.items()
        assert dict(zip(listed, at, strict=True)) == dict(zip(keys, positions, strict=True))


def test_keys_are_added_all_or_none(eal: Eal, name: str):
    with Hash(name, "u2", entries=8) as table:
        kept = table.add([1, 2, 3])
        with pytest.raises(NoRoomError):
            table.add([3, 10, 10, 11, 12, 13, 14, 15, 2])
        assert len(table) == 3
        assert table.find([1, 2, 3, 10, 11, 15]).tolist() == [*kept, -1, -1, -1]
        assert (table.add([10, 11, 12, 13, 14]) >= 0).all()


KEYS = {
    "byte": ("u1", lambda r: r.randrange(256)),
    "odd": (("u1", 3), lambda r: tuple(r.randbytes(3))),
    "mac": (("u1", 6), lambda r: tuple(r.randbytes(6))),
    "ipv6": (("u1", 16), lambda r: tuple(r.randbytes(16))),
    "signed": ("i4", lambda r: r.randrange(-(1 << 31), 1 << 31)),
    "large": ("u8", lambda r: r.getrandbits(64)),
    "text": ("S5", lambda r: bytes(r.choices(b"abc", k=5))),
    "pair": ([("a", "u4"), ("b", "u2")], lambda r: (r.getrandbits(32), r.getrandbits(16))),
    "long": (("u1", 256), lambda r: tuple(r.randbytes(256))),
}


@pytest.mark.parametrize("kind", KEYS)
def test_a_table_matches_a_dictionary(eal: Eal, name: str, kind: str):
    dtype, make = KEYS[kind]
    chance = random.Random(3)
    known: dict[object, int] = {}
    with Hash(name, dtype, entries=256) as table:
        base = np.dtype(dtype).base
        pool = list({make(chance) for _ in range(200)})
        for _ in range(60):
            some = chance.choices(pool, k=chance.randrange(1, 100))
            keys = np.array(some, base)
            action = chance.choice(("add", "add", "delete", "find"))
            found = getattr(table, action)(keys).tolist()
            if action == "add":
                for key, position in zip(some, found, strict=True):
                    assert known.setdefault(key, position) == position
            elif action == "find":
                assert found == [known.get(key, -1) for key in some]
            else:
                assert found == [known.pop(key, -1) for key in some]
            assert len(table) == len(known) == len(set(known.values()))
            for key in some[:5]:
                one = bytes(key) if kind in ("mac", "ipv6") else key
                assert (one in table) == (np.array(key, base) in table) == (key in known)


def test_columns_are_keys(eal: Eal, pool: Mempool, burst: Burst, name: str):
    from packets import ethernet, ipv4, udp

    burst.alloc(pool, 8)
    burst.fill(ethernet(0x0800, ipv4(udp(b"flow"))))
    burst.rewrite("udp.src_port", 1000 + np.arange(8) % 3)
    flows = burst.columns["flow.tuple"]
    assert "flow.tuple" in names()
    counts = np.zeros(32, np.uint64)
    with Hash(name, flows.dtype, entries=32) as table:
        np.add.at(counts, table.add(flows), 1)
        assert counts[table.find(flows[:3])].tolist() == [3, 3, 2]
        assert counts.sum() == 8
    with Hash(name, ("u1", 6)) as macs:
        assert len(set(macs.add(burst.columns["ether.src_addr"]).tolist())) == 1
    burst.free()


@pytest.mark.parametrize(
    ("key", "options"),
    [
        (None, {}), ("f4", {}), ("O", {}), ("V0", {}), ("u1", {"entries": 7}), ("nonsense", {}),
        ("u1", {"entries": 1 << 27}), ("S257", {}), (("u1", (2, 2)), {}), ("u1", {"entries": "8"}),
        (np.dtype([("a", "u1"), ("b", "u4")], align=True), {}), ("u1", {"socket_id": 99}),
        ([("a", "O")], {}), (np.dtype(("u1", (0,))), {}),
    ],
)  # fmt: skip
def test_invalid_options_raise(eal: Eal, name: str, key, options):
    with pytest.raises((ValueError, TypeError), match="must be"):
        Hash(name, key, **options)


def test_invalid_keys_raise(table: Hash):
    for keys in ([-1], [1 << 32], 5, [[1]], ["x"], [0.5], None, [None], np.zeros((2, 2), "u4")):
        for call in (table.find, table.add, table.delete):
            with pytest.raises((ValueError, TypeError)):
                call(keys)
    assert len(table) == 0


def test_records_must_have_the_dtype_of_the_table(eal: Eal, name: str):
    with Hash(name, [("a", "u4"), ("b", "u2")]) as table:
        for keys in (np.zeros(3, [("a", "u4")]), [(1, 2)], np.zeros(3, "V6"), np.zeros(3)):
            with pytest.raises((ValueError, TypeError), match="must"):
                table.add(keys)


NO_KEYS = (None, "x", "", b"", b"\7\0\0\0", -1, 1 << 32, 1 << 80, 7.0, True, (), (7,), object())


def test_what_cannot_be_a_key_is_not_in_the_table(table: Hash):
    """As in a dict: False, or TypeError for what has no hash."""
    assert 7 not in table and (len(table), table.capacity) == (0, 64)
    table.add([0, 1, 7])
    assert 7 in table and np.uint8(7) in table and np.array(7) in table
    assert [key for key in NO_KEYS if key in table] == []
    for several in ([7], [], np.array([7], "u4"), np.zeros((2, 2)), {}):
        with pytest.raises(TypeError, match="unhashable"):
            _ = several in table
    table.close()
    for key in (7, None):
        with pytest.raises(ClosedError):
            _ = key in table


def test_records_and_bytes_are_keys_one_by_one(eal: Eal, name: str):
    flow = np.dtype([("ip", "u1", 4), ("port", "u2"), ("name", "S3")])
    with Hash(name, flow) as table:
        rows = np.array([((10, 0, 0, 1), 53, b"dns"), ((10, 0, 0, 2), 80, b"a")], flow)
        table.add(rows[1:])
        assert [row in table for row in rows] == [False, True]
        same = (bytes([10, 0, 0, 2]), 80, b"a"), ([10, 0, 0, 2], np.uint16(80), b"a\0")
        assert all(row in table for row in (*same, rows[1].item()))
        with pytest.raises(TypeError, match="unhashable"):
            _ = rows[["ip", "port"]][1] in table
        ip = bytes([10, 0, 0, 2])
        for other in ((ip, 80 + (1 << 16), b"a"), (ip, 80.0, b"a"), (ip, 80), (ip, 80, b"a", 0),
                      (b"\2", 80, b"a"), (ip, 80, b"a\0\0\0"), (ip, 80, "a"), (2, 80, b"a"),
                      rows[0].item(), b"", bytes(9), ()):  # fmt: skip
            assert other not in table, other
    with Hash(name, "S4") as texts:
        texts.add(np.array([b"ab"], "S4"))
        assert b"ab" in texts and b"ab\0\0" in texts and np.bytes_(b"ab") in texts
        assert not any(key in texts for key in (b"", b"abcd", b"ab\0\0\0", "ab", 7))
    with Hash(name, "V3") as raw:
        raw.add(np.array([b"abc"], "V3"))
        assert b"abc" in raw and np.void(b"abc") in raw
        assert not any(key in raw for key in (b"", b"ab", b"abcd", "abc"))


def test_a_name_is_taken_once_and_free_again(eal: Eal, name: str, table: Hash):
    with pytest.raises(NameTakenError):
        Hash(name, "u8")
    assert table
    table.close()
    table.close()
    with Hash("x" * 20, "u8"), pytest.raises(ValueError, match=r"1\.\.20"):
        Hash("x" * 21, "u8")
    for call in (lambda: table.find([1]), lambda: table.add([1]), lambda: len(table),
                 lambda: table.delete([1]), table.items, table.reset,
                 lambda: table.find(np.zeros(1, "u4"))):  # fmt: skip
        with pytest.raises(ClosedError):
            call()


def look(table: Hash, keys: np.ndarray, positions: np.ndarray, wrong: list[object]) -> None:
    try:
        while True:
            if (table.find(keys) != positions).any():
                wrong.append("a key that stayed was not found")
    except ClosedError:
        pass
    except BaseException as error:
        wrong.append(error)


def closed(table: Hash) -> bool:
    with contextlib.suppress(BusyError):
        table.close()
    return table.closed


def test_lookups_run_beside_changes_and_close_waits_for_them(eal: Eal, name: str):
    table = Hash(name, "u4", entries=4096)
    staying, moving = np.arange(100, dtype="u4"), np.arange(100, 4000, dtype="u4")
    positions = table.add(staying)
    wrong: list[object] = []
    threads = [
        threading.Thread(target=look, args=(table, staying, positions, wrong)) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for _ in range(20):
        table.add(moving)
        table.delete(moving)
    until(lambda: closed(table), every=0)
    for thread in threads:
        thread.join()
    assert wrong == []
