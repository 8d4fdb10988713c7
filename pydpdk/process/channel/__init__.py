"""Channels: messages between processes and threads, through mbufs of shared memory.

A channel is a ring, a pool of mbufs and a memzone. The memzone describes the messages for processes
that look the channel up; it lists the attached processes, and has two futex words for waiting
threads. So a sender makes a system call only if a thread sleeps.
"""

from __future__ import annotations

import errno
import os
import warnings
from collections.abc import Iterator
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from pydpdk import eal
from pydpdk._core.lifetime import Owner, Rank, Undo, address_of, close_since, find, lock, owners
from pydpdk._core.timeouts import check_timeout, deadline
from pydpdk._dpdk import ffi, lib
from pydpdk.burst import Burst
from pydpdk.errors import (
    ClosedError,
    InUseError,
    LeakWarning,
    call_errno,
    check_name,
    check_range,
    make_error,
)
from pydpdk.host.alive import is_alive, start_time
from pydpdk.memory.mempool import HEADROOM, Mempool
from pydpdk.memory.memzone import Memzone
from pydpdk.memory.objects_kind import dtype_text
from pydpdk.process.channel import batches, layout
from pydpdk.process.channel.message import Message
from pydpdk.process.channel.readable import Readable
from pydpdk.process.channel.waiting import (
    NOTHING,
    SLICE_NS,
    TOO_LONG,
    Attempt,
    first_ns,
    persist,
    places,
)
from pydpdk.ring import Ring

SPIN_US = 50.0

# looked up once: the calls for one message, or one burst
_send, _get, _unpack = lib.pyd_channel_send, lib.pyd_channel_get, ffi.unpack
_tx, _rx = lib.pyd_channel_tx, lib.pyd_channel_rx


