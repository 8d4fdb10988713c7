"""The whole chain of a running EAL, read at one moment, and shown."""

from pydpdk.explorer.snapshot import PacketTrace, Snapshot, take, trace_packet

__all__ = ["PacketTrace", "Snapshot", "take", "trace_packet"]
