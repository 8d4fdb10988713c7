"""virtio_user beside Open vSwitch, an independent vhost-user implementation, in both roles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import ovs
import pytest

pytestmark = [
    pytest.mark.hugepages,
    pytest.mark.skipif(bool(ovs.missing()), reason=ovs.missing()),
]

KINDS = {"dpdkvhostuserclient": ",server=1", "dpdkvhostuser": ""}
"""Kinds of switch ports, each with what our device adds: where the switch connects, ours serves."""

CODE = """
kind, paths, one_file = sys.argv[1], sys.argv[2:4], sys.argv[4] == "True"
eal = init(single_file_segments=one_file)
large = Mempool.create("large", 12000)  # more than eight pages
pool, burst = Mempool.create("p", 2047), Burst(32)
ports = []
for i, path in enumerate(paths):
    ports.append(Port.lookup(eal.add_device(f"virtio_user{i},path={path},queue_size=256"
                                            f",mac=02:00:00:00:00:0{i + 1}{kind}")))
    ports[-1].configure(mempool=pool)
    ports[-1].start()
a, b = ports

def frame(i):
    return bytes.fromhex("02000000000202000000000188b5") + i.to_bytes(4, "big") + bytes(
        (i * 7 + j) % 256 for j in range(42 + i % 1400))

PROBE = 1000  # may come late, among those that count

def send(port, i):
    burst.alloc(pool, 1)
    burst.fill(frame(i))
    port.tx_queues[0].tx(burst)
    burst.free()

def receive(port):
    port.rx_queues[0].rx(burst)
    found = [burst.bytes(i) for i in range(len(burst))]
    burst.free()
    return found

def first(one, other):
    # the switch takes a moment until it polls a queue: what is sent before is lost
    until(lambda: send(one, PROBE) or receive(other), every=0.01,
          what=lambda: (one.driver_errors(), one.link(), other.link()))
    while receive(other):
        pass

def pass_all(one, other):
    first(one, other)
    for i in range(1000):
        send(one, i)
        deadline = time.monotonic() + 30
        while (found := [f for f in receive(other) if f != frame(PROBE)]) == []:
            assert time.monotonic() < deadline, f"frame {i} of 1000 did not come"
        assert found == [frame(i)], i

def end():
    for port in ports:
        port.close()
    assert pool.in_use_count == 0
    burst.close(); pool.close(); large.close(); eal.close()
"""


@pytest.fixture(autouse=True)
def ended(tmp_path: Path) -> Iterator[None]:
    """No switch outlives its test, whatever happens: its thread polls a whole CPU."""
    yield
    ovs.end_all(tmp_path)


@pytest.fixture(params=KINDS)
def switch(request: pytest.FixtureRequest, tmp_path: Path, name: str) -> Iterator[ovs.Switch]:
    """A switch whose two ports are joined to each other."""
    made = ovs.Switch(tmp_path, f"ovs-{tmp_path.name}", request.param)
    yield made
    made.close()


def arguments(switch: ovs.Switch, *, one_file: bool) -> list[str]:
    return [KINDS[switch.kind], *map(switch.path, ovs.PORTS), str(one_file)]


def test_frames_pass_the_switch_both_ways(run_script, switch: ovs.Switch):
    done = run_script(
        CODE + "pass_all(a, b)\npass_all(b, a)\nend()\nprint('well')",
        *arguments(switch, one_file=True),
        timeout=180,
    )
    assert done.stdout == "well\n", done.stderr


RESTART = """
import pathlib
sys.path.insert(0, sys.argv[2])
import ovs
switch = ovs.Switch(pathlib.Path(sys.argv[1]), PREFIX + "-ovs", sys.argv[3])
sys.argv[1:] = [sys.argv[4], *map(switch.path, ovs.PORTS), "True"]
"""


@pytest.mark.parametrize("kind", KINDS)
def test_a_port_survives_a_switch_that_is_killed_and_restarted(
    run_script, tmp_path: Path, kind: str
):
    """Where our device serves, packets pass again. As a client it is not reconnected, and the port
    reports that. DPDK's interrupt thread would panic at the end in either case."""
    asked = (
        "pass_all(a, b)\n"
        "switch.kill()\n"
        "until(lambda: send(a, PROBE) or not (a.link().up or b.link().up))\n"
        "assert any('is down' in line for line in a.driver_errors())\n"
        "if kind:\n"
        "    switch.start()\n"
        "    switch.join()\n"
        "    pass_all(a, b)\n"
        "    assert a.link().up and b.link().up\n"
        "end()\nswitch.close()\nprint('well')"
    )
    where = (str(tmp_path), str(Path(__file__).parent), kind, KINDS[kind])
    done = run_script(RESTART.join(["import sys\n", ""]) + CODE + asked, *where, timeout=240)
    assert done.stdout == "well\n", done.stderr


def test_start_raises_with_memory_in_too_many_files(run_script, switch: ovs.Switch):
    """DPDK says that the port has started and its link is up; but no packet would pass."""
    before = CODE[: CODE.index("for i, path in enumerate(paths)")]
    code = before + (
        "try:\n"
        "    eal.add_device(f'virtio_user0,path={paths[0]}{kind}')\n"
        "except pydpdk.DpdkError as error:\n"
        "    print(error)\n"
        "burst.close(); pool.close(); large.close(); eal.close()\n"
    )
    done = run_script(code, *arguments(switch, one_file=False), timeout=120)
    assert done.returncode == 0, done.stderr
    assert "rte_eal_hotplug_add" in done.stdout
    assert "EIO" in done.stdout
    assert "Too many memory regions" in done.stdout
    assert "single_file_segments=True" in done.stdout
