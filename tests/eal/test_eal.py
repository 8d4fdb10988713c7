"""The EAL of a process: what is refused first, how it fails, and that it leaves nothing."""

import logging
import os
import signal
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import pydpdk
from pydpdk import Eal, Mempool, lcore
from pydpdk import eal as pydpdk_eal
from pydpdk.errors import ClosedError, DpdkError
from pydpdk.memory.memseg import hugepages, memseg_lists, memsegs
from pydpdk.memory.memzone import memzones


def test_is_what_was_asked_for(eal: Eal, on_hugepages: bool):
    assert pydpdk_eal.state() == "running"
    assert pydpdk_eal.current() is eal
    assert (eal.hugepages, eal.proc_type, eal.iova_mode) == (on_hugepages, "primary", "va")
    assert eal.file_prefix in eal.runtime_dir.name
    assert eal.argv[0] == "pydpdk"
    assert [one.main for one in lcore.walk()] == [True]


def test_a_second_init_is_refused(eal: Eal):
    with pytest.raises(DpdkError, match="one EAL per process, this one's is running: EALREADY"):
        pydpdk.init()


def test_memory_is_what_the_chain_says(eal: Eal, pool: Mempool, on_hugepages: bool):
    page = (1 << 12, 1 << 21)[on_hugepages]
    segments = memsegs()
    assert {segment.hugepage_sz for segment in segments} <= {page, 1 << 30}
    assert sum(pages.size_bytes for pages in hugepages()) == sum(s.len for s in segments)
    assert sum(one.n_used for one in memseg_lists()) >= len(segments)
    for zone in memzones():
        assert any(s.addr <= zone.addr < s.addr + s.len for s in segments), zone


def test_affinity_is_put_back(eal: Eal):
    assert os.sched_getaffinity(0) == os.sched_getaffinity(1) or len(os.sched_getaffinity(0)) > 1


def test_pinned_pins_and_puts_back(eal: Eal):
    before = os.sched_getaffinity(0)
    with eal.pinned():
        assert os.sched_getaffinity(0) == eal.main_cpus == {min(before)}
    with pytest.raises(ZeroDivisionError), eal.pinned():
        raise ZeroDivisionError
    assert os.sched_getaffinity(0) == before


def test_only_the_main_lcore_pins(eal: Eal):
    with ThreadPoolExecutor(1) as threads, pytest.raises(RuntimeError, match="main lcore"):
        threads.submit(eal.pinned().__enter__).result()


def test_a_thread_pool_made_after_init_has_all_cpus(eal: Eal):
    with ThreadPoolExecutor(2) as threads:
        seen = {frozenset(s) for s in threads.map(os.sched_getaffinity, [0, 0])}
    assert seen == {frozenset(os.sched_getaffinity(0))}
    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(lcore.current).result() is None


def test_dpdk_logs_to_logging(eal: Eal, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.DEBUG, "dpdk"), pytest.raises(DpdkError) as caught:
        eal.add_device("net_nosuchdriver1")
    pydpdk.log.flush()
    assert ("dpdk.lib.eal", logging.ERROR) in {(r.name, r.levelno) for r in caplog.records}
    assert "net_nosuchdriver1" in caplog.text
    assert "net_nosuchdriver1" in str(caught.value)


def test_an_error_has_the_log_of_its_own_thread(eal: Eal):
    def fail(i: int) -> str:
        with pytest.raises(DpdkError) as caught:
            eal.add_device(f"net_nosuch{i}")
        return caught.value.log

    with ThreadPoolExecutor(4) as threads:
        for i, log in enumerate(threads.map(fail, range(20))):
            assert f"net_nosuch{i}" in log
            assert f"net_nosuch{i + 1}" not in log


# in a process of its own

