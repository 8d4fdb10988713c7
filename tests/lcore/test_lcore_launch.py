"""Plain Python on a worker lcore: its result, its ends, and what closing finds."""

from __future__ import annotations

import asyncio
import math
import os
import select
import selectors
import threading
from pathlib import Path

import pytest
from waiting import LIMIT, until

from pydpdk import Burst, Eal, Mempool, lcore
from pydpdk.errors import BusyError, InUseError

CPU = max(os.sched_getaffinity(0))
FDS = Path("/proc/self/fd")
began = threading.Event()


@pytest.fixture
def workers(eal: Eal) -> list[int]:
    return [one.lcore_id for one in lcore.walk() if not one.main]


def until_stopped() -> int:
    began.set()
    until(lambda: not lcore.running(), math.inf)
    return 5


def test_a_job_returns_the_result_of_its_lcore(workers):
    """rte_eal_remote_launch, rte_eal_wait_lcore: on that lcore, pinned, with the arguments."""

    def there(a: int, b: int) -> tuple:
        return a + b, lcore.current(), os.sched_getaffinity(0), threading.get_ident()

    for worker in workers:
        job = lcore.launch(there, 1, 2, lcore_id=worker)
        total, where, cpus, thread = job.result()
        assert (total, where, cpus) == (3, worker, {CPU})
        assert thread != threading.get_ident()
        assert job.closed
        assert job.result()[0] == 3


def test_wait_raises_the_exception_of_the_job(workers):
    def fail() -> None:
        raise KeyError("lost")

    job = lcore.launch(fail)
    with pytest.raises(KeyError, match="lost") as caught:
        job.result()
    assert caught.traceback[-1].name == "fail"
    with pytest.raises(KeyError), lcore.launch(fail):
        pass
    with pytest.raises(SystemExit):
        lcore.launch(exit).result()


def test_an_error_of_the_block_takes_precedence(workers):
    def fail() -> None:
        raise KeyError("lost")

    with pytest.raises(ValueError, match="mine") as caught, lcore.launch(fail):
        raise ValueError("mine")
    assert "KeyError('lost')" in caught.value.__notes__[0]


def test_a_job_uses_the_cache_of_its_lcore(workers, name: str):
    """A thread that is no lcore takes from the shared ring; this one leaves mbufs in a cache."""

    def alloc(pool: Mempool) -> None:
        with Burst(8) as burst:
            burst.alloc(pool)
            burst.free()

    with Mempool.create(name, 511, cache_size=32) as pool:
        assert sum(pool.cache_counts.values()) == 0
        lcore.launch(alloc, pool, lcore_id=workers[1]).result()
        assert list(pool.cache_counts) == [workers[1]]
        assert pool.in_use_count == 0


def test_a_job_runs_until_it_is_asked_to_stop(workers):
    job = lcore.launch(until_stopped, lcore_id=workers[0])
    assert job.running()
    with pytest.raises(TimeoutError, match="until_stopped"):
        job.result(0.02)
    assert began.wait(LIMIT)
    job.cancel()
    assert job.result(LIMIT) == 5
    assert not job.running()
    with lcore.launch(until_stopped) as left:
        pass
    assert left.closed
    assert lcore.running()


def test_a_job_answers_like_a_future(workers):
    job = lcore.launch(until_stopped)
    assert (job.running(), job.done(), job.cancelled()) == (True, False, False)
    with pytest.raises(TimeoutError):
        job.exception(0)
    assert job.cancel()
    assert job.exception(5) is None
    assert (job.running(), job.done(), job.cancelled()) == (False, True, False)
    assert not job.cancel()
    failed = lcore.launch(int, "x")
    assert isinstance(failed.exception(5), ValueError)
    with pytest.raises(ValueError, match="invalid literal"):
        failed.result(0)
    failed.close()


