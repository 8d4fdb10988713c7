"""Files: what is accepted, what is filled in, and the text of every fault."""

from __future__ import annotations

import copy
import functools
import json
import os

import pytest

from pydpdk.config.budget import pool_plans
from pydpdk.config.load import load, loads
from pydpdk.config.polling import polls
from pydpdk.config.source import parse
from pydpdk.errors import ConfigError

GOOD = """\
mempools: {rx: {n: 8191}}
ports:
  p0: {device: "net_null0,size=64"}
  p1: {device: "net_null1,size=64"}
"""


def faults(text):
    with pytest.raises(ConfigError) as caught:
        loads(text, name="file.yaml")
    return list(caught.value.problems)


def test_defaults_that_depend_on_other_sections_are_filled_in():
    config = loads(GOOD + "app: {forward: }\n")
    assert config.ports["p0"].mempool == config.ports["p1"].mempool == "rx"
    assert config.app.kind == "forward"
    assert config.app.forward.pairs == (("p0", "p1"),)
    assert loads(GOOD + "app: {drop: {}}\n").app.drop.ports == ("p0", "p1")
    assert loads(GOOD + "app: {generate: }\n").app.generate.ports == ("p0", "p1")


def test_an_app_and_most_sections_can_be_left_out():
    config = loads("rings:\nmemzones: {z: {size: 64K}}\napp:\n")
    assert config.app is None
    assert config.rings == {} and config.ports == {}
    assert config.memzones["z"].size == 65536


def test_lists_of_the_eal_section_become_tuples():
    lcore = min(os.sched_getaffinity(0))
    config = loads(f"eal: {{lcores: [{lcore}], extra: [--huge-unlink]}}\n")
    assert config.eal.lcores == (lcore,)
    assert config.eal.extra == ("--huge-unlink",)


def test_all_faults_are_reported_at_once_in_the_order_of_the_file():
    text = """\
eal:
  hugepages: maybe
mempools:
  rx: {n: 8191, cachesize: 3}
  tx: {cache_size: 0}
rings:
  work: {size: 1000}
ports:
  p0:
    device: 0000:01:00.0
    nb_rx_queues: many
    mempool: tx
  p1:
    device: "net_null0,size=64"
    mempool: nope
app:
  forward: {pairs: [[p0, p7]]}
"""
    assert faults(text) == [
        "file.yaml:2: eal.hugepages: 'maybe', allowed: true or false, or 'auto'",
        "file.yaml:4: mempools.rx.cachesize: unknown key, allowed: n, cache_size, priv_size,"
        " data_room_size, socket_id, ops_name; did you mean cache_size?",
        "file.yaml:5: mempools.tx.n: missing, allowed: a whole number from 1 to 2147483646",
        "file.yaml:7: rings.work.size: 1000, allowed: a power of two from 2 to 1073741824,"
        " or any size with exact_size",
        "file.yaml:11: ports.p0.nb_rx_queues: 'many', allowed: a whole number from 0 to 1024",
        "file.yaml:15: ports.p1.mempool: 'nope', allowed: one of the mempools 'rx', 'tx'",
        "file.yaml:17: app.forward.pairs[0][1]: 'p7', allowed: one of the ports 'p0', 'p1'",
    ]