REFUSED = [
    ({"lcores": "0,"}, "ends in a comma"),
    ({"lcores": ""}, "no lcore list"),
    ({"lcores": "x"}, "no lcore list"),
    ({"lcores": "0,0"}, "twice"),
    ({"lcores": "0@999"}, "CPU 999 is outside the CPUs that this process may use"),
    ({"lcores": 5}, "lcores=5"),
    ({"lcores": (float("inf"),)}, "lcores"),
    ({"main_lcore": 999}, "main_lcore=999: one of the lcores"),
    ({"main_lcore": "0"}, "main_lcore"),
    ({"main_lcore": False}, "main_lcore"),
    ({"hugepages": "yes"}, "one of 'auto', True, False"),
    ({"memory_mb": 0}, "memory_mb=0: 1 to"),
    ({"memory_mb": -1}, "memory_mb=-1"),
    ({"memory_mb": 1 << 40}, "memory_mb"),
    ({"memory_mb": True}, "memory_mb"),
    ({"memory_mb": (64, 64), "hugepages": False}, "nodes are not told apart"),
    ({"file_prefix": "a%b"}, "letters, digits"),
    ({"file_prefix": "a/b"}, "letters, digits"),
    ({"file_prefix": ""}, "letters, digits"),
    ({"file_prefix": "x" * 65}, "1 to 64"),
    ({"file_prefix": ".."}, "not a directory's"),
    ({"file_prefix": "é"}, "letters, digits"),
    ({"file_prefix": 5}, "file_prefix=5"),
    ({"file_prefix": None, "proc_type": "secondary"}, "prefix of the primary"),
    ({"proc_type": "tertiary"}, "one of 'primary'"),
    ({"proc_type": "secondary", "hugepages": False}, "a secondary shares hugepages"),
    ({"proc_type": "secondary", "in_memory": True}, "cannot attach to unnamed"),
    ({"in_memory": True, "hugepages": False}, "the EAL refuses both"),
    ({"in_memory": "yes"}, "in_memory='yes': a bool"),
    ({"iova_mode": "pv"}, "iova_mode"),
    ({"allow": ("01:00.0",), "block": ("02:00.0",)}, "the EAL takes one"),
    ({"allow": ("eth0",)}, "a PCI address"),
    ({"allow": "01:00.0"}, "a sequence of strings"),
    ({"block": ("01:00.0",), "pci": False}, "empty where `pci` is false"),
    ({"vdevs": ("net_null0", "net_null0,size=1")}, "one device of the name net_null0"),
    ({"vdevs": ("",)}, "driver and number first"),
    ({"vdevs": "net_null0"}, "a sequence of strings"),
    ({"vdevs": ("net_null0\0",)}, "a sequence of strings"),
    ({"vdevs": ("net_null0,size=\ud800",)}, "vdevs|surrogates"),
    ({"log_level": "loud"}, r"\[pattern:\]level"),
    ({"log_level": "help"}, r"\[pattern:\]level"),
    ({"log_level": 5}, "a string or"),
    ({"log_level": "lib.eal\0:debug"}, "log_level"),
    ({"base_virtaddr": 1}, "base_virtaddr=1: 0x10000 to"),
    ({"base_virtaddr": 1 << 47}, "base_virtaddr"),
    ({"telemetry": 1}, "telemetry=1: a bool"),
    ({"extra": ("-h",)}, "would exit the process"),
    ({"extra": ("--help",)}, "would exit"),
    ({"extra": ("--hel",)}, "would exit"),
    ({"extra": ("-vh",)}, "would exit"),
    ({"extra": ("--log-level", "help")}, "would exit"),
    ({"extra": ("--log-level=help",)}, "would exit"),
    ({"extra": ("-l", "0")}, "which have options here"),
    ({"extra": ("--lcores=0",)}, "which have options here"),
    ({"extra": ("--file-prefix=x",)}, "which have options here"),
    ({"extra": ("-c1",)}, "which have options here"),
    ({"extra": "-v"}, "a sequence of strings"),
    ({"extra": (5,)}, "a sequence of strings"),
]


