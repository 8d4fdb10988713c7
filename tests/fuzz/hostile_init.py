"""Start an EAL with bad values, each call in its own process; run by test_sweep.py.

hostile_init.py <part> <parts>
"""

from __future__ import annotations

import contextlib
import faulthandler
import functools
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import typer
from hostile_values import PLAIN
from sweep_targets import OWN_PROCESS, Target, found, reason

import pydpdk
from pydpdk.config.load import loads
from pydpdk.config.plan import make_plan

DOCUMENTED = (
    ValueError, TypeError, OSError, RuntimeError, BufferError, IndexError, OverflowError,
    AttributeError,  # for a path or options of a wrong type
    typer.BadParameter,  # raised by commands, shown to the user
)  # fmt: skip
PREFIX = os.environ["TEST_PREFIX"]
PRIMARY = f"{PREFIX}-primary"
"""Prefix of the primary that `attach` finds."""
HUGEPAGES = os.environ["TEST_MEMORY"] == "hugepages"
LCORE = min(os.sched_getaffinity(0))
FILE = f"""\
eal: {{file_prefix: {PREFIX}, hugepages: {str(HUGEPAGES).lower()}, lcores: [{LCORE}]}}
mempools: {{packets: {{n: 127}}}}
ports: {{p0: {{device: net_null0}}}}
app: {{forward: {{pairs: [[p0, p0]]}}}}
"""
OPTIONS = [
    "lcores", "main_lcore", "hugepages", "memory_mb", "file_prefix", "proc_type", "iova_mode",
    "in_memory", "single_file_segments", "allow", "block", "pci", "vdevs", "log_level",
    "telemetry", "base_virtaddr", "extra", "options",
]  # fmt: skip
ARGUMENTS = [
    "-h", "--help", "-v", "-vh", "-", "--", "---", "-x", "--no-huge", "--no-huge=1", "-m", "-m0",
    "-m-1", "-m99999999999", "-n0", "-r99", "--log-level", "--log-level=", "--log-level=help",
    "--log-level=:::", "--socket-mem=1,2,3,4,5,6,7,8,9", "--socket-limit=x", "--vdev", "--vdev=",
    "--vdev=,", "--vdev=net_null0,size=", "--vdev=net_null0,,,,", "--vdev=net_pcap0",
    "--iova-mode=x", "--main-lcore=-1", "--main-lcore=999", "--proc-type=x", "--huge-dir=/",
    "--huge-dir=", "--base-virtaddr=0", "--base-virtaddr=x", "--base-virtaddr=0xffffffffffffffff",
    "--legacy-mem", "--in-memory", "--match-allocations", "--huge-unlink=x", "--no-shconf",
    "--single-file-segments", "--create-uio-dev", "--force-max-simd-bitwidth=7", "--no-hpet",
    "--vmware-tsc-map", "--mbuf-pool-ops-name=nope", "--syslog=x", "--vfio-intr=x", "-dnope.so",
    "-a", "-ax", "-bx", "--huge-worker-stack=-1", "--trace-bufsz=x", "--vfio-vf-token=x",
    "e" * 4096,
]  # fmt: skip