@pytest.mark.parametrize(
    ("section", "fault"),
    [
        ("rings: {a b: {size: 2}}", "rings.'a b': 'a b', allowed: 1 to 28 printable ASCII"),
        ("mempools: {rx: {n: 300, cache_size: 256}}", "256, allowed: at most n / 1.5 = 200"),
        ("memzones: {z: {size: 64Q}}", "from 1 to 1099511627776, or text such as '64K'"),
        ("memzones: {z: {size: 1M, align: 100}}", "align: 100, allowed: a power of two"),
        ("rings: {r: {size: 1073741824, exact_size: true}}", "at most 1073741823"),
        ("eal: {vdevs: [net_null0]}", "device: 'net_null0,size=64', allowed: a device that eal"),
        ("eal: {main_lcore: 4095}", "eal.main_lcore: 4095, allowed: one of the lcores"),
        ("eal: {lcores: 4000}", "eal.lcores: 4000, allowed: text, or a list, each a whole number"),
        ('eal: {extra: ["--help"]}', "eal.extra[0]: '--help', allowed: no request for help"),
        (
            "app: {}",
            "app: a map, allowed: exactly one of forward, drop, generate",
        ),
        ("app: {drop: , generate: }", "exactly one of"),
        ("app: {drop: {ports: [p0, p0]}}", "app.drop.ports[1]: 'p0', allowed: each port once"),
        ("app: {forward: {pairs: [[p0, p0], [p1, p0]]}}", "allowed: each port in one pair only"),
        ("app: {forward: {pairs: [[p0]]}}", "app.forward.pairs[0][1]: missing, allowed: text"),
        ("app: {generate: {packet: 00ff}}", "packet: '00ff', allowed: at least 14 bytes in hex"),
        ("app: {generate: {packet: {length: 3000}}}", "3000 bytes, allowed: up to 2048 bytes"),
        ("app: {python: module}", "app.python: 'module', allowed: 'module:function'"),
        ("app: {python: m:f}\nwork: {}", "work: unknown key, allowed: eal, memzones"),
    ],
)
def test_the_text_of_one_fault(section, fault):
    key = section.partition(":")[0]
    text = "".join(f"{line}\n" for line in GOOD.splitlines() if not line.startswith(f"{key}:"))
    (line,) = faults(text + section + "\n")
    assert fault in line


@pytest.mark.parametrize(
    ("ports", "fault"),
    [
        ("a: {device: net_ring0}, b: {device: net_ring0}", "ports.b.device: 'net_ring0', allowed"),
        ("a: {device: 01:00.0}, b: {device: 0000:01:00.0}", "a device that ports.a does not name"),
        ('a: {device: "net_null0,size=2049"}', "allowed: size up to 2048, the data_room_size of"),
        ('a: {device: "net_null0,size=x"}', "allowed: size=<1..4294967294 bytes>"),
        ("a: {device: net_ring0, nb_rx_queues: 0, nb_tx_queues: 0}", "at least one queue"),
        ("a: {device: net_ring0, nb_rx_queues: 0, rss: [IP]}", "nothing without receive queues"),
        ("a: {device: net_ring0, rx_offloads: [strip]}", "one of 'VLAN_STRIP'"),
    ],
)
def test_the_text_of_one_fault_of_a_port(ports, fault):
    (line,) = faults(f"mempools: {{rx: {{n: 511}}}}\nports: {{{ports}}}\n")
    assert fault in line


def test_a_port_needs_the_queues_of_its_app():
    text = GOOD.replace('size=64"}', 'size=64", nb_rx_queues: 0}', 1)
    assert (
        "ports.p0.nb_rx_queues: 0, allowed: at least 1, as app.forward uses the port"
        in (faults(text + "app: {forward: }\n")[0])
    )
    assert loads(text + "app: {generate: {ports: [p0]}}\n").ports["p0"].mempool == "rx"


def test_ports_that_do_not_pair():
    text = "ports: {a: {device: net_ring0}}\napp: {forward: }\n"
    assert faults(text) == [
        "file.yaml:2: app.forward.pairs: missing, allowed: pairs of ports: 1 ports do not pair"
        " themselves",
    ]


def test_ports_of_a_file_without_mempools_get_one_that_suffices():
    ports = 'ports: {a: {device: net_ring0}, b: {device: "net_null0,size=3000"}}\n'
    config = loads(ports + "app: {forward: {burst: 256}}\n")
    (name,) = config.mempools
    assert [port.mempool for port in config.ports.values()] == [name, name]
    (plan,) = pool_plans(config, polls(config), hugepages=True)
    assert plan.spare >= 0
    assert plan.n == plan.recommended_n
    assert config.mempools[name].data_room_size == 3000 + 128
    assert config.mempools[name].cached == 512  # two bursts


def test_each_af_xdp_port_gets_a_mempool_of_its_own():
    devices = "net_null0", "net_af_xdp0,iface=x0", "net_af_xdp1,iface=x1"
    ports = "".join(f'  p{i}: {{device: "{device}"}}\n' for i, device in enumerate(devices))
    config = loads(f"ports:\n{ports}")
    assert [port.mempool for port in config.ports.values()] == ["packets", "packets_0", "packets_1"]
    assert all(config.mempools[f"packets_{i}"].n >= 2048 + 512 for i in range(2))