@pytest.fixture
def unused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `init` believe that it was not called; an option that is refused never gets further."""
    monkeypatch.setattr(pydpdk_eal, "_state", "new")
    monkeypatch.setattr(
        pydpdk_eal, "_start", lambda *_: pytest.fail("the option was not refused", pytrace=False)
    )
    monkeypatch.setattr(pydpdk_eal.log, "redirect", lambda: None)


@pytest.mark.usefixtures("unused")
@pytest.mark.parametrize(("options", "what"), REFUSED, ids=lambda value: str(value)[:40])
def test_option_is_refused(options: dict[str, object], what: str):
    with pytest.raises(ValueError, match=what):
        pydpdk.init(**{"hugepages": True, **options})
    assert pydpdk_eal.state() == "new"


@pytest.mark.usefixtures("unused")
def test_all_refusals_come_at_once():
    with pytest.raises(ValueError, match=r"(?s)lcores=.*memory_mb=.*file_prefix=") as caught:
        pydpdk.init(lcores="x", memory_mb=0, file_prefix="a/b")
    assert len(str(caught.value).splitlines()) == 3


def test_an_option_that_does_not_exist():
    with pytest.raises(TypeError, match="hugepagez"):
        pydpdk.init(hugepagez=True)


def test_after_a_refusal_init_may_be_called_again(run_script):
    done = run_script("""
        import pydpdk.eal
        for bad in ({"lcores": "x"}, {"extra": ("--help",)}, {"memory_mb": 0}):
            try:
                init(**bad)
            except ValueError:
                print(pydpdk.eal.state())
        with init() as eal:
            print(pydpdk.eal.state())
        print(pydpdk.eal.state())
    """)
    assert done.stdout.split() == ["new"] * 3 + ["running", "dead"], done.stderr


def test_states_and_a_second_init_after_close(run_script):
    done = run_script("""
        import pydpdk.eal
        from pydpdk.errors import ClosedError, DpdkError
        try:
            Mempool.create("p", 127)
        except ClosedError as error:
            print(error)
        eal = init()
        pool = Mempool.create("p", 127, cache_size=0)
        eal.close()
        eal.close()
        for use in (init, lambda: pool.n, lambda: Burst(1), lambda: eal.add_device("net_null0")):
            try:
                use()
            except (ClosedError, DpdkError) as error:
                print(type(error).__name__, error)
        print(repr(eal).endswith("dead>"), pool.closed)
    """)
    lines = done.stdout.splitlines()
    assert lines[0] == "no EAL is running: call pydpdk.init() first", done.stderr
    assert "this one's is dead: EALREADY" in lines[1]
    assert "is used after it was closed" in lines[2]
    assert "has been closed" in lines[3]
    assert "has been closed" in lines[4]
    assert lines[5] == "True True"


FAIL = """
import json, sys
from pydpdk.errors import EalInitError
import logging
logging.basicConfig(stream=sys.stderr)
try:
    eal = init(**eval(sys.argv[1]))
    eal.close()
    print("started")
except EalInitError as error:
    print(type(error).__name__, error.errno, error)
    assert error.call == "rte_eal_init" and error.errno > 0
    assert not any("Success" in str(part) for part in (error, *error.lines))
