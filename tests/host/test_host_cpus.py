import os
from pathlib import Path

from pydpdk.host.cpus import numa_node_of_cpu, numa_nodes, usable_cpus


def test_usable_cpus_are_the_affinity_of_this_thread():
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert usable_cpus() == {min(before)}
    finally:
        os.sched_setaffinity(0, before)


def test_node_of_cpu(tmp_path: Path):
    (tmp_path / "sys/devices/system/cpu/cpu3/node1").mkdir(parents=True)
    (tmp_path / "sys/devices/system/cpu/cpu3/topology").mkdir()
    assert numa_node_of_cpu(3, root=tmp_path) == 1
    assert numa_node_of_cpu(4, root=tmp_path) == 0


def test_nodes(tmp_path: Path):
    assert numa_nodes(root=tmp_path) == [0]
    online = tmp_path / "sys/devices/system/node/online"
    online.parent.mkdir(parents=True)
    for text, nodes in (("0\n", [0]), ("0-1,4\n", [0, 1, 4]), ("\n", [0])):
        online.write_text(text)
        assert numa_nodes(root=tmp_path) == nodes


def test_this_host_has_its_cpus_on_its_nodes():
    assert {numa_node_of_cpu(cpu) for cpu in usable_cpus()} <= set(numa_nodes())
