"""Whichever call made an array over DPDK's memory, closing knows of it."""

from __future__ import annotations

import ctypes
import gc
import pickle
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest

from pydpdk import Burst, Channel, Eal, InUseError, Mempool, Memzone, ObjectPool, Ring
from pydpdk._dpdk import ffi

Close = Callable[[], None]
Source = Callable[[ExitStack], tuple[Any, Close]]


def bottom(view: Any) -> Any:
    """Return the buffer below all arrays over this memory."""
    while getattr(view, "base", None) is not None:
        view = view.base
    assert not isinstance(view, np.ndarray)
    return view


def column_of(view: np.ndarray) -> np.ndarray:
    shape, strides = (view.size,), view.strides[-1:] or (view.itemsize,)
    return np.lib.stride_tricks.as_strided(view, shape, strides)


DERIVED: dict[str, Callable[[Any], Any]] = {
    "itself": lambda view: view,
    "a slice": lambda view: view[...],
    "the array below": lambda view: view.base,
    "the buffer below": bottom,
    "an array of the buffer": lambda view: np.asarray(bottom(view)),
    "an array of the buffer's buffer": lambda view: np.asarray(memoryview(bottom(view)))[:1],
    "frombuffer": lambda view: np.frombuffer(bottom(view), np.uint8),
    "a memoryview": memoryview,
    "a memoryview of the buffer": lambda view: memoryview(bottom(view)),
    "cffi": lambda view: ffi.from_buffer(bottom(view)),
    "ctypes": lambda view: (ctypes.c_char * 1).from_buffer(bottom(view)),
    "DLPack": lambda view: np.from_dlpack(np.asarray(bottom(view))),
    "pickle": lambda view: pickle.PickleBuffer(bottom(view)),
    "strides": column_of,
}


def memzone(stack: ExitStack) -> tuple[Any, Close]:
    zone = stack.enter_context(Memzone.reserve("views", 4096))
    return zone.as_array(np.uint32), zone.close


def objects(stack: ExitStack) -> tuple[Any, Close]:
    pool = stack.enter_context(ObjectPool.create("views", 63, [("a", "u4"), ("b", "u4")]))
    return pool.array["b"], pool.close


def one_object(stack: ExitStack) -> tuple[Any, Close]:
    pool = stack.enter_context(ObjectPool.create("views", 63, "u4"))
    return pool[7], pool.close


def ring(stack: ExitStack) -> tuple[Any, Close]:
    made = stack.enter_context(Ring.create("views", 8, producer="single", consumer="single"))
    with made.enqueue_zc(4) as slots:
        return slots.first, made.close


def packet(stack: ExitStack) -> tuple[Any, Close]:
    pool = stack.enter_context(Mempool.create("views", 63, cache_size=0))
    with Burst(1) as burst:
        burst.alloc(pool, 1, length=60)
        view = burst[0]
        burst._views.clear()  # check mode would not free these packets
        burst.free()
    return view, pool.close


def segment(stack: ExitStack) -> tuple[Any, Close]:
    pool = stack.enter_context(Mempool.create("views", 63, cache_size=0, data_room_size=256))
    with Burst(1) as burst:
        burst.alloc(pool, 1, length=60)
        burst.fill(bytes(300))
        view = burst.mbuf(0).segments[-1]
        burst._views.clear()
        burst.free()
    return view, pool.close


def external(stack: ExitStack) -> tuple[Any, Close]:
    memory = np.zeros(1 << 18, np.uint8)
    pool = stack.enter_context(Mempool.create_extbuf("views", memory))
    with Burst(1) as burst:
        burst.alloc(pool, 1, length=60)
        view = burst[0]
        burst._views.clear()
        burst.free()
    return view, pool.close


def message(stack: ExitStack) -> tuple[Any, Close]:
    channel = stack.enter_context(Channel.create("views", 8, message_bytes=64))
    channel.send(b"1" * 64)
    received = channel.receive(1.0)
    view = received.view
    received._view = None
    received._burst._views.clear()  # type: ignore[union-attr]
    received.release()
    return view, channel.close


SOURCES: list[Source] = [
    memzone, objects, one_object, ring, packet, segment, external, message,
]  # fmt: skip


@pytest.fixture
def stack(eal: Eal) -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


@pytest.mark.parametrize("how", DERIVED)
@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.__name__)
def test_memory_stays_under_a_view(stack: ExitStack, source: Source, how: str):
    view, close = source(stack)
    derived = [DERIVED[how](view)]
    del view
    gc.collect()
    with pytest.raises(InUseError, match="numpy view"):
        close()
    derived.clear()
    close()


EXPORTED: dict[str, Callable[[Any], Any]] = {
    "memoryview": memoryview,
    "a slice": lambda mbuf: memoryview(mbuf)[1:],
    "a cast": lambda mbuf: memoryview(mbuf).cast("H"),
    "frombuffer": lambda mbuf: np.frombuffer(mbuf, np.uint8),
    "asarray": lambda mbuf: np.asarray(mbuf)[::2],
    "cffi": ffi.from_buffer,
    "ctypes": (ctypes.c_char * 1).from_buffer,
    "pickle": pickle.PickleBuffer,
}


@pytest.mark.parametrize("how", EXPORTED)
def test_memory_stays_under_the_buffer_of_a_packet(stack: ExitStack, how: str):
    pool = stack.enter_context(Mempool.create("views", 63, cache_size=0))
    with Burst(1) as burst:
        burst.alloc(pool, 1, length=60)
        exported = [EXPORTED[how](burst.mbuf(0))]
        burst._views.clear()
        burst.free()
    gc.collect()
    with pytest.raises(InUseError, match="1 numpy view is alive"):
        pool.close()
    exported.clear()
    pool.close()


def test_bound_columns_cannot_be_resized_under_c(eal: Eal, pool: Mempool, burst: Burst):
    """Neither can the arrays that they lie in."""
    burst.alloc(pool, 4, length=60)
    bound = burst.columns.bind("mbuf.pkt_len")
    column = bound()[0]
    while column is not None:
        if isinstance(column, np.ndarray):
            with pytest.raises(ValueError, match="resize"):
                column.resize((0,), refcheck=False)
        column = getattr(column, "base", None)
    assert bound()[0].tolist() == [60] * 4
