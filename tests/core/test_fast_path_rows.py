"""Verbs over all packets on the fast path: no Python runs, and the results equal the fallback's."""

import contextlib
import sys
import threading

import numpy as np
import pytest
from fallback import ran
from packets import ethernet, ipv4, udp

from pydpdk import Bpf, Burst, ClosedError, Fib, Mempool, Meter
from pydpdk._core.objects import checked_of
from pydpdk.burst.columns import Columns

N = 8
U4, U2, U1 = (np.arange(N, dtype=kind) for kind in (np.uint32, np.uint16, np.uint8))
MASK = U4 % 2 == 0
ROWS = np.arange(N * 6, dtype=np.uint8).reshape(N, 6)
FIELD, MAC = "ipv4.src_addr", "ether.dst_addr"

ON_BURSTS = {
    "lengths": (Burst.lengths.fget, ()),
    "columns[number]": (Columns.__getitem__, (FIELD,)),
    "columns[bytes]": (Columns.__getitem__, (MAC,)),
    "columns[bool]": (Columns.__getitem__, ("udp.dst_port?",)),
    "columns[record]": (Columns.__getitem__, ("flow.tuple",)),
    "columns[flags]": (Columns.__getitem__, ("mbuf.ol_flags",)),
    "columns[several]": (Columns.__getitem__, ((FIELD, MAC, "flow.hash", "udp?"),)),
    "columns[one of several]": (Columns.__getitem__, ((FIELD,),)),
    "columns[...] = array": (Columns.__setitem__, (FIELD, U4)),
    "columns[...] = number": (Columns.__setitem__, ("udp.dst_port", 53)),
    "columns[...] = bytes": (Columns.__setitem__, (MAC, ROWS)),
    "peek": (Burst.peek, (12, 9)),
    "poke array": (Burst.poke, (3, ROWS)),
    "poke bytes": (Burst.poke, (3, b"abc")),
    "rewrite array": (Burst.rewrite, (FIELD, U4)),
    "rewrite number": (Burst.rewrite, ("l4.dst_port", 53)),
    "rewrite byte": (Burst.rewrite, ("ipv4.time_to_live", U1)),
    "decrement_ttl": (Burst.decrement_ttl, ()),
    "verify_checksums": (Burst.verify_checksums, ()),
    "compute_checksums": (Burst.compute_checksums, ()),
    "vlan_push": (Burst.vlan_push, (U2,)),
    "vlan_push one": (Burst.vlan_push, (5,)),
    "vlan_pop": (Burst.vlan_pop, ()),
    "prepend": (Burst.prepend, (ROWS,)),
    "prepend bytes": (Burst.prepend, (b"tunnel",)),
    "adj": (Burst.adj, (U4,)),
    "adj one": (Burst.adj, (14,)),
}


def packet(i: int) -> bytes:
    """Make a UDP packet; every third one is tagged."""
    return ethernet(0x0800, ipv4(udp(bytes(range(30 + i)))), vlan=5 if i % 3 == 0 else None)


def equal(one, other) -> bool:
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    if isinstance(one, np.ndarray):
        same = one.dtype == other.dtype and one.shape == other.shape
        return same and bool((one == other).all())
    return type(one) is type(other) and one == other


@pytest.fixture
def pair(pool: Mempool, eal):
    """Return two bursts of the same packets."""
    with Burst(2 * N) as one, Burst(2 * N) as other:
        for burst in (one, other):
            burst.alloc(pool, N)
            burst.fill([packet(i) for i in range(N)])
        yield one, other
        one.free()
        other.free()


@pytest.mark.parametrize("verb", ON_BURSTS)
def test_fast_path_and_fallback_do_and_return_the_same(pair, verb: str):
    method, arguments = ON_BURSTS[verb]
    one, other = (b.columns if verb.startswith("columns") else b for b in pair)
    warm = checked_of(method)
    theirs = warm(other, *arguments)  # the keys are cached from here on
    ours, fallback = ran(method, one, *arguments)
    assert not fallback, f"{verb} ran in Python"
    assert equal(ours, theirs), (ours, theirs)
    assert [pair[0].bytes(i) for i in range(N)] == [pair[1].bytes(i) for i in range(N)]
    assert equal(pair[0].columns["mbuf.vlan_tci"], pair[1].columns["mbuf.vlan_tci"])


