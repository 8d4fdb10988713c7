"""What goes wrong with the machine itself; DPDK's own errors are in `pydpdk.exceptions`."""

from __future__ import annotations


class HostError(OSError):
    """The kernel did not do what it was asked, or it may not be asked."""


class InterfaceInUseError(HostError):
    """The host talks over an interface: taking it away could cut this very connection."""
