"""The decorator: a function in a subset of Python that runs on worker lcores as native code."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable
from concurrent.futures import CancelledError
from importlib.util import find_spec
from typing import Any

from pydpdk import lcore
from pydpdk._core.fixed import Fixed
from pydpdk._core.lifetime import Undo, lock
from pydpdk.jit.errors import WorkerStoppedError
from pydpdk.jit.lease import Lease
from pydpdk.lcore.job import Job


class Worker(Fixed):
    """A compiled worker; `pydpdk.worker` makes it.

    Attributes
    ----------
    function : callable
        The Python function. Queues, rings and bursts have the same verbs in both, so
        `lcore.launch(worker.function, ...)` runs it interpreted, for debugging.

    Notes
    -----
    Owns     nothing; each launch leases its arguments
    Threads  any number of launches at a time, with different queues and bursts
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        if not inspect.isfunction(function):
            raise TypeError(f"worker takes a function written in Python (got {function!r})")
        if find_spec("numba") is None:
            raise ModuleNotFoundError(
                f"the worker {function.__name__} is compiled with Numba, which is not installed:"
                " pip install 'pydpdk[jit]'",
                name="numba",
            )
        self.function = function
        self.__doc__ = function.__doc__
        self.__name__ = function.__name__
        self._compiled: Any = None

    def launch(self, *args: Any, lcore_id: int | None = None) -> Job:
        """Compile the worker for arguments of these types, if needed, and run it on an lcore.

        Parameters
        ----------
        args
            Queues, bursts, rings and mempools, or tuples of them, leased to the worker until it
            ends: meanwhile other threads get `BusyError`, and `close` raises. Numpy arrays, which
            other threads may read meanwhile; numbers.
        lcore_id
            A worker lcore; None for the first that is idle.

        Returns
        -------
        Job
            `cancel` asks the worker to end: `running()` is false then. If the worker does not check
            it, `rx`, `tx` or `alloc` ends the worker 50 ms later, and the job is `cancelled`.
            `result` returns what it returned, or raises what it raised. Mbufs that are still in its
            bursts are freed.

        Raises
        ------
        CompileError
            The message names the line.
        BusyError, ClosedError
            The lcore or one of the objects is in use or closed.

        Notes
        -----
        Wraps    rte_eal_remote_launch (rte_launch.h)
        Threads  the lcore's, without the GIL
        Cost     the first time 0.3 to 2 s, as Numba is loaded and compiles; afterwards 60 us
        """
        lcore.idle(lcore_id)
        lease = Lease(args)
        compiled = self._compile(lease.args)
        with lock():
            job = Job(self.__name__, self._run, (compiled, lease), lcore.idle(lcore_id))
            with Undo(self._drop, job, lease):
                lease.take(job)
                job._call = (self._run, (compiled, lease, job))
                job._start()
                return job

    @staticmethod
    def _drop(job: Job, lease: Lease) -> None:
        """Undo a launch; if the lcore runs already, it ends the lease itself."""
        job._drop()
        if job.closed:
            lease.give_back()

    def _compile(self, args: tuple[Any, ...]) -> Any:
        from pydpdk.jit import compiler  # Numba takes a second to import

        if self._compiled is None:
            self._compiled = compiler.dispatcher(self.function)
        compiler.compile_for(self._compiled, args)
        return self._compiled

    @staticmethod
    def _run(compiled: Any, lease: Lease, job: Job) -> Any:
        try:
            return compiled(*lease.args)
        except WorkerStoppedError:
            raise CancelledError(f"{job.name} was ended: it did not check running()") from None
        except Exception as error:
            error.add_note(
                f"in the worker {job.name} on lcore {job.lcore_id}, {_where(error, compiled)}"
            )
            raise
        finally:
            lease.give_back()

    def __call__(self, *args: Any) -> Any:
        """Raise: a worker runs on an lcore."""
        raise TypeError(f"{self!r} runs on an lcore: {self.__name__}.launch(...)")

    def __repr__(self) -> str:
        return f"<Worker {self.__name__!r}>"


def _where(error: Exception, compiled: Any) -> str:
    """Return file and line of the function's own `raise`, else of the function."""
    code = compiled.py_func.__code__
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if (frame.filename, frame.name) == (code.co_filename, code.co_name)
    ]
    return f"{code.co_filename}:{lines[-1] if lines else code.co_firstlineno}"


def worker(function: Callable[..., Any]) -> Worker:
    """Mark a function to be compiled and run on worker lcores; a decorator.

    Parameters
    ----------
    function
        In Numba's subset of Python, with the verbs of queues, rings and bursts, packets as
        `burst[i]`, and headers as `burst[i].ipv4.src_addr`: see docs/workers.md.

    Raises
    ------
    ModuleNotFoundError
        Numba is not installed; the message says how to install it.
    """
    return Worker(function)
