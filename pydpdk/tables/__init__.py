"""Lookups of columns: routes, keys, rates and filters."""

from pydpdk.tables.bpf import Bpf
from pydpdk.tables.fib import Fib, Fib6
from pydpdk.tables.hash import Hash
from pydpdk.tables.meter import Meter

__all__ = ["Bpf", "Fib", "Fib6", "Hash", "Meter"]
