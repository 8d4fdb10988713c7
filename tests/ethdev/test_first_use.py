"""The first use of a queue opens it, and two threads may race for it."""

import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from pydpdk import Burst, BusyError, Forward, Mempool, Port


@pytest.fixture
def often() -> Iterator[None]:
    """Make Python switch threads as often as possible."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def race(work: Callable[[Burst], object]) -> list[Exception]:
    """Call it in two threads at once; return what they raised, except `BusyError`."""
    raised: list[Exception] = []
    barrier = threading.Barrier(2)

    def run() -> None:
        with Burst(4) as burst:
            barrier.wait()
            try:
                work(burst)
            except BusyError:
                pass
            except Exception as error:
                raised.append(error)
            burst.free()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return raised


@pytest.mark.parametrize("verb", ["rx", "tx", "forward"])
@pytest.mark.usefixtures("often")
def test_two_threads_that_are_the_first(null: Port, pool: Mempool, verb: str) -> None:
    null.configure(mempool=pool)
    works = {
        "rx": lambda burst: null.rx_queues[0].rx(burst),
        "tx": lambda burst: null.tx_queues[0].tx(burst),
        "forward": lambda burst: Forward(burst, [(null.rx_queues[0], null.tx_queues[0])]).step(),
    }
    for _ in range(300):
        null.start()
        assert race(works[verb]) == []
        null.stop()
