"""Deaths are told at once: a primary's to its secondaries, a secondary's to its primary."""

import errno
import os
import threading
import time

import pytest

import pydpdk
from pydpdk import BusyError, Eal
from pydpdk.eal import deaths
from pydpdk.host import registry, runtime
from pydpdk.process.recover import recover

pytestmark = pytest.mark.hugepages
AT_ONCE_S = 0.5


class Heard:
    """Callbacks wait here."""

    def __init__(self) -> None:
        self.deaths: list[deaths.Death] = []
        self._event = threading.Event()

    def __call__(self, death: deaths.Death) -> None:
        self.deaths.append(death)
        self._event.set()

    def wait(self) -> deaths.Death:
        assert self._event.wait(5), "nobody told of the death"
        self._event.clear()
        return self.deaths[-1]


def test_a_killed_secondary_is_told_at_once(eal: Eal, second, caplog):
    heard = Heard()
    eal.on_process_death(heard)
    other = second("with pydpdk.attach(PREFIX, '12@0', name='victim'): wait()")
    other.until_ready()
    start = time.monotonic()
    other.kill()
    death = heard.wait()
    assert time.monotonic() - start < AT_ONCE_S
    dead = death.process
    assert (dead.pid, dead.name, dead.lcores) == (other.process.pid, "victim", {12})
    assert "the secondary 'victim'" in caplog.text
    assert "died without leaving" in caplog.text
    assert [p.role for p in pydpdk.processes()] == ["primary"]
    left = [p.name for p in eal.runtime_dir.iterdir() if str(other.process.pid) in p.name]
    assert left == []


def test_a_recovery_that_fails_is_told_and_can_be_had_later(
    eal: Eal, second, pool, name: str, monkeypatch, caplog
):
    def fail(member: object) -> object:
        raise BusyError(errno.EBUSY, "a process stays inside")

    recovery = deaths._recovery
    monkeypatch.setattr(deaths, "_recovery", fail)
    heard = Heard()
    forget = eal.on_process_death(heard)
    other = second(f"""
        with pydpdk.attach(PREFIX, '12@0', name='victim'):
            burst = Burst(32)
            burst.alloc(Mempool.lookup({pool.name!r}), 20)
            wait()
    """)
    other.until_ready()
    other.kill()
    death = heard.wait()
    forget()
    assert isinstance(death.error, BusyError) and death.recovered is None
    assert "held is still out" in caplog.text and "a process stays inside" in caplog.text
    assert pool.in_use_count == 20
    monkeypatch.setattr(deaths, "_recovery", recovery)
    assert recover().mbufs == {pool.name: 20}


def test_one_that_leaves_is_no_death(eal: Eal, second):
    heard = Heard()
    eal.on_process_death(heard)
    for _ in range(3):
        second("pydpdk.attach(PREFIX).close()").end()
    second("pydpdk.attach(PREFIX)").end()  # closed at exit
    time.sleep(0.1)
    assert heard.deaths == []


def test_recovery_comes_first_and_its_result_is_told(eal: Eal, second, monkeypatch, caplog):
    heard, order = Heard(), []

    def recover(member: registry.Member) -> str:
        order.append(member.pid)
        assert heard.deaths == []
        assert registry.dead(eal.file_prefix) == [member], "its page stays until it is recovered"
        return "regained 3 mbufs"

    monkeypatch.setattr(deaths, "_recovery", None)
    deaths.set_recovery(recover)
    eal.on_process_death(heard)
    other = second("with pydpdk.attach(PREFIX): wait()")
    other.until_ready()
    other.kill()
    assert heard.wait().recovered == "regained 3 mbufs"
    assert order == [other.process.pid]
    assert "regained 3 mbufs" in caplog.text
    assert pydpdk.recover().processes == (other.process.pid,)  # as this one was only played


def test_a_callback_that_fails_does_not_keep_others_from_hearing(eal: Eal, second, caplog):
    heard = Heard()
    eal.on_process_death(lambda _: 1 / 0)
    eal.on_process_death(heard)
    for _ in range(2):
        other = second("with pydpdk.attach(PREFIX): wait()")
        other.until_ready()
        other.kill()
        heard.wait()
    assert "ZeroDivisionError" in caplog.text


def test_many_that_die_at_once_are_all_told(eal: Eal, second):
    heard = Heard()
    eal.on_process_death(heard)
    others = [second("with pydpdk.attach(PREFIX): wait()") for _ in range(3)]
    for other in others:
        other.until_ready()
    for other in others:
        other.process.kill()
    deadline = time.monotonic() + 5
    while len(heard.deaths) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    pids = {death.process.pid for death in heard.deaths}
    assert pids == {other.process.pid for other in others}


WATCHES = """
import threading
told = threading.Event()
eal = pydpdk.attach(PREFIX)
eal.on_primary_death(told.set)
print(eal.primary_alive)
wait()
began = time.monotonic()
print(told.wait(5), time.monotonic() - began < 0.5, eal.primary_alive)
late = threading.Event()
eal.on_primary_death(late.set)
print(late.is_set())
eal.close()
print(eal)
"""


@pytest.mark.parametrize("end", ["kill", "leave by force"])
def test_the_end_of_a_primary_is_told_at_once(second, name: str, end: str):
    prefix = f"test-{os.getpid()}-{name}"
    primary = second(
        "import warnings; warnings.simplefilter('ignore')\n"
        "eal = pydpdk.init(file_prefix=PREFIX, hugepages=True, lcores='0@0')\n"
        "wait(); eal.close(force=True)",
        prefix,
    )
    primary.until_ready()
    other = second(WATCHES, prefix)
    assert other.until_ready() == ["True"]
    if end == "kill":
        primary.kill()
    else:
        primary.end()
    said = other.end()
    assert said.splitlines()[:3] == ["True True False", "True", f"<Eal {prefix!r} dead>"]
    assert "is gone: what is mapped stays usable" in said
    assert runtime.leftovers(prefix) == [], "the last to leave takes what the dead left"


def test_what_only_one_side_can_ask(eal: Eal, second):
    said = second("""
        with pydpdk.attach(PREFIX) as eal:
            tried(lambda: eal.on_process_death(print))
    """).end()
    assert said.startswith("SecondaryError")
    assert eal.primary_alive
