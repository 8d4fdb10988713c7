"""Channels: messages between processes and threads, through mbufs of shared memory.

A channel is a ring, a pool of mbufs and a memzone. The memzone tells whoever looks the channel up
what its messages are; it has the places of the processes attached, and two words on which those
sleep who wait. So a sender makes a system call only where somebody sleeps.
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
    """Messages of up to `message_bytes`, or records of one dtype, for any process that looks it up.

    Any number of processes and threads send, and any number receive; each message goes to one
    of them, in the order in which it was sent.

    Attributes
    ----------
    dtype : numpy.dtype or None
        Of the records; None where messages are bytes.
    message_bytes : int
        [bytes] of the longest message.
    segment_bytes : int
        [bytes] in one mbuf; longer messages take several.
    size : int
        [messages] that have room.
    ring : Ring
        Where messages wait, each an mbuf.
    mempool : Mempool
        Where their mbufs come from.

    Notes
    -----
    Owns     the messages in it; `create` frees the channel in `close`, `lookup` leaves it
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
        """Make a channel.

        Parameters
        ----------
        name
            1 to 21 characters; the ring and the pool have the same.
        size
            [messages] that have room, in the channel and received without copying together.
        message_bytes
            [bytes] of the longest message. Default: 2,048.
        dtype
            Messages are records of this dtype, of one size.
        segment_bytes
            [bytes] in one mbuf, 64 of which make one message at most. Default: a whole message,
            up to 16,384.
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
        """Find a channel that this or another process has made, and attach to it.

        Raises
        ------
        NotFoundError
            There is none of that name.
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
        """[messages] that still fit."""
        return self.size - self.count

    @property
    def dropped(self) -> int:
        """[messages] of other programs that were dropped: too long, of a wrong size, malformed."""
        return int(self._look().dropped)

    @property
    def spin_us(self) -> float:
        """[us] that a wait of this process spins and yields before it sleeps; 0 to sleep at once.

        After waits that were much longer than that it spins less, down to a 32nd, until they
        are short again.
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
