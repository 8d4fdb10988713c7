"""Deaths are reported at once: a primary's to its secondaries, a secondary's to its primary."""

import errno
import os
import threading

import pytest
from waiting import LIMIT, until

import pydpdk
from pydpdk import BusyError, Eal
from pydpdk._core import hooks
from pydpdk.eal import deaths
from pydpdk.host import registry, registry_page, runtime
from pydpdk.process.recover import recover

pytestmark = pytest.mark.hugepages


class Callback:
    """A callback that a test can wait for."""

    def __init__(self) -> None:
        self.deaths: list[deaths.Death] = []
        self._event = threading.Event()

    def __call__(self, death: deaths.Death) -> None:
        self.deaths.append(death)
        self._event.set()

    def wait(self) -> deaths.Death:
        assert self._event.wait(LIMIT), "no callback got the death"
        self._event.clear()
        return self.deaths[-1]


def test_the_primary_learns_of_a_killed_secondary_at_once(eal: Eal, second, caplog):
    callback = Callback()
    eal.on_process_death(callback)
    other = second("with pydpdk.attach(PREFIX, '12@0', name='victim'): wait()")
    other.until_ready()
    other.kill()
    death = callback.wait()
    dead = death.process
    assert (dead.pid, dead.name, dead.lcores) == (other.pid, "victim", {12})
    assert "the secondary 'victim'" in caplog.text
    assert "died without leaving" in caplog.text
    assert [p.role for p in pydpdk.processes()] == ["primary"]
    left = [p.name for p in eal.runtime_dir.iterdir() if str(other.pid) in p.name]
    assert left == []


def test_a_failed_recovery_is_reported_and_can_be_repeated(
    eal: Eal, second, pool, name: str, monkeypatch, caplog
):
    def fail(member: object) -> object:
        raise BusyError(errno.EBUSY, "a process stays inside")

    monkeypatch.setattr(hooks, "recovery", lambda: fail)
    callback = Callback()
    forget = eal.on_process_death(callback)
    other = second(f"""
        with pydpdk.attach(PREFIX, '12@0', name='victim'):
            burst = Burst(32)
            burst.alloc(Mempool.lookup({pool.name!r}), 20)
            wait()
    """)
    other.until_ready()
    other.kill()
    death = callback.wait()
    forget()
    assert isinstance(death.error, BusyError) and death.recovered is None
    assert "are still missing" in caplog.text and "a process stays inside" in caplog.text
    assert pool.in_use_count == 20
    monkeypatch.undo()
    assert recover().mbufs == {pool.name: 20}


def test_a_process_that_closes_its_eal_is_no_death(eal: Eal, second):
    callback = Callback()
    eal.on_process_death(callback)
    for _ in range(3):
        second("pydpdk.attach(PREFIX).close()").end()
    second("pydpdk.attach(PREFIX)").end()  # closed at exit
    dies = second("pydpdk.attach(PREFIX), wait()")  # a death is reported after those before it
    dies.until_ready()
    dies.kill()
    callback.wait()
    assert [death.process.pid for death in callback.deaths] == [dies.pid]


def test_callbacks_run_after_the_recovery_and_get_its_result(eal: Eal, second, monkeypatch, caplog):
    callback, order = Callback(), []

    def recover(member: registry_page.RegisteredProcess) -> str:
        order.append(member.pid)
        assert callback.deaths == []
        assert registry.dead(eal.file_prefix) == [member], "its page stays until the recovery"
        return "regained 3 mbufs"

    monkeypatch.setattr(hooks, "recovery", lambda: recover)
    eal.on_process_death(callback)
    other = second("with pydpdk.attach(PREFIX): wait()")
    other.until_ready()
    other.kill()
    assert callback.wait().recovered == "regained 3 mbufs"
    assert order == [other.pid]
    assert "regained 3 mbufs" in caplog.text
    assert pydpdk.recover().processes == (other.pid,)  # the recovery above was faked


def test_a_primary_that_imports_no_processes_recovers(run_script):
    done = run_script("""
        import signal, subprocess, sys, threading
        HOLD = f'''
        import pydpdk
        from pydpdk import Burst, Mempool
        pydpdk.init(file_prefix={PREFIX!r}, proc_type="secondary", lcores=f"{LCORE + 1}@{LCORE}")
        burst = Burst(32)
        burst.alloc(Mempool.lookup("p"), 20)
        print("ready", flush=True)
        input()
        '''
        with init() as eal:
            pool, dead, deaths = Mempool.create("p", 511, cache_size=0), threading.Event(), []
            eal.on_process_death(lambda death: (deaths.append(death), dead.set()))
            other = subprocess.Popen([sys.executable, "-c", HOLD], text=True,
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            print(other.stdout.readline(), pool.in_use_count)
            print([name for name in sys.modules if name.startswith("pydpdk.process")])
            other.kill()
            other.communicate()
            assert dead.wait(5)
            print(deaths[0].recovered.mbufs, deaths[0].error, pool.in_use_count)
            pool.close()
    """)
    assert done.stdout.split("\n") == ["ready", " 20", "[]", "{'p': 20} None 0", ""], done.stderr


