"""The data path: bursts of mbufs, and polling loops that need one call into C for each round."""

from pydpdk.burst.burst import Burst
from pydpdk.burst.packet import Packet
from pydpdk.burst.queues import BurstSink, BurstSource
from pydpdk.burst.respond import Responder
from pydpdk.burst.tracing import trace
from pydpdk.burst.verbs import Forward
from pydpdk.burst.where import Where

__all__ = ["Burst", "BurstSink", "BurstSource", "Forward", "Packet", "Responder", "Where", "trace"]
