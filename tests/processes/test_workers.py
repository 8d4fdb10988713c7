"""`workers:` of a file: functions in their own processes, with the file open."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pydpdk.config.load import loads
from pydpdk.errors import ConfigError
from pydpdk.host import hugepages

pytestmark = pytest.mark.hugepages
CPU = min(os.sched_getaffinity(0))
FUNCTIONS = """
import os, time
from pydpdk import Burst

def receive(app):
    return move(app, app.ports["source"].rx_queues[0].rx, app.rings["work"].tx)

def send(app):
    return move(app, app.rings["work"].rx, app.ports["sink"].tx_queues[0].tx)

def move(app, get, put):
    moved = 0
    with Burst(32) as burst:
        while app.running:
            get(burst)
            while burst and app.running:
                moved += put(burst)
        burst.free()
    return moved

def kinds(app):
    pool, ring = app.mempools["packets"], app.rings["work"]
    return pool.ops_name, str(ring.producer), str(app.eal.proc_type)

def fail(app):
    raise LookupError("no such thing")

def die(app):
    os.kill(os.getpid(), 9)
"""
FILE = """
eal: {{hugepages: true, lcores: "0@{cpu}"}}
mempools: {{packets: {{n: 2047}}}}
rings: {{work: {{size: 256, element: mbuf}}}}
ports:
  source: {{device: "net_null0,size=64"}}
  sink: {{device: "net_null1,no-rx=1"}}
workers: {{{workers}}}
"""


def run(directory: Path, workers: str, seconds: float = 1) -> tuple[int, dict, str]:
    (directory / "functions.py").write_text(FUNCTIONS)
    (directory / "file.yaml").write_text(FILE.format(cpu=CPU, workers=workers))
    before = files()
    done = subprocess.run(
        [sys.executable, "-m", "pydpdk", "run", "file.yaml", "--duration", str(seconds), "--json"],
        cwd=directory, capture_output=True, text=True, timeout=90,
    )  # fmt: skip
    assert files() <= before
    return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr


def files() -> set[Path]:
    places = [Path(mount.path) for mount in hugepages.read_mounts()]
    return {file for place in places for file in place.glob("pydpdk-*")}


def test_two_workers_pass_packets_by_pointer(tmp_path: Path) -> None:
    code, report, errors = run(
        tmp_path, "rx: {python: 'functions:receive'}, tx: {python: 'functions:send'}", 3
    )
    assert code == 0, errors
    moved = {name: int(worker["result"]) for name, worker in report["workers"].items()}
    assert {worker["state"] for worker in report["workers"].values()} == {"done"}
    assert moved["rx"] >= moved["tx"] > 0
    assert report["ports"]["sink"]["tx_packets"] == moved["tx"]
    assert report["mempools"]["packets"]["in_use"] <= 256  # in the ring


def test_pools_and_rings_of_workers_survive_a_death(tmp_path: Path) -> None:
    code, report, errors = run(tmp_path, "one: {python: 'functions:kinds'}")
    assert code == 0, errors
    assert report["workers"]["one"]["result"] == "('lf_stack', 'hts', 'secondary')"


def test_the_run_reports_a_worker_that_raises_or_dies_and_fails(tmp_path: Path) -> None:
    code, report, errors = run(
        tmp_path,
        "bad: {python: 'functions:fail'}, dead: {python: 'functions:die', restarts: 1}",
    )
    assert code == 1, errors
    bad, dead = report["workers"]["bad"], report["workers"]["dead"]
    assert (bad["state"], bad["result"]) == ("failed", "LookupError: no such thing")
    assert (dead["state"], dead["restarted"]) == ("dead", 1)
    assert "SIGKILL" in dead["result"]


def test_a_missing_function_is_an_error_with_its_line(tmp_path: Path) -> None:
    code, _, errors = run(tmp_path, "one: {python: 'functions:none'}")
    assert code == 2
    assert "file.yaml:8: workers.one.python" in errors


@pytest.mark.parametrize(
    ("worker", "says"),
    [
        ("{}", "python: missing"),
        ("{python: f}", "'module:function'"),
        ("{python: 'm:f', restarts: -1}", "restarts: -1"),
        ("{python: 'm:f', lcores: x}", "lcores: 'x'"),
    ],
)
def test_invalid_workers_raise(worker: str, says: str) -> None:
    with pytest.raises(ConfigError, match=r"workers\.one") as error:
        loads(f"workers: {{one: {worker}}}")
    assert says in str(error.value)