def test_other_callbacks_run_after_one_that_raises(eal: Eal, second, caplog):
    callback = Callback()
    eal.on_process_death(lambda _: 1 / 0)
    eal.on_process_death(callback)
    for _ in range(2):
        other = second("with pydpdk.attach(PREFIX): wait()")
        other.until_ready()
        other.kill()
        callback.wait()
    assert "ZeroDivisionError" in caplog.text


def test_all_of_many_simultaneous_deaths_are_reported(eal: Eal, second):
    callback = Callback()
    eal.on_process_death(callback)
    others = [second("with pydpdk.attach(PREFIX): wait()") for _ in range(3)]
    for other in others:
        other.until_ready()
    for other in others:
        other.process.kill()
    until(lambda: len(callback.deaths) == 3)
    pids = {death.process.pid for death in callback.deaths}
    assert pids == {other.pid for other in others}


WATCHES = """
import threading
notified = threading.Event()
eal = pydpdk.attach(PREFIX)
eal.on_primary_death(notified.set)
print(eal.primary_alive)
wait()
print(notified.wait(60), eal.primary_alive)
late = threading.Event()
eal.on_primary_death(late.set)
print(late.is_set())
eal.close()
print(eal)
"""


@pytest.mark.parametrize("end", ["kill", "leave by force"])
def test_a_secondary_learns_of_the_end_of_its_primary_at_once(second, name: str, end: str):
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
    assert said.splitlines()[:3] == ["True False", "True", f"<Eal {prefix!r} dead>"]
    assert "is gone: mapped memory stays usable" in said
    assert runtime.leftovers(prefix) == [], "the last to leave takes what the dead left"


def test_a_secondary_that_leaves_before_the_news_of_the_death_removes_the_files(second, name: str):
    prefix = f"test-{os.getpid()}-{name}"
    primary = second(
        "eal = pydpdk.init(file_prefix=PREFIX, hugepages=True, lcores='0@0')\nwait()", prefix
    )
    primary.until_ready()
    other = second(
        """
from pydpdk._core import lifetime
eal = pydpdk.attach(PREFIX)
with lifetime.lock():  # the watching thread waits for it
    wait()
    print(eal.primary_alive)
    eal.close()
""",
        prefix,
    )
    other.until_ready()
    primary.kill()
    assert "True" in other.end().splitlines()
    assert runtime.leftovers(prefix) == []


def test_each_role_has_its_own_death_callback(eal: Eal, second):
    said = second("""
        with pydpdk.attach(PREFIX) as eal:
            tried(lambda: eal.on_process_death(print))
    """).end()
    assert said.startswith("SecondaryError")
    assert eal.primary_alive


LEAVES = """
import warnings
from pydpdk.host import runtime
warnings.simplefilter("ignore")
eal = {begin}
wait()
look, looks = runtime.is_in_use, []
def looked(*what, **how):
    looks.append(look(*what, **how))
    if len(looks) == 1 and {first}:
        say("looked")
        sys.stdin.readline()
    return looks[-1]
runtime.is_in_use = looked
eal.close(force=True)
say("left")
wait()
"""


@pytest.mark.parametrize("first", ["primary", "secondary"])
def test_of_two_processes_that_leave_at_once_one_removes_the_files(second, name: str, first: str):
    """The one looks while the other has not let go; both live on when their EALs have ended."""
    prefix = f"test-{os.getpid()}-{name}"
    begin = {
        "primary": "pydpdk.init(file_prefix=PREFIX, hugepages=True, lcores='0@0')",
        "secondary": "pydpdk.attach(PREFIX)",
    }
    made = {}
    for kind, code in begin.items():
        made[kind] = second(LEAVES.format(begin=code, first=kind == first), prefix)
        made[kind].until_ready()
    early = made.pop(first)
    (late,) = made.values()
    early.write()
    early.lines_until("looked")
    late.write()
    late.lines_until("left")
    early.write()
    early.lines_until("left")
    assert runtime.leftovers(prefix) == []
    late.end()
    early.end()
