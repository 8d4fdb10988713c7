"""Messages without copying: read or written in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy.typing as npt

from pydpdk._core.fixed import Fixed
from pydpdk._core.lifetime import Bytes, Undo
from pydpdk.burst import Burst
from pydpdk.errors import ClosedError

if TYPE_CHECKING:
    from pydpdk.process.channel import Channel


class Message(Fixed):
    """A message in the memory of its channel, for a `with` block.

    At the end of the block, a received message returns to the channel's pool, and a reserved one
    is sent, unless the block raised.

    Notes
    -----
    Owns     its mbufs, until the block is left or `release` is called
    Threads  one
    Cost     about 2 us: worth it for messages of many KB, or those that you read only in part
    """

    __slots__ = ("_begun", "_burst", "_channel", "_timeout", "_to_send", "_view")

    def __init__(
        self, channel: Channel, burst: Burst, *, to_send: bool, timeout: float | None = None
    ) -> None:
        self._channel = channel
        self._burst: Burst | None = burst
        self._to_send = to_send
        self._timeout = timeout
        self._view: npt.NDArray[Any] | None = None

    @property
    def view(self) -> npt.NDArray[Any]:
        """The message, or its first segment: `uint8[n]`, or one record as `dtype[1]`.

        Valid until the block is left: copy what you keep.
        """
        if self._view is None:
            view: npt.NDArray[Any] = self._owned.view(0)
            dtype = self._channel.dtype
            self._view = view if dtype is None or len(view) < dtype.itemsize else view.view(dtype)
        return self._view

    @property
    def segments(self) -> list[Bytes]:
        """The whole message, `uint8[n]` for each segment."""
        return self._owned.mbuf(0).segments

    def release(self) -> None:
        """Return the memory to the channel without sending; once released, it does nothing."""
        if self._burst is not None:
            with Undo(self._give_back, self._burst):  # an interrupted release is completed
                self._give_back(self._burst)

    def _give_back(self, burst: Burst) -> None:
        if self._burst is not None:
            self._view = None
            burst.free()
            self._burst = None
        self._channel._back(self, burst)

    def __len__(self) -> int:
        return int(self._owned.lengths[0])

    def __bytes__(self) -> bytes:
        return self._owned.bytes(0)

    @property
    def _owned(self) -> Burst:
        if self._burst is None:
            raise ClosedError(f"{self!r} is used after it was given back")
        return self._burst

    def __enter__(self) -> Self:
        self._owned  # noqa: B018  # raises once it is released
        return self

    def __exit__(self, kind: object, error: object, tb: object) -> None:
        try:
            if self._to_send and error is None and self._burst is not None:
                self._view = None
                if not self._channel.tx(self._burst, self._timeout):
                    why = f"no room for it in {self._timeout} s; it was not sent"
                    raise TimeoutError(f"{self!r}: {why}")
        finally:
            self.release()

    def __repr__(self) -> str:
        state = "given back" if self._burst is None else f"{len(self)} bytes"
        return f"<Message of {self._channel.name!r} {state}>"
