"""Channels: messages between processes and threads, through mbufs of shared memory.

A channel is a ring, a pool of mbufs and a memzone. The memzone describes the messages for processes
that look the channel up; it lists the attached processes, and has two futex words for waiting
threads. So a sender makes a system call only if a thread sleeps.
"""

from __future__ import annotations

import errno

import numpy.typing as npt

from pydpdk import eal
from pydpdk._core.lifetime import Undo, address_of, close_since, find, owners
from pydpdk._dpdk import ffi, lib
from pydpdk.errors import check_name, check_range, make_error
from pydpdk.memory.mempool import HEADROOM, Mempool
from pydpdk.memory.memzone import Memzone
from pydpdk.memory.objects_kind import dtype_text
from pydpdk.process.channel.layout import (
    NAME_MAX,
    OPS,
    SIZE_MAX,
    head_size,
    pool_size,
    sizes,
    write_head,
    zone_name,
)
from pydpdk.process.channel.life import Life
from pydpdk.ring import Ring


class Channel(Life):
    """A channel for messages of up to `message_bytes`, or records of one dtype.

    Any number of processes and threads send, and any number receive; each message goes to one
    receiver, in the order of sending.

    Attributes
    ----------
    dtype : numpy.dtype or None
        The dtype of the records; None if messages are bytes.
    message_bytes : int
        [bytes] of the longest message.
    segment_bytes : int
        [bytes] in one mbuf; longer messages take several.
    size : int
        [messages] that the channel can hold.
    ring : Ring
        The queue of messages, each an mbuf.
    mempool : Mempool
        The pool of their mbufs.

    Notes
    -----
    Owns     the messages in it; `close` frees a channel from `create`, and keeps one from `lookup`
    Threads  any number
    """

    @classmethod
    def create(
        cls,
        name: str,
        size: int = 1024,
        *,
        message_bytes: int | None = None,
        dtype: npt.DTypeLike | None = None,
        segment_bytes: int | None = None,
        socket_id: int | None = None,
    ) -> Channel:
        """Create a channel.

        Parameters
        ----------
        name
            1 to 21 characters; the ring and the pool have the same name.
        size
            [messages] that it can hold, including those received without copying.
        message_bytes
            [bytes] of the longest message. Default: 2,048.
        dtype
            Messages are records of this dtype, of one size.
        segment_bytes
            [bytes] in one mbuf; a message has at most 64 mbufs. Default: a whole message, up to
            16,384.
        socket_id
            NUMA node; None for any.

        Raises
        ------
        NameTakenError, NoRoomError
            The name is in use; not enough memory for `size` of the longest messages.

        Notes
        -----
        Wraps  rte_ring_create_elem (rte_ring_elem.h) with HTS on both sides,
               rte_pktmbuf_pool_create_by_ops (rte_mbuf.h) with ring_mt_hts,
               rte_memzone_reserve_bounded (rte_memzone.h)
        """
        eal.require_running()
        check_name("channel", name, NAME_MAX)
        check_range("size", size, 1, SIZE_MAX, " messages")
        kind, text = (None, b"") if dtype is None else dtype_text(dtype)
        longest, segment = sizes(message_bytes, kind, segment_bytes)
        n, cache_size = pool_size(size, -(-longest // segment))
        with eal.running(), Undo(close_since, owners()):
            ring = Ring.create(
                name, size, element="mbuf", producer="hts", consumer="hts", exact_size=True,
                socket_id=socket_id,
            )  # fmt: skip
            mempool = Mempool.create(
                name, n, cache_size=cache_size, ops_name=OPS,
                data_room_size=HEADROOM + segment, socket_id=socket_id,
            )  # fmt: skip
            zone = Memzone.reserve(zone_name(name), head_size(text), socket_id=socket_id)
            write_head(zone, longest, segment, kind, text)
            return cls(name, zone, ring, mempool, owned=True)

    @classmethod
    def lookup(cls, name: str) -> Channel:
        """Find a channel that this or another process has created, and attach to it.

        Raises
        ------
        NotFoundError
            There is no channel of that name.
        NoRoomError
            16 processes are attached.

        Notes
        -----
        Wraps  rte_memzone_lookup (rte_memzone.h), rte_ring_lookup (rte_ring.h),
               rte_mempool_lookup (rte_mempool.h)
        """
        eal.require_running()
        check_name("channel", name, NAME_MAX)
        with eal.running(), Undo(close_since, owners()):
            zone = Memzone.lookup(zone_name(name))
            head = lib.pyd_channel_head(zone.handle)
            known = find(cls, address_of(head))
            if known is not None:
                return known
            if head == ffi.NULL:
                raise make_error("pyd_channel_head", errno.ENOENT, f"{name!r} is no channel (yet)")
            ring = Ring.lookup(name, element="mbuf")
            mempool = Mempool.lookup(name)
            return cls(name, zone, ring, mempool, owned=False)

    @property
    def count(self) -> int:
        """[messages] in it."""
        self.handle  # noqa: B018  # raises when closed
        return self.ring.count

    @property
    def free_count(self) -> int:
        """[messages] that it can still take."""
        return self.size - self.count

    @property
    def dropped(self) -> int:
        """[messages] dropped, from foreign programs: too long, of a wrong size, malformed."""
        return int(self._look().dropped)

    @property
    def spin_us(self) -> float:
        """[us] that a wait of this process spins and yields before it sleeps; 0 to sleep at once.

        After waits that were much longer, it spins less, down to a 32nd, until waits are short
        again.
        """
        return float(self._c.spin_max / lib.rte_get_tsc_hz() * 1e6)

    @spin_us.setter
    def spin_us(self, us: float) -> None:
        if isinstance(us, bool) or not isinstance(us, (int, float)) or not 0 <= us <= 1e5:
            raise ValueError(f"spin_us={us!r}: 0 to 100000 us is allowed")
        self._c.spin = self._c.spin_max = int(us * lib.rte_get_tsc_hz() / 1e6)

    def _state(self) -> str:
        what = f"bytes<={self.message_bytes}" if self.dtype is None else str(self.dtype)
        return f"{what} count={self.ring.count} size={self.size}"
