"""The memory of a running EAL, read at one moment and shown."""

from pydpdk.explorer.attach import attach
from pydpdk.explorer.memory_map import MemoryMap, take_map
from pydpdk.explorer.snapshot import PacketTrace, Snapshot, take, trace_packet

__all__ = ["MemoryMap", "PacketTrace", "Snapshot", "attach", "take", "take_map", "trace_packet"]
