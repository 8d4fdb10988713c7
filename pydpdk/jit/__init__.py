"""Loops over packets, compiled from Python with Numba and run on worker lcores without the GIL."""

from pydpdk.jit.errors import CompileError
from pydpdk.jit.worker import Worker, worker

__all__ = ["CompileError", "Worker", "worker"]