"""

FAILURES = [
    ({"vdevs": ("nosuch0",)}, 19, ["ENODEV", "nosuch0", "is its PMD package installed"]),
    ({"vdevs": ("eth_dummy0",)}, 19, ["ENODEV", "eth_dummy0"]),
    ({"vdevs": ("net_af_packet0,iface=nosuch0",)}, 19, ["net_af_packet0", "nosuch0"]),
    ({"vdevs": ("net_pcap0,rx_pcap=none.pcap",)}, 19, ["net_pcap0", "none.pcap"]),
    ({"vdevs": ("net_null0,nosuch=1",)}, 19, ["net_null0"]),
    ({"extra": ("--nosuch",)}, 22, ["EINVAL", "unrecognized option '--nosuch'"]),
    ({"extra": ("--main-lcore", "9999")}, 22, ["EINVAL", "main-lcore"]),
    ({"extra": ("-n", "x")}, 22, ["EINVAL"]),
    ({"extra": ("--huge-dir=nowhere", "-m", "64"), "hugepages": True}, None, ["rte_eal_init"]),
    ({"lcores": "200@0"}, 22, ["EINVAL"]),
]


@pytest.mark.parametrize(("options", "number", "parts"), FAILURES, ids=lambda v: str(v)[:40])
def test_failure_says_why(run_script, options, number, parts, request):
    if "hugepages" in options and request.config.getoption("memory") != "hugepages":
        pytest.skip("about hugepages")
    done = run_script(FAIL, repr(options))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"EalInitError {number or ''}"), done.stdout + done.stderr
    for part in parts:
        assert part in done.stdout


@pytest.mark.hugepages
def test_more_memory_than_there_is(run_script):
    done = run_script(FAIL, repr({"memory_mb": 1 << 20}))
    assert done.stdout.startswith("EalInitError 12"), done.stdout + done.stderr
    assert "ENOMEM" in done.stdout


@pytest.mark.parametrize("memory_mb", [1 << 20, 1 << 22])
def test_without_hugepages_more_memory_than_there_is(run_script, memory_mb: int):
    """The EAL maps a terabyte without a word and then dies of it."""
    done = run_script(
        """
        try:
            init(memory_mb=int(__import__("sys").argv[1]), hugepages=False)
        except (ValueError, pydpdk.errors.EalInitError) as error:
            print("refused", error)
        """,
        memory_mb,
    )
    assert done.stdout.startswith("refused"), done.stderr


@pytest.mark.hugepages
def test_a_second_primary_of_the_same_prefix(run_script):
    done = run_script("""
        import subprocess, sys
        eal = init()
        code = f'''
        import pydpdk
        try:
            pydpdk.init(file_prefix={PREFIX!r}, hugepages=True, lcores=({LCORE},))
        except pydpdk.EalInitError as error:
            print(error.errno, error)
        '''
        import textwrap
        print(subprocess.run([sys.executable, "-c", textwrap.dedent(code)], text=True,
                             capture_output=True, check=True).stdout)
        Mempool.create("still_works", 127, cache_size=0).close()
        eal.close()
    """)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("16 "), done.stdout
    assert "Cannot create lock" in done.stdout
    assert "choose another name" in done.stdout


@pytest.mark.hugepages
def test_a_secondary_without_a_primary(run_script):
    done = run_script(FAIL, repr({"proc_type": "secondary"}))
    assert done.stdout.startswith("EalInitError"), done.stdout + done.stderr


def test_two_processes_have_prefixes_of_their_own(on_hugepages: bool):
    code = (
        "import pydpdk, os; eal = pydpdk.init("
        f"hugepages={on_hugepages}, lcores=(min(os.sched_getaffinity(0)),));"
        "print(eal.file_prefix, flush=True); input()"
    )
    pair = [
        subprocess.Popen(
            [os.sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    prefixes = {child.stdout.readline().strip() for child in pair}
    for child in pair:
        child.communicate("\n", timeout=20)
        assert child.returncode == 0
    assert len(prefixes - {""}) == 2
    for prefix in prefixes:
        assert pydpdk.host.runtime.leftovers(prefix) == []


ENDS = {
    "return": "",
    "exception": "raise ValueError('mine')",
    "sys.exit": "import sys; sys.exit(3)",
    "keyboard": "raise KeyboardInterrupt",
    "mbufs out": "burst.alloc(pool, 5)",
    "view alive": "burst.alloc(pool, 5, length=60); view = burst[0]; view[0] = 1",
    "array alive": "array = Memzone.reserve('z', 4096).array(); array[0] = 1",
    "ring of mbufs": "burst.alloc(pool, 5); Ring.create('r', 16, element='mbuf').tx(burst)",
    "port runs": "port.start(); port.rx[0].rx(burst)",
    "thread polls": (
        "port.start(); import threading\n"
        "def poll():\n"
        "    while True:\n"
        "        port.rx[0].rx(burst); burst.free()\n"
        "threading.Thread(target=poll, daemon=True).start(); import time; time.sleep(0.1)"
    ),
}


@pytest.mark.parametrize("closes", [True, False], ids=["with", "atexit"])
@pytest.mark.parametrize("end", ENDS)
def test_a_process_ends_and_leaves_nothing(run_script, end: str, closes: bool):
    body = (
        "pool = Mempool.create('p', 511, cache_size=0)\n"
        "burst = Burst(32)\n"
        "port = Port.lookup('net_null0'); port.configure(mempool=pool)\n" + ENDS[end]
    )
    code = "import warnings; warnings.simplefilter('ignore')\neal = init(vdevs=('net_null0',))\n"
    if closes:
        body = "with eal:\n" + "\n".join("    " + line for line in body.splitlines())
    done = run_script(code + body)
    expected = {"exception": {1}, "sys.exit": {3}, "keyboard": {-signal.SIGINT}}.get(end, {0})
    if closes and end in ("view alive", "array alive"):
        expected = {1}
    if closes and end == "thread polls":
        expected = {0, 1}  # BusyError, where the thread is inside just then
    assert done.returncode in expected, done.stderr
    if end == "exception":
        assert done.stderr.rstrip().endswith("ValueError: mine")


def test_close_refuses_while_views_are_alive_and_then_closes(run_script):
    done = run_script("""
        from pydpdk.errors import InUseError
        eal = init()
        pool, burst = Mempool.create("p", 127, cache_size=0), Burst(4)
        burst.alloc(pool, length=60)
        view = burst[0]
        try:
            eal.close()
        except InUseError as error:
            print(error)
        view[:] = 5
        assert burst.bytes(0) == bytes([5]) * 60
        del view
        burst.free()
        eal.close()
        assert pool.closed and burst.closed
    """)
    assert done.returncode == 0, done.stderr
    assert "numpy view" in done.stdout


def test_after_a_fork_the_child_is_refused(run_script):
    """What a child would touch is its parent's, shared."""
    done = run_script("""
        import os, warnings
        from pydpdk.errors import ClosedError, DpdkError
        import numpy as np
        eal = init(vdevs=("net_ring0",))
        pool, burst = Mempool.create("p", 511, cache_size=0), Burst(4)
        values, mbufs = Ring.create("v", 16), Ring.create("m", 16, element="mbuf")
        zone = Memzone.reserve("z", 64)
        port = Port.lookup("net_ring0")
        port.configure(mempool=pool)
        port.start()
        burst.alloc(pool, length=60)
        mbuf, queue = burst.mbuf(0), port.rx[0]
        uses = dict(
            alloc=lambda: burst.alloc(pool), n=lambda: pool.in_use_count, free=burst.free,
            enqueue=lambda: values.enqueue_bulk(np.zeros(1, np.uint64)),
            tx=lambda: mbufs.tx(burst), rx=lambda: queue.rx(burst), stop=port.stop,
            start=port.start, stats=lambda: port.stats, array=zone.array,
            reserve=lambda: Memzone.reserve("y", 64), add=lambda: eal.add_device("net_null5"),
            lookup=lambda: Mempool.lookup("p"), mbuf=lambda: mbuf.append(1),
            new=lambda: Burst(1), init=init, lengths=lambda: burst.lengths,
        )
        pid = os.fork()
        if pid == 0:
            code = 0
            for name, use in uses.items():
                try:
                    use()
                    print("not refused:", name, flush=True)
                    code = 1
                except (ClosedError, DpdkError):
                    pass
            for owner in (burst, values, mbufs, port, pool, zone, eal):
                owner.close()
            os._exit(code)
        status = os.waitpid(pid, 0)[1]
        print("child", status)
        assert pool.in_use_count == 4 and burst.free() == 4
        assert port.rx[0].rx(burst) == 0 and zone.array()[0] == 0
        eal.close()
    """)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "child 0\n"


