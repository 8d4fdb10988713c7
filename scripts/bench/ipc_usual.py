"""Common transports: pipes, queues, ZeroMQ, and memory that both have mapped."""

from __future__ import annotations

import os
import struct
from multiprocessing import shared_memory
from pathlib import Path
from typing import Any

import numpy as np
from ipc_end import BATCH, DEADLINE, SLOTS, Context, End


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

    A slot is a length and the bytes; two counters, each written by one side, give the position of
    both. Waits poll and yield the CPU.
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
