"""The ways to pass messages that `bench_ipc` compares, each as one end in each of two processes.

An end sends and receives `n` messages of `size` bytes in the way that is fastest for it, and one
message at a time for round trips. `fixture(name)` makes what both ends share; it is passed to the
other process, where `end` opens it.
"""

from __future__ import annotations

import multiprocessing as mp
import os
import struct
import sys
import time
from multiprocessing import shared_memory
from pathlib import Path
from typing import Any

import numpy as np

import pydpdk
from pydpdk import Burst, Channel, Ring

SIZES = (8, 64, 1500)
BATCH = 256
SLOTS = 4096
DEADLINE = 60  # [s]: a peer that is gone must not hang the other

Context = Any


class End:
    """One end; `first` is the process that made what they share."""

    dpdk = False
    trips = True  # takes part in round trips

    @staticmethod
    def fixture(size: int, context: Context) -> Any:
        return None

    def __init__(self, shared: Any, size: int, first: bool) -> None:
        self.shared, self.size, self.first = shared, size, first
        self.message = os.urandom(size)

    def send(self) -> None:
        raise NotImplementedError

    def receive(self) -> Any:
        raise NotImplementedError

    def send_n(self, n: int) -> None:
        send = self.send
        for _ in range(n):
            send()

    def receive_n(self, n: int) -> None:
        receive = self.receive
        for _ in range(n):
            receive()

    def close(self) -> None:
        pass


class Queue(End):
    """multiprocessing.Queue of bytes."""

    @staticmethod
    def fixture(size: int, context: Context) -> Any:
        return context.Queue(), context.Queue()

    def __init__(self, shared: Any, size: int, first: bool) -> None:
        super().__init__(shared, size, first)
        self.out, self.into = shared if first else shared[::-1]

    def send(self) -> None:
        self.out.put(self.message)

    def receive(self) -> Any:
        return self.into.get(timeout=DEADLINE)


class Pipe(End):
    """multiprocessing.Pipe, bytes without pickle, which is its fastest way."""

    @staticmethod
    def fixture(size: int, context: Context) -> Any:
        return context.Pipe()

    def __init__(self, shared: Any, size: int, first: bool) -> None:
        super().__init__(shared, size, first)
        self.connection = shared[0 if first else 1]

    def send(self) -> None:
        self.connection.send_bytes(self.message)

    def receive(self) -> Any:
        return self.connection.recv_bytes()


class Zmq(End):
    """ZeroMQ, a PAIR of sockets over ipc://."""

    @staticmethod
    def fixture(size: int, context: Context) -> Any:
        return f"ipc:///tmp/bench-ipc-{os.getpid()}-{size}"

    def __init__(self, shared: Any, size: int, first: bool) -> None:
        import zmq

        super().__init__(shared, size, first)
        self.socket = zmq.Context.instance().socket(zmq.PAIR)
        self.socket.set_hwm(SLOTS)
        self.socket.setsockopt(zmq.LINGER, 0)
        (self.socket.bind if first else self.socket.connect)(shared)

    def send(self) -> None:
        self.socket.send(self.message)

    def receive(self) -> Any:
        return self.socket.recv()

    def close(self) -> None:
        self.socket.close()
        if self.first:
            Path(self.shared.removeprefix("ipc://")).unlink()


