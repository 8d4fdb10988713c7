"""Rings: lockless FIFOs of values or of mbufs, between threads, lcores and processes."""

from pydpdk.ring.ring import Ring
from pydpdk.ring.zero_copy import ZeroCopy

__all__ = ["Ring", "ZeroCopy"]
