"""Errors of the host itself; DPDK's errors are in `pydpdk.exceptions`."""

from __future__ import annotations


class HostError(OSError):
    """The kernel failed, or this user lacks the permission."""


class InterfaceInUseError(HostError):
    """The host uses an interface: taking it away could cut the connection to this host."""