class Shared(End):
    """A ring in multiprocessing.shared_memory, made by hand for one sender and one receiver.

    A slot is a length and the bytes; two counters, each written by one side, say how far both
    are. Waits poll and yield the CPU.
    """

    @staticmethod
    def fixture(size: int, context: Context) -> Any:
        need = 128 + SLOTS * (4 + size)
        return [shared_memory.SharedMemory(create=True, size=need).name for _ in range(2)]

    def __init__(self, shared: Any, size: int, first: bool) -> None:
        super().__init__(shared, size, first)
        self.memories = [shared_memory.SharedMemory(name) for name in shared]
        self.out, self.into = self.memories if first else self.memories[::-1]
        self.slot = 4 + size
        self.out_done, self.into_done = 0, 0
        self.views = {id(m): memoryview(m.buf)[:128].cast("Q") for m in self.memories}
        self.out_counts, self.into_counts = self.views[id(self.out)], self.views[id(self.into)]
        self.length = struct.Struct("<I")

    def send(self) -> None:
        counts, done = self.out_counts, self.out_done
        while done - counts[8] >= SLOTS:
            os.sched_yield()
        at = 128 + done % SLOTS * self.slot
        buffer, message = self.out.buf, self.message
        self.length.pack_into(buffer, at, len(message))
        buffer[at + 4 : at + 4 + len(message)] = message
        counts[0] = self.out_done = done + 1

    def receive(self) -> Any:
        counts, done = self.into_counts, self.into_done
        while counts[0] == done:
            os.sched_yield()
        at = 128 + done % SLOTS * self.slot
        (n,) = self.length.unpack_from(self.into.buf, at)
        message = bytes(self.into.buf[at + 4 : at + 4 + n])
        counts[8] = self.into_done = done + 1
        return message

    def close(self) -> None:
        for view in self.views.values():
            view.release()
        for memory in self.memories:
            memory.close()
            if self.first:
                memory.unlink()


class SharedArrays(Shared):
    """The same in batches: numpy copies whole runs of slots, and messages are rows."""

    trips = False

    def __init__(self, shared: Any, size: int, first: bool) -> None:
        super().__init__(shared, size, first)
        self.rows = np.zeros((BATCH, self.slot), np.uint8)
        self.rows[:, 4:] = np.frombuffer(self.message, np.uint8)
        self.slots = {
            id(m): np.ndarray((SLOTS, self.slot), np.uint8, m.buf, 128) for m in self.memories
        }

    def send_n(self, n: int) -> None:
        slots, counts, sent = self.slots[id(self.out)], self.out_counts, 0
        while sent < n:
            at = self.out_done % SLOTS
            k = min(BATCH, n - sent, SLOTS - at, SLOTS - (self.out_done - counts[8]))
            if k == 0:
                os.sched_yield()
                continue
            slots[at : at + k] = self.rows[:k]
            self.out_done += k
            counts[0] = self.out_done
            sent += k

    def receive_n(self, n: int) -> None:
        slots, counts, got = self.slots[id(self.into)], self.into_counts, 0
        while got < n:
            at = self.into_done % SLOTS
            k = min(n - got, SLOTS - at, counts[0] - self.into_done)
            if k == 0:
                os.sched_yield()
                continue
            slots[at : at + k].copy()
            self.into_done += k
            counts[8] = self.into_done
            got += k

    def close(self) -> None:
        self.slots.clear()
        super().close()


class Ours(End):
    """`Channel.send` and `Channel.get`, one message at a time."""

    dpdk = True

    @classmethod
    def fixture(cls, size: int, context: Context) -> Any:
        name = f"{cls.__name__[:8]}{size}"
        return [cls.make(f"{name}{way}", size).name for way in "ab"]

    @staticmethod
    def make(name: str, size: int) -> Any:
        return Channel.create(name, SLOTS, message_bytes=size)

    @staticmethod
    def find(name: str, size: int) -> Any:
        return Channel.lookup(name)

    def __init__(self, shared: Any, size: int, first: bool) -> None:
        super().__init__(shared, size, first)
        names = shared if first else shared[::-1]
        self.out, self.into = (self.find(name, size) for name in names)

    def send(self) -> None:
        self.out.send(self.message)

    def receive(self) -> Any:
        return self.into.get(DEADLINE)

    def close(self) -> None:
        for each in (self.out, self.into):
            each.close(force=True)


class OursSleeping(Ours):
    """The same without spinning: who waits sleeps on the futex at once."""

    def __init__(self, shared: Any, size: int, first: bool) -> None:
        super().__init__(shared, size, first)
        self.into.spin_us = 0


class OursLists(Ours):
    """`send_many` and `get_many`: lists of bytes."""

    trips = False

    def send_n(self, n: int) -> None:
        messages = [self.message] * BATCH
        for first in range(0, n, BATCH):
            self.out.send_many(messages[: n - first])

    def receive_n(self, n: int) -> None:
        got = 0
        while got < n:
            got += len(self.into.get_many(n - got, DEADLINE))