def test_a_forked_child_that_exits_normally_leaves_the_parent_alone(run_script):
    done = run_script("""
        import os, sys
        eal = init()
        pool = Mempool.create("p", 127, cache_size=0)
        pid = os.fork()
        if pid == 0:
            sys.exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        assert eal.runtime_dir.exists()
        with Burst(4) as burst:
            burst.alloc(pool)
            burst.free()
        eal.close()
    """)
    assert done.returncode == 0, done.stderr


def test_multiprocessing_with_spawn_works(run_script):
    done = run_script("""
        import multiprocessing
        eal = init()
        with multiprocessing.get_context("spawn").Pool(1) as workers:
            print(workers.apply(abs, (-5,)))
        eal.close()
    """)
    assert done.stdout == "5\n", done.stderr


def test_subprocesses_started_after_init_have_all_cpus(run_script):
    done = run_script("""
        import subprocess, sys, os
        before = os.sched_getaffinity(0)
        eal = init()
        assert os.sched_getaffinity(0) == before
        code = "import os; print(sorted(os.sched_getaffinity(0)))"
        seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
        assert eval(seen) == sorted(before), seen
        eal.close()
    """)
    assert done.returncode == 0, done.stderr


def test_a_dpdk_of_another_release_is_a_version_error(run_script, tmp_path):
    done = run_script("""
        import importlib, sys
        from pydpdk import version
        from pydpdk.errors import VersionError
        version.RUNNING = "23.11.0"
        try:
            version.check()
        except VersionError as error:
            assert isinstance(error, ImportError)
            print(error)
    """)
    assert f"compiled against DPDK {pydpdk.version.COMPILED}" in done.stdout, done.stderr
    assert "runs on DPDK 23.11.0" in done.stdout


