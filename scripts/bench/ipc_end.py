"""The interface of one end of a transport, in each of two processes; see `ipc_transports`."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from typing import Any

SIZES = (8, 64, 1500)
BATCH = 256
SLOTS = 4096
DEADLINE = 60  # [s]: after the end of its peer, an end must not hang

Context = Any


class End(ABC):
    """One end; `first` is the process that made what both share."""

    dpdk = False
    trips = True  # takes part in round trips

    @staticmethod
    def fixture(size: int, context: Context) -> Any:
        return None

    def __init__(self, shared: Any, size: int, first: bool) -> None:
        self.shared, self.size, self.first = shared, size, first
        self.message = os.urandom(size)

    @abstractmethod
    def send(self) -> None:
        """Send one message."""

    @abstractmethod
    def receive(self) -> Any:
        """Receive one message."""

    def send_n(self, n: int) -> None:
        send = self.send
        for _ in range(n):
            send()

    def receive_n(self, n: int) -> None:
        receive = self.receive
        for _ in range(n):
            receive()

    def close(self) -> None:  # noqa: B027  most have nothing to release
        pass
