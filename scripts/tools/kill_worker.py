"""One process of `kill_rounds`: traffic in its main thread, orders in another."""

from __future__ import annotations

import json
import os
import queue
import random
import socket
import threading
import time
import traceback
from contextlib import suppress
from typing import Any

import numpy as np

os.environ["PYDPDK_CHECK"] = "0"  # check mode reads pools that others change meanwhile

import pydpdk
from pydpdk.eal.deaths import Death
from pydpdk.host import primary as host_primary
from pydpdk.process import Recovery

MBUFS = 2047
RINGS = ("r0", "r1")
PATIENCE_S = 20.0
PRIMARY_GONE = 3
"""The exit code of a secondary that has lost its primary."""


class Traffic:
    """The traffic of each process: random moves of mbufs, objects and values."""

    def __init__(self, make: bool, seed: int) -> None:
        self.random = random.Random(seed)
        hts = {"producer": "hts", "consumer": "hts"}
        if make:
            self.pool = pydpdk.Mempool.create("mbufs", MBUFS, cache_size=64, ops_name="lf_stack")
            self.headers = pydpdk.Mempool.create(
                "headers", MBUFS, cache_size=32, data_room_size=128, ops_name="lf_stack"
            )
            self.objects = pydpdk.ObjectPool.create(
                "objects", 511, np.uint64, cache_size=16, ops_name="lf_stack"
            )
            self.rings = [pydpdk.Ring.create(r, 256, element="mbuf", **hts) for r in RINGS]
            self.values = pydpdk.Ring.create("values", 512, **hts)
        else:
            self.pool = pydpdk.Mempool.lookup("mbufs")
            self.headers = pydpdk.Mempool.lookup("headers")
            self.objects = pydpdk.ObjectPool.lookup("objects")
            self.rings = [pydpdk.Ring.lookup(r) for r in RINGS]
            self.values = pydpdk.Ring.lookup("values")
        self.room = np.empty(16, np.uint64)
        self.bursts = [pydpdk.Burst(32) for _ in range(4)]
        self.ids: list[np.ndarray[Any, Any]] = []
        self.moves = [
            self.take, self.take, self.send, self.send, self.receive, self.receive, self.free,
            self.clone, self.plain, self.zero_copy, self.by_value,
        ]  # fmt: skip

    def step(self) -> None:
        # an empty pool, or a ring side that another thread uses
        with suppress(pydpdk.NoRoomError, pydpdk.BusyError):
            self.random.choice(self.moves)()

    def burst(self, *, full: bool) -> pydpdk.Burst | None:
        found = [burst for burst in self.bursts if bool(burst) is full]
        return self.random.choice(found) if found else None

    def take(self) -> None:
        if (burst := self.burst(full=False)) is not None:
            burst.alloc(self.pool, self.random.randint(1, 32), length=64)

    def send(self) -> None:
        if (burst := self.burst(full=True)) is not None:
            self.random.choice(self.rings).tx(burst)

    def receive(self) -> None:
        if (burst := self.burst(full=False)) is not None:
            self.random.choice(self.rings).rx(burst, n=self.random.randint(1, 32))

    def free(self) -> None:
        if (burst := self.burst(full=True)) is not None:
            burst.free()

    def clone(self) -> None:
        empty, full = self.burst(full=False), self.burst(full=True)
        if empty is not None and full is not None:
            full.clone(self.headers, empty)

    def plain(self) -> None:
        if len(self.ids) < 4 and self.random.random() < 0.5:
            self.ids.append(self.objects.get(self.random.randint(1, 16)))
        elif self.ids:
            self.objects.put(self.ids.pop())

    def zero_copy(self) -> None:
        with self.values.enqueue_zc(8) as block:
            for piece in block.pieces:
                piece[:] = 7

    def by_value(self) -> None:
        self.values.dequeue_burst(self.room)

    def drain(self) -> None:
        for burst in self.bursts:
            burst.free()
        for ids in self.ids:
            self.objects.put(ids)
        self.ids.clear()


class Worker:
    """One process: traffic in the main thread, orders of the killing process in another."""

    def __init__(self, prefix: str, number: int, orders: socket.socket, seed: int) -> None:
        self.prefix, self.number, self.orders = prefix, number, orders
        cpus = ",".join(map(str, sorted(os.sched_getaffinity(0))))
        self.eal = pydpdk.init(
            file_prefix=prefix, lcores=f"{number}@({cpus})", telemetry=False, hugepages=True,
            proc_type="secondary" if number else "primary", log_level="error",
        )  # fmt: skip
        self.traffic = Traffic(number == 0, seed)
        self.stop, self.stopped, self.go = (threading.Event() for _ in range(3))
        self.deaths: queue.Queue[Death] = queue.Queue()
        if not number:
            self.eal.on_process_death(self.deaths.put)

    def run(self) -> None:
        threading.Thread(target=self.obey, daemon=True).start()
        if self.number:
            threading.Thread(target=self.watch, daemon=True).start()
        while True:
            self.go.wait()
            self.go.clear()
            while not self.stop.is_set():
                self.traffic.step()
            self.traffic.drain()
            self.stopped.set()

    def watch(self) -> None:
        while host_primary.look(self.prefix).pid:
            time.sleep(0.01)
        os._exit(PRIMARY_GONE)

    def obey(self) -> None:
        try:
            self.say("up")
            for line in self.orders.makefile():
                self.say(getattr(self, f"do_{line.strip()}")())
        except BaseException:
            traceback.print_exc()
            os._exit(1)

    def say(self, answer: Any) -> None:
        self.orders.sendall(json.dumps(answer).encode() + b"\n")

    def do_recover(self) -> dict[str, Any]:
        done = self.deaths.get(timeout=PATIENCE_S).recovered or Recovery()
        assert isinstance(done, Recovery)
        return {
            "text": str(done), "processes": len(done.processes), "undone": len(done.undone),
            "mbufs": sum(done.mbufs.values()), "objects": sum(done.objects.values()),
            "recounted": sum(done.recounted.values()), "relinked": sum(done.relinked.values()),
            "inexact": done.inexact, "in_doubt": done.in_doubt, "stopped_ms": done.stopped_ms,
        }  # fmt: skip

    def do_stop(self) -> str:
        self.stopped.clear()
        self.stop.set()
        return "stopped" if self.stopped.wait(PATIENCE_S) else "stuck"

    def do_go(self) -> str:
        self.stop.clear()
        self.go.set()
        return "going"

    def do_count(self) -> dict[str, int]:
        """Drain the rings while traffic stands still; return what is missing."""
        traffic, burst = self.traffic, self.traffic.bursts[0]
        for ring in traffic.rings:
            while ring.rx(burst):
                burst.free()
        while traffic.values.dequeue_burst(traffic.room):
            pass
        missing = {pool.name: pool.in_use_count for pool in (traffic.pool, traffic.headers)}
        missing |= {f"held of {p}": len(p.outstanding()) for p in (traffic.pool, traffic.headers)}
        missing["objects"] = traffic.objects.in_use_count
        missing["owned objects"] = len(traffic.objects.outstanding())
        return {name: n for name, n in missing.items() if n}