def test_a_job_is_readable_once_it_has_ended(workers):
    with selectors.DefaultSelector() as selector:
        jobs = [lcore.launch(until_stopped) for _ in workers]
        for job in jobs:
            selector.register(job, selectors.EVENT_READ)
        assert selector.select(0) == []
        jobs[0].cancel()
        for _ in range(2):
            assert [key.fileobj for key, _ in selector.select(5)] == jobs[:1]
            assert jobs[0].result(0) > 0
        selector.unregister(jobs[0])
        jobs[1].close()
        assert [key.fileobj for key, _ in selector.select(5)] == jobs[1:]
    late = lcore.launch(int)
    late.result(5)
    assert select.select([late], [], [], 0)[0] == [late]


def test_an_event_loop_waits_for_a_job(workers):
    async def wait() -> int:
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        job = lcore.launch(until_stopped)
        loop.add_reader(job, ended.set)
        loop.call_later(0.02, job.cancel)
        await asyncio.wait_for(ended.wait(), 10)
        loop.remove_reader(job)
        return job.result(0)

    assert asyncio.run(wait()) > 0


def test_descriptors_of_jobs_are_closed_with_them(workers):
    lcore.launch(int, lcore_id=workers[0]).result()
    before = len(list(FDS.iterdir()))
    for _ in range(50):
        job = lcore.launch(int)
        assert job.fileno() == job.fileno()
        job.result()
    del job
    lcore.launch(int, lcore_id=workers[0]).result()
    assert len(list(FDS.iterdir())) == before


def test_an_lcore_runs_one_thing_at_a_time(workers):
    jobs = [lcore.launch(until_stopped) for _ in workers]
    assert [job.lcore_id for job in jobs] == workers
    with pytest.raises(BusyError, match=r"lcore \d+ runs.*lcore \d+ runs"):
        lcore.launch(int)
    with pytest.raises(BusyError, match="until_stopped"):
        lcore.launch(int, lcore_id=workers[1])
    for job in jobs:
        job.close()
    for _ in range(50):
        assert lcore.launch(int, lcore_id=workers[0]).result() == 0


def test_jobs_are_waited_for_in_any_order(workers):
    first = lcore.launch(str, 1, lcore_id=workers[0])
    until(lambda: not first.running())
    second = lcore.launch(until_stopped, lcore_id=workers[0])
    assert first.result() == "1"
    assert second.running()
    second.close()


@pytest.mark.parametrize("bad", [-1, 127, 128, 10**30])
def test_launch_raises_for_an_id_that_is_no_worker_lcore(workers, bad: int):
    with pytest.raises(ValueError, match="must"):
        lcore.launch(int, lcore_id=bad)


def test_launch_raises_for_the_main_lcore(workers):
    with pytest.raises(ValueError, match=f"one of the worker lcores {workers[0]}, {workers[1]}"):
        lcore.launch(int, lcore_id=lcore.current())
    for bad in ("1", 1.0, True, b""):
        with pytest.raises(TypeError):
            lcore.launch(int, lcore_id=bad)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="must be callable"):
        lcore.launch(5)  # type: ignore[arg-type]


def test_a_job_neither_waits_for_itself_nor_closes_the_eal(eal: Eal, workers):
    mine: list = []

    def inside() -> None:
        until(lambda: mine)
        with pytest.raises(InUseError, match="wait for itself"):
            mine[0].result()
        eal.close()

    job = lcore.launch(inside)
    mine.append(job)
    with pytest.raises(InUseError, match="close itself"):
        job.result()
    mine.clear()


def test_a_job_launches_another(workers):
    def outer() -> int:
        return lcore.launch(int, 7, lcore_id=workers[1]).result()

    assert lcore.launch(outer, lcore_id=workers[0]).result() == 7


