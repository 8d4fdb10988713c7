"""A function on a worker lcore: launch it, ask it to end, wait for it.

An lcore's thread is one of DPDK's: pinned, and with a cache of its own in every mempool. It takes
the GIL to run the function, like any Python thread.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import Any

from pydpdk._core.eventfd import Eventfd
from pydpdk._core.lifetime import Owner, Rank, address_of, lock
from pydpdk._core.timeouts import deadline, left, left_ns
from pydpdk._dpdk import ffi, lib
from pydpdk.errors import ClosedError, InUseError, call_errno

PATIENCE_S = 1.0
"""[s] that `close` gives a job that it has asked to end."""
_SLICE_NS = 100_000_000

_jobs: dict[int, Job] = {}


class Job(Owner):
    """A function that runs on a worker lcore; `lcore.launch` makes it.

    Attributes
    ----------
    lcore_id : int
        Where it runs.

    Notes
    -----
    Wraps    rte_eal_remote_launch (rte_launch.h) in `launch`,
             rte_eal_wait_lcore (rte_launch.h) in `result`
    Owns     the lcore, until it has ended; it is kept alive while it runs, also without references
    Threads  any
    Like     concurrent.futures.Future: `done`, `running`, `result`, `exception`, `cancel`
    """

    _rank = Rank.ACTIVITY
    _stays = True

    def __init__(
        self, name: str, function: Callable[..., Any], args: tuple[Any, ...], lcore_id: int
    ) -> None:
        self.lcore_id = lcore_id
        self._call: tuple[Callable[..., Any], tuple[Any, ...]] | None = (function, args)
        self._result: Any = None
        self._error: BaseException | None = None
        self._seen = False
        self._ready: Eventfd | None = None
        self._c: Any = ffi.new("struct pyd_job *", {"gate": {"open": 1}, "ready_fd": -1})
        super().__init__(name, self._c, ffi.addressof(self._c, "gate"), address=address_of(self._c))

    def running(self) -> bool:
        """Return whether it has not ended yet."""
        return not self.closed and bool(self._c.launched) and not self._c.done

    def done(self) -> bool:
        """Return whether it has ended."""
        return bool(self._c.done)

    @property
    def _using(self) -> bool:
        return self.running()

    def cancel(self) -> bool:
        """Ask it to end, without waiting: from now on `lcore.running()` is false there.

        Returns
        -------
        bool
            Whether it was still running. A function that returns has a result, as without `cancel`.
        """
        lib.pyd_job_stop(self._c)
        return self.running()

    def cancelled(self) -> bool:
        """Return whether it was ended because it did not end when asked to: a compiled worker."""
        return self.done() and isinstance(self._error, CancelledError)

    def fileno(self) -> int:
        """Return a descriptor for `select` and event loops, readable once it has ended.

        Notes
        -----
        Owns  the descriptor, which is valid as long as this object, also after its end
        """
        self._require_here()
        with lock():
            if self._ready is None:
                self._ready = Eventfd()
            lib.pyd_job_notify(self._c, self._ready.fileno())  # again, if interrupted before
            return self._ready.fileno()

    def result(self, timeout: float | None = None) -> Any:
        """Wait until the function has ended; return what it returned.

        Parameters
        ----------
        timeout
            [s]; 0 looks once, None waits for ever. Ctrl-C ends the waiting, not the job.

        Raises
        ------
        TimeoutError
            It still runs; wait again, or `cancel` it.
        CancelledError
            It was `cancelled`.
        BaseException
            The exception of the function.
        """
        self._join(timeout)
        if self._error is not None:
            raise self._error
        return self._result

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait as `result` does; return the exception of the function, None if it returned.

        Raises
        ------
        TimeoutError, CancelledError
            As in `result`.
        """
        self._join(timeout)
        if self.cancelled():
            raise self._error  # type: ignore[misc]  # it is a CancelledError
        return self._error

    def close(self, *, force: bool = False) -> None:
        """Ask it to end and wait for that; raise what it raised, unless `result` did.

        Parameters
        ----------
        force
            Do not raise what it raised.

        Raises
        ------
        InUseError
            It does not end. A thread of DPDK cannot be ended from outside.
        """
        self._end()
        unseen = None if self._seen or force or self.cancelled() else self._error
        self._seen = True
        super().close(force=force)
        if unseen is not None:
            raise unseen

    def __exit__(self, kind: object, error: BaseException | None, tb: object) -> None:
        if error is None:
            self.close()
            return
        try:
            self.close()
        except BaseException as its:  # the block's own exception is the one to raise
            error.add_note(f"{self!r}: {its!r}")

    def _join(self, timeout: float | None) -> None:
        """Wait until it has ended, and release the lcore."""
        end = deadline(timeout)
        self._not_from_inside("wait for itself")
        self._require_here()
        if not self._await(end):
            raise TimeoutError(f"{self!r} runs on after {timeout} s")
        self._seen = True
        super().close()

    def _require_here(self) -> None:
        if self.closed and not self.done():
            raise ClosedError(f"{self!r} runs in the process that launched it, not in this one")

    def _await(self, end: float | None) -> bool:
        """Wait in C, without a lock, in slices: signals are handled between them."""
        while not lib.pyd_job_wait(self._c, left_ns(end, _SLICE_NS)):
            if left(end) == 0:
                return False
        return True

    def _start(self) -> None:
        """Launch it, under `lock`, on an lcore that is idle."""
        former = _jobs.get(self.lcore_id)
        if former is not None:
            lib.pyd_job_join(former._c)
        _jobs[self.lcore_id] = self
        call_errno(lib.pyd_job_launch, self._c, self.lcore_id, detail=repr(self))

    def _drop(self) -> None:
        """Undo an unfinished launch; if the function runs already, ask it to end."""
        if self._c.launched:
            self.cancel()
        else:
            self._abandon()

    def _run(self) -> None:
        assert self._call is not None  # noqa: S101  # it is launched once
        function, args = self._call
        try:
            self._result = function(*args)
        except BaseException as error:
            self._error = error
        finally:
            del function, args
            self._call = None

    def _end(self) -> None:
        if not self.running():
            return
        self._not_from_inside("close itself")
        self.cancel()
        if not self._await(deadline(PATIENCE_S)):
            raise InUseError(
                f"{self!r} was asked to end and runs on: a function on an lcore must end once"
                " lcore.running() is false"
            )

    def _not_from_inside(self, what: str) -> None:
        if not self.closed and lib.pyd_job_mine() == self._c:
            raise InUseError(f"{self!r} cannot {what}: it runs in this thread")

    def _why_open(self) -> list[str]:
        if self._error is not None and not self._seen and not self.cancelled():
            return [f"it raised {self._error!r}, and nothing waited for it"]
        return ["it runs"] if self.running() else []

    def _free(self, force: bool) -> None:
        lib.pyd_job_close(self._c)

    def _state(self) -> str:
        return f"on lcore {self.lcore_id} {'runs' if self.running() else 'has ended'}"


def running_on(lcore_id: int) -> Job | None:
    """Return the job that runs on an lcore; None if it is idle."""
    job = _jobs.get(lcore_id)
    return job if job is not None and job.running() else None


@ffi.def_extern("pyd_job_python")
def _run_here() -> None:
    """Run the job of this lcore; C calls this there."""
    _jobs[lib.rte_lcore_id()]._run()