def test_a_port_without_a_mempool_beside_several_or_in_a_secondary():
    two = "mempools: {x: {n: 511}, y: {n: 511}}\nports: {a: {device: net_ring0}}\n"
    assert faults(two) == [
        "file.yaml:2: ports.a.mempool: missing, allowed: one of the mempools 'x', 'y'"
    ]
    second = "eal: {proc_type: secondary, file_prefix: x}\nports: {a: {device: net_ring0}}\n"
    assert faults(second) == [
        "file.yaml:2: ports.a.mempool: missing, allowed: the name of an entry of the section"
        " mempools, which has none",
    ]


def test_an_lcore_of_the_app_is_an_lcore_of_the_eal():
    lcore = min(os.sched_getaffinity(0))
    text = GOOD + f'eal: {{lcores: "{lcore}"}}\napp: {{drop: {{lcore: 1000}}}}\n'
    (line,) = faults(text)
    assert f"app.drop.lcore: 1000, allowed: one of eal.lcores: {lcore}" in line


def test_a_reference_to_a_faulty_entry_is_no_second_fault():
    (line,) = faults(GOOD.replace("8191", "0") + "app: {forward: }\n")
    assert line == "file.yaml:1: mempools.rx.n: 0, allowed: a whole number from 1 to 2147483646"
    (line,) = faults("mempools: [rx]\nports: {a: {device: net_ring0, mempool: rx}}\n")
    assert line == "file.yaml:1: mempools: ['rx'], allowed: a map of names"


def test_an_entry_given_twice_shows_both_lines():
    (line,) = faults(GOOD + "  p1: {device: net_ring0}\n")
    assert line == "file.yaml:5: ports.p1: given twice, allowed: once, as on line 4"


def test_devices_are_blocked_or_allowed():
    text = "mempools: {rx: {n: 511}}\nports: {a: {device: 0000:01:00.0}}\n"
    (line,) = faults(text + 'eal: {block: ["01:00.0"]}\n')
    assert "a device that eal.block does not name" in line
    (line,) = faults(text + "eal: {pci: false}\n")
    assert "a virtual device, as eal.pci is false" in line


@pytest.mark.parametrize("name", ["missing.yaml", ".", "a\0b"])
def test_a_file_that_cannot_be_read(tmp_path, name):
    with pytest.raises(ConfigError, match="cannot be read"):
        load(f"{tmp_path}/{name}")


