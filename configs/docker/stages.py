"""The functions of compose.yaml's containers: a ring takes packets to the workers, another back."""

import os
import time
from pathlib import Path

from pydpdk import Burst

READY = Path("/tmp/ready")  # noqa: S108  compose starts the workers when it exists


def hand_out(app):
    """Receive packets, pass them to the workers, send what comes back."""
    source, sink = app.ports["source"].rx_queues[0], app.ports["sink"].tx_queues[0]
    work, done = app.rings["work"], app.rings["done"]
    sent = Count("sent")
    READY.touch()
    with Burst(64) as out, Burst(64) as back:
        while app.running:
            if not out:  # else the ring was full: send the rest first
                source.rx(out)
            work.tx(out)
            done.rx(back)
            sent.add(sink.tx(back))
            back.free()
        out.free()


def macswap(app):
    """Take packets that the primary received, swap their MACs, return them."""
    work, done = app.rings["work"], app.rings["done"]
    swapped = Count("swapped")
    with Burst(64) as burst:
        while app.running:
            work.rx(burst)
            burst.swap_macs()
            swapped.add(done.tx(burst))
            burst.free()


class Count:
    """A packet counter, printed once a second; yields the CPU when no packet moved."""

    def __init__(self, what):
        self.what, self.packets, self.next = what, 0, time.monotonic() + 1

    def add(self, packets):
        """Count a burst."""
        self.packets += packets
        if not packets:
            os.sched_yield()
        if time.monotonic() >= self.next:
            print(f"{self.what} {self.packets:,} packets", flush=True)  # noqa: T201
            self.next += 1
