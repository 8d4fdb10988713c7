"""Whatever a callback or a logging handler raises, our threads keep running."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Iterator

import pytest

import pydpdk
from pydpdk import Eal
from pydpdk._core import callbacks, lifetime
from pydpdk.app.run import _ticking
from pydpdk.errors import DpdkError


class OddError(BaseException):
    """Not an Exception, unknown to Python, and without a repr."""

    def __str__(self) -> str:
        raise SystemExit("shown")


RAISED = [ValueError("bad"), SystemExit(3), KeyboardInterrupt(), GeneratorExit(), OddError()]


class Handler(logging.Handler):
    """Call a function for each record; what it raises reaches the logging call."""

    def __init__(self, function) -> None:
        super().__init__()
        self.function = function

    def handle(self, record: logging.LogRecord) -> bool:
        self.function(record)
        return True


@pytest.fixture
def shown(monkeypatch) -> queue.SimpleQueue[type]:
    """Return what would have ended a thread."""
    seen: queue.SimpleQueue[type] = queue.SimpleQueue()
    monkeypatch.setattr(threading, "excepthook", lambda args: seen.put(args.exc_type))
    return seen


@pytest.fixture
def listen() -> Iterator:
    added = []

    def add(name: str, function) -> None:
        added.append((logging.getLogger(name), Handler(function)))
        added[-1][0].addHandler(added[-1][1])

    yield add
    for logger, handler in added:
        logger.removeHandler(handler)


def log_line(eal: Eal) -> None:
    with pytest.raises(DpdkError):
        eal.add_device("net_nosuchdriver1")


@pytest.mark.parametrize("raised", RAISED, ids=lambda error: type(error).__name__)
def test_lines_are_logged_after_a_handler_that_raises(eal: Eal, shown, listen, raised):
    def fail(record: logging.LogRecord) -> None:
        if threading.current_thread().name == "pydpdk-log":
            raise raised

    listen("dpdk", fail)
    expected = RuntimeError if isinstance(raised, SystemExit) else type(raised)
    for _ in range(3):
        log_line(eal)
        assert shown.get(timeout=60) is expected
    assert "pydpdk-log" in {thread.name for thread in threading.enumerate()}


def test_a_call_does_not_raise_the_error_of_a_logging_handler(eal: Eal, shown, listen):
    """A device added while its lines are logged exists; only its own error is raised."""

    def fail(record: logging.LogRecord) -> None:
        raise ValueError("bad")

    listen("dpdk", fail)
    log_line(eal)
    pydpdk.log.flush()
    assert shown.get(timeout=60) is ValueError


def test_a_handler_may_wait_for_the_flushing_thread(eal: Eal, listen):
    """It uses the package while this thread has the close lock: neither waits forever."""
    inside, done = threading.Event(), threading.Event()

    def use(record: logging.LogRecord) -> None:
        if threading.current_thread().name == "pydpdk-log":
            inside.set()
            with lifetime.lock():
                done.set()

    listen("dpdk", use)
    with lifetime.lock():
        log_line(eal)
        assert inside.wait(60)
        pydpdk.log.flush()
    assert done.wait(60)


@pytest.mark.parametrize("raised", RAISED, ids=lambda error: type(error).__name__)
def test_reports_continue_after_one_that_raised(raised, caplog):
    class Measurement:
        def report(self) -> int:
            return 1

    ticks, enough = [], threading.Event()

    def tick(report: int) -> None:
        ticks.append(report)
        if len(ticks) == 3:
            enough.set()
        raise raised

    with _ticking(Measurement(), tick, 0.001):  # type: ignore[arg-type]
        assert enough.wait(60)
    assert "the report of a running file failed" in caplog.text


def test_ctrl_c_reaches_only_the_main_thread(listen):
    """In the main thread it is raised, like `sys.exit()`; all else is shown."""
    voice = callbacks.Voice("pydpdk.test")
    for raised in (KeyboardInterrupt(), SystemExit(1)):

        def fail(*record: object, raised: BaseException = raised) -> None:
            raise raised

        with pytest.raises(type(raised)):
            callbacks.call(voice, "failed", fail)
        listen("pydpdk.test", fail)
        with pytest.raises(type(raised)):
            voice.warning("text")
        logging.getLogger("pydpdk.test").handlers.clear()


def test_a_hook_that_raises_does_not_end_the_thread(listen, monkeypatch, capsys):
    def fail(*args: object) -> None:
        raise OddError

    monkeypatch.setattr(threading, "excepthook", fail)
    listen("pydpdk.test", fail)
    thread = threading.Thread(target=callbacks.Voice("pydpdk.test").error, args=("text",))
    thread.name = "mine"
    thread.start()
    thread.join()
    assert capsys.readouterr().err == "pydpdk: OddError on thread mine\n"
