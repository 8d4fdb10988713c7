"""Our transports: channels and rings."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from ipc_end import BATCH, DEADLINE, SLOTS, Context, End

import pydpdk
from pydpdk import Burst, Channel, Ring


class Ours(End):
    """`Channel.send` and `Channel.get`, one message at a time."""

    dpdk = True
    made: tuple[Any, ...] = ()

    @classmethod
    def fixture(cls, size: int, context: Context) -> Any:
        name = f"{cls.__name__[:8]}{size}"
        cls.made = tuple(cls.make(f"{name}{way}", size) for way in "ab")
        return [one.name for one in cls.made]

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
    """The same without spinning: a waiting thread sleeps on the futex at once."""

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
