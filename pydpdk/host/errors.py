"""Errors of the host itself; DPDK's errors are in `pydpdk.exceptions`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class HostError(OSError):
    """The kernel failed, or this user lacks the permission."""


class InterfaceInUseError(HostError):
    """The host uses an interface: taking it away could cut the connection to this host."""


@contextmanager
def naming(file: Path, denied: str = "") -> Iterator[None]:
    """Raise a `HostError` with the name of a file for an OSError of the block."""
    try:
        yield
    except OSError as error:
        why = denied if isinstance(error, PermissionError) else ""
        raise HostError(error.errno, f"{file}: {why or os.strerror(error.errno or 0)}") from None