def test_another_libdpdk_at_import_is_a_version_error(run_script, tmp_path):
    """A library in front that says another version: what the import itself makes of it."""
    source = tmp_path / "version.c"
    source.write_text('const char *rte_version(void) { return "DPDK 23.11.1"; }\n')
    library = tmp_path / "version.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    done = run_script("", LD_PRELOAD=str(library))
    assert done.returncode == 1
    assert "VersionError: pydpdk was compiled against DPDK" in done.stderr
    assert "23.11.1" in done.stderr


def test_few_file_descriptors_are_refused_first(run_script):
    """The EAL would panic on EMFILE."""
    done = run_script("""
        import resource, pydpdk.eal
        resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
        try:
            init()
        except ValueError as error:
            print(pydpdk.eal.state(), error)
    """)
    assert done.stdout.startswith("new "), done.stderr
    assert "file descriptors" in done.stdout


def test_cpus_outside_the_affinity_are_refused_first(run_script):
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        pytest.skip("needs two CPUs")
    done = run_script(f"""
        import os, pydpdk.eal
        os.sched_setaffinity(0, [{cpus[0]}])
        try:
            init(lcores="{cpus[1]}")
        except ValueError as error:
            print(pydpdk.eal.state(), error)
        eal = init(lcores=None)
        print(eal.main_cpus)
        eal.close()
    """)
    assert done.stdout.startswith("new "), done.stderr
    assert "outside the CPUs" in done.stdout
    assert f"frozenset({{{cpus[0]}}})" in done.stdout


def test_two_lcores_on_one_cpu_and_one_that_floats(run_script):
    cpu = min(os.sched_getaffinity(0))
    done = run_script(f"""
        from pydpdk import lcore
        with init(lcores="5@{cpu},7@{cpu}", main_lcore=7):
            print([(one.lcore_id, one.main) for one in lcore.walk()], lcore.current())
    """)
    assert done.stdout == "[(5, False), (7, True)] 7\n", done.stderr


def test_auto_without_hugepages_is_loud(run_script):
    done = run_script("""
        from pydpdk.host import hugepages
        gone = hugepages.Availability(False, 0, "None is reserved.")
        hugepages.available = lambda *args, **options: gone
        with init(hugepages="auto") as running:
            print(running.hugepages)
    """)
    assert done.stdout == "False\n", done.stderr
    assert "running without hugepages: None is reserved." in done.stderr


@pytest.mark.parametrize("handler", ["raises", "closes"])
def test_a_log_handler_that_misbehaves_does_no_harm(run_script, handler: str):
    body = {"raises": "1 / 0", "closes": "record.args = (); record.msg = 'x'"}[handler]
    done = run_script(f"""
        import logging
        class Handler(logging.Handler):
            def emit(self, record):
                {body}
        logging.getLogger("dpdk").addHandler(Handler())
        try:
            eal = init()
        except ZeroDivisionError:
            print("raised")
        Mempool.create("p", 127, cache_size=0).close()
    """)
    assert done.stdout == "", done.stderr


def test_threads_that_close_at_once_close_once(run_script):
    done = run_script("""
        import threading
        eal = init(vdevs=("net_null0",))
        pools = [Mempool.create(f"p{i}", 127, cache_size=0) for i in range(20)]
        go = threading.Barrier(8)
        def close():
            go.wait()
            for pool in pools:
                pool.close()
            eal.close()
        threads = [threading.Thread(target=close) for _ in range(8)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        print(all(pool.closed for pool in pools))
    """)
    assert done.stdout == "True\n", done.stderr
    assert done.returncode == 0, done.stderr


def test_closed_says_so_in_another_thread(eal: Eal):
    """`current` is of the process, not of the thread."""
    found: list[Eal] = []
    thread = threading.Thread(target=lambda: found.append(pydpdk_eal.current()))
    thread.start()
    thread.join()
    assert found == [eal]
    assert ClosedError.__mro__[1] is RuntimeError
