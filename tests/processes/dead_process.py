"""A dead process, as the process table of the tests' own EAL shows it."""

from pydpdk import Burst, Ring
from pydpdk._dpdk import ffi
from pydpdk.memory.memzone import memzones


def zone_address(name: str) -> int:
    return next(zone.addr for zone in memzones() if zone.name == name)


def find_table():
    return ffi.cast("struct pyd_process_table *", zone_address("pydpdk"))


class Dead:
    """The entry of a dead process in the process table."""

    def __init__(self, pid: int) -> None:
        self.table = find_table()
        self.index = next(i for i in range(1, 128) if not self.table.processes[i].pid)
        self.c = self.table.processes[self.index]
        self.c.pid, self.c.started = pid, 1
        self.table.shared = 1  # as it would have written when it joined
        self.pid = pid
        self.me = next(p for p in self.table.processes if p.pid and p.pid != pid)

    def inherits(self, burst: Burst, *, inside: bool = False) -> None:
        """Move the storage of one of our bursts to it, with all mbufs."""
        storage, wanted = self.me.storage, burst._c.storage
        before = ffi.NULL
        while storage != wanted:
            before, storage = storage, storage.next
        if before == ffi.NULL:
            self.me.storage = storage.next
        else:
            before.next = storage.next
        storage.next, self.c.storage = self.c.storage, storage
        storage.inside = inside
        burst._abandon()

    def reserves(self, ring: Ring, side: str) -> None:
        """Leave a reservation of 3 elements on this side unfinished, in its name."""
        block = ring.enqueue_zc(3) if side == "producer" else ring.dequeue_zc(3)
        block.__enter__()
        assert len(block) == 3
        c_side = getattr(ring._c, side)
        c_side.zc = c_side.reserved = 0
        c_side.gate.open = 1
        block._slots.open = 0
        for reservation in self.me.reservations:
            reservation.ring = 0
        block._first = block._second = ring._none
