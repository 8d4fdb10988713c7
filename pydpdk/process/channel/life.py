"""The lifetime of a channel in one process: open, attach, shut, detach, free."""

from __future__ import annotations

import errno
import os
import warnings

from pydpdk._core.lifetime import Undo, address_of, lock
from pydpdk._dpdk import ffi, lib
from pydpdk.errors import InUseError, call_errno, make_error
from pydpdk.exceptions import LeakWarning
from pydpdk.host.alive import start_time
from pydpdk.memory.mempool import Mempool
from pydpdk.memory.memzone import Memzone
from pydpdk.process.channel.layout import read_dtype
from pydpdk.process.channel.views import Views
from pydpdk.ring import Ring

SPIN_US = 50.0


class Life(Views):
    """A channel's lifetime; `Channel` has the rest."""

    rank = 1
    _attached = True

    def __init__(
        self, name: str, zone: Memzone, ring: Ring, mempool: Mempool, *, owned: bool
    ) -> None:
        head = lib.pyd_channel_head(zone.handle)
        self.message_bytes: int = head.message_bytes
        self.segment_bytes: int = head.segment_bytes
        self.size = ring.capacity
        self.ring, self.mempool, self._zone = ring, mempool, zone
        self.dtype = read_dtype(head)
        self._me = (os.getpid(), start_time())
        self._deaths_reported = int(head.deaths)
        parts = {"head": head, "ring": ring._c, "pool": mempool._c}
        limits = ("message_bytes", "segment_bytes", "itemsize")
        numbers = {limit: getattr(head, limit) for limit in limits}
        self._c = ffi.new("struct pyd_channel *", {**parts, **numbers})
        self._c.spin = self._c.spin_max = int(SPIN_US * lib.rte_get_tsc_hz() / 1e6)
        with Undo(lib.pyd_channel_close, self._c, *self._me, False):
            self._open(name)
            gate = ffi.addressof(self._c, "gate")
            super().__init__(name, self._c, gate, address=address_of(head), owned=owned)

    def _open(self, name: str) -> None:
        """Register this process with the channel, if needed in place of a dead one."""
        result = lib.pyd_channel_open(self._c, *self._me)
        while result == -errno.ENOSPC and lib.pyd_channels_remove():
            result = lib.pyd_channel_open(self._c, *self._me)
        if result < 0:
            full = f"{lib.PYD_CHANNEL_PEERS} processes" if result == -errno.ENOSPC else name
            raise make_error("pyd_channel_open", -result, full)

    @property
    def was_shut(self) -> bool:
        """Whether the channel was shut: nothing is sent any more."""
        return bool(self._look().shut)

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
            reasons = [] if force else self._refusals()
            if reasons:
                raise InUseError(f"{self!r} stays open: {'; '.join(reasons)}")
            others = self._others()
            with Undo(self._end_parts, others, force):
                call_errno(lib.pyd_channel_close, self._c, *self._me, self.owned, detail=self.name)
                self._end_parts(others, force)

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
            for part in (self.ring, self.mempool, self._zone):
                part.close(force=force)

    def _leave_parts(self, others: list[int]) -> None:
        """Forget the memory, which other processes still use; it is freed with this process."""
        for part in (self.ring, self.mempool, self._zone):
            part._abandon()
        warnings.warn(
            f"channel {self.name!r} closed by force: its memory stays, processes"
            f" {', '.join(map(str, others))} use it", LeakWarning, stacklevel=3,
        )  # fmt: skip

    def _others(self) -> list[int]:
        return [pid for pid in self.peers if pid != self._me[0]]

    def _refusals(self) -> list[str]:
        held = len(self._messages)
        reasons = [f"{held} messages are received or reserved and not given back"] if held else []
        for part in (self.ring, self.mempool, self._zone):
            reasons += part._viewed()
        if not self.owned:
            return reasons
        waiting, others = self.ring.count, self._others()
        if waiting:
            reasons.append(f"{waiting} messages are in it")
        elif not held and self.mempool.in_use_count:
            reasons.append(f"{self.mempool.in_use_count} of its mbufs are out")
        if others:
            reasons.append(f"processes {', '.join(map(str, others))} use it")
        return reasons

    def _free(self, force: bool) -> None:
        """Do nothing: `close` has freed everything."""

    def _abandon(self) -> None:
        lib.pyd_channel_forget(self._c)
        super()._abandon()
