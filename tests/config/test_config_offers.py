"""Requests of a file that no driver, build or memory meets: queues, offloads, names, ops."""

import pytest

from pydpdk.config.load import loads
from pydpdk.config.plan import make_plan
from pydpdk.errors import ConfigError

POOL = "mempools:\n  p: {n: 8191}\n"


def faults(text: str) -> list[str]:
    try:
        loads(text)
    except ConfigError as error:
        return str(error).splitlines()
    return []


@pytest.mark.parametrize(
    ("port", "fault"),
    [
        ("{device: net_null0, nb_rx_queues: 1024, nb_tx_queues: 1024}", ""),
        ("{device: net_ring0, nb_rx_queues: 16}", ""),
        ("{device: net_ring0, nb_rx_queues: 17}", "nb_rx_queues: 17, allowed: at most 16, as net_"),
        ("{device: net_memif0, nb_tx_queues: 256}", "at most 255, as net_memif has"),
        ('{device: "net_af_packet0,iface=x,qpairs=2", nb_rx_queues: 2}', ""),
        (
            '{device: "net_af_packet0,iface=x", nb_rx_queues: 2}',
            "nb_rx_queues: 2, allowed: at most 1, the qpairs of the device, 1 by default",
        ),
        (
            '{device: "net_vhost0,iface=x,queues=2", nb_tx_queues: 3}',
            "nb_tx_queues: 3, allowed: at most 2, the queues of the device",
        ),
        ('{device: "net_vhost0,iface=x,queues=0x10", nb_tx_queues: 3}', ""),
        ('{device: "net_pcap0,rx_pcap=a,rx_pcap=b", nb_rx_queues: 2, nb_tx_queues: 2}', ""),
        (
            '{device: "net_pcap0,rx_pcap=a,rx_pcap=b,tx_pcap=c", nb_rx_queues: 2, nb_tx_queues: 2}',
            "nb_tx_queues: 2, allowed: at most 1, one for each file or interface",
        ),
        ('{device: "net_pcap0,iface=a", nb_rx_queues: 2}', "nb_rx_queues: 2, allowed: at most 1"),
        ('{device: "net_pcap0,tx_pcap=a,tx_pcap=b", nb_rx_queues: 3}', "at most 2, one for each"),
        ('{device: "net_af_packet0,iface=x", rx_offloads: [VLAN_STRIP, TIMESTAMP]}', ""),
        (
            "{device: net_null0, rx_offloads: [VLAN_STRIP]}",
            "rx_offloads[0]: VLAN_STRIP, allowed: nothing, as net_null offers",
        ),
        (
            "{device: net_ring0, tx_offloads: [MULTI_SEGS, TCP_TSO]}",
            "tx_offloads[1]: TCP_TSO, allowed: MULTI_SEGS, as net_ring offers",
        ),
        ("{device: 01:00.0, nb_rx_queues: 512, rx_offloads: [VLAN_STRIP]}", ""),  # asked at start
    ],
)
def test_what_a_port_asks_of_its_driver(port: str, fault: str):
    found = faults(f"{POOL}ports:\n  a: {port}\n")
    if not fault:
        assert found == []
        return
    [line] = found
    assert line.startswith("<string>:4: ports.a.")
    assert fault in line