def test_bytes_from_a_header_on_take_the_fast_path(pair):
    one, other = pair
    for name in ("udp", "tcp", "ipv4"):
        long = other.peek(0, 4, header=name)
        short, fallback = ran(one.peek, 0, 4, header=name)
        assert not fallback
        assert equal(short, long)
        other.poke(0, b"ab", header=name)
        assert not ran(one.poke, 0, b"ab", header=name)[1]
    assert [one.bytes(i) for i in range(N)] == [other.bytes(i) for i in range(N)]
    with pytest.raises(ValueError, match="must"):
        one.peek(0, 4, header="nothing")
    with pytest.raises(TypeError):
        one.peek(0, 4, other="udp")  # type: ignore[call-arg]


def test_take_and_split_use_the_fast_path(pair, eal):
    one, other = pair
    wanted = [one.bytes(i) for i in range(N)]
    with Burst(N) as even, Burst(N) as odd:
        assert ran(one.take, MASK, even) == (N // 2, False)
        assert [even.bytes(i) for i in range(4)] == wanted[::2]
        even.free()
        into = even, odd
        assert ran(other.split, U4 % 2, into) == (into, False)
        assert (len(other), [odd.bytes(i) for i in range(4)]) == (0, wanted[1::2])
        assert ran(even.split, np.ones(4, bool), (one, other)) == ((one, other), False)
        assert ran(odd.split, np.zeros(4, np.uint32), [one, other]) == ((one, other), True)
        for bad in ((one, one), (odd, one), (one, odd.columns), ()):
            with pytest.raises((ValueError, TypeError)):
                one.split(np.zeros(len(one), np.uint32), bad)
        with pytest.raises(ValueError, match=r"0\.\.1"):
            other.split(np.full(len(other), 2, np.uint32), (one, odd))


def test_meters_routes_and_filters_use_the_fast_path(pair, eal, name: str):
    one, _ = pair
    flows, lengths = U4.copy(), np.full(N, 60, np.uint32)
    first, second = Meter(1, 60, 60, n=N), Meter(1, 60, 60, n=N)
    for asked in (lengths, 60, lengths):
        theirs = checked_of(Meter.color)(second, flows, asked)
        ours, fallback = ran(first.color, flows, asked)
        assert not fallback
        assert equal(ours, theirs)
    with Fib(name, nh_bytes=4, default_nh=7) as fib:
        fib.add("0.0.0.4/30", 9)
        assert equal(ran(fib.find, U4), (np.array([7] * 4 + [9] * 4, np.uint64), False))
    with pytest.raises(ClosedError):
        fib.find(U4)
    with Bpf("udp") as udp:
        mask, fallback = ran(udp.match, one)
        assert not fallback
        assert equal(mask, one.columns["udp?"] & ~one.columns["vlan?"])
    with pytest.raises(ClosedError):
        udp.match(one)


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        (Burst.vlan_push, (U4,)), (Burst.vlan_push, (U2[::2],)), (Burst.vlan_push, (1 << 16,)),
        (Burst.vlan_push, (-1,)), (Burst.vlan_push, (U2[:3],)), (Burst.vlan_push, (True,)),
        (Burst.vlan_push, (U2.astype(">u2"),)), (Burst.adj, (1 << 70,)), (Burst.adj, (ROWS,)),
        (Burst.prepend, (b"",)), (Burst.prepend, (ROWS[:3],)),
        (Burst.prepend, (ROWS.astype("u2"),)),
        (Burst.rewrite, (FIELD, 1 << 32)), (Burst.rewrite, (FIELD, U4[:2])),
        (Burst.rewrite, ("nothing", 1)), (Burst.rewrite, (FIELD,)),
        (Burst.rewrite, (FIELD, None)),
        (Burst.peek, (0, 0)), (Burst.peek, (-1, 4)), (Burst.peek, (0, 70000)), (Burst.peek, (0,)),
        (Burst.poke, (0, ROWS[:, ::2][:3])), (Burst.poke, (0, "text")),
        (Burst.take, (MASK, None)), (Burst.take, (U1, None)), (Burst.decrement_ttl, (1,)),
    ],
)  # fmt: skip
def test_arguments_that_do_not_match_use_the_fallback(pair, verb, arguments):
    """The fallback converts them, e.g. a big-endian array, or says what is allowed."""
    one, other = pair
    checked_of(Burst.rewrite)(one, FIELD, one.columns[FIELD])  # cached from here on
    try:
        theirs = checked_of(verb)(other, *arguments)
    except (ValueError, TypeError) as error:
        with pytest.raises(type(error)):
            verb(one, *arguments)
    else:
        ours, fallback = ran(verb, one, *arguments)
        assert fallback
        assert equal(ours, theirs)
    assert [one.bytes(i) for i in range(N)] == [other.bytes(i) for i in range(N)]


