"""Callbacks that raise, exit or close the EAL beside other processes: our threads keep running."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import pytest

from pydpdk import Eal, Group, Mempool, messages
from pydpdk.eal.deaths import Death

pytestmark = pytest.mark.hugepages
RAISED = [SystemExit, BaseException]  # tests/core/test_callbacks.py has more of them
VICTIM = """
    with pydpdk.attach(PREFIX, name='victim'):
        burst = Burst(32)
        burst.alloc(Mempool.lookup({pool!r}), 20)
        wait()
"""


class Raising(logging.Handler):
    """A logging handler that raises on our own threads, for every record."""

    def __init__(self, raised: type[BaseException]) -> None:
        super().__init__()
        self.raised = raised

    def handle(self, record: logging.LogRecord) -> bool:
        if threading.current_thread().name.startswith("pydpdk-"):
            raise self.raised("logging")
        return True


@pytest.fixture(params=RAISED, ids=lambda raised: raised.__name__)
def raised(request, monkeypatch) -> Iterator[type[BaseException]]:
    """An exception type, which all logging handlers raise as well."""
    monkeypatch.setattr(threading, "excepthook", lambda args: None)
    handler, logger = Raising(request.param), logging.getLogger("pydpdk")
    logger.addHandler(handler)
    yield request.param
    logger.removeHandler(handler)


def test_later_deaths_are_recovered(eal: Eal, second, pool: Mempool, raised):
    deaths: list[Death] = []
    notified = threading.Semaphore(0)

    def fail(death: Death) -> None:
        raise raised("callback")

    def note(death: Death) -> None:
        deaths.append(death)
        notified.release()

    forget = [eal.on_process_death(callback) for callback in (fail, note)]
    for count in (1, 2):
        other = second(VICTIM.format(pool=pool.name))
        other.until_ready()
        assert pool.in_use_count == 20
        other.kill()
        assert notified.acquire(timeout=60), "no callback got the death"
        assert len(deaths) == count and deaths[-1].error is None
        assert pool.in_use_count == 0
    for remove in forget:
        remove()


def test_later_messages_are_answered(eal: Eal, second, raised):
    def fail(message: messages.MpMessage) -> None:
        raise raised("handler")

    with messages.handle("fail", fail), messages.handle("echo", lambda m: m.reply(m.data)):
        other = second("""
            with pydpdk.attach(PREFIX) as eal:
                for i in range(3):
                    failed, = pydpdk.messages.request("fail", timeout=30)
                    echoed, = pydpdk.messages.request("echo", b"%d" % i, timeout=30)
                    print(failed.error, echoed.data)
                wait()
        """)
        lines = other.until_ready()
        other.end()
    text = f"{raised.__name__}: handler"
    assert lines == [f"{text} b'{i}'" for i in range(3)]


def test_all_callbacks_get_the_death_of_the_primary(second, raised):
    """Callbacks after one that raises run too."""
    primary = second("pydpdk.init(file_prefix=PREFIX, lcores=(0,)), wait()", "callbacks-dies")
    primary.until_ready()
    other = second(f"""
        import threading
        notified = threading.Event()
        threading.excepthook = lambda args: None
        def fail():
            raise {raised.__name__}("callback")
        with pydpdk.attach(PREFIX) as eal:
            eal.on_primary_death(fail)
            eal.on_primary_death(notified.set)
            wait()
            print(notified.wait(60))
    """, "callbacks-dies")  # fmt: skip
    other.until_ready()
    primary.kill()
    assert "True" in other.end()


FUNCTIONS = """
import threading

class Odd:
    def __init__(self, raised):
        self.raised = raised
    def __reduce__(self):
        return odd, (self.raised,)

def odd(raised):
    if threading.current_thread().name == "pydpdk-group":
        raise raised("pickle")
    return Odd(raised)

def returns(raised):
    return Odd(raised)

def fails(raised):
    class Hidden(raised):
        def __str__(self):
            raise raised("text")
    raise Hidden

def one():
    return 1
"""


def test_members_report_after_one_whose_result_cannot_be_unpickled(
    eal: Eal, tmp_path, monkeypatch, raised
):
    (tmp_path / "odd_functions.py").write_text(FUNCTIONS)
    monkeypatch.syspath_prepend(tmp_path)
    import odd_functions as functions

    with Group() as group:
        member = group.start(functions.returns, raised)
        with pytest.raises(raised, match="pickle"):
            member.result(60)
        assert member.state == "failed"
        with pytest.raises(RuntimeError, match="Hidden"):
            group.start(functions.fails, raised).result(60)
        assert group.start(functions.one).result(60) == 1


CLOSES = """
import subprocess, sys, threading
closed = threading.Event()
def close(*what):
    eal.close(force=True)
    closed.set()
eal = init()
pool = Mempool.create("p", 511, cache_size=0)
{begin}
other = "import os, pydpdk; eal = pydpdk.attach(os.environ['TEST_PREFIX']); {other}"
subprocess.run([sys.executable, "-c", other], stderr=subprocess.DEVNULL)
assert closed.wait(60), threading.enumerate()
assert pool.closed
print(eal)
"""


@pytest.mark.parametrize(
    ("begin", "other"),
    [
        ("pydpdk.messages.handle('close', close)", "pydpdk.messages.send('close')"),
        ("eal.on_process_death(close)", "os.kill(os.getpid(), 9)"),
    ],
    ids=["message", "death"],
)
def test_a_callback_may_close_the_eal(run_script, begin: str, other: str):
    """Forced, beside the process that asked for it; nothing is left."""
    finished = run_script(CLOSES.format(begin=begin, other=other))
    assert finished.returncode == 0, finished.stderr
    assert "Traceback" not in finished.stderr
    assert "dead" in finished.stdout