def test_closing_the_eal_ends_a_job_that_polls_running(run_script):
    out = run_script("""
        from pydpdk import lcore
        eal = init(lcores=f"0@{LCORE},1@{LCORE}")
        seen = []
        def loop():
            until(lambda: not lcore.running())
            seen.append("asked to end")
        lcore.launch(loop)
        eal.close()
        print(seen)
    """)
    assert (out.returncode, out.stdout) == (0, "['asked to end']\n"), out.stderr


def test_closing_the_eal_raises_while_a_job_does_not_end(run_script):
    """No thread of DPDK can be ended: the memory stays until the process is gone."""
    out = run_script("""
        import threading
        from pydpdk import lcore
        eal = init(lcores=f"0@{LCORE},1@{LCORE}")
        def deaf():
            threading.Event().wait()
        lcore.launch(deaf)
        for force in (False, True):
            try:
                eal.close(force=force)
            except pydpdk.InUseError as error:
                print(error)
        Mempool.create("still", 63, cache_size=0).close()
    """)
    assert out.returncode == 0, out.stderr
    assert out.stdout.count("<Job 'deaf' on lcore 1 runs> was asked to end and runs on") == 2


def test_errors_of_jobs_without_a_wait_are_reported_at_the_end(run_script):
    out = run_script("""
        import warnings
        from pydpdk import lcore
        warnings.simplefilter("always")
        eal = init(lcores=f"0@{LCORE},1@{LCORE}")
        job = lcore.launch(int, "x")
        until(lambda: not job.running())
        eal.close()
    """)
    assert out.returncode == 0, out.stderr
    assert "LeakWarning" in out.stderr
    assert "invalid literal for int()" in out.stderr


def test_without_a_worker_lcore_it_says_how_to_have_one(run_script):
    out = run_script("""
        from pydpdk import lcore
        for call in (lambda: lcore.launch(int), lambda: (init(), lcore.launch(int))):
            try:
                call()
            except (ValueError, pydpdk.ClosedError) as error:
                print(error)
        pydpdk.eal.current().close()
    """)
    assert "call pydpdk.init() first" in out.stdout
    assert "init(lcores=(0, 1)) makes lcore 1 one" in out.stdout


def test_ctrl_c_ends_the_waiting_not_the_job(run_script):
    out = run_script("""
        import threading
        from pydpdk import lcore
        eal = init(lcores=f"0@{LCORE},1@{LCORE}")
        def loop():
            until(lambda: not lcore.running())
            return "ended as asked"
        job = lcore.launch(loop)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in background shells
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            job.result()
        except KeyboardInterrupt:
            print("interrupted", job.running())
        job.cancel()
        print(job.result(60))
        eal.close()
    """)
    assert out.stdout == "interrupted True\nended as asked\n", out.stderr


def test_a_forked_child_does_not_own_the_job(run_script):
    out = run_script("""
        from pydpdk import lcore
        eal = init(lcores=f"0@{LCORE},1@{LCORE}")
        def loop():
            until(lambda: not lcore.running())
            return "ended"
        job = lcore.launch(loop)
        pid = os.fork()
        if pid == 0:
            try:
                job.result()
            except pydpdk.ClosedError as error:
                print(error, flush=True)
            os._exit(0)
        os.waitpid(pid, 0)
        job.cancel()
        print(job.result(60))
        eal.close()
    """)
    assert out.stdout.splitlines()[-1] == "ended", out.stderr
    assert "in the process that launched it" in out.stdout


def test_a_child_that_is_forked_on_an_lcore_does_not_run_its_loop(run_script):
    """Else it would return into DPDK's loop, and read launches from its parent's pipe."""
    out = run_script("""
        import os
        from pydpdk import lcore
        eal = init(lcores=f"0@{LCORE},1@{LCORE}")
        pids = [lcore.launch(os.fork).result() for _ in range(3)]
        print([os.waitpid(pid, 0)[1] for pid in pids])
        print([lcore.launch(int, i).result() for i in range(100)] == list(range(100)))
        eal.close()
    """)
    assert out.stdout == "[0, 0, 0]\nTrue\n", out.stderr
