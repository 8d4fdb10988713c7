"""The data path: bursts of mbufs."""

from pydpdk.burst.burst import Burst

__all__ = ["Burst"]