class OursArrays(Ours):
    """`send_many` and `get_many` of records, which are numpy arrays."""

    trips = False

    @staticmethod
    def make(name: str, size: int) -> Any:
        return Channel.create(name, SLOTS, dtype=f"V{size}")

    def send_n(self, n: int) -> None:
        records = np.frombuffer(self.message * BATCH, self.out.dtype)
        for first in range(0, n, BATCH):
            self.out.send_many(records[: n - first])

    def receive_n(self, n: int) -> None:
        got = 0
        while got < n:
            got += len(self.into.get_many(n - got, DEADLINE))


class OursInPlace(Ours):
    """Bursts of mbufs: `Channel.tx` and `Channel.rx`, nothing is copied."""

    trips = False

    def __init__(self, shared: Any, size: int, first: bool) -> None:
        super().__init__(shared, size, first)
        self.burst = Burst(64)

    def send_n(self, n: int) -> None:
        burst, pool = self.burst, self.out.mempool
        for first in range(0, n, 64):
            while True:
                try:
                    burst.alloc(pool, min(64, n - first), length=self.size)
                    break
                except pydpdk.NoRoomError:
                    os.sched_yield()
            self.out.tx(burst)

    def receive_n(self, n: int) -> None:
        got = 0
        while got < n:
            got += self.into.rx(self.burst, n=min(64, n - got), timeout=DEADLINE)
            self.burst.free()

    def close(self) -> None:
        self.burst.close(force=True)
        super().close()


class OursRing(Ours):
    """A `Ring` of values: arrays by `enqueue_burst` and `dequeue_burst`, polled."""

    trips = False

    @staticmethod
    def make(name: str, size: int) -> Any:
        sync = {"producer": "single", "consumer": "single"}
        return Ring.create(name, SLOTS, element=f"V{size}", **sync)

    @staticmethod
    def find(name: str, size: int) -> Any:
        return Ring.lookup(name, element=f"V{size}")

    def send_n(self, n: int) -> None:
        values = np.frombuffer(self.message * BATCH, self.out.dtype)
        while n > 0:
            k = self.out.enqueue_burst(values[:n])
            n -= k
            if not k:
                os.sched_yield()

    def receive_n(self, n: int) -> None:
        values = np.empty(BATCH, self.into.dtype)
        while n > 0:
            k = self.into.dequeue_burst(values[:n])
            n -= k
            if not k:
                os.sched_yield()


ENDS: dict[str, type[End]] = {
    "mp.Queue": Queue, "mp.Pipe": Pipe, "ZeroMQ": Zmq,
    "shared_memory": Shared, "shared_memory, arrays": SharedArrays,
    "channel": Ours, "channel, sleeping": OursSleeping, "channel, lists": OursLists,
    "channel, arrays": OursArrays, "channel, in place": OursInPlace, "ring of values": OursRing,
}  # fmt: skip


def serve(name: str, size: int, shared: Any, control: Any, start: dict[str, Any]) -> None:
    """Be the other process: sink or echo messages as the first one asks."""
    os.sched_setaffinity(0, {start["cpu"]})
    kind = ENDS[name]
    eal = None
    if kind.dpdk:
        options = {k: v for k, v in start.items() if k != "cpu"}
        eal = pydpdk.init(proc_type="secondary", **options)
    end = kind(shared, size, first=False)
    control.send("ready")
    while (asked := control.recv()) is not None:
        what, n = asked
        if what == "sink":
            end.receive_n(1)
            began = time.perf_counter()
            end.receive_n(n - 1)
            control.send(time.perf_counter() - began)
        else:
            for _ in range(n):
                end.receive()
                end.send()
            control.send(0.0)
    end.close()
    if eal is not None:
        eal.close()
    sys.stdout.flush()


def context() -> Any:
    """Processes are spawned: an EAL does not survive a fork."""
    return mp.get_context("spawn")