def inits() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield options of `init`, each with a bad value."""
    for i, option in enumerate(OPTIONS):
        for value in PLAIN[i % 2 :: 2]:
            yield f"{option}={value!r:.60}", {option: value}
            if option in ("allow", "block", "vdevs", "extra", "lcores", "log_level", "memory_mb"):
                yield f"{option}=({value!r:.60},)", {option: (value,)}
    for argument in ARGUMENTS:
        yield f"extra=({argument!r:.60},)", {"extra": (argument,)}


GOOD: dict[str, Callable[[], Any]] = {
    "file": lambda: Path("good.yaml"), "path": lambda: "good.yaml",
    "file_prefix": lambda: "no-such-prefix", "lcores": lambda: f"{LCORE}",
    "config": lambda: loads(FILE), "plan": lambda: make_plan(loads(FILE)),
    "duration": lambda: 0.01, "as_json": lambda: True,
}  # fmt: skip


def others() -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield the other callables that start an EAL (commands, attach ...), with one bad argument."""
    for target in found():
        if reason(target.name) != OWN_PROCESS or target.name == "eal.lifecycle.init":
            continue
        if target.name == "cli.main":
            words = [v for v in PLAIN if isinstance(v, str)] + ["run", "plan", "memory", "schema"]
            yield from ((f"main {w!r:.60}", functools.partial(command, w)) for w in words)
        for i, parameter in enumerate(target.parameters):
            for value in PLAIN[i % 3 :: 3]:
                if parameter.name == "duration" and not lasts(value):
                    continue
                call = functools.partial(invoke, target, parameter.name, value)
                yield f"{target.name}: {parameter.name}={value!r:.60}", call


def lasts(value: object) -> bool:
    """Whether a run of that many seconds ends soon, or is rejected."""
    return value is not None and not (isinstance(value, int | float | np.number) and value > 0.1)


def invoke(target: Target, name: str, value: object) -> None:
    chosen = {
        p.name: GOOD[p.name]()
        for p in target.parameters
        if (p.default is p.empty or p.name == "duration") and p.kind is not p.VAR_KEYWORD
    }
    if target.name == "process.attach.attach" and HUGEPAGES:
        chosen["file_prefix"] = PRIMARY
    if target.name == "cli.memory.memory":
        chosen |= {"file": Path("good.yaml"), "as_json": True}
    result = target.call(**{**chosen, name: value})
    with result if hasattr(result, "__enter__") else contextlib.nullcontext():
        pass


def command(*words: str) -> None:
    sys.argv = ["pydpdk", *words]
    try:
        pydpdk.cli.main()
    except SystemExit as ended:
        if ended.code not in (0, 1, 2):
            raise RuntimeError from ended


def attempt(what: str, call: Callable[[], Any]) -> None:
    """Make one call; report an exception that is not documented."""
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()
    faulthandler.dump_traceback_later(30, exit=True)
    quiet = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    try:
        call()
    except DOCUMENTED:
        pass
    except Exception as error:
        os.write(quiet, f"UNDOCUMENTED {what}: {error!r}\n".encode(errors="replace"))


@contextlib.contextmanager
def primary() -> Iterator[None]:
    """Run a primary to attach to, where possible."""
    if not HUGEPAGES:
        yield
        return
    program = (
        "import sys, pydpdk\n"
        f"with pydpdk.init(file_prefix={PRIMARY!r}, lcores='20@{LCORE}'):\n"
        "    print('up', flush=True)\n"
        "    sys.stdin.read()"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        running.stdout.readline()  # type: ignore[union-attr]
        yield
        assert running.poll() is None  # it runs, whatever it was asked to do
        running.communicate()


def run(part: int, parts: int) -> int:
    calls = [(f"init {w}", functools.partial(start, o)) for w, o in inits()] + list(others())
    for what, call in calls[part::parts]:
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            attempt(what, call)
            os._exit(7)
        status = os.waitpid(pid, 0)[1]
        if status != 7 << 8:
            sys.stdout.write(f"DIED {what}: {status}\n")
    return len(calls[part::parts])


def start(options: dict[str, Any]) -> None:
    chosen = {"file_prefix": PREFIX, "hugepages": HUGEPAGES, "lcores": (LCORE,), **options}
    # a valid name would start an EAL that the test does not clean up
    if "file_prefix" in options and isinstance(options["file_prefix"], str | None):
        chosen["file_prefix"] = f"{PREFIX}{options['file_prefix'] or '%'}"
    pydpdk.init(**chosen).close()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    faulthandler.enable()
    Path("good.yaml").write_text(FILE)
    with primary():
        called = run(int(sys.argv[1]), int(sys.argv[2]))
    sys.stdout.write(f"DONE {called}\n")
