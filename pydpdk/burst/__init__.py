"""The data path: bursts of mbufs, and what a polling loop does with them in one crossing."""

from pydpdk.burst.bpf import Bpf
from pydpdk.burst.burst import Burst
from pydpdk.burst.fib import Fib
from pydpdk.burst.fib6 import Fib6
from pydpdk.burst.hash import Hash
from pydpdk.burst.meter import Meter
from pydpdk.burst.tracing import trace
from pydpdk.burst.verbs import Forward

__all__ = ["Bpf", "Burst", "Fib", "Fib6", "Forward", "Hash", "Meter", "trace"]
