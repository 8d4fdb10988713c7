"""The data path: bursts of mbufs, and what a polling loop does with them in one crossing."""

from pydpdk.burst.burst import Burst
from pydpdk.burst.tracing import trace
from pydpdk.burst.verbs import Forward

__all__ = ["Burst", "Forward", "trace"]
