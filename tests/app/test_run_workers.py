"""`app: {worker: ...}`: launched on its lcores, in the final table, its errors reported."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from children import Child

from pydpdk.config.load import loads
from pydpdk.config.plan import make_plan
from pydpdk.errors import ConfigError
from pydpdk.host import runtime

ROOT = Path(__file__).parents[2]
MODULE = """
from pydpdk import lcore, worker

@worker
def forward(hops, burst, counters):
    counters[7] = len(hops)
    while lcore.running():
        for rxq, txq in hops:
            counters[0] += rxq.rx(burst)
            txq.tx(burst)
            counters[1] += burst.free()

@worker
def raises(hops, burst, counters):
    while lcore.running():
        for rxq, txq in hops:
            counters[0] += rxq.rx(burst)
            if counters[0] > 1000:
                raise ValueError("that is enough")
            burst.free()

@worker
def cannot(hops, burst, counters):
    return burst.frobnicate()

def plain(app):
    pass
"""
PORTS = """
mempools: {packets: {n: 2047}}
ports:
  p0: {device: net_null0, nb_rx_queues: 2, nb_tx_queues: 2}
  p1: {device: net_null1, nb_rx_queues: 2, nb_tx_queues: 2}
"""


@pytest.fixture
def run(tmp_path, on_hugepages, children):
    """Run a file with one app, with three lcores and our module beside it."""
    Path(tmp_path, "mine.py").write_text(MODULE)
    cpu = min(os.sched_getaffinity(0))
    prefix = f"workers-{tmp_path.name}"[:60]

    def run(app: dict, *options: str) -> Child:
        data = yaml.safe_load(PORTS) | {"app": app}
        data["eal"] = {
            "hugepages": on_hugepages, "file_prefix": prefix,
            "lcores": f"0@{cpu},1@{cpu},2@{cpu}",
        }  # fmt: skip
        (tmp_path / "file.yaml").write_text(yaml.safe_dump(data))
        command = [sys.executable, "-m", "pydpdk", "run", "file.yaml", *options]
        return children.start(command, cwd=tmp_path)

    yield run
    assert runtime.leftovers(prefix) == []


def test_workers_share_the_queues_and_are_in_the_report(run):
    done = run({"worker": "mine:forward"}, "--duration", "0.5", "--json").finish()
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert set(report["lcores"]) == {"lcore 1", "lcore 2"}
    for one in report["lcores"].values():
        assert one["counters"][0] == one["rx_packets"] > 0
        assert one["counters"][1] == one["rx_packets"] - one["tx_packets"] == 0
        assert one["counters"][7] == 2
    received = sum(port["rx_packets"] for port in report["ports"].values())
    assert 0 < received <= sum(one["rx_packets"] for one in report["lcores"].values())
    assert report["mempools"]["packets"]["in_use"] == 0


def test_ctrl_c_ends_them_and_the_table_has_a_line_for_each(run):
    app = {"worker": "mine:forward", "lcores": [2], "queues": [["p0", 1, "p0", 0]], "burst": 8}
    process = run(app)
    process.lines_until("pps")
    process.signal(signal.SIGINT)
    done = process.finish()
    assert done.returncode == 0, done.stderr
    assert "its counters" in done.stdout
    assert "lcore 2" in done.stdout
    assert "lcore 1" not in done.stdout
    assert "0 of 2,047 mbufs in use" in done.stdout


@pytest.mark.parametrize(
    ("target", "code", "message"),
    [
        ("mine:raises", 1, "that is enough"),
        ("mine:cannot", 2, "mine.py:"),
        ("mine:cannot", 2, "app.worker"),
        ("mine:plain", 2, "mark it with @pydpdk.worker"),
        ("mine:absent", 2, "app.worker: 'mine:absent'"),
        ("missing:here", 2, "No module named 'missing'"),
    ],
)
def test_errors_are_reported(run, target: str, code: int, message: str):
    done = run({"worker": target}, "--duration", "5").finish()
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_the_example_runs(command, tmp_path):
    done = subprocess.run(
        command("worker.yaml", "--duration", "0.3", "--json"),
        capture_output=True, text=True, timeout=60, cwd=ROOT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    workers = json.loads(done.stdout)["lcores"].values()
    assert sum(one["counters"][0] for one in workers) > 0


FAULTS = {
    "queues: [[p0, 0, p9, 0]]": "app.queues.0.2: 'p9'",
    "queues: [[p0, 2, p1, 0]]": "less than nb_rx_queues of p0, 2",
    "queues: [[p0, 0, p1, 5]]": "less than nb_tx_queues of p1, 2",
    "queues: [[p0, 0, p1, 0], [p0, 0, p1, 1]]": "each rx queue once",
    "queues: [[p0, 0]]": "app.queues",
    "lcores: [0]": "not the main one",
    "lcores: [7]": "one of eal.lcores: 0, 1, 2",
    "lcores: [1, 1]": "each lcore once",
    "burst: 0": "app.burst",
}


@pytest.mark.parametrize("keys", FAULTS)
def test_faults_of_the_file_are_found_before_anything_starts(keys: str):
    text = f"eal: {{lcores: '0-2'}}\n{PORTS}app: {{worker: 'm:f', {keys}}}\n"
    with pytest.raises(ConfigError) as caught:
        loads(text)
    assert FAULTS[keys] in str(caught.value).replace("[", ".").replace("]", "")


def test_a_fault_names_file_line_key_value_and_what_is_allowed(run):
    done = run({"worker": "mine:forward", "queues": [["p0", 0, "p9", 0]]}).finish()
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert any(
        line.startswith("file.yaml:")
        and "app.queues[0][2]: 'p9', allowed: one of the ports" in line
        for line in lines
    ), done.stderr


def test_queues_belong_to_a_worker():
    with pytest.raises(ConfigError, match="only with worker"):
        loads(f"{PORTS}app: {{drop: {{}}, lcores: [1]}}\n")
    with pytest.raises(ConfigError, match="beside the main one"):
        loads(f"eal: {{lcores: '0'}}\n{PORTS}app: {{worker: 'm:f'}}\n")
    with pytest.raises(ConfigError, match="do not pair themselves"):
        loads("mempools: {p: {n: 63}}\nports: {p0: {device: net_null0}}\napp: {worker: 'm:f'}\n")


def test_hops_that_share_a_tx_queue_share_an_lcore():
    queues = "[[p0, 0, p1, 0], [p1, 0, p0, 0], [p0, 1, p1, 0], [p1, 1, p0, 1]]"
    text = f"eal: {{lcores: '0@0,1@0,2@0'}}\n{PORTS}app: {{worker: 'm:f', queues: {queues}}}\n"
    plan = make_plan(loads(text))
    assert [poll.lcore for poll in plan.polls] == [1, 2, 1, 1]
    (pool,) = plan.pools
    assert pool.caches == 2 * 384