def test_keys_that_run_code_use_the_fallback(pair):
    class Key(str):
        __slots__ = ()

        def __hash__(self):
            raise RuntimeError

    one, _ = pair
    for key in (Key(FIELD), (FIELD, Key(FIELD))):
        with pytest.raises(RuntimeError):
            one.columns[key]
    assert one.columns["ipv4.src_addr"].shape == (N,)


def test_reference_counts_do_not_change(pair):
    one, _ = pair
    values, key = U4.copy(), (FIELD, "udp?")
    for _ in range(2):
        for _ in range(100):
            one.rewrite(FIELD, values)
            one.columns[FIELD] = values
            with pytest.raises(ValueError, match="must"):
                one.rewrite(FIELD, values[:3])
            assert one.columns[key][0].dtype == np.uint32
            assert one.columns[key][0] is not one.columns[key][0]
        counts = [sys.getrefcount(each) for each in (values, key, one, FIELD)]
    assert counts == [sys.getrefcount(each) for each in (values, key, one, FIELD)]
    result, fresh = one.columns[FIELD], np.zeros(8)
    assert sys.getrefcount(result) == sys.getrefcount(fresh)


def test_columns_need_a_burst(pair):
    one, _ = pair
    for wrong in (None, 1, one.columns, Meter(1, 1, n=1)):
        with pytest.raises(TypeError, match="must be a Burst"):
            Columns(wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Columns()  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        one.take(MASK, one.columns)  # type: ignore[arg-type]


def test_a_closed_burst_has_no_columns(eal):
    burst = Burst(4)
    columns = burst.columns
    assert columns[FIELD].shape == (0,)
    burst.close()
    for call in (lambda: columns[FIELD], burst.decrement_ttl, lambda: burst.lengths):
        with pytest.raises(ClosedError):
            call()


def test_concurrent_threads_get_a_result_or_busy_error(pair):
    """The number of packets is read before the burst is entered; it may have changed by then."""
    one, other = pair
    wrong: list[BaseException] = []
    stop = threading.Event()

    def move() -> None:
        try:
            while not stop.is_set():
                for source, target in ((one, other), (other, one)):
                    with contextlib.suppress(ValueError, OSError):
                        target.split(np.zeros(len(target), bool), (source,))
        except BaseException as error:
            wrong.append(error)

    thread = threading.Thread(target=move)
    thread.start()
    try:
        for _ in range(3000):
            with contextlib.suppress(ValueError, OSError):
                found, has = one.columns[FIELD, "udp?"]
                assert len(found) == len(has)
                one.rewrite(FIELD, 5)
                one.decrement_ttl()
    finally:
        stop.set()
        thread.join()
    assert wrong == []
    assert len(one) + len(other) == 2 * N
