"""A signal at the start or the end leaves no file, and shows no traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pydpdk.host import runtime

ROOT = Path(__file__).parents[2]
ENDING = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]

# signals this process at the first log line of rte_eal_init, which still runs then
AT_FIRST_LINE = """\
import logging, os, signal, sys
if signal.getsignal({number}) is signal.SIG_IGN:  # inherited from nohup
    signal.signal({number}, signal.SIG_DFL)

class AtFirstLine(logging.Handler):
    sent = False
    def emit(self, record):
        if not self.sent:
            self.sent = True
            os.kill(os.getpid(), {number})
            {more}

logging.getLogger("dpdk").addHandler(AtFirstLine())
logging.getLogger("dpdk").setLevel(logging.DEBUG)
"""


def test_init_raises_on_ctrl_c_and_nothing_runs(run_script):
    done = run_script(
        AT_FIRST_LINE.format(number=int(signal.SIGINT), more="")
        + """
try:
    init(log_level="debug")
except KeyboardInterrupt:
    print("raised", pydpdk.eal.state())
"""
    )
    assert done.stdout == "raised dead\n", done.stderr


def test_a_handler_that_does_not_raise_runs_after_init(run_script):
    done = run_script(
        AT_FIRST_LINE.format(number=int(signal.SIGUSR1), more="")
        + """
states = []
signal.signal(signal.SIGUSR1, lambda *_: states.append(str(pydpdk.eal.state())))
with init(log_level="debug"):
    print(states)
"""
    )
    assert done.stdout == "['running']\n", done.stderr


def test_ctrl_c_during_close_is_raised_afterwards(run_script):
    done = run_script("""
import signal
from pydpdk.host import runtime
eal = init()
leave = eal._leave
def interrupted(unmap):
    signal.raise_signal(signal.SIGINT)
    leave(unmap)
    print("left", runtime.leftovers(PREFIX))
eal._leave = interrupted
try:
    eal.close()
except KeyboardInterrupt:
    print("raised", pydpdk.eal.state())
""")
    assert done.stdout == "left []\nraised dead\n", done.stderr


def test_a_late_ctrl_c_of_an_ending_process_is_not_shown(run_script):
    done = run_script("""
import signal
eal = init()
leave = eal._leave
def interrupted(unmap):
    signal.raise_signal(signal.SIGINT)
    leave(unmap)
eal._leave = interrupted
""")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_within_rte_eal_init_ends_run(tmp_path, on_hugepages, number):
    prefix = f"test-{os.getpid()}-{number.name}"
    file = tmp_path / "a.yaml"
    file.write_text(
        f"eal: {{file_prefix: {prefix}, hugepages: {on_hugepages}, log_level: debug}}\n"
        "mempools: {packets: {n: 511}}\n"
        "ports: {p0: {device: net_null0, mempool: packets}}\n"
        "app: {drop: {}}\n"
    )
    code = AT_FIRST_LINE.format(number=int(number), more="") + (
        f"sys.argv = ['pydpdk', 'run', {str(file)!r}]\nfrom pydpdk.cli import main\nmain()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 128 + number, done.stderr
    assert "Traceback" not in done.stderr
    assert "ended by a signal" in done.stderr
    assert runtime.leftovers(prefix) == []


@pytest.mark.hugepages
@pytest.mark.parametrize("to", [[], ["--group"]])
def test_signals_at_many_moments_leave_nothing(to):
    """A short run of the campaign; its moments are random."""
    script = ROOT / "scripts/tools/signal_moments"
    command = [sys.executable, script, "--moments", "2", "--within", "4"]
    done = subprocess.run(
        [*command, "--kinds", "run", "workers", *to],
        capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