def test_a_secondary_has_the_queues_of_its_primary():
    text = "eal: {proc_type: secondary, file_prefix: x}\nports: {a: {device: net_vhost0, "
    assert faults(f"{text}nb_rx_queues: 4}}}}\n{POOL}") == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "memzones: {MP_p: {size: 64}}\nmempools: {p: {n: 511}}",
            "2: mempools.p: 'p', allowed: another name: memzones.MP_p has the memzone MP_p",
        ),
        ("memzones: {MP_p_0: {size: 64}}\nmempools: {p: {n: 511}}", "has the memzone MP_p_0"),
        ("mempools:\n  p: {n: 511}\n  p_0: {n: 511}", "3: mempools.p_0: 'p_0', allowed: another"),
        ("mempools:\n  p: {n: 511}\n  p_1: {n: 511}", ""),
        (
            "mempools: {p: {n: 511}}\nrings: {MP_p: {size: 64}}",
            "2: rings.MP_p: 'MP_p', allowed: another name: mempools.p has the memzone RG_MP_p",
        ),
        ("mempools: {p: {n: 511, ops_name: stack}}\nrings: {MP_p: {size: 64}}", ""),
        (
            "memzones: {STK_MP_p: {size: 64}}\nmempools: {p: {n: 511, ops_name: lf_stack}}",
            "memzones.STK_MP_p has the memzone STK_MP_p",
        ),
        ("memzones: {RG_x: {size: 64}}\nrings: {x: {size: 64}}", "memzones.RG_x has the memzone"),
        ("memzones: {pydpdk: {size: 64}}", "another name: pydpdk itself has the memzone pydpdk"),
        ("memzones: {rte_eth_dev_data: {size: 64}}", ""),
        (
            "memzones: {rte_eth_dev_data: {size: 64}}\neal: {vdevs: [net_null0]}",
            "another name: DPDK has the memzone",
        ),
        (
            "eal: {vdevs: [net_ring0]}\nrings: {ETH_RXTX0_net_ring0: {size: 64}}",
            "eal.vdevs has the memzone RG_ETH_RXTX0_net_ring0",
        ),
        (
            "eal: {vdevs: ['net_ring0,nodeaction=R:0:CREATE']}\nrings: {ETH_RXTX15_R: {size: 64}}",
            "eal.vdevs has the memzone RG_ETH_RXTX15_R",
        ),
        ("rings: {x: {size: 64}}\nmempools: {x: {n: 511}}\nmemzones: {x: {size: 64}}", ""),
    ],
)
def test_names_that_collide_in_dpdk(text: str, fault: str):
    found = faults(text)
    if fault:
        assert fault in found[0]
    assert len(found) == bool(fault)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("mempools:\n  p: {n: 511, ops_name: bucket}", ""),
        (
            "mempools:\n  p: {n: 511, ops_name: ring_mp_cm}",
            "2: mempools.p.ops_name: 'ring_mp_cm', allowed: one of ring_mp_mc, ring_sp_sc,",
        ),
        ("mempools:\n  p: {n: 511, ops_name: lfstack}", "did you mean lf_stack?"),
        ("eal: {extra: [-d, /a.so]}\nmempools:\n  p: {n: 511, ops_name: mine}", ""),
        (
            "eal: {hugepages: false}\nworkers: {w: {python: 'a:b'}}",
            "2: workers: ['w'], allowed: no workers: eal.hugepages is false, and only hugepages",
        ),
        (
            "eal: {in_memory: true}\nworkers: {w: {python: 'a:b'}}",
            "no workers: with eal.in_memory no other process can attach",
        ),
        (
            "eal: {extra: [--no-shconf]}\nworkers: {w: {python: 'a:b'}}",
            "no workers: with --no-shconf in eal.extra no other",
        ),
        (
            f"{POOL}ports:\n  a: {{device: net_null0, nb_rx_queues: 1024}}\n"
            "  b: {device: net_null1}\napp:\n  forward: {}",
            "7: app.forward.pairs: 1025 receive queues, allowed: ports with up to 1024 "
            "nb_rx_queues in all: a 1024, b 1",
        ),
    ],
)
def test_what_no_build_or_memory_could_give(text: str, fault: str):
    found = faults(text)
    if fault:
        assert fault in found[0]
    assert len(found) == bool(fault)


def test_workers_that_find_too_few_hugepages_are_a_warning():
    plan = make_plan(loads("mempools: {p: {n: 100000000}}\nworkers: {w: {python: 'a:b'}}"))
    assert not plan.hugepages
    assert any(warning.startswith("workers: no other process can") for warning in plan.warnings)
