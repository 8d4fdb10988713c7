"""Plans: argv, hugepages, mempool arithmetic, polling. No EAL is started."""

from __future__ import annotations

import json
import os

import pytest

from pydpdk.config import plan as plan_module, polling
from pydpdk.config.budget import pool_plans
from pydpdk.config.load import loads
from pydpdk.config.plan import make_plan
from pydpdk.config.polling import Poll
from pydpdk.config.report import render
from pydpdk.errors import ConfigError
from pydpdk.host.hugepages import Availability

TWO_PORTS = """\
mempools: {rx: {n: 8191}}
ports:
  p0: {device: "net_null0,size=64", nb_rx_desc: 1024, nb_tx_desc: 256}
  p1: {device: "net_null1,size=64", nb_rx_queues: 2}
"""
FORWARD = TWO_PORTS + "app: {forward: {burst: 64}}\n"
MAIN = min(os.sched_getaffinity(0))


@pytest.fixture
def free(monkeypatch):
    """Set how many bytes of hugepages are free; 1 GB by default."""

    def offer(free_bytes, reason="too few"):
        def available(need_bytes=0, *, in_memory=False):
            usable = free_bytes >= need_bytes
            return Availability(usable, free_bytes, "" if usable else reason)

        monkeypatch.setattr(plan_module.hugepages, "available", available)
        monkeypatch.setattr(plan_module.hugepages, "default_page_size_bytes", lambda: 2 << 20)

    offer(1 << 30)
    return offer


def test_the_devices_of_the_ports_reach_the_argv(free):
    config = loads(
        "eal: {vdevs: [net_ring0], file_prefix: mine, pci: true}\nmempools: {rx: {n: 511}}\n"
        'ports: {a: {device: 01:00.0}, b: {device: "net_null0,size=64"}}\n'
    )
    plan = make_plan(config)
    assert plan.options.vdevs == ("net_ring0", "net_null0,size=64")
    assert plan.options.allow == ("01:00.0",)
    assert "--vdev=net_null0,size=64" in plan.argv
    assert plan.argv[plan.argv.index("--file-prefix") + 1] == "mine"
    assert plan.argv[plan.argv.index("-a") + 1] == "01:00.0"
    assert config.ports["a"].device_name == "0000:01:00.0"
    assert config.ports["b"].device_name == "net_null0"


def test_a_blocklist_allows_the_other_devices(free):
    text = "eal: {block: ['0000:02:00.0']}\nports: {a: {device: 01:00.0, nb_rx_queues: 0}}\n"
    plan = make_plan(loads(text))
    assert plan.options.allow == ()
    assert "-b" in plan.argv


def test_a_prefix_is_generated_at_start(free):
    plan = make_plan(loads(TWO_PORTS))
    assert plan.options.file_prefix is None
    assert "pydpdk-<unique>" in plan.argv