class Channel(Owner):
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
    capacity : int
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

    _rank = Rank.MBUFS
    _attached = True

    def __init__(
        self, name: str, zone: Memzone, ring: Ring, mempool: Mempool, *, owned: bool
    ) -> None:
        head = lib.pyd_channel_head(zone.handle)
        self.message_bytes: int = head.message_bytes
        self.segment_bytes: int = head.segment_bytes
        self.capacity = ring.capacity
        self.ring, self.mempool = ring, mempool
        self._parts = (ring, mempool, zone)
        self.dtype = layout.read_dtype(head)
        self._me = (os.getpid(), start_time())
        self._deaths_reported = int(head.deaths)
        limits = ("message_bytes", "segment_bytes", "itemsize")
        numbers = {limit: getattr(head, limit) for limit in limits}
        where = {"head": head, "ring": ring._c, "pool": mempool._c}
        self._c = ffi.new("struct pyd_channel *", {**where, **numbers})
        self._c.spin = self._c.spin_max = int(SPIN_US * lib.rte_get_tsc_hz() / 1e6)
        self._buffers: list[Any] = []  # one per thread that was inside `get` at the same time
        self._rooms: list[batches.Room] = []
        self._spares: list[Burst] = []
        self._messages: set[Message] = set()
        self._readable: Readable | None = None
        batches.keep_pages(self.capacity * self.message_bytes)
        with Undo(lib.pyd_channel_close, self._c, *self._me, False):
            self._open(name)
            gate = ffi.addressof(self._c, "gate")
            super().__init__(name, self._c, gate, address=address_of(head), owned=owned)

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
        check_name("channel", name, layout.NAME_MAX)
        check_range("size", size, 1, layout.SIZE_MAX, " messages")
        kind, text = (None, b"") if dtype is None else dtype_text(dtype)
        longest, segment = layout.sizes(message_bytes, kind, segment_bytes)
        n, cache_size = layout.pool_size(size, -(-longest // segment))
        with eal.running(), Undo(close_since, owners()):
            ring = Ring.create(
                name, size, element="mbuf", producer="hts", consumer="hts", exact_size=True,
                socket_id=socket_id,
            )  # fmt: skip
            mempool = Mempool.create(
                name, n, cache_size=cache_size, ops_name=layout.OPS,
                data_room_size=HEADROOM + segment, socket_id=socket_id,
            )  # fmt: skip
            zone = layout.make_zone(name, socket_id, longest, segment, (kind, text))
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
        check_name("channel", name, layout.NAME_MAX)
        with eal.running(), Undo(close_since, owners()):
            zone = Memzone.lookup(layout.zone_name(name))
            head = lib.pyd_channel_head(zone.handle)
            known = find(cls, address_of(head))
            if known is not None:
                return known
            if head == ffi.NULL:
                raise make_error("pyd_channel_head", errno.ENOENT, f"{name!r} is no channel (yet)")
            ring = Ring.lookup(name, element="mbuf")
            mempool = Mempool.lookup(name)
            return cls(name, zone, ring, mempool, owned=False)

    # -- properties --

    def __len__(self) -> int:
        """[messages] in it now."""
        self.handle  # noqa: B018  # raises when closed
        return len(self.ring)

    def __bool__(self) -> bool:
        """Always True, also when it is empty: `if channel:` asks whether there is a channel."""
        return True

    @property
    def free_count(self) -> int:
        """[messages] that it can still take."""
        return self.capacity - len(self)

    @property
    def dropped(self) -> int:
        """[messages] dropped, from foreign programs: too long, of a wrong size, malformed."""
        return int(self._look().dropped)

    @property
    def peers(self) -> tuple[int, ...]:
        """PIDs of the living processes that are attached, including this one."""
        return tuple(sorted(place[0] for place in places(self._look()) if is_alive(*place)))

    @property
    def was_shut(self) -> bool:
        """Whether the channel was shut: nothing is sent any more."""
        return bool(self._look().shut)

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
            raise ValueError(f"spin_us must be 0..100000 us (got {us!r})")
        self._c.spin = self._c.spin_max = int(us * lib.rte_get_tsc_hz() / 1e6)

    def fileno(self) -> int:
        """Return a descriptor for `select` and event loops: readable while there are messages.

        It stays readable until a call finds the channel empty, so call `get(timeout=0)`, or
        `get_many`, until then. It is readable too once the channel is shut or closed.

        Notes
        -----
        Owns     the descriptor, which is valid as long as this object
        Threads  the first call starts a thread that waits in the place of yours
        Cost     senders make a system call for each message that wakes this thread
        """
        with lock():
            if self._readable is None:
                self.handle  # noqa: B018  # raises when closed
                self._readable = Readable(self._c)
            if not self.closed:
                self._readable.start()
            return self._readable.fileno()

    # -- sending and receiving copies --

    def send(self, message: Any, timeout: float | None = None) -> None:
        """Send one message.

        Parameters
        ----------
        message
            A buffer of up to `message_bytes`; for a channel of records, one record.
        timeout
            [s] to wait for room; 0 looks once, None waits for ever.

        Raises
        ------
        ValueError
            The message is longer than `message_bytes`.
        TimeoutError
            The channel had no room in that time.
        ClosedError, PeerDiedError
            No process will receive it: the channel was shut, or its peers died.

        Notes
        -----
        Wraps  rte_pktmbuf_alloc_bulk (rte_mbuf.h), rte_ring_enqueue_burst_elem (rte_ring_elem.h)
        """
        plain = type(message) is bytes and self.dtype is None
        data = message if plain else batches.bytes_of(message, self.dtype)
        n = _send(self._c, data, len(data), SLICE_NS if timeout is None else first_ns(timeout))
        if n < 0:
            if n == TOO_LONG:
                self._too_long(len(data))
            end = deadline(timeout)
            n = persist(self, n, lambda ns: _send(self._c, data, len(data), ns), end)
            if n == NOTHING:
                raise TimeoutError(f"{self!r}: no room for a message in {timeout} s")

    def send_many(self, messages: Any, timeout: float | None = None) -> int:
        """Send messages; return how many were sent: all, unless the time was up.

        Parameters
        ----------
        messages
            A sequence of buffers; for a channel of records, an array `dtype[n]`.
        timeout
            [s] to wait for room for all of them; 0 looks once, None waits for ever.

        Raises
        ------
        ValueError
            A message is longer than `message_bytes`; none was sent.
        ClosedError, PeerDiedError
            No process will receive the rest.

        Notes
        -----
        Cost  one call into C for all of them, as long as there is room
        """
        if isinstance(messages, Channel):
            raise TypeError(f"messages must be a sequence (got {messages!r}, which may never end)")
        if self.dtype is not None:
            records = batches.records_of(messages, self.dtype)
            return batches.send_batch(self, records.view(np.uint8), None, len(records), timeout)
        data, lengths = batches.pack(messages)
        return batches.send_batch(self, data, lengths, len(lengths), timeout)

    def send_packed(self, data: Any, lengths: npt.ArrayLike, timeout: float | None = None) -> int:
        """Send messages from one contiguous buffer; return how many were sent.

        Parameters
        ----------
        data
            A contiguous buffer.
        lengths
            uint32[n] [bytes] of each message; together all of `data`.
        timeout
            As in `send_many`.

        Notes
        -----
        Cost  no Python object per message
        """
        self._require_bytes()
        each = lengths
        if type(each) is not np.ndarray or each.dtype != np.uint32 or not each.flags.c_contiguous:
            each = batches.lengths_of(self, lengths)
        return batches.send_batch(self, data, each.reshape(-1), each.size, timeout)

    def get(self, timeout: float | None = None) -> Any:
        """Receive one message: bytes, or a record from a channel of records.

        Parameters
        ----------
        timeout
            [s] to wait for it; 0 looks once, None waits for ever.

        Raises
        ------
        TimeoutError
            No message came in that time.
        ClosedError, PeerDiedError
            No message will come: the channel is empty, and it was shut or its peers died.

        Notes
        -----
        Wraps  rte_ring_dequeue_burst_elem (rte_ring_elem.h)
        """
        try:
            buffer = self._buffers.pop()
        except IndexError:
            buffer = batches.raw("char[]", self.message_bytes)
        n = _get(self._c, buffer, SLICE_NS if timeout is None else first_ns(timeout))
        if n < 0:
            end = deadline(timeout)
            n = persist(self, n, lambda ns: _get(self._c, buffer, ns), end)
            if n == NOTHING:
                raise TimeoutError(f"{self!r}: no message in {timeout} s")
        data = _unpack(buffer, n)
        self._buffers.append(buffer)
        return data if self.dtype is None else np.frombuffer(data, self.dtype)[0]

    def __iter__(self) -> Iterator[Any]:
        """Yield messages as `get` returns them, until the channel is shut and empty.

        It waits for each message, without limit. Each goes to one receiver, so two loops over a
        channel share its messages.

        Raises
        ------
        ClosedError
            This process has closed the channel.
        PeerDiedError
            As in `get`.
        """
        while True:
            try:
                message = self.get()
            except ClosedError:
                if not self.was_shut:  # which raises once `close` has begun
                    raise
                return
            yield message

    __contains__ = None  # `in` would receive messages to compare them

    def get_many(self, n: int, timeout: float | None = None) -> Any:
        """Wait for a message and receive all that are there, up to n.

        Parameters
        ----------
        n
            [messages] at most; never more than `capacity`, however fast other processes send.
        timeout
            [s] to wait for the first; 0 looks once, None waits for ever.

        Returns
        -------
        list of bytes, or dtype[k]
            An array from a channel of records. Empty if no message came in time.

        Raises
        ------
        ClosedError, PeerDiedError
            As in `get`.

        Notes
        -----
        Cost  one call into C for up to 4,096 messages
        """
        wanted = check_range("n", n, 0, batches.N_MAX, " messages")
        if self.dtype is not None:
            return batches.get_records(self, self.dtype, wanted, timeout)
        wanted = min(wanted, self.capacity)
        messages, more = batches.get_batch(self, batches.split, wanted, timeout, ())
        while more:
            some, more = batches.get_batch(
                self, batches.split, wanted - len(messages), timeout, messages
            )
            messages += some  # in place: a new list for each call took most of the time
        return messages

    def get_packed(self, n: int, timeout: float | None = None) -> tuple[bytes, batches.Lengths]:
        """Receive like `get_many`: all messages as contiguous bytes, and uint32[k] lengths.

        Notes
        -----
        Cost  no Python object per message
        """
        self._require_bytes()
        wanted = min(check_range("n", n, 0, batches.N_MAX, " messages"), self.capacity)
        parts: list[bytes] = []
        counts: list[batches.Lengths] = []
        k, more = 0, True
        while more:
            (data, lengths), more = batches.get_batch(
                self, batches.packed, wanted - k, timeout, parts
            )
            parts.append(data)
            counts.append(lengths)
            k += len(lengths)
        return (data, lengths) if len(parts) == 1 else (b"".join(parts), np.concatenate(counts))

    # -- without copying --

    def receive(self, timeout: float | None = None) -> Message:
        """Receive one message without copying it, for a `with` block.

        Parameters
        ----------
        timeout
            [s] to wait for it; 0 looks once, None waits for ever.

        Raises
        ------
        TimeoutError, ClosedError, PeerDiedError
            As in `get`.

        Notes
        -----
        Owns  the message, until the block is left
        """
        burst = self._spare()
        with Undo(self._unused, burst):
            self.rx(burst, timeout=timeout)
            if not burst:
                raise TimeoutError(f"{self!r}: no message in {timeout} s")
            return self._out(Message(self, burst, to_send=False))

    def reserve(self, length: int | None = None, timeout: float | None = None) -> Message:
        """Make a message in place; it is sent at the end of the `with` block.

        Parameters
        ----------
        length
            [bytes], up to `segment_bytes`. Default: all of them; a record has one size.
        timeout
            [s] to wait for room when it is sent; 0 looks once, None waits for ever.

        Raises
        ------
        NoRoomError
            All mbufs of the channel are in use.
        TimeoutError, ClosedError, PeerDiedError
            As in `send`, at the end of the block.

        Notes
        -----
        Wraps  rte_pktmbuf_alloc_bulk (rte_mbuf.h)
        Owns   the message, until the block is left
        """
        most = min(self.message_bytes, self.segment_bytes)
        least = most if self.dtype is not None else 0
        wanted = check_range("length", most if length is None else length, least, most, " bytes")
        seconds = check_timeout(timeout)
        burst = self._spare()
        with Undo(self._unused, burst):
            burst.alloc(self.mempool, 1, length=wanted)
            return self._out(Message(self, burst, to_send=True, timeout=seconds))

    def tx(self, burst: Burst, timeout: float | None = None) -> int:
        """Send the burst's mbufs, each a message; mbufs without room in time stay in the burst.

        Parameters
        ----------
        burst
            Of mbufs of this channel's pool, or of another pool that all processes know.
        timeout
            [s] to wait for room; 0 looks once, None waits for ever.

        Returns
        -------
        int
            [messages] that were sent.

        Raises
        ------
        ValueError
            One is longer than `message_bytes`, or not of the size of a record; none was sent.
        ClosedError, PeerDiedError
            No process will receive them.

        Notes
        -----
        Wraps  rte_ring_enqueue_burst_elem (rte_ring_elem.h)
        Owns   the channel owns the mbufs that were sent
        """
        self._check("tx", burst)
        if burst._views:
            burst._check_views()
        before, end = len(burst), deadline(timeout)
        while len(burst):
            if self._move(lambda ns: _tx(self._c, burst._c, ns), timeout, end, burst) <= 0:
                break
        return before - len(burst)

    def rx(self, burst: Burst, *, n: int | None = None, timeout: float | None = None) -> int:
        """Receive messages into an empty burst; return how many.

        Parameters
        ----------
        n
            [messages] at most. Default: the burst's capacity.
        timeout
            [s] to wait for the first; 0 looks once, None waits for ever.

        Raises
        ------
        ClosedError, PeerDiedError
            As in `get`.

        Notes
        -----
        Wraps  rte_ring_dequeue_burst_elem (rte_ring_elem.h)
        Owns   the burst owns the received mbufs
        """
        self._check("rx", burst)
        most = burst.capacity
        wanted = most if n is None else check_range("n", n, 0, most, " messages")
        got = self._move(
            lambda ns: _rx(self._c, burst._c, wanted, ns), timeout, deadline(timeout), burst
        )
        if got > 0:
            burst._stamp(0, "rte_ring_dequeue")
        return max(got, 0)

    # -- the end --

    def shut(self) -> None:
        """End the channel for all processes: `send` raises, receivers get the remaining messages.

        Notes
        -----
        Threads  any; waiting threads are woken
        """
        self.handle  # noqa: B018  # raises when closed
        lib.pyd_channel_shut(self._c)

    def close(self, *, force: bool = False) -> None:
        """Detach from the channel; free it if this process created it.

        Threads that wait in it get a `ClosedError`.

        Parameters
        ----------
        force
            Close even if it is in use: messages in it are lost. While other processes are
            attached, its memory stays: they get the remaining messages, then a `ClosedError`.

        Raises
        ------
        InUseError
            Messages are in it, or received and not given back; or other processes are attached to
            a channel that this process created.
        BusyError
            A thread is inside and does not leave.
        """
        with lock():
            if self.closed:
                return
            reasons = [] if force else [*self._why_open(), *self._viewed()]
            if reasons:
                raise InUseError(f"{self!r} stays open: {'; '.join(reasons)}")
            others = self._others()
            with Undo(self._end_parts, others, force):
                call_errno(lib.pyd_channel_close, self._c, *self._me, self.owned, detail=self.name)
                self._end_parts(others, force)

    # -- private: this process in the channel --

    def _open(self, name: str) -> None:
        """Register this process with the channel, if needed in place of a dead one."""
        result = lib.pyd_channel_open(self._c, *self._me)
        while result == -errno.ENOSPC and lib.pyd_channels_remove():
            result = lib.pyd_channel_open(self._c, *self._me)
        if result < 0:
            full = f"{lib.PYD_CHANNEL_PEERS} processes" if result == -errno.ENOSPC else name
            raise make_error("pyd_channel_open", -result, full)

    def _look(self) -> Any:
        """Return a copy of the memzone's header; the zone itself may be freed at any moment."""
        head = ffi.new("struct pyd_channel_head *")
        if lib.pyd_channel_look(self._c, head) < 0:
            raise self._closed_error()
        return head

    def _others(self) -> list[int]:
        return [pid for pid in self.peers if pid != self._me[0]]

    def _state(self) -> str:
        what = f"bytes<={self.message_bytes}" if self.dtype is None else str(self.dtype)
        return f"{what}, {len(self.ring)} of {self.capacity}"

    # -- private: copies --

    def _too_long(self, longest: int, size: int = 0, total: int = 0) -> NoReturn:
        if 0 <= longest <= self.message_bytes:
            raise ValueError(f"lengths: together {total} bytes, the data has {size}")
        raise ValueError(
            f"a message of {self!r} must be 0..{self.message_bytes} bytes (got {longest})"
        )

    def _require_bytes(self) -> None:
        if self.dtype is not None:
            raise TypeError(f"{self!r} carries records: use send_many and get_many")

    # -- private: without copying --

    def _move(
        self, attempt: Attempt, timeout: float | None, end: float | None, burst: Burst
    ) -> int:
        result = attempt(SLICE_NS if timeout is None else 0)
        if result == TOO_LONG:
            self._too_long(int(burst.lengths.max()))
        return result if result >= 0 else persist(self, result, attempt, end, burst)

    def _check(self, verb: str, burst: Burst) -> None:
        if not isinstance(burst, Burst):
            raise TypeError(f"{verb} takes a Burst (got {burst!r})")

    def _spare(self) -> Burst:
        return self._spares.pop() if self._spares else Burst(1)

    def _unused(self, burst: Burst) -> None:
        """Keep the burst of a message that was not made for reuse."""
        if burst.closed or any(message._burst is burst for message in self._messages):
            return
        burst.free()
        self._spares.append(burst)

    def _out(self, message: Message) -> Message:
        self._messages.add(message)
        return message

    def _back(self, message: Message, burst: Burst) -> None:
        """Keep a message's empty burst for reuse; its mbufs may make room for senders."""
        if message not in self._messages:
            return
        if self.closed:
            burst.close()
        elif burst not in self._spares:
            self._spares.append(burst)
        self._messages.discard(message)
        lib.pyd_channel_room(self._c)

    # -- private: the end --

    def _end_parts(self, others: list[int], force: bool) -> None:
        """Close the parts of the channel, once it is closed itself."""
        if not self.closed:
            return
        for message in list(self._messages):
            if message._burst is not None:
                message._burst.close(force=force)
        for burst in self._spares:
            burst.close()
        self._abandon()
        if self.owned and others:
            self._leave_parts(others)
        else:
            for part in self._parts:
                part.close(force=force)

    def _leave_parts(self, others: list[int]) -> None:
        """Forget the memory, which other processes still use; it is freed with this process."""
        for part in self._parts:
            part._abandon()
        warnings.warn(
            f"channel {self.name!r} closed by force: its memory stays, processes"
            f" {', '.join(map(str, others))} use it", LeakWarning, stacklevel=3,
        )  # fmt: skip

    def _why_open(self) -> list[str]:
        held = len(self._messages)
        reasons = [f"{held} messages are received or reserved and not given back"] if held else []
        if not self.owned:
            return reasons
        waiting, others = len(self.ring), self._others()
        if waiting:
            reasons.append(f"{waiting} messages are in it")
        elif not held and self.mempool.in_use_count:
            reasons.append(f"{self.mempool.in_use_count} of its mbufs are out")
        if others:
            reasons.append(f"processes {', '.join(map(str, others))} use it")
        return reasons

    def _viewed(self) -> list[str]:
        return [reason for part in self._parts for reason in part._viewed()]

    def _free(self, force: bool) -> None:
        """Do nothing: `close` has freed everything."""

    def _abandon(self) -> None:
        lib.pyd_channel_forget(self._c)
        if self._readable is not None:
            self._readable.end()
        super()._abandon()