def test_a_file_is_named_in_its_faults(tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_bytes(b"ports: {}\nrings: \xff\n")
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert caught.value.problems == (f"{file}:2: byte 0xff is not UTF-8",)
    file.write_text("ports: {}\nbogus: 1\n")
    with pytest.raises(ConfigError, match=r"bad.yaml:2: bogus: unknown key"):
        load(str(file))


def test_long_values_are_cut_short():
    (line,) = faults(f"rings: {{r: {{size: {'x' * 500}}}}}\n")
    assert len(line) < 150


WHOLE = """
eal: {lcores: [0], main_lcore: 0, hugepages: true, memory_mb: 64, file_prefix: x, iova_mode: va,
  in_memory: false, single_file_segments: false, pci: false, telemetry: false, capture: false,
  base_virtaddr: 0x200000000, proc_type: primary}
memzones: {z: {size: 64, align: 64, socket_id: 0}}
mempools: {m: {n: 511, cache_size: 0, priv_size: 8, data_room_size: 2176, socket_id: 0}}
rings: {r: {size: 64, element: mbuf, producer: hts, consumer: hts, exact_size: true, socket_id: 0}}
ports: {p: {device: net_null0, nb_rx_queues: 1, nb_tx_queues: 1, nb_rx_desc: 64, nb_tx_desc: 64,
  mtu: 1500, promiscuous: true, mempool: m}}
workers: {w: {python: "m:f", lcores: "1@0", restarts: 0}}
debug: {trace_mbufs: false}
app: {generate: {ports: [p], burst: 32, lcore: 0, rate_pps: 1000, packet: {src_mac:
  "02:00:00:00:00:01", src_ip: 198.18.0.1, src_port: 7, length: 64}}}
"""
MEANT = {("workers", "w", "lcores"), ("app", "generate", "rate_pps")}  # 1 and 1e3 are what they say


def leaves(data: object, path: tuple = ()):
    if not isinstance(data, dict):
        yield path
        return
    for key, value in data.items():
        yield from leaves(value, (*path, key))


def test_the_whole_file_is_valid():
    loads(WHOLE, check_host=False)


@pytest.mark.parametrize("value", [True, "true", "no", 1, "1", 1.0, 64, "64", 64.0], ids=repr)
@pytest.mark.parametrize("path", list(leaves(parse(WHOLE).data)), ids=".".join)
def test_no_value_is_converted_silently(path, value):
    data = copy.deepcopy(parse(WHOLE).data)
    *above, key = path
    functools.reduce(dict.__getitem__, above, data)[key] = value
    try:
        config = loads(json.dumps(data), check_host=False)
    except ConfigError:
        return
    read = config
    for key in path:
        read = read[key] if isinstance(read, dict) else getattr(read, key)
    if path in MEANT:
        assert str(read) == str(value).removesuffix(".0")
    else:
        assert (type(read), read) == (type(value), value)


def test_a_rate_may_be_written_with_an_exponent():
    config = loads("mempools: {m: {n: 255}}\nports: {p: {device: net_null0}}\n"
                   "app: {generate: {rate_pps: 2.5e6}}")  # fmt: skip
    assert config.app.generate.rate_pps == 2_500_000
    (line,) = faults(f"{GOOD}app: {{generate: {{rate_pps: 1.5}}}}")
    assert line.endswith("rate_pps: 1.5, allowed: a whole number from 1 to 1000000000")


@pytest.mark.parametrize(
    ("device", "words"),
    [
        ("net_nul0", "a driver of DPDK: net_null, net_ring, "),
        ("net_nul0", "; did you mean net_null?"),
        ("null0", "; did you mean net_null?"),
        ("crypto_null0", "a driver of DPDK: net_null"),
        ("net_null0,sise=64", "'sise' is none; did you mean size?"),
        ("net_null0,64", "arguments of net_null: size, copy, no-rx; '64' is none"),
        ("net_pcap0,rx_pcap=/a,b.pcap", "'b.pcap' is none, and no path can have a ',' in it"),
        ("net_pcap0,rx_pcap=/a=b.pcap", "no '=' or ',' in a value or path"),
        ("virtio_user0,pth=/dev/vhost-net", "arguments of net_virtio_user: path, mac"),
    ],
)
def test_drivers_and_their_arguments(device, words):
    (line,) = faults(f"mempools: {{m: {{n: 255}}}}\nports: {{p: {{device: '{device}'}}}}")
    assert line.startswith("file.yaml:2: ports.p.device: ")
    assert words in line


@pytest.mark.parametrize("device", ["net_null_first,size=0x40", "eth_tap0,iface=t", "net_softnic0"])
def test_device_names_of_a_driver(device):
    loads(f"mempools: {{m: {{n: 255}}}}\nports: {{p: {{device: '{device}'}}}}")


def test_devices_without_a_port():
    loads("eal: {vdevs: [crypto_null0, 'event_sw0', 'net_null0,size=64']}")
    loads("eal: {vdevs: [net_mine0], extra: ['-d', /opt/librte_net_mine.so]}")
    (line,) = faults("eal: {vdevs: [crypto_null0, net_mine0]}")
    assert line.startswith("file.yaml:1: eal.vdevs[1]: 'net_mine0', allowed: a driver of DPDK")


def test_lcore_numbers_are_in_the_range_of_dpdk():
    (line,) = faults('eal: {lcores: "1024@0"}')
    assert "eal.lcores: '1024@0', allowed: lcores from 0 to " in line


@pytest.mark.parametrize(("n", "cached"), [(1, 0), (255, 170), (383, 255), (384, 256), (8191, 256)])
def test_the_default_cache_fits(n, cached):
    assert loads(f"mempools: {{m: {{n: {n}}}}}").mempools["m"].cached == cached


@pytest.mark.parametrize(
    ("app", "key"),
    [
        ("drop: {ports: []}", "drop.ports"),
        ("generate: {ports: []}", "generate.ports"),
        ("forward: {pairs: []}", "forward.pairs"),
        ("worker: 'a:b', queues: []", "queues"),
        ("worker: 'a:b', lcores: []", "lcores"),
    ],
)
def test_an_empty_list_does_not_mean_all(app: str, key: str):
    [found] = faults(f"{GOOD}app: {{{app}}}\n")
    assert f"app.{key}: [], allowed: a list that is not empty, each" in found