def test_hugepages_are_used_if_enough_are_free(free):
    plan = make_plan(loads(FORWARD))
    assert plan.hugepages is plan.options.hugepages is True
    assert plan.nb_hugepages == -(-plan.needed_bytes // (2 << 20)) > 0
    assert plan.options.memory_mb is None
    assert "--no-huge" not in plan.argv
    assert plan.warnings == ()


def test_the_plan_says_why_it_uses_no_hugepages_and_at_what_cost(free):
    free(1 << 20, "1 MB of hugepages are free.")
    plan = make_plan(loads(FORWARD + "eal: {in_memory: true}\n"))
    assert plan.hugepages is plan.options.hugepages is False
    assert plan.nb_hugepages == 0
    assert plan.options.in_memory is False
    (warning,) = plan.warnings
    assert "1 MB of hugepages are free" in warning
    assert "no other process can attach" in warning
    assert "--no-huge" in plan.argv


def test_requiring_missing_hugepages_is_a_warning(free):
    free(0)
    plan = make_plan(loads(FORWARD + "eal: {hugepages: true}\n"))
    assert plan.hugepages
    assert any("the EAL will fail: too few" in warning for warning in plan.warnings)


def test_a_secondary_shares_hugepages(free):
    free(0)
    plan = make_plan(loads("eal: {proc_type: secondary, file_prefix: x}\n"))
    assert plan.hugepages
    assert plan.warnings == ()


@pytest.mark.parametrize(("memory_mb", "reserved"), [(None, 256), (100, 100), (10, 59)])
def test_memory_without_hugepages_is_raised_to_what_is_needed(free, memory_mb, reserved):
    text = FORWARD + f"eal: {{hugepages: false, memory_mb: {memory_mb or 'null'}}}\n"
    plan = make_plan(loads(text))
    assert plan.options.memory_mb == pytest.approx(reserved, rel=0.25)
    assert plan.options.memory_mb << 20 > plan.needed_bytes
    raised = [warning for warning in plan.warnings if "raised to" in warning]
    assert len(raised) == (memory_mb == 10)


def test_a_pool_takes_more_memory_without_hugepages(free):
    config = loads(FORWARD)
    (large,) = pool_plans(config, (), hugepages=True)
    (small,) = pool_plans(config, (), hugepages=False)
    # measured with DPDK 22.11: 20,535,808 and 34,674,880 bytes
    assert large.object_bytes == 2368
    assert large.total_bytes == pytest.approx(20_535_808, rel=0.01)
    assert small.total_bytes == pytest.approx(34_674_880, rel=0.01)


def test_a_pool_of_many_small_or_large_objects(free):
    text = "mempools: {a: {n: 1023, data_room_size: 192}, b: {n: 9, data_room_size: 9000}}\n"
    a, b = pool_plans(loads(text.replace("n: 9,", "n: 9, cache_size: 0,")), (), hugepages=False)
    assert a.total_bytes < 1023 * 4096
    assert b.total_bytes > 9 * 3 * 4096


def test_the_arithmetic_of_a_pool(free):
    (pool,) = make_plan(loads(FORWARD)).pools
    rx, tx = 1024 + 2 * 512, 256 + 512
    assert pool.descriptors == rx + tx
    assert pool.caches == 384
    assert pool.bursts == 3 * 64
    assert pool.needed == rx + tx + 384 + 192
    assert pool.spare == 8191 - pool.needed
    assert pool.recommended_n == 4095


def test_a_pool_counts_the_transmit_queues_of_its_packets(free):
    text = """\
mempools: {a: {n: 4095}, b: {n: 4095}}
ports:
  p0: {device: net_tap0, mempool: a, nb_tx_desc: 100}
  p1: {device: net_tap1, mempool: b, nb_tx_desc: 200}
app: {forward: }
"""
    a, b = make_plan(loads(text)).pools
    assert a.descriptors == 512 + 200
    assert b.descriptors == 512 + 100


def test_only_the_pools_of_an_app_count_its_bursts(free):
    text = TWO_PORTS.replace("}}\n", "}, idle: {n: 63, cache_size: 0}}\n", 1)
    text = text.replace('net_null0,size=64"', 'net_null0,size=64", mempool: rx')
    text = text.replace('net_null1,size=64"', 'net_null1,size=64", mempool: rx')
    text += "rings: {work: {size: 64, element: mbuf}}\n"
    used, idle = make_plan(loads(text + "app: {drop: {ports: [p1], burst: 16}}\n")).pools
    assert (used.descriptors, used.bursts) == (2048, 32)
    assert (idle.descriptors, idle.caches, idle.bursts) == (0, 0, 0)
    assert used.rings == idle.rings == 64
    used, _ = make_plan(loads(text + "app: {generate: {ports: [p0], burst: 16}}\n")).pools
    assert (used.descriptors, used.caches, used.bursts) == (2048 + 256, 384, 16)


def test_a_pool_for_a_function_of_the_user_is_not_checked(free):
    text = TWO_PORTS + f'eal: {{lcores: "{MAIN}"}}\napp: {{python: "m:f"}}\n'
    plan = make_plan(loads(text))
    (pool,) = plan.pools
    assert plan.polls == ()
    assert (pool.caches, pool.bursts) == (384, 2 * 512)
    assert "m:f is called on lcore" in render(plan)


def test_a_pool_too_small_is_a_warning_with_a_number_that_is_enough(free):
    plan = make_plan(loads(FORWARD.replace("8191", "1023")))
    (warning,) = plan.warnings
    assert "n is 1023" in warning
    assert "n: 4095 is enough" in warning
    assert make_plan(loads(FORWARD.replace("8191", "4095"))).warnings == ()
    (warning,) = make_plan(loads(FORWARD.replace("8191", "8192"))).warnings
    assert "such as 16383, wastes least memory" in warning


def test_forward_polls_both_ways_and_shares_transmit_queues():
    config = loads(FORWARD)
    assert polling.polls(config) == (
        Poll(MAIN, "p0", 0, "p1", 0),
        Poll(MAIN, "p1", 0, "p0", 0),
        Poll(MAIN, "p1", 1, "p0", 0),
    )
    alone = loads(TWO_PORTS + "app: {forward: {pairs: [[p0, p0]]}}\n")
    assert polling.polls(alone) == (Poll(MAIN, "p0", 0, "p0", 0),)


def test_drop_receives_and_generate_sends():
    drop = loads(TWO_PORTS + "app: {drop: {ports: [p1]}}\n")
    assert polling.polls(drop) == (Poll(MAIN, "p1", 0), Poll(MAIN, "p1", 1))
    generate = loads(TWO_PORTS + "app: {generate: {ports: [p1]}}\n")
    assert polling.polls(generate) == (Poll(MAIN, tx_port="p1", tx_queue=0),)


def test_the_lcore_of_an_app_defaults_to_the_main_one():
    last = max(os.sched_getaffinity(0))
    text = TWO_PORTS + f'eal: {{lcores: "{MAIN},7@{last}", main_lcore: 7}}\n'
    assert polling.polls(loads(text + "app: {forward: }\n"))[0].lcore == 7
    with pytest.raises(ConfigError, match=r"eal\.main_lcore, 7, which polls"):
        loads(text + f"app: {{forward: {{lcore: {MAIN}}}}}\n")


def test_the_lcore_of_an_app_becomes_the_main_one():
    last = max(os.sched_getaffinity(0))
    text = TWO_PORTS + f'eal: {{lcores: "{MAIN},7@{last}"}}\napp: {{forward: {{lcore: 7}}}}\n'
    assert make_plan(loads(text)).options.main_lcore == 7


def test_crossing_numa_nodes_is_a_warning(free, monkeypatch):
    text = "mempools: {rx: {n: 4095}}\nports: {a: {device: 0000:01:00.0}}\napp: {drop: }\n"
    monkeypatch.setattr(polling, "port_node", lambda port: 1)
    monkeypatch.setattr(polling, "lcore_node", lambda options, lcore: 0)
    monkeypatch.setattr(polling, "is_present", lambda port: True)
    (warning,) = make_plan(loads(text)).warnings
    assert "ports.a is on NUMA node 1" in warning


def test_a_missing_device_and_a_missing_node_are_warnings(free):
    text = (
        "mempools: {rx: {n: 4095, socket_id: 31}}\nports: {a: {device: 'ffff:ff:1f.7'}}\n"
        "rings: {r: {size: 2, socket_id: 31}}\nmemzones: {z: {size: 1, socket_id: any}}\n"
    )
    warnings = make_plan(loads(text)).warnings
    assert "ports.a: ffff:ff:1f.7 is not on the PCI bus of this host" in warnings
    assert "mempools.rx: NUMA node 31 is not on this host" in warnings
    assert "rings.r: NUMA node 31 is not on this host" in warnings


def test_the_node_of_a_port_is_read_from_the_host(tmp_path):
    port = loads("ports: {a: {device: 01:00.0, nb_rx_queues: 0}}\n").ports["a"]
    device = tmp_path / "sys/bus/pci/devices/0000:01:00.0"
    assert polling.port_node(port, root=tmp_path) is None
    assert not polling.is_present(port, root=tmp_path)
    device.mkdir(parents=True)
    for text, node in (("1\n", 1), ("-1\n", None)):
        (device / "numa_node").write_text(text)
        assert polling.port_node(port, root=tmp_path) == node
    assert polling.is_present(port, root=tmp_path)


def test_a_plan_is_plain_data_for_json(free):
    data = json.loads(json.dumps(make_plan(loads(FORWARD)).to_dict()))
    assert data["hugepages"] is True
    assert data["argv"][0] == "pydpdk"
    assert data["mempools"]["rx"]["needed"] == 3392
    assert data["mempools"]["rx"]["recommended_n"] == 4095
    assert data["polls"][0] == {
        "lcore": MAIN, "rx_port": "p0", "rx_queue": 0, "tx_port": "p1", "tx_queue": 0,
    }  # fmt: skip


def test_a_plan_prints_as_text(free):
    text = render(make_plan(loads(FORWARD.replace("8191", "1023"))))
    for part in (
        "pydpdk --file-prefix", "hugepages   ", "descriptors", "-2,369",
        "p1 queue 1     p0 queue 0", "Warnings\n  - mempools.rx: n is 1023",
    ):  # fmt: skip
        assert part in text
    assert "reserved    256 MB" in render(make_plan(loads("eal: {hugepages: false}\n")))
    assert "no app" in render(make_plan(loads(TWO_PORTS)))
    assert "(dropped)" in render(make_plan(loads(TWO_PORTS + "app: {drop: }\n")))
    assert "(template)" in render(make_plan(loads(TWO_PORTS + "app: {generate: }\n")))


def test_a_warning_about_a_capture_on_the_lcores_of_dumpcap():
    def warnings(lcores):
        plan = make_plan(loads(f"eal: {{capture: true, lcores: '{lcores}'}}\n"))
        return [warning for warning in plan.warnings if "dumpcap" in warning]

    cpu = min(os.sched_getaffinity(0))
    assert "use higher numbers" in warnings(str(cpu))[0]
    assert warnings(f"100@{cpu}") == []
