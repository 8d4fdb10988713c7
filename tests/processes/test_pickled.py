"""Objects are pickled as a prefix and a name, and open themselves in the other process."""

import copy
import pickle

import pytest

from pydpdk import ClosedError, Eal, Mempool, Memzone, NotFoundError, ObjectPool, Port, Ring

huge = pytest.mark.hugepages


@pytest.fixture
def objects(eal: Eal, device, name: str):
    port: Port = device("net_null_pickled")
    with (
        Ring.create(f"{name}v", 16, element=[("a", "u4"), ("b", "f4")]) as values,
        Ring.create(f"{name}m", 16, element="mbuf") as mbufs,
        Mempool.create(f"{name}p", 63, cache_size=0) as pool,
        Memzone.reserve(f"{name}z", 4096) as zone,
        ObjectPool.create(f"{name}o", 63, [("id", "u4")]) as plain,
    ):
        yield [values, mbufs, pool, zone, plain, port]


def test_in_the_same_process_it_is_the_same_object(objects):
    for each in objects:
        assert pickle.loads(pickle.dumps(each)) is each
        assert copy.copy(each) is copy.deepcopy(each) is each


@huge
def test_in_another_process_it_opens_itself_and_frees_nothing(objects, second):
    objects[3].as_array()[:2] = 5, 6
    other = second(f"""
        with pydpdk.attach(PREFIX):
            found = pickle.loads({pickle.dumps(objects)!r})
            for each in found:
                print(repr(each), each.owned)
            print(found[0].dtype, found[3].as_array()[:2], found[4].dtype)
            for each in found:
                each.close()
    """)
    said = other.end().splitlines()
    for each, line in zip(objects[:5], said, strict=False):
        assert line == f"{each!r} False"
    assert "net_null_pickled" in said[5]
    assert said[6] == f"{objects[0].dtype} [5 6] {objects[4].dtype}"
    assert not any(each.closed for each in objects)


@huge
def test_unpickling_without_an_eal_says_what_to_do(objects, second, eal: Eal):
    for each in objects:
        said = second(f"tried(lambda: pickle.loads({pickle.dumps(each)!r}))").end()
        kind = type(each).__name__
        assert said.startswith(f"ClosedError {kind} {each.name!r} of file prefix")
        assert f"has no EAL: pydpdk.attach({eal.file_prefix!r}) first" in said


def test_unpickling_raises_in_a_process_of_another_prefix(objects, run_script):
    done = run_script(f"""
        import pickle
        with init():
            try:
                pickle.loads({pickle.dumps(objects[2])!r})
            except pydpdk.NotFoundError as error:
                print(error)
    """)
    assert "cannot be opened: this process is of 'test-" in done.stdout, done.stderr


def test_unpickling_a_closed_object_raises(eal: Eal, name: str):
    pool = Mempool.create(name, 63, cache_size=0)
    pickled = pickle.dumps(pool)
    pool.close()
    with pytest.raises(NotFoundError, match=f"Mempool '{name}' of .* is gone: it was closed"):
        pickle.loads(pickled)
    with pytest.raises(ClosedError):
        pickle.dumps(pool)


def test_unpickling_rejects_another_object_of_the_same_name(eal: Eal, name: str):
    zone = Memzone.reserve(name, 4096)
    pickled = pickle.dumps(zone)
    zone.close()
    with (
        Memzone.reserve(f"{name}x", 4096),
        Memzone.reserve(name, 8192),
        pytest.raises(NotFoundError, match="is gone: another has its name now"),
    ):
        pickle.loads(pickled)
