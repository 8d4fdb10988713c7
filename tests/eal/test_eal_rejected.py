"""Options that raise before the EAL starts, and how the EAL itself fails."""

import pytest

import pydpdk
from pydpdk.eal import lifecycle

REJECTED = [
    ({"lcores": "0,"}, "ends in a comma"),
    ({"lcores": ""}, "no lcore list"),
    ({"lcores": "x"}, "no lcore list"),
    ({"lcores": "0,0"}, "twice"),
    ({"lcores": "0@999"}, "CPU 999 is outside the CPUs that this process may use"),
    ({"lcores": 5}, "lcores=5"),
    ({"lcores": "1024@0"}, r"lcores=.1024@0.: lcores from 0 to \d+ \(RTE_MAX_LCORE - 1\)"),
    ({"vdevs": ("net_null0,nosuch=1",)}, "arguments of net_null: size, copy, no-rx; 'nosuch' is"),
    ({"vdevs": ("net_pcap0,rx_pcap=a=b",)}, "no '=' or ',' in a value"),
    ({"lcores": (float("inf"),)}, "lcores"),
    ({"main_lcore": 999}, "main_lcore=999: one of the lcores"),
    ({"main_lcore": "0"}, "main_lcore"),
    ({"main_lcore": False}, "main_lcore"),
    ({"hugepages": "yes"}, "one of 'auto', True, False"),
    ({"memory_mb": 0}, "memory_mb=0: 1 to"),
    ({"memory_mb": -1}, "memory_mb=-1"),
    ({"memory_mb": 1 << 40}, "memory_mb"),
    ({"memory_mb": True}, "memory_mb"),
    ({"memory_mb": ()}, r"memory_mb=\(\): 1 to"),
    ({"memory_mb": (64, 64), "hugepages": False}, "one number without hugepages"),
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
    ({"in_memory": True, "hugepages": False}, "the EAL rejects both"),
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
    """Make `init` believe that it was not called; an option that raises never gets further."""
    monkeypatch.setattr(lifecycle, "state", lambda: "new")
    monkeypatch.setattr(
        lifecycle, "settle", lambda *_, **__: pytest.fail("it took a registration", pytrace=False)
    )
    monkeypatch.setattr(
        lifecycle, "_start", lambda *_: pytest.fail("the option was not rejected", pytrace=False)
    )
    monkeypatch.setattr(lifecycle.log, "redirect", lambda: None)


@pytest.mark.usefixtures("unused")
@pytest.mark.parametrize(("options", "what"), REJECTED, ids=lambda value: str(value)[:40])
def test_an_invalid_option_raises(options: dict[str, object], what: str):
    with pytest.raises(ValueError, match=what):
        pydpdk.init(**{"hugepages": True, **options})


@pytest.mark.usefixtures("unused")
def test_all_invalid_options_are_reported_at_once():
    with pytest.raises(ValueError, match=r"(?s)lcores=.*memory_mb=.*file_prefix=") as caught:
        pydpdk.init(lcores="x", memory_mb=0, file_prefix="a/b")
    assert len(str(caught.value).splitlines()) == 3


def test_an_option_that_does_not_exist():
    with pytest.raises(TypeError, match="hugepagez"):
        pydpdk.init(hugepagez=True)


def test_after_an_invalid_option_init_may_be_called_again(run_script):
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
        for use in (init, lambda: pool.capacity, lambda: Burst(1),
                    lambda: eal.add_device("net_null0")):
            try:
                use()
            except (ClosedError, DpdkError) as error:
                print(type(error).__name__, error)
        print(repr(eal).endswith("dead>"), pool.closed)
    """)
    lines = done.stdout.splitlines()
    assert lines[0] == "no EAL is running: call pydpdk.init() first", done.stderr
    assert "the EAL of this process has been closed: EALREADY" in lines[1]
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

# 25.11 has another parser: for an invalid main lcore it only says that parsing failed
NEW_PARSER = tuple(map(int, pydpdk.version.RUNNING.split(".")[:2])) >= (25, 11)
UNKNOWN = "unknown argument" if NEW_PARSER else "unrecognized option"
NOSUCH = "--nosuch" if NEW_PARSER else "'--nosuch'"
MAIN_LCORE = "Error parsing command line arguments" if NEW_PARSER else "main-lcore"

FAILURES = [
    ({"vdevs": ("nosuch0",)}, 19, ["ENODEV", "nosuch0", "is its PMD package installed"]),
    ({"vdevs": ("eth_dummy0",)}, 19, ["ENODEV", "eth_dummy0"]),
    ({"vdevs": ("net_af_packet0,iface=nosuch0",)}, 19, ["net_af_packet0", "nosuch0"]),
    ({"vdevs": ("net_pcap0,rx_pcap=none.pcap",)}, 19, ["net_pcap0", "none.pcap"]),
    ({"extra": ("--nosuch",)}, 22, ["EINVAL", f"{UNKNOWN} {NOSUCH}"]),
    ({"extra": ("--main-lcore", "9999")}, 22, ["EINVAL", MAIN_LCORE]),
    ({"extra": ("--no-shconf", "--no-shconf=1")}, 22, ["EINVAL", "--no-shconf"]),
    ({"extra": ("-n", "x")}, 22, ["EINVAL"]),
    ({"extra": ("--huge-dir=nowhere", "-m", "64"), "hugepages": True}, None, ["rte_eal_init"]),
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
    """The EAL maps a terabyte without an error and then crashes."""
    done = run_script(
        """
        try:
            init(memory_mb=int(__import__("sys").argv[1]), hugepages=False)
        except (ValueError, pydpdk.errors.EalInitError) as error:
            print("rejected", error)
        """,
        memory_mb,
    )
    assert done.stdout.startswith("rejected"), done.stderr


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
    assert "no DPDK program runs with file prefix" in done.stderr, done.stdout + done.stderr
